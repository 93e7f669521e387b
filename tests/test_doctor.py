import shutil
import sys

from unet_lib import doctor
from unet_lib.doctor import Finding, examine


def named(findings, name):
    return next(f for f in findings if f.name == name)


def test_lines_say_ok_or_how_to_mend():
    assert str(Finding("disk", "3 GB")) == "[OK] disk: 3 GB"
    assert str(Finding("disk", "0 GB", "free some")) == "[FAIL] disk: 0 GB\n       mend: free some"


def test_this_machine_passes_the_tests_so_it_is_well(data):
    findings = list(examine(data))
    for name in ("Python", "packages", "torch", "JupyterLab", "data"):
        assert named(findings, name).ok, named(findings, name)
    assert "5 patients, 23 slices" in named(findings, "data").detail


def test_an_old_python_is_told(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert named(examine(), "Python").mend == "install Python 3.11 or newer"


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no_such_package"))
    finding = named(examine(), "packages")
    assert "missing: no_such_package" in finding.detail
    assert "make lab" in finding.mend


def test_missing_data_and_how_to_make_it(tmp_path):
    finding = named(examine(tmp_path / "phantom"), "data")
    assert finding.mend.startswith("unet_lib phantom --out")


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 10**6))
    assert named(examine(), "disk").mend == "free at least 2 GB"


def test_missing_widget_front_end(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert "anywidget" in named(examine(), "JupyterLab").mend


def test_the_doctor_never_faints(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: 1 / 0)
    assert "ZeroDivisionError" in named(examine(), "disk").detail

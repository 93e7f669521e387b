import json
import subprocess

import pytest
import torch

from unet_lib.core.errors import SettingsError
from unet_lib.core.provenance import git_commit, provenance


@pytest.fixture
def checkout(tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        return subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True,
                              text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "code.py").write_text("one = 1\n")
    git("add", "code.py")
    git("commit", "-q", "-m", "first")
    return tmp_path / "code.py", git("rev-parse", "HEAD")


def test_the_commit_and_whether_something_was_changed(checkout):
    code, commit = checkout
    found = git_commit(code)
    assert len(found) >= 7 and commit.startswith(found)
    (code.parent / "notes.txt").write_text("not tracked")
    assert git_commit(code) == found
    code.write_text("one = 2\n")
    assert git_commit(code) == f"{found}-dirty"


def test_a_checkout_around_an_installed_package_is_not_ours(checkout):
    package = checkout[0].parent / ".venv" / "code.py"
    package.parent.mkdir()
    package.touch()
    assert git_commit(package) is None


def test_no_checkout_and_no_git(checkout, tmp_path_factory, monkeypatch):
    assert git_commit(tmp_path_factory.mktemp("elsewhere") / "code.py") is None
    monkeypatch.setenv("PATH", "")
    assert git_commit(checkout[0]) is None


def test_provenance_is_plain_data_with_the_precision_as_it_came_out():
    cpu = torch.device("cpu")
    card = provenance(cpu)
    assert json.loads(json.dumps(card)) == card
    assert card["torch"] == torch.__version__
    assert card["precision"] in ("float32", "bfloat16")
    assert card["hardware"]["threads"] == torch.get_num_threads()
    assert provenance(cpu, "bfloat16")["precision"] == "bfloat16"
    with pytest.raises(SettingsError, match="expected a precision"):
        provenance(cpu, "float8")


@pytest.mark.parametrize(("known", "told", "expected"), [(True, "AVX512", "bfloat16"), (True, "AVX2", "float32"),
                                                         (False, "AVX512", "float32")])
def test_bfloat16_where_the_processor_has_it_and_torch_may_use_it(known, told, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: known)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: told)
    assert provenance(torch.device("cpu"))["precision"] == expected

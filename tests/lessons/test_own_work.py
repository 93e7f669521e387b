"""The reader's network goes from lesson 03 to lesson 04 as source, and never over a file of their own."""

import pytest

from unet_lib.lessons import exercises as check
from unet_lib.lessons import own_work, reference_unet

CELLS = ["import torch", "class DoubleConv(nn.Module):\n    first = True\ncheck.double_conv(DoubleConv)", "1 +",
         """class DoubleConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.a, self.b = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)
        self.c, self.d = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = torch.relu(self.b(self.a(x)))
        return torch.relu(self.d(self.c(x)))

check.double_conv(DoubleConv)""", "after = 1"]


class DoubleConv:
    """Stands for the reader's, whose module is __main__."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("UNET_PROGRESS", str(tmp_path / "my_progress.json"))
    return tmp_path


def test_the_last_version_is_kept_and_ours_are_imported(folder):
    path = own_work.keep({"DoubleConv": DoubleConv, "UNet": reference_unet.UNet}, CELLS)
    assert path == folder / "my_unet.py"
    text = path.read_text()
    assert "first = True" not in text and "check." not in text
    assert text.count("class ") == 1 and "from unet_lib.lessons.reference_unet import UNet" in text
    assert check.double_conv(own_work.load("DoubleConv")).right
    assert own_work.load("UNet") is reference_unet.UNet
    assert own_work.keep({"DoubleConv": DoubleConv}, CELLS) == path, "what we wrote may be written anew"


def test_a_file_of_somebody_else_is_left_alone(folder):
    (folder / "my_unet.py").write_text("mine = 1\n")
    assert own_work.keep({"DoubleConv": DoubleConv}, CELLS) is None
    assert (folder / "my_unet.py").read_text() == "mine = 1\n"


def test_nothing_is_kept_of_ours_alone_or_without_a_source(folder):
    assert own_work.keep({"UNet": reference_unet.UNet}, CELLS) is None
    assert own_work.keep({"Elsewhere": DoubleConv}, CELLS) is None
    assert own_work.keep({"DoubleConv": DoubleConv}) is None, "no notebook, no cells"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["UNet = 1 / 0", "class UNet(:", "Another = 1"])
def test_a_file_that_does_not_run_is_said_and_ours_goes_on(folder, text, capsys):
    (folder / "my_unet.py").write_text(text)
    assert check.own_unet.mine(own_work.load("UNet")) is reference_unet.UNet
    said = capsys.readouterr().out
    assert "my_unet.py cannot be used" in said and "UNet: ours, until yours passes its check" in said


def test_where_progress_is_off_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("UNET_PROGRESS", "off")
    assert own_work.work_file() is None and own_work.load("UNet") is ...
    assert own_work.keep({"DoubleConv": DoubleConv}, CELLS) is None

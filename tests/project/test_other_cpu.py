"""Another processor makes the same phantoms, and of them the same networks' answers, clips and lessons within rounding.

NumPy, torch and the libraries under them choose their arithmetic by what the processor can do (AVX2, AVX-512 …). Here
programs run as if it could do nothing of the kind.
"""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from nbval_command import WITHOUT_PLUGINS, nbval_command
from repository import REPOSITORY

from unet_lib.core.paths import data_folder
from unet_lib.data.phantom import write_phantoms

EXTRAS = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
OTHER_CPU = {"NPY_DISABLE_CPU_FEATURES": " ".join(EXTRAS), "OPENBLAS_CORETYPE": "Nehalem",
             "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}
EXPONENTIALS = """
import numpy as np, torch
x = np.linspace(-5, 5, 10_000, dtype=np.float32)
print(np.exp(x).tobytes().hex(), torch.sigmoid(torch.from_numpy(x)).numpy().tobytes().hex())
"""
NETWORKS = ("phantom-baseline", "lgg-baseline", "lgg-best")
ANSWERS = f"""
import sys
import numpy as np
import torch
from unet_lib.models.checkpoint import load_model
x = torch.linspace(-2, 2, 3 * 128 * 128).sin().reshape(1, 3, 128, 128)
with torch.no_grad():
    np.savez(sys.argv[1], **{{name: load_model(f"data/models/{{name}}.safetensors")[0](x) for name in {NETWORKS}}})
"""
PATIENTS = 3
pytestmark = pytest.mark.skipif(not EXTRAS or platform.machine() not in ("x86_64", "AMD64"),
                                reason="NumPy uses nothing of this processor that we know how to switch off")


def run(*arguments, **environment):
    """Run a Python program to its end; returns what it printed."""
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=REPOSITORY, env={**os.environ, **environment},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def test_the_other_processor_computes_differently():
    pairs = zip(run("-c", EXPONENTIALS).split(), run("-c", EXPONENTIALS, **OTHER_CPU).split(), strict=True)
    assert all(here != there for here, there in pairs)


def test_phantoms_are_the_same_to_the_last_pixel(tmp_path):
    here = write_phantoms(tmp_path / "here", PATIENTS, progress=False)
    there = tmp_path / "there"
    run("-m", "unet_lib", "phantom", "--patients", PATIENTS, "--out", there, **OTHER_CPU)
    files = sorted(path.relative_to(here) for path in here.rglob("*.tif"))
    assert files == sorted(path.relative_to(there) for path in there.rglob("*.tif")) and len(files) > 40 * PATIENTS
    assert not [file for file in files if (here / file).read_bytes() != (there / file).read_bytes()]


def test_networks_answer_the_same_within_rounding(tmp_path):
    run("-c", ANSWERS, tmp_path / "here.npz")
    run("-c", ANSWERS, tmp_path / "there.npz", **OTHER_CPU)
    here, there = np.load(tmp_path / "here.npz"), np.load(tmp_path / "there.npz")
    for name in NETWORKS:
        assert 0 < np.abs(here[name] - there[name]).max() <= 1e-5 * np.abs(here[name]).max(), name


def test_the_clips_numbers_are_the_same():
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/animations/test_clip_numbers.py",
        "tests/animations/test_clip_networks.py",
        "tests/animations/test_animations.py::test_no_committed_clip_is_stale", **WITHOUT_PLUGINS, **OTHER_CPU)


@pytest.mark.parametrize("lesson", ["00_start_here", "02_convolution"])
def test_a_lesson_gives_what_is_stored_in_it(lesson):
    if not data_folder().is_dir():
        pytest.skip("no phantom data; make it with: unet_lib phantom")
    run(*nbval_command(REPOSITORY / "notebooks" / f"{lesson}.ipynb")[1:], **WITHOUT_PLUGINS, **OTHER_CPU)

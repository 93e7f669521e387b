"""Damaged files: mutated TIFFs and weights, hundreds, give a clear error or a valid read; nothing else, and no hang."""

import io
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from squares import SMALL, Squares

from unet_lib.core.errors import CheckpointError, DatasetError, GlassBoxError
from unet_lib.data.tiff import read_image, read_mask
from unet_lib.models.checkpoint import HEADER, load_model, load_tensors, save_model
from unet_lib.models.registry import build
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import LAST, fit

LIMIT = 10  # seconds for one file; an intact one takes milliseconds


@contextmanager
def time_limit() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TimeoutError(f"still reading after {LIMIT} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def mutants(whole: bytes, count: int, seed: int, front: int) -> Iterator[bytes]:
    """Flipped bytes (half of them in the first `front`, where the structure is), cut, doubled and missing pieces."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        data, kind = bytearray(whole), number % 8
        start, stop = sorted(draw.integers(0, len(data), 2))
        if kind == 5:
            del data[start:]
        elif kind == 6:
            data[start:start] = data[start:stop]
        elif kind == 7:
            del data[start:min(stop, start + 64)]
        else:
            indices = draw.integers(0, min(front, len(data)) if kind < 3 else len(data), 1 + number % 6)
            for place in indices:
                data[place] ^= int(draw.integers(1, 256))
        yield bytes(data)


def outcomes(path: Path, read: Callable[[Path], object], error: type[GlassBoxError],
             files: Iterator[bytes]) -> tuple[int, int]:
    """How many were read, and how many refused with the one error that is allowed. Any other exception comes out."""
    good = refused = 0
    for data in files:
        path.write_bytes(data)
        with time_limit():
            try:
                read(path)
            except error as clear:
                assert str(path) in str(clear)
                refused += 1
            else:
                good += 1
    return good, refused


def tiff(pixels: np.ndarray, **how: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **how)
    return buffer.getvalue()


def sound_image(path: Path) -> None:
    pixels = read_image(path)
    assert pixels.shape == (256, 256, 3) and pixels.dtype == np.uint8


def sound_mask(path: Path) -> None:
    pixels = read_mask(path)
    assert pixels.shape == (256, 256) and set(np.unique(pixels)) <= {0, 1}


@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}, {"compression": "zlib", "predictor": True},
                                 {"rowsperstrip": 16}, {"tile": (64, 64)}, {"bigtiff": True}],
                         ids=["plain", "deflate", "predictor", "strips", "tiles", "bigtiff"])
def test_mutated_images(tmp_path, how):
    draw = np.random.default_rng(1)
    whole = tiff(draw.integers(0, 256, (256, 256, 3), np.uint8), photometric="rgb", **how)
    good, refused = outcomes(tmp_path / "x_1.tif", sound_image, DatasetError, mutants(whole, 80, 2, 512))
    assert good + refused == 80 and refused >= 10


def test_mutated_masks(tmp_path):
    whole = tiff(np.uint8(255) * (np.indices((256, 256)).sum(0) > 256), compression="zlib")
    good, refused = outcomes(tmp_path / "x_1_mask.tif", sound_mask, DatasetError, mutants(whole, 160, 3, 512))
    assert good + refused == 160 and refused >= 60


def test_mutated_weights(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, build(SMALL, 0), {"about": "a small one"})
    whole = path.read_bytes()

    def sound(path: Path) -> None:
        model, card = load_model(path)
        assert model.settings().keys() >= SMALL.keys() and isinstance(card, dict)

    good, refused = outcomes(path, sound, CheckpointError, mutants(whole, 240, 4, 1024))
    assert good + refused == 240 and refused >= 80


def test_mutated_runs(tmp_path):
    """What a training resumes from: refused, or gone on with; the file that was there stays as it is when refused."""
    config, last = TrainingConfig(epochs=1), tmp_path / LAST
    list(fit(build(SMALL, 0), Squares(), config, folder=tmp_path))
    whole = last.read_bytes()
    good = refused = 0
    for data in mutants(whole, 120, 5, 2048):
        last.write_bytes(data)
        with time_limit():
            try:
                list(fit(build(SMALL, 0), Squares(), config, folder=tmp_path, resume=True))
                good += 1
            except CheckpointError:
                assert last.read_bytes() == data
                refused += 1
    assert good + refused == 120 and refused >= 40


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=400), front=st.sampled_from([b"", b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0"]))
def test_any_bytes_for_an_image(tmp_path_factory, data, front):
    path = tmp_path_factory.getbasetemp() / "any.tif"
    path.write_bytes(front + data)
    with time_limit(), pytest.raises(DatasetError, match="expected"):
        read_image(path)


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
                           lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner))


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_for_weights(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(data)
    with time_limit(), pytest.raises(CheckpointError):
        load_tensors(path)


@settings(max_examples=150, deadline=None)
@given(architecture=json_values | st.fixed_dictionaries({}, optional=dict.fromkeys(SMALL, json_values)),
       card=json_values, kind=json_values | st.just("model"))
def test_any_header_for_weights(tmp_path_factory, architecture, card, kind):
    """Files that safetensors itself finds sound, whose header tells nonsense about the network."""
    path = tmp_path_factory.getbasetemp() / "header.safetensors"
    header = {"format": 1, "kind": kind, "architecture": architecture, "card": card}
    save_file({"a": torch.zeros(1)}, path, {HEADER: json.dumps(header)})
    with time_limit(), pytest.raises(CheckpointError):
        load_model(path)

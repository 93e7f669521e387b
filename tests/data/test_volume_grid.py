import nibabel
import numpy as np
import pytest
from affines import affine_of
from scipy import ndimage

from unet_lib.data.volume_grid import Grid


def grid_of(shape, affine):
    return Grid(nibabel.Nifti1Image(np.zeros(shape, np.uint8), affine).header)


def laid_by_hand(values, affine):
    """The twin: every voxel is asked where in the patient it lies."""
    slices = np.zeros((20, 256, 256), np.float32)
    indices = np.indices(values.shape).reshape(3, -1)
    right, front, up = (affine @ np.vstack([indices, np.ones(indices.shape[1])]))[:3]
    where = (up / 5 + 9.5, -front + 127.5, -right + 127.5)  # up, to the back, to the left: in 5 mm, 1 mm, 1 mm
    slices[tuple(np.rint(axis).astype(int) for axis in where)] = values.ravel()
    return slices


@pytest.mark.parametrize("codes", ["RAS", "LPS", "LAS", "SPL", "PIR", "ASR"])
def test_slices_go_up_rows_to_the_back_columns_to_the_left(codes):
    mm = {"R": 1, "L": 1, "A": 1, "P": 1, "S": 5, "I": 5}
    length = {1: 256, 5: 20}
    sizes = [mm[code] for code in codes]
    shape = tuple(length[size] for size in sizes)
    values = np.random.default_rng(3).random(shape, np.float32)
    affine = affine_of(codes, sizes, shape)
    grid = grid_of(shape, affine)
    slices = grid.to_slices(values)
    assert np.array_equal(slices, laid_by_hand(values, affine))
    assert np.array_equal(grid.from_slices(slices), values)


def test_a_tilted_scan_keeps_its_own_slices():
    tilt = np.deg2rad(20)
    affine = np.diag([1.0, 1, 5, 1])
    affine[1:3, 1:3] = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]) @ np.diag([1, 5])
    values = np.random.default_rng(0).random((256, 256, 4), np.float32)
    slices = grid_of(values.shape, affine).to_slices(values)
    assert np.array_equal(slices, values.transpose(2, 1, 0)[:, ::-1, ::-1])


@pytest.mark.parametrize(("shape", "sizes", "resampled"), [
    ((256, 256, 3), (1, 1, 5), (256, 256)),
    ((256, 256, 3), (0.9375, 0.9375, 6.5), (256, 256)),  # as many of LGG's own scans: left alone
    ((240, 180, 3), (1, 1, 1), (180, 240)),
    ((512, 512, 3), (0.45, 0.45, 5), (230, 230)),
    ((512, 512, 3), (0.6, 0.6, 5), (307, 307)),          # cropped
    ((128, 100, 3), (1.8, 2.0, 5), (200, 230)),
    ((256, 240, 3), (0.82, 1.04, 5), (250, 210))])       # each of LGG's size, but not square
def test_pixels_become_a_millimetre_unless_they_are_lggs(shape, sizes, resampled):
    grid = grid_of(shape, affine_of("LPS", sizes, shape))
    assert grid.resampled == resampled
    assert grid.to_slices(np.ones(shape, np.float32)).shape == (3, 256, 256)
    assert grid.millilitres == pytest.approx(np.prod(sizes) / 1000, rel=1e-6)


@pytest.mark.parametrize(("shape", "sizes"), [((512, 430, 2), (0.45, 0.45, 5)), ((128, 100, 2), (1.8, 2.0, 5)),
                                              ((512, 512, 2), (0.6, 0.6, 5))])
def test_resampling_moves_nothing(shape, sizes):
    """A smooth blob comes to lie where its millimetres say, as wide as they say, and goes back to its place."""
    grid = grid_of(shape, affine_of("LPS", sizes, shape))
    x, y, _ = (axis * size for axis, size in zip(np.indices(shape), sizes))
    blob = np.exp(-((x - x.mean() - 31) ** 2 + (y - y.mean() + 17) ** 2) / (2 * 10**2)).astype(np.float32)
    slices = grid.to_slices(blob)
    rows, columns = np.indices((256, 256))
    twin = np.exp(-((columns - 127.5 - 31) ** 2 + (rows - 127.5 + 17) ** 2) / (2 * 10**2))
    assert np.abs(ndimage.center_of_mass(slices[0]) - np.array(ndimage.center_of_mass(twin))).max() < 0.6
    assert np.abs(slices[0] - twin).max() < 0.05  # half a pixel both ways, where the blob is steepest, is 0.043
    assert np.abs(grid.from_slices(slices) - blob).max() < 0.02


def test_fine_voxels_are_averaged_not_picked():
    """Every fourth column white, at 0.25 mm: a quarter grey at 1 mm, not black or striped."""
    values = np.zeros((800, 800, 1), np.float32)
    values[::4] = 1
    slices = grid_of(values.shape, affine_of("LPS", (0.25, 0.25, 5), values.shape)).to_slices(values)
    assert np.abs(slices[0, 40:216, 40:216] - 0.25).max() < 0.01


def test_what_lies_outside_the_slices_comes_back_as_nothing():
    values = np.ones((300, 300, 1), np.float32)
    grid = grid_of(values.shape, affine_of("LPS", (1, 1, 5), values.shape))
    back = grid.from_slices(grid.to_slices(values))
    assert back.sum() == 256 * 256 and back[22:278, 22:278].all()

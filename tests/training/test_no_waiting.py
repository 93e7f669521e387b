"""No step of a training waits for the device, and nobody forgets to put a tensor there: proved without a GPU."""

import numpy as np
import pytest
import torch
from fake_gpu import fake_gpu
from made_up import PATIENTS, made_up_cache, write_series
from squares import SMALL

from unet_lib.core.devices import to_device
from unet_lib.data import augmentation, loader
from unet_lib.data.augmentation import AugmentationConfig, Augmented, sample_params
from unet_lib.data.loader import Batches
from unet_lib.data.protocols import Batch
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.activations import feature_maps
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.models.registry import build
from unet_lib.training import loop
from unet_lib.training.config import TrainingConfig
from unet_lib.training.losses import LOSSES
from unet_lib.widgets.feature_explorer import FeatureExplorer
from unet_lib.widgets.skip_switchboard import SkipSwitchboard

pytestmark = pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
ONCE = ["read", "to host"]  # how losses and counts come to the host
CACHE = made_up_cache()


@pytest.fixture
def gpu():
    with fake_gpu() as gpu:
        yield gpu


def training(gpu, settings=SMALL, **config):
    """A training of one epoch whose network is on the GPU."""
    network = gpu.network(gpu.on_host(build)(settings, 0))
    return loop._Training(network, TrainingConfig(1, precision="float32", **config), None, {})


def batch_on(gpu, size=32):
    return Batch(torch.rand(4, 3, size, size, device=gpu.device), torch.rand(4, 1, size, size, device=gpu.device))


@pytest.mark.parametrize("loss", LOSSES)
def test_no_step_waits_for_the_device(gpu, loss):
    run = training(gpu, loss=loss, ema=0.9, clip=0.5)
    for _ in range(2):
        run.step(batch_on(gpu), 0.001)
    assert not gpu.waits and not gpu.copies
    assert run.average.n_averaged.device.type == "cpu" and int(run.average.n_averaged) == 3


SABOTAGE = {
    "item": (lambda loss: loss * loss.item(), ["read"]), "float": (lambda loss: loss * float(loss.detach()), ["read"]),
    "if": (lambda loss: loss if loss > 0 else -loss, ["read"]), "cpu": (lambda loss: loss.cpu(), ["to host"]),
    "numpy": (lambda loss: loss + float(loss.detach().cpu().numpy()), ["to host"]),
    "tolist": (lambda loss: loss * loss.tolist(), ["read"]),
    "constant": (lambda loss: loss * torch.ones(2).to(loss.device).sum(), ["to device"])}


@pytest.mark.parametrize("name", SABOTAGE)
def test_no_step_could_wait_unseen(gpu, monkeypatch, name):
    sabotage, waits = SABOTAGE[name]
    honest = LOSSES["bce"]
    monkeypatch.setitem(LOSSES, "bce", lambda logits, mask: sabotage(honest(logits, mask)))
    training(gpu, loss="bce").step(batch_on(gpu), 0.001)
    assert gpu.waits[:len(waits)] == waits


@pytest.mark.parametrize("resident", [True, False])
def test_no_step_of_an_epoch_waits_from_the_cache_to_the_weights(gpu, monkeypatch, resident):
    """Batches drawn, normalised and augmented; of the whole epoch only its records are waited for."""
    monkeypatch.setattr(Batches, "_order", gpu.on_host(Batches._order))
    monkeypatch.setattr(loader, "map_ahead", map)  # fake tensors stay in the thread they began in
    monkeypatch.setattr(loop, "READ_EVERY", 2)
    run = training(gpu, ema=0.9, clip=0.5)
    batches = gpu.on_host(Batches)(CACHE, np.arange(len(CACHE)), batch=2, size=32, negative_fraction=0.5,
                                   patient_balance=0.5, resident=resident)
    batches.device = gpu.device
    for name in ("statistics", "rows", "images", "masks") if resident else ("statistics",):
        setattr(batches, name, gpu.there(getattr(batches, name)))
    source = Augmented(batches, AugmentationConfig(elastic=0.03))
    run.train_epoch(source, lambda: False)
    steps = len(source)
    assert steps >= 3 and gpu.waits == ONCE * -(-steps // 2)
    assert len(gpu.copies) == 1 + steps * (1 if resident else 3), "the order; each batch's parameters, images and masks"
    assert run.progress.slices == batches.slices


def test_augmentation_parameters_travel_together_and_come_back_the_same(monkeypatch):
    """To a device that is none: the one copy is made, and all bits arrive in their places."""
    params = sample_params(5, AugmentationConfig(elastic=0.1), 3)
    copied = []

    def copy(flat, device):
        copied.append(flat)
        return flat.clone()

    monkeypatch.setattr(augmentation, "to_device", copy)
    moved = params.to(torch.device("meta"))
    assert len(copied) == 1 and moved.seed == 3
    for name, value in vars(params).items():
        if name != "seed":
            assert getattr(moved, name).dtype == value.dtype and torch.equal(getattr(moved, name), value), name
    plain = sample_params(5, AugmentationConfig(), 3)
    assert plain.elastic is None and plain.to(torch.device("meta")).elastic is None
    assert torch.equal(plain.matrix, params.matrix)


def test_validation_waits_once(gpu):
    run = training(gpu)
    rows, _ = loop.count_batches(run.model, [batch_on(gpu)] * 3, run.config)
    assert gpu.waits == ONCE and rows.shape == (12, 4)


def test_a_tensor_left_on_the_cpu_is_seen(gpu):
    network = gpu.network(gpu.on_host(build)(SMALL, 0))
    with pytest.raises(RuntimeError, match="device"):
        network(torch.rand(1, 3, 32, 32))
    with pytest.raises(TypeError, match="can't convert cuda"):
        network(torch.rand(1, 3, 32, 32, device=gpu.device)).detach().numpy()


def test_every_network_steps_and_answers_on_its_device(gpu):
    run = training(gpu, EfficientNetUNetConfig(), ema=0.9)
    run.step(batch_on(gpu, 64), 0.001)
    assert not gpu.waits
    maps = feature_maps(run.model, batch_on(gpu, 64).images)
    assert {one.device for one in maps.values()} == {gpu.device} and "bottleneck" in maps


@pytest.mark.parametrize("settings", [{"flip_tta": True}, {"batch_norm_adaptation": 0.4}, {"context_slices": 1}],
                         ids=str)
def test_a_patient_is_predicted_on_the_networks_device(gpu, settings):
    network = gpu.on_host(build)({**SMALL, "in_channels": 9 if "context_slices" in settings else 3}, 0)
    found = Predictor(gpu.network(network), {}, size=64, **settings).patient(CACHE, PATIENTS[0].name)
    assert found.probabilities.shape == (len(found.indices), 256, 256)


def test_the_widgets_look_on_the_networks_device(gpu, tmp_path):
    series = gpu.on_host(load_series)(gpu.on_host(write_series)(tmp_path))
    for network in series.networks:
        gpu.network(network)
    explorer = FeatureExplorer(series, CACHE)
    explorer.compare = "wipe"
    assert explorer.maps["output"].shape == (1, series.size, series.size)
    board = SkipSwitchboard(Predictor(series.networks[-1], {}, series.size), CACHE)
    for state in board.states:
        board.skips = [state] * len(board.skips)
        assert board.now.probability.shape == (256, 256)


def test_on_the_cpu_a_copy_to_the_device_is_the_tensor_itself():
    tensor = torch.rand(3)
    assert to_device(tensor, torch.device("cpu")) is tensor

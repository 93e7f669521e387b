import _thread
import os
import signal
import threading
from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
import torch

from unet_lib.checkpoint import load_model
from unet_lib.metrics import count_slices, pooled
from unet_lib.model import build, eval_mode, to_mask
from unet_lib.train import BEST, LAST, TrainConfig, count_batches, fit


@dataclass(frozen=True)
class Pair:
    images: torch.Tensor
    masks: torch.Tensor


class Squares:
    """Bright squares on noise: a data set that any working training learns in seconds."""

    def __init__(self, count=12, batch=4, size=32, seed=0):
        draw = torch.Generator().manual_seed(seed)
        self.masks = torch.zeros(count, 1, size, size)
        for mask in self.masks:
            top, left = torch.randint(4, size - 14, (2,), generator=draw)
            mask[:, top:top + 10, left:left + 10] = 1
        self.images = torch.randn(count, 3, size, size, generator=draw) * 0.3 + self.masks
        self.batch = batch

    def __len__(self):
        return -(-len(self.images) // self.batch)

    def epoch(self, number=0, start=0):
        order = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(number))
        for chosen in order.split(self.batch)[start:]:
            yield Pair(self.images[chosen], self.masks[chosen])


SMALL = {"base": 4, "depth": 2}
FLOAT = {"precision": "float32", "learning_rate": 0.01}


def test_it_learns_and_validation_is_on_other_pictures():
    epochs = list(fit(build(SMALL, 0), Squares(), TrainConfig(epochs=12, **FLOAT), validation=Squares(seed=1)))
    assert [e.epoch for e in epochs] == list(range(1, 13))
    assert epochs[-1].loss < 0.5 * epochs[0].loss
    assert epochs[-1].validation.dice() > 0.8
    assert epochs[-1].train.total == 12 * 32 * 32
    assert epochs[-1].images_per_second > 0


def test_one_step_is_torchs_adam_step():
    config = TrainConfig(epochs=1, loss="bce", precision="float32")
    data = Squares(count=4)
    ours = build(SMALL, 0)
    next(fit(ours, data, config))
    twin = build(SMALL, 0)
    adam = torch.optim.Adam(twin.parameters(), lr=0.001)
    batch = next(data.epoch())
    torch.nn.functional.binary_cross_entropy_with_logits(twin(batch.images), batch.masks).backward()
    adam.step()
    for (name, a), b in zip(ours.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5), name


def test_the_loss_of_a_snapshot_is_the_mean_over_slices():
    data = Squares(count=6, batch=4)
    model = build({**SMALL, "batch_norm": False}, 0)
    config = TrainConfig(epochs=1, learning_rate=1e-30, loss="bce", precision="float32")
    snapshot = next(fit(model, data, config))
    with torch.no_grad():
        whole = torch.nn.functional.binary_cross_entropy_with_logits(model(data.images), data.masks)
    assert snapshot.loss == pytest.approx(whole.item(), abs=1e-6)


def test_count_batches_counts_every_slice_in_evaluation_mode():
    model, data = build(SMALL, 0), Squares(count=6, batch=4)
    rows, _ = count_batches(model, data.epoch(), TrainConfig(precision="float32"))
    assert model.training
    with eval_mode(model), torch.no_grad():
        twin = count_slices(to_mask(model(data.images)), data.masks)
    assert pooled(rows) == pooled(twin)
    assert len(rows) == 6


def test_validation_with_nothing_predicted_and_nothing_to_find():
    data = Squares(count=4)
    data.masks = torch.zeros_like(data.masks)
    model = build(SMALL, 0)
    torch.nn.init.constant_(model.output.bias, -100)
    snapshot = next(fit(model, data, TrainConfig(epochs=1, precision="float32"), validation=data))
    assert snapshot.validation.dice() == 1.0
    assert np.isfinite(snapshot.loss)


def test_stopping_is_break_and_snapshots_are_immutable():
    for snapshot in fit(build(SMALL, 0), Squares(), TrainConfig(epochs=100, **FLOAT)):
        if snapshot.epoch == 2:
            break
    assert snapshot.epoch == 2
    with pytest.raises(FrozenInstanceError):
        snapshot.loss = 0.0


def test_same_seed_same_bits():
    def weights():
        model = build(SMALL, 0)
        list(fit(model, Squares(), TrainConfig(epochs=2, **FLOAT)))
        return model.state_dict()

    for (name, a), b in zip(weights().items(), weights().values(), strict=True):
        assert torch.equal(a, b), name


def test_files_of_a_run(tmp_path):
    snapshots = list(fit(build(SMALL, 0), Squares(), TrainConfig(epochs=3, **FLOAT), validation=Squares(seed=1),
                         folder=tmp_path, card={"note": "a test"}))
    assert sorted(os.listdir(tmp_path)) == sorted([BEST, LAST])
    assert snapshots[-1].weights == tmp_path / BEST
    model, card = load_model(tmp_path / BEST)
    best = max(snapshots, key=lambda s: s.f1)
    assert card == {"note": "a test", "epoch": best.epoch, "validation_f1": best.f1}
    counts, _ = count_batches(model, Squares(seed=1).epoch(), TrainConfig(**FLOAT))
    assert pooled(counts) == best.validation


def test_the_cosine_falls_from_the_full_rate_to_nothing():
    config = TrainConfig(epochs=4, learning_rate=0.02, schedule="cosine")
    assert [config.rate(e) for e in (0, 2, 4)] == pytest.approx([0.02, 0.01, 0.0])
    snapshots = list(fit(build(SMALL, 0), Squares(), config))
    assert [s.learning_rate for s in snapshots] == [config.rate(e) for e in range(4)]


def test_the_rate_reaches_the_optimiser():
    """With the cosine over one epoch of three steps, the first step is the constant run's first step."""
    data = Squares(count=4)
    constant, cosine = build(SMALL, 0), build(SMALL, 0)
    next(fit(constant, data, TrainConfig(epochs=1, precision="float32")))
    next(fit(cosine, data, TrainConfig(epochs=1, precision="float32", schedule="cosine")))
    assert torch.equal(constant.output.weight, cosine.output.weight)
    longer = Squares(count=12)
    next(fit(constant, longer, TrainConfig(epochs=1, precision="float32")))
    next(fit(cosine, longer, TrainConfig(epochs=1, precision="float32", schedule="cosine")))
    assert not torch.equal(constant.output.weight, cosine.output.weight)


@pytest.mark.parametrize("bad", [{"loss": "focal"}, {"schedule": "linear"}, {"epochs": 0}, {"learning_rate": 0.0}])
def test_impossible_settings(bad):
    with pytest.raises(ValueError, match="expected .*got"):
        TrainConfig(**bad)


def test_a_step_in_hand_is_finished_before_ctrl_c_is_heard(tmp_path):
    class Interrupting(Squares):
        def epoch(self, number=0, start=0):
            for place, batch in enumerate(super().epoch(number, start), start):
                if (number, place) == (1, 1):
                    signal.raise_signal(signal.SIGINT)
                yield batch

    before = signal.getsignal(signal.SIGINT)
    run = fit(build(SMALL, 0), Interrupting(), TrainConfig(epochs=3, **FLOAT), folder=tmp_path)
    assert next(run).epoch == 1
    with pytest.raises(KeyboardInterrupt):
        next(run)
    assert signal.getsignal(signal.SIGINT) is before
    from unet_lib.checkpoint import load_tensors
    progress = load_tensors(tmp_path / LAST)[1]["progress"]
    assert (progress["epoch"], progress["batch"]) == (1, 2)


def test_training_in_another_thread_works():
    found = []
    worker = threading.Thread(target=lambda: found.extend(fit(build(SMALL, 0), Squares(), TrainConfig(epochs=1))))
    worker.start()
    worker.join()
    assert len(found) == 1
    assert _thread.get_ident() != worker.ident


def test_bfloat16_keeps_weights_and_loss_in_float32():
    model = build(SMALL, 0)
    snapshot = next(fit(model, Squares(), TrainConfig(epochs=1, precision="bfloat16")))
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    exact = next(fit(build(SMALL, 0), Squares(), TrainConfig(epochs=1, precision="float32")))
    assert snapshot.loss == pytest.approx(exact.loss, rel=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_it_learns_on_a_gpu_too():
    class OnGpu(Squares):
        def epoch(self, number=0, start=0):
            for batch in super().epoch(number, start):
                yield Pair(batch.images.cuda(), batch.masks.cuda())

    epochs = list(fit(build(SMALL, 0).cuda(), OnGpu(), TrainConfig(epochs=12, learning_rate=0.01)))
    assert epochs[-1].train.dice() > 0.8

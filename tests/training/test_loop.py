import _thread
import os
import signal
import subprocess
import sys
import threading
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from repository import HELPERS, REPOSITORY
from squares import FLOAT, SMALL, Flat, Squares, stubborn

from unet_lib.core.errors import DeviceMemoryError, SettingsError
from unet_lib.core.metrics import count_slices, pooled
from unet_lib.data.protocols import Batch
from unet_lib.models.checkpoint import load_model, load_tensors
from unet_lib.models.common import eval_mode, to_mask
from unet_lib.models.registry import build
from unet_lib.training.config import TrainingConfig
from unet_lib.training.loop import BEST, LAST, count_batches, fit


def test_it_learns_and_validation_is_on_other_images():
    epochs = list(fit(build(SMALL, 0), Squares(), TrainingConfig(epochs=12, **FLOAT), validation=Squares(seed=1)))
    assert [e.epoch for e in epochs] == list(range(1, 13))
    assert epochs[-1].loss < 0.5 * epochs[0].loss
    assert epochs[-1].validation.dice() > 0.8
    assert epochs[-1].train.total == 12 * 32 * 32
    assert epochs[-1].images_per_second > 0


def test_one_step_is_torchs_adam_step():
    config = TrainingConfig(epochs=1, loss="bce", precision="float32")
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


def test_the_loss_of_an_epoch_is_the_mean_over_slices():
    data = Squares(count=6, batch=4)
    model = build({**SMALL, "batch_norm": False}, 0)
    config = TrainingConfig(epochs=1, learning_rate=1e-30, loss="bce", precision="float32")
    epoch = next(fit(model, data, config))
    with torch.no_grad():
        whole = torch.nn.functional.binary_cross_entropy_with_logits(model(data.images), data.masks)
    assert epoch.loss == pytest.approx(whole.item(), abs=1e-6)


def test_count_batches_counts_every_slice_in_evaluation_mode():
    model, data = build(SMALL, 0), Squares(count=6, batch=4)
    rows, _ = count_batches(model, data.epoch(), TrainingConfig(precision="float32"))
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
    epoch = next(fit(model, data, TrainingConfig(epochs=1, precision="float32"), validation=data))
    assert epoch.validation.dice() == 1.0
    assert np.isfinite(epoch.loss)


def test_stopping_is_break_and_results_are_immutable():
    for epoch in fit(build(SMALL, 0), Squares(), TrainingConfig(epochs=100, **FLOAT)):
        if epoch.epoch == 2:
            break
    assert epoch.epoch == 2
    with pytest.raises(FrozenInstanceError):
        epoch.loss = 0.0


def test_same_seed_same_bits():
    def weights():
        model = build(SMALL, 0)
        list(fit(model, Squares(), TrainingConfig(epochs=2, **FLOAT)))
        return model.state_dict()

    for (name, a), b in zip(weights().items(), weights().values(), strict=True):
        assert torch.equal(a, b), name


def test_files_of_a_run(tmp_path):
    epochs = list(fit(build(SMALL, 0), Squares(), TrainingConfig(epochs=3, **FLOAT), validation=Squares(seed=1),
                      folder=tmp_path, card={"note": "a test"}))
    assert sorted(os.listdir(tmp_path)) == sorted([BEST, LAST])
    assert epochs[-1].weights == tmp_path / BEST
    model, card = load_model(tmp_path / BEST)
    best = max(epochs, key=lambda s: s.f1)
    assert card == {"note": "a test", "epoch": best.epoch, "validation_f1": best.f1}
    counts, _ = count_batches(model, Squares(seed=1).epoch(), TrainingConfig(**FLOAT))
    assert pooled(counts) == best.validation


def test_the_cosine_falls_from_the_full_rate_to_nothing():
    config = TrainingConfig(epochs=4, learning_rate=0.02, schedule="cosine")
    assert [config.rate(e) for e in (0, 2, 4)] == pytest.approx([0.02, 0.01, 0.0])
    epochs = list(fit(build(SMALL, 0), Squares(), config))
    assert [s.learning_rate for s in epochs] == [config.rate(e) for e in range(4)]


def test_the_rate_reaches_the_optimiser():
    """With the cosine over one epoch of three steps, the first step is the constant run's first step."""
    data = Squares(count=4)
    constant, cosine = build(SMALL, 0), build(SMALL, 0)
    next(fit(constant, data, TrainingConfig(epochs=1, precision="float32")))
    next(fit(cosine, data, TrainingConfig(epochs=1, precision="float32", schedule="cosine")))
    assert torch.equal(constant.output.weight, cosine.output.weight)
    longer = Squares(count=12)
    next(fit(constant, longer, TrainingConfig(epochs=1, precision="float32")))
    next(fit(cosine, longer, TrainingConfig(epochs=1, precision="float32", schedule="cosine")))
    assert not torch.equal(constant.output.weight, cosine.output.weight)


def test_one_cycle_climbs_in_a_straight_line_and_falls_in_half_a_wave():
    config = TrainingConfig(epochs=10, learning_rate=0.5, schedule="one_cycle")
    expected = {0: 0.02, 1.5: 0.26, 3: 0.5, 6.5: 0.25, 10: 0.0}
    assert [config.rate(epoch) for epoch in expected] == pytest.approx(list(expected.values()))


def gradients(model, config):
    """What `fit` steps with, on one batch."""
    next(fit(model, Squares(count=4), config))
    return [parameter.grad for parameter in model.parameters()]


def test_clipping_shortens_the_whole_gradient_and_only_a_long_one():
    free = gradients(build(SMALL, 0), TrainingConfig(epochs=1, **FLOAT))
    norm = torch.stack([grad.square().sum() for grad in free]).sum().sqrt().item()
    clipped = gradients(build(SMALL, 0), TrainingConfig(epochs=1, clip=norm / 3, **FLOAT))
    for whole, short in zip(free, clipped, strict=True):
        assert torch.allclose(short, whole / 3, rtol=1e-4)
    short_enough = gradients(build(SMALL, 0), TrainingConfig(epochs=1, clip=2 * norm, **FLOAT))
    assert all(torch.equal(whole, same) for whole, same in zip(free, short_enough, strict=True))


def test_the_average_of_the_weights_is_computed_right_and_the_learning_ones_go_their_own_way(tmp_path):
    """One batch an epoch, so that a run without average shows the weights after every step."""
    data, steps, plain = Squares(count=4), [], build(SMALL, 0)
    mean = {name: value.double() for name, value in plain.state_dict().items()}
    for epoch in fit(plain, data, TrainingConfig(epochs=4, **FLOAT)):
        decay = min(0.3, (1 + epoch.epoch - 1) / (10 + epoch.epoch - 1))
        steps.append({name: value.clone() for name, value in plain.state_dict().items()})
        mean = {name: decay * value + (1 - decay) * steps[-1][name] for name, value in mean.items()}
    averaged = build(SMALL, 0)
    list(fit(averaged, data, TrainingConfig(epochs=4, ema=0.3, **FLOAT), folder=tmp_path))
    kept = load_tensors(tmp_path / LAST)[0]
    for name, value in averaged.state_dict().items():
        assert torch.equal(kept[f"model.{name}"], steps[-1][name]), name
        assert torch.equal(kept[f"ema.module.{name}"], value), name
        if value.is_floating_point():
            assert torch.allclose(value.double(), mean[name], atol=1e-6), name
        else:
            assert value == 4, "batch norm's counter is copied"


def test_validation_and_best_weights_are_those_of_the_average(tmp_path):
    model, others = build(SMALL, 0), Squares(seed=1)
    config = TrainingConfig(epochs=3, ema=0.9, **FLOAT)
    for epoch in fit(model, Squares(), config, validation=others, folder=tmp_path):
        assert pooled(count_batches(model, others.epoch(), config)[0]) == epoch.validation
    best, card = load_model(tmp_path / BEST)
    assert pooled(count_batches(best, others.epoch(), config)[0]).dice() == card["validation_f1"]


def test_patience_ends_a_training_that_gets_no_better():
    config = TrainingConfig(epochs=50, patience=2, learning_rate=1e-9, precision="float32")
    epochs = list(fit(stubborn(), Squares(), config, validation=Flat(seed=1)))
    assert [s.epoch for s in epochs] == [1, 2, 3]
    patient = TrainingConfig(epochs=4, patience=4, **FLOAT)
    assert len(list(fit(build(SMALL, 0), Squares(), patient, validation=Squares()))) == 4
    with pytest.raises(SettingsError, match="expected validation batches .* got patience without any"):
        next(fit(build(SMALL, 0), Squares(), config))


class Seeing(Squares):
    """Notes, at every batch, whether torch is told to be deterministic."""

    def epoch(self, number=0, start=0):
        for batch in super().epoch(number, start):
            self.seen = torch.are_deterministic_algorithms_enabled()
            yield batch


def test_deterministic_holds_inside_a_run_and_is_given_back():
    data = Seeing()
    for _ in fit(build(SMALL, 0), data, TrainingConfig(epochs=2, deterministic=True, **FLOAT)):
        assert data.seen
        assert not torch.are_deterministic_algorithms_enabled()
    next(fit(build(SMALL, 0), data, TrainingConfig(epochs=1, **FLOAT)))
    assert not data.seen


def test_deterministic_is_given_back_after_an_error_too():
    class Failing(Squares):
        def epoch(self, number=0, start=0):
            raise OSError("the disk is gone")
            yield

    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with pytest.raises(OSError, match="gone"):
            next(fit(build(SMALL, 0), Failing(), TrainingConfig(epochs=1, deterministic=True, **FLOAT)))
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def ask_for_a_petabyte(*_):
    torch.empty(2**50, dtype=torch.uint8)


def run_out_on_the_gpu(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nGPU 0 has …")


@pytest.mark.parametrize(("fail", "said"), [(ask_for_a_petabyte, "1125899906842624 bytes"),
                                            (run_out_on_the_gpu, "CUDA out of memory. Tried to allocate 20.00 MiB")])
def test_out_of_memory_is_explained_and_what_was_saved_stays(tmp_path, fail, said):
    model, config = build(SMALL, 0), TrainingConfig(epochs=2, **FLOAT)
    run = fit(model, Squares(), config, folder=tmp_path)
    next(run)
    hook = model.bottleneck.register_forward_hook(fail)
    before = (tmp_path / LAST).read_bytes()
    with pytest.raises(DeviceMemoryError, match="memory for a step on 4 slices; got: .*Try --batch 2,") as told:
        next(run)
    hook.remove()
    assert said in str(told.value) and "\n" not in str(told.value)
    assert (tmp_path / LAST).read_bytes() == before
    assert [s.epoch for s in fit(build(SMALL, 1), Squares(), config, folder=tmp_path, resume=True)] == [2]


def test_other_errors_of_a_step_are_not_taken_for_memory():
    model = build(SMALL, 0)
    model.bottleneck.register_forward_hook(lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        next(fit(model, Squares(), TrainingConfig(epochs=1, **FLOAT)))


def test_a_compiled_network_trains_to_the_same_weights_under_the_same_names(tmp_path):
    """With torch's own "eager" backend, which traces the network but leaves the arithmetic as it is.

    In a process of its own, because the tests' checks of shapes cannot be traced.
    """
    code = """if True:
        import functools, sys, torch
        from pathlib import Path
        from squares import FLOAT, SMALL, Squares
        from unet_lib.models.checkpoint import load_model
        from unet_lib.models.registry import build
        from unet_lib.training.config import TrainingConfig
        from unet_lib.training.loop import BEST, fit
        torch.compile = functools.partial(torch.compile, backend="eager")
        plain, fast = build(SMALL, 0), build(SMALL, 0)
        list(fit(plain, Squares(count=6), TrainingConfig(epochs=2, **FLOAT)))
        list(fit(fast, Squares(count=6), TrainingConfig(epochs=2, compile=True, **FLOAT), folder=Path(sys.argv[1])))
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 1
        for (name, one), two in zip(plain.state_dict().items(), fast.state_dict().values(), strict=True):
            assert torch.equal(one, two), name
        assert load_model(Path(sys.argv[1], BEST))[0].state_dict().keys() == plain.state_dict().keys()"""
    paths = os.pathsep.join(map(str, (REPOSITORY, HELPERS)))
    done = subprocess.run([sys.executable, "-c", code, tmp_path], env={**os.environ, "PYTHONPATH": paths},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_compiler_is_explained(monkeypatch):
    def missing(*_, **__):
        raise RuntimeError("No working C++ compiler found\nmore lines")

    monkeypatch.setattr(torch, "compile", missing)
    with pytest.raises(SettingsError, match=r"expected a compiler .* for cpu; got: No working C\+\+ .* install one"):
        next(fit(build(SMALL, 0), Squares(), TrainingConfig(epochs=1, compile=True)))


@pytest.mark.parametrize("bad", [{"loss": "hinge"}, {"schedule": "linear"}, {"epochs": 0}, {"learning_rate": 0.0},
                                 {"clip": -1.0}, {"clip": float("nan")}, {"patience": -1}, {"ema": 1.0}, {"ema": -0.1}])
def test_impossible_settings(bad):
    with pytest.raises(ValueError, match="expected .*got"):
        TrainingConfig(**bad)


def test_a_step_in_hand_is_finished_before_ctrl_c_is_heard(tmp_path):
    class Interrupting(Squares):
        def epoch(self, number=0, start=0):
            for place, batch in enumerate(super().epoch(number, start), start):
                if (number, place) == (1, 1):
                    signal.raise_signal(signal.SIGINT)
                yield batch

    before = signal.getsignal(signal.SIGINT)
    run = fit(build(SMALL, 0), Interrupting(), TrainingConfig(epochs=3, **FLOAT), folder=tmp_path)
    assert next(run).epoch == 1
    with pytest.raises(KeyboardInterrupt):
        next(run)
    assert signal.getsignal(signal.SIGINT) is before
    progress = load_tensors(tmp_path / LAST)[1]["progress"]
    assert (progress["epoch"], progress["batch"]) == (1, 2)


def test_training_in_another_thread_works():
    found = []
    worker = threading.Thread(target=lambda: found.extend(fit(build(SMALL, 0), Squares(), TrainingConfig(epochs=1))))
    worker.start()
    worker.join()
    assert len(found) == 1
    assert _thread.get_ident() != worker.ident


def test_bfloat16_keeps_weights_and_loss_in_float32():
    model = build(SMALL, 0)
    epoch = next(fit(model, Squares(), TrainingConfig(epochs=1, precision="bfloat16")))
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    exact = next(fit(build(SMALL, 0), Squares(), TrainingConfig(epochs=1, precision="float32")))
    assert epoch.loss == pytest.approx(exact.loss, rel=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_it_learns_on_a_gpu_too():
    class OnGpu(Squares):
        def epoch(self, number=0, start=0):
            for batch in super().epoch(number, start):
                yield Batch(batch.images.cuda(), batch.masks.cuda())

    epochs = list(fit(build(SMALL, 0).cuda(), OnGpu(), TrainingConfig(epochs=12, learning_rate=0.01)))
    assert epochs[-1].train.dice() > 0.8

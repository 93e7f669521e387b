"""The networks in data/models: they load, they are small, and their cards say what one must know."""

import json

import pytest
from repository import REPOSITORY

from unet_lib.inference.predictor import load_predictor
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.models.checkpoint import load_model, load_tensors
from unet_lib.models.registry import described

MODELS = REPOSITORY / "data" / "models"
ENCODER = MODELS / "encoder" / "imagenet-lite0.safetensors"
BATCH_NORM = MODELS / "lgg-steps" / "batch_norm.safetensors"
SHIPPED = sorted(set(MODELS.rglob("*.safetensors")) - {ENCODER, BATCH_NORM})
ASKED = {"name", "made_with", "data_set", "data", "split", "training", "device", "torch", "intended_use", "limits"}


def test_something_is_shipped():
    assert MODELS / "phantom-baseline.safetensors" in SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_network(path):
    network, card = load_model(path)
    beside = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert beside == {"architecture": described(network), "card": card}, "the card beside the weights is another one"
    assert not ASKED - set(card), "the card lacks something"
    assert all(tensor.isfinite().all() for tensor in network.state_dict().values()), "too large for their type"
    assert "do not diagnose" in card["limits"]
    assert path.stat().st_size <= 10e6
    predictor = load_predictor(path, "cpu")
    assert predictor.size == card["data"]["size"] and 0 < predictor.threshold < 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_network_was_not_tested_on_patients_it_had_seen(path):
    split = load_model(path)[1]["split"]
    parts = [set(split[name]) for name in ("train", "validation", "test")]
    assert all(parts) and not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_the_series_has_calibrated_batch_norms_for_every_step():
    series = load_series(BATCH_NORM.parent, calibrated=True)
    card = load_tensors(BATCH_NORM)[1]["card"]
    assert json.loads(BATCH_NORM.with_suffix(".json").read_text("utf-8")) == {"card": card}
    assert card["data"] == series.cards[0]["data"]["content"], "calibrated on other data than it was trained on"
    norm = series.at(0).bottleneck.norm2
    assert norm.num_batches_tracked == 19 and not norm.running_mean.eq(0).any()
    scores = [card["validation_scores"]["mean_dice"] for card in series.cards]
    assert scores[0] < 0.15 < 0.7 < scores[-1]

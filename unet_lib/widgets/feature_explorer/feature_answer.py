"""What the feature explorer tells the browser: its plan once, and an answer to every move, as plain data and bytes."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import UInt8

from unet_lib.core.metrics import count
from unet_lib.inspection.checkpoint_series import Series
from unet_lib.models.architecture import Stage
from unet_lib.models.registry import Network
from unet_lib.widgets.feature_explorer.feature_maps import (
    Maps,
    Source,
    energy,
    fields,
    probability,
    quantise,
    representative,
    roc_auc_with,
    sources,
)


def stage_list(plan: Sequence[Stage]) -> list[dict[str, Any]]:
    """What the browser knows of each stage; `fields` are first and last input row that each row can see."""
    seen = fields(plan)
    return [{"name": stage.name, "kind": stage.kind, "channels": stage.out_channels, "height": stage.height,
             "width": stage.width, "field": stage.receptive_field, "fields": seen[stage.name]} for stage in plan]


def history_of(series: Series) -> dict[str, Any]:
    """The curves as rows of [step, loss, F1], and [step, Dice] of the validation patients where a card has it."""
    scored = [[step, card["validation_scores"]["mean_dice"]] for step, card in
              zip(series.steps, series.cards, strict=True) if "validation_scores" in card]
    return {"rows": [[moment.step, moment.loss, moment.train_f1] for moment in series.history], "validation": scored}


def part_of_answer(network: Network, plan: Sequence[Stage], maps: Maps, mask: UInt8[np.ndarray, "s s"], *, stage: str,
                   channel: int, boxes: str, order: str) -> tuple[dict[str, Any], list[bytes]]:
    """One network's part: a description, and its pictures in a row.

    These are the stages' pictures in order (the output's is the probability from 0 to 1), the channels of `stage`, the
    chosen channel as float32, and the maps that feed it. `spans` holds for each picture its lowest and highest value,
    and those of the whole stage. ROC AUC with the mask is told of all channels only where they are put in that order,
    as it takes longer than the rest; else of the chosen one.
    """
    found, chance = maps[stage], probability(maps)
    pictures = [quantise(representative(maps[one.name], boxes)[None]) for one in plan[:-1]]
    spans = [[one.low[0], one.high[0], maps[at.name].min(), maps[at.name].max()]
             for one, at in zip(pictures, plan, strict=False)]
    channels, fed = quantise(found), sources(network, plan, _named(plan, stage), channel, maps)
    found_auc = roc_auc_with(found if order == "roc_auc" else found[channel:channel + 1], mask)
    counts = count(chance >= 0.5, mask)
    told = {"spans": [*map(_plain, spans), [0, 1, 0, 1]], "low": _plain(channels.low), "high": _plain(channels.high),
            "energy": _plain(energy(found)), "roc_auc": _plain(found_auc), "counts": asdict(counts),
            "dice": counts.dice(), "sources": [_describe(one) for one in fed]}
    return told, [*(one.levels.tobytes() for one in pictures), np.rint(255 * chance).astype(np.uint8).tobytes(),
                  channels.levels.tobytes(), found[channel].tobytes(),
                  *(quantise(one.map[None]).levels.tobytes() for one in fed)]


def _named(plan: Sequence[Stage], name: str) -> Stage:
    return next(stage for stage in plan if stage.name == name)


def _describe(source: Source) -> dict[str, Any]:
    """A source without its map."""
    low, high = _plain([source.map.min(), source.map.max()])
    return {"stage": source.stage, "channel": source.channel, "label": source.label, "title": source.title,
            "strength": source.strength, "low": low, "high": high,
            "kernel": None if source.kernel is None else source.kernel.tolist(), "size": list(source.map.shape)}


def _plain(values: Any) -> list[float | None]:
    """Numbers that JSON knows; it knows no nan."""
    return [None if math.isnan(value) else float(value) for value in values]

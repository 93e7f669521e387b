"""`unet_lib features`: what a network sees in a slice, over its training, as slides for a talk and a short film."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unet_lib.cli.options import remark
from unet_lib.cli.results import result_folder
from unet_lib.core.errors import DatasetError, SettingsError

if TYPE_CHECKING:
    import numpy as np

    from unet_lib.inspection.checkpoint_series import Series
    from unet_lib.plotting.features import Case, Look

# Unless others are asked for: those of these that the network has.
STAGES = ["encoder.1", "encoder.3", "bottleneck", "decoder.2", "decoder.1"]
MOST_CHANNELS = 8


def features(source: Annotated[Path, typer.Argument(metavar="PATIENT_OR_SLICE",
                                                    help="A patient's folder or a slice (TIFF), in LGG layout.")],
             model: Annotated[Path, typer.Option("--model", help="A folder with the weights of several training steps, "
                                                                 "or one weights file.")]
             = Path("data/models/lgg-steps"),
             stage: Annotated[list[str] | None, typer.Option(help="Only this stage, such as encoder.1. Repeat for "
                                                                  "several.")] = None,
             channels: Annotated[int, typer.Option(min=1, max=MOST_CHANNELS, help="Feature maps to show of each "
                                                                                  "stage.")] = 6,
             film: Annotated[str, typer.Option(help="Format of the film: gif, or mp4 if PyAV is installed.")] = "gif",
             out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("features")) -> None:
    """Draw feature maps before and after training (PNG, PDF) and a film of them over the steps.

    With a single weights file there is no film. Of a patient's folder, the slice with most tumour is used, as marked by
    the expert or, without a mask, by the network.
    """
    from unet_lib.inspection.activations import block_names
    from unet_lib.inspection.checkpoint_series import load_series
    from unet_lib.plotting.video import check_kind

    check_kind(film)
    series = load_series(model)
    stages = stage or [name for name in STAGES if name in block_names(series.networks[0])]
    check(series, stages, model)
    scan = read_scan(source, series)
    name = f"{scan.patient}_{scan.number}"
    case, looks, several = scan.case(series), [], len(series.steps) > 1
    with (result_folder(out / name, command="features", source=source, model=model, stages=stages, channels=channels,
                        film=film) as folder,
          _bar((1 + several) * len(series.steps) + len(stages)) as bar):
        target = folder / name
        for look in look_at(scan, series, stages):
            looks.append(look)
            bar.update()
        chosen = {name: strongest(looks[-1].maps[name], channels) for name in stages}
        _write_sheets(case, looks, chosen, target, bar)
        if several:
            _write_film(case, looks, chosen, target, film, bar)
    made = f"{len(stages)} sheets (.png, .pdf)" + f" and a film ({film})" * several
    print(f"{case.title}: {made} in {out / name}")


@dataclass(frozen=True)
class Scan:
    """All slices of a patient, in order; `position` is that of the slice to show, `number` its number in the files."""

    patient: str
    number: int
    position: int
    images: "np.ndarray"
    reference: "np.ndarray | None"

    def case(self, series: "Series") -> "Case":
        """As a slide wants it."""
        from unet_lib.data.slice_files import FLAIR
        from unet_lib.plotting.features import Case

        curve = tuple((moment.step, moment.loss) for moment in series.history)
        return Case(f"{self.patient}, slice {self.number}", self.images[self.position, ..., FLAIR], self.reference,
                    series.steps, curve)


def check(series: "Series", stages: Iterable[str], folder: Path) -> None:
    """Raise SettingsError unless the series looks at single slices, and has these stages."""
    from unet_lib.inspection.activations import find_block

    if series.config.in_channels != 3:
        raise SettingsError(f"{folder}: expected networks that look at one slice of 3 channels; these take "
                            f"{series.config.in_channels}. Train some with --context-slices 0.")
    for name in stages:
        find_block(series.networks[0], name)


def read_scan(source: Path, series: "Series") -> Scan:
    """The patient, with the slice that was asked for or the one with most tumour. Raises DatasetError, SettingsError.

    The middle slice is taken of a patient without any tumour.
    """
    import numpy as np

    from unet_lib.data.tiff import read_image, read_mask
    from unet_lib.inference.slice_predictions import find_inputs, siblings_of
    from unet_lib.widgets.shared.patients import busiest

    records = find_inputs(source)
    if others := {record.patient for record in records} - {records[0].patient}:
        raise SettingsError(f"{source}: expected one patient's folder or a slice; got {1 + len(others)} patients. "
                            f"Choose one, say {source / records[0].patient}.")
    paths = siblings_of(records[0])
    images = np.stack([read_image(path) for path in paths])
    references = {}
    for record in (record for record in records if record.mask.exists()):
        try:
            references[paths.index(record.image)] = read_mask(record.mask) > 0
        except DatasetError as error:   # its slice can be shown all the same
            remark([f"{error} The slice is shown without it"])
    if len(records) == 1:
        record = records[0]
    else:
        masks = references or dict(enumerate(_predictor(series, -1).outline(images)[1]))
        record = records[busiest([[position, int(mask.sum())] for position, mask in sorted(masks.items())])]
    position = paths.index(record.image)
    return Scan(record.patient, record.number, position, images, references.get(position))


def look_at(scan: Scan, series: "Series", stages: Iterable[str]) -> Iterator["Look"]:
    """The slice as every network of the series sees it, step by step.

    Masks are those of `unet_lib predict`; maps are of the weights as they are, before any batch-norm adaptation.
    """
    import numpy as np
    import torch

    from unet_lib.core.metrics import count
    from unet_lib.data.intensity import channel_histograms, intensity_statistics, normalise
    from unet_lib.data.preprocessing import scale_images
    from unet_lib.inspection.activations import feature_maps
    from unet_lib.plotting.features import Look

    statistics = torch.as_tensor(intensity_statistics(channel_histograms(scan.images)))
    image = normalise(scale_images(scan.images, np.array([scan.position]), series.size), statistics)
    for position, (step, network) in enumerate(zip(series.steps, series.networks, strict=True)):
        maps = {name: found[0].numpy() for name, found in feature_maps(network, image, stages).items()}
        mask = _predictor(series, position).outline(scan.images)[1][scan.position]
        yield Look(step, maps, mask, None if scan.reference is None else count(mask, scan.reference).dice())


def strongest(maps: "np.ndarray", most: int) -> list[int]:
    """The channels with most energy (`feature_maps.energy`), in the order of the network."""
    import numpy as np

    from unet_lib.widgets.feature_explorer.feature_maps import energy

    return sorted(np.argsort(-energy(maps), kind="stable")[:most].tolist())


def _predictor(series: "Series", position: int):
    from unet_lib.inference.predictor import Predictor, inference_settings

    card = series.cards[position]
    return Predictor(series.networks[position], card, **inference_settings(card))


def _write_sheets(case: "Case", looks: list["Look"], chosen: dict[str, list[int]], target: Path, bar) -> None:
    from unet_lib.plotting.base import save_figure
    from unet_lib.plotting.features import stage_sheet

    for stage, channels in chosen.items():
        sheet = stage_sheet(case, looks[0] if len(looks) > 1 else None, looks[-1], stage, channels)
        for ending in ("png", "pdf"):
            save_figure(sheet, target.with_name(f"{target.name}_{stage}.{ending}"))
        bar.update()


def _write_film(case: "Case", looks: list["Look"], chosen: dict[str, list[int]], target: Path, kind: str, bar) -> None:
    from unet_lib.core.atomic_io import atomic_file
    from unet_lib.plotting.features import film_frame
    from unet_lib.plotting.video import film, picture_of

    pictures = []
    for look in looks:
        pictures.append(picture_of(film_frame(case, look, chosen), kind))
        bar.update()
    with atomic_file(target.with_name(f"{target.name}_training.{kind}")) as file:
        file.write(film(pictures, kind))


def _bar(total: int):
    from tqdm import tqdm

    return tqdm(total=total, unit="picture", disable=not sys.stderr.isatty())

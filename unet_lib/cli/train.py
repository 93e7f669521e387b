"""`unet_lib train`: from options to a training, its progress bar and its lines of print."""

import platform
import shlex
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unet_lib.cli.options import PHANTOM, Data, Device, remark
from unet_lib.cli.results import refuse_data_folder
from unet_lib.core.errors import SettingsError

if TYPE_CHECKING:
    import torch

    from unet_lib.training.experiment import Experiment
    from unet_lib.training.recipes import Recipe


def train(context: typer.Context, data: Data = PHANTOM,
          out: Annotated[Path, typer.Option(help="Folder for the weights and history.csv.")] = Path("runs/first"),
          recipe: Annotated[str | None, typer.Option(help="Use all settings of a recipe: "
                                                          "{unet_lib.training.recipes:RECIPES}.")]
          = None,
          epochs: Annotated[int, typer.Option(help="Passes through all training slices.")] = 20,
          batch: Annotated[int, typer.Option(help="Slices in a batch.")] = 4,
          lr: Annotated[float, typer.Option(help="Learning rate.")] = 1e-3,
          base: Annotated[int, typer.Option(help="Channels of the first level; each level down has twice as many.")]
          = 16,
          depth: Annotated[int, typer.Option(help="How many times height and width are halved.")] = 4,
          size: Annotated[int, typer.Option(help="Height and width of the training images, in pixels.")] = 256,
          context_slices: Annotated[int, typer.Option(help="How many neighbouring slices on each side the network "
                                                           "also sees.")] = 0,
          negative_fraction: Annotated[float, typer.Option(help="The fraction of the slices without tumour that each "
                                                                "epoch uses.")] = 1.0,
          loss: Annotated[str, typer.Option(help="Loss: {unet_lib.training.losses:LOSSES}.")] = "bce_dice",
          augment: Annotated[bool, typer.Option(help="Rotate, scale and brighten the slices at random.")] = True,
          schedule: Annotated[str, typer.Option(help="How the learning rate changes: "
                                                     "{unet_lib.training.config:SCHEDULES}.")]
          = "constant",
          clip: Annotated[float, typer.Option(help="Largest norm of the gradient; 0 for no clipping.")] = 0.0,
          ema: Annotated[float, typer.Option(help="Decay of a moving average of the weights, such as 0.999; 0 for "
                                                  "none.")] = 0.0,
          patience: Annotated[int, typer.Option(help="Stop after this many epochs without a better F1; 0 for never.")]
          = 0,
          batch_norm: Annotated[bool, typer.Option(help="Normalise after each convolution.")] = True,
          deterministic: Annotated[bool, typer.Option("--deterministic", help="Give exactly the same result in every "
                                                                              "run, on a GPU too.")]
          = False,
          compile: Annotated[bool, typer.Option("--compile", help="Use torch.compile, which can be faster.")] = False,
          device: Device = "auto",
          precision: Annotated[str, typer.Option(help="Number format: {unet_lib.core.devices:PRECISIONS}.")] = "auto",
          seed: Annotated[int, typer.Option(help="For the split, the initial weights and the order of slices.")] = 0,
          resume: Annotated[bool, typer.Option("--resume", help="Continue the training in --out.")] = False,
          ) -> None:
    """Train a U-Net on data split by patient. Ctrl-C saves, and says how to continue.

    For several processes, one per GPU: torchrun --nproc-per-node N -m unet_lib train …

    For several machines, the same on each: torchrun --nnodes 2 --nproc-per-node N --rdzv-backend c10d
    --rdzv-endpoint FIRST:29500 -m unet_lib train … (see README)
    """
    import torch

    import unet_lib
    from unet_lib.core.claim import claim
    from unet_lib.core.devices import choose_device
    from unet_lib.data.preprocessing import channels
    from unet_lib.models.architecture import UNetConfig
    from unet_lib.training.config import TrainingConfig
    from unet_lib.training.distributed import is_main, own_device, process_group
    from unet_lib.training.experiment import (
        ExperimentConfig,
        check_memory,
        refuse_overwriting,
        refuse_to_resume,
    )
    from unet_lib.training.recipes import Recipe, find_recipe, stage_folder
    from unet_lib.training.rendezvous import check_same, fail_together

    config = TrainingConfig(epochs, lr, loss, precision, schedule, clip, ema, patience, deterministic, compile)
    network = UNetConfig(in_channels=channels(context_slices), base=base, depth=depth, batch_norm=batch_norm)
    settings = ExperimentConfig(network, config, size, batch, augment, seed, context_slices, negative_fraction)
    if recipe:
        _refuse_besides_recipe(context)
    chosen = find_recipe(recipe) if recipe else Recipe((settings,))
    with ExitStack() as held:
        with fail_together():
            here = own_device(choose_device(device))
            for stage in chosen.stages:
                check_memory(stage.network, here)
            if is_main():
                refuse_data_folder(out)
                held.enter_context(claim(out))
                if resume:
                    refuse_to_resume(stage_folder(chosen, 1, out))
                else:
                    refuse_overwriting(out, stages=True)
        check_same({**_options(context), "--device": here.type, "unet_lib": unet_lib.__version__,
                    "torch": torch.__version__.partition("+")[0]})
        with process_group(here):
            _train(chosen, seed, data, out, resume, here)


def _train(recipe: "Recipe", seed: int, data: Path, out: Path, resume: bool, device: "torch.device") -> None:
    from unet_lib.data.cache import open_cache
    from unet_lib.data.splits import split_patients
    from unet_lib.models.common import count_parameters
    from unet_lib.training.distributed import any_process, is_main, machines, main_process_first
    from unet_lib.training.loop import LAST
    from unet_lib.training.recipes import stages
    from unet_lib.training.rendezvous import check_same, fail_together

    say = print if is_main() else lambda text: None
    with fail_together(), main_process_first():  # the others find the cache that it builds
        cache = open_cache(data, progress=is_main())
    check_same({"data": f"{len(cache.names)} patients with {len(cache)} slices ({cache.content})"})
    if is_main():
        remark(cache.remarks)
    split = split_patients(cache.names, seed=seed)
    for number, (stage, folder) in enumerate(stages(recipe, cache, split, seed, out, device), 1):
        if number == 1:
            say(f"{count_parameters(stage.network):,} parameters on {stage.card['device']}; {len(split.train)} "
                f"patients to train, {len(split.validation)} to validate, {len(split.test)} kept for the test")
            if machines() > 1:
                say(f"{machines()} machines train together; {platform.node()} writes {out}")
        if len(recipe.stages) > 1:
            say(f"Stage {number} of {len(recipe.stages)}, at {stage.settings.size}×{stage.settings.size}")
        try:
            # A training that was stopped in its first stage has nothing of the second yet.
            begun = any_process(is_main() and (folder / LAST).exists())
            _train_stage(stage, folder, resume and (number == 1 or begun))
        except KeyboardInterrupt:
            say(f"\nStopped; all progress is saved in {out}. Continue with:\n  {_command()} --resume")
            raise typer.Exit(130) from None
    say(f"Weights of the best epoch: {out / 'best.safetensors'}\n"
        f"Patients kept for the test: {', '.join(split.test)}")


def _train_stage(stage: "Experiment", folder: Path, resume: bool) -> None:
    """Behind a progress bar, with a line of print an epoch."""
    from tqdm import tqdm

    from unet_lib.training.distributed import is_main
    from unet_lib.training.experiment import epoch_line

    last = stage.settings.training.epochs
    with tqdm(total=stage.slices, unit="image", smoothing=0.05, disable=not is_main()) as bar:
        for epoch in stage.train(folder, resume=resume, tick=lambda done: _move(bar, done, stage.settings.batch),
                                 warn=cache(lambda text: bar.write(f"warning: {text}", file=sys.stderr))):
            bar.set_postfix_str(f"loss {epoch.loss:.3f}, F1 {epoch.f1:.3f}")
            if is_main():
                bar.write(epoch_line(epoch), file=sys.stdout)
            last = epoch.epoch
    if last < stage.settings.training.epochs and is_main():
        print(f"Stopped early: no better F1 in {stage.settings.training.patience} epochs.")


def _refuse_besides_recipe(context: typer.Context) -> None:
    """Raise SettingsError if a setting was given that the recipe has its own value for."""
    free = ("data", "out", "recipe", "device", "seed", "resume")
    given = [name for name in context.params if name not in free
             and getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"]
    if given:
        raise SettingsError(f"--recipe sets everything but {', '.join(f'--{name}' for name in free)}; got also "
                            f"--{given[0].replace('_', '-')}. Leave one of them out.")


def _move(bar: Any, done: int, batch: int) -> None:
    if done - bar.n > batch:  # a resumed training begins where it stopped, and what was done before is no speed
        bar.initial = bar.n = done
    bar.update(done - bar.n)


def _options(context: typer.Context) -> dict[str, object]:
    """The options that fix what is trained; where data and results lie may differ from machine to machine."""
    return {f"--{name.replace('_', '-')}": value for name, value in context.params.items()
            if name not in ("data", "out")}


def _command() -> str:
    """How this command was started."""
    from unet_lib.training.distributed import launcher

    return f"{launcher()}unet_lib {shlex.join(argument for argument in sys.argv[1:] if argument != '--resume')}"

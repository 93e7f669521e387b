"""All processes of a training start together with the same settings, or all stop with the reason.

Each machine has its own disk, devices and copy of the data. What can fail on one of them alone is done inside
`fail_together`; what must be equal on all is compared by `check_same`. Both talk through torchrun's store, before there
is a group.
"""

import itertools
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache

from torch import distributed

from unet_lib.core.errors import ProcessGroupError, SettingsError

_purposes = itertools.count()


def started() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", 1))


@contextmanager
def fail_together() -> Iterator[None]:
    """What fails inside the `with` in one process fails in all: in the others as a ProcessGroupError with its words.

    No process then waits for one that has left. It needs torchrun's store only, no group yet.
    """
    fault: BaseException | None = None
    try:
        yield
    except BaseException as error:  # Ctrl-C, too
        fault = error
    faults = [said for said in _exchange(f"{_who()}: {str(fault) or repr(fault)}" if fault else "") if said]
    if faults:
        with suppress(ProcessGroupError):
            _exchange("")  # the store goes with the first to leave: by then all must have read it
        raise fault or ProcessGroupError(faults[0])


def check_same(settings: Mapping[str, object]) -> None:
    """Raise SettingsError, in all processes, unless each was started with these settings."""
    with fail_together():
        (first, expected), *others = (json.loads(said) for said in _exchange(
            json.dumps([_who(), {name: str(value) for name, value in settings.items()}])))
        for who, got in others:
            if differing := [f"{name} is {expected[name]} in {first}, and {got[name]} in {who}"
                             for name in expected if got[name] != expected[name]]:
                raise SettingsError(f"expected the same data, options and versions on all machines; got others: "
                                    f"{'; '.join(differing)}. Make them equal, and start again on every machine.")


@contextmanager
def explained_loss() -> Iterator[None]:
    """The failure of a connection inside the `with` becomes a ProcessGroupError."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):  # gloo's own have no class
            raise
        said = str(error).partition("\n")[0].split("] ", 1)[-1].split(". ")[0]  # without gloo's file and its advice
        raise ProcessGroupError(f"expected an answer from all {started()} processes; got: {said}. Another process has "
                                f"ended, and says why on its machine, or cannot be reached. Start again on every "
                                f"machine, with --resume if an epoch was finished.") from error


def _exchange(said: str) -> list[str]:
    """What each process says, in order of rank; waits for all. Raises ProcessGroupError if one is lost."""
    if started() == 1:
        return [said]
    with explained_loss():
        store = new_store()
        store.set(os.environ["RANK"], said)
        return [store.get(str(rank)).decode() for rank in range(started())]


def new_store() -> "distributed.Store":
    """A store for one purpose, empty as yet, in that of torchrun; all processes ask for theirs in the same order."""
    return distributed.PrefixStore(f"unet_lib {next(_purposes)}", _store())


@cache
def _store() -> "distributed.Store":
    """Where torchrun lets its processes leave words for each other."""
    from torch.distributed.rendezvous import rendezvous  # not in every build of torch

    return next(rendezvous("env://"))[0]


def _who() -> str:
    return f"process {os.environ.get('RANK', 0)} on {platform.node()}"

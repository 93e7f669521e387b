"""The exceptions a user may see. Each message says what was expected, what came, and how to fix it."""

import errno
from collections.abc import Mapping


class GlassBoxError(Exception):
    """Base of every error the command line prints without a traceback."""


class DatasetError(GlassBoxError):
    """A folder or a file is not what the LGG layout promises; `problems` lists every fault found.

    `faults` lists them by patient, where they were found patient by patient.
    """

    def __init__(self, message: str, problems: tuple[str, ...] = (),
                 faults: Mapping[str, tuple[str, ...]] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or (message,)
        self.faults = faults or {}


class CheckpointError(GlassBoxError):
    """A weights or resume file cannot be used: damaged, unsafe, or of another architecture."""


class ShapeError(GlassBoxError, ValueError):
    """Sizes that do not fit the network."""


class SettingsError(GlassBoxError, ValueError):
    """A setting outside what makes sense."""


class DeviceError(GlassBoxError):
    """A device was asked for that this machine does not have."""


class DeviceMemoryError(GlassBoxError):
    """A step of training asked for more memory than the device has."""


class ProcessGroupError(GlassBoxError):
    """Of several processes that train together, another one has failed, has ended or cannot be reached."""


class TrainingError(GlassBoxError):
    """A training that cannot go on, because its numbers are no longer finite."""


def os_fix(error: OSError) -> str:
    """What to do about an error of the file system, by its kind."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Choose a folder you may write to, or change its permissions."
    if error.errno == errno.ENAMETOOLONG:
        return "Take a shorter name, or a folder less deep."
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY):
        return "A file stands where a folder is wanted, or a folder where a file is: name another place."
    if error.errno == errno.ENOENT:
        return "Check the name."
    return "Free some space, check the disk, or choose another folder."

"""The exceptions a user may see. Each message says what was expected, what came, and how to fix it."""


class GlassBoxError(Exception):
    """Base of every error the command line prints without a traceback."""


class DatasetError(GlassBoxError):
    """A folder or a file is not what the LGG layout promises; `problems` lists every fault found."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems or (message,)


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

"""See `SkipSwitchboard`."""

from unet_lib.widgets.skip_switchboard.skip_switchboard import SkipSwitchboard

__all__ = ["SkipSwitchboard"]

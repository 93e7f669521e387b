"""What a folder of phantoms says of itself."""

import json
from pathlib import Path

from unet_lib.core.errors import DatasetError

CARD = "phantom.json"


def made_with(root: Path) -> tuple[int, int] | None:
    """Seed and generator version of the phantoms in `root`; None if there is no card.

    Raises DatasetError for a damaged one.
    """
    try:
        card = json.loads((root / CARD).read_text(encoding="utf-8"))
        return card["seed"], card["version"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{root / CARD} is damaged ({error}). Delete {root} and make the phantoms again.") from error

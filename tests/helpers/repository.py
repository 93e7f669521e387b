"""Where this checkout lies, and the real patients beside it if they are there."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HELPERS = REPOSITORY / "tests" / "helpers"
SHARED_LGG = REPOSITORY.parent / "shared" / "lgg"

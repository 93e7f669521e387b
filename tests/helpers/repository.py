"""Where this checkout lies, the best network in it, and the real patients beside it if they are there."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HELPERS = REPOSITORY / "tests" / "helpers"
LGG_BEST = REPOSITORY / "data" / "models" / "lgg-best.safetensors"
SHARED_LGG = REPOSITORY.parent / "shared" / "lgg"

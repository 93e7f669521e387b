"""A mark for tests that need Manim: skipped, saying why, where it cannot be imported."""

import pytest

try:
    import manim  # noqa: F401
    MISSING = ""
except ImportError as error:
    MISSING = f"Manim cannot be imported: {error}"

needs_manim = pytest.mark.skipif(bool(MISSING), reason=MISSING or "Manim is here")

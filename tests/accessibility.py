"""What keeps readers out of a page, found by axe-core: names, contrasts, keyboard, structure."""

from axe_playwright_python.sync_playwright import Axe

# Preloading reads each style sheet once more, which a page opened from a disk may not.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
FAULTS = {"moderate", "serious", "critical"}


def barriers(page: object) -> list[str]:
    """Each violation but the minor ones, as rule and element; empty for a good page. Opens whatever is folded."""
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{violation['id']}: {node['html'][:200]}" for violation in found if violation["impact"] in FAULTS
            for node in violation["nodes"]]

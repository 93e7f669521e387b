"""What the files about the playground share. What they need is imported late: other tests need not wait for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BAD = ("error", "warning")


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The playground, as it lies in the book."""
    from book.playground_site import write_playground

    folder = tmp_path_factory.mktemp("site")
    write_playground(folder)
    return folder


@pytest.fixture
def visit(playground: Path, chromium: object) -> Iterator[Callable[..., object]]:
    """A factory of visits: visit(viewport=…); `url` for another copy of the site, `script` to run before the page's."""
    from playground_visit import DESKTOP, Visit

    contexts = []

    def start(url: str | None = None, script: str = "", **settings: object) -> Visit:
        contexts.append(chromium.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce"} | settings))
        found = Visit(contexts[-1].new_page())
        found.page.add_init_script(script)
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.on("console", lambda message: message.type in BAD and found.faults.append(message.text))
        found.page.on("pageerror", lambda error: found.faults.append(f"uncaught: {error}"))
        found.page.goto(url or (playground / "index.html").as_uri())
        return found

    yield start
    for context in contexts:
        context.close()

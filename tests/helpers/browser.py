"""A real JupyterLab and a real Chromium for the tests, without a trace in the user's own settings.

conftest.py plugs it in with `pytest_plugins = ["browser"]`; Jupyter's packages are imported late: to load them takes
longer than most tests, which need none. Fixtures:

    lab         a running JupyterLab (one for the whole session); `lab.folder` is what it serves
    notebook    a factory: notebook("name.ipynb") → an open, ready `Notebook`, alone in its browser page

    book = notebook("lesson.ipynb")
    book.run_all(timeout=60)
    assert not book.errors() and not book.console_errors()
    book.screenshot("lesson.png")

What every widget has to stand is asked here: `tabs_until_out`, `nameless`, `spill`, `out_of_sight`,
`still_size`, `pixels_of`.

Where Playwright or a browser is missing, the tests that use these are skipped with the reason.
"""

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from processes import free_port

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")
OUTPUT = Path(__file__).parents[1] / "output"
WIDE = {"width": 1280, "height": 900}
START_LIMIT = 60  # seconds; a busy two-core machine needs up to 20

QUIET_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "codemirror-extension/plugin": {"defaultConfig": {"cursorBlinkRate": 0}},  # screenshots stay the same
}

@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: where it answers and which folder it serves."""

    url: str
    token: str
    folder: Path
    home: Path

    def trust(self, path: Path) -> None:
        """Sign a notebook as the reader's own; in others, JupyterLab shows saved outputs as pictures only."""
        import nbformat
        from nbformat.sign import NotebookNotary

        NotebookNotary(data_dir=str(self.home / "data")).sign(nbformat.read(path, 4))


@dataclass
class Notebook:
    """A notebook open in JupyterLab: `page` is Playwright's, the rest asks JupyterLab's own objects.

    `idle` takes the page once the notebook is closed.
    """

    page: object
    name: str
    idle: list[object]
    messages: list[str] = field(default_factory=list)
    closed: bool = False

    def listen(self) -> None:
        """Note errors in the browser's console, and exceptions that no script caught (but see _is_jupyterlabs_own)."""
        self._listeners = {
            "console": lambda message: message.type == "error" and self.messages.append(message.text),
            "pageerror": lambda error: _is_jupyterlabs_own(error) or self.messages.append(f"uncaught: {error}")}
        for kind, react in self._listeners.items():
            self.page.on(kind, react)

    def run_all(self, timeout: float = 60) -> None:
        """Run every cell, and wait until each has been run or one has raised."""
        self.page.set_default_timeout(timeout * 1000)
        self.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(IDLE, polling=50, timeout=timeout * 1000)

    def ask(self, source: str) -> str:
        """Run this in the last cell, in place of what is there; returns what it prints."""
        self.page.evaluate("""(source) => { const notebook = jupyterapp.shell.currentWidget.content;
            notebook.widgets.at(-1).model.sharedModel.setSource(source);
            notebook.activeCellIndex = notebook.widgets.length - 1;
            return jupyterapp.commands.execute('notebook:run-cell'); }""", source)
        return self.cells()[-1]["outputs"][0]["text"].strip()

    def cells(self) -> list[dict]:
        """The cells as they are now, outputs included."""
        return self.page.evaluate("jupyterapp.shell.currentWidget.context.model.toJSON().cells")

    def errors(self) -> list[str]:
        """The error outputs, each with its cell's number (from 0), e.g. "cell 3: NameError: …"."""
        return [f"cell {number}: {output['ename']}: {output['evalue']}"
                for number, cell in enumerate(self.cells()) for output in cell.get("outputs", ())
                if output["output_type"] == "error"]

    def console_errors(self) -> list[str]:
        """What `listen` has noted."""
        return list(self.messages)

    def close(self) -> None:
        """End the kernel and close the notebook, unless that is done already; a page without errors is used again."""
        if self.closed:
            return
        self.closed = True
        self.page.evaluate("""async () => { const { currentWidget } = jupyterapp.shell;
            await currentWidget.context.sessionContext.shutdown(); currentWidget.dispose(); }""")
        for kind, react in self._listeners.items():
            self.page.remove_listener(kind, react)
        if self.messages:
            self.page.context.close()
        else:
            self.idle.append(self.page)

    def use_theme(self, name: str) -> None:
        """Switch to "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate("name => jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name)
        light = str("Light" in name).lower()
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")

    def screenshot(self, name: str, selector: str | None = None) -> Path:
        """Save the window, or one element of it, to tests/output/ (which git ignores)."""
        OUTPUT.mkdir(exist_ok=True)
        target = self.page.locator(selector).first if selector else self.page
        target.screenshot(path=str(OUTPUT / name))
        return OUTPUT / name


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, jupyter_path: Path) -> Iterator[Lab]:
    """A JupyterLab of our own, on this machine only, with a token, serving an empty folder."""
    _browser_path()  # without a browser there is no use for a server
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "work"
    folder.mkdir()
    (home / "path").symlink_to(jupyter_path)
    with open(home / "server.log", "w") as log:
        server, place = _start_server(home, folder, log)
        try:
            _wait_until_up(place, server, home / "server.log")
            yield place
        finally:
            _stop(server)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Chromium under Playwright."""
    path = _browser_path()
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def idle_pages() -> dict[str, list[object]]:
    """Pages on a JupyterLab without a notebook, by the settings of their contexts: to load JupyterLab takes five times
    as long as to open a notebook in it."""
    return defaultdict(list)


@pytest.fixture(scope="module")
def notebook(lab: Lab, chromium: object, idle_pages: dict[str, list[object]]) -> Iterator[Callable[..., Notebook]]:
    """A factory of open notebooks; `name` is relative to `lab.folder`, `window` the browser window's size, `fresh` asks
    for a page that showed nothing before, and whatever else Playwright's `new_context` takes, such as `has_touch=True`.

    What a test does not close stays open until the end of its module, so that tests can share a notebook.
    """
    opened = []

    def open_one(name: str, window: dict = WIDE, fresh: bool = False, **context: object) -> Notebook:
        idle = idle_pages[repr(context)]
        if fresh or not idle:
            page = chromium.new_context(viewport=window, reduced_motion="reduce", **context).new_page()
        else:
            page = idle.pop()
            page.set_viewport_size(window)
        opened.append(Notebook(page, name, idle))
        open_notebook(opened[-1], lab)
        return opened[-1]

    yield open_one
    for book in opened:
        book.close()


OPEN = """async (path) => {
    const panel = await jupyterapp.commands.execute("docmanager:open", { path, factory: "Notebook" });
    for (const other of [...jupyterapp.shell.widgets("main")]) if (other !== panel) other.close();
}"""


def open_notebook(book: Notebook, lab: Lab) -> None:
    """Show the notebook alone, its kernel ready and the file browser folded away."""
    page = book.page
    book.listen()
    page.set_default_timeout(30_000)
    if page.url.startswith(lab.url):
        page.mouse.move(0, 0)
        page.evaluate(OPEN, book.name)
    else:
        page.goto(f"{lab.url}/lab/workspaces/{secrets.token_hex(4)}/tree/{book.name}?token={lab.token}")
    kernel = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"
    page.wait_for_function(f"{kernel}?.status === 'idle'", polling=50, timeout=START_LIMIT * 1000)
    page.evaluate("jupyterapp.shell.collapseLeft()")


def _is_jupyterlabs_own(error: object) -> bool:
    """A race of JupyterLab's, seen once in some fifty runs of a cell that is run again: it removes an output
    twice. The scripts of our widgets come from blob: addresses, so an error of theirs has one in its stack."""
    return "Failed to execute 'removeChild' on 'Node'" in str(error) and "blob:" not in (error.stack or "")


def write_notebook(path: Path, *sources: str) -> Path:
    """A small notebook of code cells, for a test."""
    import nbformat

    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def write_executed(path: Path, *sources: str) -> Path:
    """The same in the folder of a `Lab`, run without a browser and saved with its outputs and its widgets' state."""
    import nbformat
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient

    forked = path.parents[1] / "path" / "kernels"
    manager = AsyncKernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(forked)])
                                 if forked.is_dir() else KernelSpecManager())
    client = NotebookClient(nbformat.read(write_notebook(path, *sources), 4), km=manager,
                            resources={"metadata": {"path": str(path.parent)}})
    client.owns_km = True  # so it ends the kernel
    nbformat.write(client.execute(), path)
    return path


def tabs_until_out(page: object, selector: str, most: int) -> int:
    """How often Tab has to be pressed until the focus has left the first such widget; `most` if it never does."""
    inside = "selector => document.activeElement.closest(selector) === document.querySelector(selector)"
    for pressed in range(most):
        if not page.evaluate(inside, selector):
            return pressed
        page.keyboard.press("Tab")
    return most


def nameless(page: object, selector: str) -> list[str]:
    """Whatever in such widgets can be operated or stands for a picture, but says nothing to a screen reader."""
    return page.evaluate("""selector => {
        const whole = [...document.querySelectorAll(selector)];
        const controls = whole.flatMap((root) =>
            [...root.querySelectorAll("button, input, select, svg[role], [tabindex]")]);
        if (!controls.length) return [`no control within ${selector}`];
        const name = (node) => node.ariaLabel || node.labels?.[0]?.textContent.trim() || node.textContent.trim();
        return controls.filter((node) => !name(node)).map((node) => node.outerHTML);
    }""", selector)


def spill(root: object, *but: str) -> list[str]:
    """What reaches beyond the widget's right edge, apart from what only screen readers see and these selectors."""
    return root.evaluate("""(root, but) => [root, ...root.querySelectorAll("*")].filter((node) => !node.matches(but)
        && node.getBoundingClientRect().right > root.getBoundingClientRect().right + 0.5)
        .map((node) => node.outerHTML)""", ", ".join([".gb-unseen", *but]))


def out_of_sight(root: object, pictures: str) -> list[str]:
    """The widget's controls, and these pictures, that are shown but lie outside the notebook's window.

    What lies in a box that scrolls is judged by its box.
    """
    return root.evaluate("""(root, pictures) => {
        const window = root.closest(".jp-WindowedPanel-outer").getBoundingClientRect();
        const boxOf = (node) => (node === root ? null
            : ["auto", "scroll"].includes(getComputedStyle(node).overflowY) ? node : boxOf(node.parentElement));
        const nodes = [...root.querySelectorAll(`button, input, select, summary, [tabindex='0'], ${pictures}`)];
        return nodes.map((node) => boxOf(node) ?? node).filter((node) => {
            const { top, bottom, left, right, width } = node.getBoundingClientRect();
            return width && (top < window.top - 1 || bottom > window.bottom + 1
                || left < window.left || right > window.right);
        }).map((node) => node.outerHTML.slice(0, 200));
    }""", pictures)


def still_size(book: Notebook) -> tuple[int, int]:
    """Width and height of the saved still picture, which a notebook that is not trusted shows in a widget's place."""
    still = book.page.locator(".jp-OutputArea img")
    still.wait_for()
    return tuple(still.evaluate("image => [image.naturalWidth, image.naturalHeight]"))


def pixels_of(canvas: object) -> np.ndarray:
    """What a canvas holds: red, green, blue and alpha as uint8, [height, width, 4]."""
    high, wide, text = canvas.evaluate("""canvas => {
        const dots = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let text = ""; // as base64: a quarter of a million numbers are slow to pass one by one
        for (const dot of dots) text += String.fromCharCode(dot);
        return [canvas.height, canvas.width, btoa(text)];
    }""")
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(high, wide, 4)


IDLE = """() => {
    const { context, content } = jupyterapp.shell.currentWidget;
    const busy = content.widgets.some((cell) => cell.model.type === 'code' && cell.model.executionState !== 'idle');
    return !busy && context.sessionContext.session.kernel.status === 'idle';
}"""


def _browser_path() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium found; on Debian or Ubuntu: apt install chromium")
    return found


def _start_server(home: Path, folder: Path, log: object) -> tuple[subprocess.Popen, Lab]:
    port, token = free_port(), secrets.token_hex(16)
    options = {"ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "ServerApp.port_retries": 0,
               "ServerApp.root_dir": folder, "ServerApp.open_browser": False, "ServerApp.allow_root": True,
               "IdentityProvider.token": token, "LabApp.expose_app_in_browser": True,
               "LabApp.extension_manager": "readonly"}
    command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]
    server = subprocess.Popen(command, cwd=folder, env=_environment(home), stdout=log, stderr=subprocess.STDOUT)
    return server, Lab(f"http://127.0.0.1:{port}", token, folder, home)


def _environment(home: Path) -> dict[str, str]:
    """Ours, but every place where Jupyter and IPython keep settings lies in `home`; lessons run small."""
    for name, values in QUIET_SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    indices = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
              "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
              "JUPYTER_PATH": "path"}
    return os.environ | {key: str(home / value) for key, value in indices.items()} | {"UNET_PROFILE": "smoke"}


def _wait_until_up(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{lab.url}/api/status?token={lab.token}", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    _stop(server)
    pytest.fail(f"JupyterLab did not start within {START_LIMIT} s:\n{log.read_text()[-3000:]}")


def _stop(server: subprocess.Popen) -> None:
    """Ends the server, which ends its kernels."""
    server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()

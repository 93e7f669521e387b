"""The training in the page, as files for a web page; see `book/live/live_training_view.js`.

    <script src="training.js"></script>     # page_script(): defines mountLiveTraining(element, loadSet)
    <style>…</style>                         # page_style()
    trainingSet = {…}                        # set_script(): loaded by the page at the first start

A page opened from a disk may neither fetch files nor start a worker from one. So the slices come as a script, and the
worker runs the text that the page was given.
"""

from pathlib import Path

from book.training_set import FILE
from unet_lib.widgets.shared.base import script, stylesheet

VIEW = str(Path(__file__).parent / "live" / "live_training_view.js")


def page_script() -> str:
    """A plain script that defines `mountLiveTraining(element, loadSet)`, and `loadTrainingSet(address)` to be its
    `loadSet`: `mountLiveTraining(element, () => loadTrainingSet("_static/training_set.js"))`."""
    return f"""(() => {{
const program = () => {{
{script(VIEW)}
return {{ mountTraining, serveTraining }};
}};
const startWorker = () => {{
  const address = URL.createObjectURL(new Blob([`(${{program}})().serveTraining(self);`], {{ type: "text/javascript" }}));
  return new Worker(address);
}};
globalThis.mountLiveTraining = (element, loadSet) => program().mountTraining(element, loadSet, startWorker);
globalThis.loadTrainingSet = (address) => new Promise((done, failed) => {{
  if (globalThis.trainingSet) return done(globalThis.trainingSet);
  const node = Object.assign(document.createElement("script"), {{ src: address, onerror: failed }});
  node.onload = () => done(globalThis.trainingSet);
  document.head.append(node);
}});
}})();
"""


def page_style() -> str:
    """What it is drawn with."""
    return stylesheet(VIEW)


def set_script() -> str:
    """The slices, as a script."""
    return f"globalThis.trainingSet = {FILE.read_text('utf-8').strip()};\n"

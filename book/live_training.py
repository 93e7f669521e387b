"""The training in the page: what a site has to bring along for `mountLiveTraining` of `live/live_training_view.js`.

A page imports that function into its script, and passes it a function that loads what `bring_training` wrote:
`mountLiveTraining(element, (name) => delivered(name, "data/" + name + ".js"))`.
"""

import json
from pathlib import Path

from book.delivery import classic_script, deliver
from book.training_set import FILE

LIVE = Path(__file__).resolve().parent / "live"


def bring_training(folder: Path) -> None:
    """Write `training-set.js`, the slices (1.3 MB), and `training-worker.js`, both loaded at the first start only."""
    deliver(folder, "training-set", json.loads(FILE.read_text("utf-8")))
    deliver(folder, "training-worker", {"text": classic_script(LIVE / "training_worker.js")})

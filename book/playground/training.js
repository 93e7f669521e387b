// The page on which a visitor trains a network.

import { delivered } from "../live/delivered.js";
import { mountLiveTraining } from "../live/live_training_view.js";

document.querySelector("#theme").addEventListener("click", globalThis.turnTheme);
mountLiveTraining(document.querySelector("main"), (name) => delivered(name, `playground/data/${name}.js`));

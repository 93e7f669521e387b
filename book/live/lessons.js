// The script of every lesson's page.

import { FeatureExplorerAnswers } from "./answers/feature_explorer.js";
import { FoolTheNetworkAnswers } from "./answers/fool_the_network.js";
import { ShapeExplorerAnswers } from "./answers/shape_explorer.js";
import { SkipSwitchboardAnswers } from "./answers/skip_switchboard.js";
import { SliceBrowserAnswers } from "./answers/slice_browser.js";
import { delivered } from "./delivered.js";
import { wakeAll } from "./host.js";
import { mountLiveTraining } from "./live_training_view.js";

wakeAll({
  feature_explorer: (model, folder) => new FeatureExplorerAnswers(model, folder),
  fool_the_network: (model, folder) => new FoolTheNetworkAnswers(model, folder),
  shape_explorer: (model) => new ShapeExplorerAnswers(model),
  skip_switchboard: (model, folder) => new SkipSwitchboardAnswers(model, folder),
  slice_browser: (model, folder) => new SliceBrowserAnswers(model, folder),
}, {
  live_training: (node, folder) => mountLiveTraining(node, (name) => delivered(name, `${folder}/../../playground/data/${name}.js`)),
});

// The script of every lesson's page.

import { FeatureExplorerAnswers } from "./answers/feature_explorer.js";
import { SkipSwitchboardAnswers } from "./answers/skip_switchboard.js";
import { wakeAll } from "./host.js";

wakeAll({
  feature_explorer: (model, folder) => new FeatureExplorerAnswers(model, folder),
  skip_switchboard: (model, folder) => new SkipSwitchboardAnswers(model, folder),
});

// The training in a worker of its own.

import { serveTraining } from "./training_server.js";

serveTraining(self);

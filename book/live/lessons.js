// The script of every lesson's page.

import { wakeAll } from "./host.js";

wakeAll();

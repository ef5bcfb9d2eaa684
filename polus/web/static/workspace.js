// Starts the workspace. Every page works without this; with it nothing reloads.

import * as commands from "./commands.js";
import * as lists from "./lists.js";
import * as live from "./live.js";
import * as panes from "./panes.js";
import * as threads from "./threads.js";

for (const part of [panes, lists, threads, commands, live]) part.start();

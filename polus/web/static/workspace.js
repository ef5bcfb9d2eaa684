// Starts the workspace. Every page works without this; with it nothing reloads.

import * as bulk from "./bulk.js";
import * as commands from "./commands.js";
import * as composer from "./composer.js";
import * as editor from "./editor.js";
import * as lists from "./lists.js";
import * as live from "./live.js";
import * as macros from "./macros.js";
import * as mentions from "./mentions.js";
import * as panes from "./panes.js";
import * as people from "./people.js";
import * as recipients from "./recipients.js";
import * as search from "./search.js";
import * as texts from "./texts.js";
import * as threads from "./threads.js";
import * as uploads from "./uploads.js";

// Threads behind all that changes an opened ticket: they measure it.
for (const part of [panes, lists, editor, uploads, recipients, macros, mentions, composer, texts, people, threads, commands, bulk, live]) part.start();
search.start(lists.open);

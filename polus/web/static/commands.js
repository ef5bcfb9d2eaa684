// What the keys of the inbox do. The frame around them is `keys.js`.

import { undo, write } from "./composer.js";
import * as keys from "./keys.js";
import { current, go, move } from "./lists.js";
import { toggle as toggleSelection } from "./bulk.js";
import { toggleCustomer } from "./panes.js";
import { find as findMacro } from "./macros.js";
import { focus as focusSearch } from "./search.js";
import { openMenu, press } from "./threads.js";

const inTicket = () => Boolean(current().ticket);

const commands = [
  { key: "j", word: "moveDown", run: () => move(1) },
  { key: "k", word: "moveUp", run: () => move(-1) },
  { key: "Enter", word: "open" },
  { key: "u", word: "back", run: () => go(current().view), when: inTicket },
  { key: "r", word: "reply", run: () => write("reply"), when: inTicket },
  { key: "a", word: "replyAll", run: () => write("all"), when: inTicket },
  { key: "f", word: "forward", run: () => write("forward"), when: inTicket },
  { key: "n", word: "note", run: () => write("note"), when: inTicket },
  { key: "e", word: "close", run: () => press("#toggle-status"), when: inTicket },
  { key: "E", word: "closeNext", run: () => press('#toggle-status[value="closed"]', { next: true }), when: inTicket },
  { key: "s", word: "snooze", run: () => openMenu("snooze-menu"), when: inTicket },
  { key: "m", word: "macro", run: findMacro, when: inTicket },
  { key: "c", word: "newTicket", run: keys.newTicket, when: keys.mayBegin },
  { key: "x", word: "select", run: toggleSelection },
  { key: "z", word: "undo", run: undo },
  { key: "/", word: "search", run: focusSearch },
  { key: "@", word: "assign", run: () => openMenu("assign-menu"), when: inTicket },
  { key: "t", word: "tag", run: () => openMenu("tag-menu"), when: inTicket },
  { key: "#", word: "trash", run: () => press("#trash-form button"), when: inTicket },
  { key: "!", word: "spam", run: () => press("#spam-form button"), when: inTicket },
  { key: "i", word: "customerPane", run: toggleCustomer, when: inTicket },
  { key: "Escape", word: "", run: toggleCustomer, when: () => document.body.dataset.pane === "customer" },
];

export function start() {
  keys.start(commands, go);
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-do='customer']");
    if (asked && !event.ctrlKey && !event.metaKey) { event.preventDefault(); toggleCustomer(); }
  });
}

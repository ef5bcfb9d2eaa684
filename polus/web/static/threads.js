// One open ticket: mail frames as high as their mail, the forms of its head, what they answer.

import { undoable } from "./composer.js";
import { current, move, open } from "./lists.js";
import { touch } from "./live.js";
import { post, say, toast, word } from "./notices.js";

const heights = new Map(); // message frame name → last height, so that reopening does not jump
const goOn = new WeakSet(); // forms after whose answer the next ticket is opened, then their requests

function fit(frame) {
  const inside = frame.contentDocument?.documentElement;
  if (!inside || frame.contentDocument.URL === "about:blank") return;
  const measure = () => {
    const height = Math.min(12_000, Math.ceil(inside.getBoundingClientRect().height));
    if (height > 0 && heights.get(frame.name) !== height) {
      heights.set(frame.name, height);
      frame.style.height = `${height}px`;
    }
  };
  frame.style.height = `${heights.get(frame.name) ?? 24}px`;
  heights.delete(frame.name);
  measure();
  new ResizeObserver(measure).observe(inside);
}

function frames() {
  document.addEventListener("load", (event) => {
    if (event.target.matches?.(".mail-frame")) fit(event.target);
  }, true);
  for (const frame of document.querySelectorAll(".mail-frame")) if (frame.contentDocument?.readyState === "complete") fit(frame);
  document.addEventListener("click", (event) => event.target.closest("a[data-once]")?.closest(".mail-bar, .quoted")?.setAttribute("hidden", ""));
}

// When the newest message is higher than the pane, its beginning is what the agent wants to read first.
function settle() {
  const box = document.querySelector(".thread");
  const last = box?.querySelector(".message:last-of-type");
  for (const frame of document.querySelectorAll(".mail-frame")) {
    const height = heights.get(frame.name ?? frame.dataset.name); // before the paint it is not the frame itself
    if (height) frame.style.height = `${height}px`;
  }
  if (last && last.offsetHeight > box.clientHeight) last.scrollIntoView({ block: "start" });
}

function subject() {
  document.addEventListener("change", (event) => {
    if (event.target.matches(".subject, .note-form textarea, .saves :is(input, select)")) event.target.form.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(".subject")) return;
    if (event.key === "Escape") event.target.blur();
    else if (event.key === "Enter") { event.preventDefault(); event.target.blur(); }
  });
}

// What a form of one ticket answers must not be shown in another, to which the agent moved on meanwhile.
function answers() {
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const { request, response } = ctx;
    const id = request.action.match(/^\/tickets\/(\d+)\//)?.[1];
    if (!id || request.method === "GET") return;
    const refused = response.status >= 400 || response.headers.has("polus-refused");
    if (!refused) { touch(id); takenBack(id, ctx); }
    if (id !== current().ticket) {
      event.preventDefault();
      if (refused) toast(word("failed"), { bad: true });
    } else if (goOn.has(ctx) && !refused) {
      event.preventDefault();
      move(1);
    }
  });
  document.addEventListener("htmx:before:request", (event) => {
    if (goOn.delete(event.detail.ctx.sourceElement)) goOn.add(event.detail.ctx);
  });
}

// What `z` can take back, besides a message: the form that was sent, and what it says the other way round.
const BACK = {
  status: (sent) => (sent.get("status") === "closed" ? [{ status: "open" }, "closedToast"] : [{ status: "closed" }, ""]),
  spam: (sent) => (sent.get("spam") === "true" ? [{ spam: "false" }, "spamToast"] : null),
  trash: (sent) => (sent.get("trash") === "true" ? [{ trash: "false" }, "trashToast"] : null),
  snooze: (sent) => (sent.get("until") ? [{ until: "" }, "snoozedToast"] : null),
};

function takenBack(id, ctx) {
  const name = ctx.request.action.match(/^\/tickets\/\d+\/(\w+)$/)?.[1];
  const { body } = ctx.request;
  const back = BACK[name] && body && BACK[name](body instanceof FormData || body instanceof URLSearchParams ? body : new URLSearchParams(body));
  if (!back) return;
  const [fields, text] = back;
  undoable(async () => { await post(`/tickets/${id}/${name}`, fields, { refusedAs: "failed" }); touch(id); }, text && word(text));
}

/** Presses the button of a form in the head of the ticket, as a click would. */
export function press(selector, { next = false } = {}) {
  const button = document.querySelector(selector);
  if (!button) return;
  if (next) goOn.add(button.form);
  button.form.requestSubmit(button);
}

/** Opens one of the menus of the head. */
export function openMenu(id) {
  const menu = document.getElementById(id);
  if (menu) menu.open = true;
}

export function arrived() {
  say(word("fresh"));
  const box = document.querySelector(".thread");
  if (box && box.scrollTop < -80) toast(word("fresh"), { action: { text: "↓", run: () => box.scrollTo({ top: 0, behavior: "smooth" }) } });
}

export function start() {
  frames();
  subject();
  answers();
  document.addEventListener("polus:opened", settle);
  // Menus that are open are not the server's to change; a field that must be filled is.
  document.addEventListener("htmx:after:swap", () => {
    const wrong = document.querySelector(".ticket-fields:not([open]) .field-row.wrong");
    if (!wrong) return;
    wrong.closest("details").open = true;
    wrong.querySelector(".input")?.focus();
  });
  document.addEventListener("polus:go", (event) => open(event.detail.ticket));
  settle();
}

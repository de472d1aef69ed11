// The names, the counts, what is said when nothing is left, and whether everything is saved.

import { $, describe, el, icon, number, write } from "./dom.js";
import { countOf, state, sum, total } from "./state.js";

const buttons = new Map();

export function drawNames(open) {
  const rows = state.order.map((label) => {
    const parts = [el("span", { class: "name" }), el("span", { class: "all" }), el("span")];
    const button = el("button", { type: "button", "data-label": label, onclick: () => open(label) }, ...parts);
    buttons.set(label, button);
    return el("li", {}, button);
  });
  $("names").replaceChildren(...rows);
  for (const row of state.names.values()) drawName(row);
}

export function drawName(row) {
  const button = buttons.get(row.label);
  const [name, all, left] = button.children;
  write(name, row.name);
  all.textContent = number(total(row));
  left.className = row.unsure ? "open" : "";
  left.replaceChildren(row.unsure ? number(row.unsure) : icon("keep"));
  button.parentElement.classList.toggle("none", row.keep + row.unsure + row.move === 0);
  button.setAttribute("aria-current", String(row.label === state.label));
  describe(button, `${row.name}, ${total(row)} faces, ${row.unsure || "none"} undecided`);
}

export function revealName() {
  buttons.get(state.label)?.scrollIntoView({ block: "nearest" });
}

export function drawCounts() {
  const row = state.names.get(state.label);
  if (!row) return;
  drawName(row);
  write($("title"), row.name);
  write($("counts"), [...outcomes(row), row.note].filter(Boolean).join(" · "));
  for (const [filter, count] of [["undecided", row.unsure], ["doubtful", countOf("doubtful")], ["all", total(row)]]) {
    const button = $(`show-${filter}`);
    button.setAttribute("aria-pressed", String(state.filter === filter));
    button.lastElementChild.textContent = number(count);
  }
  drawProgress(sum((one) => one.unsure), sum(total));
}

// As the table of clean counts: an undecided face stays, or is left out, as long as nobody decides.
function outcomes(row) {
  const out = row.unsure - row.unsure_kept;
  const said = [[row.keep, row.unsure_kept, "stay"], [row.reject, out, "left out"], [row.move, 0, "moved"]];
  return said
    .filter(([decided, open]) => decided + open)
    .map(([decided, open, word]) => `${number(decided + open)} ${word}${open ? ` (${number(open)} undecided)` : ""}`);
}

function drawProgress(left, all) {
  const text = left ? `${number(left)} undecided of ${number(all)}` : `Nothing left to decide (${number(all)})`;
  $("progress-fill").style.transform = `scaleX(${all ? (all - left) / all : 1})`;
  $("progress-text").textContent = text;
  const values = { "aria-valuemax": all, "aria-valuenow": all - left, "aria-valuetext": text };
  for (const [name, value] of Object.entries(values)) $("progress").setAttribute(name, value);
}

export function showEmpty(next, showAll) {
  const left = sum((row) => row.unsure);
  if (!left) return showDone(showAll);
  $("empty").replaceChildren(
    el("h2", {}, "Nothing undecided here"),
    el("p", {}, `${number(left)} ${left === 1 ? "face is" : "faces are"} undecided under other names.`),
    choice("Next undecided", "D", next),
    choice("Show all faces", "F", showAll),
  );
}

export function showDone(showAll) {
  const nothing = state.info.live || !state.depth;
  $("grid").hidden = true;
  $("empty").hidden = false;
  $("empty").replaceChildren(
    el("h2", {}, "Everything is decided"),
    el("p", {}, nothing ? "You can stop facekit with Ctrl-C." : "Stop facekit with Ctrl-C, then apply your decisions:"),
    ...(nothing ? [] : [el("code", {}, state.info.again)]),
    choice("Show all faces", "F", showAll),
  );
}

const choice = (text, key, act) => el("button", { class: "quiet", type: "button", onclick: act }, text, el("kbd", {}, key));

export function showSaved(how, count, why) {
  $("saved").dataset.state = how;
  $("saved-text").textContent = { saved: "Saved", saving: "Saving", failing: "Not saved" }[how];
  $("trouble").hidden = how !== "failing";
  if (how === "failing") write($("trouble-text"), `${count === 1 ? "1 step is" : `${count} steps are`} not saved. ${why}`);
}

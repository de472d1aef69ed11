// The page: one name at a time, and every step by a key.

import { $, number, toast, visible, write } from "./dom.js";
import { Deciding } from "./decide.js";
import { Grid } from "./grid.js";
import { Saver, get } from "./net.js";
import { Panel } from "./panel.js";
import { Picker } from "./picker.js";
import { FILTERS, recall, remember, shown, state, total, whole } from "./state.js";
import { drawCounts, drawName, drawNames, revealName, showDone, showEmpty, showSaved } from "./view.js";

const saver = new Saver(showSaved);
const picker = new Picker();
const panel = new Panel();
const grid = new Grid($("scroller"), $("grid"), {
  moved: () => {
    if (grid.face) remember(`at ${state.label}`, grid.face.id);
    panel.show(grid.face, grid.chosen.length);
  },
  opened: () => panel.open(),
  again: () => getComputedStyle($("panel")).display === "none" && panel.open(),
  toggled: (face) => deciding.decide(face.state === "keep" ? "reject" : "keep", null, [face], false),
});
const deciding = new Deciding(saver, grid, {
  open,
  showFaces,
  showDetails: () => panel.show(grid.face, grid.chosen.length),
  forgetDetails: () => panel.forget(),
});

// Opening

async function start() {
  history.replaceState(null, "", `/${location.hash}`); // the token is in the cookie now
  const info = await get("/api/names");
  state.info = panel.info = info;
  state.depth = info.depth;
  state.names = new Map(info.names.map((row) => [row.label, row]));
  state.order = info.names.map((row) => row.label);
  state.filter = FILTERS[recall("filter")] ? recall("filter") : (info.second_round ? "undecided" : "all");
  write($("folder"), info.folder);
  document.title = `Review ${visible(info.folder)}`;
  $("live").hidden = !info.live;
  drawNames(open);
  if (!state.order.length) return toast("This folder holds no faces.");
  const asked = decodeURIComponent(location.hash.slice(1));
  const first = state.order.find((label) => state.names.get(label).unsure) ?? state.order[0];
  await open(state.names.has(asked) ? asked : first);
  $("grid").focus();
}

// A name that is not UTF-8 has no address of its own: the server knows it by this one too.
const address = (label) => encodeURIComponent(label.toWellFormed());

// `keep` names faces to show whatever the filter.
async function open(label, select = recall(`at ${label}`), keep = []) {
  const before = state.names.get(state.label);
  try {
    const faces = await get(`/api/faces?label=${address(label)}`);
    state.faces = deciding.overlaid(faces.map(whole));
  } catch (error) {
    return toast(error.message);
  }
  if (label !== state.label) state.touched.clear();
  state.label = label;
  history.replaceState(null, "", `/#${address(label)}`);
  if (before) drawName(before);
  showFaces(select, keep);
  revealName();
}

function showFaces(select, keep = []) {
  for (const id of keep) state.touched.add(id);
  const faces = shown();
  const chosen = faces.findIndex((face) => face.id === select);
  const undecided = faces.findIndex((face) => face.state === "unsure");
  $("grid").hidden = !faces.length;
  $("empty").hidden = Boolean(faces.length);
  grid.show(faces, chosen >= 0 ? chosen : Math.max(0, undecided));
  if (!faces.length) showEmpty(nextUndecided, showAll);
  drawCounts();
}

function setFilter(filter) {
  const at = grid.face?.id;
  state.filter = filter;
  remember("filter", filter);
  state.touched.clear();
  showFaces(at);
}

const showAll = () => setFilter("all");

// Going on

function turn(step) {
  const place = state.order.indexOf(state.label) + step;
  if (state.order[place] === undefined) return toast(step > 0 ? "This is the last name." : "This is the first name.");
  return open(state.order[place]);
}

function nextUndecided() {
  const faces = grid.faces;
  for (let step = 1; step < faces.length; step++) {
    const place = (grid.cursor + step) % faces.length;
    if (faces[place].state === "unsure") return grid.go(place);
  }
  const at = state.order.indexOf(state.label);
  const others = [...state.order.slice(at + 1), ...state.order.slice(0, at)];
  const label = others.find((one) => state.names.get(one).unsure);
  if (label) return open(label, "");
  return grid.face?.state === "unsure" ? toast("This is the last undecided face.") : showDone(showAll);
}

async function find() {
  const say = (row) => (row.unsure ? `${number(row.unsure)} undecided` : "");
  const label = await picker.ask("Find a name", [...state.names.values()], [], say);
  $("grid").focus();
  if (label) await open(label);
}

async function moveTo() {
  const faces = grid.chosen;
  if (!faces.length) return;
  const others = [...state.names.values()].filter((row) => row.label !== state.label);
  const title = faces.length > 1 ? `Move ${faces.length} faces to` : "Move this face to";
  const first = [grid.face.like, ...state.recent].filter(Boolean);
  const to = await picker.ask(title, others, first, (row) => number(total(row)));
  $("grid").focus();
  if (!to) return;
  state.recent = [to, ...state.recent.filter((label) => label !== to)].slice(0, 5);
  deciding.decide("move", to, faces);
}

// Keys

const COMMANDS = {
  keep: () => deciding.decide("keep"),
  reject: () => deciding.decide("reject"),
  move: () => void moveTo(),
  undo: () => deciding.undo(),
  undecided: nextUndecided,
};

const KEYS = {
  k: COMMANDS.keep,
  r: COMMANDS.reject,
  delete: COMMANDS.reject,
  u: () => deciding.decide(null),
  m: COMMANDS.move,
  z: COMMANDS.undo,
  d: COMMANDS.undecided,
  n: () => turn(1),
  p: () => turn(-1),
  f: () => setFilter(state.filter === "all" ? "undecided" : "all"),
  "/": () => void find(),
  "?": () => $("help-sheet").showModal(),
  enter: () => panel.open(),
  "shift k": () => deciding.decideAll("keep"),
  "shift r": () => deciding.decideAll("reject"),
};

const STEPS = {
  ArrowLeft: () => grid.cursor - 1,
  ArrowRight: () => grid.cursor + 1,
  ArrowUp: () => (grid.cursor >= grid.columns ? grid.cursor - grid.columns : grid.cursor),
  ArrowDown: () => Math.min(grid.cursor + grid.columns, grid.faces.length - 1),
  PageUp: () => grid.cursor - grid.columns * grid.rows(),
  PageDown: () => grid.cursor + grid.columns * grid.rows(),
  Home: () => 0,
  End: () => grid.faces.length - 1,
};

function keyOf(event) {
  // On a keyboard of another alphabet the letters are known by their place.
  const letter = /^Key([A-Z])$/.exec(event.code);
  const key = letter && !/^[a-z]$/i.test(event.key) ? letter[1] : event.key;
  return (event.shiftKey && /^[a-z]$/i.test(key) ? "shift " : "") + key.toLowerCase();
}

// Whether a key is meant for something else than the page.
function elsewhere(event) {
  if (!state.label || picker.open || event.altKey || event.target.closest("input")) return true;
  if (event.ctrlKey || event.metaKey) return event.key.toLowerCase() !== "z";
  return event.target.closest("button, a") !== null && [" ", "Enter"].includes(event.key);
}

function pressed(event) {
  if (elsewhere(event)) return;
  if ($("help-sheet").open) {
    if (event.key === "?") $("help-sheet").close();
    return;
  }
  const step = STEPS[event.key];
  const act = step ? () => grid.go(step(), event.shiftKey) : KEYS[keyOf(event)];
  if (!act) return;
  event.preventDefault();
  deciding.after(act);
}

const clicks = {
  find: () => void find(),
  "open-names": () => void find(),
  help: () => $("help-sheet").showModal(),
  previous: () => turn(-1),
  next: () => turn(1),
  "show-all": showAll,
  "show-doubtful": () => setFilter("doubtful"),
  "show-undecided": () => setFilter("undecided"),
  retry: () => saver.retry(),
};

document.addEventListener("keydown", pressed);
for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
for (const id of ["actions", "large-actions"]) {
  $(id).addEventListener("click", (event) => {
    const act = COMMANDS[event.target.closest("[data-do]")?.dataset.do];
    if (act) deciding.after(act);
  });
}
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
for (const id of ["help-sheet", "large"]) $(id).addEventListener("click", (event) => event.target === $(id) && $(id).close());
addEventListener("beforeunload", (event) => saver.busy && event.preventDefault());

start().catch((error) => toast(error.message));

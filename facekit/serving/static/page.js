// The page of facekit serve: who is in a picture, and the people of the gallery.

import { $, write } from "./text.js";
import { Answers } from "./answers.js";
import { Camera, still } from "./camera.js";
import { Problem, ask, forget, form, held, keep } from "./net.js";
import { People } from "./people.js";
import { Picker } from "./picker.js";
import { calm, complain, decode, say, show } from "./stage.js";
import { add, leave, may, state } from "./state.js";

const OF_PICTURE = [413, 415, 422]; // what is wrong with one picture does not keep others from being looked at
const NAMED = ["people", "picker-list", "person-title", "person-faces", "confirm-title", "confirm-text", "said"]; // what may name people
const AGAIN = 3000; // ms from one try to reach the server to the next

const failed = (error) => (error.status === 401 ? locked(REFUSED) : complain(error));
const REFUSED = new Problem("The key is not valid", "It was mistyped or revoked. Make another one where the server runs: facekit keys create.");
const page = {
  failed,
  // Whoever looks at an answer does not want the next still to take its place.
  show(picture) {
    camera.hold();
    shown(picture);
  },
  hold: () => camera.hold(),
  async again(picture) {
    await look(picture);
    shown(picture);
    await people.load();
  },
};
const picker = new Picker(failed);
const answers = new Answers(picker, page);
const people = new People(picker, again, failed);
const camera = new Camera({ taken: frame, failed, changed: drawCamera });

// The key

async function start() {
  try {
    state.key = await ask("GET", "/v1/key");
  } catch (error) {
    // Without a key the server has been asked only whether it needs one.
    if (error.status === 401) return held() ? failed(error) : locked();
    setTimeout(() => void start(), AGAIN);
    return complain(error);
  }
  calm();
  $("locked").hidden = true;
  $("desk").hidden = false;
  $("scope").hidden = false;
  $("lock").hidden = !held(); // a server that asks for no keys
  write($("scope"), state.key.scope);
  $("people-part").hidden = !state.key.gallery;
  write($("rights"), may("write") || !state.key.gallery ? "" : "This key may only ask. Enrolling and judging answers need a key with the scope write.");
  if (state.key.gallery) await people.load();
}

function locked(problem) {
  forget();
  if (camera.open) camera.stop();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  for (const picture of [...state.pictures]) leave(picture);
  Object.assign(state, { key: null, shown: null, cursor: 0 });
  shown(null);
  for (const id of NAMED) $(id).replaceChildren();
  people.forget();
  $("said").hidden = $("desk").hidden = true;
  for (const id of ["scope", "lock"]) $(id).hidden = true;
  $("locked").hidden = false;
  $("key").value = "";
  $("key").focus();
  if (problem) complain(problem);
}

// A fresh page has nothing of what was shown, and hears no answer that is still on its way.
function leaveAll() {
  forget();
  location.reload();
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  calm();
  try {
    keep($("key").value.trim());
  } catch (error) {
    return complain(error);
  }
  $("key").value = "";
  void start();
});

// Pictures

// Only what somebody chose is counted for the monitor, and once: a camera's stills show the same few people again and again.
async function look(picture, count = false) {
  const key = state.key;
  const route = key.gallery ? "identify" : "analyze";
  const found = await ask("POST", `/v1/${route}?count=${count}`, { form: form(picture.blob) });
  if (state.key !== key) throw new Problem("The key was refused", "The answer to another request came too late.");
  const faces = key.gallery ? found.faces : labelled(found.runs);
  for (const old of picture.faces) {
    // What was said of an answer does not hold for another one.
    if (faces[old.number - 1]?.person !== old.person) picture.judged.delete(old.number);
  }
  Object.assign(picture, { width: found.width, height: found.height, threshold: found.threshold, faces });
  if (!picture.thumbs) await decode(picture);
  return picture;
}

// What each run says of a face, as one answer.
function labelled(runs) {
  const [first, ...others] = Object.values(runs);
  return first.map((face, place) => ({
    ...face,
    number: place + 1,
    nearest: [],
    label: [face, ...others.map((faces) => faces[place])].map((one) => one?.label).filter(Boolean).join(", ") || null,
  }));
}

const empty = (blob, live = false) => ({ blob, live, bitmap: null, thumbs: null, faces: [], judged: new Map() });

async function take(files) {
  const refused = [];
  calm();
  camera.hold(); // the next still would take its place
  for (const file of files) {
    if (!state.key) return;
    $("stage").setAttribute("aria-busy", "true");
    try {
      const picture = await look(empty(file), true);
      add(picture);
      first(picture);
      if (!picture.faces.length) say("No face was found in the picture.");
    } catch (error) {
      if (!OF_PICTURE.includes(error.status)) return failed(error);
      refused.push(files.length > 1 ? new Problem(error.title, `${file.name}: ${error.detail}`) : error);
    } finally {
      $("stage").removeAttribute("aria-busy");
    }
  }
  if (refused.length) complain(refused.length === 1 ? refused[0] : new Problem(`${refused.length} of ${files.length} pictures cannot be used`, refused[0].detail));
}

// Shows a picture, with the cursor on the most doubtful of its answers.
function first(picture) {
  answers.draw();
  const place = answers.all.findIndex((one) => one.picture === picture);
  if (place >= 0) answers.point(place);
  shown(picture);
}

function shown(picture) {
  state.shown = picture;
  answers.draw();
  show(picture, answers.chosen?.face, (of, face) => answers.choose(of, face));
}

// Looks again at the pictures whose answers speak of people that have changed: other names would be none any more.
async function again(numbers) {
  const of = (face) => [face.person, ...face.nearest.map((one) => one.person)];
  const touched = state.pictures.filter((one) => one.faces.some((face) => of(face).some((number) => numbers.includes(number))));
  try {
    for (const picture of touched) await look(picture);
    if (touched.length) shown(state.shown);
  } catch (error) {
    failed(error);
  }
}

// Camera

async function frame(blob, wanted) {
  const picture = await look(empty(blob, true));
  if (!wanted()) return;
  calm();
  add(picture);
  first(picture);
}

async function toggleCamera() {
  if (camera.open) return camera.stop();
  try {
    await camera.start();
  } catch (error) {
    failed(error);
  }
}

async function snap() {
  if (!camera.live) return;
  try {
    const blob = await still();
    for (const old of state.pictures.filter((one) => one.live)) leave(old);
    camera.hold();
    await take([blob]);
  } catch (error) {
    failed(error);
  }
}

function drawCamera() {
  $("video").hidden = !camera.stream;
  $("hold").hidden = !camera.stream;
  $("snap").hidden = !camera.live;
  write($("camera").firstChild, camera.open ? "Close camera" : "Camera");
  write($("hold").firstChild, camera.held ? "Go on" : "Hold");
  // What is held is a picture like any other.
  if (!camera.open || camera.held) for (const picture of state.pictures) picture.live = false;
}

// Keys and buttons

const ACTS = {
  o: () => $("file").click(),
  c: () => void toggleCamera(),
  " ": () => camera.stream && (camera.held ? camera.go() : camera.hold()),
  s: () => void snap(),
  y: () => void answers.act("right"),
  n: () => void answers.act("wrong"),
  x: () => void answers.act("deny"),
  e: () => void answers.act("enroll"),
  "/": () => $("search").focus(),
  "?": () => $("help-sheet").showModal(),
  Escape: calm,
  ArrowDown: () => answers.go(state.cursor + 1),
  ArrowUp: () => answers.go(state.cursor - 1),
  j: () => answers.go(state.cursor + 1),
  k: () => answers.go(state.cursor - 1),
};

function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input")) return;
  if (document.querySelector("dialog[open]") || (!state.key && event.key !== "?")) return;
  if (event.target.closest("button, a") && [" ", "Enter"].includes(event.key)) return;
  const act = ACTS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

const pictures = (held) => [...(held?.files ?? [])].filter((file) => file.type.startsWith("image/") || !file.type);

const takeOr = (files, otherwise) => (files.length ? void take(files) : complain(new Problem("No picture", otherwise)));

function dropped(event) {
  event.preventDefault();
  $("stage").classList.remove("over");
  if (state.key) takeOr(pictures(event.dataTransfer), "What was dropped is no picture file. A picture of another page can be copied, and pasted here.");
}

document.addEventListener("keydown", pressed);
document.addEventListener("paste", (event) => {
  const files = pictures(event.clipboardData);
  if (state.key && (files.length || !event.target.closest("input"))) takeOr(files, "What was pasted is no picture.");
});
// A picture that is dropped beside its place must not be opened instead of the page.
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", dropped);
$("stage").addEventListener("dragenter", () => $("stage").classList.add("over"));
$("stage").addEventListener("dragleave", (event) => $("stage").contains(event.relatedTarget) || $("stage").classList.remove("over"));
$("file").addEventListener("change", () => {
  const files = [...$("file").files];
  $("file").value = "";
  void take(files);
});
const clicks = { choose: ACTS.o, camera: ACTS.c, hold: ACTS[" "], snap: ACTS.s, help: ACTS["?"], lock: leaveAll, calm };
for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close(button.value));

void start();

// The answers of this tab, most doubtful first, and what a person does about each.

import { $, el, write } from "./text.js";
import { ask, form } from "./net.js";
import { answers, isKnown, may, state } from "./state.js";
import { calm, called, say } from "./stage.js";

export class Answers {
  // `page` holds the camera still, looks at a picture again, shows one, and says what failed: see page.js.
  constructor(picker, page) {
    Object.assign(this, { picker, page, all: [], at: null });
  }

  get chosen() {
    return this.all[state.cursor] ?? null;
  }

  // The cursor stays at its face, wherever that is among the answers now.
  draw() {
    this.all = answers();
    const place = this.all.findIndex(({ picture, face }) => picture === this.at?.picture && face.number === this.at.number);
    this.point(place >= 0 ? place : state.cursor);
    const focused = document.activeElement?.closest?.(".answer") !== null && document.activeElement !== document.body;
    $("answers").replaceChildren(...this.all.map((one, place) => this.card(one, place)));
    $("no-answers").hidden = this.all.length > 0;
    write($("answers-count"), this.all.length);
    if (focused) $("answers").children[state.cursor]?.focus({ preventScroll: true });
  }

  card(one, place) {
    const { picture, face } = one;
    const chosen = place === state.cursor;
    const said = picture.judged.get(face.number);
    const text = el("div", { class: "what" }, el("b", {}, called(face)), el("span", { class: "soft" }, facts(face)), said ? el("span", { class: "judged" }, said) : null);
    const card = el("li", { class: "answer", tabindex: chosen ? "0" : "-1", "aria-current": String(chosen) }, picture.thumbs.get(face.number), text, chosen ? this.buttons(one) : null);
    card.dataset.known = String(isKnown(face));
    card.addEventListener("click", (event) => event.target.closest("button") || this.go(place));
    return card;
  }

  buttons({ face }) {
    const offer = (act, text, key) => el("button", { class: "quiet", type: "button", "data-act": act, onclick: () => void this.act(act) }, text, el("kbd", {}, key));
    if (!may("write") || !face.answer) return null;
    return el("div", { class: "acts" },
      offer("right", "Right", "Y"), offer("wrong", "Wrong", "N"),
      face.known ? offer("deny", "Not this person", "X") : null,
      state.key.gallery ? offer("enroll", "Enroll", "E") : null);
  }

  point(place) {
    state.cursor = Math.max(0, Math.min(place, this.all.length - 1));
    this.at = this.chosen && { picture: this.chosen.picture, number: this.chosen.face.number };
  }

  go(place) {
    if (!this.all.length) return;
    this.point(place);
    this.page.show(this.chosen.picture);
    $("answers").children[state.cursor]?.focus();
    $("answers").children[state.cursor]?.scrollIntoView({ block: "nearest" });
  }

  choose(picture, face) {
    this.go(this.all.findIndex((one) => one.picture === picture && one.face === face));
  }

  async act(name) {
    const one = this.chosen;
    if (!one?.face.answer || (!state.key.gallery && !["right", "wrong"].includes(name))) return;
    if (!may("write")) return say("This key may only ask: that needs a key with the scope write.");
    this.page.hold();
    try {
      const said = await this[name](one);
      if (!said) return;
      calm();
      say(said);
    } catch (error) {
      this.page.failed(error);
    }
  }

  right(one) {
    return this.judge(one, { right: true }, "said to be right");
  }

  // A run has labels, not people: there is nobody to choose.
  async wrong(one) {
    if (!state.key.gallery) return this.judge(one, { right: false }, "said to be wrong");
    const who = await this.picker.choose("Who is it really?", { unknown: true, but: [one.face.person] });
    if (!who) return null;
    const person = who.person === null ? {} : { person: who.person };
    return this.judge(one, { right: false, ...person }, who.name ? `said to be ${who.name}` : "said to be wrong");
  }

  async judge(one, said, text) {
    await ask("POST", "/v1/feedback", { json: { answer: one.face.answer, ...said } });
    one.picture.judged.set(one.face.number, text);
    this.leaveJudged(state.cursor);
    this.page.show(this.chosen.picture);
    return `Thank you: ${called(one.face)}, ${text}`;
  }

  // Goes to the next answer that nobody has judged, or to the most doubtful of those; stays where there is none.
  leaveJudged(before) {
    this.draw();
    const open = (one) => one && !one.picture.judged.has(one.face.number);
    const place = this.all.findIndex((one, at) => open(one) && at >= before);
    const first = this.all.findIndex(open);
    if (first >= 0) this.point(place >= 0 ? place : first);
  }

  async deny(one) {
    const { person, name, number } = one.face;
    if (!one.face.known) return null;
    await ask("POST", `/v1/people/${person}/deny`, { form: form(one.picture.blob, { face: number }) });
    await this.page.again(one.picture);
    const same = one.picture.faces.some((face) => face.number === number && face.person === person);
    return same ? `Noted, but the face is still called ${name}: it is enrolled so` : `Noted: this face is not ${name}`;
  }

  async enroll(one) {
    const who = await this.picker.choose("Enroll this face as", { fresh: true });
    if (!who) return null;
    const done = await ask("POST", "/v1/people", { form: form(one.picture.blob, { name: who.name, face: one.face.number }) });
    await this.page.again(one.picture);
    return done.new ? `Enrolled as ${done.name}` : `This face was enrolled as ${done.name} before`;
  }
}

const percent = (share) => (share > 0.99 ? ">99%" : share < 0.01 ? "<1%" : `${Math.round(100 * share)}%`);

function facts(face) {
  if (face.reason) return face.reason;
  const like = face.similarity === null ? "" : `similarity ${face.similarity.toFixed(2)}`;
  if (face.top) return factsOfRun(face, like);
  const near = face.nearest.find((one) => !one.denied);
  if (face.known) return [face.probability === null ? "" : `${percent(face.probability)} likely`, like].filter(Boolean).join(", ");
  return near ? `nearest to ${near.name}, similarity ${near.similarity.toFixed(2)}` : like;
}

function factsOfRun(face, like) {
  const [first] = face.top;
  if (!first) return like;
  const sure = `${percent(isKnown(face) ? (face.probability ?? first.confidence) : first.confidence)} sure`;
  return [isKnown(face) ? sure : `most like ${first.label}, ${sure}`, like].filter(Boolean).join(", ");
}

// What is known of one face: who decided, what it repeats, the photo it was cut from, and whose that is.

import { $, el, icon, number, percent, shot } from "./dom.js";
import { get } from "./net.js";
import { whole } from "./state.js";

const WAIT = 90; // ms on a face before its details are asked for

const QUALITIES = { sharpness: "Sharpness", brightness: "Brightness", contrast: "Contrast", yaw: "Turned by", roll: "Tilted by" };
const DEGREES = ["yaw", "roll"];

export class Panel {
  constructor() {
    this.info = {};
    this.details = new Map();
    this.soon = 0;
  }

  get large() {
    return $("large").open;
  }

  // Shows a face at once with what the grid knows, and the rest when it is there.
  show(face, count = 1) {
    this.face = face;
    this.count = count;
    clearTimeout(this.soon);
    if (!face) {
      $("panel").replaceChildren();
      if (this.large) $("large").close();
      return;
    }
    this.draw();
    if (!this.details.has(face.id)) this.soon = setTimeout(() => this.ask(face), WAIT);
  }

  // What a decision changed: the details that hold other faces' states are asked for again.
  forget() {
    this.details.clear();
    if (this.face) this.show(this.face, this.count);
  }

  async ask(face) {
    const detail = await get(`/api/faces/${face.id}`).catch(() => null);
    if (!detail) return;
    detail.twins = detail.twins.map(whole);
    this.details.set(face.id, whole(detail));
    if (this.face?.id === face.id) this.draw();
  }

  draw() {
    const detail = this.details.get(this.face.id);
    if (this.large) this.drawLarge(detail);
    $("panel").replaceChildren(
      ...(this.count > 1 ? [el("p", { class: "several" }, `${this.count} faces are selected: your decision applies to all of them.`)] : []),
      this.verdict(),
      this.pictures(detail, 320),
      ...this.chance(),
      ...(detail ? [...this.photo(detail, () => this.open()), ...this.facts(detail)] : []),
    );
  }

  open() {
    if (!this.face) return;
    if (!this.large) $("large").showModal();
    this.draw();
  }

  drawLarge(detail) {
    const face = el("div", { class: "face" }, this.verdict(), this.pictures(detail, 640), ...this.chance());
    const photo = el("div", { class: "whole" }, ...(detail ? this.photo(detail, null) : []));
    const facts = el("div", { class: "known" }, ...(detail ? this.facts(detail) : []));
    $("large-body").replaceChildren(face, photo, facts);
  }

  verdict() {
    const face = this.face;
    const mark = el("i", { class: `mark${face.mine ? " mine" : ""}` }, icon(face.state));
    const text = el("div", {}, el("b", {}, headline(face)), el("span", {}, below(face)));
    return el("div", { class: "verdict", "data-state": face.state }, mark, text);
  }

  pictures(detail, side) {
    const figure = (face, text) => {
      const picture = shot(face, side, text);
      return el("figure", { class: face.v ? "" : "broken" }, picture, text ? el("figcaption", {}, ...caption(face, text)) : null);
    };
    const twins = detail?.twins ?? [];
    if (!twins.length) return el("div", { class: "pictures one" }, figure(this.face, ""));
    const others = twins.slice(0, 5).map((twin) => {
      const text = twin.label === detail.label ? (this.face.why === "repeat" ? "the one it repeats" : "a repeat of it") : `under ${twin.label}`;
      return figure(twin, text);
    });
    return el("div", { class: "pictures" }, figure(this.face, "this face"), ...others);
  }

  chance() {
    const p = this.face.p;
    if (p === null) return [];
    const pin = el("i");
    pin.style.left = `${100 * p}%`;
    const { keep_at, reject_at } = this.info;
    const rule = `clean keeps faces from ${percent(keep_at)} up and rejects those up to ${percent(reject_at)}`;
    const open = this.face.state === "unsure" ? `. ${whyOpen(this.face, keep_at, reject_at)}` : "";
    return [el("div", { class: "chance" }, pin), el("p", {}, `${percent(p)} likely to be this person; ${rule}${open}`)];
  }

  photo(detail, open) {
    const head = el("h2", {}, "The photo it was cut from");
    if (!detail.photo) return [head, el("div", { class: "photo" }, el("p", {}, "The photo no longer exists."))];
    const image = el("img", { src: `/photos/${detail.id}?v=${detail.photo}`, alt: "The photo that this face was cut from" });
    const frame = el("span", { class: "frame" }, image);
    const made = open
      ? el("button", { class: "photo", type: "button", "aria-label": "Enlarge the photo", onclick: open }, frame)
      : el("div", { class: "photo" }, frame);
    image.addEventListener("error", () => made.replaceChildren(el("p", {}, "The photo cannot be read.")));
    get(`/photos/${detail.id}/box`).then(({ box }) => box && frame.append(drawn(box))).catch(() => {});
    return [head, made];
  }

  facts(detail) {
    const rows = [...origin(detail.source ?? {}), ...measured(detail)];
    if (!rows.length) return [];
    const list = rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
    return [el("h2", {}, "Where it comes from"), el("dl", { class: "facts" }, ...list)];
  }
}

function drawn(box) {
  const made = el("span", { class: "box" });
  ["left", "top", "width", "height"].forEach((side, place) => (made.style[side] = `${100 * box[place]}%`));
  return made;
}

function caption(face, text) {
  return [el("i", { class: `mark${face.mine ? " mine" : ""}`, "data-state": face.state }, icon(face.state)), el("span", {}, text)];
}

function headline(face) {
  if (face.state === "move") return `Moves to ${face.to}`;
  if (face.mine) return face.state === "keep" ? "You keep it" : "You reject it";
  return { keep: "Stays", reject: "Left out", unsure: "Undecided" }[face.state];
}

function below(face) {
  const like = face.like ? `; it looks like ${face.like}` : "";
  if (face.why && face.why !== "unsure") return `left out by clean: ${REASONS[face.why] ?? face.why}${like}`;
  if (face.was !== "unsure") return "kept by clean";
  return `clean is unsure, and ${face.why ? "leaves it out" : "keeps it"} until you decide${like}`;
}

// Why a face is undecided, whatever its probability, and what becomes of it if nobody decides.
function whyOpen(face, keepAt, rejectAt) {
  let why = "This one is between the two";
  if (face.p <= rejectAt) why = "But this one looks like part of a face, cut off by the edge of the photo";
  else if (face.p >= keepAt) why = "But this one may be no face, or is very blurred";
  return `${why}: you decide. Until then it ${face.why ? "is left out" : "stays"}.`;
}

// What clean calls a reason, for a person who sees the face.
const REASONS = { "no vector": "it could not be recognised", "no clear person": "it is not clear whose folder this is" };

function link(address, text) {
  // Addresses come from the web: anything but a web page would be a trap.
  if (!/^https?:\/\//i.test(address)) return text ?? address;
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text ?? shortened(address));
}

function shortened(address) {
  const plain = address.replace(/^https?:\/\/(www\.)?/i, "");
  return plain.length > 60 ? `${plain.slice(0, 57)}…` : plain;
}

function origin(source) {
  const rows = [];
  if (source.page_url) rows.push(["Page", link(source.page_url)]);
  if (source.url) rows.push(["Picture", link(source.url)]);
  if (source.licence || source.licence_url) rows.push(["Licence", link(source.licence_url ?? "", source.licence ?? undefined) || source.licence]);
  else if (source.url) rows.push(["Licence", "not known"]);
  if (source.creator) rows.push(["By", source.creator]);
  if (source.engine && source.engine !== "folder") rows.push(["Found by", [source.engine, source.query && `“${source.query}”`, source.rank && `rank ${source.rank}`].filter(Boolean).join(", ")]);
  if (source.fetched_at) rows.push(["Fetched", source.fetched_at.slice(0, 10)]);
  return rows;
}

function measured(detail) {
  const rows = [];
  if (detail.box) rows.push(["Face", `${number(detail.box[2])} × ${number(detail.box[3])} pixels of the photo`]);
  if (typeof detail.value === "number" && detail.p === null) rows.push(["Measured", String(Math.round(detail.value * 100) / 100)]);
  for (const [key, name] of Object.entries(QUALITIES)) {
    if (typeof detail.quality[key] === "number") rows.push([name, `${Math.round(detail.quality[key] * 10) / 10}${DEGREES.includes(key) ? "°" : ""}`]);
  }
  return rows;
}

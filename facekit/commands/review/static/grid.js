// The faces of a name. Only the tiles that can be seen, and two rows around them, are in the page.

import { announce, describe, el, icon, percent, pictureOf, setIcon, sideFor, write } from "./dom.js";

const SPARE_ROWS = 2;
const SCROLLING = 60; // ms without a scroll event after which pictures are asked for

export const WORDS = { keep: "stays", reject: "left out", unsure: "undecided", move: "moved" };

export class Grid {
  constructor(scroller, grid, heard) {
    this.scroller = scroller;
    this.grid = grid;
    this.heard = heard;
    this.faces = [];
    this.tiles = new Map();
    this.spare = [];
    this.cursor = this.anchor = 0;
    this.soon = 0;
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(scroller);
    grid.addEventListener("click", (event) => this.clicked(event));
    grid.addEventListener("dblclick", () => heard.opened());
  }

  show(faces, cursor) {
    this.faces = faces;
    this.cursor = this.anchor = Math.max(0, Math.min(cursor, faces.length - 1));
    for (const tile of this.tiles.values()) this.release(tile);
    this.tiles.clear();
    this.scroller.scrollTop = 0;
    this.measure();
    this.reveal();
    this.pictures();
    this.heard.moved();
  }

  get face() {
    return this.faces[this.cursor];
  }

  get chosen() {
    const [first, last] = this.range();
    return this.faces.slice(first, last + 1);
  }

  range() {
    return [Math.min(this.cursor, this.anchor), Math.max(this.cursor, this.anchor)];
  }

  // Size

  measure() {
    const style = getComputedStyle(document.documentElement);
    const [wanted, gap, caption] = ["--tile", "--gap", "--caption"].map((name) => parseFloat(style.getPropertyValue(name)));
    const width = this.grid.clientWidth;
    if (!width) return;
    const before = this.columns;
    this.columns = Math.max(3, Math.floor((width + gap) / (wanted + gap)));
    this.side = (width - gap * (this.columns - 1)) / this.columns;
    this.step = { x: this.side + gap, y: this.side + caption + gap };
    this.grid.style.height = `${Math.ceil(this.faces.length / this.columns) * this.step.y}px`;
    if (before === this.columns) this.draw();
    else this.reveal(); // on another screen the faces stand elsewhere
    this.later();
  }

  rows() {
    return Math.max(1, Math.floor(this.scroller.clientHeight / this.step.y));
  }

  // Drawing

  scrolled() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = null;
      this.draw();
    });
    this.later();
  }

  later() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.pictures(), SCROLLING);
  }

  draw() {
    if (!this.step) return;
    const top = Math.floor(this.scroller.scrollTop / this.step.y) - SPARE_ROWS;
    const end = Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / this.step.y) + SPARE_ROWS;
    const first = Math.max(0, top * this.columns);
    const last = Math.min(this.faces.length, end * this.columns);
    for (const [place, tile] of this.tiles) {
      if (place < first || place >= last) {
        this.tiles.delete(place);
        this.release(tile);
      }
    }
    for (let place = first; place < last; place++) {
      if (!this.tiles.has(place)) this.tiles.set(place, this.spare.pop() ?? newTile());
      this.dress(place);
      const tile = this.tiles.get(place);
      if (!tile.isConnected) this.grid.append(tile);
    }
    for (const tile of this.spare) tile.remove();
    this.spare = [];
  }

  release(tile) {
    tile.looks = "";
    tile.failed = false;
    tile.image.removeAttribute("src");
    this.spare.push(tile);
  }

  dress(place) {
    const tile = this.tiles.get(place);
    const face = this.faces[place];
    const [from, to] = this.range();
    const chosen = place >= from && place <= to;
    const looks = [face.id, face.v, tile.failed, place, this.side, this.faces.length, chosen, place === this.cursor, face.state, face.mine, face.to, face.waiting];
    if (tile.looks === looks.join()) return;
    tile.looks = looks.join();
    tile.id = `t${place}`;
    tile.place = place;
    const [x, y] = [(place % this.columns) * this.step.x, Math.floor(place / this.columns) * this.step.y];
    tile.style.transform = `translate(${x}px, ${y}px)`;
    tile.style.width = `${this.side}px`;
    tile.dataset.state = face.state;
    tile.dataset.face = face.id;
    tile.classList.toggle("mine", face.mine);
    tile.classList.toggle("waiting", Boolean(face.waiting));
    tile.classList.toggle("chosen", chosen);
    tile.classList.toggle("cursor", place === this.cursor);
    tile.classList.toggle("broken", !face.v || tile.failed);
    setIcon(tile.symbol, face.state);
    write(tile.why, whyOf(face));
    tile.chance.textContent = face.p === null ? "" : percent(face.p);
    tile.setAttribute("aria-selected", chosen);
    tile.setAttribute("aria-posinset", place + 1);
    tile.setAttribute("aria-setsize", this.faces.length);
    describe(tile, spoken(face, place + 1));
  }

  pictures() {
    const side = sideFor(this.side);
    for (const [place, tile] of this.tiles) {
      const wanted = pictureOf(this.faces[place], side);
      if (wanted && tile.image.getAttribute("src") !== wanted) tile.image.src = wanted;
    }
  }

  // Moving

  go(place, extend = false) {
    if (!this.faces.length) return;
    this.cursor = Math.max(0, Math.min(place, this.faces.length - 1));
    if (!extend) this.anchor = this.cursor;
    this.reveal();
    this.heard.moved();
  }

  reveal() {
    if (!this.step || !this.faces.length) return;
    const top = Math.floor(this.cursor / this.columns) * this.step.y;
    const height = this.scroller.clientHeight - 28;
    const above = this.scroller.scrollTop;
    if (top < above) this.scroller.scrollTop = top;
    else if (top + this.step.y > above + height) this.scroller.scrollTop = top + this.step.y - height;
    this.draw();
    this.later();
    this.grid.setAttribute("aria-activedescendant", `t${this.cursor}`);
  }

  clicked(event) {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    const again = tile.place === this.cursor && this.anchor === this.cursor;
    this.go(tile.place, event.shiftKey);
    this.grid.focus({ preventScroll: true });
    if (event.target.closest(".mark")) this.heard.toggled(this.face);
    else if (again) this.heard.again();
  }

  changed() {
    for (const place of this.tiles.keys()) this.dress(place);
    announce(this.face ? spoken(this.face, this.cursor + 1) : "");
  }
}

function newTile() {
  const image = el("img", { alt: "", decoding: "async", draggable: "false" });
  const symbol = icon("keep");
  const mark = el("span", { class: "mark", title: "Keep or reject" }, symbol);
  const why = el("span", { class: "why" });
  const chance = el("span", { class: "p" });
  const shot = el("div", { class: "shot" }, image, icon("broken"));
  const tile = el("div", { class: "tile", role: "option" }, shot, el("div", { class: "caption" }, mark, why, chance));
  image.addEventListener("error", () => {
    tile.failed = image.hasAttribute("src");
    tile.classList.toggle("broken", tile.failed);
  });
  return Object.assign(tile, { image, symbol, why, chance, failed: false });
}

export function whyOf(face) {
  if (face.state === "move") return `to ${face.to}`;
  if (face.mine) return face.state === "keep" ? "kept" : "rejected";
  if (face.state === "reject") return face.like ? `like ${face.like}` : face.why;
  return face.state === "keep" ? "" : "unsure";
}

function spoken(face, place) {
  const by = face.mine ? ", decided by you" : "";
  const chance = face.p === null ? "" : `, ${percent(face.p)} likely`;
  const why = face.state === "reject" && !face.mine ? `, ${face.why}` : face.state === "move" ? ` to ${face.to}` : "";
  return `Face ${place}: ${WORDS[face.state]}${why}${by}${chance}${face.v ? "" : ", no picture"}`;
}

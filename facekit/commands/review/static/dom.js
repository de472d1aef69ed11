// Small helpers: text goes into the page as text only, never as HTML, and what would reorder or hide it is shown.

export const $ = (id) => document.getElementById(id);

// The characters of facekit/base/text.py: controls, overrides of the writing direction, separators, tags.
const HIDDEN = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\ud800-\udfff]/gu;

const escaped = (character) => {
  const code = character.codePointAt(0).toString(16);
  return code.length > 4 ? `\\U${code.padStart(8, "0")}` : code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
};

export const visible = (text) => String(text ?? "").replace(HIDDEN, escaped);

export const write = (element, text) => (element.textContent = visible(text));

export const describe = (element, text) => element.setAttribute("aria-label", visible(text));

const SHOWN = ["alt", "aria-label", "title"];

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "onclick") made.addEventListener("click", value);
    else made.setAttribute(name, value === true ? "" : SHOWN.includes(name) ? visible(value) : value);
  }
  const held = children.filter((child) => child !== null && child !== undefined);
  made.append(...held.map((child) => (child instanceof Node ? child : visible(child))));
  return made;
}

export function icon(name) {
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  drawn.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  drawn.append(use);
  return drawn;
}

export function setIcon(drawn, name) {
  drawn.firstChild.setAttribute("href", `#i-${name}`);
}

export const number = (value) => value.toLocaleString("en");

export const percent = (share) => {
  const of100 = share * 100;
  if (of100 > 0 && of100 < 1) return "<1%";
  return of100 < 100 && of100 > 99 ? ">99%" : `${Math.round(of100)}%`;
};

export const pictureOf = (face, side) => (face.v ? `/pictures/${face.id}?side=${side}&v=${face.v}` : null);

// Faces are asked for in three sizes, so that the browser's cache holds few of each.
export const sideFor = (width) => [160, 320].find((side) => side >= width * devicePixelRatio) ?? 640;

export function shot(face, side, text) {
  const image = el("img", { src: pictureOf(face, side), alt: text, decoding: "async", draggable: "false" });
  const made = el("div", { class: face.v ? "shot" : "shot broken" }, image, icon("broken"));
  image.addEventListener("error", () => made.parentElement?.classList.add("broken"));
  return made;
}

let hiding = 0;
export function toast(text) {
  write($("toast"), text);
  $("toast").hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => ($("toast").hidden = true), 4000);
}

export const announce = (text) => write($("announce"), text);

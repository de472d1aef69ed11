// Small helpers. Text goes into the page as text only: see text.js.

import { $, describe, el, visible, write } from "./text.js";

export { $, describe, el, visible, write };

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

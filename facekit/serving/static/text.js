// Text goes into a page as text only, never as HTML, and what would reorder or hide it is shown. The review page uses this, too.

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

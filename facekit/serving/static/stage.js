// The picture with its boxes, and the small pictures of faces.

import { $, describe, el, write } from "./text.js";
import { isKnown } from "./state.js";

const LARGEST = 1600; // px of a side that are kept and drawn
const THUMB = 112; // px of a side
const GREY = "#8a93a0";

// Gives a picture its pixels, turned as its camera says, and the small pictures of its faces. A format that only the
// server reads has none. Large pictures are kept smaller: thirty of a telephone would fill the memory.
export async function decode(picture) {
  const whole = await createImageBitmap(picture.blob).catch(() => null);
  picture.thumbs = new Map(picture.faces.map((face) => [face.number, thumbnail(picture, face, whole)]));
  const scale = LARGEST / Math.max(picture.width, picture.height);
  if (!whole || scale >= 1) return (picture.bitmap = whole);
  picture.bitmap = await createImageBitmap(whole, { resizeWidth: Math.max(1, Math.round(whole.width * scale)), resizeHeight: Math.max(1, Math.round(whole.height * scale)), resizeQuality: "high" });
  whole.close();
}

export function show(picture, chosen, choose) {
  $("welcome").hidden = picture !== null;
  $("frame").hidden = picture === null;
  if (!picture) {
    $("boxes").replaceChildren();
    Object.assign($("photo"), { picture: null, width: 0, height: 0 });
    return;
  }
  paint(picture);
  describe($("photo"), `Picture with ${picture.faces.length === 1 ? "1 face" : `${picture.faces.length} faces`}`);
  const boxes = picture.faces.filter((face) => face.box).map((face) => boxOf(picture, face, face === chosen, choose));
  $("boxes").replaceChildren(...boxes);
}

function paint(picture) {
  const canvas = $("photo");
  if (canvas.picture === picture) return;
  canvas.picture = picture;
  const scale = Math.min(1, LARGEST / Math.max(picture.width, picture.height));
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  draw(canvas, picture, picture.bitmap, { x: 0, y: 0, w: picture.width, h: picture.height });
}

function draw(canvas, picture, bitmap, { x, y, w, h }) {
  const context = canvas.getContext("2d");
  if (!bitmap) {
    context.fillStyle = GREY;
    context.fillRect(0, 0, canvas.width, canvas.height);
    return;
  }
  const [sx, sy] = [bitmap.width / picture.width, bitmap.height / picture.height];
  context.drawImage(bitmap, x * sx, y * sy, w * sx, h * sy, 0, 0, canvas.width, canvas.height);
}

function boxOf(picture, face, chosen, choose) {
  const name = el("span", { class: "name" }, called(face));
  const box = el("button", { class: chosen ? "box chosen" : "box", type: "button", tabindex: "-1", onclick: () => choose(picture, face) }, name);
  box.dataset.known = String(isKnown(face));
  const share = (part, whole) => `${(100 * part) / whole}%`;
  box.style.left = share(face.box.x, picture.width);
  box.style.top = share(face.box.y, picture.height);
  box.style.width = share(face.box.w, picture.width);
  box.style.height = share(face.box.h, picture.height);
  box.classList.toggle("right", face.box.x + face.box.w / 2 > picture.width / 2); // names stay within the picture
  box.classList.toggle("low", face.box.y + face.box.h > 0.85 * picture.height);
  return box;
}

function thumbnail(picture, face, bitmap) {
  const canvas = el("canvas", { width: THUMB, height: THUMB, class: "thumb" });
  if (face.box) draw(canvas, picture, bitmap, square(face.box, picture));
  return canvas;
}

function square({ x, y, w, h }, picture) {
  const side = Math.min(Math.max(w, h) * 1.2, picture.width, picture.height);
  const within = (from, most) => Math.max(0, Math.min(from, most - side));
  return { x: within(x + (w - side) / 2, picture.width), y: within(y + (h - side) / 2, picture.height), w: side, h: side };
}

export const called = (face) => (face.reason ? "cannot be compared" : face.known === false ? "stranger" : (face.name ?? face.label ?? "no label"));

let hiding = 0;
export function say(text) {
  write($("said"), text);
  $("said").hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => ($("said").hidden = true), 4000);
}

export function complain(problem) {
  write($("problem-title"), `${problem.title ?? "The page failed"}:`);
  write($("problem-detail"), problem.detail ?? String(problem));
  $("problem").hidden = false;
}

export const calm = () => ($("problem").hidden = true);

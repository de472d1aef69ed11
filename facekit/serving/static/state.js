// What the page knows: the key's rights, the pictures of this tab with their answers, and where the cursor is.

const SCOPES = ["read", "write", "admin"];
const MOST = 30; // pictures that are kept to go back to

export const state = { key: null, pictures: [], shown: null, cursor: 0 };

export const may = (scope) => state.key !== null && SCOPES.indexOf(state.key.scope) >= SCOPES.indexOf(scope);

// How far a face is from being answered otherwise; the most doubtful answer is the nearest to it.
function margin({ picture, face }) {
  if (face.reason) return Infinity;
  if (face.top) return face.top.length ? sure(face) : Infinity; // of a run
  return face.similarity === null ? Infinity : Math.abs(face.similarity - picture.threshold);
}

// How sure a run is of its answer; that a face is nobody it knows is an answer as well.
function sure(face) {
  const share = face.probability ?? face.confidence ?? 1;
  return isKnown(face) ? share : 1 - share;
}

// A run gives a label, a gallery a name.
export const isKnown = (face) => face.known ?? (face.label !== null && face.label !== undefined && face.label !== "unknown");

// Every answer with its picture, most doubtful first; those that somebody has judged come last.
export function answers() {
  const all = state.pictures.flatMap((picture) => picture.faces.map((face) => ({ picture, face })));
  const judged = (one) => Number(one.picture.judged.has(one.face.number));
  return all.sort((a, b) => judged(a) - judged(b) || (margin(a) === margin(b) ? 0 : margin(a) - margin(b)));
}

export function add(picture) {
  for (const old of state.pictures.filter((one) => one.live)) leave(old);
  state.pictures.unshift(picture);
  for (const old of state.pictures.slice(MOST)) leave(old);
}

export function leave(picture) {
  state.pictures = state.pictures.filter((one) => one !== picture);
  picture.bitmap?.close();
  picture.bitmap = null;
}

// What the page knows: the names with their counts, and the faces of the one that is open.

export const state = {
  info: {},
  names: new Map(),
  order: [],
  label: null,
  faces: [],
  filter: "all",
  depth: 0,
  // Faces that stay in view though they are decided: what was just done must not vanish.
  touched: new Set(),
  recent: [],
};

export const total = (row) => row.keep + row.reject + row.unsure + row.move;

export const sum = (of) => [...state.names.values()].reduce((all, row) => all + of(row), 0);

// Between these probabilities clean has decided, and yet errs now and then.
const DOUBT = [0.01, 0.9];

const doubted = (face) => face.was !== "unsure" && !face.mine && face.p !== null && face.p >= DOUBT[0] && face.p <= DOUBT[1];

// The faces that each of the three switches shows.
export const FILTERS = {
  undecided: (face) => face.state === "unsure",
  doubtful: (face) => face.state === "unsure" || doubted(face),
  all: () => true,
};

export const shown = () => state.faces.filter((face) => FILTERS[state.filter](face) || state.touched.has(face.id));

export const countOf = (filter) => state.faces.filter(FILTERS[filter]).length;

// Of this tab, so that loading the page again leads back to the same place.
export const recall = (key) => sessionStorage.getItem(key);
export const remember = (key, value) => sessionStorage.setItem(key, value);

// What the server leaves out of a face, because most have none.
export const whole = (face) => ({ v: null, p: null, why: null, like: null, to: null, ...face });

export function outcome(face, verdict, to) {
  return { state: verdict ?? face.was, mine: verdict !== null, to: verdict === "move" ? to : null };
}

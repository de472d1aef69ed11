// Deciding and undoing: shown at once as waiting, and as saved when the server has it on the disk.

import { announce, number, toast } from "./dom.js";
import { WORDS } from "./grid.js";
import { drawCounts } from "./view.js";
import { outcome, state } from "./state.js";

export class Deciding {
  // `page` opens names and shows faces: see review.js.
  constructor(saver, grid, page) {
    Object.assign(this, { saver, grid, page });
    // An undo leads to the face that it is about: what is pressed meanwhile is meant for that one.
    this.undoing = false;
    this.held = [];
  }

  // Does something now, or as soon as the undo that is under way has led where it leads.
  after(act) {
    if (this.undoing) this.held.push(act);
    else act();
  }

  decide(verdict, to = null, faces = this.grid.chosen, step = true) {
    const changing = faces.filter((face) => !same(face, outcome(face, verdict, to)));
    if (changing.length) this.send(changing, verdict, to);
    this.grid.changed();
    drawCounts();
    if (step && faces.length === 1 && faces[0] === this.grid.face) this.grid.go(this.grid.cursor + 1);
    else this.page.showDetails();
  }

  decideAll(verdict) {
    const faces = state.faces.filter((face) => face.state === "unsure");
    if (!faces.length) return toast("Nothing is undecided here.");
    this.decide(verdict, null, faces, false);
    const done = verdict === "keep" ? "kept" : "rejected";
    toast(`${faces.length === 1 ? "1 face" : `${number(faces.length)} faces`} ${done}. Z undoes it.`);
  }

  undo() {
    this.undoing = true;
    this.saver.push({
      path: "/api/undo",
      make: () => ({ depth: state.depth }),
      done: async (reply) => {
        await this.undone(reply);
        this.goOn();
      },
      refused: (error) => {
        toast(error.message);
        this.goOn();
      },
    });
  }

  goOn() {
    this.undoing = false;
    while (this.held.length && !this.undoing) this.held.shift()();
  }

  // A name may be opened again before what was decided about it has reached the server.
  overlaid(faces) {
    const waiting = new Map(this.saver.waiting.map((change) => [change.id, change]));
    for (const face of faces) {
      const change = waiting.get(face.id);
      if (change) Object.assign(face, outcome(face, change.verdict, change.to), { waiting: 1 });
    }
    return faces;
  }

  send(faces, verdict, to) {
    const changes = faces.map((face) => ({ id: face.id, verdict, to }));
    const row = state.names.get(state.label);
    for (const face of faces) {
      const next = outcome(face, verdict, to);
      row[face.state] -= 1;
      row[next.state] += 1;
      if (!face.why) row.unsure_kept += (next.state === "unsure") - (face.state === "unsure");
      Object.assign(face, next, { waiting: (face.waiting ?? 0) + 1 });
      state.touched.add(face.id);
    }
    this.saver.push({
      path: "/api/decisions",
      changes,
      make: () => ({ changes }),
      done: (reply) => this.adopt(reply, changes),
      refused: (error) => {
        toast(error.message);
        this.page.open(state.label);
      },
    });
  }

  adopt(reply, changes) {
    state.depth = reply.depth;
    const byId = new Map(state.faces.map((face) => [face.id, face]));
    for (const { id } of changes) {
      if (byId.get(id)?.waiting) byId.get(id).waiting -= 1;
    }
    // What was decided since is newer than this answer.
    if (!this.saver.waiting.length) {
      for (const { id, state: now, mine, to } of reply.changes) {
        if (byId.has(id)) Object.assign(byId.get(id), { state: now, mine, to });
      }
      for (const counts of reply.counts) Object.assign(state.names.get(counts.label), counts);
    }
    if (reply.trouble) toast(`Saved, but not applied yet: ${reply.trouble}`);
    this.grid.changed();
    this.page.forgetDetails();
    drawCounts();
  }

  async undone(reply) {
    const nothing = reply.depth === state.depth;
    this.adopt(reply, []);
    if (!reply.changes.length) return toast(nothing ? "Nothing to undo." : "A decision was made on another page meanwhile; press undo again.");
    const [first] = reply.changes;
    const ids = reply.changes.map(({ id }) => id);
    if (first.label === state.label) this.page.showFaces(first.id, ids);
    else await this.page.open(first.label, first.id, ids);
    announce(ids.length > 1 ? `Undone: ${ids.length} faces` : `Undone: the face is ${WORDS[first.state]}`);
  }
}

const same = (face, next) => face.state === next.state && face.mine === next.mine && face.to === next.to;

// Choosing a person of the gallery by part of the name, or typing a new one; and asking whether something is meant.

import { $, el, write } from "./text.js";
import { ask } from "./net.js";

const MOST = 20;

export class Picker {
  constructor(failed) {
    this.failed = failed;
    this.asked = 0;
    this.dialog = $("picker");
    this.input = $("picker-input");
    this.list = $("picker-list");
    this.input.addEventListener("input", () => (this.searching = this.search()));
    this.input.addEventListener("keydown", (event) => void this.pressed(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => this.resolve?.(this.chosen));
  }

  // Returns {person, name}; person is null for a new name, and name for "I do not know". Null where nothing was chosen.
  choose(title, { fresh = false, unknown = false, but = [] } = {}) {
    write($("picker-title"), title);
    Object.assign(this, { fresh, unknown, but, chosen: null, rows: [], at: 0 });
    this.input.value = "";
    this.list.replaceChildren();
    this.dialog.showModal();
    this.input.focus();
    this.searching = this.search();
    return new Promise((resolve) => (this.resolve = resolve));
  }

  async search() {
    const number = ++this.asked;
    const typed = this.input.value.trim();
    this.rows = [];
    try {
      const found = await ask("GET", `/v1/people?limit=${MOST}&search=${encodeURIComponent(typed)}`);
      if (number === this.asked) this.draw(typed, found);
    } catch (error) {
      this.dialog.close();
      this.failed(error);
    }
  }

  draw(typed, { people, total }) {
    const rows = people.filter((one) => !this.but.includes(one.person)).map((one) => ({ person: one.person, name: one.name, note: faces(one) }));
    const same = (one) => one.name.toLocaleLowerCase() === typed.toLocaleLowerCase();
    if (this.fresh && typed && !people.some(same)) rows.push({ person: null, name: typed, note: "new person" });
    if (this.unknown && !typed) rows.unshift({ person: null, name: null, note: "I do not know who it is" });
    const exact = (row) => Number(row.person !== null && same(row));
    rows.sort((a, b) => exact(b) - exact(a));
    this.rows = rows;
    this.at = 0;
    const shown = rows.map((row, place) => this.row(row, place));
    if (!rows.length) shown.push(el("li", { class: "nothing" }, this.fresh ? "Type a name." : "Nobody of that name."));
    if (total > people.length) shown.push(el("li", { class: "nothing" }, `and ${total - people.length} more: keep typing`));
    this.list.replaceChildren(...shown);
    this.point();
  }

  row(row, place) {
    return el("li", { id: `p${place}`, role: "option", onclick: () => this.take(row) }, el("span", {}, row.name ?? row.note), el("span", {}, row.name ? row.note : ""));
  }

  take(row) {
    this.chosen = row;
    this.dialog.close();
  }

  async pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") {
      event.preventDefault();
      await this.searching; // who types fast means what was typed
      if (this.rows.length && this.dialog.open) this.take(this.rows[this.at]);
    } else if (step && this.rows.length) {
      event.preventDefault();
      this.at = (this.at + step + this.rows.length) % this.rows.length;
      this.point();
    }
  }

  point() {
    for (const [place, row] of [...this.list.querySelectorAll("[role=option]")].entries()) {
      row.setAttribute("aria-selected", String(place === this.at));
      if (place === this.at) row.scrollIntoView({ block: "nearest" });
    }
    this.input.setAttribute("aria-activedescendant", this.rows.length ? `p${this.at}` : "");
  }
}

export const faces = ({ faces: count }) => (count === 1 ? "1 face" : `${count.toLocaleString("en")} faces`);

// Asks whether something that cannot be undone is meant.
export function confirmed(title, text, act) {
  write($("confirm-title"), title);
  write($("confirm-text"), text);
  write($("confirm-yes"), act);
  const dialog = $("confirm");
  dialog.returnValue = "";
  dialog.showModal();
  $("confirm-no").focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

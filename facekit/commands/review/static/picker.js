// Choosing a name by typing its beginning, or any part of it.

import { $, el, number, write } from "./dom.js";

const MOST = 60;

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();

export class Picker {
  constructor() {
    this.dialog = $("picker");
    this.input = $("picker-input");
    this.list = $("picker-list");
    this.input.addEventListener("input", () => this.search());
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-label]");
      if (row) this.dialog.close(row.dataset.label);
    });
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close(""));
  }

  get open() {
    return this.dialog.open;
  }

  // Returns the chosen label, null where none was chosen. Those in `first` stand above the others.
  ask(title, names, first, say) {
    write($("picker-title"), title);
    Object.assign(this, { names, first, say });
    this.input.value = "";
    this.search();
    this.dialog.returnValue = "";
    this.dialog.showModal();
    this.input.focus();
    return new Promise((resolve) => {
      this.dialog.addEventListener("close", () => resolve(this.dialog.returnValue || null), { once: true });
    });
  }

  search() {
    const typed = plain(this.input.value.trim());
    const ranked = this.names.map((row) => [rank(plain(row.name), typed), row]).filter(([found]) => found !== null);
    const place = (row) => (this.first.includes(row.label) ? this.first.indexOf(row.label) : this.first.length);
    ranked.sort(([a, one], [b, other]) => a - b || place(one) - place(other));
    this.found = ranked.slice(0, MOST).map(([, row]) => row);
    this.at = 0;
    this.draw(ranked.length);
  }

  draw(count) {
    const rows = this.found.map((row, place) =>
      el("li", { id: `p${place}`, role: "option", "data-label": row.label, "aria-selected": String(place === this.at) },
        el("span", {}, row.name), el("span", {}, this.say(row))),
    );
    if (!rows.length) rows.push(el("li", { class: "nothing" }, "No matching name."));
    if (count > MOST) rows.push(el("li", { class: "nothing" }, `and ${number(count - MOST)} more: keep typing`));
    this.list.replaceChildren(...rows);
    this.point();
  }

  pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") {
      event.preventDefault();
      if (this.found.length) this.dialog.close(this.found[this.at].label);
    } else if (step && this.found.length) {
      event.preventDefault();
      this.at = (this.at + step + this.found.length) % this.found.length;
      this.point();
    }
  }

  point() {
    for (const [place, row] of [...this.list.querySelectorAll("[data-label]")].entries()) {
      row.setAttribute("aria-selected", String(place === this.at));
      if (place === this.at) row.scrollIntoView({ block: "nearest" });
    }
    if (this.found.length) this.input.setAttribute("aria-activedescendant", `p${this.at}`);
    else this.input.removeAttribute("aria-activedescendant");
  }
}

// 0: the name begins so; 1: one of its words does; 2: it stands inside; null: nowhere.
function rank(name, typed) {
  if (name.startsWith(typed)) return 0;
  if (name.split(/[\s_\-]+/).some((word) => word.startsWith(typed))) return 1;
  return name.includes(typed) ? 2 : null;
}

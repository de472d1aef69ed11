// The people of the gallery: found by part of a name, renamed, merged and deleted.

import { $, el, write } from "./text.js";
import { ask } from "./net.js";
import { confirmed, faces } from "./picker.js";
import { calm, complain, say } from "./stage.js";
import { may } from "./state.js";

const MOST = 100;

export class People {
  // `changed` is called when names may be other ones.
  constructor(picker, changed) {
    Object.assign(this, { picker, changed, open: null, asked: 0 });
    $("search").addEventListener("input", () => void this.load());
    $("person-rename").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.rename($("person-name").value.trim());
    });
    $("person-merge").addEventListener("click", () => void this.merge());
    $("person-delete").addEventListener("click", () => void this.remove());
  }

  async load() {
    const number = ++this.asked;
    try {
      const found = await ask("GET", `/v1/people?limit=${MOST}&search=${encodeURIComponent($("search").value.trim())}`);
      if (number === this.asked) this.draw(found);
    } catch (error) {
      complain(error);
    }
  }

  draw({ people, total }) {
    const rows = people.map((one) =>
      el("li", {}, el("button", { type: "button", onclick: () => void this.show(one) }, el("span", { class: "name" }, one.name), el("span", { class: "soft" }, faces(one)))),
    );
    if (total > people.length) rows.push(el("li", { class: "nothing" }, `and ${(total - people.length).toLocaleString("en")} more: type part of a name`));
    if (!total) rows.push(el("li", { class: "nothing" }, $("search").value ? "Nobody of that name." : "Nobody is enrolled yet."));
    $("people").replaceChildren(...rows);
    write($("people-count"), total.toLocaleString("en"));
  }

  async show(person) {
    this.open = person;
    write($("person-title"), person.name);
    $("person-name").value = person.name;
    write($("person-facts"), `${faces(person)}${person.denied ? `, denied ${person.denied} times` : ""}`);
    $("person-rename").hidden = !may("write");
    for (const id of ["person-merge", "person-delete"]) $(id).hidden = !may("admin");
    const lacks = may("admin") ? "" : may("write") ? "Merging and deleting need a key with the scope admin." : "Renaming needs a key with the scope write; merging and deleting, admin.";
    write($("person-rights"), lacks);
    $("person-faces").replaceChildren();
    $("person").showModal();
    await this.pictures(person);
  }

  async pictures(person) {
    try {
      const { enrolled } = await ask("GET", `/v1/people/${person.person}`);
      for (const face of enrolled.filter((one) => one.picture).slice(0, 8)) {
        const blob = await ask("GET", `/v1/people/${person.person}/faces/${face.face}/picture`, { raw: true });
        const bitmap = await createImageBitmap(blob);
        if (this.open !== person) return;
        const canvas = el("canvas", { class: "thumb", width: 112, height: 112, role: "img", "aria-label": "Enrolled face" });
        canvas.getContext("2d").drawImage(bitmap, 0, 0, 112, 112);
        $("person-faces").append(canvas);
      }
    } catch (error) {
      if (this.open === person) complain(error);
    }
  }

  rename(name) {
    return this.change("PATCH", "", { name }, `${this.open.name} is now called ${name}`);
  }

  async merge() {
    const person = this.open;
    $("person").close();
    const into = await this.picker.choose(`Who is ${person.name} really?`, { but: [person.person] });
    if (!into) return;
    const text = `${into.name} gets the faces of ${person.name}, who is removed. This cannot be undone.`;
    if (!(await confirmed(`Merge ${person.name} into ${into.name}?`, text, "Merge"))) return;
    await this.change("POST", "/merge", { others: [person.person] }, `${person.name} was merged into ${into.name}`, into);
  }

  async remove() {
    const person = this.open;
    $("person").close();
    const text = `All that is kept of ${person.name} goes: ${faces(person)}, their pictures, and what was said of answers. This cannot be undone.`;
    if (!(await confirmed(`Delete ${person.name}?`, text, "Delete"))) return;
    await this.change("DELETE", "", undefined, `${person.name} was deleted`, person);
  }

  async change(method, path, json, done, person = this.open) {
    try {
      await ask(method, `/v1/people/${person.person}${path}`, { json });
      calm();
      $("person").close();
      say(done);
      await this.load();
      await this.changed();
    } catch (error) {
      $("person").close();
      complain(error);
    }
  }
}

// The people of the gallery: found by part of a name, renamed, merged and deleted.

import { $, el, write } from "./text.js";
import { ask } from "./net.js";
import { confirmed, faces } from "./picker.js";
import { calm, say } from "./stage.js";
import { may } from "./state.js";

const MOST = 100;
const FACES = 24; // enrolled faces of a person that are shown

export class People {
  // `changed` is told the numbers of people who may have other names now, or other faces; `failed` what went wrong.
  constructor(picker, changed, failed) {
    Object.assign(this, { picker, changed, failed, open: null, shown: null, asked: 0 });
    $("search").addEventListener("input", () => (this.loading = this.load()));
    $("people-part").addEventListener("keydown", (event) => void this.pressed(event));
    $("person-rename").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.rename($("person-name").value.trim());
    });
    $("person-merge").addEventListener("click", () => void this.merge());
    $("person-delete").addEventListener("click", () => void this.remove());
    $("person").addEventListener("close", () => (this.shown = null));
  }

  // Arrows go from the search through the names; Enter in the search opens the first, and Escape ends it.
  async pressed(event) {
    const names = [...$("people").querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const stops = [$("search"), ...names];
      stops[Math.max(0, Math.min(stops.indexOf(document.activeElement) + step, stops.length - 1))].focus();
    } else if (event.key === "Escape" && event.target === $("search")) {
      $("search").value = "";
      $("search").blur();
      await this.load();
    } else if (event.key === "Enter" && event.target === $("search")) {
      event.preventDefault(); // it would go on in the dialog, and rename whom it opens
      await this.loading; // who types fast means what was typed
      $("people").querySelector("button")?.click();
    }
  }

  forget() {
    this.open = this.shown = null;
    this.asked += 1; // an answer on its way is that of another key
    $("search").value = $("person-name").value = "";
  }

  async load() {
    const number = ++this.asked;
    try {
      const found = await ask("GET", `/v1/people?limit=${MOST}&search=${encodeURIComponent($("search").value.trim())}`);
      if (number === this.asked) this.draw(found);
    } catch (error) {
      this.failed(error);
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
    $("person-rename").hidden = !may("write");
    for (const id of ["person-merge", "person-delete"]) $(id).hidden = !may("admin");
    const lacks = may("admin") ? "" : may("write") ? "Merging and deleting need a key with the scope admin." : "Renaming needs a key with the scope write; merging and deleting, admin.";
    write($("person-rights"), lacks);
    this.tell(person);
    $("person-faces").replaceChildren(); // the focus would go to one of another person
    $("person").showModal();
    await this.pictures(person);
  }

  tell(person, problem = "") {
    write($("person-facts"), `${faces(person)}${person.denied ? `, denied ${person.denied === 1 ? "once" : `${person.denied} times`}` : ""}`);
    write($("person-problem"), problem);
  }

  // Shows the enrolled faces, one after another. Whoever opens another person meanwhile sees none of these.
  async pictures(person) {
    const shown = (this.shown = {});
    $("person-faces").replaceChildren();
    try {
      const { enrolled, ...now } = await ask("GET", `/v1/people/${person.person}`);
      if (this.shown !== shown) return;
      this.tell(Object.assign(person, now));
      for (const face of enrolled.filter((one) => one.picture).slice(0, FACES)) {
        const blob = await ask("GET", `/v1/people/${person.person}/faces/${face.face}/picture`, { raw: true });
        const bitmap = await createImageBitmap(blob);
        if (this.shown !== shown) return;
        $("person-faces").append(this.face(person, face, bitmap));
      }
      const more = enrolled.length - $("person-faces").children.length;
      if (more) $("person-faces").append(el("p", { class: "soft" }, `and ${more.toLocaleString("en")} more`));
    } catch (error) {
      if (this.shown === shown) this.refused(error, person);
    }
  }

  face(person, face, bitmap) {
    const canvas = el("canvas", { class: "thumb", width: 112, height: 112, role: "img", "aria-label": "Enrolled face" });
    const scale = 112 / Math.max(bitmap.width, bitmap.height); // whole, however wide
    const [w, h] = [bitmap.width * scale, bitmap.height * scale];
    canvas.getContext("2d").drawImage(bitmap, (112 - w) / 2, (112 - h) / 2, w, h);
    bitmap.close();
    if (!may("admin")) return canvas;
    const text = `Delete this face, enrolled ${face.at.slice(0, 10)}`;
    return el("button", { class: "face", type: "button", title: text, "aria-label": text, onclick: () => void this.removeFace(person, face) }, canvas);
  }

  async removeFace(person, face) {
    const text = `This face of ${person.name} and its picture are deleted. This cannot be undone.`;
    if (!(await confirmed("Delete this face?", text, "Delete"))) return;
    try {
      await ask("DELETE", `/v1/people/${person.person}/faces/${face.face}`);
      await this.pictures(person);
      await this.news([person.person]);
    } catch (error) {
      this.refused(error, person);
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
      await this.news([person.person, ...(json?.others ?? [])]);
    } catch (error) {
      this.refused(error, person);
    }
  }

  async news(numbers) {
    await this.load();
    await this.changed(numbers);
  }

  // Behind an open dialog nobody would see why. Without a right key all is closed.
  refused(error, person) {
    if ($("person").open && error.status && error.status !== 401) return this.tell(person, error.message);
    $("person").close();
    this.failed(error);
  }
}

// Makes tables sort, filter and search, and their numbers easy to copy. Sorting is Tablesort's.
"use strict";
const Tables = (() => {
  const FEW = 6; // rows, or pictures, that need no search
  const MOST = { rows: 12, pictures: 24 }; // that are shown at once: of rows on a phone, where each is a card

  function make(kind, attributes, text = "") {
    const one = Object.assign(document.createElement(kind), attributes);
    one.textContent = text;
    return one;
  }

  const plain = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const read = cell => (cell?.innerText ?? "").replace(/\s+/g, " ").trim();
  const number = text => Number.parseFloat(text.replace(/[^\d.eE+-]/g, ""));
  const known = text => (Number.isNaN(number(text)) ? -1e300 : number(text));

  Tablesort.extend("number", text => /^[-+±]?[\d,]*\.?\d+(e[-+]?\d+)?\s?%?$/i.test(text), (a, b) => known(b) - known(a));

  function sortable(table) {
    if (table.tBodies[0].rows.length < 2) return;
    for (const head of table.tHead.rows[0].cells) {
      head.title = "Sort";
      if (head.dataset.sortMethod === "number") head.setAttribute("data-sort-reverse", "");
      head.addEventListener("keydown", event => {
        if (event.key !== " ") return;
        event.preventDefault();
        head.click();
      });
    }
    new Tablesort(table);
  }

  // Long lists show their first ones, and a button that shows all. `items` returns them in their order of now.
  function limited(items, most, before) {
    let open = false;
    const button = make("button", { type: "button", className: "more" });
    const apply = () => {
      let shown = 0;
      for (const item of items()) {
        const over = !item.hidden && ++shown > most;
        item.classList.toggle("later", over && !open);
      }
      button.textContent = `Show all ${shown}`;
      button.hidden = open || shown <= most;
    };
    button.addEventListener("click", () => {
      open = true;
      const next = items().find(item => item.classList.contains("later"));
      apply();
      const there = next?.querySelector("a[href]");
      if (there) there.focus({ preventScroll: true });
    });
    before.after(button);
    apply();
    return apply;
  }

  // A search box, a choice for each column or property that is to be filtered by, and how many are shown.
  function searchable(items, bar, choices, textOf, changed) {
    const box = make("input", { type: "search", placeholder: "Search", autocomplete: "off" });
    box.setAttribute("aria-label", "Search");
    const count = make("span", { className: "count" });
    count.setAttribute("role", "status");
    const selects = choices.map(({ name, of }) => {
      const select = make("select", {});
      select.setAttribute("aria-label", `Filter by ${name}`);
      const values = [...new Set(items.map(of))].filter(Boolean).sort(new Intl.Collator(undefined, { numeric: true }).compare);
      select.append(make("option", { value: "" }, `${name}: all`), ...values.map(value => make("option", { value }, value)));
      return { select, of };
    });
    const apply = () => {
      const words = plain(box.value).split(/\s+/).filter(Boolean);
      let left = 0;
      for (const item of items) {
        const text = plain(textOf(item));
        const fits = words.every(word => text.includes(word)) && selects.every(({ select, of }) => !select.value || of(item) === select.value);
        item.hidden = !fits;
        left += fits;
      }
      count.textContent = left === items.length ? "" : left ? `${left} of ${items.length}` : "Nothing matches";
      changed();
    };
    box.addEventListener("input", apply);
    selects.forEach(({ select }) => select.addEventListener("change", apply));
    bar.append(box, ...selects.map(({ select }) => select), count);
  }

  async function copy(button, lines) {
    const text = lines.map(line => line.join("\t")).join("\n");
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  function copyable(table, bar) {
    const button = make("button", { type: "button" }, "Copy");
    button.title = "Copy this table, for a spreadsheet";
    button.addEventListener("click", () => {
      const rows = [...table.rows].filter(row => !row.hidden);
      copy(button, rows.map(row => [...row.cells].map(read)));
    });
    bar.append(button);
  }

  function enhance(table) {
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows];
    rows.forEach(row => [...row.cells].forEach((cell, place) => { if (cell.colSpan === 1) cell.dataset.label = read(heads[place]); }));
    sortable(table);
    const bar = make("div", { className: "tools" });
    const filtered = heads.map((head, place) => ({ name: read(head), of: row => row.cells[place]?.dataset.filter ?? read(row.cells[place]), wanted: "filter" in head.dataset }));
    const place = table.closest(".scroll") ?? table;
    const changed = table.matches(".cards") ? limited(() => [...table.tBodies[0].rows], MOST.rows, place) : () => {};
    table.addEventListener("afterSort", changed);
    if (rows.length >= FEW) searchable(rows, bar, filtered.filter(one => one.wanted), row => row.textContent, changed);
    copyable(table, bar);
    place.before(bar);
  }

  function gallery(place) {
    const items = [...place.children];
    if (items.length < 2 * FEW) return;
    const bar = make("div", { className: "tools" });
    const names = (place.dataset.filters ?? "").split(",").filter(Boolean);
    const choices = names.map(name => ({ name, of: item => item.dataset[name] })).filter(({ of }) => new Set(items.map(of)).size > 1);
    searchable(items, bar, choices, item => item.textContent, limited(() => items, MOST.pictures, place));
    place.before(bar);
  }

  function start() {
    document.querySelectorAll("table.sorts").forEach(enhance);
    document.querySelectorAll(".gallery").forEach(gallery);
  }

  return { start };
})();

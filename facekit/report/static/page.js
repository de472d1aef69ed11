// Starts what makes a page easier to use. Without it the page shows the same tables, pictures and links.
"use strict";
(() => {
  // Links to a group of pictures open it over the page.
  function opening() {
    const sheet = document.getElementById("sheet");
    if (!sheet) return;
    const inside = sheet.querySelector("div");
    const title = document.createElement("h2");
    document.addEventListener("click", event => {
      const link = event.target.closest("a[data-opens]");
      const group = link ? [...document.querySelectorAll("main [data-group]")].filter(one => one.dataset.group === link.dataset.opens) : [];
      if (!group.length) return;
      event.preventDefault();
      const faces = document.createElement("div");
      faces.className = "faces couples";
      faces.append(...group.map(one => Object.assign(one.firstElementChild.cloneNode(true), { hidden: false })));
      title.textContent = link.getAttribute("aria-label");
      inside.replaceChildren(title, faces);
      sheet.showModal();
    });
    sheet.addEventListener("click", event => { if (event.target === sheet || event.target.closest("[data-close]")) sheet.close(); });
  }

  document.documentElement.classList.add("js");
  Tables.start();
  Charts.start();
  opening();
})();

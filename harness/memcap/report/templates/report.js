"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("cells"), filter = byId("filter"), sort = byId("sort"), none = byId("none"), shown = byId("shown");
  const chips = [...document.querySelectorAll(".chip")];
  document.documentElement.classList.add("js");

  const cells = [...list.children].map((element, index) => {
    const [need, peak, change, share] = JSON.parse(element.dataset.keys);
    const id = element.querySelector(".name").textContent;
    const ending = element.querySelector(".ending").textContent;
    return {element, worst: index, id, state: element.dataset.state, need, peak, change, share,
            text: `${id} ${element.dataset.state} ${ending}`.toLowerCase()};
  });

  // Filter and sort -------------------------------------------------------------------------------------------------
  function select() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.state);
    let count = 0;
    for (const cell of cells) {
      const visible = (!states.length || states.includes(cell.state)) && words.every((word) => cell.text.includes(word));
      cell.element.hidden = !visible;
      count += visible;
    }
    shown.textContent = `${count} of ${cells.length}`;
    none.hidden = count > 0;
  }

  function order() {
    const key = sort.value;
    const text = new Intl.Collator(undefined, {numeric: true}).compare;
    const sorted = [...cells].sort((a, b) =>
      key === "worst" ? a.worst - b.worst
      : key === "id" ? text(a.id, b.id)
      : (b[key] ?? -Infinity) - (a[key] ?? -Infinity) || a.worst - b.worst);
    list.append(...sorted.map((cell) => cell.element));
  }

  filter.addEventListener("input", select);
  sort.addEventListener("change", order);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      select();
    });
  }
  byId("clear").addEventListener("click", () => {
    filter.value = "";
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "false"));
    select();
    filter.focus();
  });

  // Opening -----------------------------------------------------------------------------------------------------------
  function fill(cell) {
    const dormant = cell.querySelector(":scope > noscript");
    if (dormant) {
      const template = document.createElement("template");
      template.innerHTML = dormant.textContent;
      dormant.replaceWith(template.content);
    }
  }

  document.querySelectorAll(".cell[open]").forEach(fill);
  list.addEventListener("toggle", (event) => event.target.open && fill(event.target), true);

  function follow() {
    const cell = byId(decodeURIComponent(location.hash.slice(1)));
    if (cell?.classList.contains("cell")) {
      cell.hidden = false;
      cell.open = true;
      cell.scrollIntoView();
    }
  }
  addEventListener("hashchange", follow);
  follow();
})();

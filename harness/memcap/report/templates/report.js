"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("cells"), filter = byId("filter"), sort = byId("sort"), none = byId("none"), shown = byId("shown");
  const chips = [...document.querySelectorAll(".chip")];
  document.documentElement.classList.add("js");

  // What thousands of cells hold is a text, and those that are shown briefly are one too until the page is there.
  const later = byId("later"), texts = later ? later.textContent.split("<!" + "--cell-->").slice(0, -1) : [];
  const bodies = new Map();
  let made = 0;
  later?.remove();

  function describe(element) {
    const [need, peak, change, share] = JSON.parse(element.dataset.keys);
    const id = element.querySelector(".name").textContent;
    const ending = element.querySelector(".ending").textContent;
    return {element, worst: cells.length, id, state: element.dataset.state, need, peak, change, share,
            text: `${id} ${element.dataset.state} ${ending}`.toLowerCase()};
  }

  const cells = [];
  for (const element of list.children) cells.push(describe(element));

  function make(count) {
    const parts = texts.slice(made, made + count).map((text) => text.split("<!" + "--body-->"));
    const template = document.createElement("template");
    template.innerHTML = parts.map(([line]) => `${line.trim()}</details>`).join("");
    const elements = [...template.content.children];
    elements.forEach((element, index) => {
      bodies.set(element, parts[index][1].replace("</details>", ""));
      cells.push(describe(element));
    });
    made += elements.length;
    list.append(template.content);
  }

  const makeAll = () => made < texts.length && make(texts.length);

  function makeSome() {
    if (made < texts.length) {
      make(250);
      setTimeout(makeSome);
    }
  }

  if (texts.length) {
    addEventListener("load", () => setTimeout(makeSome));
    addEventListener("beforeprint", makeAll);
  }

  // Filter and sort -------------------------------------------------------------------------------------------------
  function select() {
    makeAll();
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
    makeAll();
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
    const dormant = cell.querySelector(":scope > noscript"), body = bodies.get(cell) ?? dormant?.textContent;
    if (body) {
      const template = document.createElement("template");
      template.innerHTML = body;
      cell.append(template.content);
      bodies.delete(cell);
      dormant?.remove();
    }
  }

  document.querySelectorAll(".cell[open]").forEach(fill);
  list.addEventListener("toggle", (event) => event.target.open && fill(event.target), true);

  function follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (id.startsWith("cell:") && !byId(id)) makeAll();
    const cell = byId(id);
    if (cell?.classList.contains("cell")) {
      cell.hidden = false;
      cell.open = true;
      cell.scrollIntoView();
    }
  }
  addEventListener("hashchange", follow);
  follow();
})();

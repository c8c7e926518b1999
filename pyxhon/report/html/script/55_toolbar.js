// The controls above the behaviours, and what they change.

const CHIPS = [["verdict", VERDICTS], ["level", LEVELS], ["category", CATEGORIES]];

function buildToolbar() {
  for (const [field, names] of CHIPS) {
    const chips = names.filter((name) => numberOf(name) >= 0 && DATA.acts.some((act) => act[columnOf(field)] === numberOf(name)));
    byId("chips").append(element("fieldset", null, element("legend", null, field),
      chips.map((name) => element("button", { type: "button", class: `chip ${name}`, "aria-pressed": "false", "data-field": field,
        "data-name": name, onclick: () => toggle(field, name) }, name))));
  }
  byId("times").append(timeFields());
  const owners = [...new Set(DATA.acts.map((act) => act[PACKAGE]))];
  owners.sort((left, right) => text(left).localeCompare(text(right)));
  byId("package").append(...owners.slice(0, 2000).map((owner) => element("option", { value: String(owner) }, text(owner))));
  byId("package").addEventListener("change", (event) => {
    FILTER.package = event.target.value === "" ? -1 : Number(event.target.value);
    refresh();
  });
  byId("search").addEventListener("input", later(search));
  byId("reset").addEventListener("click", reset);
  for (const cell of document.querySelectorAll("button.tally")) {
    cell.addEventListener("click", () => showCell(cell.dataset));
  }
}

function columnOf(field) {
  return { verdict: VERDICT, level: LEVEL, category: CATEGORY }[field];
}

function timeFields() {
  const field = (id, label) => element("label", null, `${label} `, element("input", { type: "number", id, name: id, min: "0", step: "any",
    onchange: () => chooseTime(readTime("from"), readTime("to")) }), " s");
  return element("fieldset", null, element("legend", null, "time"), field("from", "from"), field("to", "to"));
}

function readTime(id) {
  const typed = byId(id).value;
  return typed === "" ? null : Number(typed) * 1e6;
}

function chooseTime(from, to) {
  FILTER.from = from;
  FILTER.to = to;
  byId("from").value = from === null ? "" : (from / 1e6).toFixed(3);
  byId("to").value = to === null ? "" : (to / 1e6).toFixed(3);
  refresh();
}

function toggle(field, name) {
  const number = numberOf(name);
  if (!FILTER[field].delete(number)) {
    FILTER[field].add(number);
  }
  refresh();
}

function search() {
  readWords(byId("search").value);
  refresh();
}

function clearFilter() {
  readWords("");
  byId("search").value = "";
  byId("package").value = "";
  FILTER.package = -1;
  FILTER.verdict.clear();
  FILTER.level.clear();
  FILTER.category.clear();
}

function reset() {
  clearFilter();
  chosenOpen.clear();
  chooseTime(null, null);
}

// From the matrix to the behaviours of one of its cells.
function showCell({ package: name, category, verdict, beneath }) {
  clearFilter();
  const owner = numberOf(name);
  FILTER.package = owner < 0 ? NOBODY : owner;
  byId("package").value = String(FILTER.package);
  FILTER.category.add(numberOf(category));
  FILTER.verdict.add(numberOf(verdict));
  const levels = beneath === "yes" ? LEVELS.slice(1) : LEVELS.slice(0, 1);
  levels.map(numberOf).filter((number) => number >= 0).forEach((number) => FILTER.level.add(number));
  chosenOpen.set(FILTER.package, true);
  chooseTime(null, null);
  goTo("behaviours");
}

function showBehaviour(id) {
  clearFilter();
  byId("search").value = `#${id}`;
  readWords(`#${id}`);
  chooseTime(null, null);
  goTo("behaviours");
}

function goTo(id) {
  byId(id).scrollIntoView();
  byId(id).focus({ preventScroll: true });
}

function refresh() {
  const wanted = DATA.acts.filter(isWanted);
  const acts = FILTER.from === null && FILTER.to === null ? wanted : wanted.filter(isInTime);
  for (const chip of document.querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", String(FILTER[chip.dataset.field].has(numberOf(chip.dataset.name))));
  }
  byId("reset").disabled = !isFiltering();
  byId("found").textContent = isFiltering()
    ? `${thousands(acts.length)} of ${plural(DATA.acts.length, "behaviour")}` : plural(DATA.acts.length, "behaviour");
  showBehaviours(acts);
  drawTimeline(wanted);
}

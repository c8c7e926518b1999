// The behaviours, by package; violations first, then what nobody judged, each in the order of time.

const GROUP_PAGE = 40;
const ROW_PAGE = 50;
const FEW = 60;

const chosenOpen = new Map();
let groupPages = null;

function rankOf(act) {
  return VERDICTS.indexOf(text(act[VERDICT]));
}

function groupActs(acts) {
  const groups = new Map();
  for (const act of acts) {
    const group = groups.get(act[PACKAGE]);
    if (group) {
      group.push(act);
    } else {
      groups.set(act[PACKAGE], [act]);
    }
  }
  return [...groups].map(describeGroup).sort((left, right) =>
    right.numbers[0] - left.numbers[0] || right.numbers[1] - left.numbers[1] || right.acts.length - left.acts.length);
}

function describeGroup([owner, acts]) {
  const byVerdict = [[], [], []];
  for (const act of acts) {
    byVerdict[rankOf(act)].push(act);
  }
  return { owner, acts: byVerdict.flat(), numbers: byVerdict.map((each) => each.length) };
}

function showBehaviours(acts) {
  const groups = groupActs(acts);
  const isOpen = (group) => chosenOpen.get(group.owner)
    ?? (group.numbers[0] > 0 || groups.length < 3 || acts.length <= FEW);
  groupPages = groupPages || new Pages(byId("groups"), null, GROUP_PAGE);
  groupPages.make = (group) => makeGroup(group, isOpen(group));
  groupPages.show(groups);
  byId("groups").after(groupPages.more);
  if (!groups.length) {
    byId("groups").append(element("p", { class: "empty" }, DATA.acts.length ? "Nothing matches." : "No behaviour was seen."));
  }
}

function verdictCount(number, verdict) {
  return verdict === "violation" ? plural(number, verdict) : `${thousands(number)} ${verdict}`;
}

function makeGroup(group, isOpen) {
  const level = (name) => group.acts.reduce((sum, act) => sum + (text(act[LEVEL]) === name ? 1 : 0), 0);
  const label = [element("span", { class: "name" }, text(group.owner)),
    ...VERDICTS.map((verdict, number) => group.numbers[number]
      ? element("span", { class: `badge ${verdict}` }, verdictCount(group.numbers[number], verdict)) : null),
    ...LEVELS.slice(1).map((name) => level(name)
      ? element("span", { class: `level ${name}` }, `${thousands(level(name))} ${name}`) : null)];
  const whole = element("section", { class: "group" });
  const button = unfolding({ class: "group-head" }, label, () => makeRows(group.acts), (body) => whole.append(body));
  button.addEventListener("click", () => chosenOpen.set(group.owner, button.getAttribute("aria-expanded") === "true"));
  whole.append(element("h3", null, button));
  button.unfold(isOpen);
  return whole;
}

function makeRows(acts) {
  const list = element("ul", { class: "acts" });
  const pages = new Pages(list, makeAct, ROW_PAGE);
  pages.show(acts);
  const body = element("div", null, list, pages.more);
  body.pages = pages;
  return body;
}

function makeAct(act) {
  const verdict = text(act[VERDICT]);
  const level = text(act[LEVEL]);
  const button = unfolding({ class: "row" }, rowLabel(act, verdict, level), () => detailPanel(act));
  return element("li", { class: `act ${verdict}` }, button);
}

function rowLabel(act, verdict, level) {
  const category = text(act[CATEGORY]);
  return [
    element("span", { class: `level ${level}` }, level),
    element("span", { class: "letter", title: category }, category.slice(0, 1).toUpperCase(), unseen(category.slice(1))),
    element("span", { class: "what mono" }, element("span", { class: "act-name" }, text(act[NAME])),
      ...argumentsOf(act).slice(0, 6).flatMap(([name, value]) => [" ", element("span", { class: "argument" },
        element("span", { class: "argument-name" }, `${name}=`), value.slice(0, 120))])),
    place(act[PLACE], { class: "where mono" }),
    element("span", { class: "times" }, `×${thousands(act[COUNT])}`),
    element("span", { class: `badge ${verdict}` }, verdict),
  ];
}

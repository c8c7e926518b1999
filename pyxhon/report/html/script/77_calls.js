// Calls, and what could have been done and was not.

const [CALLER, CALLEE, CALL_COUNT, CALL_KIND, CALL_THREADS, HAD_RUN, CALL_NAME, CALL_ARGUMENTS, MORE_ARGUMENTS] = Array(9).keys();
const [UNSEEN_PACKAGE, UNSEEN_KIND, UNSEEN_NAME, UNSEEN_PLACE, UNSEEN_CATEGORY, IS_SURE] = Array(6).keys();

function buildCalls() {
  listing("calls", {
    title: "calls", rows: DATA.calls, size: 40, make: callRow,
    words: (row) => [...callEnd(row[CALLER]), ...callEnd(row[CALLEE]), text(row[CALL_NAME])],
    holder: table("Calls", ["Function", "Package", "Caller", ">Count"]),
  });
}

function callEnd(end) {
  return end.length ? [functionOf(end[0]), placeOf(end[0], false), text(end[1])] : [];
}

function callRow(row) {
  const [name, , owner] = callEnd(row[CALLEE]);
  const given = row[CALL_ARGUMENTS].map(([shown, line, count]) => element("div", { class: "given mono" },
    `×${thousands(count)} ${text(shown)}${line ? ` (line ${line})` : ""}`));
  const more = row[MORE_ARGUMENTS] ? element("div", { class: "hint" }, `and ${thousands(row[MORE_ARGUMENTS])} more`) : null;
  const isPython = DATA.python[row[CALLEE][0]][0] >= 0;
  return element("tr", null,
    element("td", null, element("span", { class: "mono strong" }, name || text(row[CALL_NAME]) || "?"),
      row[CALL_KIND] >= 0 && text(row[CALL_KIND]) === "c" ? [" ", element("span", { class: "level native" }, "C")] : null,
      isPython ? element("div", { class: "hint mono" }, placeOf(row[CALLEE][0], true)) : null, ...given, more),
    element("td", null, owner || "–"),
    element("td", null, row[CALLER].length ? place(row[CALLER][0]) : element("span", { class: "nothing" },
      row[HAD_RUN] ? "ran before the trace" : "–")),
    element("td", { class: "right" }, row[CALL_COUNT] < 0 ? "seen" : thousands(row[CALL_COUNT])));
}

function buildUnseen() {
  const order = (row) => (row[UNSEEN_CATEGORY] >= 0 ? 0 : 1);
  const rows = [...DATA.unseen].sort((left, right) => order(left) - order(right));
  listing("unseen", {
    title: "places", rows, size: 40, make: unseenRow,
    words: (row) => [UNSEEN_PACKAGE, UNSEEN_KIND, UNSEEN_NAME, UNSEEN_CATEGORY].map((field) => text(row[field]))
      .concat(placeOf(row[UNSEEN_PLACE], false)),
    holder: table("Not exercised", ["Package", "What", "Category", "Where", "Did its code run?"]),
  });
}

function unseenRow(row) {
  return element("tr", null, element("td", null, text(row[UNSEEN_PACKAGE])),
    element("td", null, element("span", { class: "hint" }, `${text(row[UNSEEN_KIND])} `),
      element("span", { class: "mono strong" }, text(row[UNSEEN_NAME]))),
    element("td", null, text(row[UNSEEN_CATEGORY]) || "–"),
    element("td", null, place(row[UNSEEN_PLACE])),
    element("td", null, row[IS_SURE] ? "no" : "it did, or may have"));
}

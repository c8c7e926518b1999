// Code objects that were made at run time: where they come from, and their instructions.

const [CODE_HASH, CODE_PLACE, CODE_PACKAGE, CODE_COUNT, CODE_RAN, CODE_CUT, CODE_ORIGIN, CODE_BEHAVIOURS, CODE_LINES] =
  Array(9).keys();

function buildCode() {
  listing("code", {
    title: "code", rows: DATA.code, size: 20, make: codeCard, holder: wideCards,
    words: (row) => [text(row[CODE_HASH]), text(row[CODE_PACKAGE]), placeOf(row[CODE_PLACE], false), functionOf(row[CODE_PLACE]),
      ...row[CODE_ORIGIN].map((step) => text(step[2])), ...row[CODE_LINES].map(text)],
  });
}

function wideCards() {
  const rows = element("ul", { class: "cards wide" });
  return { whole: rows, rows };
}

function codeCard(row) {
  const [total, ...shown] = row[CODE_BEHAVIOURS];
  const links = shown.map((number) => element("button", { type: "button", class: "link mono", onclick: () =>
    showBehaviour(text(number)) }, text(number).slice(0, 8)));
  const lines = row[CODE_LINES].map(text);
  return element("li", { class: "card" },
    element("h3", { class: "mono" }, functionOf(row[CODE_PLACE]) || "?", element("span", { class: "hint" },
      ` ${placeOf(row[CODE_PLACE], true)}`)),
    element("p", { class: "hint" }, `${text(row[CODE_PACKAGE]) || "owner not known"}, ×${thousands(row[CODE_COUNT])}, ${
      row[CODE_RAN] ? "" : "not seen to run, "}`,
      element("span", { class: "mono" }, text(row[CODE_HASH]).slice(0, 16))),
    originList(row[CODE_ORIGIN]),
    total ? element("p", null, `${plural(total, "behaviour")} with it in the stack: `, ...links.flatMap((link) => [link, " "])) : null,
    lines.length ? unfolding({ class: "more" }, `${plural(lines.length, "instruction")}${row[CODE_CUT] ? ", cut" : ""}`,
      () => highlightBytecode(lines)) : null);
}

function originList(steps) {
  if (!steps.length) {
    return element("p", { class: "warning" }, "Nobody was seen to make it.");
  }
  return element("ol", { class: "origin" }, steps.map(([by, frame, detail]) => element("li", null,
    element("strong", null, text(by)), " ", frame < 0 ? "" : place(frame),
    detail < 0 ? null : element("div", { class: "given" }, highlightGiven(text(detail))))));
}

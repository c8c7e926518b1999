// All that is known of one behaviour.

function detailPanel(act) {
  return element("div", { class: "detail" },
    element("div", { class: "facts-of" }, element("h4", null, "What is known"), factList(act)),
    element("div", { class: "stack-of" }, element("h4", null, "Stack, innermost first"), stackPanel(act)));
}

function factList(act) {
  const list = element("dl");
  for (const [label, value] of facts(act)) {
    if (value !== null && value !== "") {
      list.append(element("dt", null, label), element("dd", null, value));
    }
  }
  return list;
}

function facts(act) {
  const given = argumentsOf(act).map(([name, value]) => [name, element("span", { class: "mono" }, value)]);
  return [
    ["verdict", whyOf(act)],
    ["policy says", text(act[POLICY_REASON])],
    ...given,
    ["cut", act[TRUNCATED] ? element("span", { class: "warning" }, "an argument was cut; no rule was matched against it") : null],
    ["result", act[RESULT] < 0 ? null : element("span", { class: "mono" }, text(act[RESULT]))],
    ["times", timesOf(act)],
    ["processes", processesOf(act)],
    ["chain", text(act[CHAIN])],
    ["place", act[PLACE] < 0 ? null : element("span", { class: "mono" }, `${placeOf(act[PLACE], false)} ${functionOf(act[PLACE])}`)],
    ["computes", act[INSTRUCTION] < 0 ? null : instructionOf(act)],
    ["object", objectOf(act)],
    ["made by", makerOf(act[MAKER])],
    ["kind", `${text(act[KIND])}, ${text(act[LEVEL])} level, ${text(act[CATEGORY])}`],
    ["seen by", text(act[SIGNALS])],
    ["id", element("span", { class: "mono" }, text(act[ID]))],
  ];
}

function whyOf(act) {
  const verdict = text(act[VERDICT]);
  return [element("span", { class: `badge ${verdict}` }, verdict),
    act[REASON] < 0 ? null : ` ${text(act[REASON])}`,
    act[RULE] < 0 ? null : element("div", { class: "rule mono" }, text(act[RULE]))].filter(Boolean);
}

function timesOf(act) {
  const failed = act[FAILED] ? `, ${thousands(act[FAILED])} of them failed` : "";
  const when = act[COUNT] > 1 ? `from ${seconds(act[FIRST])} to ${seconds(act[LAST])}` : `at ${seconds(act[FIRST])}`;
  return `${thousands(act[COUNT])}${failed}, ${when}`;
}

function processesOf(act) {
  const [total, ...pids] = act[PIDS];
  const more = total > pids.length ? ` and ${thousands(total - pids.length)} more` : "";
  return `${pids.join(", ")}${more} (thread ${act[TID]})`;
}

function instructionOf(act) {
  const around = text(act[SURROUNDINGS]);
  return [highlightPython(text(act[INSTRUCTION])), around ? element("span", { class: "hint" }, ` in ${around}`) : ""];
}

function objectOf(act) {
  if (act[OBJECT] < 0) {
    return null;
  }
  const doubt = [text(act[CONFIDENCE]), text(act[DOUBT])].filter(Boolean).join(": ");
  return [element("span", { class: "mono" }, text(act[OBJECT])), doubt ? element("span", { class: "hint" }, ` ${doubt}`) : ""];
}

function makerOf(maker) {
  if (!maker.length) {
    return null;
  }
  const [kind, subject, owner, object, frame] = maker;
  return [`${text(kind)} ${text(subject)}, by ${text(owner)} `, object < 0 ? "" : `in ${text(object)} `,
    frame < 0 ? "" : place(frame)];
}

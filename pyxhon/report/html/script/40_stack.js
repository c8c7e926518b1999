// The mixed stack of a behaviour: Python frames by line, native frames of one object folded into one entry.

const STACK_ROWS = 14;

function readStack(node) {
  const steps = [];
  for (let at = node; at >= 0; at = DATA.nodes[2 * at + 1]) {
    steps.push(DATA.nodes[2 * at]);
  }
  return steps;
}

function stackEntries(steps) {
  const entries = [];
  for (const step of steps) {
    const isNative = step >= 0 && step % 2 === 1;
    const frame = isNative ? DATA.native[(step - 1) / 2] : null;
    const last = entries[entries.length - 1];
    if (frame && last && last.frames && last.object === frame[0]) {
      last.frames.push(frame);
    } else if (frame) {
      entries.push({ object: frame[0], frames: [frame] });
    } else {
      entries.push(step === UNKNOWN_ORDER ? { isGap: true } : { python: step / 2 });
    }
  }
  return entries;
}

function stackPanel(act) {
  if (act[STACK] < 0) {
    return element("p", { class: "empty" }, "No stack was taken, or it did not fit into this page.");
  }
  const entries = stackEntries(readStack(act[STACK]));
  const list = element("ol", { class: "stack" }, entries.slice(0, STACK_ROWS).map((entry) => stackEntry(entry, act)));
  const rest = entries.slice(STACK_ROWS);
  if (!rest.length) {
    return list;
  }
  const more = element("button", { type: "button", class: "more" }, `Show ${thousands(rest.length)} outer frames`);
  more.addEventListener("click", () => {
    list.append(...rest.map((entry) => stackEntry(entry, act)));
    more.remove();
    list.children[STACK_ROWS].scrollIntoView({ block: "nearest" });
  });
  return element("div", null, list, more);
}

function stackEntry(entry, act) {
  if (entry.isGap) {
    return element("li", { class: "gap" }, "Where the following frames lie among the native ones is not known.");
  }
  if (entry.frames) {
    return nativeEntry(entry);
  }
  const frame = DATA.python[entry.python];
  const isOwner = act[PLACE] >= 0 && isSamePlace(frame, DATA.python[act[PLACE]]);
  return element("li", { class: isOwner ? "python owner" : "python" },
    place(entry.python),
    isOwner ? element("span", { class: "mark" }, "owner") : null,
    frame[3] >= 0 ? element("code", { class: "instruction" }, text(frame[3])) : null);
}

function isSamePlace(left, right) {
  return left[0] === right[0] && left[1] === right[1] && left[2] === right[2];
}

function nativeEntry(entry) {
  const name = fileName(text(entry.object));
  const symbols = entry.frames.filter((frame) => frame[1] >= 0).map((frame) => text(frame[1]));
  const shown = symbols.slice(0, 3).join(" ‹ ") || text(entry.frames[0][2]);
  const label = [element("span", { class: "object" }, name), ` ${shown}`,
    entry.frames.length > 1 ? element("span", { class: "count" }, ` ${entry.frames.length} frames`) : null];
  return element("li", { class: "native" }, unfolding({ class: "native-run mono" }, label, () =>
    element("ol", { class: "frames mono" }, entry.frames.map((frame) =>
      element("li", null, frame[1] >= 0 ? `${text(frame[1])} ` : "", element("span", { class: "offset" },
        `${text(frame[0])}+${text(frame[2])}`))))));
}

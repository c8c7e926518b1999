// When behaviours were first seen, by lanes; dragging over it chooses a time.

const BINS = 240;
const LANE_HEIGHT = 28;
const MOST_LANES = 12;
const SVG = "http://www.w3.org/2000/svg"; // a name, not an address

const END = DATA.acts.reduce((end, act) => Math.max(end, act[LAST]), 1);

function laneOf(act, by) {
  return by === "pid" ? `pid ${act[PIDS][1]}` : text(act[by === "package" ? PACKAGE : by === "level" ? LEVEL : CATEGORY]);
}

function drawTimeline(acts) {
  const lanes = countLanes(acts, byId("lanes").value);
  const most = Math.max(1, ...lanes.flatMap(([, lane]) => lane.sums));
  const plot = element("div", { class: "plot" }, lanes.map(([name, lane]) => drawLane(name, lane, most)),
    element("div", { class: "selection", hidden: true }));
  byId("chart").replaceChildren(
    element("div", { class: "lane-names", "aria-hidden": "true" }, lanes.map(([name]) => element("div", { title: name }, name))),
    plot, timeAxis());
  showSelection(plot);
  plot.addEventListener("pointerdown", (event) => startDrag(event, plot));
}

function countLanes(acts, by) {
  const lanes = new Map();
  for (const act of acts) {
    const name = laneOf(act, by);
    let lane = lanes.get(name);
    if (!lane) {
      lane = { total: 0, sums: new Array(BINS).fill(0), bins: VERDICTS.map(() => new Array(BINS).fill(0)) };
      lanes.set(name, lane);
    }
    const bin = Math.min(BINS - 1, Math.floor(act[FIRST] * BINS / END));
    lane.bins[rankOf(act)][bin] += 1;
    lane.sums[bin] += 1;
    lane.total += 1;
  }
  const order = by === "category" ? (each) => CATEGORIES.indexOf(each[0]) : (each) => -each[1].total;
  const sorted = [...lanes].sort((left, right) => order(left) - order(right));
  return sorted.length > MOST_LANES ? [...sorted.slice(0, MOST_LANES - 1), mergeLanes(sorted.slice(MOST_LANES - 1))] : sorted;
}

function mergeLanes(rest) {
  const merged = { total: 0, sums: new Array(BINS).fill(0), bins: VERDICTS.map(() => new Array(BINS).fill(0)) };
  for (const [, lane] of rest) {
    merged.total += lane.total;
    lane.sums.forEach((count, bin) => { merged.sums[bin] += count; });
    lane.bins.forEach((bins, rank) => bins.forEach((count, bin) => { merged.bins[rank][bin] += count; }));
  }
  return [`${rest.length} more`, merged];
}

function drawLane(name, lane, most) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${BINS} ${LANE_HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${name}: ${plural(lane.total, "behaviour")}`);
  const base = new Array(BINS).fill(0);
  // A single one is seen beside thousands: heights go by the square root.
  const scale = lane.sums.map((sum) => sum ? Math.max(3, (LANE_HEIGHT - 2) * Math.sqrt(sum / most)) / sum : 0);
  VERDICTS.forEach((verdict, rank) => {
    const steps = lane.bins[rank].map((count, bin) => {
      const height = count * scale[bin];
      base[bin] += height;
      return count ? `M${bin + 0.08} ${(LANE_HEIGHT - base[bin]).toFixed(2)}h0.84v${height.toFixed(2)}h-0.84z` : "";
    });
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", verdict);
    path.setAttribute("d", steps.join(""));
    svg.append(path);
  });
  return element("div", { class: "lane" }, svg);
}

function timeAxis() {
  const ticks = [0, 1, 2, 3, 4].map((part) => element("span", null, `${(END / 1e6 * part / 4).toFixed(END < 4e6 ? 3 : 1)} s`));
  return element("div", { class: "axis", "aria-hidden": "true" }, ticks);
}

function timeAt(event, plot) {
  const area = plot.getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)) * END;
}

function startDrag(event, plot) {
  if (event.button !== 0) {
    return;
  }
  event.preventDefault();
  const start = timeAt(event, plot);
  plot.setPointerCapture(event.pointerId);
  const move = (moved) => markSelection(plot, start, timeAt(moved, plot));
  plot.addEventListener("pointermove", move);
  plot.addEventListener("pointerup", (ended) => {
    plot.removeEventListener("pointermove", move);
    const end = timeAt(ended, plot);
    const isClick = Math.abs(end - start) * BINS < END;
    chooseTime(isClick ? null : Math.min(start, end), isClick ? null : Math.max(start, end));
  }, { once: true });
}

function showSelection(plot) {
  if (FILTER.from !== null || FILTER.to !== null) {
    markSelection(plot, FILTER.from ?? 0, FILTER.to ?? END);
  }
}

function markSelection(plot, start, end) {
  const selection = plot.querySelector(".selection");
  selection.hidden = false;
  selection.style.left = `${100 * Math.min(start, end) / END}%`;
  selection.style.width = `${100 * Math.abs(end - start) / END}%`;
}

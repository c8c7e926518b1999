// The data of the page, and its rows by name. acts.py and surroundings.py write them in this order.

const DATA = JSON.parse(byId("data").textContent);

const [PACKAGE, CATEGORY, LEVEL, VERDICT, KIND, NAME, ARGUMENTS, RESULT, COUNT, FIRST, LAST, PIDS, TID, PLACE, OBJECT, STACK,
  RULE, REASON, POLICY_REASON, FAILED, TRUNCATED, CHAIN, SIGNALS, CONFIDENCE, DOUBT, MAKER, INSTRUCTION, SURROUNDINGS,
  ID] = Array(29).keys();

const VERDICTS = ["violation", "unjudged", "allowed"];
const LEVELS = ["python", "native", "detached"];
const CATEGORIES = ["file", "network", "dll", "os", "builtins"];
const UNKNOWN_ORDER = -2;

function text(number) {
  return number < 0 ? "" : DATA.texts[number];
}

const numbers = new Map();

function numberOf(wanted) {
  if (!numbers.has(wanted)) {
    numbers.set(wanted, DATA.texts.indexOf(wanted));
  }
  return numbers.get(wanted);
}

// A path by what tells it apart: what follows the folder of distributions, else its last parts.
function shortPath(path) {
  const installed = /^\/.*?\/(?:site|dist)-packages\/(.*)$/.exec(path);
  if (installed) {
    return `…/${installed[1]}`;
  }
  const parts = path.split("/");
  return parts.length > 5 ? `…/${parts.slice(-3).join("/")}` : path;
}

function fileName(path) {
  return path.slice(path.lastIndexOf("/") + 1) || path;
}

function placeOf(frame, isShort) {
  if (frame < 0) {
    return "";
  }
  const [file, line] = DATA.python[frame];
  const path = file < 0 ? "?" : text(file);
  return `${isShort ? shortPath(path) : path}:${line || "?"}`;
}

function functionOf(frame) {
  return frame < 0 ? "" : text(DATA.python[frame][2]);
}

// "file:line function" of a frame, short to look at, whole to hover over.
function place(frame, attributes) {
  if (frame < 0) {
    return element("span", { class: "nothing" }, "–");
  }
  const name = functionOf(frame);
  return element("span", { class: "place mono", title: placeOf(frame, false), ...attributes },
    placeOf(frame, true), name ? element("span", { class: "function" }, ` ${name}`) : null);
}

function seconds(microseconds) {
  return `${(microseconds / 1e6).toFixed(3)} s`;
}

function argumentsOf(act) {
  const pairs = act[ARGUMENTS];
  const shown = [];
  for (let at = 0; at < pairs.length; at += 2) {
    shown.push([text(pairs[at]), text(pairs[at + 1])]);
  }
  return shown;
}

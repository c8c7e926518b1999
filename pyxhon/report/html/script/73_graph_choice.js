// What is chosen in the graph of imports, and moving in it by arrow keys.

function drawn(kind) {
  return [...byId("graph").querySelectorAll(kind)];
}

// Chooses a package, or none; `isQuiet`: only shows what is chosen.
function choosePackage(name, isQuiet) {
  const before = GRAPH.chosen;
  GRAPH.chosen = name;
  const chosen = GRAPH.all.nodes.get(name);
  byId("graph").classList.toggle("has-choice", Boolean(chosen));
  for (const each of drawn(".package")) {
    const { node } = each;
    each.setAttribute("aria-pressed", String(node === chosen));
    each.classList.toggle("near", Boolean(chosen) && (node === chosen || chosen.to.has(node.name) || chosen.from.has(node.name)));
  }
  for (const each of drawn(".edge")) {
    const isNear = Boolean(chosen) && (each.edge.from === name || each.edge.to === name);
    each.classList.toggle("near", isNear);
  }
  byId("graph-clear").disabled = !chosen;
  if (!isQuiet && (chosen || before)) {
    filterBehaviours(chosen);
  }
  sayChoice(chosen);
}

function filterBehaviours(chosen) {
  const owner = chosen && chosen.acts ? numberOf(chosen.name) : -1;
  FILTER.package = chosen && owner < 0 ? NOBODY : owner;
  byId("package").value = owner < 0 ? "" : String(owner);
  if (owner >= 0) {
    chosenOpen.set(owner, true);
  }
  refresh();
}

function sayChoice(chosen) {
  const link = chosen && chosen.acts ? element("button", { type: "button", class: "link", onclick: () => goTo("behaviours") },
    `Show its ${plural(chosen.acts, "behaviour")}`) : null;
  const words = chosen ? `${chosen.name} imports ${plural(chosen.to.size, "package")} and is imported by ${thousands(chosen.from.size)}. `
    : `${plural(GRAPH.laid.nodes.length, "package")}, ${plural(GRAPH.laid.edges.length, "arrow")}.${GRAPH.left} `;
  byId("graph-said").replaceChildren(words, ...(link ? [link] : []));
}

// One node can be reached by Tab; arrow keys go on from there.
function setStop(name) {
  for (const each of drawn(".package")) {
    each.setAttribute("tabindex", each.node.name === name ? "0" : "-1");
  }
}

function pressNode(event, node) {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  if (event.key === "Enter" || event.key === " ") {
    choosePackage(GRAPH.chosen === node.name ? "" : node.name);
  } else if (event.key === "Escape" && GRAPH.chosen) {
    choosePackage("");
  } else if (ways[event.key]) {
    moveTo(node, ways[event.key]);
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

// The nearest node in a direction; what lies aside of it counts as further.
function moveTo(node, [right, down]) {
  const places = new Map(GRAPH.laid.nodes.map((each) => [each.node.name, each]));
  const here = places.get(node.name);
  let best = null;
  for (const each of places.values()) {
    const ahead = (each.x - here.x) * right + (each.y - here.y) * down;
    const aside = Math.abs((each.x - here.x) * down) + Math.abs((each.y - here.y) * right);
    const distance = ahead + 2 * aside;
    if (ahead > 1 && (!best || distance < best.distance)) {
      best = { name: each.node.name, distance };
    }
  }
  if (best) {
    setStop(best.name);
    const target = drawn(".package").find((each) => each.node.name === best.name);
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

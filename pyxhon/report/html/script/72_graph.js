// The graph of imports, drawn: a node is chosen by click or keyboard, its neighbours stay bright, its behaviours are shown.

const LEAST_SCALE = 0.8; // smaller is not read
const GRAPH = { all: null, wanted: "", chosen: "", laid: null };

function graphPart() {
  GRAPH.all = readGraph();
  const names = [...GRAPH.all.nodes.keys()].sort((left, right) => left.localeCompare(right)).slice(0, 2000);
  const select = element("select", { id: "graph-package", name: "graph-package", onchange: (event) => wantGraph(event.target.value) },
    element("option", { value: "" }, "all"), names.map((name) => element("option", { value: name }, name)));
  return element("div", { class: "graph-part" }, element("h3", null, "Graph"),
    element("div", { class: "bar" }, element("label", null, "Package and its neighbours ", select),
      element("button", { type: "button", id: "graph-clear", disabled: true, onclick: () => choosePackage("") }, "Clear selection"),
      element("p", { id: "graph-said", role: "status" })),
    element("div", { class: "graph scroll", id: "graph" }),
    element("p", { class: "hint" }, "An arrow leads from a package to what it imports, its number is that of the import statements; dashed: ",
      "the standard library's alone. Arrow keys move, Enter chooses a package and filters the behaviours by it, Esc clears. ",
      "The tree and the table below tell the same."));
}

function wantGraph(name) {
  GRAPH.wanted = name;
  drawGraph();
}

function svgElement(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) {
      made.setAttribute(name, String(value));
    }
  }
  made.append(...children);
  return made;
}

function drawGraph() {
  const shown = chooseGraph(GRAPH.all, GRAPH.wanted);
  GRAPH.laid = layGraph(shown);
  const { width, height, nodes, edges } = GRAPH.laid;
  const label = `Imports between ${plural(nodes.length, "package")}; the tree below tells the same`;
  const scale = Math.min(1, Math.max(LEAST_SCALE, (byId("graph").clientWidth - 16) / width));
  byId("graph").replaceChildren(svgElement("svg", { width: width * scale, height: height * scale, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label },
    ...edges.map(drawEdge), ...nodes.map(drawNode)));
  const left = [[shown.leftNodes, "package"], [shown.leftEdges, "arrow"]].filter(([count]) => count)
    .map(([count, noun]) => plural(count, noun));
  GRAPH.left = left.length ? ` ${left.join(" and ")} of fewest imports not drawn.` : "";
  choosePackage(nodes.some(({ node }) => node.name === GRAPH.chosen) ? GRAPH.chosen : "", true);
  const first = nodes.find(({ node }) => node.name === GRAPH.chosen) || nodes[0];
  if (first) {
    setStop(first.node.name);
    byId("graph").scrollTo(first.x * scale - byId("graph").clientWidth / 2, first.y * scale - byId("graph").clientHeight / 2);
  }
}

// The head of an arrow, where its line ends, level.
function arrowHead(points) {
  const [from, to] = points.slice(-2);
  const back = to.x > from.x ? -8 : 8;
  return svgElement("path", { class: "head", d: `M${to.x.toFixed(1)} ${to.y.toFixed(1)}l${back} -3.6v7.2z` });
}

function drawEdge({ edge, points, x, y }) {
  const told = svgElement("title", {});
  told.textContent = `${edge.from} imports ${edge.to}: ${plural(edge.count, "import statement")}`;
  const number = svgElement("text", { x, y: y + 3.5 });
  number.textContent = thousands(edge.count);
  const made = svgElement("g", { class: `edge${edge.isDirect ? "" : " transitive"}`, "aria-hidden": "true" }, told,
    svgElement("path", { class: "line", d: curve(points), "stroke-width": (1 + Math.log10(edge.count) * 0.8).toFixed(2) }), arrowHead(points), number);
  made.edge = edge;
  return made;
}

// From point to point, level at each: lines that lie close do not cross where they bend.
function curve(points) {
  let path = `M${points[0].x.toFixed(1)} ${points[0].y.toFixed(1)}`;
  points.slice(1).forEach((point, at) => {
    const middle = ((points[at].x + point.x) / 2).toFixed(1);
    path += `C${middle} ${points[at].y.toFixed(1)} ${middle} ${point.y.toFixed(1)} ${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
  });
  return path;
}

function drawNode({ node, x, y, width, height }) {
  const verdict = VERDICTS[node.rank] || "none";
  const name = svgElement("text", { class: "name", x: 13, y: 19 });
  name.textContent = shortName(node.name);
  const acts = svgElement("text", { class: "acts", x: 13, y: 34 });
  acts.textContent = node.acts ? plural(node.acts, "behaviour") : "no behaviour";
  const said = `${node.name}: ${plural(node.acts, "behaviour")}${node.acts ? `, at worst ${verdict}` : ""}; `
    + `imports ${plural(node.to.size, "package")}, imported by ${thousands(node.from.size)}`;
  const told = svgElement("title", {});
  told.textContent = said;
  const made = svgElement("g", { class: `package ${verdict}`, transform: `translate(${(x - width / 2).toFixed(1)} ${(y - height / 2).toFixed(1)})`,
    role: "button", tabindex: "-1", "aria-pressed": "false", "aria-label": said }, told,
  svgElement("rect", { class: "box", width: width.toFixed(1), height, rx: 7 }),
  svgElement("rect", { class: "mark", width: 5, height, rx: 2.5 }), name, acts);
  made.node = node;
  made.addEventListener("click", () => choosePackage(GRAPH.chosen === node.name ? "" : node.name));
  made.addEventListener("keydown", (event) => pressNode(event, node));
  return made;
}

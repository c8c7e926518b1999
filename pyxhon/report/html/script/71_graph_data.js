// Who imports whom, package by package, as a graph: what is drawn of it, and where dagre puts that.

const MOST_NODES = 150;
const MOST_EDGES = 400;
const NAME_CHARACTERS = 24;
const LETTER_WIDTH = 8.3; // of the name, in the page's own pixels
const NODE_HEIGHT = 44;
const STANDARD = "stdlib";

function readGraph() {
  const nodes = new Map();
  const edges = new Map();
  const node = (name) => nodes.get(name) || nodes.set(name, { name, acts: 0, rank: VERDICTS.length, uses: 0, to: new Set(), from: new Set() })
    .get(name);
  for (const row of DATA.imports) {
    const importer = text(row[IMPORTER]);
    const owner = row[IMPORTED] < 0 ? NOT_KNOWN : text(row[IMPORTED]);
    node(importer).uses += 1;
    node(owner).uses += 1;
    if (importer !== owner) {
      const key = `${importer}\n${owner}`;
      const edge = edges.get(key) || edges.set(key, { from: importer, to: owner, count: 0, isDirect: false }).get(key);
      edge.count += 1;
      edge.isDirect ||= !row[TRANSITIVE];
      node(importer).to.add(owner);
      node(owner).from.add(importer);
    }
  }
  for (const act of DATA.acts) {
    const acting = nodes.get(text(act[PACKAGE]));
    if (acting) {
      acting.acts += 1;
      acting.rank = Math.min(acting.rank, rankOf(act));
    }
  }
  for (const edge of edges.values()) {
    const other = edges.get(`${edge.to}\n${edge.from}`);
    edge.isBack = Boolean(other) && (other.count > edge.count || (other.count === edge.count && other.from < edge.from));
  }
  return { nodes, edges: [...edges.values()] };
}

// The most used first: of a package that was asked for, its neighbours.
function chooseGraph({ nodes, edges }, wanted) {
  const near = nodes.get(wanted);
  const candidates = [...nodes.values()].filter((node) => node.to.size + node.from.size + node.acts > 0
    && (!near || node === near || near.to.has(node.name) || near.from.has(node.name)));
  candidates.sort((left, right) => weightOf(right) - weightOf(left));
  const kept = new Map(candidates.slice(0, MOST_NODES).map((node) => [node.name, node]));
  const between = edges.filter((edge) => kept.has(edge.from) && kept.has(edge.to)
    && (!near || edge.from === wanted || edge.to === wanted));
  between.sort((left, right) => right.count - left.count);
  return {
    nodes: [...kept.values()], edges: between.slice(0, MOST_EDGES),
    leftNodes: candidates.length - kept.size, leftEdges: Math.max(0, between.length - MOST_EDGES),
  };
}

function weightOf(node) {
  return (node.name === "application" ? 1e9 : 0) + node.acts + node.uses;
}

function shortName(name) {
  return name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS - 1)}…` : name;
}

// Gives each node x, y, width and height, each edge its points; and the size of all.
function layGraph({ nodes, edges }) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 70, edgesep: 8, marginx: 10, marginy: 10, ranker: "tight-tree" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) {
    const width = 26 + LETTER_WIDTH * Math.max(shortName(node.name).length, plural(node.acts, "behaviour").length * 0.85);
    graph.setNode(node.name, { width: Math.max(96, width), height: NODE_HEIGHT });
  }
  const laid = edges.map((edge) => ({ edge, ends: orient(edge) }));
  for (const { edge, ends } of laid) {
    const label = graph.edge(...ends) || graph.setEdge(...ends, { weight: 1, width: 0, height: 16, labelpos: "c" }).edge(...ends);
    label.weight = Math.max(label.weight, Math.min(8, edge.count));
    label.width += 8 + 7 * String(edge.count).length;
  }
  dagre.layout(graph);
  const { width, height } = graph.graph();
  return {
    width, height,
    nodes: nodes.map((node) => ({ node, ...graph.node(node.name) })),
    edges: laid.map(({ edge, ends }) => {
      const isTurned = ends[0] !== edge.from;
      return { edge, ...alongside(graph.edge(...ends), ends.map((name) => graph.node(name)), isTurned, isPair(edge, edges)) };
    }),
  };
}

function isPair({ from, to }, edges) {
  return edges.some((other) => other.from === to && other.to === from);
}

// Which way an edge is laid: all ways lead to the standard library, and two packages that import each other share one.
function orient(edge) {
  const isTurned = [STANDARD, NOT_KNOWN].includes(edge.from) || (edge.to !== STANDARD && edge.isBack);
  return isTurned ? [edge.to, edge.from] : [edge.from, edge.to];
}

// The points of an edge from its own beginning: it leaves a node at its right and ends at the left of another. Of two that lie
// side by side one is above, one below.
function alongside({ points, x, y }, [left, right], isTurned, hasOther) {
  const shift = hasOther ? (isTurned ? 9 : -9) : 0;
  const whole = [{ x: left.x + left.width / 2, y: left.y }, ...points.slice(1, -1), { x: right.x - right.width / 2, y: right.y }];
  const moved = whole.map((point) => ({ x: point.x, y: point.y + shift }));
  return { points: isTurned ? moved.reverse() : moved, x, y: y + shift };
}

// Imports as a tree: a package, its modules that were imported, and what those import in turn.

const [IMPORTER, MODULE, IMPORTED, IMPORT_CATEGORY, TRANSITIVE, IMPORT_PLACE, IMPORT_COUNT, IMPORT_FAILED,
  IMPORT_SURROUNDINGS] = Array(9).keys();
const NOT_KNOWN = "not known";

function buildImports() {
  const edges = new Map();
  for (const row of DATA.imports) {
    const importer = text(row[IMPORTER]);
    const owner = row[IMPORTED] < 0 ? NOT_KNOWN : text(row[IMPORTED]);
    const targets = edges.get(importer) || edges.set(importer, new Map()).get(importer);
    (targets.get(owner) || targets.set(owner, []).get(owner)).push(row);
  }
  const roots = findRoots(edges);
  const tree = element("ul", { class: "tree" }, roots.map((name) => importNode(name, null, edges, [])));
  tree.querySelectorAll(".node").forEach((node) => node.unfold(true));
  const caption = "Import statements";
  listing("imports", {
    title: "modules", rows: DATA.imports, size: 40, make: importRow,
    words: (row) => [text(row[IMPORTER]), text(row[MODULE]), text(row[IMPORTED]), text(row[IMPORT_CATEGORY]),
      placeOf(row[IMPORT_PLACE], false)],
    holder: table(caption, ["Importer", "Module", "Package", "Category", "Where", ">Count"]),
    before: [graphPart(), element("h3", null, "Tree"), tree, element("h3", null, caption)],
  });
  if (DATA.imports.length) {
    drawGraph();
  }
}

// Whom nobody else imports; where all import each other, the application or the first.
function findRoots(edges) {
  const imported = new Set();
  for (const [importer, targets] of edges) {
    for (const owner of targets.keys()) {
      if (owner !== importer) {
        imported.add(owner);
      }
    }
  }
  const roots = [...edges.keys()].filter((name) => !imported.has(name));
  if (edges.has("application") && !roots.includes("application")) {
    roots.unshift("application");
  }
  return roots.length ? roots : [...edges.keys()].slice(0, 1);
}

function importNode(name, rows, edges, above) {
  const targets = edges.get(name);
  const isAgain = above.includes(name);
  const label = [element("span", { class: "name" }, name), ...importLabel(rows), isAgain ? element("span", { class: "hint" },
    " shown above") : null];
  if (!rows && !targets) {
    return element("li", null, ...label);
  }
  return element("li", null, unfolding({ class: "node" }, label, () => element("div", null,
    rows ? moduleList(rows) : null,
    targets && !isAgain ? element("ul", { class: "tree" }, [...targets].sort((left, right) => right[1].length - left[1].length)
      .filter(([owner]) => owner !== name).slice(0, 500)
      .map(([owner, inner]) => importNode(owner, inner, edges, [...above, name]))) : null)));
}

function importLabel(rows) {
  if (!rows) {
    return [];
  }
  const categories = new Set(rows.filter((row) => row[IMPORT_CATEGORY] >= 0).map((row) => text(row[IMPORT_CATEGORY])));
  const count = new Set(rows.map((row) => row[MODULE])).size;
  return [element("span", { class: "count" }, ` ${plural(count, "module")}`), ...[...categories].map((category) =>
    element("span", { class: "letter", title: category }, category.slice(0, 1).toUpperCase(), unseen(category.slice(1))))];
}

function moduleList(rows) {
  const names = [...new Set(rows.map((row) => text(row[MODULE])))].sort();
  const shown = names.slice(0, 200);
  return element("p", { class: "modules mono" }, shown.join(", "), names.length > shown.length
    ? ` and ${thousands(names.length - shown.length)} more` : "");
}

function importRow(row) {
  const around = text(row[IMPORT_SURROUNDINGS]);
  const failed = row[IMPORT_FAILED] ? element("span", { class: "warning" }, `, ${thousands(row[IMPORT_FAILED])} failed`) : null;
  return element("tr", null, element("td", null, text(row[IMPORTER])),
    element("td", { class: "mono" }, text(row[MODULE]), around ? element("span", { class: "hint" }, ` in ${around}`) : null,
      row[TRANSITIVE] ? element("span", { class: "hint" }, " by the standard library") : null),
    element("td", null, text(row[IMPORTED]) || "–"),
    element("td", null, text(row[IMPORT_CATEGORY]) || "–"),
    element("td", null, place(row[IMPORT_PLACE])),
    element("td", { class: "right" }, thousands(row[IMPORT_COUNT]), failed));
}

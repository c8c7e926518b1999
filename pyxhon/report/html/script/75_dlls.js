// DLLs as cards, each with the dossier of its file.

const [DLL_PATH, DLL_HASH, DLL_BUILD, DLL_PACKAGE, DLL_LOADER, DLL_WAY, DLL_BY, DLL_PLACE, DLL_PROCESSES, DLL_ROWS, DLL_WARNINGS,
  DLL_RECORD] = Array(12).keys();

function buildDlls() {
  const rank = (row) => (row[DLL_WARNINGS].length ? 0 : 2) + (row[DLL_LOADER] >= 0 ? 0 : 1);
  const rows = [...DATA.dlls].sort((left, right) => rank(left) - rank(right));
  listing("dlls", {
    title: "DLLs", rows, size: 12, make: dllCard, holder: cards,
    words: (row) => [...[DLL_PATH, DLL_PACKAGE, DLL_LOADER, DLL_WAY, DLL_BY, DLL_HASH, DLL_BUILD].map((field) => text(row[field])),
      ...row[DLL_WARNINGS].map(text), ...row[DLL_ROWS].map((pair) => text(pair[1]))],
  });
}

function dllCard(row) {
  const list = element("dl");
  for (const [label, value] of dllFacts(row)) {
    if (value) {
      list.append(element("dt", null, label), element("dd", null, value));
    }
  }
  const warnings = row[DLL_WARNINGS].map((warning) => element("li", null, text(warning)));
  return element("li", { class: row[DLL_WARNINGS].length ? "card marked" : "card" },
    element("h3", { class: "mono" }, fileName(text(row[DLL_PATH]))),
    element("p", { class: "path mono" }, text(row[DLL_PATH])),
    warnings.length ? element("ul", { class: "warnings" }, warnings) : null,
    list,
    unfolding({ class: "more" }, "Dossier", () => dossier(row)));
}

function dllFacts(row) {
  const by = row[DLL_BY] >= 0 ? ` with ${fileName(text(row[DLL_BY]))}` : "";
  return [
    ["package", text(row[DLL_PACKAGE])],
    ["record", text(row[DLL_RECORD])],
    ["loaded", `${row[DLL_LOADER] >= 0 ? `by ${text(row[DLL_LOADER])}, ` : ""}${text(row[DLL_WAY])}${by}`],
    ["at", row[DLL_PLACE] >= 0 ? place(row[DLL_PLACE]) : ""],
    ["processes", row[DLL_PROCESSES] ? thousands(row[DLL_PROCESSES]) : ""],
  ];
}

function dossier(row) {
  const list = element("dl", { class: "dossier" });
  const identity = [["SHA-256", text(row[DLL_HASH])], ["build ID", text(row[DLL_BUILD])]].filter((pair) => pair[1]);
  for (const [label, value] of [...row[DLL_ROWS].map((pair) => pair.map(text)), ...identity]) {
    list.append(element("dt", null, label), element("dd", { class: "mono" }, value));
  }
  return list;
}

// Colours for Python and for disassembled bytecode: spans around text, by one expression each.

const PYTHON_PARTS = new RegExp([
  "(?<string>(?:\\b[rbfuRBFU]{1,2})?(?:'(?:[^'\\\\]|\\\\.)*'|\"(?:[^\"\\\\]|\\\\.)*\"))",
  "(?<comment>#.*)",
  "(?<number>\\b(?:0[xX][0-9a-fA-F]+|\\d+(?:\\.\\d+)?)\\b)",
  "(?<keyword>\\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if"
    + "|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|None|True|False)\\b)",
  "(?<call>[A-Za-z_]\\w*(?=\\())",
].join("|"), "g");
const BYTECODE_LINE = /^(\s*)(\d+)?(\s+)(\d+)(\s+)([A-Z][A-Z0-9_+]*)(\s*)(.*)$/;

function highlightPython(source) {
  return element("code", { class: "source" }, ...colouredParts(source));
}

// What was given to be compiled or run, as lines again; other control characters stay escaped.
function highlightGiven(shown) {
  const bytes = /^b(['"])([^]*)\1(…\(\d+ bytes\))?$/.exec(shown) || /^b(['"])([^]*)$/.exec(shown);
  return highlightPython(bytes ? unfoldEscapes(unfoldEscapes(bytes[2])) + (bytes[3] || "") : unfoldEscapes(shown));
}

function unfoldEscapes(shown) {
  return shown.replace(/\\(\\|n|t|')/g, (whole, kind) => ({ "\\": "\\", n: "\n", t: "\t", "'": "'" }[kind]));
}

function colouredParts(source) {
  const parts = [];
  let end = 0;
  for (const found of source.matchAll(PYTHON_PARTS)) {
    const [kind] = Object.entries(found.groups).find(([, part]) => part !== undefined);
    parts.push(source.slice(end, found.index), element("span", { class: `code-${kind}` }, found[0]));
    end = found.index + found[0].length;
  }
  return [...parts, source.slice(end)];
}

function highlightBytecode(lines) {
  return element("pre", { class: "bytecode", tabindex: "0" }, element("code", null, ...lines.flatMap(bytecodeLine)));
}

function bytecodeLine(line) {
  const found = BYTECODE_LINE.exec(line);
  if (!found) {
    return [line, "\n"];
  }
  const [, indent, number = "", gap, offset, space, opcode, more, argument] = found;
  return [indent, element("span", { class: "code-line" }, number), gap, element("span", { class: "code-offset" }, offset),
    space, element("span", { class: "code-keyword" }, opcode), more, ...colouredParts(argument), "\n"];
}

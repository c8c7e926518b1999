// Which behaviours are wanted. Texts are searched once each, however many behaviours share them.

const FILTER = {
  words: [],
  package: -1,
  verdict: new Set(),
  level: new Set(),
  category: new Set(),
  from: null,
  to: null,
};

const NOBODY = Infinity; // a package whose behaviours did not fit into the page

let lowered = null;

function readWords(typed) {
  FILTER.words = typed.toLowerCase().split(/\s+/).filter(Boolean).map(readWord);
}

// "#id" is one behaviour, "file:line" a place, anything else a part of any text.
function readWord(word) {
  if (word.startsWith("#") && word.length > 1) {
    return { id: word.slice(1) };
  }
  const spot = /^(.+):(\d+)$/.exec(word);
  return { mask: markTexts(word), line: spot ? Number(spot[2]) : 0, file: spot ? markTexts(spot[1]) : null };
}

function markTexts(word) {
  lowered = lowered || DATA.texts.map((each) => each.toLowerCase());
  const mask = new Uint8Array(lowered.length);
  for (let at = 0; at < lowered.length; at += 1) {
    mask[at] = lowered[at].includes(word) ? 1 : 0;
  }
  return mask;
}

function hasWord(act, word) {
  if (word.id) {
    return text(act[ID]) === word.id;
  }
  const { mask } = word;
  for (const field of [NAME, PACKAGE, CATEGORY, LEVEL, VERDICT, KIND, OBJECT, RULE, REASON, RESULT]) {
    if (mask[act[field]]) {
      return true;
    }
  }
  if (act[ARGUMENTS].some((number) => mask[number])) {
    return true;
  }
  if (act[PLACE] < 0) {
    return false;
  }
  const [file, line, name] = DATA.python[act[PLACE]];
  return Boolean(mask[file] || mask[name] || (word.file && word.line === line && word.file[file]));
}

function isWanted(act) {
  return (FILTER.package < 0 || act[PACKAGE] === FILTER.package)
    && isAmong(FILTER.verdict, act[VERDICT])
    && isAmong(FILTER.level, act[LEVEL])
    && isAmong(FILTER.category, act[CATEGORY])
    && FILTER.words.every((word) => hasWord(act, word));
}

function isAmong(chosen, number) {
  return chosen.size === 0 || chosen.has(number);
}

function isInTime(act) {
  return (FILTER.from === null || act[LAST] >= FILTER.from) && (FILTER.to === null || act[FIRST] <= FILTER.to);
}

function isFiltering() {
  return FILTER.words.length > 0 || FILTER.package >= 0 || FILTER.from !== null || FILTER.to !== null
    || FILTER.verdict.size + FILTER.level.size + FILTER.category.size > 0;
}

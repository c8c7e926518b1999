// Long lists by pages: the first rows, and a button for more. What was not asked for is not in the document.

class Pages {
  // `make` gives the element of a row; `holder` takes them.
  constructor(holder, make, size) {
    this.holder = holder;
    this.make = make;
    this.size = size;
    this.more = element("button", { type: "button", class: "more", onclick: () => this.showMore(true) });
  }

  show(rows) {
    this.rows = rows;
    this.shown = 0;
    this.holder.replaceChildren();
    this.showMore(false);
  }

  showMore(isAsked, size = isAsked ? 4 * this.size : this.size) {
    const added = this.rows.slice(this.shown, this.shown + size).map(this.make);
    this.holder.append(...added);
    this.shown += added.length;
    const left = this.rows.length - this.shown;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show ${thousands(Math.min(left, 4 * this.size))} more of ${thousands(left)}`;
    const target = isAsked && added.length ? added[0].querySelector("button") : null;
    if (target) {
      target.focus({ preventScroll: true });
    }
  }
}

// A list with a filter of its own above it.
function listing(section, { title, rows, words, make, holder, size, before }) {
  const container = byId(`${section}-list`);
  if (!rows.length) {
    container.append(element("p", { class: "empty" }, "None."));
    return;
  }
  const found = element("p", { class: "found", role: "status" });
  const input = element("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: `Filter ${title}`, name: section,
    "aria-label": `Filter ${title}` });
  const built = holder();
  const pages = new Pages(built.rows, make, size);
  const refresh = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = wanted.length ? rows.filter((row) => matches(words(row), wanted)) : rows;
    found.textContent = wanted.length ? `${thousands(matching.length)} of ${thousands(rows.length)}` : thousands(rows.length);
    pages.show(matching);
  };
  input.addEventListener("input", later(refresh));
  container.append(...(before || []), element("div", { class: "bar" }, input, found), built.whole, pages.more);
  refresh();
}

function matches(shown, wanted) {
  const whole = shown.join("\n").toLowerCase();
  return wanted.every((word) => whole.includes(word));
}

// Runs `act` once typing has paused.
function later(act) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, 90);
  };
}

function table(caption, titles) {
  return () => {
    const rows = element("tbody");
    const heads = titles.map((title) =>
      element("th", { scope: "col", class: title.startsWith(">") ? "right" : null }, title.replace(">", "")));
    const head = element("thead", null, element("tr", null, heads));
    const whole = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${caption}, scrollable` },
      element("table", { class: "plain" }, head, rows));
    return { whole, rows };
  };
}

function cards() {
  const rows = element("ul", { class: "cards" });
  return { whole: rows, rows };
}

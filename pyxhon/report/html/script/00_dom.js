// Elements. Text of the target enters the page here alone, as text nodes: never as markup.

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) {
      made.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

function unseen(text) {
  return element("span", { class: "unseen-text" }, text);
}

// A button that shows and hides what `make` gives; that is made, and put after it, when it is first wanted.
function unfolding(attributes, label, make, put) {
  const button = element("button", { type: "button", "aria-expanded": "false", ...attributes }, label);
  let body = null;
  button.unfold = (isOpen) => {
    if (isOpen && !body) {
      body = make();
      (put || ((made) => button.after(made)))(body);
    }
    button.setAttribute("aria-expanded", String(isOpen));
    if (body) {
      body.hidden = !isOpen;
    }
  };
  button.addEventListener("click", () => button.unfold(button.getAttribute("aria-expanded") !== "true"));
  return button;
}

const NUMBER = new Intl.NumberFormat("en", { useGrouping: true });

function thousands(number) {
  return NUMBER.format(number).replaceAll(",", "\u202f");
}

function plural(number, noun) {
  return `${thousands(number)} ${noun}${number === 1 ? "" : "s"}`;
}

// Text whose contrast with what is behind it is too low, or cannot be told: [[what, ratio or why not], ...].
// Behind a text are its ancestors, whatever scrolls or is cut: axe leaves that undecided. What lies over them otherwise, as the
// top that stays in sight, has a ground of its own.
(() => {
  const found = new Map();
  const tell = (element, pseudo, why) => {
    const name = `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""}${pseudo ?? ""}`;
    found.set(name, [name, element.textContent.trim().slice(0, 40), why]);
  };
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colours = new Map();
  // Any colour that CSS can write, as numbers.
  const parse = (text) => {
    if (!colours.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
      colours.set(text, [red, green, blue, alpha / 255]);
    }
    return colours.get(text);
  };
  const over = (top, under) => [0, 1, 2].map((each) => top[each] * top[3] + under[each] * (1 - top[3])).concat(1);
  const luminance = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      const isPlain = style.backgroundImage === "none" && style.opacity === "1" && style.filter === "none" && style.mixBlendMode === "normal";
      if (!isPlain) return null;
      layers.push(parse(style.backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    const page = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0, 1] : [255, 255, 255, 1];
    return layers.reverse().reduce((under, top) => over(top, under), page);
  };
  const judge = (element, pseudo) => {
    const style = getComputedStyle(element, pseudo);
    const behind = ground(element);
    if (!behind) return tell(element, pseudo, "a picture, transparency or a filter is behind it");
    const own = pseudo ? over(parse(style.backgroundColor), behind) : behind;
    const isDrawing = element instanceof SVGElement;
    const [one, other] = [over(parse(isDrawing ? style.fill : style.color), own), own].map(luminance).sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) tell(element, pseudo, Number(ratio.toFixed(2)));
    return ratio;
  };
  let count = 0;
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.closest("script, style, [disabled]")) continue;
    if ([...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) {
      judge(element);
      count += 1;
    }
    if (element.placeholder && !element.value) judge(element, "::placeholder");
    for (const pseudo of ["::before", "::after"]) {
      const content = getComputedStyle(element, pseudo).content;
      if (/^".*[^\s"].*"/.test(content)) judge(element, pseudo);
    }
  }
  return { count, faults: [...found.values()] };
})()

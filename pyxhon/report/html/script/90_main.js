// Builds the page: the behaviours at once, what lies below them when the browser has time for it.

const PRINTED_ROWS = 2000;

// On paper nothing can be unfolded: all groups are open, with the first rows of each.
function openForPrint() {
  let left = PRINTED_ROWS;
  for (const head of document.querySelectorAll(".group-head")) {
    head.unfold(true);
    const body = head.closest(".group").lastElementChild;
    const { pages } = body;
    if (left > pages.shown) {
      pages.showMore(false, left - pages.shown);
    }
    left -= pages.shown;
  }
  for (const each of document.querySelectorAll("details")) {
    each.open = true;
  }
}

function markSection() {
  const links = new Map([...document.querySelectorAll(".rail a")].map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const observer = new IntersectionObserver((entries) => {
    entries.forEach((entry) => entry.isIntersecting ? seen.add(entry.target.id) : seen.delete(entry.target.id));
    const current = [...links.keys()].find((id) => seen.has(id));
    links.forEach((link, id) => id === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"));
  }, { rootMargin: "-20% 0px -60% 0px" });
  [...links.keys()].map(byId).filter(Boolean).forEach((section) => observer.observe(section));
}

function buildRest(builders) {
  if (!builders.length) {
    document.documentElement.dataset.state = "complete";
    return;
  }
  setTimeout(() => {
    builders[0]();
    buildRest(builders.slice(1));
  });
}

buildToolbar();
buildKeys();
refresh();
byId("lanes").addEventListener("change", refresh);
window.addEventListener("beforeprint", openForPrint);
document.documentElement.dataset.state = "usable";
performance.mark("usable");
buildRest([buildImports, buildDlls, buildCode, buildCalls, buildUnseen, markSection]);

// The keyboard: / searches, arrows move, Enter unfolds (as buttons do), Escape folds and clears.

function buildKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const act = { "/": startSearch, Escape: leave, ArrowDown: () => step(1), ArrowUp: () => step(-1) }[event.key];
    if (act && act(event.target)) {
      event.preventDefault();
    }
  });
}

function startSearch(target) {
  if (target.matches("input, select, textarea")) {
    return false;
  }
  byId("behaviours").scrollIntoView();
  byId("search").focus({ preventScroll: true });
  byId("search").select();
  return true;
}

function leave(target) {
  if (target === byId("search")) {
    if (target.value) {
      target.value = "";
      search();
    } else {
      target.blur();
    }
    return true;
  }
  const row = target.closest(".act") && target.closest(".act").querySelector(".row");
  if (row && row.getAttribute("aria-expanded") === "true") {
    row.unfold(false);
    row.focus();
    return true;
  }
  return false;
}

function step(by) {
  const here = document.activeElement;
  if (!here || !here.matches(".row, .group-head, #search")) {
    return false;
  }
  const stops = [byId("search"), ...byId("groups").querySelectorAll(".row, .group-head")]
    .filter((each) => each.getClientRects().length > 0);
  const next = stops[stops.indexOf(here) + by];
  if (next) {
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  return Boolean(next);
}

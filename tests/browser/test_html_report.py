"""The HTML report in a real browser: it works, by mouse and keyboard, and asks nothing of the network."""

import dataclasses

import pytest

from pyxhon.report.html.content import Limits
from tests.browser.pages import make_many, make_page_report, write_page
from tests.browser.window import new_window

PAPER = 794  # A4, in the browser's own pixels
VISIBLE = "[...document.querySelectorAll('{}')].filter((each) => each.checkVisibility()).map((each) => each.innerText)"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_page(make_page_report(), tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture
def page(window, path):
    window.open(path)
    yield window
    assert window.evaluate("document.readyState") == "complete"  # what it said before has come by now
    assert window.problems == []
    assert window.requests == [path.as_uri()]


def visible(page, selector):
    return page.evaluate(VISIBLE.format(selector))


def found(page):
    return page.evaluate("document.getElementById('found').textContent")


def names(page):
    return visible(page, ".row .act-name")


def test_the_matrix_comes_first_and_coverage_and_losses_stay_in_sight(page):
    first = page.evaluate("document.querySelector('main h2').textContent")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    top = page.evaluate("document.querySelector('.top').getBoundingClientRect().top")

    assert first == "Verdict matrix"
    assert top == 0
    assert [" ".join(each.split()) for each in visible(page, ".top .signal")] == [
        "audit on", "imports on", "calls off", "syscalls off", "native off", "losses 2, minor",
    ]  # fmt: skip
    assert visible(page, ".top .outcome") == ["CodeReview 1 violation"]


def test_behaviours_stand_by_package_violations_first(page):
    assert [each.split("\n")[0] for each in visible(page, ".group-head .name")] == ["requests", "numpy"]
    assert names(page) == ["socket.connect", "openat", "openat"]
    assert visible(page, ".row .level") == ["python", "detached", "native"]


@pytest.mark.parametrize(
    "chips, expected",
    [
        (["violation"], ["socket.connect"]),
        (["native"], ["openat"]),
        (["file", "detached"], ["openat"]),
        (["violation", "native"], []),
    ],
)
def test_chips_filter(page, chips, expected):
    for chip in chips:
        page.click(".chip", chip)

    assert names(page) == expected
    assert found(page) == f"{len(expected)} of 3 behaviours"
    assert visible(page, ".chip[aria-pressed=true]") == chips or sorted(chips) == sorted(
        visible(page, ".chip[aria-pressed=true]")
    )
    page.click("#reset")
    assert len(names(page)) == 3


@pytest.mark.parametrize(
    "words, count",
    [("connect", 1), ("OPENAT data.npy", 2), ("fetch.py:12", 3), ("#b2", 1), ("libblas", 2), ("127.0.0.1 numpy", 0)],
)
def test_search_finds_names_arguments_places_objects_and_ids(page, words, count):
    page.press("/")
    page.type(words)
    page.until(f"document.getElementById('found').textContent === '{count} of 3 behaviours'")

    assert len(names(page)) == count
    assert bool(visible(page, "#groups .empty")) == (count == 0)


def test_a_cell_of_the_matrix_leads_to_its_behaviours(page):
    page.click("button.tally.violation", "1")

    assert names(page) == ["socket.connect"]
    assert page.evaluate("document.activeElement.id") == "behaviours"


def test_a_row_unfolds_to_all_that_is_known_and_its_mixed_stack(page):
    page.click(".row", "socket.connect")

    known = visible(page, ".facts-of dl")[0]
    assert visible(page, ".stack > li") == [
        "libc.so.6 connect 2 frames",
        "/usr/lib/python3.11/socket.py:833 create_connection\n2 CALL",
        "Where the following frames lie among the native ones is not known.",
        "/srv/app/fetch.py:12 fetch\nowner",
    ] or visible(page, ".stack > li")[3].startswith("/srv/app/fetch.py:12 fetch")
    for part in ("network is not in F", "no network", "127.0.0.1:80", "EINPROGRESS", "4 of them failed", "thread 4244"):
        assert part in known
    page.click(".native-run", "libc")
    assert "/lib/libc.so.6+0x99" in visible(page, ".frames")[0]
    page.click(".row", "socket.connect")
    assert visible(page, ".stack") == []


def test_all_can_be_done_by_keyboard(page):
    page.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.press("Enter")
    page.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.type("connect")
    page.until("document.getElementById('found').textContent.startsWith('1 of')")
    page.press("ArrowDown")
    page.press("ArrowDown")
    assert page.evaluate("document.activeElement.className") == "row"
    page.press("Enter")
    assert len(visible(page, ".detail")) == 1
    page.press("Tab")
    assert page.evaluate("document.activeElement.className") == "native-run mono"
    page.press("Escape")
    assert visible(page, ".detail") == []
    assert page.evaluate("document.activeElement.className") == "row"
    page.press("ArrowUp")
    page.press("ArrowUp")
    page.press("Escape")
    assert found(page) == "3 behaviours"


def test_dragging_over_the_timeline_filters_by_time(page):
    page.evaluate("document.getElementById('timeline').scrollIntoView()")
    box = page.evaluate(
        "(({left, top, width}) => [left, top, width])(document.querySelector('.plot').getBoundingClientRect())"
    )
    left, top, width = box

    page.drag((left + width * 0.3, top + 10), (left + width * 0.6, top + 10))

    assert names(page) == ["openat"]
    assert page.evaluate("document.querySelector('.selection').checkVisibility()")
    assert float(page.evaluate("document.getElementById('from').value")) == pytest.approx(2.7, abs=0.1)
    page.drag((left + 20, top + 10), (left + 20, top + 10))
    assert len(names(page)) == 3


def test_imports_unfold_to_modules(page):
    page.click("#imports .node", "numpy")

    assert "numpy" in visible(page, "#imports .modules")
    assert len(visible(page, "#imports tbody tr")) == 2


def test_lists_have_filters_of_their_own(page):
    page.evaluate("document.querySelector('#imports input').focus()")
    page.type("socket")
    page.until("document.querySelectorAll('#imports tbody tr').length === 1")

    assert visible(page, "#imports .found") == ["1 of 2"]


def test_a_dll_card_tells_its_warnings_and_unfolds_its_dossier(page):
    assert "looks packed" in visible(page, "#dlls .warnings")[0]

    page.click("#dlls .more", "Dossier")

    assert "network" in visible(page, ".dossier")[0]
    assert "libm.so.6" in visible(page, ".dossier")[0]


def test_code_is_shown_by_lines_in_colour(page):
    page.click("#code .more", "2 instructions")

    assert visible(page, "#code .source") == ['def f(x):\n    return "text" + str(42)  # why']
    assert visible(page, "#code .source .code-keyword") == ["def", "return"]
    assert visible(page, "#code .source .code-comment") == ["# why"]
    assert visible(page, "#code .source .code-string") == ['"text"']
    assert visible(page, "#code .bytecode .code-keyword") == ["RESUME", "LOAD_CONST"]
    page.click("#code .link")
    assert names(page) == ["socket.connect"]


def test_calls_and_what_was_not_exercised_are_listed(page):
    assert "socket.send" in visible(page, "#calls tbody tr")[0]
    assert "\N{MULTIPLICATION SIGN}7 data=" in visible(page, "#calls tbody tr")[0]
    assert "os.system" in visible(page, "#unseen-list tbody tr")[0]
    assert "38.8" in visible(page, "#unseen tbody tr")[0]


def test_on_paper_all_groups_are_open_and_nothing_is_sticky(page, tmp_path):
    page.evaluate("document.querySelectorAll('.group-head').forEach((each) => each.click())")
    assert names(page) == []

    page.page.pdf(path=tmp_path / "report.pdf")
    page.page.set_viewport_size({"width": PAPER, "height": 1123})
    page.page.emulate_media(media="print")

    assert len(names(page)) == 3
    assert page.evaluate("getComputedStyle(document.querySelector('.top')).position") == "static"
    assert visible(page, ".filters") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_dark_is_dark_and_light_is_light(page):
    def ground():
        shown = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, shown.removeprefix("rgb(").removesuffix(")").split(",")))

    light = ground()
    page.page.emulate_media(color_scheme="dark")

    assert ground() < 120
    assert light > 600


@pytest.mark.parametrize("width", [360, 700, 1000])
def test_a_narrow_window_does_not_scroll_sideways(browser, path, width):
    with new_window(browser, width=width) as window:
        window.open(path)
        window.click(".row", "socket.connect")

        assert len(visible(window, ".detail")) == 1
        assert window.evaluate("document.documentElement.scrollWidth") <= width
        captions = "[...document.querySelectorAll('caption > span')].map((each) => each.getBoundingClientRect().right)"
        assert 0 < max(window.evaluate(captions)) <= width
        assert window.problems == []


def test_without_its_script_the_page_shows_matrix_violations_coverage_and_losses(browser, path):
    with new_window(browser, has_script=False) as window:
        window.page.goto(path.as_uri())
        shown = window.page.inner_text("body")

    assert "requests: network: socket.connect address=127.0.0.1:80 at /srv/app/fetch.py:12" in shown
    assert "Verdict matrix" in shown
    assert "python_stack_truncated" in shown
    assert "Timeline" not in shown.partition("Verdict matrix")[2]


def test_what_does_not_fit_is_counted_in_sight(window, tmp_path):
    path = write_page(make_many(50), tmp_path / "cut.html", limits=Limits(acts=10, stack_nodes=30))
    window.open(path)

    assert "40 behaviours" in visible(window, "#left-out")[0]
    assert "stacks" in visible(window, "#left-out")[0]
    assert " ".join(visible(window, ".top .signal")[-1].split()) == "page cut"
    assert window.evaluate("document.querySelectorAll('.act.violation').length") == 1


def test_a_report_of_nothing_is_a_page(window, tmp_path):
    report = make_page_report()
    lists = {field.name: [] for field in dataclasses.fields(report) if isinstance(getattr(report, field.name), list)}
    window.open(write_page(dataclasses.replace(report, **lists, losses={}), tmp_path / "empty.html"))

    assert "No behaviour was seen." in visible(window, "#groups")[0]
    assert window.problems == []


def test_100_000_behaviours_stay_usable(window, tmp_path):
    times = window.open(write_page(make_many(100_000), tmp_path / "many.html"))
    assert found(window) == "100\u202f000 behaviours"
    began = window.evaluate("performance.now()")
    window.press("/")
    window.type("table.csv data/77777")
    window.until("document.getElementById('found').textContent.startsWith('1 of')")
    times["typed and filtered"] = round(window.evaluate("performance.now()") - began)
    print(f"100 000 behaviours, milliseconds: {times}")

    assert names(window) == ["open"]
    assert window.evaluate("document.querySelectorAll('*').length") < 20_000
    window.click("#reset")
    assert found(window) == "100\u202f000 behaviours"
    assert window.problems == []


@pytest.mark.parametrize(
    "script, expected",
    [
        ("console.error('wrong')", "error"),
        ("setTimeout(() => { throw new Error('wrong') })", "thrown"),
        ("setTimeout(() => alert('wrong'))", "dialog"),
        ("fetch('http://127.0.0.1:9/').catch(() => 0)", "error"),  # refused by the Content-Security-Policy
        ("void document.body.append(document.createElement('iframe'))", "frame"),
    ],
)
def test_what_is_wrong_in_a_page_is_noticed(window, path, script, expected):
    window.open(path)

    window.evaluate(script)
    window.page.wait_for_timeout(100)

    assert expected in [kind for kind, _what in window.problems]

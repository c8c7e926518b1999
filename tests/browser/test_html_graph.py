"""The graph of imports in the HTML report, in a real browser: what it shows, by mouse, keyboard and on paper."""

import dataclasses

import pytest

from tests.browser.pages import make_page_report, write_page
from tests.unit.report.sample import make_import

EVIL = "<img src=x onerror=alert(1)>\u202e"
SHOWN = EVIL.replace("\u202e", "\\u202e")
IMPORTS = [
    ("application", "requests", 3), ("application", "stdlib", 5), ("requests", "numpy", 2), ("numpy", "stdlib", 4),
    ("stdlib", "numpy", 1), ("numpy", EVIL, 1),
]  # fmt: skip
SAID = "Imports between 5 packages; the tree below tells the same"


@pytest.fixture
def open_page(browser, tmp_path):
    problems, contexts = [], []

    def open_page(imports, **how):
        rows = [
            dataclasses.replace(make_import(f"module{number}", owner, None), importer=importer)
            for importer, owner, count in imports
            for number in range(count)
        ]
        path = write_page(dataclasses.replace(make_page_report(), imports=rows), tmp_path / "page.html")
        context = browser.new_context(**how)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-state=complete]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def node(page, name):
    return page.locator(f"#graph .package[aria-label^='{name}:']")


def near(page):
    names = page.locator("#graph .package.near").evaluate_all("all => all.map(each => each.node.name)")
    return set(names)


def test_packages_and_imports_between_them_are_drawn_with_their_numbers(open_page):
    page = open_page(IMPORTS)

    said = page.locator("#graph .package").evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
    edges = page.locator("#graph .edge").evaluate_all("all => all.map(({edge}) => [edge.from, edge.to, edge.count])")

    assert page.locator("#graph svg").get_attribute("aria-label") == SAID
    assert "requests: 1 behaviour, at worst violation; imports 1 package, imported by 1" in said
    counts = {(importer, owner): count for importer, owner, count in edges}
    assert (counts["application", "requests"], counts["numpy", "stdlib"], counts["stdlib", "numpy"]) == (3, 4, 1)
    assert page.locator("#graph-said").inner_text().strip() == "5 packages, 6 arrows."


def test_ways_lead_from_the_application_to_the_standard_library(open_page):
    page = open_page(IMPORTS)

    left = {name: node(page, name).bounding_box()["x"] for name in ("application", "requests", "numpy", "stdlib")}

    assert sorted(left, key=left.get) == ["application", "requests", "numpy", "stdlib"]


def test_no_two_packages_lie_on_each_other_and_their_names_fit(open_page):
    page = open_page([("application", f"a-distribution-of-{number}", 1 + number % 5) for number in range(40)])

    boxes = page.locator("#graph .box").evaluate_all("all => all.map(each => each.getBoundingClientRect().toJSON())")
    over = page.locator("#graph .package").evaluate_all(
        "all => all.filter((each) => each.querySelector('.name').getBBox().width + 13 > each.getBBox().width - 4)"
    )

    assert over == []
    assert not [
        (one, other) for number, one in enumerate(boxes) for other in boxes[:number]
        if one["left"] < other["right"] and other["left"] < one["right"]
        and one["top"] < other["bottom"] and other["top"] < one["bottom"]
    ]  # fmt: skip


def test_a_click_marks_the_neighbours_and_filters_the_behaviours(open_page):
    page = open_page(IMPORTS)

    node(page, "numpy").click()
    chosen = (near(page), page.locator("#found").inner_text(), page.locator("#graph-said").inner_text())
    page.locator("#graph-said button").click()
    shown = page.locator(".group-head .name").all_inner_texts()
    page.locator("#graph-clear").click()

    assert chosen[0] == {"numpy", "requests", "stdlib", SHOWN}
    assert chosen[1:] == ("2 of 3 behaviours", "numpy imports 2 packages and is imported by 2. Show its 2 behaviours")
    assert [each.split("\n")[0] for each in shown] == ["numpy"]
    assert (near(page), page.locator("#found").inner_text()) == (set(), "3 behaviours")


def test_the_keyboard_reaches_moves_chooses_and_clears(open_page):
    page = open_page(IMPORTS)
    stops = page.locator("#graph .package[tabindex='0']").count()

    node(page, "application").focus()
    page.keyboard.press("ArrowRight")
    moved = page.evaluate("document.activeElement.node.name")
    page.keyboard.press("Enter")
    pressed = page.evaluate("document.activeElement.getAttribute('aria-pressed')")
    page.keyboard.press("Escape")

    assert (stops, moved, pressed) == (1, "requests", "true")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "false"
    assert page.locator("#found").inner_text() == "3 behaviours"


def test_a_package_is_drawn_with_its_neighbours_alone_where_it_is_asked_for(open_page):
    page = open_page(IMPORTS)

    page.locator("#graph-package").select_option("requests")

    names = page.locator("#graph .package").evaluate_all("all => all.map(each => each.node.name)")
    assert set(names) == {"application", "requests", "numpy"}


def test_what_is_too_much_to_draw_is_counted(open_page):
    page = open_page([("application", f"package{number}", 1) for number in range(400)])

    assert page.locator("#graph .package").count() == 150
    assert "251 packages of fewest imports not drawn" in page.locator("#graph-said").inner_text()


def test_text_of_a_target_is_text_in_the_graph(open_page):
    page = open_page(IMPORTS)

    assert page.locator("#graph img").count() == 0
    assert any("<img" in each for each in page.locator("#graph .name").all_text_contents())


@pytest.mark.parametrize("how", [{"color_scheme": "dark"}, {"viewport": {"width": 400, "height": 800}}])
def test_it_stays_within_the_page_in_the_dark_and_on_a_narrow_screen(open_page, how):
    page = open_page(
        [("application", "stdlib", 2), *((f"p{number}", f"p{number + 1}", 2) for number in range(12))], **how
    )

    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    ink, ground = (
        page.evaluate(f"getComputedStyle(document.querySelector('#graph .{part}')).fill") for part in ("name", "box")
    )
    assert ink != ground


def test_on_paper_the_tree_and_the_table_stand_for_it(open_page):
    page = open_page(IMPORTS)

    page.emulate_media(media="print")

    assert not page.locator("#graph").is_visible()
    assert page.locator("#imports-list > .tree").is_visible()


def test_without_imports_there_is_no_graph(open_page):
    assert open_page([]).locator("#graph").count() == 0

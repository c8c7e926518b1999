"""A page in the distribution's Chromium, driven by playwright-core, and all that the page says and asks for."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

LIMIT_MS = 60_000
SIZE = {"width": 1440, "height": 900}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FAULTS = {"error", "warning", "assert"}


class Window:
    """One page, in a context of its own."""

    def __init__(self, context):
        self.page = context.new_page()
        self.page.set_default_timeout(LIMIT_MS)
        self.problems = []
        self.requests = []
        note = self.problems.append
        context.on("page", lambda other: note(("window opened", other.url)))
        self.page.on("console", lambda said: note((said.type, said.text)) if said.type in _FAULTS else None)
        self.page.on("pageerror", lambda error: note(("thrown", str(error))))
        self.page.on("crash", lambda _page: note(("crash", "")))
        self.page.on("dialog", self._refuse)
        self.page.on("download", lambda file: note(("download", file.url)))
        self.page.on("websocket", lambda socket: note(("websocket", socket.url)))
        self.page.on("frameattached", lambda frame: note(("frame", frame.name)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        # What the policies of the page refused, told by the browser to its developer tools alone.
        self._protocol = context.new_cdp_session(self.page)
        self._protocol.send("Audits.enable")
        self._protocol.on("Audits.issueAdded", lambda issue: note(("issue", issue)))

    def reset(self):
        """Make it as it was when it was opened, for the next test."""
        self.page.goto("about:blank")
        self.page.emulate_media(media="null", color_scheme="light")
        self.page.set_viewport_size(SIZE)
        self.problems.clear()
        self.requests.clear()

    def open(self, path):
        """Open a file and wait until its script has built all; gives how long, in milliseconds, each stage took."""
        self.page.goto(path.resolve().as_uri())
        self.until("document.documentElement.dataset.state === 'complete'")
        return self.evaluate(
            "Object.fromEntries(performance.getEntriesByType('paint').concat(performance.getEntriesByName('usable'))"
            ".map((each) => [each.name, Math.round(each.startTime)]))"
        )

    def evaluate(self, expression):
        """Give the value of an expression in the page; what it throws is raised."""
        return self.page.evaluate(expression)

    def until(self, expression):
        """Wait until an expression in the page is true."""
        end_s = time.monotonic() + LIMIT_MS / 1000
        while not self.evaluate(expression):  # wait_for_function would evaluate a string, which the page forbids
            assert time.monotonic() < end_s, expression
            self.page.wait_for_timeout(20)

    def click(self, selector, text=""):
        """Click on the first that has this text, as a person can: it has to be in sight and nothing in front of it."""
        self.page.locator(selector).filter(has_text=text).first.click()

    def press(self, key):
        """Press and release one key, in whatever has the focus."""
        self.page.keyboard.press(key)

    def type(self, text):
        """Type text into what has the focus, key by key."""
        self.page.keyboard.type(text)

    def drag(self, start, end):
        """Press the mouse at one place and let it go at another."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=4)
        self.page.mouse.up()

    def _refuse(self, dialog):
        self.problems.append(("dialog", dialog.message))
        dialog.dismiss()


@contextmanager
def running_browser() -> Iterator:
    """Run the distribution's Chromium until the block ends; none is ever downloaded."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, "there is no Chromium; scripts/setup --dev installs it"
    # As root there is no sandbox.
    flags = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@contextmanager
def new_window(browser, *, width=SIZE["width"], scheme="light", has_script=True) -> Iterator[Window]:
    """Open a page without an address, in light or dark."""
    context = browser.new_context(
        viewport={**SIZE, "width": width}, color_scheme=scheme, java_script_enabled=has_script
    )
    yield Window(context)
    context.close()

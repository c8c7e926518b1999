"""One Chromium and one window for all tests of the browser, which each finds as if it had just been opened."""

import pytest

from tests.browser.window import new_window, running_browser


@pytest.fixture(scope="session")
def browser():
    with running_browser() as running:
        yield running


@pytest.fixture(scope="session")
def shared_window(browser):
    with new_window(browser) as opened:
        yield opened


@pytest.fixture
def window(shared_window):
    shared_window.reset()
    return shared_window

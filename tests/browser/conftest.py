"""One Chromium for all tests of the browser."""

import pytest

from tests.browser.chromium import running_browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with running_browser(tmp_path_factory.mktemp("chromium")) as running:
        yield running

import pytest

from tests.unit.join.recording import Recording


@pytest.fixture
def recording(tmp_path):
    return Recording(tmp_path)

"""packaging: versions compared, specifiers and markers evaluated, tags of this interpreter, metadata parsed."""

import random

from packaging.markers import Marker
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename
from packaging.version import InvalidVersion, Version


def main():
    """Sort, choose, evaluate."""
    texts = [f"{major}.{minor}{suffix}" for major in range(40) for minor in range(20) for suffix in ("a1", "rc2", "")]
    for seed in range(10):
        mixed = texts[:]
        random.Random(seed).shuffle(mixed)
        assert sorted(mixed, key=Version) == texts
        assert len(list(SpecifierSet(">=3.5,!=4.*,<10").filter(mixed))) == 115
    for _ in range(500):
        requirement = Requirement('thing[extra]>=1.0,<2; python_version >= "3.8" and sys_platform == "linux"')
        assert requirement.marker.evaluate()
    assert not Marker('os_name == "nt"').evaluate()
    tags = set(sys_tags())
    assert tags & parse_wheel_filename("thing-1.0-py3-none-any.whl")[3]
    assert Metadata.from_email("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n").name == "thing"
    try:
        Version("one")
    except InvalidVersion:
        return
    raise AssertionError("took what is no version")


if __name__ == "__main__":
    main()

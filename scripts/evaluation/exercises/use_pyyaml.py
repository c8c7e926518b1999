"""PyYAML: documents loaded and dumped by the C library and by Python alone, and a tag that is refused."""

import tempfile
from pathlib import Path

import yaml

_DOCUMENT = {
    "services": [{"name": f"service-{number}", "ports": [number, number + 1], "open": True} for number in range(200)],
    "text": "several\nlines\n",
    "nothing": None,
}


def main():
    """Write and read it several times."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.yaml"
        for dumper, loader, times in ((yaml.SafeDumper, yaml.SafeLoader, 2), (yaml.CSafeDumper, yaml.CSafeLoader, 20)):
            for _ in range(times):
                with path.open("w") as stream:
                    yaml.dump(_DOCUMENT, stream, Dumper=dumper)
                with path.open() as stream:
                    assert yaml.load(stream, Loader=loader) == _DOCUMENT
    assert list(yaml.safe_load_all("--- 1\n--- 2\n")) == [1, 2]
    try:
        yaml.safe_load("!!python/object/apply:os.getcwd []")
    except yaml.constructor.ConstructorError:
        return
    raise AssertionError("a tag made a call")


if __name__ == "__main__":
    main()

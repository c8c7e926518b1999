"""Builds a wheel of the working directory, in the sandbox; by any Python since 3.8: `build.py FOLDER`.

What PEP 517 asks of a frontend: the backend that pyproject.toml names, else setuptools as it was of old.
"""

import importlib
import os
import sys

OLD = "setuptools.build_meta:__legacy__"


def main():
    """Let the backend build."""
    backend, paths = OLD, []
    if os.path.exists("pyproject.toml"):
        try:
            import tomllib
        except ImportError:
            from pip._vendor import tomli as tomllib
        with open("pyproject.toml", "rb") as file:
            system = tomllib.load(file).get("build-system", {})
        backend, paths = system.get("build-backend", OLD), system.get("backend-path", [])
    folder = os.path.abspath(sys.argv[1])
    sys.path[:] = [os.path.abspath(path) for path in paths] + sys.path[1:]
    sys.argv[:] = ["setup.py"]
    name, _, attributes = backend.partition(":")
    found = importlib.import_module(name)
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    print("built " + found.build_wheel(folder))


if __name__ == "__main__":
    main()

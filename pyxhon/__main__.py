"""`python -m pyxhon` is `pyxhon`."""

from pyxhon.cli import main

if __name__ == "__main__":
    main()

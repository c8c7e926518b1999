"""What a DLL's file could do: the libraries that it needs, and the symbols of a category that it takes from them."""

from typing import Final

from pyxhon.abilities.model import DLL_IMPORT, NEEDED, SYMBOL, FileAbilities, Site
from pyxhon.dossier.budget import Budget
from pyxhon.dossier.names import dynamic_table, read_linked
from pyxhon.dossier.symbols import CATEGORY_OF_SYMBOL
from pyxhon.errors import ElfError
from pyxhon.target.elf import image_of
from pyxhon.target.root import TargetRoot

_MAX_NAME: Final = 300
_MAX_LIBRARIES: Final = 256


def read_library(root: TargetRoot, path: str, budget: Budget) -> FileAbilities:
    """Read the dynamic section and the symbols of a DLL; nothing of it is loaded."""
    descriptor = root.open_file(path)
    if descriptor is None:
        return FileAbilities(reason="no such file")
    try:
        with image_of(descriptor, path) as image:
            names = [(name, NEEDED) for name in image.needed[:_MAX_LIBRARIES]]
            linked = read_linked(dynamic_table(image), budget)
            names += [(name, SYMBOL) for name in sorted(linked.imports) if name in CATEGORY_OF_SYMBOL]
    except (ElfError, OSError):
        return FileAbilities(reason="its ELF headers cannot be read")
    if not linked.is_whole:
        return FileAbilities(reason="no time left")
    return FileAbilities(sites=[Site(DLL_IMPORT, name[:_MAX_NAME], how, function="") for name, how in names])

"""Events → behaviours: one act, its owner, level and category, whichever signals saw it."""

from pyxhon.join.behaviours import Joiner, join
from pyxhon.join.dlls import LoadedDll, join_dlls
from pyxhon.join.model import Behaviour, Frame, Import, Joined, Load, Owner

__all__ = ["Behaviour", "Frame", "Import", "Joined", "Joiner", "Load", "LoadedDll", "Owner", "join", "join_dlls"]

"""Events → behaviours: one act, its owner, level and category, whichever signals saw it."""

from pyxhon.join.behaviours import Joiner, join
from pyxhon.join.dlls import LoadedDll, join_dlls
from pyxhon.join.model import Behaviour, Beneath, Frame, Import, Joined, Load, Maker, NativeFrame, Owner

__all__ = [
    "Behaviour",
    "Beneath",
    "Frame",
    "Import",
    "Joined",
    "Joiner",
    "Load",
    "LoadedDll",
    "Maker",
    "NativeFrame",
    "Owner",
    "join",
    "join_dlls",
]

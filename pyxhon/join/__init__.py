"""Events → behaviours: one act, its owner, level and category, whichever signals saw it."""

from pyxhon.join.behaviours import Joiner, join
from pyxhon.join.dlls import LoadedDll, join_dlls
from pyxhon.join.edges import Edge, Function, Told, Use, join_edges, join_uses, read_functions
from pyxhon.join.flow import Step, ThreadFlow, read_steps
from pyxhon.join.model import Behaviour, Beneath, Frame, Import, Joined, Load, Maker, NativeFrame, Owner
from pyxhon.join.told_calls import add_told_calls
from pyxhon.join.unexercised import Exercise, Unexercised, Unexercises, join_unexercised

__all__ = [
    "Behaviour",
    "Beneath",
    "Edge",
    "Exercise",
    "Frame",
    "Function",
    "Import",
    "Joined",
    "Joiner",
    "Load",
    "LoadedDll",
    "Maker",
    "NativeFrame",
    "Owner",
    "Step",
    "ThreadFlow",
    "Told",
    "Unexercised",
    "Unexercises",
    "Use",
    "add_told_calls",
    "join",
    "join_dlls",
    "join_edges",
    "join_unexercised",
    "join_uses",
    "read_functions",
    "read_steps",
]

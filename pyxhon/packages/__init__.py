"""File → distribution: which package a Python file or a DLL belongs to, read through the target's own root."""

from pyxhon.packages.index import PackageIndex
from pyxhon.packages.module_names import ModuleNames
from pyxhon.packages.owner import AS_RECORDED, CHANGED, NOT_RECORDED, FileOwner

__all__ = ["AS_RECORDED", "CHANGED", "NOT_RECORDED", "FileOwner", "ModuleNames", "PackageIndex"]

"""Can executed instructions be told in this interpreter, and functions of DLLs that it calls through libffi."""

from typing import Final

from pyxhon.cpython.body_sites import IMPORTS, find_body_sites
from pyxhon.cpython.instruction_set import load_instruction_set
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.machine_code import index_code
from pyxhon.cpython.sites import library_sites
from pyxhon.doctor.finding import Finding
from pyxhon.errors import PyxhonError
from pyxhon.target.elf import ElfImage, open_image
from pyxhon.target.libffi import LIBFFI, find_libffi
from pyxhon.target.root import TargetRoot

_REMEDY: Final = "all other signals are taken; please report this build with its build ID"


def examine_instructions(image: ElfImage, layout: Layout) -> Finding:
    """Tell in how many bodies of opcodes a probe has its place, and how many `--instructions imports` needs."""
    name = "instructions"
    known = load_instruction_set(layout.version)
    try:
        found = None if known is None else find_body_sites(index_code(image), layout, known, None)
    except PyxhonError as error:
        return Finding(name, is_ok=False, detail=str(error.args[0]), remedy=_REMEDY, is_required=False)
    if known is None or found is None or not found.sites:
        reason = "; ".join(found.notes) if found else "the opcodes of this version are not known"
        return Finding(name, is_ok=False, detail=reason, remedy=_REMEDY, is_required=False)
    emulated = sum(site.is_emulated for site in found.sites)
    imports = sum(not {known.base_of(each) for each in site.opcodes}.isdisjoint(IMPORTS) for site in found.sites)
    bodies = f"{len(found.sites)} bodies of opcodes ({emulated} emulated), {imports} for --instructions imports"
    return Finding(name, is_ok=True, detail=f"{bodies}; proven when asked for", is_required=False)


def examine_libffi(root: TargetRoot) -> Finding:
    """Tell where the calls of DLLs' functions by ctypes are taken."""
    places: list[str] = []
    for path, _ in find_libffi(root):
        try:
            with open_image(path) as image:
                places += [f"{site.kind} {site.address:#x} of {LIBFFI}*" for site in library_sites(image)]
        except PyxhonError as error:
            places.append(str(error))
    detail = ", ".join(places) or f"no {LIBFFI}* in the usual directories"
    remedy = "none needed: one that a wheel brings is probed when it is loaded"
    return Finding("functions of DLLs", is_ok=bool(places), detail=detail, remedy=remedy, is_required=False)

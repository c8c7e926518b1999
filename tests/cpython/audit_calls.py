"""The names of the audit events that an interpreter's own C and Python code raises, read from its files."""

import re
import struct
from pathlib import Path

from elftools.elf.elffile import ELFFile

_FUNCTIONS = ("PySys_Audit", "_PySys_Audit", "sys_audit_tstate")
_NAME = re.compile(r"_?[A-Za-z]\w*(\.\w+)+(/\w+)?|open|exec|compile|import|setopencodehook")
_LEA = re.compile(rb"(?=\x48\x8d([\x3d\x35])(....))", re.DOTALL)  # lea rdi / rsi, [rip + …]
_MOV = re.compile(rb"(?=([\xbf\xbe])(....))", re.DOTALL)  # mov edi / esi, …: only in code at a fixed address
_WINDOW = 160


def names_in_source(folder: Path) -> set[str]:
    """The literals passed to sys.audit in the modules of a standard library."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        # Debian's sitecustomize.py is a link that may lead nowhere.
        if path.is_file() and not {"test", "tests", "idle_test", "site-packages", "dist-packages"} & set(
            path.relative_to(folder).parts
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            found.update(name for _, name in re.findall(r"""\baudit\(\s*(["'])([^"'\\\n]+)\1""", text))
    return found


def names_in_binary(path: Path) -> set[str]:
    """The names loaded right before calls of PySys_Audit and its inner functions, as far as symbols show those."""
    with path.open("rb") as stream:
        return _Binary(ELFFile(stream), path.read_bytes()).names()


class _Binary:
    def __init__(self, elf, data):
        self.elf = elf
        self.data = data
        self.segments = [one for one in elf.iter_segments() if one["p_type"] == "PT_LOAD"]
        self.slots = self._find_slots()
        self.targets = self._find_targets()

    def names(self):
        found = set()
        for segment in self.segments:
            if segment["p_flags"] & 1:
                code = segment.data()
                for at, function in self._find_calls(code, segment["p_vaddr"]):
                    found.add(self._name_before(code, at, segment["p_vaddr"], function))
        return {name for name in found if name and _NAME.fullmatch(name)}

    def _find_slots(self):
        slots = {}
        for name in (".rela.plt", ".rela.dyn"):
            section = self.elf.get_section_by_name(name)
            symbols = section and self.elf.get_section(section["sh_link"])
            for relocation in section.iter_relocations() if section else ():
                number = relocation["r_info_sym"]
                if number and symbols.get_symbol(number).name in _FUNCTIONS:
                    slots[relocation["r_offset"]] = symbols.get_symbol(number).name
        return slots

    def _find_targets(self):
        targets = {}
        for name in (".symtab", ".dynsym"):
            section = self.elf.get_section_by_name(name)
            for symbol in section.iter_symbols() if section else ():
                if symbol["st_value"] and symbol.name.partition(".")[0] in _FUNCTIONS:
                    targets[symbol["st_value"]] = symbol.name
        for name in (".plt", ".plt.sec", ".plt.got"):
            section = self.elf.get_section_by_name(name)
            for jump in re.finditer(rb"\xff\x25(....)", section.data() if section else b"", re.DOTALL):
                slot = section["sh_addr"] + jump.end() + struct.unpack("<i", jump[1])[0]
                if slot in self.slots:
                    for back in (0, 4, 5):  # endbr64, bnd
                        targets[section["sh_addr"] + jump.start() - back] = self.slots[slot]
        return targets

    def _find_calls(self, code, base):
        for opcode in (b"\xe8", b"\xe9"):
            at = code.find(opcode)
            while 0 <= at <= len(code) - 5:
                target = base + at + 5 + struct.unpack_from("<i", code, at + 1)[0]
                if target in self.targets:
                    yield at, self.targets[target]
                at = code.find(opcode, at + 1)
        for jump in re.finditer(rb"\xff[\x15\x25](....)", code, re.DOTALL):
            slot = base + jump.end() + struct.unpack("<i", jump[1])[0]
            if slot in self.slots:
                yield jump.start(), self.slots[slot]

    def _name_before(self, code, at, base, function):
        wanted = b"\x3d\xbf" if function.startswith("PySys") else b"\x35\xbe"
        start = max(0, at - _WINDOW)
        window = code[start:at]
        found = [
            (load.start(), base + start + load.start() + 7 + struct.unpack("<i", load[2])[0])
            for load in _LEA.finditer(window)
            if load[1] in wanted
        ]
        if self.elf["e_type"] == "ET_EXEC":
            found += [
                (load.start(), struct.unpack("<I", load[2])[0]) for load in _MOV.finditer(window) if load[1] in wanted
            ]
        texts = [text for _, address in sorted(found) if (text := self._read_text(address))]
        return texts[-1] if texts else None

    def _read_text(self, address):
        for segment in self.segments:
            if segment["p_vaddr"] <= address < segment["p_vaddr"] + segment["p_filesz"]:
                at = address - segment["p_vaddr"] + segment["p_offset"]
                end = self.data.find(b"\0", at, at + 100)
                text = self.data[at:end].decode("latin-1")
                return text if end > at and text.isascii() and text.isprintable() else None
        return None

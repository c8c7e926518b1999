"""DLLs made by gcc, each with something that its dossier should tell."""

import os
import shutil
import subprocess

from pyxhon.dossier.budget import Budget
from pyxhon.dossier.examine import examine
from pyxhon.dossier.read import read_dossier
from pyxhon.target.elf import image_of, open_image

SIX = """
#define CALL(number) __asm__ volatile("syscall" :: "a"(number) : "rcx", "r11", "memory")
void one(void) { CALL(39); }
void two(void) { CALL(39); CALL(102); }
void old(void) { __asm__ volatile("int $0x80" :: "a"(20) : "memory"); }
void fast(void) { __asm__ volatile("sysenter" ::: "memory"); }
static __attribute__((noinline)) void hidden(void) { CALL(104); }
void five(void) { hidden(); }
int constant(void) { return 0x050f050f; }
"""


def build(folder, name, source, *options):
    """Compile a DLL; gives its path."""
    path = folder / f"{name}.so"
    code = folder / f"{name}.c"
    code.write_text(source)
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-w", "-o", path, code, *options], check=True)
    return str(path)


def dossier_of(path, budget=None):
    """Read the dossier of a file."""
    with open_image(path) as image:
        return read_dossier(image, budget or Budget())


def memory_file(content):
    """Give the descriptor of a file in memory."""
    descriptor = os.memfd_create("file")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


def image_in_memory(content):
    """Open bytes as an ELF file."""
    return image_of(memory_file(content), "file")


def examine_bytes(content, allowance):
    """Examine bytes as a file."""
    descriptor = memory_file(content)
    try:
        return examine(descriptor, "file", allowance)
    finally:
        os.close(descriptor)


class Clock:
    """A clock that goes on by a step each time it is looked at."""

    def __init__(self, step):
        self.now = 0.0
        self.step = step

    def __call__(self):
        self.now += self.step
        return self.now


def disassembled(path):
    """Give the addresses of the system call instructions that objdump shows."""
    output = subprocess.run([shutil.which("objdump"), "-d", path], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in output.splitlines():
        address, _, rest = line.strip().partition(":\t")
        instruction = rest.partition("\t")[2].split()
        if instruction[:1] in (["syscall"], ["sysenter"]) or instruction[:2] == ["int", "$0x80"]:
            found.add(int(address, 16))
    return found

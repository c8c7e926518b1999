"""Runs a command on a kernel that has no bpf(2), as seccomp makes it look. Arguments: an errno, the command."""

import ctypes
import os
import struct
import sys

BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | int(sys.argv[1])  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO

steps = [(LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, BPF), (RETURN, 0, 0, FAIL), (RETURN, 0, 0, ALLOW)]
program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
rules = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(steps), ctypes.addressof(program)))
prctl = ctypes.CDLL(None, use_errno=True).prctl
assert prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert prctl(22, 2, rules, 0, 0) == 0, os.strerror(ctypes.get_errno())  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
os.execvp(sys.argv[2], sys.argv[2:])

"""Unpacks itself in three layers, as packers do: base64, zlib, marshal, exec; the innermost one acts."""

import base64
import marshal
import sys
import zlib

INNERMOST = """
import os
secret = open(os.devnull, "rb")
os.listdir("/usr")
getattr(os, "sys" + "tem")("true")
"""


def pack(source, name):
    return base64.b64encode(zlib.compress(marshal.dumps(compile(source, name, "exec"))))


UNPACK = "import base64, marshal, zlib\nexec(marshal.loads(zlib.decompress(base64.b64decode(%r))))\n"
second = pack(UNPACK % pack(INNERMOST, "<innermost>"), "<middle>")

print("ready", flush=True)
sys.stdin.readline()
exec(marshal.loads(zlib.decompress(base64.b64decode(second))))

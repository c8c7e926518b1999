"""What a look into a file's bytes tells: its hash and whether it is an ELF file."""

import base64
import hashlib
import os

from pyxhon.target.root import TargetRoot

MAX_HASHED_BYTES = 1 << 25
_CHUNK_BYTES = 1 << 18


def hash_file(root: TargetRoot, path: str) -> tuple[str | None, int]:
    """Give a file's SHA-256 as a RECORD writes it and the bytes read; None when it is absent or too large."""
    descriptor = root.open_file(path)
    if descriptor is None:
        return None, 0
    try:
        if os.fstat(descriptor).st_size > MAX_HASHED_BYTES:
            return None, 0
        digest = hashlib.sha256()
        offset = 0
        while offset <= MAX_HASHED_BYTES and (chunk := os.pread(descriptor, _CHUNK_BYTES, offset)):
            digest.update(chunk)
            offset += len(chunk)
    except OSError:
        return None, 0
    finally:
        os.close(descriptor)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode(), offset


def is_elf(root: TargetRoot, path: str) -> bool:
    """Tell whether a file begins as an ELF file does."""
    descriptor = root.open_file(path)
    if descriptor is None:
        return False
    try:
        return os.pread(descriptor, 4, 0) == b"\x7fELF"
    except OSError:
        return False
    finally:
        os.close(descriptor)

"""Distributions laid out by hand, for states that no installer leaves on purpose."""

from pathlib import Path

HASH_OF_NOTHING = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def write_distribution(site: Path, name: str, files: list[str], *, hashes: dict | None = None, are_there=True) -> None:
    """Lay out a distribution as an installer leaves it, its files empty."""
    information = site / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\nText\n")
    lines = [f"{file},{'sha256=' + hashes[file] if hashes and file in hashes else ''},\n" for file in files]
    (information / "RECORD").write_text("".join(lines))
    for file in files if are_there else ():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_bytes(b"")

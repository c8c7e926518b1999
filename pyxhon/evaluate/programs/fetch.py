"""Downloads with pip, and runs no code of what it downloads; by any Python since 3.8, with pip on its path.

`fetch.py download FOLDER ARGUMENT...` is `pip download`, but starts no process: the code of a source archive runs in
none, and what pip wanted to build is kept in FOLDER. `fetch.py needs FILE...` prints as JSON what wheels, archives and
folders say that they need, a list for each: [to run, to build].
"""

import email
import json
import os
import re
import shutil
import sys
import tarfile
import zipfile

MAX_TEXT = 1 << 20
MAX_MEMBERS = 100_000
MAX_NEEDS = 200
ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
STARTS = ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.spawn")
USUAL = ["setuptools>=40.8.0", "wheel"]


def download(folder, arguments):
    """Run pip without children."""
    from pip._internal.cli.main import main

    def refuse(event, _arguments):
        if event in STARTS:
            keep_archives(folder)
            raise PermissionError("nothing is built while downloading")

    sys.addaudithook(refuse)
    return main(["download", "--dest", folder, *arguments])


def keep_archives(folder):
    """Copy what pip has downloaded and not kept yet: it is about to fail, and removes it then."""
    for place, _folders, names in os.walk(os.environ["TMPDIR"]):
        if os.path.basename(place).startswith(("pip-unpack-", "pip-download-")):
            for name in names:
                if name.endswith(ARCHIVES) and not os.path.exists(os.path.join(folder, name)):
                    shutil.copyfile(os.path.join(place, name), os.path.join(folder, name))


def needs(path):
    """Give what a wheel, an archive or a folder says that it needs: to run, and to be built."""
    if path.endswith(".whl"):
        return [required(read_text(path, r"[^/]+\.dist-info/METADATA")), []]
    project = read_text(path, r"(?:[^/]+/)?pyproject\.toml")
    to_run = required(read_text(path, r"(?:[^/]+/)?PKG-INFO"))
    listed = read_text(path, r"(?:[^/]+/)*[^/]+\.egg-info/requires\.txt").split("[")[0].splitlines()
    return [to_run + usable(listed) + project_dependencies(project), USUAL[1:] + build_needs(project)]


def required(metadata):
    """Give the requirements of core metadata that hold without extras."""
    return usable(email.message_from_string(metadata).get_all("Requires-Dist") or [])


def usable(lines):
    """Leave out extras and URLs."""
    kept = [line.strip() for line in lines]
    return [line for line in kept if line and not re.search(r"\bextra\s*==|@|^[-#]", line)][:MAX_NEEDS]


def parsed(text):
    """Give the tables of a pyproject.toml; empty when it is none."""
    try:
        import tomllib
    except ImportError:
        from pip._vendor import tomli as tomllib
    try:
        return tomllib.loads(text)
    except ValueError:
        return {}


def build_needs(text):
    """Give build-system.requires, or what it is without."""
    system = parsed(text).get("build-system")
    listed = system.get("requires") if isinstance(system, dict) else None
    return usable(filter_texts(listed)) if isinstance(listed, list) else USUAL


def project_dependencies(text):
    """Give project.dependencies."""
    project = parsed(text).get("project")
    listed = project.get("dependencies") if isinstance(project, dict) else None
    return usable(filter_texts(listed)) if isinstance(listed, list) else []


def filter_texts(items):
    """Leave out what is no text."""
    return [item for item in items if isinstance(item, str)]


def read_text(path, pattern):
    """Give the first member, or file of a folder, that a pattern matches; empty when there is none."""
    if os.path.isdir(path):
        names = [name for name in os.listdir(path) if re.fullmatch(pattern, name)]
        names += [
            os.path.join(name, "requires.txt")
            for name in os.listdir(path)
            if re.fullmatch(pattern, name + "/requires.txt")
        ]
        for name in names:
            if os.path.isfile(os.path.join(path, name)):
                with open(os.path.join(path, name), "rb") as file:
                    return file.read(MAX_TEXT).decode("utf-8", "replace")
        return ""
    try:
        return read_archive(path, pattern)
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError):
        return ""


def read_archive(path, pattern):
    """Do so in an archive."""
    if path.endswith((".whl", ".zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist()[:MAX_MEMBERS]:
                if re.fullmatch(pattern, name):
                    with archive.open(name) as file:
                        return file.read(MAX_TEXT).decode("utf-8", "replace")
        return ""
    with tarfile.open(path) as archive:
        for index, member in enumerate(archive):
            if index > MAX_MEMBERS:
                break
            if member.isfile() and re.fullmatch(pattern, member.name[2:] if member.name[:2] == "./" else member.name):
                return archive.extractfile(member).read(MAX_TEXT).decode("utf-8", "replace")
    return ""


if __name__ == "__main__":
    if sys.argv[1] == "download":
        sys.exit(download(sys.argv[2], sys.argv[3:]))
    print(json.dumps([needs(path) for path in sys.argv[2:]]))

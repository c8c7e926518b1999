"""Installs what was downloaded, in the sandbox; by any Python since 3.8: `install.py [SOURCE...]`.

What pip does of a package's own code is done here without pip, for which tracing takes much longer than for that: source
archives and folders are built by the backend that they name (PEP 517), each in a process of its own, and wheels are
unpacked (PEP 427). Nothing of a wheel runs when it is unpacked.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

DOWNLOADS, TESTERS, BUILT, PROGRAMS, TOOLS = "/downloads", "/testers", "/built", "/programs", "/tools"
ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
SCRIPT = "#!{}\nimport sys\nfrom {} import {}\nsys.exit({}())\n"


def main():
    """Build, then unpack."""
    sources = sys.argv[1:] + sorted(os.path.join(DOWNLOADS, n) for n in os.listdir(DOWNLOADS) if n.endswith(ARCHIVES))
    if sources:
        tools = os.path.join(BUILT, "tools")
        for wheel in newest(os.path.join(DOWNLOADS, "build")):
            unpack(wheel, tools, None)
        for at, source in enumerate(sources):
            build(source, os.path.join(BUILT, "source-%d" % at), tools)
    wheels = newest(DOWNLOADS)
    built = newest(BUILT)
    names = {name_of(wheel) for wheel in built}
    for wheel in [wheel for wheel in wheels if name_of(wheel) not in names] + built:
        unpack(wheel, sysconfig.get_path("purelib"), sys.prefix)
        print("installed " + os.path.basename(wheel))
    for wheel in newest(TESTERS):
        unpack(wheel, os.path.join(sys.prefix, "testers"), None)


def newest(folder):
    """Give the wheels of a folder, of each distribution the one that was downloaded last."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = {}
    for path in sorted((os.path.join(folder, name) for name in names if name.endswith(".whl")), key=os.path.getmtime):
        found[name_of(path)] = path
    return sorted(found.values())


def name_of(wheel):
    """Give the normalised name of a wheel's distribution."""
    return re.sub(r"[-_.]+", "-", os.path.basename(wheel).split("-")[0]).lower()


def build(source, folder, tools):
    """Build a wheel in a process of its own."""
    if os.path.isdir(source):
        folder = source
    else:
        shutil.unpack_archive(source, folder)
        [inner] = [name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name))]
        folder = os.path.join(folder, inner)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([tools, TOOLS]))
    command = [sys.executable, os.path.join(PROGRAMS, "build.py"), BUILT]
    subprocess.run(command, cwd=folder, env=environment, check=True)


def unpack(wheel, site, prefix):
    """Unpack a wheel; with a prefix, its scripts and data, too."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [information] = {name.split("/")[0] for name in names if re.match(r"[^/]+\.dist-info/", name)}
        for name in names:
            head, _, rest = name.partition("/")
            if head.endswith(".data") and rest:
                unpack_data(archive, name, rest, site, prefix)
            else:
                archive.extract(name, site)
        records = [row for row in csv.reader(read(archive, information + "/RECORD").splitlines()) if row]
        points = read(archive, information + "/entry_points.txt") if information + "/entry_points.txt" in names else ""
    record = os.path.join(site, information, "RECORD")
    note(os.path.join(site, information, "INSTALLER"), "pyxhon\n")
    records.append([information + "/INSTALLER", "", ""])
    listed = {row[0] for row in records}
    records += [[name, "", ""] for name in names if name not in listed and not name.endswith("/")]  # as pip does
    moved = [[re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", row[0]), *row[1:]] for row in records]
    with open(record, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(moved)
    if prefix:
        write_scripts(points, os.path.join(prefix, "bin"))


def unpack_data(archive, name, rest, site, prefix):
    """Put a member of a wheel's data folder where its kind belongs."""
    kind, _, inner = rest.partition("/")
    places = {"purelib": site, "platlib": site}
    if prefix:
        places.update(scripts=os.path.join(prefix, "bin"), data=prefix, headers=os.path.join(prefix, "include"))
    if kind not in places or not inner or inner.endswith("/") or ".." in inner.split("/"):
        return
    path = os.path.join(places[kind], inner)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with archive.open(name) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target)
    if kind == "scripts":
        os.chmod(path, 0o755)


def write_scripts(points, folder):
    """Write the commands that a distribution declares."""
    is_console = False
    for line in points.splitlines():
        if line.startswith("["):
            is_console = line.strip() == "[console_scripts]"
        found = re.fullmatch(r"\s*([\w.-]+)\s*=\s*([\w.]+)\s*:\s*(\w[\w.]*)\s*(\[.*\])?\s*", line)
        if is_console and found:
            path = os.path.join(folder, found[1])
            note(path, SCRIPT.format(sys.executable, found[2], found[3].split(".")[0], found[3]))
            os.chmod(path, 0o755)


def read(archive, name):
    """Give a member's text."""
    return archive.read(name).decode("utf-8", "replace")


def note(path, text):
    """Write a file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()

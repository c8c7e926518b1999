"""Builds what surrounds the behaviours: processes, DLLs, and what was there before the trace."""

from dataclasses import fields

from pyxhon.dossier.model import dossier_from_json
from pyxhon.join import Frame, Joined, LoadedDll, Maker, join_dlls
from pyxhon.report import model
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import ProcessRow


def build_processes(reader: TraceReader) -> list[model.Process]:
    """Give every process image with its interpreter and what was covered."""
    return [
        model.Process(
            row.pid,
            row.parent_pid,
            row.executable,
            list(row.arguments),
            row.exit_code,
            _build_interpreter(row),
            _build_coverage(row),
        )
        for row in reader.processes()
    ]


def _build_interpreter(row: ProcessRow) -> model.Interpreter | None:
    if row.interpreter is None:
        return None
    return model.Interpreter(**{field.name: row.interpreter[field.name] for field in fields(model.Interpreter)})


def _build_coverage(row: ProcessRow) -> model.Coverage:
    unknown = "unavailable: not recorded in this trace"
    return model.Coverage(
        **{field.name: str(row.coverage.get(field.name, unknown)) for field in fields(model.Coverage)}
    )


def build_dlls(reader: TraceReader, joined: Joined) -> list[model.Dll]:
    """Give every file mapped executable once, however many processes map it, with its first loader."""
    dossiers = {row.path: row.dossier for row in reader.dlls()}  # of the file, whichever process maps it
    dlls: dict[tuple[str, str | None, str | None], LoadedDll] = {}
    for row in join_dlls(reader, joined):
        key = (row.path, row.sha256, row.build_id)
        if key not in dlls or (dlls[key].loaded_by is None and row.loaded_by is not None):
            dlls[key] = row
    return [
        model.Dll(
            row.path,
            row.sha256,
            row.build_id,
            row.package,
            row.loaded_by,
            build_location(row.load_location),
            dossier_from_json(dossiers.get(row.path)),
        )
        for row in dlls.values()
    ]


def build_loads(reader: TraceReader, joined: Joined) -> list[model.Load]:
    """Give how each DLL came into each process."""
    pids = {row.id: row.pid for row in reader.processes()}
    return [
        model.Load(
            row.path, pids.get(row.process, 0), row.way, row.loader, row.loaded_by, build_location(row.load_location)
        )
        for row in join_dlls(reader, joined)
    ]


def build_maker(maker: Maker | None) -> model.Maker | None:
    """Give who made what an act was done by."""
    if maker is None:
        return None
    return model.Maker(maker.kind, maker.subject, maker.owner.name, maker.object, build_location(maker.location))


def build_location(frame: Frame | None) -> model.Location | None:
    """Give a frame as the report shows it."""
    return None if frame is None else model.Location(frame.file, frame.line, frame.function)


def build_snapshots(reader: TraceReader) -> list[model.Snapshot]:
    """Give what each process held when tracing began, only of processes that were there."""
    snapshots = {
        row.id: model.Snapshot(row.pid, [], [], [], []) for row in reader.processes() if row.origin == "attach"
    }
    for module in reader.modules():
        if module.process in snapshots:
            shown = model.Module(module.name, module.file, bool(module.is_extension))
            snapshots[module.process].modules.append(shown)
    for thread in reader.threads():
        if thread.process in snapshots and thread.started_ns is None:
            snapshots[thread.process].threads.append(thread.tid)
    for file in reader.open_files():
        if file.process in snapshots:
            opened = model.OpenFile(file.descriptor, file.kind, file.description)
            snapshots[file.process].open_files.append(opened)
    for hook in reader.audit_hooks():
        if hook.process in snapshots:
            snapshots[hook.process].audit_hooks.append(hook.description)
    return list(snapshots.values())

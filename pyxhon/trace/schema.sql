-- The trace: one SQLite file per recording. PRAGMA user_version is the schema version.
-- Times are CLOCK_MONOTONIC nanoseconds; meta.clock_offset_ns turns them into Unix time.
-- JSON columns are marked so; text from a target is stored as it was read (invalid parts as surrogate escapes \udcXX
-- are stored as U+FFFD), never longer than the bound at which it was read.
PRAGMA application_id = 0x50795868;
PRAGMA user_version = 4;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL          -- JSON
) WITHOUT ROWID;

-- One row per process image: an exec ends one row and starts the next.
CREATE TABLE process (
    id                INTEGER PRIMARY KEY,
    pid               INTEGER NOT NULL,
    parent_pid        INTEGER NOT NULL,
    namespace_pid     INTEGER,       -- the pid the process sees itself, where another
    parent            INTEGER REFERENCES process (id),
    origin            TEXT NOT NULL CHECK (origin IN ('attach', 'run', 'fork', 'exec')),
    executable        TEXT,
    arguments         TEXT NOT NULL DEFAULT '[]',   -- JSON list of text
    working_directory TEXT,
    started_ns        INTEGER NOT NULL,
    ended_ns          INTEGER,       -- NULL while it runs
    exit_code         INTEGER,       -- as a shell gives it: 128 + signal when killed
    root              INTEGER NOT NULL DEFAULT 0,   -- which file tree it sees; see table file
    interpreter       TEXT,          -- JSON {version, path, build_id, linkage, stripped} or NULL: not Python
    coverage          TEXT NOT NULL DEFAULT '{}'    -- JSON {audit, imports, calls, syscalls, native}
);

CREATE TABLE thread (
    process    INTEGER NOT NULL REFERENCES process (id),
    tid        INTEGER NOT NULL,
    started_ns INTEGER,              -- NULL: was there before us
    ended_ns   INTEGER,
    creator    INTEGER REFERENCES event (id),   -- the system call that made it; NULL: not seen
    PRIMARY KEY (process, tid)
) WITHOUT ROWID;

CREATE TABLE code (
    id               INTEGER PRIMARY KEY,
    process          INTEGER NOT NULL REFERENCES process (id),
    address          INTEGER NOT NULL,
    file             TEXT,           -- co_filename; NULL: could not be read
    qualified_name   TEXT,           -- co_qualname, co_name before 3.11
    first_line       INTEGER NOT NULL,
    line_table       BLOB,           -- co_linetable, co_lnotab before 3.10
    line_table_bytes INTEGER NOT NULL,  -- its whole length; more than stored means cut
    bytecode         TEXT REFERENCES code_content (hash)   -- NULL: not captured
);

-- What code objects consist of, as the compiler made it: specialised and instrumented opcodes are put back.
CREATE TABLE code_content (
    hash                  TEXT PRIMARY KEY,  -- SHA-256 of all that follows but unresolved and missing
    version               TEXT NOT NULL,     -- of CPython, "3.12"
    name                  TEXT,              -- co_qualname, co_name before 3.11; NULL, here and below: could not be read
    first_line            INTEGER NOT NULL,
    flags                 INTEGER NOT NULL,  -- co_flags
    argument_count        INTEGER NOT NULL,
    positional_only_count INTEGER NOT NULL,
    keyword_only_count    INTEGER NOT NULL,
    stack_size            INTEGER NOT NULL,
    bytecode              BLOB NOT NULL,     -- co_code
    bytecode_bytes        INTEGER NOT NULL,  -- its whole length; more than stored means cut
    constants             TEXT NOT NULL,     -- JSON list of {"type", "text"} or null
    names                 TEXT NOT NULL,     -- JSON list of text or null, as the next four: co_names
    variables             TEXT NOT NULL,     -- co_varnames
    cells                 TEXT NOT NULL,     -- co_cellvars
    free                  TEXT NOT NULL,     -- co_freevars
    all_locals            TEXT NOT NULL,     -- all three as instructions count them; empty up to 3.10
    line_table            BLOB NOT NULL,     -- co_linetable, co_lnotab before 3.10
    exception_table       BLOB NOT NULL,     -- empty up to 3.10
    unresolved            INTEGER NOT NULL,  -- instructions whose opcode is hidden by instrumentation
    missing               INTEGER NOT NULL   -- of the lists and tables above that could not be read
) WITHOUT ROWID;

-- Where code objects come from: an act that was given one, as exec is, or one that has it among its constants.
CREATE TABLE code_origin (
    code   INTEGER NOT NULL REFERENCES code (id),
    event  INTEGER REFERENCES event (id),
    parent INTEGER REFERENCES code (id)
);
CREATE INDEX code_origin_by_code ON code_origin (code);

CREATE TABLE python_stack (
    id           INTEGER PRIMARY KEY,
    process      INTEGER NOT NULL REFERENCES process (id),
    is_truncated INTEGER NOT NULL,   -- more frames than were walked
    is_partial   INTEGER NOT NULL    -- a frame could not be read
);

CREATE TABLE python_frame (
    stack       INTEGER NOT NULL REFERENCES python_stack (id),
    position    INTEGER NOT NULL,    -- 0 is the innermost
    code        INTEGER REFERENCES code (id),   -- NULL: could not be read
    instruction INTEGER NOT NULL,    -- offset in bytes into the bytecode; -1: not started
    line        INTEGER,
    is_entry    INTEGER NOT NULL DEFAULT 0,   -- C entered the interpreter here: native frames lie below it
    PRIMARY KEY (stack, position)
) WITHOUT ROWID;

-- What native code belongs to: a file mapped executable, or memory without one.
CREATE TABLE native_object (
    id         INTEGER PRIMARY KEY,
    root       INTEGER NOT NULL,     -- process.root
    path       TEXT NOT NULL,        -- full path; anon:ADDRESS (hexadecimal); memfd:NAME; [vdso]
    role       TEXT NOT NULL CHECK (role IN ('interpreter', 'c_library', 'vdso', 'library', 'program', 'anonymous', 'memfd', 'unknown')),
    device     TEXT,                 -- "major:minor", with inode the file's identity; NULL: no file
    inode      INTEGER,
    is_deleted INTEGER NOT NULL DEFAULT 0,    -- its path was gone, or another file, when it was mapped
    detail     TEXT                  -- JSON or NULL
);

CREATE TABLE native_stack (
    id           INTEGER PRIMARY KEY,
    process      INTEGER NOT NULL REFERENCES process (id),
    is_truncated INTEGER NOT NULL,   -- more frames than were unwound, or less stack copied than there was
    is_guessed   INTEGER NOT NULL DEFAULT 0,  -- a frame above the innermost Python frame was not found by unwind tables
    end_reason   TEXT                -- why it ends: bottom, no_cfi, stack_end, limit, ...
);

CREATE TABLE native_frame (
    stack    INTEGER NOT NULL REFERENCES native_stack (id),
    position INTEGER NOT NULL,       -- 0 made the system call
    object   INTEGER REFERENCES native_object (id),   -- NULL: nothing was mapped there
    symbol   TEXT,
    offset   INTEGER NOT NULL,       -- the address within the object as its ELF headers count; without a file, from its start
    how      TEXT NOT NULL CHECK (how IN ('start', 'cfi', 'frame_pointer', 'scan', 'signal')),
    is_eval  INTEGER NOT NULL DEFAULT 0,      -- CPython's eval loop: Python frames run here, up to one with is_entry
    flags    INTEGER NOT NULL DEFAULT 0,      -- 1: no call before the return address; 2: the call was through a register; 4: that could not be read; 8: it was to a function of the same file
    PRIMARY KEY (stack, position)
) WITHOUT ROWID;

-- Who made what code runs in or acts on, each making apart: repeats of an act are counted into one event.
CREATE TABLE provenance (
    process INTEGER NOT NULL REFERENCES process (id),
    kind    TEXT NOT NULL CHECK (kind IN ('thread', 'process', 'program', 'anonymous', 'memfd', 'ring', 'descriptor')),
    subject TEXT NOT NULL,           -- tid, pid, address or ring (hexadecimal), descriptor
    event   INTEGER NOT NULL REFERENCES event (id),   -- the system call that made it
    time_ns INTEGER NOT NULL
);
CREATE INDEX provenance_by_subject ON provenance (process, kind, subject);

-- Handlers of signals that ran, each once.
CREATE TABLE signal_handler (
    process INTEGER NOT NULL REFERENCES process (id),
    tid     INTEGER NOT NULL,        -- of the first delivery
    number  INTEGER NOT NULL,
    address INTEGER NOT NULL,
    object  INTEGER REFERENCES native_object (id),   -- where it lies; NULL: nothing was mapped there
    time_ns INTEGER NOT NULL
);

-- --syscalls all: what is not an event, by number.
CREATE TABLE syscall_count (
    process INTEGER NOT NULL REFERENCES process (id),
    name    TEXT NOT NULL,           -- with its table where not the machine's own: i386:unlink
    count   INTEGER NOT NULL,
    PRIMARY KEY (process, name)
) WITHOUT ROWID;

-- One row per distinct act (process, name, arguments, whole stack); repeats are counted.
CREATE TABLE event (
    id           INTEGER PRIMARY KEY,
    process      INTEGER NOT NULL REFERENCES process (id),
    tid          INTEGER NOT NULL,   -- of the first occurrence
    kind         TEXT NOT NULL CHECK (kind IN ('audit', 'import', 'call', 'syscall', 'dll-load', 'memory', 'io_uring', 'tamper')),
    name         TEXT NOT NULL,      -- audit: event name; import: the module name as written; dll-load: dlopen, dlmopen; syscall, memory, tamper: the system call, i386: or x32: before it where it came by another table; io_uring: the operation
    arguments    TEXT NOT NULL,      -- JSON: audit a list in order; import {"fromlist", "level"}; dll-load {"path", "flags"}; others by name
    result       TEXT,               -- JSON, or NULL: not known; of a system call a number or the error's name, "ENOENT"
    python_stack INTEGER REFERENCES python_stack (id),
    native_stack INTEGER REFERENCES native_stack (id),
    count        INTEGER NOT NULL,
    failed       INTEGER NOT NULL DEFAULT 0,   -- how many of count failed, where the outcome is seen
    first_ns     INTEGER NOT NULL,
    last_ns      INTEGER NOT NULL,
    signal       TEXT NOT NULL,      -- the source that saw it, for example "uprobe sys_audit_tstate"
    is_truncated INTEGER NOT NULL DEFAULT 0    -- an argument or the name was cut: never match a policy on it
);
CREATE INDEX event_by_process ON event (process, kind, name);

-- Files mapped executable: from the snapshot at attach, and as they are loaded.
CREATE TABLE dll (
    id         INTEGER PRIMARY KEY,
    process    INTEGER NOT NULL REFERENCES process (id),
    path       TEXT NOT NULL,
    sha256     TEXT,
    build_id   TEXT,
    event      INTEGER REFERENCES event (id),   -- the load seen; NULL: mapped before or without us
    dossier    TEXT,                 -- JSON, what the file says of itself; NULL: not looked at
    UNIQUE (process, path)
);

-- sys.modules at attach.
CREATE TABLE module (
    process      INTEGER NOT NULL REFERENCES process (id),
    name         TEXT NOT NULL,
    file         TEXT,
    is_extension INTEGER NOT NULL,
    PRIMARY KEY (process, name)
) WITHOUT ROWID;

-- Descriptors open at attach.
CREATE TABLE open_file (
    process     INTEGER NOT NULL REFERENCES process (id),
    descriptor  INTEGER NOT NULL,
    kind        TEXT NOT NULL,       -- file, directory, socket, pipe, device, anon
    description TEXT NOT NULL,       -- path, or "tcp 127.0.0.1:80 -> 127.0.0.1:5000"
    PRIMARY KEY (process, descriptor)
) WITHOUT ROWID;

CREATE TABLE audit_hook (
    process     INTEGER NOT NULL REFERENCES process (id),
    description TEXT NOT NULL
);

-- Whose file it is, decided while recording (the disk may be gone later).
CREATE TABLE file (
    root    INTEGER NOT NULL,        -- process.root
    path    TEXT NOT NULL,           -- code.file, dll.path, module.file
    origin  TEXT NOT NULL CHECK (origin IN ('distribution', 'application', 'stdlib', 'dll', 'unknown')),
    package TEXT NOT NULL,           -- distribution name, 'application', 'stdlib', the DLL's file name, 'unknown'
    version TEXT,
    module  TEXT,                    -- dotted module name of a Python file where it can be told
    detail  TEXT,                    -- JSON or NULL: editable, vendored in, zip, wheel hash
    PRIMARY KEY (root, path)
) WITHOUT ROWID;

CREATE TABLE loss (
    process INTEGER REFERENCES process (id),    -- NULL: not known whose
    signal  TEXT NOT NULL,
    reason  TEXT NOT NULL,
    count   INTEGER NOT NULL
);

-- The conservation law, per signal: seen = stored + repeated + lost.
CREATE TABLE counter (
    signal   TEXT PRIMARY KEY,
    seen     INTEGER NOT NULL,       -- counted in the kernel at the probe's door
    stored   INTEGER NOT NULL,       -- rows of table event
    repeated INTEGER NOT NULL,       -- counted into the row of their first occurrence
    lost     INTEGER NOT NULL
) WITHOUT ROWID;

-- Python functions that ran (--calls). seen: one row per code object, with its first caller; count, trace: one per
-- thread, callee and caller. Of a code object that is only named here no line table may have been read.
CREATE TABLE call (
    id          INTEGER PRIMARY KEY,
    process     INTEGER NOT NULL REFERENCES process (id),
    tid         INTEGER NOT NULL,    -- of the first call where seen; 0: not known
    callee      INTEGER NOT NULL REFERENCES code (id),
    caller      INTEGER REFERENCES code (id),   -- NULL: no Python frame below it, or not known
    starts      INTEGER,             -- NULL: seen to run, not counted
    resumptions INTEGER,             -- of a generator or coroutine, after its start; NULL: as starts
    first_ns    INTEGER,             -- NULL: had run before recording began
    last_ns     INTEGER              -- NULL: as first_ns, or not known
);

-- --calls trace: each entry and, where it is seen, each exit of a Python function.
CREATE TABLE call_flow (
    id          INTEGER PRIMARY KEY,
    process     INTEGER NOT NULL REFERENCES process (id),
    tid         INTEGER NOT NULL,
    time_ns     INTEGER NOT NULL,
    kind        TEXT NOT NULL CHECK (   -- rows come by the million, and IN takes SQLite longer than all the rest
        kind = 'start' OR kind = 'return' OR kind = 'resume' OR kind = 'yield' OR kind = 'unwind'),
    code        INTEGER NOT NULL REFERENCES code (id),
    caller      INTEGER REFERENCES code (id),   -- NULL: as in table call, and of exits
    duration_ns INTEGER              -- of an exit: since its start or resume; NULL: not known
);

-- Which functions a source file with a row in table call defines, read when recording ends.
CREATE TABLE source (
    root      INTEGER NOT NULL,      -- process.root
    path      TEXT NOT NULL,         -- code.file
    functions TEXT,                  -- JSON list of [first line, qualified name] of each def; NULL: see reason
    reason    TEXT,                  -- why they are not known; NULL: they are
    PRIMARY KEY (root, path)
) WITHOUT ROWID;

-- What the files that a distribution of the run installed could do by their text, read when recording ends.
CREATE TABLE ability (
    root      INTEGER NOT NULL,      -- process.root
    path      TEXT NOT NULL,         -- as in code.file, where it ran
    package   TEXT NOT NULL,
    version   TEXT,
    module    TEXT,                  -- dotted module name where it can be told
    functions TEXT,                  -- JSON list of [first line, qualified name] of each def; NULL: see reason
    sites     TEXT,                  -- JSON list of [kind, name, written, level, line, end line, function, its first line, is a reference]; NULL: see reason
    reason    TEXT,                  -- why they are not known; NULL: they are
    PRIMARY KEY (root, path)
) WITHOUT ROWID;

-- The executed-instruction trace (--instructions), and its opcodes as the compiler wrote them.
CREATE TABLE opcode (
    id   INTEGER PRIMARY KEY,        -- no number of CPython's: those differ between versions
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE bytecode_flow (
    id          INTEGER PRIMARY KEY,
    process     INTEGER NOT NULL REFERENCES process (id),
    tid         INTEGER NOT NULL,
    time_ns     INTEGER NOT NULL,    -- in one thread rows with one time are in the order of id
    code        INTEGER NOT NULL REFERENCES code (id),
    instruction INTEGER NOT NULL,    -- offset in bytes into the bytecode
    opcode      INTEGER NOT NULL REFERENCES opcode (id)
);

-- The paper's data sets by name.
CREATE VIEW function_info AS
SELECT event.id, process.pid, event.tid, event.name, event.arguments, event.count,
       code.file, code.qualified_name, python_frame.line
FROM event
JOIN process ON process.id = event.process
LEFT JOIN python_frame ON python_frame.stack = event.python_stack AND python_frame.position = 0
LEFT JOIN code ON code.id = python_frame.code
WHERE event.kind IN ('audit', 'call');

CREATE VIEW function_ran AS
SELECT call.id, process.pid, call.tid, callee.file, callee.qualified_name, callee.first_line,
       caller.file AS caller_file, caller.qualified_name AS caller_name, call.starts, call.resumptions
FROM call
JOIN process ON process.id = call.process
JOIN code AS callee ON callee.id = call.callee
LEFT JOIN code AS caller ON caller.id = call.caller;

CREATE VIEW import_module AS
SELECT event.id, process.pid, event.tid, event.name AS module, event.arguments, event.count, event.failed,
       code.file AS importer, code.qualified_name, python_frame.line
FROM event
JOIN process ON process.id = event.process
LEFT JOIN python_frame ON python_frame.stack = event.python_stack AND python_frame.position = 0
LEFT JOIN code ON code.id = python_frame.code
WHERE event.kind = 'import';

"""What a site is: one address of the interpreter's file where a probe can sit."""

from dataclasses import dataclass

KINDS = (
    "audit_funnel",
    "audit_clone",
    "audit_public",
    "sys_audit",
    "import",
    "import_result",
    "code_dealloc",
    "code_result",
    "dlopen",
    "dlmopen",
    "ffi_call",
)
"""The kinds of sites, by the arguments that a probe finds there.

audit_funnel   sys_audit_tstate(tstate, event, format, va_list *)
audit_clone    _PySys_Audit(tstate, event, format, ...)
audit_public   PySys_Audit(event, format, ...)
sys_audit      sys_audit(module, args, nargs), METH_FASTCALL
import         PyImport_ImportModuleLevelObject(name, globals, locals, fromlist, level)
import_result  after importlib's _find_and_load came back: the module, NULL on failure, in result_register
code_dealloc   code_dealloc(code): a code object goes away
code_result    a function that makes code objects is about to return: what it made, if anything, in result_register
dlopen         dlopen(path, flags)
dlmopen        dlmopen(namespace, path, flags)
ffi_call       ffi_call(cif, function, result, arguments) of libffi
"""


@dataclass(frozen=True, slots=True)
class Site:
    """One address to probe, as linked; its arguments are where the function was called with them.

    `stack_adjust` bytes lie between rsp at the site and at the function's entry. `result_register` is set
    for import_result and code_result only.
    """

    kind: str
    function: int
    address: int
    stack_adjust: int
    is_emulated: bool
    result_register: str | None = None

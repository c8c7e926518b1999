"""Probes being loaded while something else is done."""

import sys
import threading
from typing import Final

from pyxhon.bpf.attach import ProbeOptions, Probes
from pyxhon.errors import KernelError

_SWITCH_SECONDS: Final = 0.0002


class ProbesLoading:
    """Probes being loaded while the caller does something else: the kernel's verifier takes its time."""

    def __init__(self, options: ProbeOptions) -> None:
        self._probes: Probes | None = None
        self._error: BaseException | None = None
        self._switch_seconds = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)  # the verifier must not wait for what is imported meanwhile
        self._thread = threading.Thread(target=self._load, args=(options,), name="probes")
        self._thread.start()

    def _load(self, options: ProbeOptions) -> None:
        try:
            self._probes = Probes(options)
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._error = error
        finally:
            sys.setswitchinterval(self._switch_seconds)

    def result(self) -> Probes:
        """Wait for the probes; raises what loading them raised."""
        self._thread.join()
        if self._probes is None:
            raise self._error or KernelError("the probes were not loaded")
        return self._probes

    def abandon(self) -> None:
        """Undo it, where a failure elsewhere left it to be undone."""
        self._thread.join()
        if self._probes is not None:
            self._probes.close()

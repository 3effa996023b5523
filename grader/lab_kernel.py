"""ipykernel as the sandbox needs it; imported only by the process that becomes it."""

from typing import Any

import zmq
from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread, OutStream

PIECE = 1 << 16


class Output(IOPubThread):
    """Output without the TCP port through which forked children would print."""

    def __init__(self, socket: Any, pipe: bool, session: Any) -> None:
        super().__init__(socket, pipe=False, session=session)

    def _really_send(self, *args: Any, **kwargs: Any) -> None:
        if self._is_master_process():
            super()._really_send(*args, **kwargs)


class Stream(OutStream):
    """A stream that is sent in pieces: endless printing is seen as it happens."""

    written = 0

    def write(self, string: str) -> int | None:  # type: ignore[override]
        """Write, and send what has come together."""
        count = super().write(string)
        self.written += len(string)
        if self.written > PIECE and self._is_master_process():
            self.written = 0
            self.flush()
        return count


class LabKernel(kernelapp.IPKernelApp):
    """ipykernel without connection file, heartbeat and user settings."""

    sockets: dict[str, int]

    def _bind_socket(self, s: Any, port: int) -> int:
        if str(port) in self.sockets:
            s.setsockopt(zmq.USE_FD, self.sockets[str(port)])
        return super()._bind_socket(s, port)

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        """Read no settings."""

    def init_connection_file(self) -> None:
        """Read no file: the grader has said where the sockets are."""

    def write_connection_file(self, **kwargs: Any) -> None:
        """Write none."""

    def init_heartbeat(self) -> None:
        """Start no heartbeat: the grader watches the process."""

    def log_connection_info(self) -> None:
        """Say nothing."""


def make(spec: dict[str, Any], ports: tuple[int, int]) -> LabKernel:
    """Return a kernel that is ready to start."""
    kernelapp.IOPubThread = Output  # type: ignore[misc, assignment]
    app = LabKernel.instance(
        transport="ipc",
        ip=spec["socket_base"],
        shell_port=ports[0],
        iopub_port=ports[1],
        stdin_port=3,
        control_port=4,
        hb_port=5,
    )
    app.sockets = spec["sockets"]
    app.session.key = spec["key"].encode()
    app.outstream_class = "grader.lab_kernel.Stream"
    app.config.HistoryManager.enabled = False
    app.config.IPKernelApp.exec_PYTHONSTARTUP = False
    app.initialize([])
    shell: Any = app.shell
    shell.ask_exit = _ask_exit
    return app


def _ask_exit() -> None:
    """Let `exit()` end its cell, not the kernel after it: when that ends is a race."""
    raise SystemExit

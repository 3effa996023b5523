"""The process that becomes the kernel of a lab; it runs inside the sandbox.

It gives up what it must not have, limits itself, and then starts ipykernel on two
sockets that the grader has bound and handed over as open files. So the sandbox needs
no folder in common with the grader: everything it can write to lives in its memory.
"""

import json
import os
import resource
import sys
from typing import Any

SHELL, IOPUB = 1, 2


def restrict(spec: dict[str, Any]) -> None:
    """Set the limits of this process and its children, then become another user."""
    for name, value in spec["rlimits"].items():
        which = getattr(resource, name)
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    if spec["uid"]:
        os.setgroups([])
        os.setresgid(spec["uid"], spec["uid"], spec["uid"])
        os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    if spec["filter"]:
        from grader.seccomp import install

        install()


def serve(spec: dict[str, Any]) -> None:
    """Run ipykernel until it is killed."""
    import zmq
    from ipykernel import kernelapp
    from ipykernel.iostream import IOPubThread

    class Output(IOPubThread):
        """Output without the TCP port through which forked children would print."""

        def __init__(self, socket: Any, pipe: bool, session: Any) -> None:
            super().__init__(socket, pipe=False, session=session)

        def _really_send(self, *args: Any, **kwargs: Any) -> None:
            if self._is_master_process():
                super()._really_send(*args, **kwargs)

    kernelapp.IOPubThread = Output  # type: ignore[misc, assignment]

    class LabKernel(kernelapp.IPKernelApp):
        """ipykernel without connection file, heartbeat, signals and user settings."""

        def _bind_socket(self, s: Any, port: int) -> int:
            if str(port) in spec["sockets"]:
                s.setsockopt(zmq.USE_FD, spec["sockets"][str(port)])
            return super()._bind_socket(s, port)

        def load_config_file(self, *args: Any, **kwargs: Any) -> None: ...
        def init_connection_file(self) -> None: ...
        def write_connection_file(self, **kwargs: Any) -> None: ...
        def init_heartbeat(self) -> None: ...
        def log_connection_info(self) -> None: ...

    app = LabKernel.instance(
        transport="ipc",
        ip=spec["socket_base"],
        shell_port=SHELL,
        iopub_port=IOPUB,
        stdin_port=3,
        control_port=4,
        hb_port=5,
    )
    app.session.key = spec["key"].encode()
    app.config.HistoryManager.enabled = False
    app.config.IPKernelApp.exec_PYTHONSTARTUP = False
    app.initialize([])
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # from here on, the code of others writes
        os.dup2(quiet, stream)
    app.start()


def main() -> None:
    """Read the specification that `grader.kernel` wrote."""
    spec = json.loads(sys.argv[1])
    sys.argv = ["lab"]
    sys.path[:0] = spec["path"]
    restrict(spec)
    serve(spec)


if __name__ == "__main__":
    main()

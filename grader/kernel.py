"""A kernel that nbval can drive, watched from outside.

It has the methods of nbval's `RunningKernel`. Unlike that one it starts in a sandbox,
talks over unix sockets, reads both channels while a cell runs, and notices at once when
the process dies, uses too much memory or time, or floods the channel.
"""

import collections
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
from jupyter_client.session import Session

from grader import processes
from grader.errors import InfraError
from grader.launcher import IOPUB, SHELL
from grader.limits import Limits
from grader.sandbox import Sandbox

START_TIMEOUT = 60.0
POLL = 50  # milliseconds
PATIENCE = 3.0  # a cell on a busy machine gets at most so many times its limit on top


class KernelLostError(Exception):
    """The kernel is lost; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Kernel:
    """One kernel process and the two channels to it.

    Parameters
    ----------
    sandbox : Sandbox
    limits : Limits
    scratch : folder
        For the two sockets; the kernel itself never sees it.
    """

    language = "python"
    cpu_seconds = 0.0  # of all kernels that this process has had

    def __init__(self, sandbox: Sandbox, limits: Limits, scratch: Path) -> None:
        self.sandbox, self.limits = sandbox, limits
        self.folder = Path(tempfile.mkdtemp(prefix="k", dir=scratch))
        self.deadline = float("inf")
        self.context = zmq.Context()
        self.messages: collections.deque[dict[str, Any]] = collections.deque()
        self.process: subprocess.Popen[bytes] | None = None
        self.inits: list[int] = []
        self.uid = 0  # the user id to clean up after, where there is no pid namespace
        self.reply: dict[str, Any] = {}
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        key = secrets.token_hex(16)
        command, spec = self.sandbox.command(self.limits)
        base = self.folder / "s"
        listening = {}
        for port in (SHELL, IOPUB):
            listening[port] = socket.socket(socket.AF_UNIX)
            listening[port].bind(f"{base}-{port}")
            listening[port].listen(8)
        own = "/tmp/.s" if self.sandbox.kind == "bwrap" else str(base)
        spec["sockets"] = {str(p): s.fileno() for p, s in listening.items()}
        spec |= {"key": key, "socket_base": own}
        home = self.folder / "home"
        if spec["uid"] and self.sandbox.kind == "uid":
            self.uid = spec["uid"]
            home.mkdir(mode=0o700)
            for path in (self.folder, home):
                os.chown(path, spec["uid"], -1)
        try:
            self.process = subprocess.Popen(
                [*command, json.dumps(spec)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[s.fileno() for s in listening.values()],
                cwd=home if self.uid else self.sandbox.cwd or None,
                env=self.sandbox.environment(str(home)),
                start_new_session=True,
            )
        except OSError as error:
            raise InfraError(f"the sandbox does not start: {error}") from error
        finally:
            for s in listening.values():
                s.close()
        self._connect(key, base)
        self._await_ready()

    def _connect(self, key: str, base: Path) -> None:
        self.session = Session(key=key.encode())
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, self.limits.output),
            (zmq.RCVHWM, 200),
        ):
            self.context.setsockopt(option, value)
        self.shell = self.context.socket(zmq.DEALER)
        self.iopub = self.context.socket(zmq.SUB)
        self.iopub.subscribe(b"")
        self.again = self.iopub.get_monitor_socket(zmq.EVENT_CONNECTED)
        self.poller = zmq.Poller()
        for channel in (self.shell, self.iopub):
            self.poller.register(channel, zmq.POLLIN)
        self.shell.connect(f"ipc://{base}-{SHELL}")
        self.iopub.connect(f"ipc://{base}-{IOPUB}")

    def _await_ready(self) -> None:
        assert self.process is not None and self.process.stderr is not None
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end:
            self.session.send(self.shell, "kernel_info_request", {})
            if self.iopub.poll(150):
                self.inits = processes.namespace_inits(self.process.pid)
                while self.again.poll(0):  # the first connection
                    self.again.recv_multipart()
                self.process.stderr.close()
                return
            if self.process.poll() is not None:
                tail = self.process.stderr.read(4000).decode(errors="replace")
                last = (tail.strip().splitlines() or ["no message"])[-1]
                raise InfraError(f"the kernel does not start: {last}")
        raise InfraError(f"the kernel does not start in {START_TIMEOUT:.0f} s")

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def execute_cell_input(self, cell_input: str, allow_stdin: bool = False) -> str:
        """Send code; return the id of the request."""
        self.messages.clear()
        self.reply = {}
        content = {
            "code": cell_input,
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        message: Any = self.session.send(self.shell, "execute_request", content)
        return message["header"]["msg_id"]

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Read both channels until the cell is done.

        Raises
        ------
        KernelLostError
            With the code died, timeout, deadline, memory or flood.
        """
        begun, before = time.monotonic(), self.waited()
        limit = timeout or self.limits.cell
        end = min(begun + limit, self.deadline)
        look, size, count = begun + 0.2, 0, 0
        replied = idle = False
        while not (replied and idle):
            now = time.monotonic()
            alive = self.is_alive()
            got = False
            if self.shell.poll(0):
                message = self._receive(self.shell)[1]
                if message and _parent(message) == msg_id:
                    replied, self.reply = True, message["content"]
                got = True
            for _ in range(20):
                if not self.iopub.poll(0):
                    break
                length, message = self._receive(self.iopub)
                size, count, got = size + length, count + 1, True
                if message and _parent(message) == msg_id:
                    self.messages.append(message)
                    idle |= _is_idle(message)
            if size > self.limits.output or count > self.limits.messages:
                raise KernelLostError("flood")
            if replied and idle:
                return
            if not alive and not got:
                raise KernelLostError("died")
            if not got and self.again.poll(0):  # cut off by a message too large
                raise KernelLostError("flood")
            if now > end and not replied:  # unless it only waited for a free core
                late = min(self.waited() - before, PATIENCE * limit)
                total = self.deadline + self.waited()
                end = min(begun + limit + late, total)
                if now > end:
                    raise KernelLostError("deadline" if end == total else "timeout")
            if now > end + 3:  # what the kernel said was lost on the way
                raise KernelLostError("flood")
            if now > look:
                look = now + 0.1
                self._watch_memory()
            if not got:
                self.poller.poll(POLL)

    def waited(self) -> float:
        """Return the seconds that the kernel has waited for a free core of the machine.

        They do not count against a limit of time, so that a busy machine costs no
        points. At most `PATIENCE` times the limit of the submission.
        """
        if self.process is None:
            return 0.0
        most = PATIENCE * self.limits.total
        return min(processes.waited(self.process.pid), most)

    def _watch_memory(self) -> None:
        assert self.process is not None
        limit = self.limits.memory
        if processes.resident(self.process.pid, limit) > limit:
            raise KernelLostError("memory")

    def _receive(self, channel: Any) -> tuple[int, dict[str, Any] | None]:
        """Read one message; (its size, None) when it is not well formed."""
        parts = channel.recv_multipart(zmq.NOBLOCK)
        length = sum(len(p) for p in parts)
        with contextlib.suppress(Exception):  # whatever a hostile kernel wrote
            _, parts = self.session.feed_identities(parts)
            message: Any = self.session.deserialize(parts)
            if isinstance(message["content"], dict):
                return length, message
        return length, None

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message that the cell wrote."""
        if not self.messages:
            raise Empty
        return self.messages.popleft()

    def await_idle(self, parent_id: str, timeout: float) -> None:
        """Do nothing: `await_reply` has read everything already."""

    def interrupt(self) -> None:
        """Do nothing: a kernel that does not answer is replaced."""

    def stop(self) -> None:
        """Kill all processes of the kernel and wait until they are gone."""
        if self.process is not None:
            Kernel.cpu_seconds += processes.cpu_seconds(self.process.pid)
            processes.end(self.process, self.inits, self.uid)
            self.process, self.inits = None, []
        for name in ("shell", "iopub", "again"):
            if hasattr(self, name):
                getattr(self, name).close(0)
        self.context.term()
        shutil.rmtree(self.folder, ignore_errors=True)


def _parent(message: dict[str, Any]) -> Any:
    return message["parent_header"].get("msg_id")


def _is_idle(message: dict[str, Any]) -> bool:
    state = message["content"].get("execution_state")
    return message.get("msg_type") == "status" and state == "idle"

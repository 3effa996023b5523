"""Try what a hostile submission would try, and say what the sandbox here stops."""

import contextlib
import importlib.metadata
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader import scratch, seccomp
from grader.errors import InfraError, UserError
from grader.execute import error_of, execute
from grader.kernel import Kernel, KernelLostError
from grader.limits import Limits
from grader.sandbox import Sandbox, bwrap_problem, choose

PROBE = """
import json, os, socket, subprocess
def tried(action):
    try:
        return bool(action())
    except BaseException:
        return False
def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
        return True
def read(path):
    with open(path, "rb") as f:
        return f.read(100)
def write(folder):
    path = os.path.join(folder, "lab-doctor")
    with open(path, "w") as f:
        f.write("x")
    os.unlink(path)
    return True
def spawn():
    pids = []
    try:
        while len(pids) < {many}:
            pid = os.fork()
            if not pid:
                os.kill(os.getpid(), 19)
                os._exit(0)
            pids.append(pid)
        return True
    finally:
        for pid in pids:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
def ran(*command):
    return subprocess.run(command, capture_output=True, timeout=5).returncode == 0
print(json.dumps({{
    "network": tried(lambda: connect(socket.AF_INET, ("127.0.0.1", {port})))
        or tried(lambda: socket.getaddrinfo("example.org", 80)),
    "canary": tried(lambda: read({canary!r})),
    "shadow": tried(lambda: read("/etc/shadow")),
    "write": [p for p in {folders!r} if tried(lambda: write(p))],
    "fork": tried(spawn),
    "memory": tried(lambda: len(bytearray({memory}))),
    "namespace": tried(lambda: ran("unshare", "-Ur", "true")),
    "kill": tried(lambda: os.kill({pid}, 0) or True),
}}))
"""


def probe(box: Sandbox) -> dict[str, Any]:
    """Run the attempts inside a sandbox; return which of them succeeded.

    Raises
    ------
    InfraError
        If no kernel starts in it.
    """
    limits = Limits(cell=30, total=60, memory=1 << 30, processes=64)
    with (
        _listener() as port,
        tempfile.TemporaryDirectory(prefix="lab-doctor") as folder,
    ):
        canary = Path(folder) / "canary.txt"
        canary.write_text("canary")
        os.chmod(folder, 0o755)
        home = os.path.expanduser("~")
        course = str(Path(__file__).resolve().parent.parent)
        places = [course, sys.prefix, home, "/usr/lib", "/etc", "/var/tmp", folder]
        code = PROBE.format(
            port=port,
            canary=str(canary),
            folders=places,
            many=limits.processes + 8,
            memory=2 * limits.memory,
            pid=os.getpid(),
        )
        kernel = Kernel(box, limits, scratch.folder())
        try:
            outputs = execute(kernel, code, limits.cell)
        except KernelLostError as lost:
            raise InfraError(f"the probe was lost: {lost.code}") from None
        finally:
            kernel.stop()
    if error := error_of(outputs):
        raise InfraError(f"the probe stopped: {error['type']}: {error['text']}")
    return json.loads(next(o["text"] for o in outputs if "text" in o))


@contextlib.contextmanager
def _listener() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(4)
        yield server.getsockname()[1]


def doctor(kind: str = "auto") -> tuple[list[str], bool]:
    """Return what to show, and whether `grade` would run here."""
    lines = [_versions(), ""]
    try:
        box = choose(kind)
    except UserError as error:
        if kind == "uid":
            return [*lines, f"✗ {error}"], False
        lines.append(f"✗ no sandbox works here: {bwrap_problem()}")
        lines += [f"  {line}" for line in advice(bwrap_problem())]
        return lines, False
    try:
        found = probe(box)
    except InfraError as error:
        return [*lines, f"✗ {box.kind}: {error}"], False
    own = "an own user id per worker" if os.geteuid() == 0 else "your user id"
    lines.append(f"sandbox: {box.kind} ({own})")
    rows = [
        ("network", not found["network"], "none", "REACHABLE"),
        ("files", not (found["canary"] or found["shadow"]), "hidden", "READABLE"),
        (
            "write outside",
            not found["write"],
            "refused",
            f"POSSIBLE in {', '.join(found['write'])}",
        ),
        ("processes", not found["fork"], "limited", "NOT LIMITED"),
        ("memory", not found["memory"], "limited per process, watched", "NOT LIMITED"),
        ("new namespaces", not found["namespace"], "refused", "ALLOWED"),
        ("other processes", not found["kill"], "out of reach", "REACHABLE"),
        (
            "system calls",
            seccomp.available(),
            "filtered",
            f"not filtered on {platform.machine()}",
        ),
    ]
    for name, good, yes, no in rows:
        lines.append(f"  {'✓' if good else '✗'} {name}: {yes if good else no}")
    return lines, all(good for _, good, _, _ in rows)


def _versions() -> str:
    parts = [f"Python {platform.python_version()}"]
    for name in ("nbval", "ipykernel", "pytest", "nbgrader"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            parts.append(f"{name} {importlib.metadata.version(name)}")
    with contextlib.suppress(OSError):
        done = subprocess.run(["bwrap", "--version"], capture_output=True, text=True)
        parts.append(done.stdout.strip())
    return ", ".join(parts)


def advice(problem: str) -> list[str]:
    """Say what to do about a sandbox that does not work."""
    if "not installed" in problem:
        return ["Debian, Ubuntu: apt-get install bubblewrap", "Fedora: dnf install it"]
    if re.search("user namespace|uid map|Permission|permitted", problem, re.IGNORECASE):
        return [
            "This system keeps users from making namespaces.",
            "Ubuntu 24.04: allow it for bwrap with an AppArmor profile, or",
            "  sysctl kernel.apparmor_restrict_unprivileged_userns=0",
            "Debian: sysctl kernel.unprivileged_userns_clone=1",
            "In a container: run as root with --sandbox uid, see the book's page.",
        ]
    if "Linux" in problem:
        return ["Run the grader in a Linux virtual machine or container."]
    return []

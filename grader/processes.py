"""Find, measure and end the processes that a learner's code has started (Linux)."""

import contextlib
import ctypes
import math
import os
import select
import signal
import subprocess
import sys
import time

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{pid}/task/{task}/children") as f,
            ):
                found += [int(p) for p in f.read().split()]
    return found


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children(found[-1])
    return found


def resident(pid: int, enough: float = math.inf) -> int:
    """Return the memory in use by a process and its descendants, in bytes.

    The quick sum counts pages that forked processes share once for each of them; only
    when it reaches `enough` is the exact share of every process looked up.
    """
    pids = tree(pid)
    total = sum(_resident(p) for p in pids)
    return total if total < enough else sum(_share(p) for p in pids)


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * PAGE
    return 0


def _share(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return _resident(pid)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its descendants, also ended ones."""
    total = 0
    for p in tree(pid):
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{p}/stat") as f:
            total += sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:15])
    return total / TICKS


def waited(pid: int) -> float:
    """Return the seconds that a process and its descendants waited for a free core.

    Of each process the main thread counts; 0 where Linux does not say.
    """
    total = 0
    for p in tree(pid):
        path = f"/proc/{p}/schedstat"
        with contextlib.suppress(OSError, IndexError), open(path) as f:
            total += int(f.read().split()[1])
    return total / 1e9


def namespace_inits(pid: int) -> list[int]:
    """Return handles of the first processes of the pid namespaces below a process.

    A handle (pidfd) never means another process, as a number that is used again would.
    """
    own = _namespace(os.getpid())
    if not own:
        return []
    found, queue = [], [pid]
    while queue:
        p = queue.pop()
        if _namespace(p) not in ("", own):
            with contextlib.suppress(OSError):
                found.append(os.pidfd_open(p))
        else:
            queue += children(p)
    return found


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def end(process: "subprocess.Popen[bytes]", inits: list[int], uid: int = 0) -> None:
    """Kill a kernel with all that it has started and wait until nothing is left.

    The first process of a pid namespace ends only after all others in it: to wait for
    it is to wait for them. Without a namespace, descendants are killed one by one, and
    all processes of a user id that only this worker gives away.
    """
    if not inits and sys.platform == "linux":
        for pid in reversed(tree(process.pid)):
            _kill(pid)
    for handle in inits:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    process.wait()
    for _ in range(50 if uid else 0):  # they may still be starting others
        own = of_user(uid)
        for pid in own:
            _kill(pid)
        if not own:
            break
        time.sleep(0.02)
    if process.stderr:
        process.stderr.close()
    end_of_wait = time.monotonic() + 10
    for handle in inits:
        left = max(0.0, end_of_wait - time.monotonic())
        select.select([handle], [], [], left)
        os.close(handle)


def of_user(uid: int) -> list[int]:
    """Return the processes of a user id that have not ended."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            if os.stat(f"/proc/{int(name)}").st_uid == uid:
                with open(f"/proc/{name}/stat") as f:
                    if f.read().rsplit(")", 1)[1].split()[0] != "Z":
                        found.append(int(name))
    return found


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Ask Linux to kill this process when the one that started it ends."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

"""Private temporary folders, and the removal of those that dead graders left behind."""

import atexit
import contextlib
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

PREFIX = "lab-grader-"


def base() -> Path:
    """Return the folder that holds them all; short, for the sake of socket names."""
    return Path(tempfile.gettempdir())


@lru_cache(maxsize=1)
def _folder(pid: int) -> Path:
    sweep()
    name = f"{PREFIX}{os.getuid()}-{pid}-{_started(pid)}-"
    path = Path(tempfile.mkdtemp(prefix=name, dir=base()))
    path.chmod(0o711)  # another user id must reach its own socket, and see nothing
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def folder() -> Path:
    """Return this process's own folder."""
    path = _folder(os.getpid())
    path.mkdir(mode=0o711, exist_ok=True)
    return path


def _started(pid: int) -> str:
    """Return when a process began, so that a reused number is not taken for it."""
    with contextlib.suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/stat").read_text()
        return text.rsplit(")", 1)[1].split()[19]
    return "0"


def sweep() -> int:
    """Remove the folders of processes that no longer exist; return how many."""
    removed = 0
    for path in base().glob(f"{PREFIX}{os.getuid()}-*"):
        parts = path.name.removeprefix(PREFIX).split("-")
        if len(parts) < 4 or not parts[1].isdigit():
            continue
        if _alive(int(parts[1])) and _started(int(parts[1])) == parts[2]:
            continue
        shutil.rmtree(path, ignore_errors=True)
        removed += 1
    return removed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

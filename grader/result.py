"""One JSON file per submission, written at once or not at all.

A result is valid for one content of submission, lab, seed, limits and grader: its key.
The same key gives the same bytes, apart from the entry "time".
"""

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from grader.lab import Lab
from grader.limits import Limits

FORMAT = 1


def key(submission: str, lab: str, seed: int, limits: Limits, sandbox: str) -> str:
    """Return the name of one grading."""
    parts = [FORMAT, submission, lab, seed, limits.as_dict(), sandbox]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def slug(student: str) -> str:
    """Return a file name that is safe and different for different students.

    Examples
    --------
    >>> slug("alice"), slug("../x")
    ('alice', 'x-d6b96a97')
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", student).strip("._-")[:60]
    if safe and safe == student and not re.search(r"-[0-9a-f]{8}$", safe):
        return safe
    text = student.encode("utf-8", "surrogatepass")
    return f"{safe or 'student'}-{hashlib.sha256(text).hexdigest()[:8]}"


def new(
    student: str, lab: Lab, *, state: str, reason: str = "", **rest: Any
) -> dict[str, Any]:
    """Return a result; state is graded, rejected or infra_error."""
    return {
        "format": FORMAT,
        "student": student,
        "lab": lab.name,
        "title": lab.title,
        "state": state,
        "reason": reason,
        "score": None if state == "infra_error" else 0.0,
        "max_score": sum(e.points for e in lab.exercises),
        "exercises": [],
        "notes": [],
        **rest,
    }


def write(path: Path, data: Any, mode: int = 0o600) -> None:
    """Write JSON so that a reader finds the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def read(path: Path) -> dict[str, Any] | None:
    """Read a result; None if there is no readable one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    good = isinstance(data, dict) and data.get("format") == FORMAT
    return data if good else None


def folder(out: Path) -> Path:
    """Return where the results of an output folder are."""
    return out / "results"


def read_all(out: Path) -> list[dict[str, Any]]:
    """Return all results of an output folder, by student."""
    found = [read(p) for p in sorted(folder(out).glob("*.json"))]
    return sorted((r for r in found if r), key=lambda r: r["student"])

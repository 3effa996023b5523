"""Open a submission as data: take the source of the known answer cells, drop the rest.

Outputs, metadata, kernel name, extra cells and edited check cells of a submission are
never used. Nothing in it is imported, executed or unpickled here.
"""

import hashlib
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_BYTES = 20 << 20
MAX_ANSWER = 200_000
MAX_CELLS = 5_000


class RejectedError(ValueError):
    """The submission cannot be graded; the text says why."""


@dataclass(frozen=True)
class Submission:
    """What is taken from a submission.

    Attributes
    ----------
    answers : dict of exercise to source
    problems : dict of exercise to a sentence
        Why there is no answer.
    extra : int
        Code cells that the learner has added; they are not run.
    hash : str
        Of the answers and problems: what the score depends on.
    """

    answers: dict[str, str]
    problems: dict[str, str] = field(default_factory=dict)
    extra: int = 0

    @property
    def hash(self) -> str:
        """Hash of everything that the score depends on."""
        text = json.dumps([self.answers, self.problems, self.extra], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_bytes(path: Path) -> bytes:
    """Read a regular file of a sensible size, never through a link.

    Raises
    ------
    RejectedError
        If it is something else.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "it is a link" if path.is_symlink() else error.strerror
        raise RejectedError(f"the file cannot be opened: {reason}") from None
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise RejectedError("this is not a regular file")
        if info.st_size > MAX_BYTES:
            raise RejectedError(f"the file is larger than {MAX_BYTES >> 20} MB")
        return file.read(MAX_BYTES + 1)


def load_notebook(raw: bytes) -> list[dict[str, Any]]:
    """Return the cells of a notebook.

    Raises
    ------
    RejectedError
        If it is not a notebook.
    """
    if len(raw) > MAX_BYTES:
        raise RejectedError(f"the file is larger than {MAX_BYTES >> 20} MB")
    if not raw.strip():
        raise RejectedError("the file is empty")
    try:
        notebook = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise RejectedError("the file is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise RejectedError("the file is not JSON, so it is not a notebook") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise RejectedError("the file is JSON, but not a notebook of version 4")
    if len(cells) > MAX_CELLS:
        raise RejectedError(f"the notebook has {len(cells)} cells")
    return [c for c in cells if isinstance(c, dict)]


def grade_id(cell: dict[str, Any]) -> str:
    """Return the name of a released cell, or nothing."""
    meta = cell.get("metadata")
    own = meta.get("nbgrader") if isinstance(meta, dict) else None
    name = own.get("grade_id") if isinstance(own, dict) else None
    name = cell.get("id") if not isinstance(name, str) else name
    return name if isinstance(name, str) else ""


def source_of(cell: dict[str, Any]) -> str | None:
    """Return the source of a cell, which may be stored as a list of lines."""
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(s, str) for s in source):
        source = "".join(source)
    return source if isinstance(source, str) else None


def _added(cell: dict[str, Any]) -> bool:
    meta = cell.get("metadata")
    released = isinstance(meta, dict) and "lab" in meta
    code = cell.get("cell_type") == "code" and (source_of(cell) or "").strip()
    return bool(code) and not released


def take(cells: list[dict[str, Any]], known: dict[str, str]) -> Submission:
    """Take the answers out of the cells of a submission.

    Parameters
    ----------
    cells : list of dict
    known : dict
        Every released name: ``{"fans": "answer", "fans-check": "check", …}``.

    Raises
    ------
    RejectedError
        If the notebook has no answer cell of this lab.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    extra = 0
    for cell in cells:
        name = grade_id(cell)
        if name in known:
            found.setdefault(name, []).append(cell)
        elif _added(cell):
            extra += 1
    wanted = [name for name, kind in known.items() if kind == "answer"]
    if not any(name in found for name in wanted):
        raise RejectedError(
            "none of this lab's answer cells is in it: is it another lab?"
        )
    answers: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in wanted:
        own = found.get(name, [])
        source = source_of(own[0]) if own else None
        if not own:
            problems[name] = "the answer cell is missing"
        elif len(own) > 1:
            problems[name] = f"there are {len(own)} answer cells with this name"
        elif own[0].get("cell_type") != "code":
            problems[name] = "the answer cell is no code cell any more"
        elif source is None or len(source) > MAX_ANSWER or "\0" in source:
            problems[name] = "the answer cell cannot be read"
        else:
            answers[name] = source.encode("utf-8", "replace").decode()
    return Submission(answers, problems, extra)

"""What a learner runs: the public checks of a lab, answered in words.

The learner's own notebook is run as it stands, setup, answers and checks, in a kernel
of its own. Cells that the learner has added are left out, as they are when it is
graded.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader import scratch
from grader.answers import ANSWER
from grader.errors import UserError
from grader.execute import error_of, execute
from grader.intake import RejectedError, load_notebook, read_bytes, source_of
from grader.kernel import Kernel, KernelLostError
from grader.limits import Limits
from grader.sandbox import Sandbox
from grader.verdict import TROUBLE

Row = dict[str, Any]


def read(path: Path) -> tuple[str, list[Row]]:
    """Return the title of a lab and its cells.

    Raises
    ------
    UserError
        If it is no lab.
    """
    if not path.exists():
        raise UserError(f"no such file: {path}")
    try:
        raw = read_bytes(path.resolve())
        cells = load_notebook(raw)
    except RejectedError as reason:
        raise UserError(f"{path}: {reason}") from None
    meta = json.loads(raw.decode("utf-8-sig")).get("metadata", {}).get("lab", {})
    found = []
    for cell in cells:
        own = (cell.get("metadata") or {}).get("lab") or {}
        source = source_of(cell)
        if cell.get("cell_type") == "code" and source and source.strip():
            found.append({"kind": "extra", **own, "source": source})
    if not any(c["kind"] == "answer" for c in found):
        raise UserError(f"{path} has no exercise in it: is it a lab of this course?")
    return meta.get("title", path.stem), found


def check(path: Path, cell_timeout: float = 60.0) -> tuple[list[str], bool]:
    """Return the lines to show, and whether all exercises pass."""
    title, cells = read(path)
    sandbox = Sandbox("none", cwd=str(path.resolve().parent))
    kernel = Kernel(sandbox, Limits(cell=cell_timeout), scratch.folder())
    lines = [title, ""]
    states: dict[str, str] = {}
    try:
        for kind, lines_ in _run(kernel, cells, cell_timeout, states):
            lines += [*lines_, ""] if kind == "check" else lines_
    except KernelLostError as trouble:
        lines += [f"  ✗ {TROUBLE[trouble.code]}; what follows was not checked", ""]
        states["lost"] = "error"
    finally:
        kernel.stop()
    extra = sum(c["kind"] == "extra" for c in cells)
    return [*lines, *_ending(path, states, extra)], set(states.values()) == {"right"}


def _run(
    kernel: Kernel, cells: list[Row], timeout: float, states: dict[str, str]
) -> Iterator[tuple[str, list[str]]]:
    stopped: dict[str, str] = {}
    for cell in cells:
        kind, exercise = str(cell["kind"]), str(cell.get("exercise", ""))
        if kind in ("extra", "demo"):
            continue
        outputs = execute(kernel, cell["source"], timeout)
        error = error_of(outputs)
        words = f"{error['type']}: {error['text']}" if error else ""
        if kind == "setup" and error:
            yield kind, [f"  ✗ a cell of the lab itself stopped: {words}"]
        elif kind == "answer" and error and error["type"] != "NotImplementedError":
            stopped[exercise] = f"  ✗ your cell stopped: {words}"
        elif kind == "check":
            lines = [str(cell.get("title") or exercise)]
            lines += [stopped[exercise]] if exercise in stopped else []
            shown, state = _answers(outputs)
            if error:
                shown.append(f"  ✗ the check stopped: {words}")
                state = "error"
            if _changed(cell):
                shown.append("  (You have changed this check; grading uses its own.)")
            states[exercise] = "error" if exercise in stopped else state
            yield kind, lines + shown


def _answers(outputs: list[Row]) -> tuple[list[str], str]:
    lines, states = [], set()
    for output in outputs:
        data = output.get("data", {})
        if ANSWER in data:
            states.add(data[ANSWER].get("state", "error"))
            lines.append(f"  {data['text/plain']}")
    if "unanswered" in states:
        return lines, "unanswered"
    return lines, "right" if states - {"shown"} == {"right"} else "error"


def _changed(cell: Row) -> bool:
    digest = hashlib.sha256(cell["source"].encode("utf-8", "replace")).hexdigest()
    return bool(cell.get("digest")) and not digest.startswith(cell["digest"])


def _ending(path: Path, states: dict[str, str], extra: int) -> list[str]:
    right = sum(s == "right" for s in states.values())
    total = sum(name != "lost" for name in states)
    lines = []
    if extra:
        some = "a cell" if extra == 1 else f"{extra} cells"
        lines.append(
            f"You have added {some}: not run here and not graded. Everything an answer "
            "needs belongs into its own cell."
        )
    if total and all(s == "unanswered" for s in states.values()):
        lines.append(
            f"Nothing is answered yet. Open {path.name} in JupyterLab (`make lab`), "
            "begin with Exercise 1, and save before you run this again."
        )
    elif right == total and "lost" not in states:
        lines.append(
            f"All {total} exercises pass their public checks. Grading uses more "
            "checks, with other inputs."
        )
    else:
        lines.append(f"{right} of {total} exercises pass their public checks.")
    return lines

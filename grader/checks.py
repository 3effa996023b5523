"""What the check cells of a lab call: `emit(name, value)` answers at once, in words.

Release puts ``rng = begin("fans")`` at the top of a check cell; the author writes::

    emit("a dense layer", lambda: fans((300, 500)))

In JupyterLab the values are held against the fingerprints that `load` read from the
lab: right, a known misconception, or wrong. While grading, `emit` only shows the value,
in full precision under a MIME type of its own, and the grader judges it outside.
"""

import base64
import contextlib
import json
import os
import re
import traceback
import zlib
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from grader.answers import FAILED, answer, line
from grader.values import VALUE, encode


class _Session:
    """Where the running check cell stands."""

    table: ClassVar[dict[str, Any]] = {"salt": "", "checks": {}, "hints": []}
    exercise = ""
    grading = False
    waiting: ClassVar[list[dict[str, Any]]] = []
    left: ClassVar[set[str]] = set()  # public checks still to come


def pack(table: dict[str, Any]) -> str:
    """Write a table of fingerprints as one line of text."""
    raw = json.dumps(table, sort_keys=True, ensure_ascii=False).encode()
    return base64.b85encode(zlib.compress(raw, 9)).decode()


def unpack(text: str) -> dict[str, Any]:
    """Read what `pack` wrote."""
    return json.loads(zlib.decompress(base64.b85decode("".join(text.split()))))


def load(text: str) -> None:
    """Read the fingerprints of a lab; release writes the call."""
    _Session.table = unpack(text)


def begin(
    exercise: str, seed: int = 0, *, grading: bool = False
) -> np.random.Generator:
    """Start a check cell and return its random numbers."""
    import random

    _Session.exercise, _Session.grading = exercise, grading
    _Session.waiting = []
    _Session.left = set(_Session.table["checks"].get(exercise, {}))
    if not grading and (shell := _shell()):  # after a cell that stops half-way
        shell.events.register("post_run_cell", flush)
    key = [seed, *exercise.encode()]
    random.seed(repr(key))
    np.random.seed(abs(hash(tuple(key))) % 2**32)  # noqa: NPY002 - a learner may use it
    return np.random.default_rng(key)


def emit(
    name: str,
    value: Any | Callable[[], Any],
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    dtype: bool = False,
    weight: float | None = None,
    hint: str = "",
) -> None:
    """Hand a value to the check called `name`.

    Parameters
    ----------
    name : str
        What is checked, in a few words; unique within an exercise.
    value : object or function
        A function without arguments is called, and an exception in it is an answer to
        this check alone.
    rtol, atol : float
        Tolerances on numbers that are not integers.
    dtype : bool
        Whether the dtype of arrays matters.
    weight : float, optional
        Share of the exercise's points. By default 1 for hidden checks and 0 for public
        ones, or 1 for all where an exercise has no hidden check.
    hint : str
        Said when the value is wrong and matches no known misconception.
    """
    payload: dict[str, Any] = {"name": str(name)}
    try:
        payload["value"] = encode(value() if callable(value) else value)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        payload["error"] = describe(error)
    if _Session.grading:
        payload["spec"] = {
            "rtol": rtol,
            "atol": atol,
            "dtype": dtype,
            "weight": weight,
            "hint": hint,
        }
        _publish({VALUE: payload, "text/plain": str(name)})
        return
    _Session.waiting.append({**payload, "hint": hint})
    _Session.left.discard(str(name))
    if not _Session.left:
        flush()


def describe(error: BaseException) -> dict[str, Any]:
    """Return an exception as type, text, line and whether it means "unanswered"."""
    line, where = 0, ""
    with contextlib.suppress(Exception):
        for frame in traceback.extract_tb(error.__traceback__):
            if re.search(r"ipykernel_\d+|^<", frame.filename):
                line, where = frame.lineno or 0, frame.name
    if where in ("<lambda>", "<module>"):
        line = 0
    try:
        text = str(error)[:500]
    except BaseException:
        text = ""
    # With nbgrader's own stub the exception has no text.
    unanswered = isinstance(error, NotImplementedError) and (
        text.startswith("Exercise ") or not text
    )
    return {
        "type": type(error).__name__[:80],
        "text": text,
        "line": line,
        "unanswered": unanswered,
    }


def flush(result: Any = None) -> None:
    """Say what is to be said about the values of this cell so far."""
    payloads, _Session.waiting = _Session.waiting, []
    rows = answer(payloads, _Session.table, _Session.exercise)
    for row in rows:
        _publish(line(_Session.exercise, *row))
    failed = [words for _, state, words in rows if state in FAILED]
    if failed and result is None and os.environ.get("NBGRADER_EXECUTION"):
        raise AssertionError(failed[0])  # nbgrader's own runs know only exceptions


def _shell() -> Any:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def _publish(data: dict[str, Any]) -> None:
    if _shell() is None:
        print(data["text/plain"])
        return
    from IPython.display import publish_display_data

    publish_display_data(data)

"""One unit of work: grade one submission, anywhere, and write its result."""

import functools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader import intake, result
from grader.errors import InfraError
from grader.submissions import Entry

if TYPE_CHECKING:  # the process that only hands out work stays small
    from grader.context import Context

VERSION = "1"


@dataclass(frozen=True)
class Unit:
    """What a worker needs to know; plain data, small.

    Attributes
    ----------
    entry : Entry
    context : path of the file that `grader.context.prepare` wrote
    target : path of the result
    key : str
        See `grader.result.key`.
    submission : hash of the bytes handed in
    """

    entry: Entry
    context: str
    target: str
    key: str
    submission: str


def grade(unit: Unit) -> dict[str, Any]:
    """Grade one submission, write its result, and return the result.

    Never raises for anything that a submission does. The grader's own failures come
    back as the state "infra_error", which is written as well.
    """
    started, cpu = time.time(), _cpu()
    context = _load(unit.context)
    try:
        found = _grade(unit, context)
    except InfraError as error:
        found = _new(unit, context, state="infra_error", reason=str(error))
    except Exception as error:
        words = f"{type(error).__name__}: {error}"[:500]
        found = _new(unit, context, state="infra_error", reason=words)
    found["time"] = {
        "started": round(started, 3),
        "seconds": round(time.time() - started, 3),
        "cpu": round(_cpu() - cpu, 3),  # of the grader and the kernels
    }
    try:
        result.write(Path(unit.target), found)
    except OSError as error:
        words = f"the result cannot be written: {error.strerror}"
        return {**found, "state": "infra_error", "score": None, "reason": words}
    return found


@functools.lru_cache(maxsize=4)
def _load(path: str) -> "Context":
    from grader.context import Context

    return Context.load(path)


def _cpu() -> float:
    from grader.kernel import Kernel

    return time.process_time() + Kernel.cpu_seconds


def _grade(unit: Unit, context: "Context") -> dict[str, Any]:
    lab, reference = context.lab, context.reference
    known = {c.grade_id: c.kind for c in lab.cells if c.kind in ("answer", "check")}
    try:
        cells = intake.load_notebook(unit.entry.read())
        submission = intake.take(cells, known)
    except intake.RejectedError as reason:
        return _new(unit, context, state="rejected", reason=str(reason))
    from grader import rebuild, scratch, verdict
    from grader.run import run

    plan = rebuild.steps(lab, submission.answers, reference.seed)
    seen = run(plan, reference, context.sandbox, context.limits, scratch.folder())
    found = _new(unit, context, state="graded")
    found["exercises"] = verdict.judge(lab, reference, submission, seen)
    found["score"] = round(sum(e["points"] for e in found["exercises"]), 4)
    if submission.extra:
        cells_ = "cells" if submission.extra > 1 else "cell"
        found["notes"].append(
            f"{submission.extra} code {cells_} that you added: not run, not graded. "
            "Everything an answer needs belongs into its own cell."
        )
    return found


def _new(unit: Unit, context: "Context", **kw: Any) -> dict[str, Any]:
    kind = context.sandbox.kind
    return result.new(
        unit.entry.student,
        context.lab,
        key=unit.key,
        submission=unit.submission,
        lab_hash=context.lab.hash,
        seed=context.reference.seed,
        limits=context.limits.as_dict(),
        sandbox=kind,
        sandboxed=kind != "none",
        grader=VERSION,
        **kw,
    )

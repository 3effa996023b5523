"""From the values of a submission to points, each lost one with its reason.

Text that comes from the learner's kernel is quoted only if it consists of words of the
learner's own source and of Python's: so it cannot carry the source of a hidden check.
"""

import builtins
import keyword
import re
from dataclasses import dataclass, field
from typing import Any

from grader.answers import error_words
from grader.export import plain
from grader.intake import Submission
from grader.judge import explain
from grader.lab import Exercise, Lab
from grader.rebuild import split
from grader.reference import Check, Reference, Wrong
from grader.values import MalformedError, flatten, show

TROUBLE = {
    "died": "your code ended the Python process",
    "timeout": "your code did not finish in time: is there an endless loop?",
    "deadline": "the time for the whole notebook was used up",
    "memory": "your code used too much memory",
    "flood": "your code wrote too much output",
}
WORD = re.compile(r"[^\W_]+")
PYTHON = {w for name in dir(builtins) for w in WORD.findall(name)} | set(keyword.kwlist)
LIBRARY = {"LinAlgError", "AxisError", "StdinNotImplementedError", "BdbQuit"}
PHRASES = set(
    WORD.findall(
        """
        name is not defined local variable referenced before assignment where it
        cannot access associated with a value object has no attribute module
        unsupported operand type types for and or takes positional arguments argument
        but was were given missing required keyword got an unexpected multiple values
        index out of range list tuple string dictionary must be integers slices
        indices division by zero invalid syntax expected after function definition on
        line unindent does match any outer indentation level indent unterminated
        literal detected EOF while parsing unmatched never closed perhaps you forgot
        comma Maybe meant instead operands could broadcast together shapes shape
        matmul Input mismatch in its core dimension gufunc signature size different
        from subscriptable callable iterable unpack non too many few to numpy ndarray
        float int str Generator import only length arrays can converted Python scalars
        the truth more than one element ambiguous Use all maximum recursion depth
        exceeded did mean ufunc loop dtype dtypes readonly read destination requires
        Linear expects N s e i n k m float64 float32 int64 NoneType
        """
    )
)


@dataclass
class Seen:
    """What came out of the cells of one exercise."""

    answer_error: dict[str, Any] | None = None
    trouble: str = ""
    where: str = ""
    error: dict[str, Any] | None = None
    values: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def judge(
    lab: Lab, reference: Reference, submission: Submission, seen: dict[str, Seen]
) -> list[dict[str, Any]]:
    """Return one entry per exercise: points, checks and remarks."""
    own = set(WORD.findall(" ".join(submission.answers.values()))) | visible(lab)
    return [
        _exercise(e, reference, submission, seen.get(e.name, Seen()), own)
        for e in lab.exercises
    ]


def visible(lab: Lab) -> set[str]:
    """Return the words of what every learner can read in the lab."""
    text = [c.source for c in lab.cells if c.kind in ("code", "demo")]
    text += [split(c.source)[0] for c in lab.cells if c.kind in ("answer", "check")]
    return set(WORD.findall(" ".join(text)))


def _exercise(
    exercise: Exercise,
    reference: Reference,
    submission: Submission,
    seen: Seen,
    own: set[str],
) -> dict[str, Any]:
    rows = reference.checks[exercise.name]
    wrong = reference.wrong[exercise.name]
    problem = submission.problems.get(exercise.name, "")
    wrong = [w for w in wrong if _support(w, rows, seen) >= 0.5]
    wrong.sort(key=lambda w: -_support(w, rows, seen))
    checks = [_check(c, wrong, problem, seen, own) for c in rows]
    total = sum(c.weight for c in rows)
    right = sum(
        c.weight for c, row in zip(rows, checks, strict=True) if row["state"] == "right"
    )
    notes = []
    if problem:
        notes.append(f"Not graded: {problem}.")
    if seen.answer_error:
        notes.append(f"Your cell stopped: {_error(seen.answer_error, own)}.")
    if any(row["state"] == "unanswered" for row in checks):
        notes.append(f"Exercise {exercise.number} is unanswered.")
        for row in checks:  # what follows from that would only confuse
            if row["state"] != "right":
                row |= {"state": "unanswered", "reason": "unanswered", "hint": ""}
    source = submission.answers.get(exercise.name, "")
    flags = [w for w in exercise.flag if re.search(rf"\b{re.escape(w)}\b", source)]
    return {
        "id": exercise.name,
        "title": exercise.title,
        "points": round(exercise.points * right / total, 4),
        "max": exercise.points,
        "checks": checks,
        "notes": notes,
        "flags": [f"the answer uses {w}" for w in flags],
    }


def _check(
    check: Check, wrong: list[Wrong], problem: str, seen: Seen, own: set[str]
) -> dict[str, Any]:
    row = {
        "name": check.name,
        "hidden": check.hidden,
        "weight": check.weight,
        "state": "wrong",
        "reason": "",
        "hint": "",
    }
    payloads = seen.values.get(check.name, [])
    if problem:
        return {**row, "state": "missing", "reason": problem}
    if not payloads:
        return {**row, "state": "error", "reason": _absent(check, seen, own)}
    if len(payloads) > 1:
        return {**row, "reason": "more than one value came for this check"}
    error, got = payloads[0].get("error"), payloads[0].get("value")
    if isinstance(error, dict):
        if error.get("unanswered") is True:
            return {**row, "state": "unanswered", "reason": "unanswered"}
        words = f"your code stopped with {_error(error, own)}"
        return {**row, "state": "error", "reason": words}
    code = check.compare(got)
    if not code:
        return {**row, "state": "right"}
    hint = next((w.hint for w in wrong if _explains(w, check, got)), "")
    return {**row, "reason": _reason(check, code, got), "hint": hint or check.hint}


def _support(wrong: Wrong, rows: list[Check], seen: Seen) -> float:
    """Return the share of its predictions in which a misconception is right.

    A single value can be the same by chance: 3 · 3 is also 3².
    """
    found = []
    for c in rows:
        value, payloads = wrong.values.get(c.name), seen.values.get(c.name, [])
        if value is not None and payloads and c.compare(value):
            found.append(_explains(wrong, c, payloads[0].get("value")))
    return sum(found) / len(found) if found else 0.0


def _explains(wrong: Wrong, check: Check, got: Any) -> bool:
    value = wrong.values.get(check.name)
    if value is None or not check.compare(value):
        return False
    return check.compare(got, value) == ""


def _reason(check: Check, code: str, got: Any) -> str:
    structure = flatten(check.value).structure
    words = explain(code, got=got, structure=structure, public=not check.hidden)
    numbers = code in ("value", "nan") and not check.hidden and _numeric(got)
    return f"you got {show(got)}, and {words}" if numbers else words


def _numeric(got: Any) -> bool:
    try:
        flat = flatten(got)
    except MalformedError:
        return False
    return not any(isinstance(leaf, str) for leaf in flat.leaves) and not any(
        mark in flat.structure for mark in "<{"
    )


def _absent(check: Check, seen: Seen, own: set[str]) -> str:
    """Say why a check has no value at all."""
    part = "hidden" if check.hidden else "public"
    if seen.trouble and (seen.where in ("", "answer", part) or part == "hidden"):
        return TROUBLE[seen.trouble]
    if seen.error and seen.where == part:
        return f"your code stopped with {_error(seen.error, own)}"
    if seen.answer_error:
        return "your cell stopped before the check"
    return "no value came"


def _error(error: dict[str, Any], own: set[str]) -> str:
    """Quote an exception as far as its words are the learner's or Python's."""
    name, text, line = (error.get(k) for k in ("type", "text", "line"))
    known = isinstance(name, str) and name in {*dir(builtins), *LIBRARY, *own}
    name = name if known else "an exception"
    line = line if isinstance(line, int) and 0 < line < 10_000 else 0
    text = plain(text)[:300] if isinstance(text, str) and quotable(text, own) else ""
    words = {"type": name, "text": text, "line": line}
    return error_words(words)


def quotable(text: str, own: set[str]) -> bool:
    """Tell whether a message has only words of the learner, of Python, and numbers.

    Examples
    --------
    >>> quotable("name 'fan_im' is not defined", {"fan", "im"})
    True
    >>> quotable("emit('any dense layer', lambda: fans((a, b)))", {"fans"})
    False
    """
    words = WORD.findall(text)
    known = own | PYTHON | PHRASES
    return all(w in known or (w.isdigit() and len(w) < 6) for w in words)

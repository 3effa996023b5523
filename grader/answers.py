"""Answer the public checks of a learner in words, from fingerprints.

All checks of a cell are looked at together: a misconception is named only if it
explains at least half of what it predicts, and the one that explains most comes first.
A single value can be the same by chance.
"""

import html
from typing import Any

from grader.sketch import matches
from grader.values import flatten, show

ANSWER = "application/vnd.lab.check+json"
MARKS = {"right": "✓", "wrong": "✗", "error": "✗", "unanswered": "○", "shown": "·"}
FAILED = ("wrong", "error", "unanswered")
COLORS = {
    "right": "var(--jp-success-color1, #2e7d32)",
    "wrong": "var(--jp-error-color1, #c62828)",
    "error": "var(--jp-error-color1, #c62828)",
}


def error_words(error: dict[str, Any]) -> str:
    """Write an exception, as `grader.checks.describe` gives it, for people."""
    words = error["type"] + (f": {error['text']}" if error["text"] else "")
    return words + (f" (line {error['line']} of your answer)" if error["line"] else "")


def answer(
    payloads: list[dict[str, Any]], table: dict[str, Any], exercise: str
) -> list[tuple[str, str, str]]:
    """Return (name, state, words) for what a check cell has emitted.

    Parameters
    ----------
    payloads : list of {"name", "value" or "error", "hint"}
    table : what `grader.release.fingerprints` returned
    exercise : str
    """
    own = table["checks"].get(exercise, {})
    order = _supported(payloads, own, table["salt"])
    told: set[int] = set()
    rows = []
    for payload in payloads:
        state, words, number = _one(payload, own, table["salt"], order)
        if number is not None:
            words += "The same cause." if number in told else table["hints"][number]
            told.add(number)
        rows.append((payload["name"], state, words))
        if state == "unanswered":
            break  # what else is checked in this cell would only confuse
    return rows


def _supported(
    payloads: list[dict[str, Any]], own: dict[str, Any], salt: str
) -> list[int]:
    """Return the numbers of the hints that the values speak for, best first."""
    predicted: dict[int, int] = {}
    found: dict[int, int] = {}
    for payload in payloads:
        for print_, number in own.get(payload["name"], {}).get("wrong", []):
            if "value" in payload:
                predicted[number] = predicted.get(number, 0) + 1
                hit = matches(payload["value"], print_, salt=salt)
                found[number] = found.get(number, 0) + hit
    share = {n: found[n] / predicted[n] for n in predicted}
    return sorted((n for n in share if share[n] >= 0.5), key=lambda n: -share[n])


def _one(
    payload: dict[str, Any], own: dict[str, Any], salt: str, order: list[int]
) -> tuple[str, str, int | None]:
    if "error" in payload:
        error = payload["error"]
        if error["unanswered"]:
            name = error["text"] or "This exercise"
            return "unanswered", f"{name} is unanswered.", None
        return "error", f"your code stopped with {error_words(error)}", None
    value, entry = payload["value"], own.get(payload["name"])
    if entry is None:
        return "shown", show(value), None
    if matches(value, entry["right"], salt=salt):
        return "right", show(value), None
    hints = {n for f, n in entry["wrong"] if matches(value, f, salt=salt)}
    for number in order:
        if number in hints:
            return "wrong", f"you got {show(value)}. ", number
    if value["kind"] == "none":
        return "wrong", "you got None. Is a `return` missing?", None
    structure, wanted = flatten(value).structure, entry["right"]["s"]
    words = f"you got {show(value)}, "
    if structure != wanted:
        words += f"which has not the right form: {structure}, not {wanted}."
    else:
        words += "and that is not right."
    return "wrong", f"{words} {payload.get('hint', '')}".strip(), None


def line(exercise: str, name: str, state: str, words: str) -> dict[str, Any]:
    """Return one line of the answer as a MIME bundle."""
    mark = MARKS[state]
    head, rest = f"{mark} {name}", f": {words}"
    if state == "unanswered":
        head, rest = mark, f" {words}"
    page = (
        '<div style="padding:2px 0;max-width:70ch">'
        f'<b style="color:{COLORS.get(state, "inherit")}">{html.escape(head)}</b>'
        f"{html.escape(rest)}</div>"
    )
    data = {"exercise": exercise, "name": name, "state": state}
    return {"text/plain": head + rest, "text/html": page, ANSWER: data}

"""Turn results into a CSV gradebook and into Gradescope's results.json."""

import csv
import json
import os
from pathlib import Path
from typing import Any

from grader import result
from grader.errors import UserError

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """Take out control characters and those that change the direction of text."""
    return "".join(c if c.isprintable() else " " for c in text)


def text_cell(text: str) -> str:
    """Keep a spreadsheet from taking text for a formula.

    Examples
    --------
    >>> text_cell('=HYPERLINK("x")'), text_cell("alice")
    ('\\'=HYPERLINK("x")', 'alice')
    """
    flat = " ".join(text.split()) if text.split() else ""
    return f"'{flat}" if text.startswith(DANGEROUS) or flat.startswith("=") else flat


def number(x: float | None) -> str:
    """Write points without a needless ``.0``; nothing where there is no score."""
    return "" if x is None else f"{x:.4f}".rstrip("0").rstrip(".")


def flags(found: dict[str, Any]) -> list[str]:
    """Return what an instructor may want to look at."""
    own = [f"{e['id']}: {f}" for e in found["exercises"] for f in e["flags"]]
    return own + ([] if found.get("sandboxed", True) else ["graded without a sandbox"])


def reason(found: dict[str, Any]) -> str:
    """Say in one line where points were lost."""
    if found["state"] != "graded":
        return found["reason"]
    words = []
    for e in found["exercises"]:
        lost = [c for c in e["checks"] if c["weight"] and c["state"] != "right"]
        if lost:
            first = lost[0]["hint"] or lost[0]["reason"]
            words.append(f"{e['id']}: {first}")
    return " | ".join(words)


def to_csv(results: list[dict[str, Any]], path: Path) -> None:
    """Write one line per student."""
    names = list(dict.fromkeys(e["id"] for r in results for e in r["exercises"]))
    head = ["student", "lab", "state", "score", "max_score", *names]
    with _open(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*head, "reason", "flags"])
        for r in results:
            points = {e["id"]: e["points"] for e in r["exercises"]}
            row = [text_cell(r["student"]), r["lab"], r["state"], number(r["score"])]
            row += [number(r["max_score"]), *(number(points.get(n)) for n in names)]
            row += [text_cell(reason(r)), text_cell("; ".join(flags(r)))]
            writer.writerow(row)


def _open(path: Path) -> Any:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "w", encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def lines(exercise: dict[str, Any]) -> list[str]:
    """Return the feedback on one exercise, line by line, each hint once."""
    found, told = list(exercise["notes"]), set()
    for c in exercise["checks"]:
        if c["state"] in ("right", "unanswered", "missing"):
            continue
        words = f"{c['name']}: {c['reason']}."
        if c["hint"] and c["hint"] not in told:
            told.add(c["hint"])
            words += f" {c['hint']}"
        found.append(words)
    return found


def gradescope(found: dict[str, Any]) -> dict[str, Any]:
    """Return one result in the form that Gradescope reads.

    Raises
    ------
    UserError
        For an infra_error: Gradescope shall not record a score for it.
    """
    if found["state"] == "infra_error":
        raise UserError(f"{found['student']}: not graded ({found['reason']})")
    notes = list(found["notes"])
    if found["state"] == "rejected":
        notes.append(f"Not graded: {found['reason']}.")
    if not found.get("sandboxed", True):
        notes.append("Graded without a sandbox.")
    tests = [
        {
            "name": e["title"],
            "score": e["points"],
            "max_score": e["max"],
            "output": "\n".join(lines(e)) or "All checks passed.",
            "output_format": "text",
            "visibility": "visible",
        }
        for e in found["exercises"]
    ]
    return {
        "score": found["score"],
        "output": "\n".join(notes),
        "output_format": "text",
        "tests": tests,
    }


def to_gradescope(results: list[dict[str, Any]], path: Path) -> None:
    """Write results.json of one student, or one file per student into a folder."""
    if len(results) == 1 and path.suffix == ".json":
        targets = [path]
    elif path.suffix == ".json":
        raise UserError(f"{len(results)} results do not fit into {path}: name a folder")
    else:
        targets = [path / f"{result.slug(r['student'])}.json" for r in results]
    for found, target in zip(results, targets, strict=True):
        with _open(target) as file:
            json.dump(gradescope(found), file, indent=1, ensure_ascii=False)
            file.write("\n")
        os.chmod(target, 0o644)

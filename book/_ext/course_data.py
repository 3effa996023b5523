"""Front matter of the chapters, and the list of facts and misstatements."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

HEAD_KEYS = ("question", "needs", "minutes", "lab_minutes")


def front_matter(page: Path) -> dict[str, Any]:
    """Return the YAML block at the top of a page; empty where there is none."""
    text = page.read_text(encoding="utf-8")
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    return (yaml.safe_load(match[1]) or {}) if match else {}


def expand(ids: list[str]) -> list[str]:
    """Write out ranges: ``["S-001..S-003"]`` is S-001, S-002, S-003.

    >>> expand(["S-002..S-004", "E-09"])
    ['S-002', 'S-003', 'S-004', 'E-09']
    """
    result = []
    for item in ids:
        first, dots, last = str(item).partition("..")
        if not dots:
            result.append(first)
            continue
        letter, _, start = first.partition("-")
        end = last.partition("-")[2]
        numbers = range(int(start), int(end) + 1)
        result += [f"{letter}-{n:0{len(start)}d}" for n in numbers]
    return result


def load_sources(root: Path) -> tuple[dict[str, dict], dict[str, dict]]:
    """Return the facts (S-001 to S-435) and the misstatements (E-01 to E-112)."""
    path = root / "book" / "_data" / "sources.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    return (
        {row["id"]: row for row in data["rows"]},
        {row["id"]: row for row in data["errata"]},
    )


def chapter_number(docname: str) -> int | None:
    """Return the number in a page's file name.

    >>> chapter_number("book/07_initialization"), chapter_number("book/intro")
    (7, None)
    """
    match = re.match(r"(\d\d)_", docname.rpartition("/")[2])
    return int(match[1]) if match else None

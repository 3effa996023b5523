"""One HTML page per student: points, and for each lost one the reason in words.

All text is escaped, no script runs, nothing is loaded. A page shows no hidden input and
no hidden output.
"""

import html
from pathlib import Path
from typing import Any

from grader import result
from grader.errors import UserError
from grader.export import number

STATE = {"right": "✓", "unanswered": "○", "missing": "○"}
STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d6dae0;
  --paper: #fff; --tint: #f5f6f8; --good: #1a7f4b; --bad: #b3261e; --accent: #0f62a8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a3abb5;
  --line: #3a4149; --paper: #16191d; --tint: #1f2429; --good: #59c98b; --bad: #ff8a80;
  --accent: #7cbcf5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 46rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.05rem; margin: 0; }
p { margin: .35rem 0; }
.who { color: var(--soft); margin-bottom: 1rem; }
.total { display: flex; align-items: baseline; gap: .6rem; flex-wrap: wrap;
  border-block: 1px solid var(--line); padding: .7rem 0; margin: 1rem 0 1.5rem; }
.total b { font-size: 2rem; line-height: 1; font-variant-numeric: tabular-nums; }
.bar { flex: 1 1 9rem; height: .5rem; border-radius: 1rem; background: var(--line);
  overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); }
section { margin: 0 0 1.6rem; }
header { display: flex; justify-content: space-between; gap: 1rem;
  border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
header span { white-space: nowrap; font-variant-numeric: tabular-nums; }
ul { list-style: none; margin: .4rem 0 0; padding: 0; }
li { padding: .22rem 0 .22rem 1.6rem; position: relative; }
li::before { content: attr(data-mark); position: absolute; left: .2rem;
  color: var(--soft); }
li.right::before { color: var(--good); } li.wrong::before { color: var(--bad); }
li small { color: var(--soft); }
.hint { background: var(--tint); border-left: 3px solid var(--accent);
  border-radius: 0 .3rem .3rem 0; padding: .5rem .8rem; margin: .6rem 0; }
summary { padding: .35rem 0 .1rem; color: var(--good); cursor: pointer; }
.note { color: var(--soft); } .stop { border-left-color: var(--bad); }
footer { color: var(--soft); font-size: .85rem; border-top: 1px solid var(--line);
  padding-top: .8rem; margin-top: 2rem; }
"""


def page(found: dict[str, Any]) -> str:
    """Return the feedback page of one result."""
    e = html.escape
    title = f"{found['title']}: {found['student'][:100]}"
    body = [
        f"<h1>{e(found['title'])}</h1>",
        f'<p class="who">{e(found["student"])}</p>',
    ]
    if found["state"] == "graded":
        body.append(_total(found["score"], found["max_score"]))
    elif found["state"] == "rejected":
        body.append(_total(0, found["max_score"]))
        words = f"This submission could not be graded: {found['reason']}."
        body.append(f'<p class="hint stop">{e(words)}</p>')
    else:
        words = "Not graded yet: the grader itself failed. This is not a score of 0."
        body.append(f'<p class="hint stop">{e(words)}</p>')
    body += [f'<p class="hint">{e(note)}</p>' for note in found["notes"]]
    body += [_exercise(exercise) for exercise in found["exercises"]]
    body.append(f"<footer>{_footer(found)}</footer>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{e(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _total(score: float, maximum: float) -> str:
    share = 100 * score / maximum if maximum else 0
    return (
        f'<div class="total"><b>{number(round(score, 2))}</b> of {number(maximum)} '
        f'points <span class="bar" aria-hidden="true"><i style="width:{share:.0f}%">'
        "</i></span></div>"
    )


def _exercise(found: dict[str, Any]) -> str:
    e = html.escape
    points = f"{number(round(found['points'], 2))} of {number(found['max'])}"
    parts = [
        f"<section><header><h2>{e(found['title'])}</h2><span>{points}</span></header>"
    ]
    told: set[str] = set()
    for hint in [c["hint"] for c in found["checks"]]:
        if hint and hint not in told:
            told.add(hint)
            parts.append(f'<p class="hint">{e(hint)}</p>')
    parts += [f'<p class="note">{e(note)}</p>' for note in found["notes"]]
    states = {c["state"] for c in found["checks"]}
    if states <= {"unanswered", "missing"}:
        return "\n".join([*parts, "</section>"])
    items = []
    seen: set[str] = set()
    for c in found["checks"]:
        kind = c["state"] if c["state"] in STATE else "wrong"
        mark = STATE.get(c["state"], "✗")
        reason = f": {e(c['reason'])}" if c["reason"] else ""
        if len(reason) > 40 and reason in seen:
            reason = ": the same"
        seen.add(reason)
        with_ = " <small>(other inputs)</small>" if c["hidden"] else ""
        items.append(
            f'<li class="{kind}" data-mark="{mark}">{e(c["name"])}{with_}{reason}</li>'
        )
    listing = ["<ul>", *items, "</ul>"]
    if states == {"right"}:
        head = f"<summary>All {len(items)} checks passed</summary>"
        listing = ["<details>", head, *listing, "</details>"]
    return "\n".join([*parts, *listing, "</section>"])


def _footer(found: dict[str, Any]) -> str:
    words = ["Points come from checks with inputs that are new in each grading."]
    if not found.get("sandboxed", True):
        words.append("Graded without a sandbox.")
    return html.escape(" ".join(words))


def to_html(results: list[dict[str, Any]], folder: Path) -> None:
    """Write one page per student."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for found in results:
            path = folder / f"{result.slug(found['student'])}.html"
            text = page(found).encode("utf-8", "replace")
            if not path.is_file() or path.read_bytes() != text:
                path.write_bytes(text)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None

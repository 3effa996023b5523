"""The commands `grade` and `export`: what they say while they work and at the end."""

import math
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from grader import result
from grader.errors import UserError
from grader.export import number, plain, reason, to_csv, to_gradescope
from grader.feedback import to_html
from grader.limits import Limits, parse_size
from grader.sandbox import choose

Results = list[dict[str, Any]]


def grade_command(options: Any) -> int:
    """Grade, write gradebook and pages, show the summary."""
    from grader.grade import Options, grade_class

    if options.jobs < 1:
        raise UserError("--jobs must be at least 1")
    memory = parse_size(options.mem)
    limits = Limits(options.timeout_cell, options.timeout, memory)
    box = choose(options.sandbox, allow_unsandboxed=options.allow_unsandboxed)
    if box.kind == "none":
        print("No sandbox: the code of the submissions can do what you can do.")
    bar = Bar(options.quiet)
    try:
        results = grade_class(
            Options(
                lab=options.lab,
                submissions=options.submissions,
                out=options.out,
                sandbox=box,
                limits=limits,
                jobs=options.jobs,
                seed=options.seed,
                only=tuple(options.only),
                part=options.part,
                force=options.force,
                dask=options.dask,
                progress=bar,
            )
        )
    finally:
        bar.close()
    everyone = result.read_all(options.out)
    to_csv(everyone, options.out / "scores.csv")
    to_html(everyone, options.out / "feedback")
    if not options.quiet:
        print("\n".join(summary(results)))
        out = os.path.relpath(options.out)
        print(f"\n{out}/scores.csv, {out}/feedback/*.html, {out}/results/*.json")
    return _code(options.submissions, results)


def _code(submissions: Path, results: Results) -> int:
    """Return 3 after a failure of the grader, 1 if a single file was rejected."""
    states = [r["state"] for r in results]
    if "infra_error" in states:
        return 3
    return 1 if submissions.is_file() and states == ["rejected"] else 0


def summary(results: Results) -> list[str]:
    """Return the table that ends a run."""
    graded = [r for r in results if r["state"] == "graded"]
    count = {
        s: sum(r["state"] == s for r in results) for s in ("rejected", "infra_error")
    }
    lines = [""]
    if len(results) == 1 and graded:
        one = graded[0]
        lines.append(f"{one['student']}: {number(one['score'])} of {_max(one)}")
        for e in one["exercises"]:
            lines.append(f"  {e['title']:<44} {number(e['points']):>6} of {_top(e)}")
    elif graded:
        scores = [r["score"] for r in graded]
        mean, median = statistics.fmean(scores), statistics.median(scores)
        lines.append(f"{len(graded)} graded, of {_max(graded[0])} points:")
        lines.append(f"  mean {mean:.2f}, median {median:.2f}")
        for i, e in enumerate(graded[0]["exercises"]):
            share = statistics.fmean(r["exercises"][i]["points"] for r in graded)
            full = sum(r["exercises"][i]["points"] == e["max"] for r in graded)
            bar = "█" * math.floor(12 * share / e["max"] + 0.5) if e["max"] else ""
            lines.append(
                f"  {e['title']:<44} {bar:<12} {share:.2f} of {_top(e)}, full {full}"
            )
    for state, words in (
        ("rejected", "rejected (0 points)"),
        ("infra_error", "NOT graded, run it again"),
    ):
        if count[state]:
            lines.append(f"{count[state]} {words}:")
            own = [r for r in results if r["state"] == state]
            lines += [
                f"  {plain(r['student'])[:80]}: {plain(reason(r))[:200]}"
                for r in own[:30]
            ]
            lines += [f"  … and {len(own) - 30} more"] if len(own) > 30 else []
    if any(not r.get("sandboxed", True) for r in results):
        lines.append("Graded without a sandbox: every result and page says so.")
    return lines


def _max(found: dict[str, Any]) -> str:
    return number(found["max_score"])


def _top(exercise: dict[str, Any]) -> str:
    return number(exercise["max"])


class Bar:
    """A progress bar with the time left, on a class."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        if self.quiet or total < 2:
            return
        if self.bar is None:
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit=" submissions", file=sys.stderr)
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        """Leave the bar on the screen as it is."""
        if self.bar is not None:
            self.bar.close()


def export_command(options: Any) -> int:
    """Write what was asked for from the results of a folder."""
    results = [r for out in options.out for r in result.read_all(out)]
    if options.only:
        results = [r for r in results if r["student"] in options.only]
    if not results:
        raise UserError(f"no results in {', '.join(map(str, options.out))}")
    results.sort(key=lambda r: r["student"])
    names = [result.slug(r["student"]) for r in results]
    if twice := {n for n in names if names.count(n) > 1}:
        raise UserError(f"more than one result of {min(twice)}")
    if not (options.csv or options.gradescope or options.html):
        raise UserError("say what to write: --csv, --gradescope or --html")
    if options.csv:
        to_csv(results, options.csv)
    if options.html:
        to_html(results, options.html)
    if options.gradescope:
        to_gradescope(results, options.gradescope)
    return 0

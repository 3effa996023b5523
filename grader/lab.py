'''The format of a lab: one Python file in py:percent, ``solutions/NN_topic.py``.

Every cell starts with ``# %%``. Options on that line say what the cell is::

    # %% [markdown]                      text; "## " starts an exercise
    # ## Exercise 1 · Count the fans

    # %%                                 plain code: runs for learner and grader
    # %% demo=true                       a figure, a playground: not run by the grader

    # %% answer="fans"                   the cell that the learner completes
    def fans(shape):
        """Return (fan_in, fan_out)."""
        ### BEGIN SOLUTION
        return shape
        ### END SOLUTION

    # %% check="fans" points=2           what is checked, for 2 points
    emit("a dense layer", lambda: fans((300, 500)))
    ### BEGIN HIDDEN TESTS
    n, m = rng.integers(2, 50, size=2).tolist()
    emit("another dense layer", lambda: fans((n, m)))
    ### END HIDDEN TESTS

    # %% wrong="fans"                    a misconception; the comment is its hint
    # You return (outputs, inputs).
    # - return shape
    # + return shape[::-1]

**Answers.** The lines between the solution markers (any indentation) become
``raise NotImplementedError("Exercise 1")``. Write answers as functions: the cell then
runs unanswered, and the check says so in words. An exercise has one answer cell; its
name is the ``grade_id``, and its number the order in the file. ``flag="he_normal,
xavier"`` lists words in an answer that an instructor wants to look at.

**Checks.** ``emit(name, value, rtol=, atol=, dtype=, weight=, hint=)``, see
`grader.checks`. Give a function, so that an exception costs this one check. ``rng`` is
a NumPy generator, seeded anew for each grading: hidden checks take their inputs from
it. Public checks use fixed inputs, carry no points where the exercise has hidden ones,
and answer the learner at once. A value must be impossible to know without solving the
exercise: not ``abs(w.std() - 0.1) < 0.01`` but ``w.std()``.

**Misconceptions.** Lines ``# - `` and ``# + `` edit the solution (each ``-`` line must
stand in it exactly once, whatever its indentation; ``+`` lines replace it); or the cell
holds a whole wrong answer as code. A submission whose value equals the value of the
wrong variant, in a check where that differs from the right one, gets the hint.
'''

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.errors import UserError

KINDS = ("answer", "check", "wrong")
OPTIONS = {
    "answer": {"flag"},
    "check": {"points", "timeout"},
    "wrong": set(),
    "demo": set(),
}
MARKER = re.compile(r"^\s*#+\s*(BEGIN|END) (SOLUTION|HIDDEN TESTS)\s*$")
LOOKS_LIKE = re.compile(r"(BEGIN|END)[ _]+(SOLUTION|HIDDEN)", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """One cell: kind is markdown, code, demo, answer, check or wrong."""

    kind: str
    source: str
    exercise: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def grade_id(self) -> str:
        """The name under which nbgrader and the grader know the cell."""
        return self.exercise if self.kind == "answer" else f"{self.exercise}-check"


@dataclass(frozen=True)
class Exercise:
    """What a learner is asked to do, and what it is worth."""

    name: str
    number: int
    title: str
    points: float
    flag: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lab:
    """A lab as its author wrote it."""

    name: str
    title: str
    cells: tuple[Cell, ...]
    exercises: tuple[Exercise, ...]
    hash: str

    def of(self, kind: str, exercise: str) -> list[Cell]:
        """Return the cells of one kind of one exercise."""
        return [c for c in self.cells if (c.kind, c.exercise) == (kind, exercise)]


def find(name: str, root: Path | None = None) -> Path:
    """Return the source of a lab from its name or from the path of any of its files.

    Raises
    ------
    UserError
        If there is no such lab, naming those that exist.
    """
    given = Path(name)
    stem = given.stem if given.suffix in (".py", ".ipynb") else given.name
    roots = [root] if root else [given.resolve().parent.parent, Path.cwd()]
    for base in roots:
        path = base / "solutions" / f"{stem}.py"
        if path.is_file():
            return path
    known = sorted(p.stem for p in roots[-1].glob("solutions/*.py"))
    there = (
        f"there are: {', '.join(known)}" if known else "there is no solutions folder"
    )
    raise UserError(f"no lab {name!r} here; {there}")


def read(path: Path) -> Lab:
    """Read a lab and check its form.

    Raises
    ------
    UserError
        If the file cannot be read or its form is wrong, with file and exercise.
    """
    import jupytext

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    notebook = jupytext.reads(text, fmt="py:percent")
    try:
        cells = tuple(_cell(c) for c in notebook.cells if c.source.strip())
        return Lab(
            name=path.stem,
            title=_heading(cells, "# ") or path.stem,
            cells=cells,
            exercises=_exercises(cells),
            hash=hashlib.sha256(text.encode()).hexdigest(),
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _cell(raw: Any) -> Cell:
    meta = {k: v for k, v in raw.metadata.items() if not k.startswith("lines_to_")}
    if raw.cell_type == "markdown":
        return Cell("markdown", raw.source)
    kinds = [k for k in (*KINDS, "demo") if k in meta]
    if not kinds:
        markers(raw.source, "")
        if meta:
            raise UserError(f"a code cell has unknown options {sorted(meta)}")
        return Cell("code", raw.source)
    kind, name = kinds[0], str(meta.pop(kinds[0]))
    unknown = set(meta) - OPTIONS[kind]
    if len(kinds) > 1 or unknown:
        raise UserError(f"cell {name!r} has unknown options {sorted(meta)}")
    if kind == "demo":
        return Cell("demo", raw.source)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name):
        raise UserError(f"exercise name {name!r} is not made of a-z, 0-9 and _")
    allowed = {"answer": "SOLUTION", "check": "HIDDEN TESTS", "wrong": ""}
    found = markers(raw.source, allowed[kind])
    if kind == "answer" and not found:
        raise UserError(f"answer {name!r} has no ### BEGIN SOLUTION")
    return Cell(kind, raw.source, name, meta)


def markers(source: str, allowed: str) -> int:
    """Count the marked regions of a cell and refuse every doubtful marker."""
    inside, regions = False, 0
    for line in source.splitlines():
        hit = MARKER.match(line)
        if not hit:
            if LOOKS_LIKE.search(line):
                raise UserError(f"not a marker, but looks like one: {line.strip()!r}")
            continue
        edge, what = hit.groups()
        if what != allowed:
            raise UserError(f"{line.strip()!r} does not belong into this kind of cell")
        if (edge == "BEGIN") == inside:
            raise UserError(f"{line.strip()!r} without its partner")
        inside, regions = not inside, regions + (edge == "BEGIN")
    if inside:
        raise UserError(f"### BEGIN {allowed} without ### END {allowed}")
    return regions


def _exercises(cells: tuple[Cell, ...]) -> tuple[Exercise, ...]:
    found: list[Exercise] = []
    names = [c.exercise for c in cells if c.kind == "answer"]
    for cell in cells:
        if cell.kind in ("check", "wrong") and cell.exercise not in names:
            raise UserError(f"{cell.kind} {cell.exercise!r} has no answer cell")
    for i, cell in enumerate(cells):
        if cell.kind != "answer":
            continue
        name = cell.exercise
        checks = [c for c in cells if (c.kind, c.exercise) == ("check", name)]
        if names.count(name) > 1 or len(checks) != 1:
            raise UserError(f"exercise {name!r} needs one answer and one check cell")
        if cells.index(checks[0]) < i:
            raise UserError(f"exercise {name!r} is checked before it is asked")
        flag = str(cell.options.get("flag", "")).replace(",", " ").split()
        number = len(found) + 1
        title = _heading(cells[:i][::-1], "## ") or f"Exercise {number}"
        points = float(checks[0].options.get("points", 1))
        found.append(Exercise(name, number, title, points, tuple(flag)))
    if not found:
        raise UserError("a lab needs at least one exercise")
    return tuple(found)


def _heading(cells: Any, start: str) -> str:
    for cell in cells:
        lines = cell.source.splitlines() if cell.kind == "markdown" else []
        for line in lines:
            if line.startswith(start):
                return line[len(start) :].strip()
    return ""

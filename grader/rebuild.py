"""Put a fresh notebook together: the instructor's cells, the learner's answers.

Nothing of a submission but the source of its answer cells gets here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grader.lab import MARKER, Cell, Lab


@dataclass(frozen=True)
class Step:
    """One cell of a rebuilt notebook: setup, answer, public or hidden."""

    kind: str
    exercise: str
    source: str

    @property
    def name(self) -> str:
        """Return how the cell is called in reports."""
        return f"{self.exercise}:{self.kind}" if self.exercise else self.kind


def split(source: str) -> tuple[str, str]:
    """Return the visible and the hidden lines of a check cell.

    Examples
    --------
    >>> split("a\\n### BEGIN HIDDEN TESTS\\nb\\n### END HIDDEN TESTS")
    ('a', 'b')
    """
    parts: dict[bool, list[str]] = {False: [], True: []}
    inside = False
    for line in source.splitlines():
        if hit := MARKER.match(line):
            inside = hit[1] == "BEGIN"
        else:
            parts[inside].append(line)
    return "\n".join(parts[False]).strip("\n"), "\n".join(parts[True]).strip("\n")


def solution(cell: Cell) -> str:
    """Return the source of an answer cell without its markers."""
    lines = [x for x in cell.source.splitlines() if not MARKER.match(x)]
    return "\n".join(lines)


def opening(exercise: str, seed: int, part: str = "") -> str:
    """Return the line that starts a check cell while grading.

    It also takes `begin` and `emit` back from an answer that has used the names.
    """
    call = f"begin({(exercise + part)!r}, {seed}, grading=True)"
    return f"from grader.checks import begin, emit; rng = {call}\n"


def checks(lab: Lab, exercise: str, seed: int) -> list[Step]:
    """Return the public and the hidden check cell of an exercise.

    The seed is for the hidden one: public inputs are the same as in the lab.
    """
    visible, hidden = split(lab.of("check", exercise)[0].source)
    steps = []
    for kind, body in (("public", visible), ("hidden", hidden)):
        if body.strip():
            start = opening(exercise, 0)  # as in the lab itself
            if kind == "hidden":
                start = opening(exercise, seed, "/hidden")
            source = start + body
            steps.append(Step(kind, exercise, source))
    return steps


def steps(lab: Lab, answers: Mapping[str, str], seed: int) -> list[Step]:
    """Return the cells to run, in order.

    Parameters
    ----------
    lab : Lab
    answers : mapping of exercise to source
        An exercise without an answer is left out, with its checks.
    seed : int
        Of the random inputs of the checks.
    """
    found: list[Step] = []
    for cell in lab.cells:
        if cell.kind == "code":
            found.append(Step("setup", "", cell.source))
        elif cell.kind == "answer" and cell.exercise in answers:
            found.append(Step("answer", cell.exercise, answers[cell.exercise]))
        elif cell.kind == "check" and cell.exercise in answers:
            found += checks(lab, cell.exercise, seed)
    return found


def notebook(plan: list[Step], expected: Mapping[str, list[dict[str, Any]]]) -> Any:
    """Return the notebook that nbval executes, with the expected outputs stored.

    Parameters
    ----------
    plan : list of Step
    expected : mapping of step name to outputs
        What the reference solution showed in the check cells.
    """
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    cells = []
    for step in plan:
        cell = new_code_cell(step.source)
        cell.metadata["lab"] = {"kind": step.kind, "exercise": step.exercise}
        if step.kind in ("public", "hidden"):
            cell.execution_count = 1  # nbval compares only cells that have run
            for data in expected.get(step.name, []):
                cell.outputs.append(new_output("display_data", data=data))
        cells.append(cell)
    return new_notebook(cells=cells)

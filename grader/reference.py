"""What is right: the solution's values, and those of every known misconception.

Both are computed once per lab and seed, in a kernel of their own that no learner's code
ever runs in.
"""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.errors import InfraError, UserError
from grader.execute import emissions, error_of, execute
from grader.judge import compare
from grader.kernel import Kernel, KernelLostError
from grader.lab import Cell, Lab
from grader.limits import Limits
from grader.rebuild import Step, checks, solution, steps
from grader.sandbox import Sandbox
from grader.values import VALUE

EDIT = re.compile(r"^#\s?([-+]) ?(.*)$")


@dataclass(frozen=True)
class Check:
    """One value that an exercise must give."""

    name: str
    hidden: bool
    value: Any
    rtol: float
    atol: float
    dtype: bool
    weight: float
    hint: str

    def compare(self, got: Any, want: Any = None) -> str:
        """Hold an encoded value against the right one (or another)."""
        want = self.value if want is None else want
        return compare(got, want, rtol=self.rtol, atol=self.atol, dtype=self.dtype)


@dataclass(frozen=True)
class Wrong:
    """A misconception: its hint and, by check, the value that comes from it."""

    hint: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """Everything a submission is judged by."""

    seed: int
    checks: dict[str, list[Check]]
    wrong: dict[str, list[Wrong]]

    def expected(self) -> dict[str, list[dict[str, Any]]]:
        """Return the outputs of the check cells, by step name, for nbval."""
        found: dict[str, list[dict[str, Any]]] = {}
        for exercise, rows in self.checks.items():
            for c in rows:
                kind = "hidden" if c.hidden else "public"
                payload = {"name": c.name, "value": c.value}
                found.setdefault(f"{exercise}:{kind}", []).append({VALUE: payload})
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the reference as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Reference":
        """Read what `as_dict` wrote."""
        rows = {e: [Check(**c) for c in cs] for e, cs in data["checks"].items()}
        wrong = {e: [Wrong(**w) for w in ws] for e, ws in data["wrong"].items()}
        return cls(data["seed"], rows, wrong)


def variant(cell: Cell, right: str) -> tuple[str, str]:
    """Return hint and source of a misconception.

    Raises
    ------
    UserError
        If an edited line is not found exactly once in the solution.
    """
    hint: list[str] = []
    edits: list[tuple[list[str], list[str]]] = []
    code: list[str] = []
    for line in cell.source.splitlines():
        edit = EDIT.match(line)
        if edit and not code:
            if edit[1] == "-" and (not edits or edits[-1][1]):
                edits.append(([], []))
            if not edits:
                raise UserError(f"misconception of {cell.exercise!r}: '+' before '-'")
            edits[-1][edit[1] == "+"].append(edit[2])
        elif line.startswith("#") and not code and not edits:
            hint.append(line.lstrip("# ").strip())
        elif line.strip() or code:
            code.append(line)
    if not hint or bool(edits) == bool(code):
        raise UserError(
            f"misconception of {cell.exercise!r}: needs a hint, then edits or code"
        )
    lines = right.splitlines()
    for old, new in edits:
        lines = _replace(lines, old, new, cell.exercise)
    return " ".join(hint), "\n".join(code or lines)


def _replace(
    lines: list[str], old: list[str], new: list[str], exercise: str
) -> list[str]:
    stripped, wanted = [x.strip() for x in lines], [x.strip() for x in old]
    n = len(old)
    at = [i for i in range(len(lines)) if stripped[i : i + n] == wanted]
    if len(at) != 1:
        raise UserError(
            f"misconception of {exercise!r}: {old[0].strip()!r} stands "
            f"{len(at)} times in the solution"
        )
    first = lines[at[0]]
    indent = first[: len(first) - len(first.lstrip())]
    outer = min(len(x) - len(x.lstrip()) for x in new if x.strip()) if new else 0
    fresh = [indent + x[outer:] for x in new]
    return lines[: at[0]] + fresh + lines[at[0] + n :]


def answers(lab: Lab) -> dict[str, str]:
    """Return the solutions of a lab, by exercise."""
    return {c.exercise: solution(c) for c in lab.cells if c.kind == "answer"}


def compute(
    lab: Lab, seed: int, sandbox: Sandbox, limits: Limits, scratch: Path
) -> Reference:
    """Run the solution and its wrong variants.

    Raises
    ------
    UserError
        If the solution does not pass through its own checks.
    """
    right = answers(lab)
    rows: dict[str, list[Check]] = {e.name: [] for e in lab.exercises}
    wrong: dict[str, list[Wrong]] = {e.name: [] for e in lab.exercises}
    kernel = Kernel(sandbox, limits, scratch)
    try:
        for step in steps(lab, right, seed):
            found = _run(kernel, step, limits)
            if step.kind in ("public", "hidden"):
                rows[step.exercise] += _checks(found, step)
            if step is _last(lab, step, seed):
                wrong[step.exercise] = _wrong(kernel, lab, step, seed, limits)
    except KernelLostError as trouble:
        raise InfraError(f"the solution of {lab.name} ended: {trouble.code}") from None
    finally:
        kernel.stop()
    for exercise, checks_ in rows.items():
        rows[exercise] = _weigh(exercise, checks_)
    return Reference(seed, rows, wrong)


def _last(lab: Lab, step: Step, seed: int) -> Step | None:
    own = checks(lab, step.exercise, seed) if step.exercise else []
    return step if own and step == own[-1] else None


def _run(kernel: Kernel, step: Step, limits: Limits) -> list[dict[str, Any]]:
    outputs = execute(kernel, step.source, 4 * limits.cell)
    if error := error_of(outputs):
        where = step.exercise or "the setup"
        words = f"{error['type']}: {error['text']}"
        raise UserError(f"the solution fails in {where} ({step.kind}): {words}")
    return emissions(outputs)


def _checks(found: list[dict[str, Any]], step: Step) -> list[Check]:
    rows = []
    for payload in found:
        if "error" in payload:
            raise UserError(
                f"the solution of {step.exercise!r} fails its check "
                f"{payload['name']!r}: {payload['error']['type']}: "
                f"{payload['error']['text']}"
            )
        spec = dict(payload["spec"])
        weight = -1.0 if spec["weight"] is None else float(spec["weight"])
        spec["weight"] = weight
        hidden = step.kind == "hidden"
        rows.append(Check(payload["name"], hidden, payload["value"], **spec))
    return rows


def _weigh(exercise: str, rows: list[Check]) -> list[Check]:
    names = [c.name for c in rows]
    if doubled := {n for n in names if names.count(n) > 1}:
        raise UserError(f"exercise {exercise!r} emits {min(doubled)!r} twice")
    some_hidden = any(c.hidden for c in rows)
    default = {True: 1.0, False: 0.0 if some_hidden else 1.0}
    rows = [
        Check(
            **{**asdict(c), "weight": default[c.hidden] if c.weight < 0 else c.weight}
        )
        for c in rows
    ]
    if not sum(c.weight for c in rows):
        raise UserError(f"exercise {exercise!r} has no check that carries points")
    return rows


def _wrong(
    kernel: Kernel, lab: Lab, step: Step, seed: int, limits: Limits
) -> list[Wrong]:
    """Run every wrong variant of one exercise, then its solution again."""
    right = solution(lab.of("answer", step.exercise)[0])
    found = []
    cells = lab.of("wrong", step.exercise)
    for cell in cells:
        hint, source = variant(cell, right)
        execute(kernel, source, limits.cell)
        values: dict[str, Any] = {}
        for check in checks(lab, step.exercise, seed):
            for payload in emissions(execute(kernel, check.source, limits.cell)):
                values[payload["name"]] = payload.get("value")
        found.append(Wrong(hint, values))
    if cells:
        execute(kernel, right, limits.cell)
    return found


def prove(reference: Reference) -> None:
    """Refuse misconceptions that no check can tell from the right answer or another.

    Raises
    ------
    UserError
        Naming the first one.
    """
    for exercise, variants in reference.wrong.items():
        rows = reference.checks[exercise]
        public = [c for c in rows if not c.hidden]
        for i, w in enumerate(variants):
            where = f"misconception of {exercise!r}"
            if all(c.compare(w.values.get(c.name)) == "" for c in public):
                raise UserError(f"{where} passes every public check: {w.hint[:60]!r}")
            if all(c.compare(w.values.get(c.name)) == "" for c in rows if c.weight):
                raise UserError(f"{where} would get full points: {w.hint[:60]!r}")
            for other in variants[:i]:
                if all(_alike(c, w, other) for c in rows):
                    raise UserError(
                        f"{where} gives the same values as another: {w.hint[:60]!r}"
                    )


def _alike(check: Check, a: Wrong, b: Wrong) -> bool:
    one, two = a.values.get(check.name), b.values.get(check.name)
    if one is None or two is None:
        return one is two
    return check.compare(one, two) == ""

"""Make the notebooks of a lab from its one source.

``solutions/NN.py`` -> ``labs/NN.ipynb`` (no solutions) and ``solutions/NN.ipynb``
(executed, its outputs stored). The same source gives the same bytes. Clearing, locking
and checksums are nbgrader's own, so that nbgrader accepts the result.
"""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

from grader.checks import pack, unpack
from grader.errors import UserError
from grader.execute import error_of, execute
from grader.kernel import Kernel
from grader.lab import MARKER, Cell, Lab, read
from grader.limits import Limits
from grader.reference import Reference, compute, prove
from grader.sandbox import Sandbox
from grader.sketch import fingerprint, matches

LOAD = """# Run this cell too: it lets the checks answer. It holds no solutions.
from grader.checks import begin, emit, load

load(
{}
)"""
LOAD_ID = "lab-checks"


def release(source: Path, labs: Path, scratch: Path) -> dict[Path, str]:
    """Return the text of both notebooks by path, without writing them.

    Raises
    ------
    UserError
        If the lab has a mistake.
    """
    lab = read(source)
    sandbox = Sandbox("none", cwd=str(source.parent))
    reference = compute(lab, 0, sandbox, Limits(), scratch)
    prove(reference)
    target = labs / f"{lab.name}.ipynb"
    table = fingerprints(lab, reference, _old_table(target))
    full = build(lab, table)
    student = strip(lab, full)
    _execute(full, Kernel(sandbox, Limits(), scratch))
    return {target: _text(student), source.with_suffix(".ipynb"): _text(full)}


def fingerprints(
    lab: Lab, reference: Reference, old: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what a lab needs to answer its public checks.

    A fingerprint of `old` that still fits is kept: the last digits of a value differ
    between processors, and the notebook should not.
    """
    salt = lab.name
    hints: list[str] = []
    table: dict[str, Any] = {}
    before = old["checks"] if old and old.get("salt") == salt else {}

    def stamp(value: Any, check: Any, kept: Any) -> Any:
        if kept and matches(value, kept, salt=salt):
            return kept
        return fingerprint(value, salt=salt, rtol=check.rtol, atol=check.atol)

    for exercise, rows in reference.checks.items():
        own = table.setdefault(exercise, {})
        for check in (c for c in rows if not c.hidden):
            entry = before.get(exercise, {}).get(check.name, {"right": None})
            known = (
                {old["hints"][n]: f for f, n in entry.get("wrong", [])} if old else {}
            )
            wrong = []
            for w in reference.wrong[exercise]:
                value = w.values.get(check.name)
                if value is None or not check.compare(value):
                    continue
                if w.hint not in hints:
                    hints.append(w.hint)
                print_ = stamp(value, check, known.get(w.hint))
                wrong.append([print_, hints.index(w.hint)])
            right = stamp(check.value, check, entry["right"])
            own[check.name] = {"right": right, "wrong": wrong}
    return {"salt": salt, "checks": table, "hints": hints}


def _old_table(path: Path) -> dict[str, Any] | None:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cell = next(c for c in notebook["cells"] if c["id"] == LOAD_ID)
        text = "".join(cell["source"])
        quoted = [x.strip().strip('"') for x in text.splitlines() if '"' in x]
        return unpack("".join(quoted))
    except (OSError, ValueError, KeyError, StopIteration, TypeError):
        return None


def build(lab: Lab, table: dict[str, Any]) -> Any:
    """Return the notebook with solutions, not yet executed."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    notebook = new_notebook()
    notebook.metadata = _plain(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            "lab": {"name": lab.name, "title": lab.title, "format": 1},
        }
    )
    loaded = False
    for cell in lab.cells:
        if cell.kind == "wrong":
            continue
        if cell.kind == "markdown":
            new = new_markdown_cell(cell.source, id=_id(cell, notebook))
        else:
            if cell.kind != "code" and not loaded:
                notebook.cells.append(_load_cell(table))
                loaded = True
            new = new_code_cell(_source(cell), id=_id(cell, notebook))
            new.metadata = _plain(_metadata(lab, cell, new.id))
        notebook.cells.append(new)
        if cell.kind == "code" and not loaded:  # next to the other preparations
            notebook.cells.append(_load_cell(table))
            loaded = True
    return notebook


def _source(cell: Cell) -> str:
    if cell.kind != "check":
        return cell.source
    return f'rng = begin("{cell.exercise}")\n{cell.source}'


def _load_cell(table: dict[str, Any]) -> Any:
    from nbformat.v4 import new_code_cell

    text = pack(table)
    lines = [text[i : i + 100] for i in range(0, len(text), 100)]
    source = LOAD.format("\n".join(f'    "{line}"' for line in lines))
    cell = new_code_cell(source, id=LOAD_ID)
    meta = {"nbgrader": _nbgrader(LOAD_ID, locked=True), "lab": {"kind": "setup"}}
    cell.metadata = _plain({**meta, "jupyter": {"source_hidden": True}})
    return cell


def _metadata(lab: Lab, cell: Cell, cell_id: str) -> dict[str, Any]:
    if cell.kind == "demo":
        return {"lab": {"kind": "demo"}}
    if cell.kind == "code":
        own = _nbgrader(cell_id, locked=True)
        return {"nbgrader": own, "lab": {"kind": "setup"}}
    exercise = next(e for e in lab.exercises if e.name == cell.exercise)
    meta: dict[str, Any] = {
        "lab": {
            "kind": cell.kind,
            "exercise": exercise.name,
            "number": exercise.number,
            "title": exercise.title,
        }
    }
    if cell.kind == "answer":
        meta["nbgrader"] = _nbgrader(cell.grade_id, solution=True)
        if any(MARKER.match(x) and x[0] in "#" for x in cell.source.splitlines()):
            meta["tags"] = ["raises-exception"]
    else:
        own = _nbgrader(cell.grade_id, grade=True, locked=True)
        meta["nbgrader"] = {**own, "points": exercise.points}
        meta["tags"] = ["nbval-check-output"]
    return meta


def _nbgrader(grade_id: str, **flags: bool) -> dict[str, Any]:
    base = {"grade": False, "solution": False, "locked": False, "task": False}
    return {**base, **flags, "schema_version": 3, "grade_id": grade_id}


def strip(lab: Lab, full: Any) -> Any:
    """Return the learner's notebook: no solution, no hidden check, cells locked.

    Raises
    ------
    UserError
        If a line of a solution survives.
    """
    try:
        from nbgrader import preprocessors as nbgrader
    except ImportError:
        advice = "python -m pip install nbgrader"
        raise UserError(f"release needs nbgrader: {advice}") from None
    notebook = copy.deepcopy(full)
    clear, hide = nbgrader.ClearSolutions(), nbgrader.ClearHiddenTests()
    for i, cell in enumerate(notebook.cells):
        meta = cell.metadata.get("lab", {})
        if meta.get("kind") == "answer":
            stub = f'raise NotImplementedError("Exercise {meta["number"]}")'
            clear.code_stub = {"python": stub}
            clear.preprocess_cell(cell, {"language": "python"}, i)
        elif meta.get("kind") == "check":
            hide.preprocess_cell(cell, {}, i)
        cell.source = cell.source.rstrip("\n")
        if meta.get("kind") == "check":
            meta["digest"] = hashlib.sha256(cell.source.encode()).hexdigest()[:16]
    for step in (nbgrader.LockCells, nbgrader.ComputeChecksums):
        notebook, _ = step().preprocess(notebook, {})
    nbgrader.CheckCellMetadata().preprocess(notebook, {})
    _prove_clean(lab, notebook)
    return notebook


def _prove_clean(lab: Lab, notebook: Any) -> None:
    open_lines: set[str] = set()
    closed: set[str] = set()
    for cell in lab.cells:
        inside = cell.kind == "wrong"
        for line in cell.source.splitlines():
            hit = MARKER.match(line)
            inside = hit[1] == "BEGIN" if hit else inside
            if not hit and cell.kind != "markdown":
                (closed if inside else open_lines).add(line.strip())
    secret = {x for x in closed - open_lines if len(x) > 4}
    for cell in notebook.cells:
        left = secret & {x.strip() for x in cell.source.splitlines()}
        if left or any(MARKER.match(x) for x in cell.source.splitlines()):
            raise UserError(f"{lab.name}: a solution line survives: {min(left)!r}")


def _execute(notebook: Any, kernel: Kernel) -> None:
    """Run the notebook with solutions and store outputs that every machine repeats."""
    try:
        count = 0
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            count += 1
            outputs = execute(kernel, cell.source, 120)
            if error := error_of(outputs):
                raise UserError(f"a cell fails: {error['type']}: {error['text']}")
            cell.execution_count = count
            cell.outputs = [_plain(x) for o in outputs if (x := _stored(o, count))]
    finally:
        kernel.stop()


def _stored(output: dict[str, Any], count: int) -> dict[str, Any] | None:
    if output["output_type"] == "stream":
        return output if output["name"] == "stdout" else None
    data = {k: v for k, v in output["data"].items() if not k.startswith("image/")}
    if len(data) < len(output["data"]):
        return None  # a figure: its bytes differ from machine to machine
    kept = {"output_type": output["output_type"], "data": data, "metadata": {}}
    if output["output_type"] == "execute_result":
        kept["execution_count"] = count
    return kept


def _id(cell: Cell, notebook: Any) -> str:
    if cell.kind in ("answer", "check"):
        return cell.grade_id
    base = "c" + hashlib.sha1(cell.source.encode()).hexdigest()[:8]
    taken = {c.id for c in notebook.cells}
    ids = [base, *(f"{base}-{n}" for n in range(2, 100))]
    return next(i for i in ids if i not in taken)


def _plain(data: dict[str, Any]) -> Any:
    from nbformat import from_dict

    return from_dict(data)


def _text(notebook: Any) -> str:
    import nbformat

    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"

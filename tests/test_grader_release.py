"""Release: what learners get, what it must not hold, and that it stays the same."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from grader_course import (
    NAME,
    RIGHT,
    SOURCE,
    WRONG,
    answered,
    cell_of,
    release_course,
    submit,
    write_course,
)

from grader import scratch
from grader.checks import unpack
from grader.errors import UserError
from grader.lab import MARKER, read
from grader.release import release

ROOT = Path(__file__).resolve().parent.parent
pytest.importorskip("nbgrader", reason="nbgrader makes the notebooks")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return release_course(tmp_path_factory.mktemp("course")).parent.parent


def run(*args, cwd):
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, capture_output=True, text=True
    )


def secrets(source: str) -> set[str]:
    """Return every line of a lab that a learner must not see."""
    found, seen, inside, wrong = set(), set(), False, False
    for line in source.splitlines():
        if line.startswith("# %%"):
            wrong = " wrong=" in line
        if hit := MARKER.match(line):
            inside = hit[1] == "BEGIN"
        elif line.strip():
            (found if inside or wrong else seen).add(line.strip())
    return {x for x in found - seen if len(x) > 4}


@pytest.mark.parametrize("lab", ["toy", *(p.stem for p in ROOT.glob("labs/*.ipynb"))])
def test_no_line_of_a_solution_survives(lab, course):
    root, name = (course, NAME) if lab == "toy" else (ROOT, lab)
    source, book = root / "solutions" / f"{name}.py", root / "labs" / f"{name}.ipynb"
    cells = json.loads(book.read_text())["cells"]
    lines = {x.strip() for c in cells for x in "".join(c["source"]).splitlines()}
    hidden = secrets(source.read_text())
    assert len(hidden) > 8 and not hidden & lines
    assert not any(MARKER.match(x) or "wrong=" in x for x in lines)
    assert all(not c.get("outputs") for c in cells)


def test_the_fingerprints_hold_no_value(course):
    cells = json.loads((course / "labs" / f"{NAME}.ipynb").read_text())["cells"]
    blob = next("".join(c["source"]) for c in cells if c["id"] == "lab-checks")
    table = unpack("".join(x.strip(' "') for x in blob.splitlines() if '"' in x))
    text = json.dumps(table["checks"])
    assert set(table["checks"]["double"]) == {"double of 3"}  # no hidden check
    assert "6.0" not in text and "9.0" not in text
    assert table["hints"][0] == "You square it."


def test_stubs_and_metadata(course):
    book = nbformat.read(course / "labs" / f"{NAME}.ipynb", as_version=4)
    nbformat.validate(book)
    cells = {c.id: c for c in book.cells}
    assert cells["double"].source.endswith(
        '    raise NotImplementedError("Exercise 1")'
    )
    assert cells["double"].metadata.nbgrader.solution
    check = cells["double-check"]
    assert (
        check.source
        == 'rng = begin("double")\n' + SOURCE.split("points=4\n")[1].splitlines()[0]
    )
    own = dict(check.metadata.nbgrader)
    assert own.pop("checksum") and own == {
        "grade": True,
        "solution": False,
        "locked": True,
        "task": False,
        "schema_version": 3,
        "grade_id": "double-check",
        "points": 4,
        "cell_type": "code",
    }
    assert check.metadata.editable is False


def test_nbgrader_validates_the_labs(course, tmp_path):
    """`nbgrader validate` reads the metadata and sees which checks fail."""
    from nbgrader.validator import Validator

    lab = course / "labs" / f"{NAME}.ipynb"
    found = Validator().validate(str(lab))
    assert set(found) == {"failed"} and len(found["failed"]) == 3
    solved = submit(tmp_path, "solved", answered(lab, RIGHT))
    assert Validator().validate(str(solved)) == {}


def test_same_bytes_again(course):
    source = course / "solutions" / f"{NAME}.py"
    for path, text in release(source, course / "labs", scratch.folder()).items():
        assert path.read_text() == text


def test_check_names_the_file_that_differs(course):
    ok = run("-m", "grader", "release", "--check", cwd=course)
    assert ok.returncode == 0, ok.stderr
    book = course / "labs" / f"{NAME}.ipynb"
    old = book.read_text()
    try:
        book.write_text(old.replace("Double it", "Double that"))
        done = run("-m", "grader", "release", "--check", cwd=course)
    finally:
        book.write_text(old)
    assert done.returncode == 1
    assert f"labs/{NAME}.ipynb is not what its source gives" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("factor = 2", "factor = 1 / 0", "fails its check"),
        ("factor = 2", "factor = (", "the solution fails in double"),
        ("import numpy", "import nunpy", "the solution fails in the setup"),
        ("+ return x ** factor", "+ return x + x", "passes every public check"),
        ("return x / x.std()", "return (x - x.mean()) / x.var()", "as another"),
        ('"double of an array"', '"double of 3"', "emits 'double of 3' twice"),
    ],
)
def test_mistakes_of_an_author(tmp_path, old, new, message):
    assert old in SOURCE
    path = write_course(tmp_path, SOURCE.replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        release(path, tmp_path / "labs", scratch.folder())


@pytest.mark.parametrize("folder", ["solutions", "labs"])
def test_plain_nbval_runs_the_notebooks(folder, course, tmp_path):
    """The command that a Jupyter user would try, from a folder of its own."""
    book = tmp_path / f"{NAME}.ipynb"
    book.write_text((course / folder / book.name).read_text())
    done = run("-m", "pytest", "-q", "--nbval-lax", book.name, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]


def test_plain_nbval_fails_when_a_solution_is_wrong(course, tmp_path):
    book = json.loads((course / "solutions" / f"{NAME}.ipynb").read_text())
    cell_of(book, "double")["source"] = WRONG
    (tmp_path / "wrong.ipynb").write_text(json.dumps(book))
    done = run("-m", "pytest", "-q", "--nbval-lax", "wrong.ipynb", cwd=tmp_path)
    assert done.returncode == 1 and "1 failed" in done.stdout


def test_kept_fingerprints_after_a_change_of_the_last_digits(course, monkeypatch):
    """Another processor's rounding must not change the notebook."""
    from grader import release as module

    source = course / "solutions" / f"{NAME}.py"
    book = course / "labs" / f"{NAME}.ipynb"
    real = module.fingerprint
    monkeypatch.setattr(
        module, "fingerprint", lambda v, **kw: {**real(v, **kw), "g": [[0, 1]]}
    )
    texts = release(source, book.parent, scratch.folder())
    assert texts[book] == book.read_text()
    assert read(source).name == NAME

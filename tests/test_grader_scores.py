"""A class is graded: honest, empty, partly right, wrong; every lost point explained."""

import json
from pathlib import Path

import pytest
from grader_course import (
    NAME,
    RIGHT,
    WRONG,
    answered,
    cell_of,
    release_course,
    some_sandbox,
    submit,
)

from grader import reference
from grader.grade import Options, grade_class
from grader.intake import Submission
from grader.lab import read
from grader.limits import Limits
from grader.verdict import Seen, judge

ROOT = Path(__file__).resolve().parent.parent
LAB07 = ROOT / "labs" / "07_initialization.ipynb"
pytest.importorskip("nbgrader", reason="nbgrader makes the notebooks")
SYNTAX = "def count(x):\n    return ("
PARTLY = "def double(x):\n    return 2.0 * float(x)"  # fails for arrays
SQUARE = "def double(x):\n    return x * x"


def by_student(results):
    return {r["student"]: r for r in results}


def points(result):
    return {e["id"]: e["points"] for e in result["exercises"]}


def rows(result, exercise):
    found = next(e for e in result["exercises"] if e["id"] == exercise)
    return {c["name"]: c for c in found["checks"]}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return release_course(tmp_path_factory.mktemp("course")).parent.parent


@pytest.fixture(scope="module")
def graded(course):
    """Grade one class with one submission of each kind."""
    lab, folder = course / "labs" / f"{NAME}.ipynb", course / "in"
    extra = answered(lab, {**RIGHT, "count": "def count(x):\n    return helper(x)"})
    extra["cells"].append({**cell_of(extra, "double"), "id": "mine", "metadata": {}})
    cell_of(extra, "mine")["source"] = "def helper(x):\n    return int((x > 0).sum())"
    fooled = answered(lab, {**RIGHT, "double": WRONG})
    for cell in fooled["cells"]:
        if cell["id"].endswith("-check"):
            cell["source"] = "print('everything is right')"
    books = {
        "honest": answered(lab, RIGHT),
        "empty": answered(lab, dict.fromkeys(RIGHT, "")),
        "untouched": answered(lab, {}),
        "wrong": answered(lab, {**RIGHT, "double": WRONG}),
        "square": answered(lab, {**RIGHT, "double": SQUARE}),
        "partly": answered(lab, {**RIGHT, "double": PARTLY}),
        "syntax": answered(lab, {**RIGHT, "count": SYNTAX}),
        "name": answered(lab, {**RIGHT, "count": "def count(x):\n  return summ(x)"}),
        "extra": extra,
        "checks": fooled,
        "notjson": "{ this is no notebook",
        "other": json.dumps({"cells": [], "nbformat": 4}),
    }
    for student, book in books.items():
        submit(folder, student, book)
    out = course / "out"
    options = Options(
        lab=str(lab),
        submissions=folder,
        out=out,
        sandbox=some_sandbox(),
        limits=Limits(cell=10, total=60),
        jobs=2,
        seed=11,
        tell=lambda text: None,
    )
    return by_student(grade_class(options)), options


FULL = {"double": 4, "standardize": 3, "count": 3}
SCORES = {
    "honest": FULL,
    "empty": dict.fromkeys(FULL, 0),
    "untouched": dict.fromkeys(FULL, 0),
    "wrong": {**FULL, "double": 0},
    "square": {**FULL, "double": 0},
    "partly": {**FULL, "double": 2},
    "syntax": {**FULL, "count": 0},
    "name": {**FULL, "count": 0},
    "extra": {**FULL, "count": 0},
    "checks": {**FULL, "double": 0},
}


@pytest.mark.parametrize("student", SCORES)
def test_scores(graded, student):
    result = graded[0][student]
    assert result["state"] == "graded"
    assert points(result) == SCORES[student]
    assert result["score"] == sum(SCORES[student].values())


def test_every_lost_point_has_a_reason(graded):
    for result in graded[0].values():
        for exercise in result["exercises"]:
            for check in exercise["checks"]:
                assert (check["state"] == "right") == (not check["reason"])


@pytest.mark.parametrize(
    ("student", "exercise", "check", "reason", "hint"),
    [
        ("wrong", "double", "double of 3", "you got 9, and the value is not right", ""),
        ("wrong", "double", "double of a number", "the value is not right", ""),
        ("square", "double", "double of 3", "you got 9, and", "You square it."),
        ("square", "double", "double of an array", "not right", "You square it."),
        ("partly", "double", "double of an array", "TypeError", ""),
        ("untouched", "double", "double of 3", "unanswered", ""),
        ("empty", "count", "two", "NameError: name 'count' is not defined", ""),
        ("syntax", "count", "two", "NameError: name 'count' is not defined", ""),
        ("name", "count", "some", "name 'summ' is not defined (line 2", ""),
        ("extra", "count", "some", "name 'helper' is not defined", ""),
    ],
)
def test_reasons(graded, student, exercise, check, reason, hint):
    found = rows(graded[0][student], exercise)[check]
    assert reason in found["reason"]
    assert found["hint"] == hint


def test_notes(graded):
    results = graded[0]
    notes = [e["notes"] for e in results["syntax"]["exercises"]]
    assert notes[:2] == [[], []] and "SyntaxError" in notes[2][0]
    assert results["untouched"]["exercises"][0]["notes"] == [
        "Exercise 1 is unanswered."
    ]
    assert "1 code cell that you added" in results["extra"]["notes"][0]
    assert results["honest"]["notes"] == []


def test_rejected_is_not_graded(graded):
    for student, words in (("notjson", "not JSON"), ("other", "another lab?")):
        result = graded[0][student]
        assert (result["state"], result["score"]) == ("rejected", 0)
        assert words in result["reason"]


def test_no_hidden_input_or_output_in_a_result(graded):
    out = graded[1].out
    files = [*out.glob("results/*.json"), *out.glob("*.csv")]
    assert len(files) >= len(SCORES)
    for path in files:
        assert (
            "CANARY" not in path.read_text() and "secret_input" not in path.read_text()
        )


def test_other_seed_other_inputs_same_scores(graded, course):
    results, options = graded
    again = Options(
        lab=options.lab,
        submissions=options.submissions,
        out=course / "again",
        sandbox=options.sandbox,
        limits=options.limits,
        seed=12,
        only=("honest", "partly"),
        tell=lambda text: None,
    )
    fresh = by_student(grade_class(again))
    assert {s: points(r) for s, r in fresh.items()} == {
        s: points(results[s]) for s in ("honest", "partly")
    }
    states = [json.loads(p.read_text()) for p in course.glob("*/.state/context-*.json")]
    values = {s["reference"]["checks"]["double"][1]["value"]["data"] for s in states}
    assert len(values) == 2


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("labs/*.ipynb")), ids=lambda p: p.stem
)
@pytest.mark.parametrize("seed", [3, 12])  # what one draw of inputs hides
def test_every_misconception_is_named(path, seed, tmp_path):
    """The values of each wrong variant lose points and get that variant's hint."""
    lab = read(ROOT / "solutions" / f"{path.stem}.py")
    ref = reference.compute(lab, seed, some_sandbox(), Limits(), tmp_path)
    submission = Submission(reference.answers(lab))
    for e in lab.exercises:
        for w in ref.wrong[e.name]:
            seen = {e.name: Seen(values=_payloads(w.values))}
            found = judge(lab, ref, submission, seen)[e.number - 1]
            assert found["points"] < e.points, w.hint
            assert w.hint in {c["hint"] for c in found["checks"]}, w.hint
        right = {c.name: c.value for c in ref.checks[e.name]}
        seen = {e.name: Seen(values=_payloads(right))}
        assert judge(lab, ref, submission, seen)[e.number - 1]["points"] == e.points


def _payloads(values):
    error = {"type": "ValueError", "text": "", "line": 0, "unanswered": False}
    return {
        name: [{"name": name, "error": error} if v is None else {"value": v}]
        for name, v in values.items()
    }


@pytest.mark.lab07
def test_lab_07_handed_in(tmp_path):
    """The solution, a misconception and the untouched lab, through the whole grader."""
    lab = read(ROOT / "solutions" / "07_initialization.py")
    right = reference.answers(lab)
    hint, source = reference.variant(
        lab.of("wrong", "init_weights")[0], right["init_weights"]
    )
    place = tmp_path / "in"
    submit(place, "right", answered(LAB07, right))
    submit(place, "wrong", answered(LAB07, {**right, "init_weights": source}))
    submit(place, "open", answered(LAB07, {}))
    options = Options(
        lab=str(LAB07),
        submissions=place,
        out=tmp_path / "out",
        sandbox=some_sandbox(),
        jobs=2,
        tell=lambda text: None,
    )
    found = by_student(grade_class(options))
    assert [found[s]["score"] for s in ("right", "open")] == [10, 0]
    assert points(found["wrong"])["init_weights"] < 4
    assert hint in {c["hint"] for c in rows(found["wrong"], "init_weights").values()}

"""The commands: what they answer to users, and to users' mistakes in one line."""

import csv
import json
import subprocess
import sys

import pytest
from grader_course import NAME, RIGHT, WRONG, answered, cell_of, release_course, submit

pytest.importorskip("nbgrader", reason="nbgrader makes the notebooks")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return release_course(tmp_path_factory.mktemp("course")).parent.parent


@pytest.fixture(scope="module")
def lab(course):
    return course / "labs" / f"{NAME}.ipynb"


def grader(*args, cwd):
    return subprocess.run(
        [sys.executable, "-m", "grader", *(str(a) for a in args)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["check", "labs/no.ipynb"], "no such file: labs/no.ipynb"),
        (["check", "bad.ipynb"], "bad.ipynb: the file is not JSON"),
        (["check", "list.ipynb"], "not a notebook of version 4"),
        (["check", "plain.ipynb"], "has no exercise in it"),
        (["grade", "99_x", "in", "-o", "out"], "no lab '99_x' here; there are: 01_toy"),
        (["grade", NAME, "nowhere", "-o", "out"], "no such file or folder: nowhere"),
        (["grade", NAME, "empty", "-o", "out"], "no notebooks in empty"),
        (["grade", NAME, "in", "-o", "/proc/x"], "cannot write to /proc/x"),
        (["grade", NAME, "in", "-o", "out", "--only", "zoe"], "no submission of zoe"),
        (["grade", NAME, "in", "-o", "out", "--mem", "much"], "'much' is not a size"),
        (["grade", NAME, "in", "-o", "out", "--jobs", "0"], "--jobs must be"),
        (["grade", NAME, "in", "-o", "out", "--sandbox", "none"], "unprotected"),
        (["export", "empty", "--csv", "x.csv"], "no results in empty"),
        (["release", "99_x"], "no lab '99_x' here"),
    ],
)
def test_a_mistake_is_one_line(course, args, message):
    (course / "empty").mkdir(exist_ok=True)
    (course / "bad.ipynb").write_text("{")
    (course / "list.ipynb").write_text("[]")
    (course / "plain.ipynb").write_text('{"cells": []}')
    submit(course / "in", "ann", "{}")
    done = grader(*args, cwd=course)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert done.stderr.startswith("grader: ") and not done.stdout


def test_one_submission_that_is_no_json(course):
    path = submit(course / "one", "ann", "{ no")
    flag = "--allow-unsandboxed"
    done = grader("grade", NAME, path, "-o", "out1", flag, cwd=course)
    assert done.returncode == 1
    assert "ann: the file is not JSON, so it is not a notebook" in done.stdout


def test_check_an_untouched_lab(course, lab):
    done = grader("check", lab, cwd=course)
    assert done.returncode == 1 and not done.stderr
    assert "○ Exercise 1 is unanswered." in done.stdout
    assert "begin with Exercise 1" in done.stdout


def test_check_answers_in_words(course, lab):
    book = answered(lab, {**RIGHT, "double": "def double(x):\n    return x * x"})
    cell_of(book, "count")["source"] = "def count(x):\n    return 1 / 0"
    extra = {"cell_type": "code", "id": "mine", "metadata": {}, "source": "1 / 0"}
    book["cells"].insert(0, extra)
    check = cell_of(book, "standardize-check")
    check["source"] = [*check["source"], "\nprint('mine')"]
    done = grader("check", submit(course, "words", book), cwd=course)
    assert done.returncode == 1 and not done.stderr
    assert "✗ double of 3: you got 9. You square it." in done.stdout
    assert "✓ three numbers: [-0.926, -0.463, 1.39]" in done.stdout
    zero = "✗ two: your code stopped with ZeroDivisionError: division by zero"
    assert f"{zero} (line 2 of your answer)" in done.stdout
    assert "You have changed this check" in done.stdout
    assert "You have added a cell" in done.stdout
    assert "1 of 3 exercises pass" in done.stdout


def test_check_all_right(course, lab):
    done = grader("check", submit(course, "right", answered(lab, RIGHT)), cwd=course)
    assert done.returncode == 0
    assert "All 3 exercises pass their public checks" in done.stdout


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os\nos._exit(1)", "ended the Python process"),
        ("while True:\n    pass", "endless loop"),
        ("1 +", "your cell stopped: SyntaxError"),
    ],
)
def test_check_survives_what_a_learner_writes(course, lab, code, words):
    path = submit(course, "stuck", answered(lab, {**RIGHT, "double": code}))
    done = grader("check", path, "--timeout-cell", "2", cwd=course)
    assert done.returncode == 1 and words in done.stdout and not done.stderr


def test_grade_export_and_grade_again(course, lab, tmp_path):
    folder = tmp_path / "in"
    submit(folder, "ann", answered(lab, RIGHT))
    submit(folder, "=cmd()", answered(lab, {**RIGHT, "double": WRONG}))
    run = ("grade", NAME, folder, "-o", tmp_path / "out", "--allow-unsandboxed")
    first = grader(*run, cwd=course)
    assert first.returncode == 0, first.stderr
    assert "2 graded, of 10 points" in first.stdout
    with open(tmp_path / "out" / "scores.csv", newline="") as file:
        rows = {r["student"]: r for r in csv.DictReader(file)}
    assert rows["ann"]["score"] == "10" and rows["ann"]["reason"] == ""
    assert rows["'=cmd()"]["score"] == "6" and "double:" in rows["'=cmd()"]["reason"]
    pages = sorted(p.name for p in (tmp_path / "out" / "feedback").iterdir())
    assert len(pages) == 2 and "ann.html" in pages

    again = grader(*run, cwd=course)
    assert "2 of 2 are graded already" in again.stdout
    forced = grader(*run, "--force", "--only", "ann", cwd=course)
    assert "ann: 10 of 10" in forced.stdout and "already" not in forced.stdout

    target = tmp_path / "gs"
    export = ("export", tmp_path / "out", "--gradescope", target)
    assert grader(*export, cwd=course).returncode == 0
    ann = json.loads((target / "ann.json").read_text())
    assert ann["score"] == 10 and len(ann["tests"]) == 3
    single = grader("export", tmp_path / "out", "--gradescope", "r.json", cwd=course)
    assert single.returncode == 2 and "name a folder" in single.stderr

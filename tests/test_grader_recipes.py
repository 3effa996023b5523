"""The recipes for other platforms, as far as one machine can try them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from grader_course import (
    NAME,
    NO_SANDBOX,
    RIGHT,
    WRONG,
    answered,
    release_course,
    submit,
)

from grader.export import to_csv
from grader.result import read_all

pytest.importorskip("nbgrader", reason="nbgrader makes the notebooks")
ROOT = Path(__file__).resolve().parent.parent
RECIPES = ROOT / "recipes"
needs_sandbox = pytest.mark.skipif(bool(NO_SANDBOX), reason=f"no sandbox: {NO_SANDBOX}")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return release_course(tmp_path_factory.mktemp("course")).parent.parent


def bash(script, *args, cwd, **variables):
    environment = {**os.environ, "PYTHON": sys.executable, **variables}
    return subprocess.run(
        ["bash", str(script), *map(str, args)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


@needs_sandbox
def test_slurm(course, tmp_path):
    lab = course / "labs" / f"{NAME}.ipynb"
    for i in range(5):
        submit(tmp_path / "in", f"s{i}", answered(lab, RIGHT if i % 2 else {}))
    for task in "123":
        done = bash(
            RECIPES / "slurm.sh",
            NAME,
            tmp_path / "in",
            tmp_path / "out",
            7,
            cwd=course,
            SLURM_ARRAY_TASK_ID=task,
            SLURM_ARRAY_TASK_COUNT="3",
        )
        assert done.returncode == 0, done.stderr
    parts = sorted((tmp_path / "out").iterdir())
    assert [len(read_all(p)) for p in parts] == [2, 2, 1]
    target = tmp_path / "all.csv"
    command = [sys.executable, "-m", "grader", "export", *map(str, parts)]
    subprocess.run([*command, "--csv", str(target)], check=True, cwd=course)
    assert target.read_text().count(",graded,") == 5


@needs_sandbox
@pytest.mark.parametrize("case", ["right", "wrong", "nothing", "broken"])
def test_gradescope(course, tmp_path, case):
    place = tmp_path / "autograder"
    for name in ("submission", "results", "source"):
        (place / name).mkdir(parents=True)
    shutil.copytree(course / "solutions", place / "source" / "solutions")
    lab = course / "labs" / f"{NAME}.ipynb"
    if case in ("right", "wrong"):
        answers = {**RIGHT, "double": WRONG} if case == "wrong" else RIGHT
        submit(place / "submission", "anything", answered(lab, answers))
    name = "no_such_lab" if case == "broken" else NAME
    script = RECIPES / "gradescope" / "run_autograder"
    done = bash(script, cwd=tmp_path, AUTOGRADER=str(place), LAB=name, SANDBOX="auto")
    found = json.loads((place / "results" / "results.json").read_text())
    if case == "broken":
        assert done.returncode != 0 and "score" not in found
        return
    assert done.returncode == 0, done.stderr
    assert found["score"] == {"right": 10, "wrong": 6, "nothing": 0}[case]
    if case == "wrong":
        assert "double of a number" in found["tests"][0]["output"]
    if case == "nothing":
        assert "no notebook" in found["output"]


def test_github_workflows_name_commands_that_exist(course):
    yaml = pytest.importorskip("yaml")
    for path in RECIPES.glob("github/*.yml"):
        jobs = yaml.safe_load(path.read_text())["jobs"]
        steps = [s for job in jobs.values() for s in job["steps"]]
        assert all("run" in s or "uses" in s for s in steps)
    lab = course / "labs" / f"{NAME}.ipynb"
    shutil.copy(lab, course / f"{NAME}.ipynb")  # as in a student's repository
    done = subprocess.run(
        [sys.executable, "-m", "grader", "check", f"{NAME}.ipynb"],
        cwd=course,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "Exercise 1 is unanswered" in done.stdout


@pytest.mark.slow
def test_nbgrader_hands_out_and_collects(course, tmp_path):
    place = tmp_path / "nbg"
    (place / "source" / "01").mkdir(parents=True)
    shutil.copy(RECIPES / "nbgrader_config.py", place)
    shutil.copy(course / "solutions" / f"{NAME}.ipynb", place / "source" / "01")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", "01"],
        cwd=place,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    released = place / "release" / "01" / f"{NAME}.ipynb"
    assert done.returncode == 0 and released.is_file(), done.stderr[-2000:]
    text = released.read_text()
    assert "factor = 2" not in text and "secret_input" not in text
    submit(place / "submitted" / "ann" / "01", NAME, answered(released, RIGHT))
    submit(place / "submitted" / "bob" / "01", NAME, json.loads(text))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "grader", "grade", NAME, str(place / "submitted")),
            *("-o", str(tmp_path / "out"), "--allow-unsandboxed"),
        ],
        cwd=course,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = read_all(tmp_path / "out")
    assert [(r["student"], r["score"]) for r in found] == [("ann", 10), ("bob", 0)]
    assert "unanswered" in json.dumps(found[1])
    to_csv(found, tmp_path / "scores.csv")

"""The format of a lab: what is accepted, and what is refused with a clear line."""

import pytest
from grader_course import SOURCE, write_course

from grader.errors import UserError
from grader.lab import find, read
from grader.rebuild import split, steps
from grader.reference import answers, variant

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
HIDE, SHOW = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"


def test_read(tmp_path):
    lab = read(write_course(tmp_path))
    assert lab.title == "Lab 1 · A toy"
    found = [(e.name, e.number, e.points, e.title) for e in lab.exercises]
    assert found == [
        ("double", 1, 4, "Exercise 1 · Double it"),
        ("standardize", 2, 3, "Exercise 2 · Standardize"),
        ("count", 3, 3, "Exercise 3 · Count"),
    ]
    assert lab.exercises[0].flag == ("np.multiply",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (f"    {BEGIN}\n    factor", "    factor", "without its partner"),
        (f"    return factor * x\n    {END}", "    return 1", "without ### END SOL"),
        (BEGIN, f"{BEGIN}\n    {BEGIN}", "without its partner"),
        (BEGIN, "### BEGIN  SOLUTION!", "looks like one"),
        (BEGIN, "# begin solution", "looks like one"),
        (f"    {BEGIN}\n    factor = 2\n", "    factor = 2\n", "without its partner"),
        (HIDE, BEGIN, "does not belong"),
        (f"{SHOW}\n\n# %% wrong", "\n# %% wrong", "without ### END HIDDEN"),
        ("import numpy as np", f"import numpy as np\n{BEGIN}\n{END}", "not belong"),
        ('check="double"', 'check="doubel"', "has no answer cell"),
        ('answer="double"', 'answer="Double it"', "is not made of"),
        ('answer="standardize"', 'answer="double"', "has no answer cell"),
        ("points=4", "point=4", "unknown options"),
        ("# %% demo=true", "# %% demos=true", "unknown options"),
        ('# %% check="count" points=3', "# %%", "does not belong"),
        ('check="count"', 'check="double"', "one answer and one check"),
    ],
)
def test_mistakes_of_an_author(tmp_path, old, new, message):
    assert old in SOURCE
    path = write_course(tmp_path, SOURCE.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as error:
        read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_find_names_the_labs_that_exist(tmp_path, monkeypatch):
    path = write_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("01_toy", "labs/01_toy.ipynb", "solutions/01_toy.py", str(path)):
        assert find(name).samefile(path)
    with pytest.raises(UserError, match=r"no lab '02_x' here; there are: 01_toy"):
        find("02_x")


def test_markers_at_any_indentation(tmp_path):
    deep = SOURCE.replace(
        "    ### BEGIN SOLUTION\n    factor = 2",
        "    if True:\n            ### BEGIN SOLUTION\n            factor = 2",
    ).replace(
        "    return factor * x\n    ### END", "            return factor * x\n  ### END"
    )
    lab = read(write_course(tmp_path, deep))
    assert "### " not in answers(lab)["double"]
    assert "factor = 2" in answers(lab)["double"]


def test_split():
    assert split(f"a\n{HIDE}\nb\n{SHOW}\nc") == ("a\nc", "b")


def test_misconceptions(tmp_path):
    lab = read(write_course(tmp_path))
    right = answers(lab)
    hint, source = variant(lab.of("wrong", "double")[0], right["double"])
    assert hint == "You square it."
    assert source == right["double"].replace("factor * x", "x ** factor")
    hint, source = variant(lab.of("wrong", "standardize")[1], right["standardize"])
    assert source == "def standardize(x):\n    return x / x.std()"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("# Hint.\n# - return no\n# + return 1", "stands 0 times"),
        ("# Hint.\n# + return 1", "before '-'"),
        ("# - return factor * x\n# + return 1", "needs a hint"),
        ("# Only a hint.", "needs a hint"),
    ],
)
def test_misconceptions_with_mistakes(tmp_path, cell, message):
    old = "# You square it.\n# - return factor * x\n# + return x ** factor"
    assert old in SOURCE
    lab = read(write_course(tmp_path, SOURCE.replace(old, cell)))
    with pytest.raises(UserError, match=message):
        variant(lab.of("wrong", "double")[0], answers(lab)["double"])


def test_steps_leave_out_demos_and_missing_answers(tmp_path):
    lab = read(write_course(tmp_path))
    plan = steps(lab, {"double": "x = 1"}, seed=7)
    assert [s.name for s in plan] == [
        "setup",
        "double:answer",
        "double:public",
        "double:hidden",
    ]
    assert "CANARY" in plan[3].source and "CANARY" not in plan[2].source
    assert "begin('double', 0, grading=True)" in plan[2].source  # as in the lab
    assert "begin('double/hidden', 7, grading=True)" in plan[3].source

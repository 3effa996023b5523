"""A small course for the tests of the grader: one lab, and submissions made by code."""

import copy
import json
from pathlib import Path
from typing import Any

from grader import scratch
from grader.release import release
from grader.sandbox import Sandbox, bwrap_problem, choose

NAME = "01_toy"
SOURCE = '''
# %% [markdown]
# # Lab 1 · A toy

# %%
import numpy as np

# %% [markdown]
# ## Exercise 1 · Double it

# %% answer="double" flag="np.multiply"
def double(x):
    """Return 2 x."""
    ### BEGIN SOLUTION
    factor = 2
    return factor * x
    ### END SOLUTION

# %% check="double" points=4
emit("double of 3", lambda: double(3.0))
### BEGIN HIDDEN TESTS
secret_input = rng.uniform(1, 100)  # CANARY-HIDDEN
emit("double of a number", lambda: double(float(secret_input)))
emit("double of an array", lambda: double(rng.uniform(1, 9, size=4)))
### END HIDDEN TESTS

# %% wrong="double"
# You square it.
# - return factor * x
# + return x ** factor

# %% [markdown]
# ## Exercise 2 · Standardize

# %% answer="standardize"
def standardize(x):
    """Return x with mean 0 and standard deviation 1."""
    ### BEGIN SOLUTION
    return (x - x.mean()) / x.std()
    ### END SOLUTION

# %% check="standardize" points=3
emit("three numbers", lambda: standardize(np.array([1.0, 2.0, 6.0])))
### BEGIN HIDDEN TESTS
emit("many numbers", lambda: standardize(rng.normal(5, 3, size=20)), hint="Look again.")
### END HIDDEN TESTS

# %% wrong="standardize"
# You divide by the variance, not by the standard deviation.
# - return (x - x.mean()) / x.std()
# + return (x - x.mean()) / x.var()

# %% wrong="standardize"
# You do not subtract the mean.
def standardize(x):
    return x / x.std()

# %% demo=true
print("a demo")

# %% [markdown]
# ## Exercise 3 · Count

# %% answer="count"
def count(x):
    """Return how many numbers are positive."""
    ### BEGIN SOLUTION
    return int((x > 0).sum())
    ### END SOLUTION

# %% check="count" points=3
emit("two", lambda: count(np.array([1, -1, 3])))
### BEGIN HIDDEN TESTS
emit("some", lambda: count(rng.integers(-9, 9, size=30)))
### END HIDDEN TESTS
'''
RIGHT = {
    "double": "def double(x):\n    return x + x",
    "standardize": "def standardize(x):\n    return (x - x.mean()) / np.std(x)",
    "count": "def count(x):\n    return len([v for v in x if v > 0])",
}
WRONG = "def double(x):\n    return 3 * x"


def write_course(root: Path, source: str = SOURCE, name: str = NAME) -> Path:
    """Write the source of a lab into a new course folder; return its path."""
    path = root / "solutions" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return path


def release_course(root: Path) -> Path:
    """Write course and notebooks; return the learner's notebook."""
    source = write_course(root)
    for path, text in release(source, root / "labs", scratch.folder()).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "labs" / f"{NAME}.ipynb"


def answered(lab: Path, answers: dict[str, str]) -> dict[str, Any]:
    """Return a learner's notebook as a dictionary."""
    book = copy.deepcopy(json.loads(lab.read_text(encoding="utf-8")))
    for name, source in answers.items():
        cell_of(book, name)["source"] = source
    return book


def cell_of(book: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the cell of a notebook by its id."""
    return next(c for c in book["cells"] if c["id"] == name)


def submit(folder: Path, student: str, book: Any) -> Path:
    """Write a submission (a notebook, text or bytes) as STUDENT.ipynb."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{student}.ipynb"
    if isinstance(book, bytes):
        path.write_bytes(book)
    else:
        path.write_text(book if isinstance(book, str) else json.dumps(book))
    return path


def some_sandbox() -> Sandbox:
    """Return the best sandbox of this machine."""
    return choose("auto", allow_unsandboxed=True)


NO_SANDBOX = bwrap_problem()

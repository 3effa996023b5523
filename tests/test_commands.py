"""What a user gets told: setup, commands, and mistakes in one clear line."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the commands are for make and sh"
)
TOC = "format: jb-book\nroot: book/intro\n"


def run(*command, **options):
    """Run a command; return the finished process."""
    return subprocess.run(
        command, capture_output=True, text=True, check=False, **options
    )


@pytest.fixture
def checkout(tmp_path):
    """Return a folder with the tools, and a PATH that holds only what they call."""
    tools, programs = tmp_path / "course" / "tools", tmp_path / "bin"
    shutil.copytree(ROOT / "tools", tools)
    programs.mkdir()
    for name in ("sh", "cat", "cksum", "dirname"):
        (programs / name).symlink_to(shutil.which(name))
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tools.parent)
    return tools.parent, programs


def script(path, text):
    """Write an executable script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_setup_without_python_says_so(checkout):
    folder, programs = checkout
    result = run("tools/setup.sh", cwd=folder, env={"PATH": str(programs)})
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert line.startswith("setup: Python 3.11 or newer is needed (none was found)")


def test_setup_with_an_old_python_names_it(checkout):
    folder, programs = checkout
    script(programs / "python3", 'case "$2" in *print*) echo 3.9;; *) exit 1;; esac')
    result = run("tools/setup.sh", cwd=folder, env={"PATH": str(programs)})
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert "Python 3.11 or newer is needed (python3 is 3.9)" in line


def test_setup_without_venv_says_what_to_install(checkout):
    folder, programs = checkout
    script(
        programs / "python3", 'case "$2" in *ensurepip*) exit 1;; *) echo 3.12;; esac'
    )
    result = run("tools/setup.sh", cwd=folder, env={"PATH": str(programs)})
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert "python3 has no venv module" in line


def test_setup_says_when_pip_fails(checkout):
    folder, programs = checkout
    (folder / ".venv" / "bin").mkdir(parents=True)
    script(folder / ".venv" / "bin" / "python", "echo no network >&2; exit 1")
    result = run("tools/setup.sh", cwd=folder, env={"PATH": str(programs)})
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "no network",
        "setup: pip could not install requirements.txt (its message stands above)",
    ]


def test_setup_installs_once_and_again_when_the_requirements_change(checkout):
    folder, programs = checkout
    (folder / ".venv" / "bin").mkdir(parents=True)
    script(folder / ".venv" / "bin" / "python", "exit 0")
    outputs = []
    for number in range(3):
        if number == 2:
            (folder / "constraints.txt").write_text("numpy==2.4.6\n")
        result = run("tools/setup.sh", cwd=folder, env={"PATH": str(programs)})
        assert result.returncode == 0, result.stderr
        outputs.append(result.stdout)
    assert "installing" in outputs[0] and "installing" in outputs[2]
    assert outputs[1] == ""


def book(folder):
    """Run the builder on a folder; return its status and its error lines."""
    result = run(sys.executable, ROOT / "tools" / "book.py", "--root", folder)
    return result.returncode, result.stderr.splitlines()


@pytest.mark.parametrize(
    ("toc", "message"),
    [
        (None, "there is no _toc.yml"),
        ("root: [", "_toc.yml cannot be read: "),
        ("parts: 3\n", "_toc.yml cannot be read: "),
        (TOC + "chapters:\n- file: book/99_none\n", "lists book/99_none.md, which"),
        (TOC + "chapters:\n- file: book/intro\n", "multiple times"),
    ],
)
def test_a_broken_table_of_contents_is_one_line(tmp_path, toc, message):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "intro.md").write_text("# Book\n")
    if toc is not None:
        (tmp_path / "_toc.yml").write_text(toc)
    status, lines = book(tmp_path)
    assert status == 1
    assert len(lines) == 1 and lines[0].startswith("book: ") and message in lines[0]


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "intro.md").write_text("# Book\n")
    (tmp_path / "book" / "_ext").symlink_to(ROOT / "book" / "_ext")
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "_build").write_text("a file where the folder should be")
    status, (line,) = book(tmp_path)
    assert status == 1
    assert line.startswith("book: cannot write to ")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_without_permission_is_one_line(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "intro.md").write_text("# Book\n")
    (tmp_path / "book" / "_ext").symlink_to(ROOT / "book" / "_ext")
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "_build").mkdir(mode=0o555)
    status, (line,) = book(tmp_path)
    assert status == 1
    assert "Permission denied" in line


def test_a_page_with_a_broken_head_is_one_line(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "_ext").symlink_to(ROOT / "book" / "_ext")
    (tmp_path / "book" / "intro.md").write_text(
        "---\njupytext: {text_representation: {format_name: myst}}\n---\n"
        "```{code-cell}\n---\ntags: [\n---\n1\n```\n"
    )
    (tmp_path / "_toc.yml").write_text(TOC)
    status, (line,) = book(tmp_path)
    assert status == 1
    assert line.startswith("book: intro.md cannot be read: ")


def test_grade_without_arguments_says_how():
    result = run("make", "-s", "grade", cwd=ROOT)
    assert result.returncode != 0
    assert result.stderr.startswith("grade: say what to grade: make grade LAB=")


def test_help_names_every_command():
    result = run("make", cwd=ROOT)
    assert result.returncode == 0
    for name in [
        "book",
        "test",
        "lab",
        "labs",
        "labs-check",
        "grade",
        "bench",
        "clean",
        "help",
    ]:
        assert f"make {name} " in result.stdout


# Notebooks: chapters in Markdown and unanswered labs, through nbval -------------------

HEAD = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

"""
LAB = """\
# %%
def double(x):
    raise NotImplementedError("Exercise 1")

# %%
double(2)

# %%
1 / 0
"""


def test_nbval_runs_chapters_and_tells_unanswered_from_broken(tmp_path):
    import jupytext

    shutil.copy(ROOT / "conftest.py", tmp_path)
    for name in ("book", "labs"):
        (tmp_path / name).mkdir()
    good = "# Good\n\n```{code-cell}\n1 + 1\n```\n\n```{code-cell}\nx = 2\n```\n"
    (tmp_path / "book" / "01_good.md").write_text(HEAD + good)
    (tmp_path / "book" / "02_bad.md").write_text(HEAD + good.replace("x = 2", "y + 2"))
    (tmp_path / "book" / "intro.md").write_text("# Only text\n")
    lab = jupytext.reads(LAB, fmt="py:percent")
    lab.metadata["kernelspec"] = {"display_name": "Python 3", "name": "python3"}
    jupytext.write(lab, tmp_path / "labs" / "01_good.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-rA", "-p", "no:xdist"]
    result = run(*command, "book", "labs", cwd=tmp_path)
    assert "4 passed, 2 failed, 1 xfailed" in sorted_counts(result.stdout)
    assert "FAILED book/02_bad.md::Cell 1" in result.stdout
    plain = re.sub(r"\x1b\[[\d;]*m", "", result.stdout)
    assert "NameError: name 'y' is not defined" in plain
    assert "XFAIL labs/01_good.ipynb::Cell 1 - unanswered: Exercise 1" in result.stdout
    assert "FAILED labs/01_good.ipynb::Cell 2" in result.stdout


def sorted_counts(text):
    """Return the last line of pytest with its counts in a fixed order."""
    last = text.strip().splitlines()[-1].strip("= ")
    counts = dict(
        reversed(part.split()) for part in last.partition(" in ")[0].split(", ")
    )
    return ", ".join(
        f"{counts[name]} {name}" for name in ("passed", "failed", "xfailed")
    )


def test_every_script_of_the_tools_is_executable():
    for path in [*Path(ROOT / "tools").glob("*.sh"), ROOT / ".ci" / "run"]:
        assert os.access(path, os.X_OK), path

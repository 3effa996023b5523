"""What may be handed in: files, folders, archives; and what is refused unopened."""

import json
import os
import stat
import zipfile

import pytest

from grader import intake, submissions
from grader.errors import UserError
from grader.export import text_cell
from grader.intake import RejectedError
from grader.result import slug
from grader.submissions import find

LAB = "01_toy"
BOOK = json.dumps({"cells": []}).encode()


def archive(path, members):
    """Write a zip archive; a member's content may be bytes or a file mode."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            mode = content if isinstance(content, int) else stat.S_IFREG | 0o644
            info.external_attr = mode << 16
            z.writestr(info, b"/etc/passwd" if isinstance(content, int) else content)
    return path


def students(path):
    return {e.student: e.problem for e in find(path, LAB)}


def test_files_folders_and_archives(tmp_path):
    (tmp_path / "ann.ipynb").write_bytes(BOOK)
    (tmp_path / f"{LAB}_bob.ipynb").write_bytes(BOOK)
    (tmp_path / "cy").mkdir()
    (tmp_path / "cy" / "whatever.ipynb").write_bytes(BOOK)
    (tmp_path / "di" / "deep").mkdir(parents=True)
    (tmp_path / "di" / "deep" / f"{LAB}.ipynb").write_bytes(BOOK)
    (tmp_path / "di" / "draft.ipynb").write_bytes(BOOK)
    (tmp_path / "ed" / ".ipynb_checkpoints").mkdir(parents=True)
    (tmp_path / "ed" / ".ipynb_checkpoints" / f"{LAB}.ipynb").write_bytes(BOOK)
    (tmp_path / "fay").mkdir()
    archive(tmp_path / "fay" / "all.zip", {f"x/{LAB}.ipynb": BOOK})
    archive(tmp_path / "gus.zip", {"a.ipynb": BOOK, "__MACOSX/a.ipynb": b""})
    for name in ("a", "b"):
        (tmp_path / "hal").mkdir(exist_ok=True)
        (tmp_path / "hal" / f"{name}.ipynb").write_bytes(BOOK)
    (tmp_path / "notes.txt").write_text("not a submission")
    found = students(tmp_path)
    assert found.pop("ed") == "there is no notebook in it"
    assert found.pop("hal").startswith("2 notebooks")
    assert found == dict.fromkeys(["ann", "bob", "cy", "di", "fay", "gus"], "")
    for entry in find(tmp_path, LAB):
        if not entry.problem:
            assert entry.read() == BOOK


@pytest.mark.parametrize("top", ["", "class/"])
def test_one_archive_of_a_class(tmp_path, top):
    members = {
        f"{top}ann/{LAB}.ipynb": BOOK,
        f"{top}bob.ipynb": BOOK,
        f"{top}cy/a.ipynb": BOOK,
        f"{top}cy/b.ipynb": BOOK,
        f"{top}di/own.zip": BOOK,
        f"{top}readme.txt": b"",
    }
    found = students(archive(tmp_path / "class.zip", members))
    assert found["ann"] == found["bob"] == ""
    assert "2 notebooks" in found["cy"] and "inside the archive" in found["di"]


def test_two_submissions_of_one_student(tmp_path):
    (tmp_path / "ann.ipynb").write_bytes(BOOK)
    archive(tmp_path / "ann.zip", {"a.ipynb": BOOK})
    assert students(tmp_path) == {"ann": "2 submissions of this student"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"../x.ipynb": BOOK}, "points outside"),
        ({"a/../../x.ipynb": BOOK}, "points outside"),
        ({"..\\x.ipynb": BOOK}, "points outside"),
        ({"/etc/x.ipynb": BOOK}, "points outside"),
        ({"C:/x.ipynb": BOOK}, "points outside"),
        ({"x.ipynb": stat.S_IFLNK | 0o777}, "link or a device"),
        ({"x.ipynb": stat.S_IFIFO | 0o777}, "link or a device"),
        ({"x.ipynb": stat.S_IFCHR | 0o777}, "link or a device"),
        ({f"{i}.ipynb": b"" for i in range(20_001)}, "20001 members"),
        ({"x.ipynb": b"0" * (201 << 20)}, "unpack to more than 200 MB"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_archives_that_are_refused(tmp_path, members, message):
    archive(tmp_path / "in.zip", members)
    (tmp_path / "ann").mkdir()
    os.rename(tmp_path / "in.zip", tmp_path / "ann" / "in.zip")
    assert message in students(tmp_path)["ann"]
    if "200 MB" not in message:  # a class may hand in more than that
        with pytest.raises(UserError, match=message):
            find(tmp_path / "ann" / "in.zip", LAB)
    assert [p.name for p in tmp_path.rglob("*")] == ["ann", "in.zip"]  # not unpacked


def test_archives_that_cannot_be_read(tmp_path):
    (tmp_path / "ann.zip").write_bytes(b"PK\x03\x04 nothing")
    path = archive(tmp_path / "bob.zip", {"a.ipynb": b"x" * 1000})
    raw = bytearray(path.read_bytes())
    raw[38:42] = b"\xff\xff\xff\xff"  # in the packed data
    path.write_bytes(raw)
    found = {e.student: e for e in find(tmp_path, LAB)}
    assert "cannot be read" in found["ann"].problem
    with pytest.raises(RejectedError, match="cannot be read"):
        found["bob"].read()


def test_a_member_that_lies_about_its_size(tmp_path, monkeypatch):
    path = archive(tmp_path / "ann.zip", {"a.ipynb": b"0" * 5000})
    monkeypatch.setattr(submissions, "MAX_BYTES", 1000)
    entry = find(path.parent, LAB)[0]
    with pytest.raises(RejectedError, match="larger than"):
        entry.read()


def test_links_pipes_and_devices_are_not_opened(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY")
    place = tmp_path / "in"
    place.mkdir()
    (place / "ann.ipynb").symlink_to(secret)
    os.mkfifo(place / "bob.ipynb")
    (place / "cy").mkdir()
    (place / "cy" / f"{LAB}.ipynb").symlink_to(secret)
    found = {e.student: e for e in find(place, LAB)}
    assert found["ann"].problem == "it is a link"
    for student in ("bob", "cy"):
        with pytest.raises(RejectedError, match=r"link|regular file"):
            found[student].read()


def test_a_path_that_is_nothing(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        find(tmp_path / "no", LAB)
    with pytest.raises(UserError, match="no notebooks in"):
        find(tmp_path, LAB)


def test_answers_are_taken_by_name_only():
    cells = [
        {"cell_type": "code", "source": ["x = 1\n", "y = 2"], "id": "double"},
        {"cell_type": "code", "source": "z", "metadata": {}, "id": "own"},
        {
            "cell_type": "code",
            "source": "w",
            "id": "other",
            "metadata": {"nbgrader": {"grade_id": "count"}},
        },
    ]
    known = {"double": "answer", "count": "answer", "count-check": "check"}
    taken = intake.take(cells, known)
    assert taken.answers == {"double": "x = 1\ny = 2", "count": "w"}
    assert (taken.problems, taken.extra) == ({}, 1)


@pytest.mark.parametrize(
    "student",
    [
        "=cmd()",
        "../x",
        "a/b",
        "x" * 300,
        "",
        ".",
        "..",
        "\x1b[31m",
        "ann\n",
        "Zoë",
        "-",
    ],
)
def test_names_of_students_become_safe_file_names(student):
    name = slug(student)
    assert name and len(name) < 80 and name.isascii()
    assert not set(name) & set("/\\\0\n\x1b=") and name not in (".", "..")
    assert slug(student) != slug(student + "x")
    assert not text_cell(student).startswith(("=", "+", "-", "@", "\t"))

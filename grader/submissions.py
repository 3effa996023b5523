"""Find the submissions of a class: files, a folder per student, or zip archives.

Archives are never unpacked: members are listed, checked, and read one at a time.
"""

import contextlib
import os
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.errors import UserError
from grader.intake import MAX_BYTES, RejectedError, read_bytes

MAX_MEMBERS = 20_000
MAX_TOTAL = 2 << 30
MAX_NESTED = 200 << 20  # all members of one student's own archive
UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
SKIP = {"__MACOSX", ".ipynb_checkpoints", ".git"}


@dataclass(frozen=True)
class Entry:
    """One submission, not yet opened: a file, or a member of an archive."""

    student: str
    path: str = ""
    member: str = ""
    problem: str = ""

    def read(self) -> bytes:
        """Return the bytes of the notebook.

        Raises
        ------
        RejectedError
            With the reason.
        """
        if self.problem:
            raise RejectedError(self.problem)
        if not self.member:
            return read_bytes(Path(self.path))
        try:
            with (
                zipfile.ZipFile(self.path) as archive,
                archive.open(self.member) as file,
            ):
                raw = file.read(MAX_BYTES + 1)
        except UNREADABLE as e:
            raise RejectedError(f"the archive cannot be read: {e}") from None
        if len(raw) > MAX_BYTES:
            raise RejectedError(f"the notebook is larger than {MAX_BYTES >> 20} MB")
        return raw


def find(path: Path, lab: str) -> list[Entry]:
    """Return the submissions below `path`, one per student, sorted.

    Raises
    ------
    UserError
        If there is nothing to grade, or the archive of a class is not safe.
    """
    if not os.path.lexists(path):
        raise UserError(f"no such file or folder: {path}")
    if path.is_dir():
        entries = [e for c in sorted(path.iterdir()) if (e := _child(c, lab))]
    elif path.suffix == ".zip":
        entries = _class_archive(path, lab)
    else:
        entries = [Entry(_student(path.stem, lab), str(path))]
    if not entries:
        raise UserError(f"no notebooks in {path}")
    doubled = _doubled([e.student for e in entries])
    return [
        Entry(e.student, problem=f"{doubled[e.student]} submissions of this student")
        if e.student in doubled
        else e
        for e in _once(entries, doubled)
    ]


def _doubled(students: list[str]) -> dict[str, int]:
    return {s: students.count(s) for s in set(students) if students.count(s) > 1}


def _once(entries: list[Entry], doubled: dict[str, int]) -> list[Entry]:
    kept = {e.student: e for e in entries}
    return [kept[s] for s in sorted(kept)] if doubled else entries


def _student(stem: str, lab: str) -> str:
    """Take the name of the lab off a file name.

    Examples
    --------
    >>> _student("07_init_alice", "07_init"), _student("07_init", "07_init")
    ('alice', '07_init')
    """
    short = re.sub(rf"^{re.escape(lab)}[-_ ]+|[-_ ]+{re.escape(lab)}$", "", stem)
    return short or stem


def _child(path: Path, lab: str) -> Entry | None:
    if path.name.startswith(".") or path.name in SKIP:
        return None
    student = _student(path.stem, lab)
    if path.is_symlink():
        return Entry(path.stem, problem="it is a link")
    if path.is_dir():
        return _folder(path, lab)
    if path.suffix == ".zip":
        return _own_archive(path, student, lab)
    return Entry(student, str(path)) if path.suffix == ".ipynb" else None


def _folder(path: Path, lab: str) -> Entry:
    """Choose the notebook of one student's folder."""
    books, archives = [], []
    for root, dirs, files in os.walk(path):
        dirs[:] = sorted(d for d in dirs if d not in SKIP and not d.startswith("."))
        depth = len(Path(root).relative_to(path).parts)
        dirs[:] = dirs if depth < 3 else []
        books += [Path(root) / f for f in sorted(files) if f.endswith(".ipynb")]
        archives += [Path(root) / f for f in sorted(files) if f.endswith(".zip")]
        if len(books) + len(archives) > 1000:
            break
    if not books and len(archives) == 1:
        return _own_archive(archives[0], path.name, lab)
    chosen, problem = _choose([str(b) for b in books], lab)
    return Entry(path.name, chosen, problem=problem)


def _choose(names: list[str], lab: str) -> tuple[str, str]:
    """Choose one notebook among several: the one with the lab's name."""
    named = [n for n in names if PurePosixPath(n).name == f"{lab}.ipynb"]
    if len(names) == 1 or len(named) == 1:
        return (named or names)[0], ""
    if not names:
        return "", "there is no notebook in it"
    return "", f"{len(names)} notebooks, and not one of them alone is {lab}.ipynb"


def check_archive(path: Path, limit: int) -> list[zipfile.ZipInfo]:
    """Return the members of an archive, if all of them are safe to read.

    Raises
    ------
    RejectedError
        If the archive is too large, or a member points outside or is a link.
    """
    if path.is_symlink() or not path.is_file():
        raise RejectedError("it is not a regular file")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        raise RejectedError("the zip archive cannot be read") from None
    if len(members) > MAX_MEMBERS:
        raise RejectedError(f"the archive has {len(members)} members")
    if sum(m.file_size for m in members) > limit:
        raise RejectedError(f"the archive would unpack to more than {limit >> 20} MB")
    for m in members:
        name, mode = m.filename, m.external_attr >> 16
        bad = name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name)
        if bad or ".." in re.split(r"[\\/]", name) or "\0" in name:
            raise RejectedError("a member of the archive points outside of it")
        if stat.S_ISLNK(mode) or (stat.S_IFMT(mode) and not _usual(mode)):
            raise RejectedError("a member of the archive is a link or a device")
        if m.flag_bits & 1:
            raise RejectedError("the archive is encrypted")
    return [m for m in members if not m.is_dir() and not _skipped(m.filename)]


def _usual(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _skipped(name: str) -> bool:
    return any(p in SKIP or p.startswith(".") for p in PurePosixPath(name).parts)


def _own_archive(path: Path, student: str, lab: str) -> Entry:
    try:
        names = [m.filename for m in check_archive(path, MAX_NESTED)]
    except RejectedError as reason:
        return Entry(student, problem=str(reason))
    chosen, problem = _choose([n for n in names if n.endswith(".ipynb")], lab)
    return Entry(student, str(path), chosen, problem)


def _class_archive(path: Path, lab: str) -> list[Entry]:
    """Group the members of a class's archive by student."""
    try:
        names = [m.filename for m in check_archive(path, MAX_TOTAL)]
    except RejectedError as reason:
        raise UserError(f"{path}: {reason}") from None
    tops = {PurePosixPath(n).parts[0] for n in names}
    lone = len(tops) == 1 and all(len(PurePosixPath(n).parts) > 1 for n in names)
    groups: dict[str, list[str]] = {}
    for name in names:
        parts = PurePosixPath(name).parts[1 if lone else 0 :]
        if name.endswith(".ipynb"):
            top = parts[0] if len(parts) > 1 else _student(Path(name).stem, lab)
            groups.setdefault(top, []).append(name)
        elif name.endswith(".zip"):
            groups.setdefault(parts[0].removesuffix(".zip"), [])
    entries = []
    for student, own in sorted(groups.items()):
        chosen, problem = _choose(own, lab)
        if not own:
            problem = "an archive inside the archive: unpack the class's archive once"
        entries.append(Entry(student, str(path), chosen, problem))
    return entries


def digest_source(entry: Entry) -> bytes:
    """Return the bytes that identify a submission, also one that cannot be read."""
    with contextlib.suppress(RejectedError):
        return entry.read()
    return f"unreadable: {entry.problem or entry.path}".encode()

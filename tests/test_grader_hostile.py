"""The corpus of hostile submissions, with what must hold after each of them."""

import contextlib
import hashlib
import json
import multiprocessing
import socket
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from grader_corpus import CELL, ITEMS, TOTAL, WRITE_MARK
from grader_course import (
    NAME,
    NO_SANDBOX,
    RIGHT,
    SOURCE,
    answered,
    release_course,
    submit,
    write_course,
)

from grader import reference, scratch
from grader.context import Context
from grader.export import to_csv
from grader.feedback import page
from grader.grade import _start_worker
from grader.kernel import PATIENCE
from grader.lab import read
from grader.limits import Limits
from grader.processes import tree
from grader.sandbox import choose
from grader.submissions import Entry
from grader.unit import Unit, grade

pytest.importorskip("nbgrader", reason="nbgrader makes the notebooks")
pytestmark = [
    pytest.mark.skipif(bool(NO_SANDBOX), reason=f"no sandbox: {NO_SANDBOX}"),
    pytest.mark.slow,
]
LIMITS = Limits(cell=CELL, total=TOTAL, memory=1 << 30, files=16 << 20)
MAX_RSS = 500 << 20
MOST = (1 + PATIENCE) * TOTAL + 15  # seconds, on a machine as busy as is reckoned with


class Arena:
    """A course with secrets, a pool of two workers, and a server to be reached."""

    def __init__(self, root: Path) -> None:
        self.root = root
        source = SOURCE.replace("factor = 2", "factor = 2  # CANARY-SOLUTION")
        self.lab = release_course(root)
        write_course(root, source)
        submit(root / "in", "other", answered(self.lab, {"count": "# CANARY-OTHER"}))
        (root / "out" / "results").mkdir(parents=True)
        (root / "out" / "scores.csv").write_text("CANARY-RESULT,10\n")
        (root / "out" / "results" / "other.json").write_text('{"x": "CANARY-RESULT"}')
        box = choose("auto")
        lab = read(root / "solutions" / f"{NAME}.py")
        ref = reference.compute(lab, 5, box, LIMITS, scratch.folder())
        self.context = root / "out" / ".state" / "context.json"
        Context(lab, ref, LIMITS, box).save(self.context)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.reached: list[object] = []
        threading.Thread(target=self._serve, daemon=True).start()
        spawn = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(2, mp_context=spawn, initializer=_start_worker)
        self.honest = submit(root / "in", "honest", answered(self.lab, RIGHT))

    def _serve(self) -> None:
        while True:
            try:
                self.reached.append(self.server.accept())
            except OSError:
                return

    def start(self, path: Path, target: str):
        """Begin to grade a file; return the future."""
        where = self.root / target / f"{path.stem}.json"
        unit = Unit(
            Entry(path.stem, str(path)), str(self.context), str(where), "k", "s"
        )
        return self.pool.submit(grade, unit)

    def snapshot(self) -> dict[str, str]:
        """Hash all that a submission must not change."""
        found = {}
        for folder in ("solutions", "labs", "in", "out"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.is_file():
                    found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        home = Path.home()
        found |= {str(p): "" for p in [*home.glob("*"), *home.glob(".ipython/**/*")]}
        return found

    def close(self) -> None:
        self.server.close()
        self.pool.shutdown()


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    place = Arena(tmp_path_factory.mktemp("arena"))
    yield place
    place.close()


def worker_rss(pool) -> int:
    found = []
    for pid in pool._processes:
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        line = next(x for x in status if x.startswith("VmHWM"))
        found.append(int(line.split()[1]) << 10)
    return max(found)


def strays(pool) -> list[int]:
    """Return the processes that kernels of these workers have left."""
    workers = list(pool._processes)
    found = [p for w in workers for p in tree(w)[1:]]
    users = {str(2_000_000 + w) for w in workers}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(path.stat().st_uid) in users:
                found.append(int(path.name))
    return found


def steady(result: dict) -> str:
    return json.dumps({k: v for k, v in result.items() if k != "time"}, sort_keys=True)


def fill_in(book, arena: Arena):
    """Tell a submission where the secrets are."""
    if not isinstance(book, dict):
        return book
    paths = [arena.context, arena.root / "solutions" / f"{NAME}.py", arena.root]
    paths += [arena.root / "in" / "other.ipynb", arena.root / "out", Path.home()]
    port = arena.server.getsockname()[1]
    for cell in book["cells"]:
        if isinstance(cell, dict) and isinstance(cell.get("source"), str):
            text = cell["source"].replace("*PATHS", f"*{[str(p) for p in paths]}")
            cell["source"] = text.replace("PORT", str(port))
    return book


@pytest.mark.parametrize("name", ITEMS)
def test_hostile(name, arena, capsys):
    item = ITEMS[name]
    handed_in = fill_in(item.build(arena.lab), arena)
    path = submit(arena.root / "in", f"item-{name}", handed_in)
    before = arena.snapshot()
    begun = time.monotonic()
    futures = [arena.start(path, "one"), arena.start(path, "two")]
    honest = arena.start(arena.honest, "one")  # who is next in the queue
    result, again = (f.result(timeout=MOST + 60) for f in futures)
    seconds = result["time"]["seconds"]

    # G1, G2: it ends in time; who is graded beside it and after it is not touched
    assert seconds < (5 if item.points is None else MOST)
    assert honest.result(timeout=MOST)["score"] == 10
    # the score, and a reason for each lost point
    if item.points is None:
        assert (result["state"], result["score"]) == ("rejected", 0), result
        assert item.reason in result["reason"]
        told = result["reason"]
    else:
        assert result["state"] == "graded", result["reason"]
        points = {e["id"]: e["points"] for e in result["exercises"]}
        assert points == item.points, json.dumps(result["exercises"][0], indent=1)
        checks = [c for e in result["exercises"] for c in e["checks"]]
        assert all((c["state"] == "right") == (not c["reason"]) for c in checks)
        told = " ".join(c["reason"] for c in checks)
        told += " ".join(n for e in result["exercises"] for n in e["notes"])
        assert item.reason in told, told
    # G3, G4: nothing written, nothing left
    path.unlink()
    after = arena.snapshot()
    before.pop(str(path))
    assert after == before
    assert not strays(arena.pool)
    # G5: the grader's own memory
    assert worker_rss(arena.pool) < MAX_RSS
    # G6: no secret in anything that is shown
    shown = [json.dumps(result, ensure_ascii=False), page(result)]
    to_csv([result], arena.root / "shown.csv")
    shown.append((arena.root / "shown.csv").read_text())
    for text in shown:
        assert "CANARY" not in text and "secret_input" not in text
        assert "\x1b" not in text and "\u202e" not in text
    assert "<script" not in shown[1]
    assert not arena.reached
    # G9: the same again, and readable
    stored = json.loads((arena.root / "one" / f"{path.stem}.json").read_text())
    assert steady(stored) == steady(again) == steady(result)
    with capsys.disabled():
        state = "rejected" if item.points is None else f"{result['score']:g} of 10"
        took = time.monotonic() - begun
        print(f"\n  {name:<30} {state:<9} {seconds:5.1f} s {took:5.1f} s  {told[:60]}")


def test_flags_for_a_human(arena):
    book = ITEMS["library_answer"].build(arena.lab)
    result = arena.start(submit(arena.root / "f", "flag", book), "one").result(60)
    assert result["exercises"][0]["flags"] == ["the answer uses np.multiply"]


def test_nothing_was_written_outside(arena):
    """After the whole corpus: the places that write_outside tried."""
    import grader

    places = [Path.home(), "/", "/etc", "/usr", "/usr/lib", "/var/tmp", "/opt", "/home"]
    places += [sys.prefix, Path(grader.__file__).parent, *sys.path]
    for place in places:
        assert not (Path(place) / WRITE_MARK).exists(), place


def test_scratch_is_gone(arena):
    for pid in arena.pool._processes:
        for folder in scratch.base().glob(f"{scratch.PREFIX}*-{pid}-*"):
            assert not list(folder.iterdir())

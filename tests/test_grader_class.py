"""A class is graded to the end, whatever is killed, full or changed on the way."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
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

from grader import grade as module
from grader import result, scratch
from grader.errors import InfraError, UserError
from grader.export import gradescope, number, to_csv
from grader.feedback import page
from grader.grade import Options, grade_class, lock
from grader.processes import tree
from grader.sandbox import choose

pytest.importorskip("nbgrader", reason="nbgrader makes the notebooks")
ROOT = Path(__file__).resolve().parent.parent
SLOW = "import time; time.sleep(0.4)\n" + RIGHT["double"]
COUNT = 12


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = release_course(tmp_path_factory.mktemp("course")).parent.parent
    lab = root / "labs" / f"{NAME}.ipynb"
    for i in range(COUNT):
        wrong = {"count": "def count(x):\n    return -1"} if i % 3 == 0 else {}
        book = answered(lab, {**RIGHT, "double": SLOW, **wrong})
        submit(root / "in", f"student{i:02}", book)
    return root


def begin(course, out, *more, **kw):
    command = [sys.executable, "-m", "grader", "grade", NAME, "in", "-o", str(out)]
    return subprocess.Popen(
        [*command, "--jobs", "2", "--seed", "9", "--allow-unsandboxed", *more],
        cwd=course,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kw,
    )


def finished(out) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in Path(out).glob("results/*.json")}


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def alive(pids):
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        found += [pid] if state != "Z" else []
    return found


def check_scores(out):
    found = result.read_all(Path(out))
    assert [r["student"] for r in found] == [f"student{i:02}" for i in range(COUNT)]
    assert [r["score"] for r in found] == [
        7 if i % 3 == 0 else 10 for i in range(COUNT)
    ]
    assert all(r["state"] == "graded" for r in found)


@pytest.mark.skipif(sys.platform != "linux", reason="uses /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_master_is_stopped(course, tmp_path, how):
    """kill -9 and Ctrl-C: nothing finished is lost, nothing is left behind."""
    master = begin(course, tmp_path, start_new_session=True)
    wait_for(lambda: len(finished(tmp_path)) >= 3)
    family = tree(master.pid)
    assert len(family) > 3
    if how is signal.SIGINT:
        os.killpg(master.pid, how)  # as a terminal does
    else:
        master.kill()
    _, words = master.communicate(timeout=30)
    if how is signal.SIGINT:
        assert master.returncode == 130
        assert words.strip().endswith("grader: stopped; what is finished is kept")
        assert "Traceback" not in words
    wait_for(lambda: not alive(family), 10)
    before = finished(tmp_path)
    assert 3 <= len(before) < COUNT

    again = begin(course, tmp_path)
    shown, words = again.communicate(timeout=120)
    assert again.returncode == 0, words
    assert f"{len(before)} of {COUNT} are graded already" in shown
    after = finished(tmp_path)
    assert {n: after[n] for n in before} == before  # not graded a second time
    check_scores(tmp_path)
    wait_for(lambda: not leftover(family), 10)
    assert not list(tmp_path.glob("results/.new-*"))


def leftover(pids):
    """Return scratch folders of these processes."""
    found = [p.name.split("-") for p in scratch.base().glob(f"{scratch.PREFIX}*")]
    return [parts for parts in found if int(parts[3]) in pids]


@pytest.mark.skipif(sys.platform != "linux", reason="uses /proc")
def test_a_worker_is_killed(course, tmp_path):
    master = begin(course, tmp_path)

    def workers():
        found = [p for p in tree(master.pid)[1:] if b"spawn_main" in cmdline(p)]
        return found if len(finished(tmp_path)) >= 2 else []

    wait_for(workers)
    os.kill(workers()[0], signal.SIGKILL)
    shown, words = master.communicate(timeout=120)
    assert master.returncode == 0, words
    assert f"{COUNT} graded" in shown and "Traceback" not in words
    check_scores(tmp_path)


def cmdline(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def options(course, out, **kw):
    base = {
        "lab": str(course / "labs" / f"{NAME}.ipynb"),
        "submissions": course / "in",
        "out": out,
        "sandbox": choose("auto", allow_unsandboxed=True),
        "only": ("student00", "student01"),
        "seed": 4,
        "tell": lambda text: None,
    }
    return Options(**{**base, **kw})


def steady(out):
    """Return the stored results without their times, as text."""
    found = []
    for path in sorted(Path(out).glob("results/*.json")):
        data = json.loads(path.read_text())
        data.pop("time")
        found.append(json.dumps(data, sort_keys=True))
    return found


def test_same_seed_same_bytes_other_seed_graded_again(course, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    grade_class(options(course, one))
    grade_class(options(course, two))
    assert steady(one) == steady(two)
    told = []
    grade_class(options(course, one, tell=told.append))
    assert told == ["2 of 2 are graded already."]
    told.clear()
    grade_class(options(course, one, tell=told.append, seed=None))  # the seed is kept
    assert told == ["2 of 2 are graded already."]
    grade_class(options(course, two, tell=told.append, seed=5))
    assert len(told) == 1 and steady(one) != steady(two)


def test_a_changed_lab_invalidates_and_says_so(course, tmp_path):
    grade_class(options(course, tmp_path / "out"))
    source = course / "solutions" / f"{NAME}.py"
    old = source.read_text()
    told = []
    try:
        source.write_text(
            old.replace('check="count" points=3', 'check="count" points=5')
        )
        found = grade_class(options(course, tmp_path / "out", tell=told.append))
    finally:
        source.write_text(old)
    assert told == ["The lab has changed: 2 older results are no longer valid."]
    assert [r["score"] for r in found] == [7, 12]


def test_a_changed_submission_is_graded_again(course, tmp_path):
    lab = course / "labs" / f"{NAME}.ipynb"
    place = tmp_path / "in"
    submit(place, "ann", answered(lab, RIGHT))
    run = options(course, tmp_path / "out", submissions=place, only=())
    assert grade_class(run)[0]["score"] == 10
    submit(place, "ann", answered(lab, {**RIGHT, "double": WRONG}))
    assert grade_class(run)[0]["score"] == 6


def test_one_grader_per_output_folder(course, tmp_path):
    with (
        lock(tmp_path),
        pytest.raises(UserError, match="another grader is working"),
    ):
        grade_class(options(course, tmp_path))


class Threads(ThreadPoolExecutor):
    """An executor in this process, so that its failures can be arranged."""


@pytest.fixture
def here(monkeypatch):
    """Let units run in this process."""
    import contextlib

    @contextlib.contextmanager
    def executors(options):
        yield lambda: Threads(1), 1

    monkeypatch.setattr(module, "_executors", executors)


def test_a_full_disk_is_no_score(course, tmp_path, here, monkeypatch):
    real, full = result.write, [True]

    def write(path, *args, **kw):
        if full and path.parent.name == "results":
            with monkeypatch.context() as patch:
                patch.setattr(result.os, "fsync", no_space)
                return real(path, *args, **kw)
        return real(path, *args, **kw)

    def no_space(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(result, "write", write)
    run = options(course, tmp_path, only=("student01",))
    found = grade_class(run)[0]
    assert (found["state"], found["score"]) == ("infra_error", None)
    assert "No space left" in found["reason"]
    assert not finished(tmp_path) and not list(tmp_path.glob("results/.new-*"))
    full.clear()
    assert grade_class(run)[0]["score"] == 10


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_the_graders_own_failure_is_tried_again(
    course, tmp_path, here, monkeypatch, failures
):
    from grader import unit

    real, calls = unit._grade, []

    def flaky(*args):
        calls.append(1)
        if len(calls) <= failures:
            raise InfraError("the sandbox is gone")
        return real(*args)

    monkeypatch.setattr(unit, "_grade", flaky)
    found = grade_class(options(course, tmp_path, only=("student01",)))[0]
    if failures < module.TRIES:
        assert found["score"] == 10 and len(calls) == failures + 1
        return
    assert (found["state"], found["score"]) == ("infra_error", None)
    assert found["reason"] == "the sandbox is gone"
    to_csv([found], tmp_path / "s.csv")
    assert ",infra_error,,10," in (tmp_path / "s.csv").read_text()
    assert "This is not a score of 0" in page(found) and number(found["score"]) == ""
    with pytest.raises(UserError, match="not graded"):
        gradescope(found)
    again = grade_class(options(course, tmp_path, only=("student01",)))[0]
    assert again["score"] == 10  # the next run tries it again


def test_a_kernel_that_does_not_start_is_no_score(course, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TRIES", 1)
    run = options(course, tmp_path, only=("student01",))
    assert grade_class(run)[0]["state"] == "graded"
    for path in tmp_path.glob(".state/context-*.json"):
        data = json.loads(path.read_text())
        data["sandbox"]["packages"] = ["no_such_package"]
        path.write_text(json.dumps(data))
    run.force = True
    found = grade_class(run)[0]
    assert (found["state"], found["score"]) == ("infra_error", None)
    assert "no_such_package" in found["reason"]


@pytest.mark.skipif(not NO_SANDBOX, reason="a sandbox works here")
def test_without_a_sandbox_it_refuses():
    with pytest.raises(UserError, match="no sandbox works here"):
        choose("auto")


def test_unsandboxed_results_say_so(course, tmp_path):
    with pytest.raises(UserError, match="--allow-unsandboxed"):
        choose("none")
    box = choose("none", allow_unsandboxed=True)
    run = options(course, tmp_path, sandbox=box, only=("student01",))
    found = grade_class(run)[0]
    assert found["sandboxed"] is False
    assert "Graded without a sandbox." in page(found)
    assert "Graded without a sandbox." in gradescope(found)["output"]
    to_csv([found], tmp_path / "s.csv")
    assert "graded without a sandbox" in (tmp_path / "s.csv").read_text()


def test_auto_fails_closed(monkeypatch):
    from grader import sandbox

    monkeypatch.setattr(sandbox, "bwrap_problem", lambda: "bubblewrap is missing")
    with pytest.raises(UserError, match="no sandbox works here: bubblewrap is missing"):
        choose("auto")
    with pytest.raises(UserError, match="no sandbox works"):
        choose("bwrap", allow_unsandboxed=True)
    assert choose("auto", allow_unsandboxed=True).kind == "none"


@pytest.mark.slow
def test_a_dask_cluster_loses_a_worker(course, tmp_path):
    """A class of 50 on two worker processes, one of them killed half-way."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    lab = course / "labs" / f"{NAME}.ipynb"
    for i in range(50):
        answers = {**RIGHT, "double": WRONG} if i % 2 else RIGHT
        submit(tmp_path / "in", f"s{i:02}", answered(lab, answers))
    file = tmp_path / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def start(what, *more):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *more]
        command.append("--no-dashboard")
        return subprocess.Popen(command, env=environment, cwd=tmp_path, **quiet)

    where = ["--scheduler-file", str(file)]
    processes = [start("scheduler", *where, "--port", "0", "--host", "127.0.0.1")]
    try:
        wait_for(file.exists)
        address = json.loads(file.read_text())["address"]
        one = ["--nthreads", "1", "--no-nanny", *where]
        processes += [start("worker", *one), start("worker", *one)]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        out = tmp_path / "out"
        run = options(course, out, submissions=tmp_path / "in", only=(), dask=address)
        with ThreadPoolExecutor(1) as background:
            done = background.submit(grade_class, run)
            wait_for(lambda: len(finished(out)) >= 20 or done.done(), 120)
            processes[1].kill()
            found = done.result(timeout=240)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert len(found) == len(finished(out)) == 50
    assert [r["score"] for r in found] == [10, 6] * 25
    assert all(r["state"] == "graded" for r in found)

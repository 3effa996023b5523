"""Limits of time in a kernel: waiting for a free core does not count, up to a bound."""

import os
import subprocess
import sys
import time

import pytest
from grader_course import some_sandbox

from grader import processes
from grader.execute import execute
from grader.kernel import PATIENCE, Kernel, KernelLostError
from grader.limits import Limits

NAP = "import time; time.sleep(1.2); print('done')"


@pytest.fixture
def kernel(tmp_path):
    kernel = Kernel(some_sandbox(), Limits(cell=0.6, total=30), tmp_path)
    yield kernel
    kernel.stop()


def waiting(monkeypatch, share):
    """Let the kernel have waited for a core for a share of the time since now."""
    start = time.monotonic()
    monkeypatch.setattr(
        processes, "waited", lambda pid: share * (time.monotonic() - start)
    )


def test_a_cell_that_had_its_core_is_stopped_at_the_limit(kernel, monkeypatch):
    waiting(monkeypatch, 0)
    with pytest.raises(KernelLostError, match="timeout"):
        execute(kernel, NAP, 0.6)


def test_a_cell_that_waited_for_a_core_may_go_on(kernel, monkeypatch):
    waiting(monkeypatch, 0.9)
    assert "done" in execute(kernel, NAP, 0.6)[0]["text"]


def test_no_cell_goes_on_for_ever(kernel, monkeypatch):
    waiting(monkeypatch, 1)
    begun = time.monotonic()
    with pytest.raises(KernelLostError, match="timeout"):
        execute(kernel, "while True: pass", 0.6)
    assert time.monotonic() - begun > PATIENCE * 0.6


def test_the_limit_of_the_whole_notebook_waits_as_well(kernel, monkeypatch):
    waiting(monkeypatch, 0.9)
    kernel.deadline = time.monotonic() + 0.6
    assert "done" in execute(kernel, NAP, 20)[0]["text"]


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="no schedstat")
def test_processes_that_share_a_core_wait_for_it():
    core = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"
    pair = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    try:
        end = time.monotonic() + 30
        while any(processes.waited(p.pid) < 0.3 for p in pair):
            assert time.monotonic() < end, "nobody waits"
            time.sleep(0.1)
    finally:
        for p in pair:
            p.kill()
            p.wait()

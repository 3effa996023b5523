"""The benchmark runs, and its contenders do the same work. No time is asserted."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from backends import needs_torch

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    """Import the scripts the way `python benchmarks/run.py` finds them."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import run
        import steps
    finally:
        sys.path.remove(str(BENCHMARKS))
    return run, steps


def after(pair, n=3):
    step, weights = pair
    start = weights()
    for _ in range(n):
        step()
    assert not np.array_equal(weights(), start)
    return weights()


@needs_torch
@pytest.mark.parametrize("opt", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("name", "shape"), [("tiny", (32, 64)), ("lenet", (4, 1, 28, 28))]
)
def test_torch_does_the_same_work(bench, name, shape, opt):
    steps = bench[1]
    x, y = steps.batch(shape)
    expected = after(steps.torch_step(name, x, y, opt=opt))
    for device in ("cpu", "torch"):
        ours = after(steps.nnlib_step(name, x, y, opt=opt, device=device))
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=2e-5)


@needs_torch
def test_stacks_do_the_same_work(bench):
    steps = bench[1]
    x, y = steps.batch((3, 8, 64))
    expected = after(steps.nnlib_loop("tiny", x, y))
    for pair in (
        steps.nnlib_step("tiny", x, y, lead=(3,)),
        steps.torch_loop("tiny", x, y),
        steps.torch_vmap("tiny", x, y),
    ):
        np.testing.assert_allclose(after(pair), expected, rtol=1e-4, atol=1e-6)


def test_gemms_are_those_of_a_step(bench):
    """Three products per layer but for the first layer's input gradient."""
    steps = bench[1]
    step, _ = steps.gemms((5, 4, 3), 2)
    jobs = step.__closure__[0].cell_contents
    assert [out.shape for _, _, out in jobs] == [(2, 4), (5, 4), (2, 3), (4, 3), (2, 4)]
    step()
    for a, b, out in jobs:
        np.testing.assert_allclose(out, a @ b, rtol=1e-5)


def test_ratios_and_goals(bench):
    run = bench[0]
    times = {"a": [1.0, 2.0, 6.0], "b": [2.0, 2.0, 2.0]}
    slower = run.compare("a ÷ b", times, "a", "b", 1.0, 0.5)
    assert slower.ratio == 1.0  # the median of 0.5, 1, 3
    assert slower.spread == (0.75, 2.0)
    assert (slower.meets(1.0), slower.meets(0.5), slower.meets(None)) == (
        "yes",
        "no",
        "",
    )
    faster = run.compare("a faster", times, "b", "a", 1.0, 4.0, faster=True)
    assert (faster.ratio, faster.meets(1.0), faster.meets(4.0)) == (1.0, "yes", "no")
    absent = run.compare("a ÷ c", times, "a", "c", 1.0)
    assert absent.ratio is None
    assert absent.meets(1.0) == ""
    text = run.table([slower, faster, absent]).splitlines()
    assert text[2] == (
        "| a ÷ b | **1** | 0.75 – 2 | ≤ 1 yes | ≤ 0.5 no | a 2e+03 ms, b 2e+03 ms |"
    )
    assert "**1×**" in text[3]
    assert text[4] == "| a ÷ c | – |  | ≤ 1 |  | not installed |"


def test_turns_are_interleaved(bench):
    run = bench[0]
    log = []
    now = iter(np.arange(0, 1000, 0.5))
    contenders = {name: lambda name=name: log.append(name) for name in "ab"}
    times = run.turns(contenders, 4, lambda: next(now))
    assert log[:4] == ["a", "a", "b", "b"]  # warm-up
    assert log[4:] == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert times == {"a": [0.5] * 4, "b": [0.5] * 4}


@pytest.mark.slow
def test_one_round_of_everything(tmp_path):
    file = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "run.py", "--rounds", "1", "--json", file],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "measured goals reached" in done.stdout
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["machine"]["rounds"] == 1
    for result in report["results"]:
        assert f"| {result['what']} |" in done.stdout
        assert result["ratio"] is None or result["ratio"] > 0
        assert result["reached"] in ("yes", "no", "")
    assert sum(r["reach"] is not None for r in report["results"]) >= 24


def test_a_bad_number_of_rounds():
    command = [sys.executable, BENCHMARKS / "run.py", "--rounds", "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--rounds must be at least 1, not 0" in done.stderr

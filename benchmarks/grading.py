"""Measure grading: ``python benchmarks/grading.py --json grading.json``.

A class of right and wrong answers to a lab is graded through the command, once per
number of jobs. Reported: submissions per minute; CPU seconds per submission (what
remains comparable on a machine with other work); the largest memory of the grader, all
its processes together, without the kernels; and the time of `check` on a right answer.
``--torch`` also grades answers that import torch.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAB = "07_initialization"


def write_class(folder, count, extra=""):
    """Write submissions: right answers, every third one with an unanswered exercise."""
    right = json.loads((ROOT / "solutions" / f"{LAB}.ipynb").read_text())
    open_ = json.loads((ROOT / "labs" / f"{LAB}.ipynb").read_text())
    stubs = {c["id"]: c["source"] for c in open_["cells"]}
    folder.mkdir(parents=True)
    for i in range(count):
        cells = [dict(c) for c in right["cells"]]
        for cell in cells:
            if i % 3 == 0 and cell["id"] == "lsuv":
                cell["source"] = stubs["lsuv"]
            if cell["id"] == "fans":
                cell["source"] = [extra, *cell["source"]]
        path = folder / f"student{i:03}.ipynb"
        path.write_text(json.dumps({**right, "cells": cells}))


def grader_memory(pid):
    """Return the memory of the grader's own processes, shared pages counted once."""
    sys.path.insert(0, str(ROOT))
    from grader.processes import _share, children

    total = 0
    for p in [pid, *children(pid)]:
        total += _share(p)
    return total


def measure(folder, out, jobs):
    """Grade a class; return the numbers of one row."""
    command = [sys.executable, "-m", "grader", "grade", LAB, str(folder)]
    command += ["-o", str(out), "--jobs", str(jobs), "--seed", "1", "--quiet"]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--allow-unsandboxed"], cwd=ROOT)
    peak = [0]

    def watch():
        while process.poll() is None:
            peak[0] = max(peak[0], grader_memory(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - start
    watcher.join()
    if code:
        raise SystemExit(f"grading ended with code {code}")
    results = [json.loads(p.read_text()) for p in out.glob("results/*.json")]
    assert {r["score"] for r in results} <= {8.0, 10.0}
    cpu = [r["time"]["cpu"] for r in results]
    each = sorted(r["time"]["seconds"] for r in results)
    return {
        "jobs": jobs,
        "submissions": len(results),
        "sandbox": results[0]["sandbox"],
        "per minute": round(60 * len(results) / seconds, 1),
        "CPU s per submission": round(statistics.fmean(cpu), 2),
        "median s": round(each[len(each) // 2], 2),
        "grader MB": round(peak[0] / 2**20),
    }


def check_seconds():
    """Return the best of three runs of `check` on a right answer."""
    path = ROOT / "solutions" / f"{LAB}.ipynb"
    found = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "grader", "check", str(path)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        found.append(time.perf_counter() - start)
    return round(min(found), 2)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure grading.")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, os.cpu_count() or 1])
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rows = []
    with tempfile.TemporaryDirectory() as place:
        kinds = {"NumPy": ""} | ({"torch": "import torch\n"} if options.torch else {})
        for kind, extra in kinds.items():
            write_class(Path(place) / kind, options.count, extra)
            for jobs in dict.fromkeys(options.jobs):
                out = Path(place) / f"out-{kind}-{jobs}"
                rows.append({"lab": kind, **measure(Path(place) / kind, out, jobs)})
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(str(v) for v in row.values()) + " |")
    check = check_seconds()
    print(f"\ncheck of a lab with right answers: {check} s")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if options.json:
        data = {"rows": rows, "check_seconds": check, "load": load}
        options.json.write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Measure how fast nnlib is, as ratios: ``python benchmarks/run.py --json out.json``.

All contenders of a row run in turns, A B C A B C …, in one process with one thread; a
ratio is taken within each round, and the median over the rounds is reported. Machines
differ and drift, ratios much less. torch and scikit-learn are optional.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

import one_thread  # noqa: F401
import steps

HERE = Path(__file__).parent
MIN_SECONDS = 0.02  # a contender's turn lasts at least that long
CORE = "from nnlib import data, losses, model, optim, train"


@dataclass
class Result:
    """One line of the table: a ratio, and what it was to reach."""

    what: str
    ratio: float | None
    reach: float | None = None
    stretch: float | None = None
    more_is_better: bool = False
    spread: tuple[float, float] | None = None  # quartiles of the rounds
    note: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def meets(self, goal):
        """Return "yes", "no", or "" where there is no goal or no measurement."""
        if goal is None or self.ratio is None:
            return ""
        good = self.ratio >= goal if self.more_is_better else self.ratio <= goal
        return "yes" if good else "no"


# ---- measuring ----------------------------------------------------------------------


def turns(contenders, rounds, clock):
    """Time contenders in turns; return name -> seconds per step, one per round."""
    calls = {}
    for name, step in contenders.items():
        step()
        start = clock()
        step()
        calls[name] = max(1, round(MIN_SECONDS / max(clock() - start, 1e-6)))
    times = {name: [] for name in contenders}
    names = list(contenders)
    for r in range(rounds):
        for name in names[r % len(names) :] + names[: r % len(names)]:
            step, n = contenders[name], calls[name]
            start = clock()
            for _ in range(n):
                step()
            times[name].append((clock() - start) / n)
    return times


def compare(what, times, a, b, reach=None, stretch=None, *, faster=False, note=""):
    """Return the row "a ÷ b" (time), or with ``faster`` how many times a is faster."""
    if a not in times or b not in times:
        return Result(what, None, reach, stretch, faster, note="not installed")
    pairs = zip(times[a], times[b], strict=True)
    ratios = [tb / ta if faster else ta / tb for ta, tb in pairs]
    quartiles = None
    if len(ratios) > 1:
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        quartiles = (low, high)
    seconds = {name: statistics.median(times[name]) for name in (a, b)}
    ratio = statistics.median(ratios)
    return Result(what, ratio, reach, stretch, faster, quartiles, note, seconds)


def child(*arguments):
    """Run children.py in a fresh process and return its number."""
    command = [sys.executable, str(HERE / "children.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def have_torch():
    """Say whether torch is installed, and keep it to one thread."""
    if steps.torch is None:
        return False
    steps.torch.set_num_threads(1)
    return True


# ---- the rows -----------------------------------------------------------------------


def mlp(rounds):
    """MLP 784-1500-1000-500-10, SGD."""
    for n in (32, 128, 512):
        x, y = steps.batch((n, 784))
        runs = {"nnlib": steps.nnlib_step("mlp", x, y)[0]}
        runs["matrix products"] = steps.gemms(steps.MLP, n)[0]
        if have_torch():
            runs["torch"] = steps.torch_step("mlp", x, y)[0]
            runs["nnlib on torch"] = steps.nnlib_step("mlp", x, y, device="torch")[0]
        times = turns(runs, rounds, time.process_time)
        name = f"MLP, B = {n}"
        yield compare(f"{name}: nnlib ÷ torch", times, "nnlib", "torch", 1.2, 1.05)
        goals = (1.25, 1.1) if n > 32 else ()
        own = f"{name}: nnlib ÷ its matrix products"
        yield compare(own, times, "nnlib", "matrix products", *goals)
        on_torch = f"{name}: nnlib on torch ÷ torch"
        yield compare(on_torch, times, "nnlib on torch", "torch", 1.15, 1.05)


def lenet(rounds):
    """LeNet on 28x28 images, SGD."""
    for n, reach, stretch in ((32, 1.4, 1.0), (128, 1.7, None), (512, 2.1, None)):
        x, y = steps.batch((n, 1, 28, 28))
        runs = {"nnlib": steps.nnlib_step("lenet", x, y)[0]}
        if have_torch():
            runs["torch"] = steps.torch_step("lenet", x, y)[0]
            runs["nnlib on torch"] = steps.nnlib_step("lenet", x, y, device="torch")[0]
        times = turns(runs, rounds, time.process_time)
        name = f"LeNet, B = {n}"
        yield compare(f"{name}: nnlib ÷ torch", times, "nnlib", "torch", reach, stretch)
        on_torch = f"{name}: nnlib on torch ÷ torch"
        yield compare(on_torch, times, "nnlib on torch", "torch", 2.0, 1.2)


def tiny(rounds):
    """Digits network 64-64-10, B = 32."""
    x, y = steps.batch((32, 64))
    runs = {
        "nnlib SGD": steps.nnlib_step("tiny", x, y)[0],
        "nnlib Adam": steps.nnlib_step("tiny", x, y, opt="adam")[0],
        "scikit-learn": steps.sklearn_step(x, y)[0],
    }
    if have_torch():
        runs["torch SGD"] = steps.torch_step("tiny", x, y)[0]
        runs["torch Adam"] = steps.torch_step("tiny", x, y, opt="adam")[0]
    times = turns(runs, rounds, time.process_time)
    for opt, reach in (("SGD", 4), ("Adam", 5)):
        what = f"64-64-10, B = 32: nnlib {opt} faster than torch {opt}"
        yield compare(
            what, times, f"nnlib {opt}", f"torch {opt}", reach, 6, faster=True
        )
    what = "64-64-10, B = 32: nnlib Adam faster than scikit-learn's MLPClassifier"
    yield compare(what, times, "nnlib Adam", "scikit-learn", faster=True)


def stacked(rounds, models=64):
    """64 digits networks at once, each on its own mini-batch of 32."""
    x, y = steps.batch((models, 32, 64))
    runs = {
        "stack": steps.nnlib_step("tiny", x, y, lead=(models,))[0],
        "nnlib loop": steps.nnlib_loop("tiny", x, y)[0],
    }
    if have_torch():
        runs["torch loop"] = steps.torch_loop("tiny", x, y)[0]
        runs["torch vmap"] = steps.torch_vmap("tiny", x, y)[0]
    times = turns(runs, rounds, time.process_time)
    name = f"{models} stacked models: faster than"
    goals = {"torch loop": (15, 20), "nnlib loop": (3, 4), "torch vmap": (1.5, 2)}
    for other, (reach, stretch) in goals.items():
        what = f"{name} {other}"
        yield compare(what, times, "stack", other, reach, stretch, faster=True)


def memory(rounds):
    """Peak memory that training adds, in fresh processes."""
    what = "MLP, B = 512: memory added, nnlib ÷ torch"
    if not Path("/proc/self/clear_refs").exists():
        yield Result(what, None, 0.6, 0.4, note="measured on Linux only")
        return
    rounds = min(rounds, 3)
    libraries = ["nnlib"] if steps.torch is None else ["nnlib", "torch"]
    for warm, goals in (("cold", (0.6, 0.4)), ("warm", ())):
        runs = {k: [child("memory", k, warm) for _ in range(rounds)] for k in libraries}
        label = what if warm == "cold" else f"{what}, after a first step"
        result = compare(label, runs, "nnlib", "torch", *goals)
        sizes = ", ".join(f"{k} {v:.0f} MiB" for k, v in result.seconds.items())
        result.note, result.seconds = sizes or result.note, {}
        yield result


def imports(rounds):
    """Seconds of processor time over ``import numpy``."""
    rounds = min(rounds, 7)
    for what, statement in (("import nnlib", "import nnlib"), (CORE, CORE)):
        extra = [child("import", statement) for _ in range(rounds)]
        note = "seconds over `import numpy`"
        yield Result(f"`{what}`", statistics.median(extra), 0.25, note=note)


def cuda(rounds):
    """Both networks on a GPU, against torch on the same GPU."""
    if not have_torch() or not steps.torch.cuda.is_available():
        for name, reach in (("MLP", 1.3), ("LeNet", 1.2)):
            what = f"{name} on CUDA: nnlib ÷ torch"
            yield Result(what, None, reach, 1.0, note="no CUDA device here")
        return

    def clock():
        steps.torch.cuda.synchronize()
        return time.perf_counter()

    for name, shape, reach in (("mlp", (784,), 1.3), ("lenet", (1, 28, 28), 1.2)):
        for n in (128, 512):
            x, y = steps.batch((n, *shape))
            runs = {
                "nnlib": steps.nnlib_step(name, x, y, device="cuda")[0],
                "torch": steps.torch_step(name, x, y, device="cuda")[0],
            }
            times = turns(runs, rounds, clock)
            label = "MLP" if name == "mlp" else "LeNet"
            what = f"{label} on CUDA, B = {n}: nnlib ÷ torch"
            yield compare(what, times, "nnlib", "torch", reach, 1.0)


ROWS = {f.__name__: f for f in (mlp, lenet, tiny, stacked, memory, imports, cuda)}


# ---- reporting ----------------------------------------------------------------------


def number(value, factor=False):
    """Write a ratio with three digits, and × where more is better."""
    text = f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{text}×" if factor else text


def row(result):
    """Return one result as a line of a Markdown table."""
    sign = "≥" if result.more_is_better else "≤"
    cells = [result.what]
    if result.ratio is None:
        cells.append("–")
    else:
        cells.append(f"**{number(result.ratio, result.more_is_better)}**")
    low_high = [number(v) for v in result.spread or ()]
    cells.append(" – ".join(low_high))
    for goal in (result.reach, result.stretch):
        wanted = "" if goal is None else f"{sign} {number(goal)}"
        cells.append(f"{wanted} {result.meets(goal)}".strip())
    times = ", ".join(f"{k} {1e3 * v:.3g} ms" for k, v in result.seconds.items())
    cells.append("; ".join(part for part in (times, result.note) if part))
    return "| " + " | ".join(cells) + " |"


def table(results):
    """Return all results as a Markdown table."""
    head = "| what | measured | quartiles | reach | stretch | medians |"
    return "\n".join([head, "|---|---|---|---|---|---|", *map(row, results)])


def processor():
    """Name the processor in general words."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine():
    """Describe where the numbers come from."""
    versions = {"python": platform.python_version()}
    for package in ("numpy", "torch", "array-api-compat", "scikit-learn"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "versions": versions,
    }


def main(arguments=None):
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25, help="turns (default 25)")
    parser.add_argument("--json", type=Path, help="write everything measured here")
    parser.add_argument(
        "--only", choices=ROWS, nargs="+", default=list(ROWS), help="some rows only"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    about = machine()
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    print(f"{about['date']}, {about['processor']}, {about['cores']} cores, {versions}")
    print(f"one thread, float32, {options.rounds} rounds, load {about['load']}\n")
    results = []
    for name in options.only:
        print(f"measuring {name} …", file=sys.stderr)
        results += ROWS[name](options.rounds)
    print(table(results))
    with_goal = [r for r in results if r.meets(r.reach)]
    reached = sum(r.meets(r.reach) == "yes" for r in with_goal)
    print(f"\n{reached} of {len(with_goal)} measured goals reached")
    if options.json:
        rows = [asdict(r) | {"reached": r.meets(r.reach)} for r in results]
        about["rounds"] = options.rounds
        text = json.dumps({"machine": about, "results": rows}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    return results


if __name__ == "__main__":
    main()

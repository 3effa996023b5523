"""Grade a class: which submissions are still to do, who does them, what is lost.

Workers are reached through the interface of `concurrent.futures`: a pool of processes
here, or a Dask cluster. Each writes its result itself, so whatever happens to this
process, a finished submission stays finished.
"""

import concurrent.futures as futures
import contextlib
import fcntl
import hashlib
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader import result, scratch
from grader.errors import UserError
from grader.lab import Lab, find
from grader.limits import Limits
from grader.processes import die_with_parent
from grader.sandbox import Sandbox
from grader.submissions import Entry, digest_source
from grader.submissions import find as find_submissions
from grader.unit import Unit, grade

TRIES = 3


@dataclass
class Options:
    """What `python -m grader grade` was asked for."""

    lab: str
    submissions: Path
    out: Path
    sandbox: Sandbox
    limits: Limits = field(default_factory=Limits)
    jobs: int = 1
    seed: int | None = None
    only: tuple[str, ...] = ()
    part: tuple[int, int] | None = None
    force: bool = False
    dask: str = ""
    tell: Callable[[str], None] = print
    progress: Callable[[int, int], Any] | None = None


@contextlib.contextmanager
def lock(out: Path) -> Iterator[None]:
    """Hold an output folder; the operating system lets go of it when we die."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = open(out / ".lock", "w")  # noqa: SIM115 - held until we end
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror}") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"another grader is working on {out}") from None
        yield


def grade_class(options: Options) -> list[dict[str, Any]]:
    """Grade what is not yet graded; return the results of all submissions asked for.

    Raises
    ------
    UserError
        If there is nothing to grade or the lab has a mistake.
    """
    source = find(options.lab)
    entries = find_submissions(options.submissions, source.stem)
    if options.only:
        known = {e.student for e in entries}
        if missing := [s for s in options.only if s not in known]:
            raise UserError(f"no submission of {', '.join(missing)}")
        entries = [e for e in entries if e.student in options.only]
    if options.part:
        k, n = options.part
        entries = entries[k - 1 :: n]
    with lock(options.out):
        scratch.sweep()
        for leftover in result.folder(options.out).glob(".new-*"):
            leftover.unlink(missing_ok=True)
        lab, seed, path = _prepare(options, source)
        units = [_unit(options, lab, seed, path, e) for e in entries]
        todo = [u for u in units if options.force or not _done(u)]
        _announce(options, lab, units, todo)
        try:
            fresh = Class(options, lab).run(todo)
        finally:
            scratch.sweep()
        return [
            fresh.get(u.target) or result.read(Path(u.target)) or _lost(u, lab)
            for u in units
        ]


def _prepare(options: Options, source: Path) -> tuple[Lab, int, Path]:
    """Compute the reference in a process of its own: this one is to stay small."""
    o = options
    with _one_process() as pool:
        task = pool.submit(_context, source, o.out, o.seed, o.limits, o.sandbox)
        return task.result()


def _context(*args: Any) -> tuple[Lab, int, Path]:
    from grader.context import prepare

    return prepare(*args)


def _unit(options: Options, lab: Lab, seed: int, path: Path, entry: Entry) -> Unit:
    own = hashlib.sha256(digest_source(entry)).hexdigest()
    key = result.key(own, lab.hash, seed, options.limits, options.sandbox.kind)
    target = result.folder(options.out) / f"{result.slug(entry.student)}.json"
    return Unit(entry, str(path), str(target.resolve()), key, own)


def _done(unit: Unit) -> bool:
    old = result.read(Path(unit.target))
    return bool(old and old["key"] == unit.key and old["state"] != "infra_error")


def _announce(options: Options, lab: Lab, units: list[Unit], todo: list[Unit]) -> None:
    old = [r for u in todo if (r := result.read(Path(u.target)))]
    stale = sum(r.get("lab_hash") != lab.hash for r in old)
    if stale:
        options.tell(f"The lab has changed: {stale} older results are no longer valid.")
    if len(units) > len(todo):
        options.tell(f"{len(units) - len(todo)} of {len(units)} are graded already.")


def _lost(unit: Unit, lab: Lab) -> dict[str, Any]:
    return result.new(unit.entry.student, lab, state="infra_error", reason="no result")


class Class:
    """The units of a run on their way through the workers."""

    def __init__(self, options: Options, lab: Lab) -> None:
        self.options, self.lab = options, lab
        self.tries: dict[str, int] = {}
        self.results: dict[str, dict[str, Any]] = {}

    def run(self, todo: list[Unit]) -> dict[str, dict[str, Any]]:
        """Return the results by target; interrupted runs keep what is finished."""
        total, left = len(todo), list(reversed(todo))
        with _executors(self.options) as (make, width):
            while left:
                pool = make()
                whole = False
                try:
                    whole = self._feed(pool, width, left, total)
                finally:
                    _discard(pool, whole)
        return self.results

    def _feed(self, pool: Any, width: int, left: list[Unit], total: int) -> bool:
        """Keep `width` units at work until all are done or the pool breaks."""
        at_work: dict[Any, Unit] = {}
        broken = False
        while at_work or (left and not broken):
            while left and len(at_work) < width and not broken:
                unit = left.pop()
                try:
                    at_work[pool.submit(grade, unit)] = unit
                except RuntimeError:  # the pool broke between two submits
                    left.append(unit)
                    broken = True
            if not at_work:
                break
            done, _ = futures.wait(at_work, return_when=futures.FIRST_COMPLETED)
            for future in done:
                unit = at_work.pop(future)
                broken |= self._settle(future, unit, left)
                if self.options.progress:
                    self.options.progress(len(self.results), total)
        return not broken

    def _settle(self, future: Any, unit: Unit, left: list[Unit]) -> bool:
        """Keep a result, or put the unit back; tell whether the pool is broken."""
        broken = False
        try:
            found = future.result()
        except (Exception, futures.CancelledError) as error:
            broken = isinstance(error, futures.BrokenExecutor)
            reason = f"the worker was lost ({type(error).__name__})"
            found = result.new(
                unit.entry.student, self.lab, state="infra_error", reason=reason
            )
            if old := result.read(Path(unit.target)):  # it had finished all the same
                found = old if old["key"] == unit.key else found
        if found["state"] == "infra_error":
            self.tries[unit.target] = self.tries.get(unit.target, 0) + 1
            if self.tries[unit.target] < TRIES:
                left.append(unit)
                return broken
        self.results[unit.target] = found
        return broken


def _start_worker() -> None:
    die_with_parent()
    # jsonschema imports this to check addresses with accents: half a second, 20 MB.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def _executors(options: Options) -> Iterator[tuple[Callable[[], Any], int]]:
    """Give a function that makes an executor, and how many units it can work on."""
    if options.dask:
        from grader.dask import cluster

        with cluster(options.dask) as (make, width):
            yield make, width
        return
    yield lambda: _processes(options.jobs), options.jobs


def _processes(count: int) -> futures.ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return futures.ProcessPoolExecutor(
        count, mp_context=spawn, initializer=_start_worker
    )


@contextlib.contextmanager
def _one_process() -> Iterator[futures.ProcessPoolExecutor]:
    pool, whole = _processes(1), False
    try:
        yield pool
        whole = True
    finally:
        _discard(pool, whole)


def _discard(pool: Any, whole: bool) -> None:
    """End a pool; at once, if it is broken or the run is interrupted."""
    if whole:
        pool.shutdown(wait=True)
        return
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        with contextlib.suppress(OSError, ValueError):
            process.kill()
            process.join(5)

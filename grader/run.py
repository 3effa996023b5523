"""Grade one submission: nbval executes and compares, in a kernel that is watched.

nbval's two classes are subclassed for four things: the kernel, comparing emitted values
with tolerances, going on after a kernel is lost (its exercise is lost, earlier cells
are replayed in a new kernel), and taking options from nothing but the rebuilt notebook.
"""

import collections
import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from grader.errors import InfraError
from grader.execute import emissions, error_of
from grader.job import Job
from grader.kernel import KernelLostError
from grader.limits import Limits
from grader.rebuild import Step, notebook
from grader.reference import Reference
from grader.sandbox import Sandbox
from grader.verdict import Seen


class GradedFile(IPyNbFile):
    """The rebuilt notebook of one submission."""

    job: Job

    @property
    def kernel(self) -> Any:
        """Return the kernel that nbval is to use."""
        return self.job.kernel

    def setup(self) -> None:
        """Start no kernel yet: a cell does when it needs one."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one item per cell; no option comes from a learner's comment."""
        cells = notebook(self.job.plan, self.job.reference.expected()).cells
        for number, (step, cell) in enumerate(zip(self.job.plan, cells, strict=True)):
            options = collections.defaultdict(bool, check=step.kind in CHECKED)
            item = GradedCell.from_parent(
                self,
                name=f"{step.name}#{number}",
                cell_num=number,
                cell=cell,
                options=options,
            )
            item.step = step
            yield item

    def teardown(self) -> None:
        """Stop the kernel."""
        self.job.drop()


CHECKED = ("public", "hidden")


class GradedCell(IPyNbCell):
    """One cell of it."""

    step: Step

    def setup(self) -> None:
        """Do not let one lost cell turn the later ones into expected failures."""

    def runtest(self) -> None:
        """Run the cell through nbval and remember what came out."""
        job, step = self.parent.job, self.step
        seen = job.seen[step.exercise]
        if job.failure or seen.trouble:
            return
        try:
            try:
                failed = self._run()
            except KernelLostError as lost:
                job.drop()
                if lost.code == "deadline" or not job.distrust(step, lost.code):
                    raise
                failed = self._run()  # perhaps it was the work of an exercise before
        except KernelLostError as lost:
            self._lost(lost.code)
            raise
        except InfraError as error:
            job.failure = error
            raise
        if failed:
            raise failed
        if step.kind in ("setup", "answer") and not seen.answer_error:
            job.good.append(step)

    def _run(self) -> NbCellError | None:
        job, step = self.parent.job, self.step
        seen = job.seen[step.exercise]
        self.test_outputs = None
        if job.kernel is None or not job.kernel.is_alive():
            job.drop()
            job.start()
        try:
            super().runtest()
        except NbCellError as error:
            outputs: list[Any] = self.test_outputs or []
            self._collect()
            stopped = error_of(outputs)
            if step.kind == "answer":
                seen.answer_error = stopped
            elif step.kind in CHECKED and stopped:
                seen.error, seen.where = stopped, step.kind
            if step.kind in CHECKED and seen.answer_error and not seen.values:
                job.drop()  # the answer has left nothing that works
            if not step.exercise and not job.answered():
                raise InfraError("a setup cell of the lab stopped") from None
            return error
        if step.kind == "answer" and job.kernel.reply.get("status") == "error":
            seen.answer_error = error_of([{"output_type": "error", **job.kernel.reply}])
        return None

    def _lost(self, code: str) -> None:
        job, step = self.parent.job, self.step
        job.drop()
        if code == "deadline":
            for name in {s.exercise for s in job.plan if s.exercise}:
                if not self._done(name):
                    job.seen[name].trouble = code
        elif not step.exercise:
            job.failure = InfraError(f"a setup cell of the lab ended: {code}")
        if step.exercise:
            seen = job.seen[step.exercise]
            seen.trouble, seen.where = code, step.kind

    def _done(self, exercise: str) -> bool:
        plan = self.parent.job.plan
        last = max(i for i, s in enumerate(plan) if s.exercise == exercise)
        return last < self.cell_num

    def compare_outputs(
        self, test: list[Any], ref: list[Any], skip_compare: Any = None
    ) -> bool:
        """Compare emitted values, and nothing else that a cell shows."""
        self._collect()
        self.comparison_traceback: list[str] = []
        rows = self.parent.job.reference.checks[self.step.exercise]
        values = self.parent.job.seen[self.step.exercise].values
        for check in rows:
            got = values.get(check.name, [])
            if check.hidden is (self.step.kind == "hidden") and (
                len(got) != 1 or "error" in got[0] or check.compare(got[0].get("value"))
            ):
                self.comparison_traceback.append(check.name)
        return not self.comparison_traceback

    def _collect(self) -> None:
        """Keep what this check cell emitted, for the checks of this cell only."""
        if self.step.kind not in CHECKED or self.test_outputs is None:
            return
        rows = self.parent.job.reference.checks[self.step.exercise]
        own = {c.name for c in rows if c.hidden is (self.step.kind == "hidden")}
        values = self.parent.job.seen[self.step.exercise].values
        for payload in emissions(self.test_outputs):
            if payload["name"] in own:
                values.setdefault(payload["name"], []).append(payload)
        self.test_outputs = None


class _Plugin:
    """Hands the job to pytest and keeps pytest silent."""

    def __init__(self, job: Job, path: Path) -> None:
        self.job, self.path = job, path

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        for name in ("terminalreporter", "logging-plugin"):
            plugin = config.pluginmanager.get_plugin(name)
            config.pluginmanager.unregister(plugin)

    def pytest_collect_file(self, file_path: Path, parent: Any) -> Any:
        if file_path != self.path:
            return None
        file = GradedFile.from_parent(parent, path=file_path)
        file.job = self.job
        return file


def run(
    plan: list[Step],
    reference: Reference,
    sandbox: Sandbox,
    limits: Limits,
    scratch: Path,
) -> dict[str, Seen]:
    """Run the rebuilt notebook and return what each exercise gave.

    Raises
    ------
    InfraError
        If the grader itself failed.
    """
    folder = Path(tempfile.mkdtemp(prefix="run", dir=scratch)).resolve()
    folder.chmod(0o711)  # for the user id of the kernel, on the way to its own folder
    path = folder / "lab.ipynb"
    path.write_text("")  # pytest wants a file; the notebook itself stays in memory
    job = Job(plan, reference, sandbox, limits, folder)
    plugins = ["nbval.plugin", "no:cacheprovider", "no:faulthandler", "no:junitxml"]
    options = [x for name in plugins for x in ("-p", name)]
    options += [
        "--disable-plugin-autoload",
        "-c",
        os.devnull,
        "--rootdir",
        str(folder),
        "--noconftest",
    ]
    options += ["--capture=no", "--tb=no", "--nbval-cell-timeout", str(limits.cell)]
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()) as told,
            contextlib.redirect_stderr(told),
        ):
            code = pytest.main([*options, str(path)], plugins=[_Plugin(job, path)])
    finally:
        job.drop()
        for leftover in (path, folder):
            with contextlib.suppress(OSError):
                leftover.unlink() if leftover is path else leftover.rmdir()
    if job.failure:
        raise InfraError(str(job.failure))
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        tail = (told.getvalue().strip().splitlines() or [""])[-1]
        raise InfraError(f"pytest ended with code {int(code)} {tail}".strip())
    return dict(job.seen)

"""One submission on its way: what has run, what was lost, and the kernel it is in."""

import collections
import time
from pathlib import Path

from grader.execute import execute
from grader.kernel import PATIENCE, Kernel, KernelLostError
from grader.limits import Limits
from grader.rebuild import Step
from grader.reference import Reference
from grader.sandbox import Sandbox
from grader.verdict import Seen


class Job:
    """One submission on its way through nbval."""

    def __init__(
        self,
        plan: list[Step],
        reference: Reference,
        sandbox: Sandbox,
        limits: Limits,
        scratch: Path,
    ) -> None:
        self.plan, self.reference = plan, reference
        self.sandbox, self.limits, self.scratch = sandbox, limits, scratch
        self.seen: dict[str, Seen] = collections.defaultdict(Seen)
        self.good: list[Step] = []  # to replay in a new kernel
        now = time.monotonic()
        self.end = now + limits.total
        self.latest = now + (1 + PATIENCE) * limits.total
        self.kernel: Kernel | None = None
        self.failure: Exception | None = None

    def start(self) -> None:
        """Start a kernel and bring it to where the last one was."""
        while self.kernel is None:
            kernel = Kernel(self.sandbox, self.limits, self.scratch)
            kernel.deadline = self.end
            at = 0
            try:
                for at, step in enumerate(self.good):  # noqa: B007
                    execute(kernel, step.source, self.limits.cell)
                self.kernel = kernel
            except KernelLostError as trouble:
                kernel.stop()
                if trouble.code == "deadline":
                    raise
                del self.good[at]
            except BaseException:
                kernel.stop()
                raise

    def answered(self) -> bool:
        """Tell whether a learner's code has run in this kernel."""
        return any(s.exercise for s in self.good)

    def distrust(self, step: Step, code: str) -> bool:
        """Leave answers out from now on; tell whether there were any.

        Those of lost exercises. If there are none and the process just ended, or if a
        cell of the lab itself was lost, all but the answer of the running exercise.
        """
        others = [s for s in self.good if s.exercise not in ("", step.exercise)]
        lost = [s for s in others if self.seen[s.exercise].trouble]
        if not lost and (code == "died" or not step.exercise):
            lost = others
        self.good = [s for s in self.good if s not in lost]
        return bool(lost)

    def drop(self) -> None:
        """Give the kernel up; the next cell starts another one."""
        if self.kernel is not None:
            self.end = min(self.end + self.kernel.waited(), self.latest)
            self.kernel.stop()
            self.kernel = None

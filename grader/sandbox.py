"""Ways to shut a learner's process in, and what each of them enforces.

======  ==============================================================================
bwrap   own process, network, IPC and mount namespaces made by bubblewrap, nothing of
        the machine visible but Python and the course's packages (read-only), private
        folders in memory; as root also an own user id per worker
uid     root only: an own user id per worker and the system-call filter (so no
        network), but every file that others may read can be read: keep solutions and
        results in folders with mode 0700
none    limits only
======  ==============================================================================

All of them set resource limits; bwrap and uid add the filter of `grader.seccomp`.
"""

import importlib.util
import os
import shutil
import site
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader import seccomp
from grader.errors import InfraError, UserError
from grader.limits import Limits

HOME = "/home/learner"
COURSE = "/course"
SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"]
ETC = ["ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime"]
KINDS = ("bwrap", "uid", "none")


@dataclass(frozen=True)
class Sandbox:
    """One way to start a learner's process.

    Parameters
    ----------
    kind : {"bwrap", "uid", "none"}
    packages : tuple of str
        Packages of the course that a lab may import.
    cwd : str
        Working folder of "none".
    """

    kind: str
    packages: tuple[str, ...] = ("nnlib",)
    cwd: str = ""

    def command(self, limits: Limits) -> tuple[list[str], dict[str, Any]]:
        """Return the command line in front of the launcher, and the launcher's part."""
        root = os.geteuid() == 0
        spec: dict[str, Any] = {
            "uid": 2_000_000 + os.getpid() if root and self.kind != "none" else 0,
            "filter": self.kind != "none" and seccomp.available(),
            "rlimits": self._rlimits(limits),
            "strict": self.kind != "none",
        }
        python = [sys.executable, "-I"]
        if self.kind != "bwrap":
            spec["path"] = sorted(
                {str(p.parent) for p in sources(self.packages).values()}
            )
            return [*python, str(Path(__file__).with_name("launcher.py"))], spec
        spec["path"] = [COURSE]
        launcher = f"{COURSE}/grader/launcher.py"
        return [*self._bwrap(limits, root), *python, launcher], spec

    def environment(self, home: str) -> dict[str, str]:
        """Return all environment variables of the process.

        Parameters
        ----------
        home : str
            A private folder, for "uid"; bwrap has its own inside.
        """
        own = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PIP_RETRIES": "0",
        }
        if self.kind == "none":
            return {**os.environ, **own}
        home = HOME if self.kind == "bwrap" else home
        own |= {"HOME": home, "TMPDIR": home, "IPYTHONDIR": f"{home}/.ipython"}
        for name in ("NNLIB_DEVICE", "NNLIB_DATA", "CUDA_VISIBLE_DEVICES"):
            if name in os.environ:
                own[name] = os.environ[name]
        return own

    def _rlimits(self, limits: Limits) -> dict[str, int]:
        values = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": 512}
        if self.kind != "none":
            values["RLIMIT_NPROC"] = limits.processes
            values["RLIMIT_FSIZE"] = limits.files
        if not os.environ.get("NNLIB_DEVICE", "cpu").startswith("cuda"):
            values["RLIMIT_AS"] = limits.memory
        return values

    def _bwrap(self, limits: Limits, root: bool) -> list[str]:
        args = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid"]
        args += ["--unshare-net", "--unshare-ipc", "--unshare-uts", "--hostname", "lab"]
        if root:
            args += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID"]
            args += ["--cap-add", "CAP_SETGID"]
        else:
            args += ["--unshare-user", "--disable-userns"]
        for folder in SYSTEM:
            if os.path.islink(folder):
                args += ["--symlink", os.readlink(folder), folder]
            elif os.path.isdir(folder):
                args += ["--ro-bind", folder, folder]
        args += ["--perms", "0755", "--dir", "/etc"]
        for name in ETC:
            args += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        size = ["--size", str(limits.files), "--perms", "1777"]
        args += [*size, "--tmpfs", "/tmp"]
        for target, source in self._binds().items():
            for parent in reversed(Path(target).parents[:-1]):
                if str(parent) != "/tmp":
                    args += ["--perms", "0755", "--dir", str(parent)]
            args += ["--ro-bind", str(source), target]
        args += ["--proc", "/proc", "--dev", "/dev"]
        args += [*size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
        args += ["--perms", "0755", "--dir", "/home"]
        args += [*size, "--tmpfs", HOME, "--remount-ro", "/", "--chdir", HOME]
        return args

    def _binds(self) -> dict[str, Path]:
        """Return what is seen inside besides the system: target to source."""
        prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
        prefixes.add(str(Path(sys.executable).resolve().parent.parent))
        prefixes |= {p for p in site.getsitepackages() if os.path.isdir(p)}
        if os.environ.get("NNLIB_DATA"):
            prefixes.add(os.environ["NNLIB_DATA"])
        binds: dict[str, Path] = {}
        for prefix in sorted(prefixes, key=len):
            inside = [*SYSTEM, *binds]
            if not any(Path(prefix).is_relative_to(known) for known in inside):
                binds[prefix] = Path(prefix)
        for name, source in sources(self.packages).items():
            binds[f"{COURSE}/{name}"] = source
        return binds


def sources(packages: tuple[str, ...]) -> dict[str, Path]:
    """Find the grader and the packages of the course, without importing them."""
    found = {}
    for name in ("grader", *packages):
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise InfraError(f"the package {name} is not installed here")
        found[name] = Path(next(iter(spec.submodule_search_locations))).resolve()
    return found


def choose(kind: str, *, allow_unsandboxed: bool = False) -> Sandbox:
    """Return the sandbox to use, or refuse.

    Parameters
    ----------
    kind : {"auto", "bwrap", "uid", "none"}
        ``auto`` is bwrap where it works, and else nothing unless it is allowed.

    Raises
    ------
    UserError
        If no sandbox works and running without one is not allowed.
    """
    advice = "see `python -m grader doctor`, or allow it with --allow-unsandboxed"
    if kind == "uid":
        if os.geteuid() != 0 or not seccomp.available():
            raise UserError(f"the sandbox 'uid' needs root on Linux; {advice}")
        return Sandbox("uid")
    if kind == "none":
        if not allow_unsandboxed:
            raise UserError(f"'none' runs the code of others unprotected; {advice}")
        return Sandbox("none")
    if problem := bwrap_problem():
        if kind == "auto" and allow_unsandboxed:
            return Sandbox("none")
        raise UserError(f"no sandbox works here: {problem}; {advice}")
    return Sandbox("bwrap")


def bwrap_problem() -> str:
    """Say why bubblewrap cannot be used here, or nothing."""
    import subprocess

    if sys.platform != "linux":
        return "bubblewrap needs Linux (use a Linux container or virtual machine)"
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed (the package is called bubblewrap)"
    command, _ = Sandbox("bwrap").command(Limits())
    inner = command[: command.index(sys.executable)]
    done = subprocess.run(
        [*inner, sys.executable, "-I", "-c", ""], capture_output=True, text=True
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["bubblewrap failed"])[-1]
    return ""

"""The process that becomes the kernel of a lab; it runs inside the sandbox.

It gives up what it must not have, limits itself, and then starts ipykernel on two
sockets that the grader has bound and handed over as open files. So the sandbox needs
no folder in common with the grader: everything it can write to lives in its memory.
"""

import json
import os
import resource
import sys
from typing import Any

SHELL, IOPUB = 1, 2


def restrict(spec: dict[str, Any]) -> None:
    """Set the limits of this process and its children, then become another user."""
    for name, value in spec["rlimits"].items():
        which = getattr(resource, name)
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (value, value))
        except (ValueError, OSError):
            if spec["strict"]:
                raise
    if spec["uid"]:
        os.setgroups([])
        os.setresgid(spec["uid"], spec["uid"], spec["uid"])
        os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    if spec["filter"]:
        from grader.seccomp import install

        install()


def serve(spec: dict[str, Any]) -> None:
    """Run ipykernel until it is killed."""
    from grader.lab_kernel import make

    app = make(spec, (SHELL, IOPUB))
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # from here on, the code of others writes
        os.dup2(quiet, stream)
    app.start()


def main() -> None:
    """Read the specification that `grader.kernel` wrote."""
    spec = json.loads(sys.argv[1])
    sys.argv = ["lab"]
    sys.path[:0] = spec["path"]
    restrict(spec)
    serve(spec)


if __name__ == "__main__":
    main()

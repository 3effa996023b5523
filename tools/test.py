"""Check everything: `python tools/test.py`.

Goes on after a step that fails, so that one run shows all there is to repair.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PYTEST = ["pytest", "-q", "-n", str(min(os.cpu_count() or 1, 8)), "--dist", "loadfile"]
STEPS = {
    "style": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "labs in sync": ["grader", "release", "--check"],
    # Built before the tests, which open its pages in a browser.
    "book": [str(ROOT / "tools" / "book.py")],
    "examples": ["pytest", "-q", "--doctest-modules", "nnlib", "grader", "book/_ext"],
    "unit tests and pages": [*PYTEST, "tests"],
    "notebooks": [*PYTEST, "--nbval-lax", "book", "solutions", "labs"],
}


def main() -> int:
    """Run every step; return 1 if one of them failed."""
    failed = []
    # The pages are built once, by the step before the tests that open them.
    environment = {**os.environ, "COURSE_BUILT": "1"}
    for name, command in STEPS.items():
        print(f"\ntest: {name}", flush=True)
        start = time.monotonic()
        module = [] if command[0].endswith(".py") else ["-m"]
        status = subprocess.run(
            [sys.executable, *module, *command], cwd=ROOT, env=environment, check=False
        ).returncode
        print(f"test: {name} took {time.monotonic() - start:.0f} s", flush=True)
        if status:
            failed.append(name)
    if failed:
        print(f"\ntest: failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    print("\ntest: everything passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

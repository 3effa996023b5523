"""The commands of the grader: ``python -m grader --help``."""

import os
import sys

if __name__ == "__main__":
    # The folder in which the command is started may hold submissions, with a file
    # called json.py among them: import nothing from there, here or in the workers.
    course = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [p for p in sys.path if p not in ("", os.getcwd())] + [course]
    os.environ["PYTHONSAFEPATH"] = "1"

import argparse
from pathlib import Path
from typing import Any

from grader.errors import InfraError, UserError

ROOT_HELP = "run it in the folder of the course"


def main(argv: list[str] | None = None) -> int:
    """Run one command; a user's mistake is one line on stderr and code 2."""
    options = _parser().parse_args(argv)
    try:
        return options.run(options)
    except UserError as error:
        print(f"grader: {error}", file=sys.stderr)
        return 2
    except InfraError as error:
        print(f"grader: {error}", file=sys.stderr)
        return 3
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"grader: {where}{error.strerror or error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("\ngrader: stopped; what is finished is kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grader", description="Release, check and grade labs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    p = commands.add_parser("release", help="solutions/*.py -> the notebooks")
    p.add_argument("labs", nargs="*", metavar="LAB", help="default: all")
    p.add_argument("--check", action="store_true", help="only compare with the files")
    p.set_defaults(run=_release)

    p = commands.add_parser("check", help="for learners: the public checks, in words")
    p.add_argument("notebook", type=Path)
    p.add_argument("--timeout-cell", type=_seconds, default=60.0, metavar="SECONDS")
    p.set_defaults(run=_check)

    p = commands.add_parser("grade", help="grade a file, a folder or a zip archive")
    p.add_argument("lab", help="for example 07_initialization")
    p.add_argument("submissions", type=Path)
    p.add_argument("-o", "--out", type=Path, required=True, help="folder of results")
    p.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    kinds = ("auto", "bwrap", "uid", "none")
    p.add_argument("--sandbox", choices=kinds, default="auto")
    p.add_argument("--allow-unsandboxed", action="store_true")
    p.add_argument("--timeout-cell", type=_seconds, default=20.0, metavar="SECONDS")
    p.add_argument("--timeout", type=_seconds, default=120.0, metavar="SECONDS")
    p.add_argument("--mem", default="4G", metavar="SIZE")
    p.add_argument("--seed", type=int, help="of the hidden inputs; default: drawn once")
    p.add_argument("--only", action="append", default=[], metavar="STUDENT")
    p.add_argument("--part", type=_part, metavar="K/N", help="every N-th submission")
    p.add_argument("--force", action="store_true", help="grade again what is graded")
    p.add_argument("--dask", default="", metavar="ADDRESS", help="of a Dask scheduler")
    p.add_argument("--quiet", action="store_true")
    p.set_defaults(run=_grade)

    p = commands.add_parser("export", help="results -> CSV, Gradescope, HTML")
    p.add_argument("out", type=Path, nargs="+", metavar="OUT", help="folder of results")
    p.add_argument("--csv", type=Path, metavar="FILE")
    p.add_argument("--gradescope", type=Path, metavar="FILE")
    p.add_argument("--html", type=Path, metavar="DIR")
    p.add_argument("--only", action="append", default=[], metavar="STUDENT")
    p.set_defaults(run=_export)

    p = commands.add_parser("doctor", help="what the sandbox enforces on this machine")
    p.add_argument("--sandbox", choices=("auto", "bwrap", "uid"), default="auto")
    p.set_defaults(run=_doctor)
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("must be more than 0 seconds")
    return value


def _part(text: str) -> tuple[int, int]:
    k, n = (int(x) for x in text.split("/"))
    if not 1 <= k <= n:
        raise argparse.ArgumentTypeError("write for example 2/5")
    return k, n


def _release(options: Any) -> int:
    from grader import scratch
    from grader.lab import find
    from grader.release import release

    root = Path.cwd()
    sources = [find(name) for name in options.labs]
    sources = sources or sorted(root.glob("solutions/*.py"))
    if not sources:
        raise UserError(f"no solutions/*.py here: {ROOT_HELP}")
    differ = []
    for source in sources:
        labs = source.parent.parent / "labs"
        for path, text in release(source, labs, scratch.folder()).items():
            old = path.read_text(encoding="utf-8") if path.is_file() else None
            if old == text:
                continue
            differ.append(path)
            if not options.check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in differ:
        verb = "is not what its source gives: run `make labs`" if options.check else "✓"
        print(f"{os.path.relpath(path)} {verb}")
    if not differ:
        print(f"{len(sources)} lab{'s' if len(sources) > 1 else ''}: up to date")
    return 1 if options.check and differ else 0


def _check(options: Any) -> int:
    if os.name != "posix":
        raise UserError(
            "this command needs Linux or macOS; in JupyterLab the check cells of a lab "
            "give the same answers on every system"
        )
    from grader.check import check

    lines, passed = check(options.notebook, options.timeout_cell)
    print("\n".join(lines))
    return 0 if passed else 1


def _grade(options: Any) -> int:
    from grader.command import grade_command

    return grade_command(options)


def _export(options: Any) -> int:
    from grader.command import export_command

    return export_command(options)


def _doctor(options: Any) -> int:
    from grader.doctor import doctor

    lines, sound = doctor(options.sandbox)
    print("\n".join(lines))
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())

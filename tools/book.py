"""Build the book: `python tools/book.py`.

First every page whose outputs are not cached is executed, several at a time, then
Jupyter Book lays out the pages from the cache. Prints the page to open.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CELL_TIMEOUT = 300  # seconds; a chapter is to stay below 60 in all


class BuildError(Exception):
    """A mistake that one line can tell."""


def pages_of(root: Path) -> list[Path]:
    """Return the pages that _toc.yml lists, in order."""
    from sphinx_external_toc.parsing import parse_toc_yaml

    try:
        site = parse_toc_yaml(root / "_toc.yml")
    except FileNotFoundError:
        raise BuildError(f"there is no _toc.yml in {root}") from None
    except Exception as error:
        reason = " ".join(str(error).split())
        raise BuildError(f"_toc.yml cannot be read: {reason}") from None
    pages = [root / f"{name}.md" for name in site]
    for page in pages:
        if not page.is_file():
            name = page.relative_to(root)
            raise BuildError(f"_toc.yml lists {name}, which does not exist")
    return pages


def read_notebook(page: Path):
    """Read a page as MyST-NB does; None for a page without code."""
    from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook

    text = page.read_text(encoding="utf-8")
    if not is_myst_markdown_notebook(text):
        return None
    try:
        notebook = read_myst_markdown_notebook(text, path=page)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise BuildError(f"{page.name} cannot be read: {reason}") from None
    return notebook if any(c.cell_type == "code" for c in notebook.cells) else None


def open_cache(root: Path, build: Path):
    """Open the cache for the present state of the library; drop all but the last two.

    An old state comes back when a change is undone, so one of them is worth keeping.
    """
    from jupyter_cache import get_cache

    sys.path.insert(0, str(root / "book" / "_ext"))
    from course_cache import cache_folder, library_key

    os.environ["COURSE_LIBRARY_KEY"] = library_key(root)
    folder = cache_folder(root, build)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
        os.utime(folder)
        others = sorted(folder.parent.iterdir(), key=lambda p: p.stat().st_mtime)
        for old in others[:-2]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise BuildError(f"cannot write to {folder}: {error.strerror}") from None
    return get_cache(folder)


def first_error(notebook) -> str:
    """Describe the first failing cell of a notebook in one line."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                message = " ".join(output.evalue.split())
                return f"code cell {number}: {output.ename}: {message}"
    return "a cell ran out of time or the kernel died"


def run_page(page: Path, notebook, build: Path):
    """Execute one page; return (notebook, seconds, problem or None)."""
    from jupyter_cache.executors.utils import single_nb_execution

    start = time.monotonic()
    log = build / "errors" / f"{page.stem}.txt"
    log.unlink(missing_ok=True)
    try:
        result = single_nb_execution(
            notebook,
            cwd=str(page.parent),
            timeout=CELL_TIMEOUT,
            allow_errors=False,
            extra_arguments=["--log-level=ERROR"],
        )
        failure, text = result.err, result.exc_string or ""
    except Exception as error:  # a kernel that did not start or that died
        failure, text = error, str(error)
    seconds = time.monotonic() - start
    if failure is None:
        return notebook, seconds, None
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text, encoding="utf-8")
    return notebook, seconds, f"{first_error(notebook)} (traceback in {log})"


def fill_cache(root: Path, build: Path, pages: list[Path], jobs: int) -> None:
    """Execute every page whose outputs are not cached yet."""
    from jupyter_cache.base import CacheBundleIn

    cache = open_cache(root, build)
    waiting = []
    for page in pages:
        notebook = read_notebook(page)
        if notebook is None:
            continue
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            waiting.append((page, notebook))
    problems = []
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        for (page, _), (notebook, seconds, problem) in zip(
            waiting,
            pool.map(lambda job: run_page(*job, build), waiting),
            strict=True,
        ):
            name = page.relative_to(root)
            if problem:
                problems.append(f"{name}: {problem}")
                continue
            cache.cache_notebook_bundle(
                CacheBundleIn(notebook, str(page), data={"execution_seconds": seconds}),
                check_validity=False,
                overwrite=True,
            )
            print(f"book: executed {name} in {seconds:.0f} s", flush=True)
    if problems:
        raise BuildError("\nbook: ".join(problems))


def lay_out(root: Path, output: Path) -> None:
    """Run Jupyter Book; every warning is an error."""
    build = output / "_build"
    log = build / "build.log"
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", str(root), "--path-output", str(output)]
    command += ["-W", "-n", "--keep-going"]
    with log.open("w", encoding="utf-8") as file:
        status = subprocess.run(command, stdout=file, check=False).returncode
    if status:
        # Sphinx forgets the warnings of pages it has read: have it read them again.
        shutil.rmtree(build / ".doctrees", ignore_errors=True)
        raise BuildError(f"Jupyter Book reported problems (above, and in {log})")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of _toc.yml")
    parser.add_argument("--output", type=Path, help="folder that gets _build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    output = (arguments.output or root).resolve()
    # Several kernels run at once: one thread each. All outputs are for a static page.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ["NNLIB_STATIC"] = "1"
    try:
        fill_cache(root, output / "_build", pages_of(root), max(1, arguments.jobs))
        lay_out(root, output)
    except BuildError as error:
        print(f"book: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("book: interrupted", file=sys.stderr)
        return 130
    index = output / "_build" / "html" / "index.html"
    print(f"The book is built. Open\n    {index}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

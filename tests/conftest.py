"""What the tests of the book share: the built pages and a browser to open them in."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def load_tool(name):
    """Import a script of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def root():
    """Return the folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def built_book(tmp_path_factory):
    """Return the folder of the built pages, brought up to date.

    ``COURSE_OUTPUT`` names another folder for ``_build``; ``COURSE_BUILT=1`` says that
    the book is up to date.
    """
    output = Path(os.environ.get("COURSE_OUTPUT", ROOT))
    html = output / "_build" / "html"
    if os.environ.get("COURSE_BUILT") != "1":
        from filelock import FileLock

        # Test processes share the folder: one builds, the others find it done.
        shared = tmp_path_factory.getbasetemp()
        if "PYTEST_XDIST_WORKER" in os.environ:
            shared = shared.parent
        done = shared / "book-built"
        with FileLock(f"{done}.lock"):
            if not done.exists():
                command = [sys.executable, ROOT / "tools" / "book.py"]
                subprocess.run([*command, "--output", output], check=True)
                done.touch()
    assert (html / "index.html").is_file(), "the book is not built: run `make book`"
    return html


@pytest.fixture(scope="session")
def browser():
    """Return a headless browser of the machine; without one, skip, but not in CI."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        message = "no Chromium, Chrome or Edge on this machine: pages are not tested"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def watch(page, scripts=True):
    """Note on the page everything that must not happen; see `open_page`."""
    page.problems = []

    def request(event):
        if not event.url.startswith(("file:", "data:", "blob:")):
            page.problems.append(f"asks another host: {event.url}")

    def console(event):
        if event.type in ("error", "warning"):
            page.problems.append(f"console {event.type}: {event.text}")

    def failed(event):
        if scripts or event.resource_type != "script":
            page.problems.append(f"cannot load {event.url}")

    page.on("request", request)
    page.on("requestfailed", failed)
    page.on("console", console)
    page.on("pageerror", lambda error: page.problems.append(f"page error: {error}"))
    return page


@pytest.fixture
def open_page(browser, built_book):
    """Return a function that opens a page of the book by its name.

    ``open_page("book/intro", color_scheme="dark", viewport=…)``; further keywords go to
    the browser's context. The test fails when a page asks another host, misses a file,
    or writes an error or a warning to the console.
    """
    contexts, pages = [], []

    def open_(name, *, width=1280, height=900, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height}, **options
        )
        contexts.append(context)
        page = watch(context.new_page(), options.get("java_script_enabled", True))
        pages.append(page)
        path, hash_, fragment = name.partition("#")
        page.goto((built_book / f"{path}.html").as_uri() + hash_ + fragment)
        page.wait_for_load_state("networkidle")
        return page

    yield open_
    problems = [problem for page in pages for problem in page.problems]
    for context in contexts:
        context.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def page(browser):
    """Return an empty page; like `open_page`, it fails the test on any problem."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = watch(context.new_page())
    yield page
    context.close()
    assert not page.problems, "\n".join(page.problems)

"""Sphinx extension: publish ``nnlib/explore.js`` on the pages of the book.

Pages are opened from disk, too, where a browser refuses ES modules.  The module is
therefore published as a classic deferred script: the same text inside a function,
with ``mountAll()`` in place of its ``export`` line.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

EXPORT = "export default { render };"
NAMES = ("nnlib-explore.js", "nnlib-explore.css")


def library() -> Path:
    """Return the folder of nnlib, found without running it."""
    spec = importlib.util.find_spec("nnlib")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("nnlib is not installed: run `pip install -e .`")
    return Path(next(iter(spec.submodule_search_locations)))


def classic(module: str) -> str:
    """Return the ES module as a classic script that mounts every explorer."""
    if module.count(EXPORT) != 1:
        raise ValueError(f"explore.js must hold the line {EXPORT!r} exactly once")
    body = module.replace(EXPORT, "mountAll();")
    return f'(() => {{\n"use strict";\n{body}}})();\n'


def publish(app: Sphinx) -> None:
    """Write script and style into a folder of static files of this build."""
    folder = Path(app.doctreedir) / "nnlib-static"
    folder.mkdir(parents=True, exist_ok=True)
    source = library()
    script = classic((source / "explore.js").read_text(encoding="utf-8"))
    style = (source / "explore.css").read_text(encoding="utf-8")
    for name, text in zip(NAMES, (script, style), strict=True):
        target = folder / name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
    app.config.html_static_path.append(str(folder))
    app.add_js_file(NAMES[0], loading_method="defer")
    app.add_css_file(NAMES[1])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", publish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

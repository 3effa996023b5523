"""Files that the pages need, all of them local, and repairs of the theme's pages."""

import importlib.util
import shutil
from pathlib import Path

MATHJAX_FILES = ("tex-svg.js", "input/tex/extensions")


def mathjax_folder():
    """Return the folder of MathJax in the package sphinx-mathjax-offline."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    return Path(spec.submodule_search_locations[0]) / "static" / "mathjax"


def copy_mathjax(app, exception):
    """Copy the parts of MathJax that a page can load (SVG output needs no fonts)."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in MATHJAX_FILES:
        source = mathjax_folder() / name
        if source.is_dir():
            shutil.copytree(source, target / name, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def remove_stale_pages(app, exception):
    """Delete pages whose source is gone, so that nothing links to them any more."""
    if exception or app.builder.format != "html":
        return
    outdir = Path(app.outdir)
    known = {*app.env.found_docs, "index", "search", "genindex"}
    for page in outdir.rglob("*.html"):
        name = page.relative_to(outdir).with_suffix("").as_posix()
        if not name.startswith("_") and name not in known:
            page.unlink()


REPAIRS = {
    # The entries of a bibliography get the role that their list asks for.
    'role="doc-biblioentry"': 'role="listitem"',
    # A folded cell is called what it shows.
    ' aria-label="Toggle hidden content"': "",
}


def repair_labels(app, pagename, templatename, context, doctree):
    """Correct what screen readers are told."""
    for old, new in REPAIRS.items():
        if "body" in context:
            context["body"] = context["body"].replace(old, new)


def setup(app):
    """Register the hooks with Sphinx."""
    app.connect("html-page-context", repair_labels)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", remove_stale_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

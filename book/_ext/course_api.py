"""The library's reference: docstrings as pages, and links that find their object.

In a docstring, `name` in single backticks is a link where the name is an object of the
library, and plain code where it is not (a parameter, a symbol). So it is in the text of
a chapter for the names that its cells import. A page can also link with
``{py:func}`nnlib.losses.softmax_cross_entropy``` and name an object by any module that
offers it: ``nnlib.optim.Adam`` is found where it is written, in `nnlib.adaptive`.
"""

import ast
import builtins
import re
from importlib import import_module
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.domains.python import PyXRefRole
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import make_refnode
from sphinx_codeautolink.extension import SphinxCodeAutoLink
from sphinx_codeautolink.extension.directive import PrefaceMarker

import nnlib

DEFAULTS = {
    "autodoc_default_options": {"members": True, "ignore-module-all": True},
    "autodoc_member_order": "bysource",
    "autodoc_typehints": "none",  # the docstrings say more: shapes, units, ranges
    "autodoc_inherit_docstrings": False,
    "autodoc_preserve_defaults": True,
    "napoleon_google_docstring": False,
    "napoleon_use_param": False,
    "napoleon_use_rtype": False,
    "napoleon_custom_sections": [("Attributes", "params_style")],
    "add_module_names": False,
    "toc_object_entries_show_parents": "hide",
    "default_role": "py:maybe",
    "codeautolink_disable_link_titles": True,  # each one would be parsed: slow
}
NO_LINKS = (nodes.title, nodes.reference, addnodes.pending_xref)


class MaybeRole(PyXRefRole):
    """A link to a Python object if there is one of that name, else plain code."""

    def create_xref_node(self):
        """Mark the reference, so that a miss is no mistake."""
        children, messages = super().create_xref_node()
        for node in children:
            node["reftype"] = "obj"
            node["course_maybe"] = True
        return children, messages


def imported(document):
    """Return what the Python cells of a page import from the library: name to path."""
    names = {}
    for block in document.findall(nodes.literal_block):
        if block.get("language") != "ipython3":
            continue
        try:
            tree = ast.parse(block.astext())
        except SyntaxError:  # an IPython command, or lines for the eye only
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "nnlib"
            ):
                for alias in node.names:
                    path = f"{node.module}.{alias.name}"
                    names[alias.asname or alias.name] = path
    return names


class LinkNames(SphinxTransform):
    """Link names to what the cells of a page import, in its text and in its cells.

    The cells are left to sphinx-codeautolink, which reads them one by one and has to be
    told what the first one imports.
    """

    default_priority = 500

    def apply(self, **kwargs):
        """Wrap each fitting piece of code in a reference that may stay unresolved."""
        names = imported(self.document)
        if names:
            lines = [
                "from {0} import {2} as {name}".format(*path.rpartition("."), name=name)
                for name, path in names.items()
            ]
            self.document.insert(0, PrefaceMarker("\n".join(lines), "file"))
        for literal in list(self.document.findall(nodes.literal)):
            first, *rest = literal.astext().removesuffix("()").split(".")
            path = "nnlib" if first == "nnlib" else names.get(first)
            if path is None or not all(part.isidentifier() for part in rest):
                continue
            if not rest and path.count(".") < 2:  # "data" is mostly a variable
                continue
            if any(isinstance(parent, NO_LINKS) for parent in ancestors(literal)):
                continue
            link = addnodes.pending_xref(
                "",
                refdomain="py",
                reftype="obj",
                reftarget=".".join([path, *rest]),
                refdoc=self.env.docname,
                refexplicit=True,
                course_maybe=True,
            )
            literal.replace_self(link)
            link += literal


def ancestors(node):
    """Yield the nodes around a node, from the inside out."""
    while node.parent is not None:
        node = node.parent
        yield node


def find_elsewhere(app, env, node, content):
    """Resolve what Python's domain did not: re-exported names, built-ins, mere code."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    domain = env.get_domain("py")
    module, _, name = target.rpartition(".")
    if module.startswith("nnlib"):
        try:
            found = getattr(import_module(module), name)
            real = f"{found.__module__}.{found.__qualname__}"
        except (ImportError, AttributeError):
            real = ""
        if real in domain.objects:
            entry = domain.objects[real]
            return make_refnode(
                app.builder, node["refdoc"], entry.docname, entry.node_id, content, real
            )
    if node.get("course_maybe") or hasattr(builtins, target):
        return content
    return None


def escape_stars(app, what, name, obj, options, lines):
    """Keep ``(*lead, P)``, a shape, from being read as the start of emphasis."""
    for i, line in enumerate(lines):
        parts = line.split("``")  # every second one is code
        parts[::2] = [re.sub(r"([(,] ?)\*(?=\w)", r"\1\\*", p) for p in parts[::2]]
        lines[i] = "``".join(parts)


def use_defaults(app, config):
    """Set how docstrings are read."""
    for name, value in DEFAULTS.items():
        config[name] = value


def link_written_page(app, pagename, templatename, context, doctree):
    """Have the cells of every page linked that is written, not only of those read anew.

    A new file beside the pages has all of them written again, although none is out of
    date. Links are put in at the end, and only where this set says so.
    """
    for listener in app.events.listeners["build-finished"]:
        state = getattr(listener.handler, "__self__", None)
        if isinstance(state, SphinxCodeAutoLink):
            state.outdated_docs.add(str(Path(pagename)))


def reading_order():
    """Return the names of the library's modules as its docstring lists them."""
    return nnlib.__doc__.split("::")[1].split("``import nnlib``")[0].split()


def add_style(app, pagename, templatename, context, doctree):
    """Load the style sheet of the reference on its pages only."""
    if pagename.startswith("book/api"):
        app.add_css_file("api.css")


def setup(app):
    """Register the role, the resolver, and how docstrings are read."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.setup_extension("sphinx_codeautolink")  # the names in the cells
    app.add_role_to_domain("py", "maybe", MaybeRole())
    app.add_transform(LinkNames)
    app.connect("config-inited", use_defaults, priority=300)
    app.connect("autodoc-process-docstring", escape_stars, priority=400)
    app.connect("missing-reference", find_elsewhere)
    app.connect("html-page-context", add_style)
    app.connect("html-page-context", link_written_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The library's reference: docstrings as a page, and links that find their object.

In a docstring, `name` in single backticks is a link where the name is an object of the
library, and plain code where it is not (a parameter, a symbol). A page can link with
``{py:func}`nnlib.losses.softmax_cross_entropy``` and name an object by any module that
offers it: ``nnlib.optim.Adam`` is found where it is written, in `nnlib.adaptive`.
"""

import builtins
import re
from importlib import import_module

from sphinx.domains.python import PyXRefRole
from sphinx.util.nodes import make_refnode

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
}


class MaybeRole(PyXRefRole):
    """A link to a Python object if there is one of that name, else plain code."""

    def create_xref_node(self):
        """Mark the reference, so that a miss is no mistake."""
        children, messages = super().create_xref_node()
        for node in children:
            node["reftype"] = "obj"
            node["course_maybe"] = True
        return children, messages


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


def add_style(app, pagename, templatename, context, doctree):
    """Load the style sheet of the reference on its page only."""
    if pagename == "book/api":
        app.add_css_file("api.css")


def setup(app):
    """Register the role, the resolver, and how docstrings are read."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.add_role_to_domain("py", "maybe", MaybeRole())
    app.connect("config-inited", use_defaults, priority=300)
    app.connect("autodoc-process-docstring", escape_stars, priority=400)
    app.connect("missing-reference", find_elsewhere)
    app.connect("html-page-context", add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

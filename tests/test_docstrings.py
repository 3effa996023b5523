"""Every public name says what it does, where it comes from, and shows it in use."""

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import nnlib
from conftest import load_tool

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path.stem for path in (ROOT / "nnlib").glob("*.py") if path.stem != "__init__"
)
each_module = pytest.mark.parametrize("name", MODULES)


def public(module):
    """Return the functions and classes that a module defines for others."""
    return {
        name: item
        for name, item in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(item) or inspect.isfunction(item))
        and item.__module__ == module.__name__
    }


def sections(item):
    """Return the numpydoc sections of a docstring: title -> text."""
    parts = re.split(r"^(\w[\w ]*)\n-+\n", inspect.getdoc(item) or "", flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@each_module
def test_every_public_name_has_references_and_an_example(name):
    module = import_module(f"nnlib.{name}")
    assert module.__doc__, f"nnlib.{name} has no docstring"
    finder = doctest.DocTestFinder(recurse=False)
    for item_name, item in public(module).items():
        where = f"nnlib.{name}.{item_name}"
        # an inherited docstring does not describe this object
        assert item.__doc__, f"{where} has no docstring"
        found = sections(item)
        assert found.get("References", "").strip(), f"{where} has no References"
        assert ">>>" in found.get("Examples", ""), f"{where} has no Examples"
        examples = finder.find(item, item_name, globs={})[0].examples
        assert examples, f"{where}: the example is not one of doctest"
        skipped = [e for e in examples if e.options.get(doctest.SKIP)]
        assert not skipped, f"{where}: an example is skipped"


@each_module
def test_examples_run(name):
    """Each with the names of its module only, as a reader meets it."""
    module = import_module(f"nnlib.{name}")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(optionflags=flags)
    report = []
    for test in doctest.DocTestFinder().find(module):
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@each_module
def test_methods_that_others_call_have_a_docstring(name):
    module = import_module(f"nnlib.{name}")
    for class_name, cls in public(module).items():
        if not inspect.isclass(cls):
            continue
        for method_name, method in vars(cls).items():
            if method_name.startswith("_") or not inspect.isfunction(method):
                continue
            inherited = any(hasattr(base, method_name) for base in cls.__mro__[1:])
            where = f"nnlib.{name}.{class_name}.{method_name}"
            assert method.__doc__ or inherited, f"{where} has no docstring"


def test_the_package_lists_its_modules():
    listing = nnlib.__doc__.split("::")[1].split("``import nnlib``")[0].split()
    assert sorted(listing) == MODULES


def test_the_reference_has_a_section_per_module_in_reading_order():
    pages = [p for p in load_tool("book").pages_of(ROOT) if p.parent.name == "api"]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    headings = re.findall(r"^## `nnlib\.(\w+)`$", text, flags=re.M)
    assert re.findall(r"^\.\. automodule:: nnlib\.(\w+)$", text, flags=re.M) == headings
    listing = nnlib.__doc__.split("::")[1].split("``import nnlib``")[0].split()
    assert headings == listing


def test_an_unknown_module_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'nnlib' has no attribute 'optimm'"):
        _ = nnlib.optimm

"""Lets nbval execute the chapters, which are Markdown, and the unanswered labs.

    pytest --nbval-lax book solutions labs

A chapter has no stored outputs, so nothing is compared: a cell that fails, fails. In a
lab an exercise without an answer raises ``NotImplementedError("Exercise 2")``; that is
reported as unanswered, every other error is a failure.
"""

from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent

try:
    from nbval.plugin import (
        IPyNbCell,
        IPyNbFile,
        NbCellError,
        find_comment_markers,
        find_metadata_tags,
    )
except ImportError:  # the unit tests run without nbval
    pass
else:

    class ChapterFile(IPyNbFile):
        """A chapter in MyST Markdown; a page without code has no items."""

        def collect(self):
            """Yield the code cells."""
            import jupytext

            self.nb = jupytext.read(self.path, fmt="md:myst")
            code = [cell for cell in self.nb.cells if cell.cell_type == "code"]
            for number, cell in enumerate(code):
                options = defaultdict(bool, find_metadata_tags(cell.metadata))
                options.update(find_comment_markers(cell.source))
                yield IPyNbCell.from_parent(
                    self,
                    name=f"Cell {number}",
                    cell_num=number,
                    cell=cell,
                    options=options,
                )

    class LabCell(IPyNbCell):
        """A cell of a lab, which may be waiting for its answer."""

        def runtest(self):
            """Run the cell; an exercise without an answer is no failure."""
            try:
                super().runtest()
            except NbCellError:
                errors = [o for o in self.test_outputs if o.output_type == "error"]
                if errors and errors[0].ename == "NotImplementedError":
                    pytest.xfail(f"unanswered: {errors[0].evalue}")
                raise

    class LabFile(IPyNbFile):
        """A lab: every cell runs, exercises may be unanswered."""

        def collect(self):
            """Yield the code cells."""
            for cell in super().collect():
                yield LabCell.from_parent(
                    self,
                    name=cell.name,
                    cell_num=cell.cell_num,
                    cell=cell.cell,
                    options=cell.options,
                )

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(file_path, parent):
        """Collect chapters, and labs by their own class."""
        collected = yield
        options = parent.config.option
        if not (options.nbval or options.nbval_lax):
            return collected
        if file_path.parent == ROOT / "labs" and file_path.suffix == ".ipynb":
            others = [c for c in collected if not isinstance(c, IPyNbFile)]
            return [*others, LabFile.from_parent(parent, path=file_path)]
        if file_path.parent == ROOT / "book" and file_path.suffix == ".md":
            return [*collected, ChapterFile.from_parent(parent, path=file_path)]
        return collected

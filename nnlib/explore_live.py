"""The explorer as a Jupyter widget: the same ``explore.js`` through anywidget."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlib.explore_pack import pack

if TYPE_CHECKING:
    from nnlib.explore import Explorer

SCRIPT = Path(__file__).with_name("explore.js")
STYLE = Path(__file__).with_name("explore.css")


@cache
def widget_class() -> Any:
    """Return the widget class; made on first use so that nnlib loads without it."""
    import anywidget
    import traitlets

    class ExplorerWidget(anywidget.AnyWidget):
        _esm = SCRIPT.read_text(encoding="utf-8")
        _css = STYLE.read_text(encoding="utf-8")
        spec = traitlets.Dict().tag(sync=True)
        state = traitlets.Dict().tag(sync=True)
        computed = traitlets.Dict().tag(sync=True)

    return ExplorerWidget


def make_widget(explorer: Explorer) -> Any:
    """Return a widget that shows `explorer` and asks it between grid points.

    References
    ----------
    T. Manz et al., "anywidget: reusable widgets for interactive analysis and
    visualization in computational notebooks", JOSS 9(102), 2024.

    Examples
    --------
    >>> callable(make_widget)
    True
    """
    spec = {**explorer.spec, "compute": explorer.compute is not None}
    widget = widget_class()(spec=spec, state=explorer.state)

    def answer(change: dict[str, Any]) -> None:
        state = change["new"]
        if explorer.compute is None or _on_grid(explorer, state):
            return
        try:
            new = explorer.compute(dict(state))
            arrays = {name: _packed(explorer, name, v) for name, v in new.items()}
            widget.computed = {"state": state, "arrays": arrays}
        except Exception as error:  # shown to the reader instead of lost in a log
            widget.computed = {"state": state, "error": f"{error}"}

    widget.observe(answer, names="state")
    return widget


def _on_grid(explorer: Explorer, state: dict[str, Any]) -> bool:
    for control in explorer.controls:
        try:
            control.index(state[control.name])
        except ValueError:
            return False
    return True


def _packed(explorer: Explorer, name: str, values: Any) -> dict[str, Any]:
    """Pack one computed slice, after a check of its name and shape."""
    grids = explorer._arrays.grids
    if name not in grids:
        raise ValueError(f"compute returned {name!r}, which is no data")
    values = np.asarray(values)
    if values.shape != grids[name].tail:
        raise ValueError(
            f"compute returned {name!r} of shape {values.shape}, "
            f"needs {grids[name].tail}"
        )
    return {"over": [], **pack(values)}

"""Explorers: figures that answer when the reader moves a control.

Python measures; the page only selects and draws.  `explore` takes controls, arrays
measured on the grid of their values, panels that say how to draw one slice, and a
matplotlib picture for readers without JavaScript::

    explore(
        "init-histograms",                         # id, also the link #init-...
        controls=[
            Select("activation", ["tanh", "relu"]),
            Slider("gain", [0.5, 1, 2], default=1),
        ],
        data={
            "counts": counts,                      # (2, 3, layers, bins + 2)
            "std": std,                            # (2, 3, layers)
            "theory": Grid(theory, over=["gain"]),  # (3, layers): not on activation
        },
        panels=[
            HistogramGrid(
                title="Activations", counts="counts", edges=edges,
                x_label="activation", notes="std {std[row]:.2g}",
            ),
            Line(
                title="Scale", x_label="layer", y_label="std of activations",
                y_scale="log", y_range=(1e-4, 1e4),
                series=[
                    Series(y="std", label="measured", points=True),
                    Series(y="theory", label="theory"),
                ],
                levels=[(1.0, "input")],
            ),
        ],
        figure=lambda: plot_histograms(...),       # Figure, Axes or a function
        alt="Ten histograms ...",                  # of that picture
        title="Ten layers",
        caption="...",
        summary="With {activation} and gain {gain}, layer 10 has std {std[-1]:.2g}.",
    )

Controls: `Slider`, `Select`, `Toggle`, `Play`.  Panels: `Line`, `HistogramGrid`,
`Contour`, `Scatter`, `HeatMap`, `ImageGrid`, `Bar`, `Readout`, `Quiz`.

Data: a plain array has one axis for every control that is not a `Play`, in their
order, then what the panel draws.  ``Grid(values, over=[...])`` names the controls it
depends on.  Text arrays work, too (``{verdict}`` in a sentence).

Sentences (`summary`, `note`, `notes`, `Readout`, `Quiz`) hold fields: ``{gain}`` is
a control's label, ``{std[9]:.3g}`` a number, ``{loss[step]:.2f}`` the number at the
position of the control `step`.  Formats: ``.3g  .2f  .1%  d``.

Where it runs: with ``NNLIB_STATIC=1`` in the environment (set it wherever cells are
executed for the book) the output is ``text/html`` for the page's own script,
``image/png`` and ``text/plain``.  Otherwise, with anywidget installed, it is a
Jupyter widget with the same drawing code: ``explorer.state`` reads and sets it, and
``compute=`` answers between grid points.  Without anywidget it is the picture.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from nnlib.explore_grid import (
    Control,
    Grid,
    Play,
    Select,
    Slider,
    Toggle,
    bin_counts,
)
from nnlib.explore_pack import pack, unpack
from nnlib.explore_panels import (
    Arrays,
    Bar,
    Contour,
    HeatMap,
    HistogramGrid,
    ImageGrid,
    Line,
    Panel,
    Path,
    Quiz,
    Readout,
    Scatter,
    Series,
)
from nnlib.explore_text import FIELD, formatted, number

__all__ = [
    "Bar",
    "Contour",
    "Explorer",
    "Grid",
    "HeatMap",
    "HistogramGrid",
    "ImageGrid",
    "Line",
    "Path",
    "Play",
    "Quiz",
    "Readout",
    "Scatter",
    "Select",
    "Series",
    "Slider",
    "Toggle",
    "bin_counts",
    "explore",
    "number",
    "pack",
    "unpack",
]

State = dict[str, Any]


def explore(
    id: str,
    *,
    controls: Sequence[Control],
    data: Mapping[str, Any],
    panels: Sequence[Panel],
    figure: Any,
    alt: str,
    summary: str,
    title: str = "",
    caption: str = "",
    strings: Mapping[str, str] | None = None,
    compute: Callable[[State], Mapping[str, Any]] | None = None,
) -> Explorer:
    """Make an explorer; leave it as the last line of a cell to show it.

    Parameters
    ----------
    id : str
        Lower case letters, digits and hyphens; unique on the page.
    controls : sequence of Control
        `Slider`, `Select`, `Toggle`, `Play`.
    data : mapping of str to array_like or Grid
        Arrays on the grid of the controls' values.
    panels : sequence of Panel
        What to draw, in reading order.
    figure : matplotlib Figure, Axes, or function that returns one
        The picture shown without JavaScript, for the default state.
    alt : str
        What that picture shows.
    summary : str
        Sentence about the present state, read out when it changes.
    title, caption : str
        Above and below the explorer.
    strings : mapping of str to str, optional
        Translations, from the English text (of a button or of your own labels).
    compute : callable, optional
        ``compute(state) -> {name: array}`` measures anew for a state between grid
        points (see ``Slider(fine=)``); only used with a live kernel.

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        When a shape does not fit the controls, a name is unknown, or a text that
        readers need is missing.

    References
    ----------
    B. Victor, "Explorable Explanations", 2011. https://worrydream.com/ExplorableExplanations.

    Examples
    --------
    >>> x = np.linspace(0, 1, 50)
    >>> powers = [1, 2, 3]
    >>> explorer = explore(
    ...     "powers",
    ...     controls=[Slider("p", powers)],
    ...     data={"y": np.stack([x**p for p in powers])},
    ...     panels=[
    ...         Line(
    ...             title="A power",
    ...             x=x,
    ...             x_label="x",
    ...             y_label="y",
    ...             series=[Series(y="y", label="y")],
    ...         )
    ...     ],
    ...     figure=None,
    ...     alt="A straight line from (0, 0) to (1, 1).",
    ...     summary="With p = {p} the middle has height {y[25]:.2f}.",
    ... )
    >>> explorer.summary()
    'With p = 1 the middle has height 0.51.'
    >>> explorer.summary({"p": 3})
    'With p = 3 the middle has height 0.13.'
    """
    return Explorer(
        id,
        controls=controls,
        data=data,
        panels=panels,
        figure=figure,
        alt=alt,
        summary=summary,
        title=title,
        caption=caption,
        strings=strings,
        compute=compute,
    )


class Explorer:
    """Result of `explore`.

    Attributes
    ----------
    id : str
    spec : dict
        Everything the page gets, as JSON.
    state : dict
        Value of each control.  With a live widget it follows the reader, and
        setting it moves the widget.

    References
    ----------
    See `explore`.

    Examples
    --------
    >>> from nnlib.explore_grid import Slider
    >>> from nnlib.explore_panels import Readout
    >>> e = explore(
    ...     "twice", controls=[Slider("x", [1, 2])], data={"y": [2.0, 4.0]},
    ...     panels=[Readout(title="Twice", items=[("2x", "{y}")])],
    ...     figure=lambda: __import__("matplotlib.figure").figure.Figure(),
    ...     alt="An empty figure.", summary="2x is {y}.",
    ... )
    >>> e.state
    {'x': 1}
    """

    def __init__(
        self,
        id: str,
        *,
        controls: Sequence[Control],
        data: Mapping[str, Any],
        panels: Sequence[Panel],
        figure: Any,
        alt: str,
        summary: str,
        title: str = "",
        caption: str = "",
        strings: Mapping[str, str] | None = None,
        compute: Callable[[State], Mapping[str, Any]] | None = None,
    ):
        if not re.fullmatch(r"[a-z][a-z0-9-]*", id):
            raise ValueError(f"id must be like 'init-histograms', got {id!r}")
        if not alt.strip():
            raise ValueError(f"explorer {id!r} needs alt text for its picture")
        if not panels:
            raise ValueError(f"explorer {id!r} has no panels")
        names = [c.name for c in controls]
        if len(set(names)) != len(names):
            raise ValueError(f"explorer {id!r} repeats a control: {names}")
        self.id, self.alt, self.title, self.caption = id, alt, title, caption
        self.controls = list(controls)
        self.compute = compute
        self._arrays = Arrays(controls, data)
        described = [p.spec(self._arrays, f"panel{i}") for i, p in enumerate(panels)]
        self._summary = self._arrays.template("summary", summary)
        if not summary.strip():
            raise ValueError(f"explorer {id!r} needs a summary")
        packed = {
            name: {"over": list(g.over), **pack(g.values, bits=g.bits)}
            for name, g in self._arrays.grids.items()
        }
        self.spec: dict[str, Any] = {
            "id": id,
            "title": title,
            "alt": alt,
            "controls": [c.spec() for c in controls],
            "panels": described,
            "summary": summary,
            "strings": dict(strings or {}),
            "arrays": packed,
        }
        self._state = {c.name: c.default for c in controls}
        self._figure = _hide(figure)
        self._png: bytes | None = None
        self._widget: Any = None

    # -------------------------------------------------------------- reading

    @property
    def state(self) -> State:
        """Value of each control."""
        return dict(self._widget.state) if self._widget else dict(self._state)

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        known = {c.name: c for c in self.controls}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"no control {name!r}; controls: {', '.join(known)}")
            known[name].index(value)
        self._state = {**self.state, **values}
        if self._widget:
            self._widget.state = self._state

    def values(self, name: str, state: Mapping[str, Any] | None = None) -> np.ndarray:
        """Return the slice of the array `name` that belongs to `state`."""
        if name not in self._arrays.grids:
            raise ValueError(f"no data named {name!r}")
        grid = self._arrays.grids[name]
        at = {**self.state, **(state or {})}
        known = {c.name: c for c in self.controls}
        return grid.values[tuple(known[c].index(at[c]) for c in grid.over)]

    def summary(self, state: Mapping[str, Any] | None = None) -> str:
        """Return the sentence about `state` (the present one when left out)."""
        return self._say(self._summary, state)

    def _say(self, text: str, state: Mapping[str, Any] | None = None) -> str:
        """Fill the fields of a sentence, such as {gain} or {loss[step]:.3g}."""
        at = {**self.state, **(state or {})}
        known = {c.name: c for c in self.controls}

        def write(match: re.Match[str]) -> str:
            name, indices, form = match.groups()
            if name in known:
                return known[name].labels[known[name].index(at[name])]
            value: Any = self.values(name, at)
            for step in re.findall(r"\[([^\]]*)\]", indices):
                in_control = known.get(step)
                value = value[in_control.index(at[step]) if in_control else int(step)]
            return formatted(value, form or "")

        return FIELD.sub(write, text)

    # -------------------------------------------------------------- showing

    def png(self) -> bytes | None:
        """Return the picture for readers without JavaScript."""
        if self._png is None and self._figure is not None:
            self._png = _render(self._figure)
        return self._png

    def html(self) -> str:
        """Return the explorer for a static page; ``explore.js`` brings it to life."""
        png = self.png()
        picture = f'<p class="nx-alt">{html.escape(self.alt)}</p>'
        if png:
            code = base64.b64encode(png).decode("ascii")
            alt = html.escape(self.alt, quote=True)
            picture = f'<img src="data:image/png;base64,{code}" alt="{alt}">'
        spec = json.dumps(self.spec, ensure_ascii=False, allow_nan=False)
        spec = spec.replace("<", "\\u003c")
        title = (
            f'<p class="nx-title">{html.escape(self.title)}</p>' if self.title else ""
        )
        caption = html.escape(self.caption)
        return (
            f'<figure class="nnlib-explorer" id="{self.id}">\n'
            f'<div class="nx-fallback">{title}{picture}'
            f"<p>{html.escape(self.summary())}</p>{self._quizzes()}</div>\n"
            f'<script type="application/json">{spec}</script>\n'
            f"<figcaption>{caption}</figcaption>\n</figure>"
        )

    def _quizzes(self) -> str:
        """Questions as plain HTML: they need no JavaScript."""
        out = []
        for panel in self.spec["panels"]:
            if panel["kind"] == "quiz":
                question, why, *options = (
                    html.escape(self._say(text))
                    for text in (
                        panel["question"],
                        panel["explanation"],
                        *panel["options"],
                    )
                )
                listed = "".join(f"<li>{option}</li>" for option in options)
                right = options[int(self.values(panel["answer"]))]
                out.append(
                    f"<p>{question}</p><ul>{listed}</ul>"
                    f"<details><summary>Answer</summary>{right}. {why}</details>"
                )
        return "".join(out)

    def widget(self) -> Any:
        """Return the live Jupyter widget (needs anywidget)."""
        if self._widget is None:
            from nnlib.explore_live import make_widget

            self._widget = make_widget(self)
        return self._widget

    def __repr__(self) -> str:
        try:
            return f"Explorer {self.id!r}: {self.summary()}"
        except ValueError:  # the reader is between two grid points
            return f"Explorer {self.id!r} at {self.state}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> State:
        bundle: State = {"text/plain": repr(self)}
        png = self.png()
        if png:
            bundle["image/png"] = base64.b64encode(png).decode("ascii")
        if os.environ.get("NNLIB_STATIC", "") not in ("", "0"):
            bundle["text/html"] = self.html()
        elif find_spec("anywidget") is not None:
            live = self.widget()._repr_mimebundle_()
            live = live[0] if isinstance(live, tuple) else live
            key = "application/vnd.jupyter.widget-view+json"
            if live and key in live:
                bundle[key] = live[key]
        return bundle


def _hide(figure: Any) -> Any:
    """Keep the inline backend from showing the picture a second time."""
    figure = getattr(figure, "figure", figure)  # Axes know their Figure
    if figure is not None and not callable(figure):
        import matplotlib.pyplot as plt

        plt.close(figure)
    return figure


def _render(figure: Any) -> bytes:
    figure = _hide(figure() if callable(figure) else figure)
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        dpi=110,
        bbox_inches="tight",
        facecolor="white",
        metadata={"Software": None},
    )
    return buffer.getvalue()

"""What an explorer can draw: one small description per kind of panel.

A panel names the arrays it draws.  Wherever it asks for an array, give the name of
an entry of ``data=`` (it then follows the controls) or the numbers themselves (a
constant).  Shapes are those of one slice, after the axes of the controls.  The
drawing itself is in ``explore.js``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from nnlib.explore_grid import Control, Grid
from nnlib.explore_text import FIELD, FORMAT

Range = tuple[float, float] | str | None


class Arrays:
    """The arrays of one explorer by name; resolves and checks references.

    References
    ----------
    B. Victor, "Explorable Explanations", 2011. https://worrydream.com/ExplorableExplanations.

    Examples
    --------
    >>> arrays = Arrays([], {"loss": [3.0, 2.0]})
    >>> arrays.grids["loss"].values
    array([3., 2.])
    """

    def __init__(self, controls: Sequence[Control], data: Mapping[str, Any]):
        self.controls = list(controls)
        self.grids: dict[str, Grid] = {}
        lead = tuple(c.name for c in controls if c.kind != "play")
        for name, value in data.items():
            if not name.isidentifier():
                raise ValueError(f"a data name must be an identifier, got {name!r}")
            if name in {c.name for c in controls}:
                raise ValueError(f"{name!r} names both a control and an array")
            grid = value if isinstance(value, Grid) else Grid(value, over=lead)
            grid.check(name, controls)
            self.grids[name] = grid

    def ref(self, where: str, value: Any, *shape: int | None) -> str:
        """Name of an array whose slice has `shape` (None: any length)."""
        if isinstance(value, str):
            if value not in self.grids:
                raise ValueError(
                    f"{where}: no data named {value!r}; data: {', '.join(self.grids)}"
                )
            name = value
        else:
            name = where
            self.grids[name] = Grid(value)
        tail = self.grids[name].tail
        fits = len(tail) == len(shape) and all(
            want in (None, have) for want, have in zip(shape, tail, strict=True)
        )
        if not fits:
            wanted = ", ".join("n" if s is None else str(s) for s in shape)
            raise ValueError(f"{where}: needs shape ({wanted}) per state, got {tail}")
        return name

    def size(self, name: str) -> int:
        """Length of the last axis of one slice."""
        return self.grids[name].tail[-1]

    def control(self, where: str, name: str | None, *kinds: str) -> str | None:
        """Check that `name` is a control of one of the kinds."""
        if name is None:
            return None
        for c in self.controls:
            if c.name == name and (not kinds or c.kind in kinds):
                return name
        raise ValueError(f"{where}: no {' or '.join(kinds) or 'control'} {name!r}")

    def span(self, names: Sequence[str], log: bool) -> list[float]:
        """Smallest and largest finite value over all states, with some air."""
        parts = [np.ravel(self.grids[n].values).astype(float) for n in names]
        v = np.concatenate(parts) if parts else np.zeros(0)
        v = v[np.isfinite(v) & ((v > 0) if log else True)]
        if v.size == 0:
            return [0.1, 10.0] if log else [0.0, 1.0]
        lo, hi = float(v.min()), float(v.max())
        if log:
            air = max(0.04 * (np.log(hi) - np.log(lo)), 0.05)
            with np.errstate(over="ignore"):
                ends = np.exp([np.log(lo) - air, np.log(hi) + air])
            return [float(max(ends[0], 1e-307)), float(min(ends[1], 8e307))]
        air = 0.04 * (hi / 2 - lo / 2) * 2 or 0.1 * abs(hi) or 0.5
        return [max(lo - air, -8e307), min(hi + air, 8e307)]

    def template(self, where: str, text: str) -> str:
        """Check the fields of a sentence such as ``"loss {loss[-1]:.3g}"``."""
        controls = {c.name for c in self.controls}
        for name, indices, form in FIELD.findall(text):
            if name in controls and not indices:
                continue
            if name not in self.grids:
                raise ValueError(
                    f"{where}: {{{name}}} is neither a control nor data; "
                    f"known: {', '.join([*controls, *self.grids])}"
                )
            steps = re.findall(r"\[([^\]]*)\]", indices)
            tail = self.grids[name].tail
            if len(steps) != len(tail):
                raise ValueError(
                    f"{where}: {{{name}}} has shape {tail} per state, "
                    f"{len(steps)} indices given"
                )
            for step, length in zip(steps, tail, strict=True):
                if step in controls:
                    continue
                if not re.fullmatch(r"-?\d+", step) or not (
                    -length <= int(step) < length
                ):
                    raise ValueError(
                        f"{where}: index [{step}] of {{{name}}} is not in {length}"
                    )
            if not FORMAT.fullmatch(form):
                raise ValueError(f"{where}: format {form!r} is not known")
        return text


def _scale(where: str, scale: str) -> bool:
    if scale not in ("linear", "log"):
        raise ValueError(f"{where}: scale must be 'linear' or 'log', got {scale!r}")
    return scale == "log"


def _range(
    where: str, given: Range, arrays: Arrays, names: Sequence[str], log: bool
) -> list[float] | None:
    if given is None or given == "all":
        return arrays.span(names, log)
    if given == "state":
        return None
    if isinstance(given, str) or len(given) != 2:
        raise ValueError(f"{where}: range must be (low, high), 'all' or 'state'")
    lo, hi = float(given[0]), float(given[1])
    if not (np.isfinite([lo, hi]).all() and lo < hi and (lo > 0 or not log)):
        raise ValueError(f"{where}: range ({lo}, {hi}) is not usable")
    return [lo, hi]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Part of every panel.

    Parameters
    ----------
    title : str
        Short, above the drawing.
    alt : str
        What the drawing shows, for those who do not see it; the title if empty.
    note : str
        Small sentence under the drawing; may hold fields like the summary.
    width : {"full", "half"}
        Two neighbors of half width share a row where there is room.

    References
    ----------
    E. R. Tufte, "The Visual Display of Quantitative Information", 2nd ed. 2001.

    Examples
    --------
    >>> Readout(title="Loss", items=[]).width
    'full'
    """

    kind: ClassVar[str] = ""
    title: str
    alt: str = ""
    note: str = ""
    width: str = "full"

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        if self.width not in ("full", "half"):
            raise ValueError(f"{where}: width must be 'full' or 'half'")
        return {
            "kind": self.kind,
            "title": arrays.template(where, self.title),
            "alt": arrays.template(where, self.alt),
            "note": arrays.template(where, self.note),
            "width": self.width,
        }


@dataclass(frozen=True, kw_only=True)
class Plot(Panel):
    """Panel with two axes.  Give units in the labels: "loss (nats)".

    A range is (low, high), ``"all"`` (all states, so that the axis stands still;
    the default) or ``"state"`` (what is drawn now).  Values outside are drawn at
    the edge as arrows and said to be outside.

    References
    ----------
    W. S. Cleveland, "The Elements of Graphing Data", 2nd ed. 1994, section 2.2
    (scales).

    Examples
    --------
    >>> series = [Series(y="loss", label="SGD")]
    >>> Line(title="Loss", x_label="step", y_label="nats", series=series).y_scale
    'linear'
    """

    x_label: str
    y_label: str
    x_scale: str = "linear"
    y_scale: str = "linear"
    x_range: Range = None
    y_range: Range = None

    def _axes(
        self, arrays: Arrays, where: str, xs: Sequence[str], ys: Sequence[str]
    ) -> dict[str, Any]:
        if not (self.x_label and self.y_label):
            raise ValueError(f"{where}: both axes need a label")
        x_log = _scale(f"{where}.x_scale", self.x_scale)
        y_log = _scale(f"{where}.y_scale", self.y_scale)
        x_range = _range(f"{where}.x_range", self.x_range, arrays, xs, x_log)
        y_range = _range(f"{where}.y_range", self.y_range, arrays, ys, y_log)
        return {
            "x": {"label": self.x_label, "log": x_log, "range": x_range},
            "y": {"label": self.y_label, "log": y_log, "range": y_range},
        }


@dataclass(frozen=True, kw_only=True)
class Series:
    """One curve of a `Line` panel.

    Parameters
    ----------
    y : str or array_like, shape (n,)
        The values.
    label : str
        Written beside the curve.
    x : str or array_like, shape (n,), optional
        Replaces the panel's `x`.
    low, high : str or array_like, shape (n,), optional
        Edges of the spread, drawn as a band.
    look : int, optional
        Number of its color and dash pattern; its position when left out.
    points : bool
        Draw each value as a mark, too.
    line : bool
        Join the values.
    show : str, optional
        Name of a `Toggle` that shows or hides it.

    References
    ----------
    G. Cumming, F. Fidler, D. L. Vaux, "Error bars in experimental biology", Journal
    of Cell Biology 177(1), 2007 (the band).

    Examples
    --------
    >>> Series(y="loss", label="SGD").line
    True
    """

    y: Any
    label: str
    x: Any = None
    low: Any = None
    high: Any = None
    look: int | None = None
    points: bool = False
    line: bool = True
    show: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line(Plot):
    """Curves over a common axis, with spread, reference lines and a step marker.

    Parameters
    ----------
    series : sequence of Series
    x : str or array_like, shape (n,), optional
        1, 2, ..., n when left out.
    levels : sequence of (float, str)
        Horizontal reference lines with their words.
    marker : str, optional
        Control whose value is marked on the x axis, with a dot on each curve.

    References
    ----------
    W. S. Cleveland, "The Elements of Graphing Data", 2nd ed. 1994, section 3.4.

    Examples
    --------
    >>> series = [Series(y="loss", label="SGD")]
    >>> panel = Line(title="Loss", x_label="step", y_label="nats", series=series)
    >>> panel.spec(Arrays([], {"loss": [3.0, 2.0]}), "panel")["kind"]
    'line'
    """

    kind: ClassVar[str] = "line"
    series: Sequence[Series]
    x: Any = None
    levels: Sequence[tuple[float, str]] = ()
    marker: str | None = None

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        if not self.series:
            raise ValueError(f"{where}: a line panel needs at least one series")
        rows: list[dict[str, Any]] = []
        xs: list[str] = []
        ys: list[str] = []
        for i, s in enumerate(self.series):
            here = f"{where}.series{i}"
            y = arrays.ref(f"{here}.y", s.y, None)
            n = arrays.size(y)
            given = self.x if s.x is None else s.x
            if given is None:
                given = np.arange(1, n + 1)
            x_name = f"{where}.x" if s.x is None else f"{here}.x"
            x = arrays.ref(x_name, given, n)
            if (s.low is None) != (s.high is None):
                raise ValueError(f"{here}: a band needs both low and high")
            row: dict[str, Any] = {"label": s.label, "x": x, "y": y}
            row |= {"points": s.points, "line": s.line}
            row["look"] = i if s.look is None else s.look
            row["show"] = arrays.control(here, s.show, "toggle")
            if s.low is not None:
                row["low"] = arrays.ref(f"{here}.low", s.low, n)
                row["high"] = arrays.ref(f"{here}.high", s.high, n)
                ys += [row["low"], row["high"]]
            rows.append(row)
            xs.append(x)
            ys.append(y)
        if self.levels:
            name = f"{where}.levels"
            ys.append(arrays.ref(name, [float(v) for v, _ in self.levels], None))
        return {
            **super().spec(arrays, where),
            **self._axes(arrays, where, xs, ys),
            "series": rows,
            "levels": [[float(v), word] for v, word in self.levels],
            "marker": arrays.control(where, self.marker),
        }


@dataclass(frozen=True, kw_only=True)
class Path:
    """Trajectory on a `Contour` panel: `x` and `y` of shape (steps,).

    References
    ----------
    G. Goh, "Why Momentum Really Works", Distill, 2017. doi:10.23915/distill.00006.

    Examples
    --------
    >>> Path(x="w1", y="w2", label="SGD").label
    'SGD'
    """

    x: Any
    y: Any
    label: str
    look: int | None = None
    show: str | None = None


@dataclass(frozen=True, kw_only=True)
class Contour(Plot):
    """Lines of equal height, and paths over them.

    Parameters
    ----------
    z : str or array_like, shape (ny, nx)
        Height; row i belongs to ``y[i]``, column j to ``x[j]``.
    x, y : array_like, shape (nx,), (ny,)
        Increasing constants.
    levels : int or sequence of float
        How many lines (at quantiles of `z`), or their heights.
    paths : sequence of Path
    step : str, optional
        Control whose position tells how much of each path is drawn.
    marks : sequence of (float, float, str)
        Points with a word, such as the minimum.
    equal : bool
        One unit is as long on both axes.

    References
    ----------
    G. Goh, "Why Momentum Really Works", Distill, 2017. doi:10.23915/distill.00006.

    Examples
    --------
    >>> panel = Contour(title="Loss", x_label="w1", y_label="w2", z="loss",
    ...                 x=[0.0, 1.0], y=[0.0, 1.0], equal=True)
    >>> panel.kind
    'contour'
    """

    kind: ClassVar[str] = "contour"
    z: Any
    x: Any
    y: Any
    levels: int | Sequence[float] = 10
    paths: Sequence[Path] = ()
    step: str | None = None
    marks: Sequence[tuple[float, float, str]] = ()
    equal: bool = False

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        x = arrays.ref(f"{where}.x", self.x, None)
        y = arrays.ref(f"{where}.y", self.y, None)
        z = arrays.ref(f"{where}.z", self.z, arrays.size(y), arrays.size(x))
        for name in (x, y):
            if np.any(np.diff(arrays.grids[name].values, axis=-1) <= 0):
                raise ValueError(f"{name}: coordinates must increase")
        levels = self.levels
        if isinstance(levels, int):
            v = arrays.grids[z].values
            shares = np.linspace(0, 1, levels + 2)[1:-1] ** 1.5
            levels = np.unique(np.quantile(v[np.isfinite(v)], shares)).tolist()
        paths = []
        for i, p in enumerate(self.paths):
            here = f"{where}.path{i}"
            px = arrays.ref(f"{here}.x", p.x, None)
            py = arrays.ref(f"{here}.y", p.y, arrays.size(px))
            paths.append(
                {
                    "label": p.label,
                    "x": px,
                    "y": py,
                    "look": i if p.look is None else p.look,
                    "show": arrays.control(here, p.show, "toggle"),
                }
            )
        axes = self._axes(arrays, where, [x], [y])
        for axis, name, given in (("x", x, self.x_range), ("y", y, self.y_range)):
            if given is None:  # the surface's own edge, without air
                v = arrays.grids[name].values
                axes[axis]["range"] = [float(v.min()), float(v.max())]
        return {
            **super().spec(arrays, where),
            **axes,
            "grid": {"x": x, "y": y, "z": z},
            "levels": [float(v) for v in levels],
            "paths": paths,
            "step": arrays.control(where, self.step),
            "equal": self.equal,
            "marks": [[float(a), float(b), w] for a, b, w in self.marks],
        }


@dataclass(frozen=True, kw_only=True)
class Scatter(Plot):
    """Points in classes (color and shape), over an optional decision region.

    Parameters
    ----------
    x, y : str or array_like, shape (n,)
    classes : str or array_like of int, shape (n,), optional
        All 0 when left out.
    names : sequence of str
        Word for each class.
    region : str or array_like, shape (h, w), optional
        Class at each place of the drawn rectangle; row 0 is at the bottom.  A
        fraction between two whole numbers is drawn as a mixture of their colors.
    region_range : ((float, float), (float, float)), optional
        x and y extent of `region`; the axes' ranges when left out.
    equal : bool
        One unit is as long on both axes.

    References
    ----------
    D. Smilkov, S. Carter, "A Neural Network Playground", 2016.
    https://playground.tensorflow.org

    Examples
    --------
    >>> Scatter(title="Moons", x_label="x1", y_label="x2", x="a", y="b").names
    ('points',)
    """

    kind: ClassVar[str] = "scatter"
    x: Any
    y: Any
    classes: Any = None
    names: Sequence[str] = ("points",)
    region: Any = None
    region_range: tuple[tuple[float, float], tuple[float, float]] | None = None
    equal: bool = False

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        x = arrays.ref(f"{where}.x", self.x, None)
        n = arrays.size(x)
        y = arrays.ref(f"{where}.y", self.y, n)
        given = np.zeros(n, dtype=int) if self.classes is None else self.classes
        classes = arrays.ref(f"{where}.classes", given, n)
        used = arrays.grids[classes].values
        if used.size and (used.min() < 0 or used.max() >= len(self.names)):
            raise ValueError(
                f"{where}: classes {used.min()}..{used.max()} need as many names, "
                f"got {len(self.names)}"
            )
        out = {
            **super().spec(arrays, where),
            **self._axes(arrays, where, [x], [y]),
            "points": {"x": x, "y": y, "classes": classes},
            "names": list(self.names),
            "equal": self.equal,
        }
        if self.region is not None:
            out["region"] = arrays.ref(f"{where}.region", self.region, None, None)
            extent = self.region_range
            out["extent"] = [list(map(float, e)) for e in extent] if extent else None
        return out


@dataclass(frozen=True, kw_only=True)
class HistogramGrid(Panel):
    """Small histograms side by side, such as one for each layer.

    Parameters
    ----------
    counts : str or array_like, shape (k, bins) or (k, bins + 2)
        Heights.  With two more entries the first and last are the shares below and
        above the edges (`bin_counts` makes them) and are written beside the bars.
        A row of NaN is left out, so that the number of rows may follow a control.
    edges : str or array_like, shape (bins + 1,)
    names : sequence of str, optional
        Title of each; "1", "2", ... when left out.
    notes : str, optional
        Small second line of each, with ``{row}`` for its index:
        ``"std {std[row]:.2g}"``.
    x_label, y_label : str
    y_range : (float, float), "all" or "state"
        The common height; taller bars are cut and marked.
    columns : int
        At most so many side by side.

    References
    ----------
    X. Glorot, Y. Bengio, AISTATS 2010, figure 6 (histograms by layer).

    Examples
    --------
    >>> HistogramGrid(title="Units", x_label="output", counts="c", edges="e").y_label
    'share'
    """

    kind: ClassVar[str] = "histograms"
    counts: Any
    edges: Any
    x_label: str
    y_label: str = "share"
    names: Sequence[str] | None = None
    notes: str = ""
    y_range: Range = "state"
    columns: int = 5

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        edges = arrays.ref(f"{where}.edges", self.edges, None)
        counts = arrays.ref(f"{where}.counts", self.counts, None, None)
        rows, columns = arrays.grids[counts].tail
        bins = arrays.size(edges) - 1
        if columns not in (bins, bins + 2):
            raise ValueError(
                f"{where}: {bins} bins need {bins} or {bins + 2} counts, got {columns}"
            )
        if np.any(np.diff(arrays.grids[edges].values, axis=-1) <= 0):
            raise ValueError(f"{where}: edges must increase")
        names = self.names or [str(i + 1) for i in range(rows)]
        if len(names) != rows:
            raise ValueError(f"{where}: {rows} histograms, {len(names)} names")
        given = self.y_range
        limit = _range(f"{where}.y_range", given, arrays, [counts], False)
        if limit and (given is None or given == "all"):
            limit[0] = 0.0
        arrays.template(f"{where}.notes", self.notes.replace("[row]", "[0]"))
        return {
            **super().spec(arrays, where),
            "counts": counts,
            "edges": edges,
            "outside": columns == bins + 2,
            "names": list(names),
            "notes": self.notes,
            "x": {"label": self.x_label},
            "y": {"label": self.y_label, "range": limit},
            "columns": int(self.columns),
        }


@dataclass(frozen=True, kw_only=True)
class HeatMap(Panel):
    """Matrix of colors with a color bar.

    Parameters
    ----------
    values : str or array_like, shape (rows, columns)
        Row 0 is drawn at the top.
    x_names, y_names : sequence of str, optional
        Words on the axes; 1, 2, ... when left out.
    x_label, y_label, value_label : str
    scale : {"linear", "log"}
    value_range : (float, float), "all" or "state"
    diverging : bool
        Two hues around the middle of the range.
    mark : (str, str), optional
        Controls whose positions (column, row) mark a cell.

    References
    ----------
    L. Wilkinson, M. Friendly, "The History of the Cluster Heat Map", The American
    Statistician 63(2), 2009.

    Examples
    --------
    >>> HeatMap(title="Error", x_label="lr", y_label="decay", value_label="%",
    ...         values="error").scale
    'linear'
    """

    kind: ClassVar[str] = "heatmap"
    values: Any
    x_label: str
    y_label: str
    value_label: str
    x_names: Sequence[str] | None = None
    y_names: Sequence[str] | None = None
    scale: str = "linear"
    value_range: Range = None
    diverging: bool = False
    mark: tuple[str, str] | None = None

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        values = arrays.ref(f"{where}.values", self.values, None, None)
        rows, columns = arrays.grids[values].tail
        names = []
        for given, n in ((self.x_names, columns), (self.y_names, rows)):
            words = [str(i + 1) for i in range(n)] if given is None else list(given)
            if len(words) != n:
                raise ValueError(f"{where}: {n} cells but {len(words)} names")
            names.append(words)
        log = _scale(where, self.scale)
        limit = _range(f"{where}.value_range", self.value_range, arrays, [values], log)
        return {
            **super().spec(arrays, where),
            "values": values,
            "x": {"label": self.x_label, "names": names[0]},
            "y": {"label": self.y_label, "names": names[1]},
            "value": {"label": self.value_label, "log": log, "range": limit},
            "diverging": self.diverging,
            "mark": self.mark and [arrays.control(where, m) for m in self.mark],
        }


@dataclass(frozen=True, kw_only=True)
class ImageGrid(Panel):
    """Small pictures, gray or RGB.

    Parameters
    ----------
    images : str or array_like, shape (k, h, w) or (k, h, w, 3)
    captions : str or sequence of str
        Name of an array of k words, or the words.
    value_range : (float, float), "all" or "state"
        Drawn as black and white.
    columns : int
    size : int
        Width of a picture in pixels where there is room.
    value_label : str
        What a pixel is, with its unit.

    References
    ----------
    E. R. Tufte, "The Visual Display of Quantitative Information", 2nd ed. 2001, chapter
    8 (small multiples).

    Examples
    --------
    >>> ImageGrid(title="Digits", images="x").columns
    8
    """

    kind: ClassVar[str] = "images"
    images: Any
    captions: Any = None
    value_range: Range = None
    columns: int = 8
    size: int = 84
    value_label: str = "pixel value"

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        if isinstance(self.images, str):
            dims = (
                len(arrays.grids[self.images].tail)
                if (self.images in arrays.grids)
                else 3
            )
        else:
            dims = np.ndim(self.images)
        shape = (None, None, None, 3) if dims == 4 else (None, None, None)
        images = arrays.ref(f"{where}.images", self.images, *shape)
        k = arrays.grids[images].tail[0]
        captions = self.captions
        if captions is None:
            captions = [str(i + 1) for i in range(k)]
        given = self.value_range
        limit = _range(f"{where}.value_range", given, arrays, [images], False)
        if limit and (given is None or given == "all"):
            v = arrays.grids[images].values
            v = v[np.isfinite(v)]
            limit = [float(v.min()), float(v.max())] if v.size else [0.0, 1.0]
        return {
            **super().spec(arrays, where),
            "images": images,
            "captions": arrays.ref(f"{where}.captions", captions, k),
            "range": limit,
            "columns": int(self.columns),
            "size": int(self.size),
            "label": self.value_label,
        }


@dataclass(frozen=True, kw_only=True)
class Bar(Panel):
    """Horizontal bars with their numbers, so that long names fit a phone.

    Parameters
    ----------
    values : str or array_like, shape (n,)
    names : sequence of str or str
        Word for each bar, or the name of an array of words.
    error : str or array_like, shape (n,), optional
        Half width of the error bar; say in `note` what it is.
    value_label : str
        With the unit.
    scale, value_range
        As on an axis; the bars start at 0 on a linear one.
    levels : sequence of (float, str)
        Reference lines.
    format : str
        How a number is written, such as ``".3g"`` or ``".1%"``.

    References
    ----------
    W. S. Cleveland, "The Elements of Graphing Data", 2nd ed. 1994, section 3.3
    (the dot plot says the same with less ink).

    Examples
    --------
    >>> Bar(title="Error", values="error", names=["SGD"], value_label="%").format
    '.3g'
    """

    kind: ClassVar[str] = "bars"
    values: Any
    names: Any
    value_label: str
    error: Any = None
    scale: str = "linear"
    value_range: Range = None
    levels: Sequence[tuple[float, str]] = ()
    format: str = ".3g"

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        values = arrays.ref(f"{where}.values", self.values, None)
        n = arrays.size(values)
        names = arrays.ref(f"{where}.names", self.names, n)
        log = _scale(where, self.scale)
        used = [values]
        if self.levels:
            level = [float(v) for v, _ in self.levels]
            used.append(arrays.ref(f"{where}.levels", level, None))
        error = None
        if self.error is not None:
            error = arrays.ref(f"{where}.error", self.error, n)
        given = self.value_range
        limit = _range(f"{where}.value_range", given, arrays, used, log)
        if limit and not log and (given is None or given == "all"):
            limit = [min(limit[0], 0.0), max(limit[1], 0.0)]
            v = arrays.grids[values].values
            if np.nanmin(np.where(np.isfinite(v), v, np.nan), initial=0) >= 0:
                limit[0] = 0.0
        if not FORMAT.fullmatch(self.format):
            raise ValueError(f"{where}: format {self.format!r} is not known")
        return {
            **super().spec(arrays, where),
            "values": values,
            "names": names,
            "error": error,
            "value": {"label": self.value_label, "log": log, "range": limit},
            "levels": [[float(v), word] for v, word in self.levels],
            "format": self.format,
        }


@dataclass(frozen=True, kw_only=True)
class Readout(Panel):
    """Numbers in words: pairs of a name and a template.

    Parameters
    ----------
    items : sequence of (str, str)
        ``[("test error", "{error:.1%}")]``

    References
    ----------
    E. R. Tufte, "The Visual Display of Quantitative Information", 2nd ed. 2001, chapter
    9 (numbers and words).

    Examples
    --------
    >>> Readout(title="Result", items=[("error", "{error:.1%}")]).kind
    'readout'
    """

    kind: ClassVar[str] = "readout"
    items: Sequence[tuple[str, str]]

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        items = [[word, arrays.template(where, text)] for word, text in self.items]
        return {**super().spec(arrays, where), "items": items}


@dataclass(frozen=True, kw_only=True)
class Quiz(Panel):
    """Question with options; the answer and its reason are folded.

    Parameters
    ----------
    question : str
        May hold fields.
    options : sequence of str
    answer : int, or name of an array of int without further axes
        Position of the right option; with a name it follows the controls.
    explanation : str
        Why; may hold fields.

    References
    ----------
    H. L. Roediger, J. D. Karpicke, "Test-Enhanced Learning", Psychological Science
    17(3), 2006.

    Examples
    --------
    >>> Quiz(title="Guess", question="1 + 1?", options=["1", "2"], answer=1).answer
    1
    """

    kind: ClassVar[str] = "quiz"
    question: str
    options: Sequence[str]
    answer: int | str
    explanation: str = field(default="")

    def spec(self, arrays: Arrays, where: str) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        answer = arrays.ref(f"{where}.answer", self.answer)
        v = arrays.grids[answer].values
        if v.dtype.kind not in "iu" or v.min() < 0 or v.max() >= len(self.options):
            raise ValueError(
                f"{where}: the answer must be a position among "
                f"{len(self.options)} options"
            )
        if not self.explanation:
            raise ValueError(f"{where}: a quiz needs an explanation")
        return {
            **super().spec(arrays, where),
            "question": arrays.template(where, self.question),
            "options": list(self.options),
            "answer": answer,
            "explanation": arrays.template(where, self.explanation),
        }

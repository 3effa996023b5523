"""Controls of an explorer, and arrays measured on the grid of their values.

A control holds a short list of values.  The product of the lists is the grid of
states that a reader can reach.  A `Grid` is an array measured on part of that grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.explore_text import number


@dataclass(frozen=True, kw_only=True)
class Control:
    """One thing the reader can change; use a subclass.

    References
    ----------
    W3C, "ARIA Authoring Practices Guide", patterns "Slider", "Listbox" and "Switch".
    https://www.w3.org/WAI/ARIA/apg

    Examples
    --------
    >>> c = Slider("lr", [0.1, 1.0], default=1.0)
    >>> isinstance(c, Control), c.index(1.0)
    (True, 1)
    """

    name: str
    values: tuple[Any, ...]
    default: Any
    label: str
    labels: tuple[str, ...]
    kind: str
    extra: tuple[tuple[str, Any], ...] = ()

    def index(self, value: Any) -> int:
        """Position of `value` on the grid; ValueError when it is not there."""
        for i, known in enumerate(self.values):
            numbers = all(isinstance(v, float | int) for v in (known, value))
            if known == value or (numbers and math.isclose(known, value)):
                return i
        raise ValueError(f"control {self.name!r} has no value {value!r}")

    def spec(self) -> dict[str, Any]:
        """Return the JSON description that the page reads."""
        return {
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "values": list(self.values),
            "labels": list(self.labels),
            "default": self.index(self.default),
            **dict(self.extra),
        }


def _control(
    kind: str,
    name: str,
    values: Sequence[Any],
    default: Any,
    label: str | None,
    labels: Sequence[str] | None,
    show: Callable[[Any], str],
    **extra: Any,
) -> Control:
    if not name.isidentifier():
        raise ValueError(f"a control's name must be an identifier, got {name!r}")
    plain = tuple(v.item() if isinstance(v, np.generic) else v for v in values)
    if not plain:
        raise ValueError(f"control {name!r} has no values")
    if len(set(plain)) != len(plain):
        raise ValueError(f"control {name!r} repeats a value: {plain}")
    words = tuple(show(v) for v in plain) if labels is None else tuple(labels)
    if len(words) != len(plain):
        raise ValueError(
            f"control {name!r} has {len(plain)} values but {len(words)} labels"
        )
    control = Control(
        kind=kind,
        name=name,
        values=plain,
        default=plain[0] if default is None else default,
        label=label or name.replace("_", " "),
        labels=words,
        extra=tuple(extra.items()),
    )
    control.index(control.default)
    return control


def _numbers(name: str, values: Sequence[float]) -> list[float]:
    out = [v.item() if isinstance(v, np.generic) else v for v in values]
    for v in out:
        if isinstance(v, bool) or not isinstance(v, int | float):
            raise ValueError(f"control {name!r} needs numbers, got {v!r}")
        if not math.isfinite(v):
            raise ValueError(f"control {name!r} needs finite numbers, got {v!r}")
    return out


def Slider(
    name: str,
    values: Sequence[float],
    *,
    default: float | None = None,
    label: str | None = None,
    labels: Sequence[str] | None = None,
    unit: str = "",
    fine: int = 0,
) -> Control:
    """Slider over a list of numbers, evenly placed (so a log grid looks even).

    Parameters
    ----------
    name : str
        Identifier; the key in the state, in templates and in links.
    values : sequence of float
        The grid.  Nothing between two values can be chosen on the page.
    default : float, optional
        Value at the start and after a reset; the first one when left out.
    label : str, optional
        What the reader sees beside the slider; `name` when left out.
    labels : sequence of str, optional
        How each value is written; short numbers when left out.
    unit : str
        Written after each value.
    fine : int
        Extra positions between two neighbors, only in JupyterLab and only when
        `explore` got a `compute` function that can answer for them.

    References
    ----------
    W3C, "ARIA Authoring Practices Guide", patterns "Slider", "Listbox" and "Switch".
    https://www.w3.org/WAI/ARIA/apg

    Examples
    --------
    >>> Slider("lr", [1e-5, 1e-3, 0.1], default=1e-3).labels
    ('10⁻⁵', '0.001', '0.1')
    """
    tail = unit if unit in ("", "%", "°") else f" {unit}"
    numbers = _numbers(name, values)
    logarithmic = len(numbers) > 2 and min(numbers) > 0 and _looks_log(numbers)
    return _control(
        "slider",
        name,
        numbers,
        default,
        label,
        labels,
        lambda v: number(v) + tail,
        fine=int(fine),
        log=logarithmic,
        unit=tail,
    )


def _looks_log(values: Sequence[float]) -> bool:
    """Ratios of neighbors vary less than their differences."""
    a = np.asarray(values, dtype=float)
    ratios, steps = np.log(a[1:] / a[:-1]), np.diff(a)
    return bool(np.std(ratios) / np.mean(ratios) < np.std(steps) / np.mean(steps))


def Play(
    name: str,
    values: Sequence[float],
    *,
    default: float | None = None,
    label: str | None = None,
    labels: Sequence[str] | None = None,
    rate: float = 10.0,
) -> Control:
    """Slider over steps with a button that walks along them, `rate` per second.

    It never starts by itself.  For a reader who asks for reduced motion the button
    advances one step per press.  Arrays given without `over` do not depend on it:
    it usually marks a place on an axis they carry.

    References
    ----------
    W3C, "ARIA Authoring Practices Guide", patterns "Slider", "Listbox" and "Switch".
    https://www.w3.org/WAI/ARIA/apg

    Examples
    --------
    >>> Play("step", range(0, 101, 20)).labels
    ('0', '20', '40', '60', '80', '100')
    """
    if not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")
    numbers = _numbers(name, values)
    return _control(
        "play", name, numbers, default, label, labels, number, rate=float(rate)
    )


def Select(
    name: str,
    values: Sequence[str | float],
    *,
    default: str | float | None = None,
    label: str | None = None,
    labels: Sequence[str] | None = None,
) -> Control:
    """Drop-down list of words (or numbers).

    References
    ----------
    W3C, "ARIA Authoring Practices Guide", patterns "Slider", "Listbox" and "Switch".
    https://www.w3.org/WAI/ARIA/apg

    Examples
    --------
    >>> Select("activation", ["tanh", "relu"]).default
    'tanh'
    """

    def show(v: Any) -> str:
        return v if isinstance(v, str) else number(v)

    return _control("select", name, values, default, label, labels, show)


def Toggle(
    name: str,
    *,
    default: bool = False,
    label: str | None = None,
    labels: tuple[str, str] = ("off", "on"),
) -> Control:
    """Check box; its axis of the grid is (off, on).

    References
    ----------
    W3C, "ARIA Authoring Practices Guide", patterns "Slider", "Listbox" and "Switch".
    https://www.w3.org/WAI/ARIA/apg

    Examples
    --------
    >>> Toggle("bias").values
    (False, True)
    """
    return _control("toggle", name, [False, True], bool(default), label, labels, str)


@dataclass(frozen=True)
class Grid:
    """Array measured on the grid of some of the controls.

    Parameters
    ----------
    values : array_like
        Shape: one axis per name in `over`, in that order, then the axes that a
        panel draws (none for a number that only a sentence shows).
    over : sequence of str
        Names of the controls it depends on; empty for a constant.
    bits : {8, 16}
        Size of a code, see `pack`.

    References
    ----------
    W. S. Cleveland, "Visualizing Data", 1993, chapter 4 (one variable at fixed
    values of the others).

    Examples
    --------
    >>> Grid(np.zeros((3, 10)), over=["gain"]).over
    ('gain',)
    """

    values: Any
    over: Sequence[str] = ()
    bits: int = 16

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.asarray(self.values))
        over = (self.over,) if isinstance(self.over, str) else tuple(self.over)
        object.__setattr__(self, "over", over)

    def check(self, name: str, controls: Sequence[Control]) -> None:
        """Raise ValueError unless the leading axes fit the controls."""
        known = {c.name: len(c.values) for c in controls}
        for control in self.over:
            if control not in known:
                raise ValueError(
                    f"data {name!r} is over {control!r}, which is no control; "
                    f"controls: {', '.join(known)}"
                )
        lead = tuple(known[c] for c in self.over)
        if self.values.shape[: len(lead)] != lead:
            raise ValueError(
                f"data {name!r} has shape {self.values.shape}; the controls "
                f"{', '.join(self.over)} ask for {lead} first"
            )

    @property
    def tail(self) -> tuple[int, ...]:
        """Shape of one slice."""
        return self.values.shape[len(self.over) :]


def bin_counts(values: Any, edges: Any) -> np.ndarray:
    """Share of the values in each bin, with what lies outside the edges.

    Parameters
    ----------
    values : array_like, shape (..., n)
        The last axis is counted.
    edges : array_like, shape (bins + 1,)
        Increasing.

    Returns
    -------
    ndarray, shape (..., bins + 2)
        Share below the first edge, share in each bin, share above the last edge.
        The last bin includes its right edge.

    References
    ----------
    D. W. Scott, "Multivariate Density Estimation", 1992, chapter 3 (histograms).

    Examples
    --------
    >>> bin_counts([-3.0, 0.1, 0.2, 0.9], [0.0, 0.5, 1.0])
    array([0.25, 0.5 , 0.25, 0.  ])
    """
    values, edges = np.asarray(values, dtype=float), np.asarray(edges, dtype=float)
    if edges.ndim != 1 or edges.size < 2 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"edges must increase, got shape {edges.shape}")
    if np.isnan(values).any():
        raise ValueError("values contain NaN: a histogram would hide them")
    rows = values.reshape(-1, values.shape[-1])
    place = np.searchsorted(edges, rows, side="right")
    place[rows == edges[-1]] = edges.size - 1
    counts = np.stack([np.bincount(r, minlength=edges.size + 1) for r in place])
    return (counts / values.shape[-1]).reshape(*values.shape[:-1], -1)

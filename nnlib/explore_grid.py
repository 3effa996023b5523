"""Controls of an explorer, and arrays packed on the grid of their values.

A control holds a short list of values.  The product of the lists is the grid of
states that a reader can reach.  `Grid` is an array measured on (part of) that
grid; `pack` writes it as compact text for the page and says how exact the text is.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import numpy as np

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 4) -> str:
    """Write a number for a reader: few digits, a true minus, powers of ten.

    Examples
    --------
    >>> [number(v) for v in (0.5, -12.0, 1e-7, 2.5e9, float("inf"))]
    ['0.5', '−12', '10⁻⁷', '2.5×10⁹', '∞']
    """
    value = float(value)
    if math.isnan(value):
        return "no value"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    mantissa, exponent = rounded(value, f".{digits - 1}e").split("e")
    power = int(exponent)
    if -4 <= power < 6:
        return _strip(f"{float(f'{mantissa}e{power}'.replace('−', '-')):.12f}")
    short = _strip(mantissa) if "." in mantissa else mantissa
    ten = "10" + str(power).translate(_SUPERSCRIPTS)
    return ten if short == "1" else f"{short}×{ten}"


def rounded(value: float, form: str) -> str:
    """Format with halves away from zero and a true minus, as the page does."""
    with localcontext() as context:
        context.rounding = ROUND_HALF_UP
        return format(Decimal(value), form).replace("-", "−").replace("e−", "e-")


def _strip(text: str) -> str:
    return text.rstrip("0").rstrip(".").replace("-", "−")


def formatted(value: Any, form: str) -> str:
    """Write `value` as a field of a sentence does: ``.3g  .2f  .1%  d``.

    Examples
    --------
    >>> formatted(0.125, ".1%"), formatted(1234.5, ".2g"), formatted(-0.5, "d")
    ('12.5%', '1200', '−1')
    """
    if isinstance(value, str):
        return str(value)
    v = float(value)
    if not math.isfinite(v) or not form:
        return number(v)
    kind, digits = form[-1], "".join(c for c in form if c.isdigit())
    if kind == "g":
        return number(v, max(int(digits or 4), 1))
    if kind == "%":
        return rounded(100 * v, f".{digits or 6}f") + "%"
    return rounded(v, f".{0 if kind == 'd' else digits or 6}f")


# ------------------------------------------------------------------ controls


@dataclass(frozen=True, kw_only=True)
class Control:
    """One thing the reader can change; use a subclass."""

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

    Examples
    --------
    >>> Toggle("bias").values
    (False, True)
    """
    return _control("toggle", name, [False, True], bool(default), label, labels, str)


# -------------------------------------------------------------------- arrays

_RESERVED = 4  # the top codes mean: exact zero, -inf, +inf, NaN


def pack(values: np.ndarray, *, bits: int = 16) -> dict[str, Any]:
    """Write an array as text that the page can read.

    Small arrays are written out exactly.  Larger ones become codes of 8 or 16
    bits, linear in the value, or in its logarithm when it spans more than three
    decades; whole numbers that fit stay exact; where codes would be too coarse the
    values are kept as floats.  NaN and infinities have their own codes.

    Parameters
    ----------
    values : ndarray
        Real numbers, booleans or strings, of any shape.
    bits : {8, 16}
        Size of a code.  8 halves the page for images and histograms.

    Returns
    -------
    dict
        JSON description; ``error`` bounds the absolute error, or the relative one
        when ``map`` is ``"log"``.

    Examples
    --------
    >>> packed = pack(np.linspace(0.0, 1.0, 1000))
    >>> packed["map"], packed["error"] < 1e-5
    ('linear', True)
    >>> bool(np.max(np.abs(unpack(packed) - np.linspace(0, 1, 1000))) < 1e-5)
    True
    """
    if bits not in (8, 16):
        raise ValueError(f"bits must be 8 or 16, got {bits}")
    values = np.asarray(values)
    shape = {"shape": list(values.shape)}
    if values.dtype.kind in "US":
        words, codes = np.unique(values.astype(str), return_inverse=True)
        return {**pack(codes.reshape(values.shape)), "words": words.tolist()}
    if values.dtype.kind not in "fiub":
        raise ValueError(f"cannot show values of dtype {values.dtype}")
    v = values.astype(np.float64).ravel()
    finite = v[np.isfinite(v)]
    if v.size <= 64:
        return {**shape, "map": "exact", "values": [_json(x) for x in v], "error": 0.0}
    if finite.size == 0:
        finite = np.zeros(1)
    top = 2**bits - 1
    codes_available = top - _RESERVED
    lo, hi = float(finite.min()), float(finite.max())
    size = np.abs(finite[finite != 0])
    if np.all(finite == np.round(finite)) and hi - lo <= codes_available:
        return _codes(v, shape, bits, "linear", lo, 1.0, 0.0)
    if lo >= 0 and size.size and size.max() > 1e3 * size.min():
        low, high = math.log(size.min()), math.log(size.max())
        step = (high - low) / codes_available
        if step < 4e-4 or bits == 8:
            return _codes(v, shape, bits, "log", low, step, math.expm1(0.51 * step))
        return _floats(v, shape)
    step = (hi - lo) / codes_available
    if not step < 1e300:
        return _floats(v, shape)
    if bits == 16 and size.size and step > 1e-3 * float(np.median(size)):
        return _floats(v, shape)
    return _codes(v, shape, bits, "linear", lo, step, 0.51 * step)


def _json(x: float) -> float | str:
    return float(x) if math.isfinite(x) else str(float(x))  # "nan", "inf", "-inf"


def _codes(
    v: np.ndarray,
    shape: dict[str, Any],
    bits: int,
    kind: str,
    lo: float,
    step: float,
    error: float,
) -> dict[str, Any]:
    top = 2**bits - 1
    ok = np.isfinite(v) & ((v != 0) | (kind == "linear"))
    x = np.log(v[ok]) if kind == "log" else v[ok]
    codes = np.full(v.shape, top, dtype=np.uint16)  # NaN unless told otherwise
    codes[ok] = np.rint((x - lo) / step) if step > 0 else 0
    codes[np.isposinf(v)] = top - 1
    codes[np.isneginf(v)] = top - 2
    codes[(v == 0) & ~ok] = top - 3
    # All high bytes, then all low bytes: neighbors resemble each other and shrink.
    planes = [codes & 255] if bits == 8 else [codes >> 8, codes & 255]
    raw = np.concatenate(planes).astype(np.uint8).tobytes()
    return {
        **shape,
        "map": kind,
        "bits": bits,
        "lo": lo,
        "step": step,
        "zip": _zip(raw),
        "error": error,
    }


def _floats(v: np.ndarray, shape: dict[str, Any]) -> dict[str, Any]:
    size = np.abs(v[np.isfinite(v) & (v != 0)])
    small = size.size and size.max() < 3e38 and size.min() > 1e-37
    bits = 32 if small else 64
    raw = v.astype("<f4" if small else "<f8").tobytes()
    error = float(size.max() * 6e-8) if small else 0.0
    return {**shape, "map": "float", "bits": bits, "zip": _zip(raw), "error": error}


def _zip(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """Read back what `pack` wrote (the page has the same function)."""
    shape = tuple(packed["shape"])
    kind = packed["map"]
    if kind == "exact":
        v = np.array([float(x) for x in packed["values"]])
    else:
        raw = zlib.decompress(base64.b64decode(packed["zip"]))
        bits = packed["bits"]
        if kind == "float":
            v = np.frombuffer(raw, f"<f{bits // 8}").astype(np.float64)
        else:
            planes = np.frombuffer(raw, np.uint8).reshape(bits // 8, -1)
            codes = planes[0].astype(np.int64)
            if bits == 16:
                codes = codes * 256 + planes[1]
            top = 2**bits - 1
            v = packed["lo"] + packed["step"] * codes
            if kind == "log":
                v = np.exp(v)
                v[codes == top - 3] = 0.0
            v[codes == top] = np.nan
            v[codes == top - 1] = np.inf
            v[codes == top - 2] = -np.inf
    if "words" in packed:
        return np.array(packed["words"])[v.astype(int)].reshape(shape)
    return v.reshape(shape)


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

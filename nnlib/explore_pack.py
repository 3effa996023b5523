"""Arrays as compact text for a page, with a promise of how exact the text is."""

from __future__ import annotations

import base64
import math
import zlib
from typing import Any

import numpy as np

_RESERVED = 4  # the top codes mean: exact zero, -inf, +inf, NaN


def pack(values: Any, *, bits: int = 16) -> dict[str, Any]:
    """Write an array as text that the page can read.

    Up to 64 values are written out exactly.  More become whole numbers, the codes:
    linear in the value; or in its logarithm, when it is positive and spans more than
    three decades; or, when neither is fine enough (a diverging path), the first 24
    bits of its floating-point form.  Whole numbers that fit stay exact.  NaN,
    infinities and zero survive.

    Parameters
    ----------
    values : array_like
        Real numbers, booleans or strings, of any shape.
    bits : {8, 16}
        Size of a code.  8 halves the page for images and histograms, is linear, and
        exact to 0.2 % of the range of the values.

    Returns
    -------
    dict
        JSON description; ``error`` bounds the absolute error when ``map`` is
        ``"linear"``, else the relative one.

    References
    ----------
    P. Deutsch, "DEFLATE Compressed Data Format", RFC 1951, 1996. S. Josefsson, "The
    Base16, Base32, and Base64 Data Encodings", RFC 4648, 2006.

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
    if v.size <= 64:
        return {**shape, "map": "exact", "values": [_json(x) for x in v], "error": 0.0}
    kind, lo, step = _choose(v, bits)
    if kind == "float":
        bits, codes, error = 24, _float_codes(v), 2.0**-13
    else:
        codes = _codes(v, bits, kind, lo, step)
        error = math.expm1(0.51 * step) if kind == "log" else 0.51 * step
        if kind == "linear" and step == 1 and np.all(v == np.round(v)):
            error = 0.0
    return {
        **shape,
        "map": kind,
        "bits": bits,
        "lo": lo,
        "step": step,
        "error": error,
        **_squeeze(codes, bits),
    }


def _json(x: float) -> float | str:
    return float(x) if math.isfinite(x) else str(float(x))  # "nan", "inf", "-inf"


def _choose(v: np.ndarray, bits: int) -> tuple[str, float, float]:
    """Return the map with the lowest value and the step of its codes."""
    finite = v[np.isfinite(v)]
    if finite.size == 0:
        return "linear", 0.0, 0.0
    room = 2**bits - 1 - _RESERVED
    lo, hi = float(finite.min()), float(finite.max())
    size = np.abs(finite[finite != 0])
    if np.all(finite == np.round(finite)) and hi - lo <= room:
        return "linear", lo, 1.0
    if bits == 16 and lo >= 0 and size.max() > 1e3 * size.min():
        low = math.log(size.min())
        step = (math.log(size.max()) - low) / room
        return ("log", low, step) if step < 4e-4 else ("float", 0.0, 0.0)
    step = hi / room - lo / room
    coarse = step > 1e-3 * float(np.median(size)) if size.size else False
    if step > 1e300 or (bits == 16 and coarse):
        return "float", 0.0, 0.0
    return "linear", lo, step


def _codes(v: np.ndarray, bits: int, kind: str, lo: float, step: float) -> np.ndarray:
    top = 2**bits - 1
    ok = np.isfinite(v) & ((v != 0) | (kind == "linear"))
    x = np.log(v[ok]) if kind == "log" else v[ok]
    codes = np.full(v.shape, top, dtype=np.int64)  # NaN unless told otherwise
    codes[ok] = np.rint((x - lo) / step) if step > 0 else 0
    codes[np.isposinf(v)] = top - 1
    codes[np.isneginf(v)] = top - 2
    codes[(v == 0) & ~ok] = top - 3
    return codes


def _float_codes(v: np.ndarray) -> np.ndarray:
    """Round doubles to their first 24 bits: sign, exponent, 12 bits of fraction."""
    whole = v.view(np.uint64)
    half = np.where(np.isfinite(v) & (np.abs(v) < 1e308), 1 << 39, 0).astype(np.uint64)
    return ((whole + half) >> np.uint64(40)).astype(np.int64)


def _squeeze(codes: np.ndarray, bits: int) -> dict[str, Any]:
    """Compress codes, as they are or as differences of neighbors.

    All first bytes come before all second bytes: they resemble each other.
    """
    texts = []
    for c in (codes, np.diff(codes, prepend=0) % 2**bits):
        planes = [(c >> shift) & 255 for shift in range(bits - 8, -1, -8)]
        raw = np.concatenate(planes).astype(np.uint8).tobytes()
        texts.append(base64.b64encode(zlib.compress(raw, 9)).decode("ascii"))
    plain, difference = texts
    delta = len(difference) < len(plain)
    return {"delta": delta, "zip": difference if delta else plain}


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """Read back what `pack` wrote (the page has the same function).

    References
    ----------
    See `pack`.

    Examples
    --------
    >>> unpack(pack([1.5, float("inf")]))
    array([1.5, inf])
    """
    kind = packed["map"]
    if kind == "exact":
        v = np.array([float(x) for x in packed["values"]])
    else:
        bits = packed["bits"]
        raw = zlib.decompress(base64.b64decode(packed["zip"]))
        codes = np.zeros(len(raw) * 8 // bits, dtype=np.int64)
        for plane in np.frombuffer(raw, np.uint8).reshape(bits // 8, -1):
            codes = codes * 256 + plane
        if packed["delta"]:
            codes = np.cumsum(codes) % 2**bits
        v = _values(codes, packed)
    if "words" in packed:
        v = np.array(packed["words"])[v.astype(int)]
    return v.reshape(packed["shape"])


def _values(codes: np.ndarray, packed: dict[str, Any]) -> np.ndarray:
    kind, top = packed["map"], 2 ** packed["bits"] - 1
    if kind == "float":
        return (codes.astype(np.uint64) << np.uint64(40)).view(np.float64)
    v = packed["lo"] + packed["step"] * codes
    if kind == "log":
        v = np.exp(v)
        v[codes == top - 3] = 0.0
    v[codes == top] = np.nan
    v[codes == top - 1] = np.inf
    v[codes == top - 2] = -np.inf
    return v

"""Values as plain JSON: the only thing that leaves the kernel of a lab.

`encode` runs in the learner's kernel and turns a value into a dictionary of JSON types.
`flatten` reads such a dictionary wherever it is judged. It trusts nothing: whatever has
not exactly the expected form is a `MalformedError`, never another exception.
No method of a learner's object takes part in a comparison.
"""

import math
from typing import Any, NamedTuple

VALUE = "application/vnd.lab.value+json"  # how it travels
MAX_ITEMS = 20_000
MAX_TEXT = 4_000
MAX_DEPTH = 8
KINDS = ["none", "bool", "int", "float", "text", "array", "list", "dict", "other"]


class MalformedError(ValueError):
    """The payload is not something that `encode` writes."""


class Flat(NamedTuple):
    """A value as its structure in words and the list of its leaves."""

    structure: str
    leaves: list[Any]


def encode(value: Any, depth: int = 0) -> dict[str, Any]:
    """Return `value` as a dictionary of JSON types.

    Numbers keep full precision. Lists and tuples are the same thing, arrays of any
    library become their shape, dtype and numbers, and an object of another kind only
    its type's name.

    Raises
    ------
    ValueError
        If the value has more than 20 000 numbers or 8 levels.

    Examples
    --------
    >>> encode((1, 0.5, float("nan")))["data"][2]
    {'kind': 'float', 'data': 'nan'}
    """
    if depth > MAX_DEPTH:
        raise ValueError("the value is nested too deeply to be checked")
    if value is None:
        return {"kind": "none"}
    if isinstance(value, bool):
        return {"kind": "bool", "data": bool(value)}
    if isinstance(value, int):
        return {"kind": "int", "data": int(value)}
    if isinstance(value, float):
        return {"kind": "float", "data": _number(float(value))}
    if isinstance(value, str):
        return {"kind": "text", "data": str(value)[:MAX_TEXT]}
    if isinstance(value, (list, tuple)):
        if len(value) > MAX_ITEMS:
            raise ValueError(f"the value has {len(value)} items, too many to check")
        return {"kind": "list", "data": [encode(v, depth + 1) for v in value]}
    if isinstance(value, dict):
        items = {str(k): encode(v, depth + 1) for k, v in value.items()}
        return {"kind": "dict", "data": items}
    return _encode_array(value)


def _encode_array(value: Any) -> dict[str, Any]:
    import numpy as np

    if hasattr(value, "detach"):  # a torch tensor, on any device
        value = value.detach().cpu().numpy()
    if not hasattr(value, "__array__"):
        return {"kind": "other", "data": type(value).__name__[:80]}
    a = np.asarray(value)
    if a.dtype.kind not in "biuf":
        return {"kind": "other", "data": f"array of {a.dtype}"[:80]}
    if a.size > MAX_ITEMS:
        raise ValueError(f"the array has {a.size} numbers, too many to check")
    if a.ndim == 0:
        return encode(a.item())
    data = [_number(v) if a.dtype.kind == "f" else v for v in a.ravel().tolist()]
    shape = [int(n) for n in a.shape]
    return {"kind": "array", "shape": shape, "dtype": str(a.dtype), "data": data}


def _number(x: float) -> float | str:
    """JSON has no NaN and no infinity: they travel as words."""
    return x if math.isfinite(x) else repr(x)


def flatten(payload: Any, depth: int = 0) -> Flat:
    """Return structure and leaves of an encoded value.

    Examples
    --------
    >>> flatten(encode((1, [0.5, True])))
    Flat(structure='(number, (number, bool))', leaves=[1, 0.5, True])
    """
    if depth > MAX_DEPTH or not isinstance(payload, dict):
        raise MalformedError("not an encoded value")
    kind, data = payload.get("kind"), payload.get("data")
    if kind == "none":
        return Flat("None", [])
    if kind == "bool" and isinstance(data, bool):
        return Flat("bool", [data])
    if kind == "int" and _is_int(data):
        return Flat("number", [data])
    if kind == "float":
        return Flat("number", [_float(data)])
    if kind == "text" and isinstance(data, str):
        return Flat("text", [data])
    if kind == "array":
        return _flatten_array(payload)
    if kind == "list" and isinstance(data, list) and len(data) <= MAX_ITEMS:
        parts = [flatten(item, depth + 1) for item in data]
        return Flat(f"({', '.join(p.structure for p in parts)})", _join(parts))
    if kind == "dict" and isinstance(data, dict) and len(data) <= MAX_ITEMS:
        keys = sorted(data)
        parts = [flatten(data[k], depth + 1) for k in keys]
        words = [f"{k}: {p.structure}" for k, p in zip(keys, parts, strict=True)]
        return Flat("{" + ", ".join(words) + "}", _join(parts))
    if kind == "other" and isinstance(data, str):
        return Flat(f"<{data[:80]}>", [])
    raise MalformedError("not an encoded value")


def _flatten_array(payload: dict[str, Any]) -> Flat:
    shape: Any = payload.get("shape")
    dtype: Any = payload.get("dtype")
    data: Any = payload.get("data")
    good = (
        isinstance(shape, list)
        and all(_is_int(n) and 0 <= n <= MAX_ITEMS for n in shape)
        and isinstance(dtype, str)
        and isinstance(data, list)
        and len(data) == math.prod(shape) <= MAX_ITEMS
    )
    if not good:
        raise MalformedError("not an encoded array")
    if dtype == "bool":
        if not all(isinstance(v, bool) for v in data):
            raise MalformedError("not an encoded array")
        return Flat(f"bool array of shape {tuple(shape)}", list(data))
    exact = dtype.startswith(("int", "uint"))
    if exact and not all(_is_int(v) for v in data):
        raise MalformedError("not an encoded array")
    leaves = list(data) if exact else [_float(v) for v in data]
    return Flat(f"array of shape {tuple(shape)}", leaves)


def dtypes(payload: Any) -> list[str]:
    """Return the dtype of every array of an encoded value, in order."""
    data = payload.get("data")
    if payload.get("kind") == "array":
        return [str(payload.get("dtype"))]
    parts = data if isinstance(data, list) else []
    parts = [data[k] for k in sorted(data)] if isinstance(data, dict) else parts
    return [d for part in parts if isinstance(part, dict) for d in dtypes(part)]


def _join(parts: list[Flat]) -> list[Any]:
    leaves = [leaf for part in parts for leaf in part.leaves]
    if len(leaves) > MAX_ITEMS:
        raise MalformedError("too many numbers")
    return leaves


def _is_int(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and abs(x) < 10**4000


def _float(x: Any) -> float:
    if isinstance(x, float) or (_is_int(x) and abs(x) < 2**1000):
        return float(x)
    if isinstance(x, str) and x in ("nan", "inf", "-inf"):
        return float(x)
    raise MalformedError("not a number")


def show(payload: dict[str, Any], digits: int = 3) -> str:
    """Write an encoded value for people, short and rounded.

    Examples
    --------
    >>> show(encode([2 / 3, 5, None]))
    '(0.667, 5, None)'
    """
    kind: str = payload["kind"]
    data: Any = payload.get("data")
    if kind == "float":
        return data if isinstance(data, str) else f"{data:.{digits}g}"
    if kind == "list":
        words = [show(v, digits) for v in data[:8]]
        return f"({', '.join(words)}{', …' if len(data) > 8 else ''})"
    if kind == "array":
        if len(data) > 8:
            return f"array of shape {tuple(payload['shape'])}"
        words = [v if isinstance(v, str) else f"{v:.{digits}g}" for v in data]
        return f"[{', '.join(words)}]"
    if kind == "dict":
        words = [f"{k}: {show(v, digits)}" for k, v in list(data.items())[:8]]
        return "{" + ", ".join(words) + "}"
    if kind == "none":
        return "None"
    return str(data)[:200] if kind != "other" else f"an object of type {data}"

"""Fingerprints of right and wrong values, so that a lab can answer without answers.

A check cell in JupyterLab must know whether a value is right, and which misconception
it comes from, without a readable solution in the notebook. A fingerprint keeps, of each
expected number, only the remainder that centers it in its tolerance, and of the rest a
hash: another value matches exactly when all its numbers fall into the same intervals.

The width of an interval is a power of two near twice the tolerance. So a fingerprint
tells the order of magnitude of a number, and a program can search the rest: it stops
reading along, not an attack. Scores never depend on it.
"""

import hashlib
import json
import math
from typing import Any

from grader.values import MalformedError, flatten

STEPS = 256  # remainders are kept in 1/256 of an interval: the bytes stay the same


def fingerprint(
    payload: Any, *, salt: str, rtol: float = 1e-5, atol: float = 1e-8
) -> dict[str, Any]:
    """Return the fingerprint of an encoded value.

    Examples
    --------
    >>> from grader.values import encode
    >>> f = fingerprint(encode(0.1), salt="s", rtol=0.01)
    >>> [matches(encode(x), f, salt="s") for x in (0.1, 0.1004, 0.11, True)]
    [True, True, False, False]
    """
    flat = flatten(payload)
    grid: list[list[int] | None] = []
    for leaf in flat.leaves:
        exact = not isinstance(leaf, float) or not math.isfinite(leaf)
        width = 0.0 if exact else 2 * (atol + rtol * abs(leaf))
        if exact or width == 0.0:
            grid.append(None)
            continue
        power = round(math.log2(width))
        step = 2.0**power
        rest = leaf - round(leaf / step) * step
        grid.append([power, round(rest / step * STEPS)])
    keys = _keys(flat.leaves, grid)
    return {"s": flat.structure, "g": grid, "h": _digest(salt, flat.structure, keys)}


def matches(payload: Any, print_: dict[str, Any], *, salt: str) -> bool:
    """Tell whether an encoded value has this fingerprint."""
    try:
        flat = flatten(payload)
        if flat.structure != print_["s"] or len(flat.leaves) != len(print_["g"]):
            return False
        keys = _keys(flat.leaves, print_["g"])
    except (MalformedError, OverflowError, ValueError, TypeError):
        return False
    return _digest(salt, flat.structure, keys) == print_["h"]


def _keys(leaves: list[Any], grid: list[list[int] | None]) -> list[Any]:
    keys: list[Any] = []
    for leaf, cell in zip(leaves, grid, strict=True):
        if cell is None:
            whole = isinstance(leaf, float) and leaf.is_integer()
            keys.append(int(leaf) if whole else repr(leaf))
            if not isinstance(leaf, (bool, str, float)):
                keys[-1] = leaf
        else:
            step = 2.0 ** cell[0]
            keys.append(round((float(leaf) - cell[1] / STEPS * step) / step))
    return keys


def _digest(salt: str, structure: str, keys: list[Any]) -> str:
    text = json.dumps([salt, structure, keys])
    return hashlib.sha256(text.encode()).hexdigest()[:16]

"""Decide whether a value is right: the rules, outside the learner's kernel.

- The structure must be the same: a tuple of two numbers is not an array of two numbers,
  and shapes must be equal. Lists and tuples are one thing, so are 5 and 5.0.
- A bool is never a number.
- Numbers that the reference gives as integers are compared exactly, all others within
  ``atol + rtol · |expected|``.
- NaN equals only NaN, an infinity only the same infinity.
- The dtype matters only where a check asks for it.
"""

import math
from typing import Any

from grader.values import Flat, MalformedError, dtypes, flatten

Leaf = float | int | bool | str | None


def same(got: Leaf, want: Leaf, rtol: float, atol: float) -> bool:
    """Compare two leaves.

    Examples
    --------
    >>> same(1, True, 0.1, 0.1), same(0.1 + 0.2, 0.3, 1e-6, 0)
    (False, True)
    """
    if isinstance(want, (bool, str)) or isinstance(got, (bool, str)):
        return type(got) is type(want) and got == want
    if isinstance(want, int) and isinstance(got, int):
        return got == want
    try:
        g, w = float(got), float(want)  # type: ignore[arg-type]
    except OverflowError:
        return False
    if not (math.isfinite(g) and math.isfinite(w)):
        return g == w or (math.isnan(g) and math.isnan(w))
    if isinstance(want, int):
        return g == w
    return abs(g - w) <= atol + rtol * abs(w)


def compare(
    got: Any,
    want: Any,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    dtype: bool = False,
) -> str:
    """Return "" for a right value, else the kind of difference.

    Returns
    -------
    str
        ``""``, ``"malformed"``, ``"none"`` (nothing was returned), ``"structure"``,
        ``"dtype"``, ``"nan"`` or ``"value"``.

    Examples
    --------
    >>> from grader.values import encode
    >>> compare(encode((3, 2)), encode((3, 2))), compare(encode(None), encode(1))
    ('', 'none')
    """
    expected = flatten(want)
    try:
        value = flatten(got)
    except MalformedError:
        return "malformed"
    if value.structure != expected.structure:
        return "none" if value.structure == "None" else "structure"
    if dtype and dtypes(got) != dtypes(want):
        return "dtype"
    pairs = zip(value.leaves, expected.leaves, strict=True)
    if all(same(g, w, rtol, atol) for g, w in pairs):
        return ""
    return "nan" if _unbounded(value) and not _unbounded(expected) else "value"


def _unbounded(flat: Flat) -> bool:
    return any(isinstance(v, float) and not math.isfinite(v) for v in flat.leaves)


def explain(
    code: str, *, got: Any = None, structure: str = "", public: bool = False
) -> str:
    """Say in words what `compare` found.

    Parameters
    ----------
    code : str
        From `compare`.
    got : encoded value
        The learner's, quoted only for a public check.
    structure : str
        The expected structure, as `flatten` writes it.
    public : bool
        Whether the check's input may be known to the learner.
    """
    words = {
        "malformed": "the value could not be read",
        "none": "nothing came back: is a return missing?",
        "structure": "this has not the form that was asked for",
        "dtype": "the dtype is not the one that was asked for",
        "nan": "the result contains NaN or infinity",
        "value": "the value is not right",
    }
    if code == "structure" and public:
        try:
            found = flatten(got).structure
        except MalformedError:
            found = "something else"
        return f"expected {_article(structure)}, got {_article(found)}"
    return words[code]


def _article(structure: str) -> str:
    """Put a structure into a sentence."""
    if structure.startswith("("):
        inner = structure[1:-1].split(", ") if structure != "()" else []
        if len(set(inner)) == 1 and inner[0] in ("number", "bool", "text"):
            return f"{len(inner)} {inner[0]}{'s' if len(inner) > 1 else ''}"
        return f"a tuple {structure}" if len(structure) < 80 else "a longer tuple"
    if structure.startswith("{"):
        return "a dictionary with other entries"
    if structure.startswith("<"):
        return f"an object of type {structure[1:-1]}"
    return structure if structure in ("None", "text") else f"a{_n(structure)}"


def _n(word: str) -> str:
    return f"n {word}" if word.startswith("a") else f" {word}"

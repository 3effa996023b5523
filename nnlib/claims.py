"""Claims: statements of the book that are measured at every build.

``claim(id, value, low=…, high=…)`` shows the measured value as a badge and stops the
page when it leaves the range. The badge carries its data under the MIME type
``application/vnd.nnlib.claim+json``, from which the table of all claims is made.
"""

import html
import math
import re
from collections.abc import Sequence
from typing import Any

from nnlib.backend import to_numpy

MIME = "application/vnd.nnlib.claim+json"


class ClaimError(AssertionError):
    """A measured value lies outside the range that the text claims.

    References
    ----------
    See `claim`.

    Examples
    --------
    >>> issubclass(ClaimError, AssertionError)
    True
    """


class Claim:
    """A checked claim; made by `claim`.

    Attributes
    ----------
    record : dict
        id, text, value, low, high, unit, spread, n, sources.

    References
    ----------
    X. Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks",
    MLSys 2021. arXiv:2103.03098.

    Examples
    --------
    >>> print(Claim({"id": "C00.x", "text": "x", "value": 1.0, "low": 0.0, "high": 2.0,
    ...              "unit": "", "spread": None, "n": None, "sources": []}))
    measured: x: 1 (claimed: 0 to 2)
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record

    def measured(self) -> str:
        """Return the value with its spread and unit, for people."""
        r = self.record
        text = number(r["value"])
        if r["spread"] is not None:
            text = plus_minus(r["value"], r["spread"])
        return text + (f" {r['unit']}" if r["unit"] else "")

    def claimed(self) -> str:
        """Return the claimed range, for people."""
        low, high = self.record["low"], self.record["high"]
        if math.isinf(low) and low < 0:
            return f"at most {number(high)}"
        if math.isinf(high) and high > 0:
            return f"at least {number(low)}"
        return f"{number(low)} to {number(high)}"

    def __str__(self) -> str:
        seeds = f", {self.record['n']} seeds" if self.record["n"] else ""
        text = self.record["text"]
        return f"measured: {text}: {self.measured()} (claimed: {self.claimed()}{seeds})"

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict:
        r = self.record
        seeds = f" · {r['n']} seeds" if r["n"] else ""
        badge = (
            f'<div class="claim" id="claim-{html.escape(r["id"])}">'
            f'<span class="claim-mark">measured</span> '
            f'<span class="claim-text">{html.escape(r["text"])}</span> '
            f'<strong class="claim-value">{html.escape(self.measured())}</strong> '
            f'<span class="claim-range">claimed: {html.escape(self.claimed())}'
            f"{seeds}</span></div>"
        )
        return {MIME: _finite(r), "text/html": badge, "text/plain": str(self)}


def number(x: float) -> str:
    """Write a number with three significant digits, in exponents where they help.

    References
    ----------
    nnlib's own rule for all numbers in badges and read-outs.

    Examples
    --------
    >>> number(0.00012), number(0.25), number(1234.5), number(12345678.0)
    ('1.2e-4', '0.25', '1234', '1.23e7')
    """
    if x == 0 or not math.isfinite(x):
        return "0" if x == 0 else str(x)
    if 1e-3 <= abs(x) < 1e5:
        return f"{x:.0f}" if abs(x) >= 1000 else f"{x:.3g}"
    mantissa, exponent = f"{x:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def plus_minus(value: float, spread: float) -> str:
    """Write a value and its spread with the digits that the spread leaves sure.

    Parameters
    ----------
    value, spread : float
        In the same unit. The spread keeps one significant digit, two behind a 1.

    References
    ----------
    JCGM 100:2008, "Guide to the expression of uncertainty in measurement", 7.2.6.

    Examples
    --------
    >>> plus_minus(90.4123, 0.0236), plus_minus(78.7, 0.733), plus_minus(2.98e-7, 1e-9)
    ('90.41 ± 0.02', '78.7 ± 0.7', '(2.980 ± 0.010)e-7')
    """
    if not (math.isfinite(value) and math.isfinite(spread)) or spread <= 0:
        return f"{number(value)} ± {number(spread)}"
    largest = max(abs(value), spread)
    power = 0 if 1e-3 <= largest < 1e5 else math.floor(math.log10(largest))
    v, s = value / 10.0**power, spread / 10.0**power
    lead = math.floor(math.log10(s))
    decimals = min(max(0, (s < 2 * 10.0**lead) - lead), 6)
    text = f"{v:.{decimals}f} ± {s:.{decimals}f}"
    return f"({text})e{power}" if power else text


def claim(
    id: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    text: str,
    unit: str = "",
    spread: Any = None,
    n: int | None = None,
    sources: Sequence[str] = (),
) -> Claim:
    """State that a measured value lies in a range, and check it.

    Parameters
    ----------
    id : str
        ``"C07.he-keeps-scale"``: chapter, dot, words; unique in the course.
    value : number
        What was measured (a scalar, or an array with one element).
    low, high : float
        The claimed range, ends included. Leave one out for "at least" or "at most".
    text : str
        What was measured, as a reader would say it.
    unit : str
        Such as ``"%"``, ``"nats"``, ``"steps"``.
    spread : number, optional
        Standard error, or standard deviation where the text says so.
    n : int, optional
        Number of random seeds.
    sources : sequence of str
        Rows of the source notes that the claim tests.

    Returns
    -------
    Claim
        Shows as a badge at the end of a notebook cell.

    Raises
    ------
    ClaimError
        If the value is outside the range or not a number. This stops the page.
    ValueError
        If the id is malformed or no range is given.

    References
    ----------
    See `Claim`.

    Examples
    --------
    >>> claim("C01.sum", 2, low=1, high=3, text="one and one")
    measured: one and one: 2 (claimed: 1 to 3)
    >>> claim("C01.sum", 5, low=1, high=3, text="one and one")
    Traceback (most recent call last):
    ...
    nnlib.claims.ClaimError: C01.sum: one and one: measured 5, claimed 1 to 3
    """
    if not re.fullmatch(r"C\d\d\.[a-z0-9]+(-[a-z0-9]+)*", id):
        raise ValueError(f"claim id {id!r} is not like 'C07.he-keeps-scale'")
    if math.isinf(low) and math.isinf(high):
        raise ValueError(f"claim {id} gives no range: set low, high or both")
    record: dict[str, Any] = {
        "id": id,
        "text": text,
        "value": float(to_numpy(value).reshape(())),
        "low": float(low),
        "high": float(high),
        "unit": unit,
        "spread": None if spread is None else float(to_numpy(spread).reshape(())),
        "n": n,
        "sources": list(sources),
    }
    checked = Claim(record)
    if not low <= record["value"] <= high:  # also false for nan
        raise ClaimError(
            f"{id}: {text}: measured {checked.measured()}, claimed {checked.claimed()}"
        )
    return checked


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    """Replace infinities, which JSON lacks, by None."""
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v
        for k, v in record.items()
    }

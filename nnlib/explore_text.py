"""Numbers in sentences: written for readers, alike in Python and on the page."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

# A field of a sentence: {gain}, {std[9]:.3g}, {loss[step]:.2f}.
FIELD = re.compile(r"\{([A-Za-z_]\w*)((?:\[[^\]]*\])*)(?::([^{}]*))?\}")
FORMAT = re.compile(r"((\.\d+)?[gf%]|d)?")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 4) -> str:
    """Write a number for a reader: few digits, a true minus, powers of ten.

    References
    ----------
    BIPM, "The International System of Units (SI Brochure)", 9th ed. 2019, section 5.4.

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
    """Format with halves away from zero and a true minus, as the page does.

    References
    ----------
    BIPM, "The International System of Units (SI Brochure)", 9th ed. 2019, section 5.4.

    Examples
    --------
    >>> rounded(0.125, ".2f"), rounded(-2.5, ".0f")
    ('0.13', '−3')
    """
    with localcontext() as context:
        context.rounding = ROUND_HALF_UP
        return format(Decimal(value), form).replace("-", "−").replace("e−", "e-")


def _strip(text: str) -> str:
    return text.rstrip("0").rstrip(".").replace("-", "−")


def formatted(value: Any, form: str) -> str:
    """Write `value` as a field of a sentence does: ``.3g  .2f  .1%  d``.

    References
    ----------
    Python documentation, "Format Specification Mini-Language".

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

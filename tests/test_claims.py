"""Claims: the check, the badge, the numbers."""

import json
import math

import numpy as np
import pytest
from backends import each_fast_backend, put

from nnlib.claims import MIME, ClaimError, claim, number, plus_minus


def test_a_value_in_range_makes_a_badge():
    c = claim(
        "C07.he-keeps-scale",
        0.5,
        low=0.4,
        high=0.6,
        text="spread & <scale>",
        unit="%",
        spread=0.02,
        n=5,
        sources=["S-001"],
    )
    bundle = c._repr_mimebundle_()
    assert bundle[MIME]["id"] == "C07.he-keeps-scale"
    assert bundle[MIME]["sources"] == ["S-001"]
    assert 'id="claim-C07.he-keeps-scale"' in bundle["text/html"]
    assert "spread &amp; &lt;scale&gt;" in bundle["text/html"]
    assert "5 seeds" in bundle["text/html"]
    assert bundle["text/plain"] == str(c) == repr(c)
    assert "(claimed: 0.4 to 0.6, 5 seeds)" in str(c)
    json.dumps(bundle, allow_nan=False)


@pytest.mark.parametrize("value", [1.0, 2.0])
def test_the_ends_belong_to_the_range(value):
    claim("C01.a", value, low=1, high=2, text="x")


@pytest.mark.parametrize("value", [0.999, 2.001, math.nan, math.inf, -math.inf])
def test_a_value_outside_stops_the_page(value):
    with pytest.raises(ClaimError, match=r"C01.a: x: measured .*, claimed 1 to 2"):
        claim("C01.a", value, low=1, high=2, text="x")


def test_one_sided_ranges():
    least = claim("C01.a", 5, low=1, text="x")
    most = claim("C01.a", 5, high=9, text="x")
    assert "claimed: at least 1" in str(least)
    assert "claimed: at most 9" in str(most)
    assert least._repr_mimebundle_()[MIME]["high"] is None
    with pytest.raises(ClaimError, match="at least 6"):
        claim("C01.a", 5, low=6, text="x")
    with pytest.raises(ClaimError, match="at most 4"):
        claim("C01.a", 5, high=4, text="x")
    with pytest.raises(ValueError, match="gives no range"):
        claim("C01.a", 5, text="x")


@pytest.mark.parametrize(
    "bad", ["", "C1.a", "07.a", "C07", "C07.", "C07.A", "C07.a--b"]
)
def test_malformed_ids_are_refused(bad):
    with pytest.raises(ValueError, match="is not like"):
        claim(bad, 1, low=0, text="x")


@each_fast_backend
def test_arrays_of_one_element_are_values(device):
    value = put(np.array([0.25]), device)
    assert claim("C01.a", value, low=0, spread=value, text="x").record["value"] == 0.25
    with pytest.raises((ValueError, RuntimeError)):
        claim("C01.a", put(np.ones(2), device), low=0, text="x")


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (0.25, "0.25"),
        (-2.30258, "-2.3"),
        (0.001, "0.001"),
        (0.00012, "1.2e-4"),
        (1234.5, "1234"),
        (99999, "99999"),
        (100000, "1e5"),
        (12345678.0, "1.23e7"),
    ],
)
def test_numbers(x, text):
    assert number(x) == text


def test_spread_sets_the_digits():
    assert plus_minus(90.4123, 0.0236) == "90.41 ± 0.02"
    assert plus_minus(0.5, 0.0) == "0.5 ± 0"
    assert plus_minus(math.nan, 1.0) == "nan ± 1"
    assert plus_minus(2.98e-7, 1e-9) == "(2.980 ± 0.010)e-7"

"""Values: what leaves a kernel, what is right, and what a fingerprint tells."""

import json

import numpy as np
import pytest

from grader.judge import compare, explain
from grader.sketch import fingerprint, matches
from grader.values import MalformedError, encode, flatten, show

NAN, INF = float("nan"), float("inf")


class Liar:
    """Equal to everything, if one asks it."""

    def __eq__(self, other):
        return True

    __hash__ = None


# value, expected, tolerance, what compare says
CASES = [
    (1, 1, {}, ""),
    (1.0, 1, {}, ""),
    (1 + 1e-12, 1, {}, "value"),  # an integer is compared exactly
    (0.1 + 0.2, 0.3, {}, ""),
    (0.31, 0.3, {"rtol": 0.05}, ""),
    (0.31, 0.3, {"rtol": 0.01}, "value"),
    (1e-9, 0.0, {"atol": 1e-8}, ""),
    (True, 1, {}, "structure"),
    (1, True, {}, "structure"),
    (True, True, {}, ""),
    (np.bool_(True), True, {}, ""),
    (np.float32(0.5), 0.5, {}, ""),
    (np.array(3), 3, {}, ""),
    (np.array([3]), 3, {}, "structure"),
    ((1, 2), [1, 2], {}, ""),
    ((1, 2), np.array([1, 2]), {}, "structure"),
    (np.ones((2, 3)), np.ones((3, 2)), {}, "structure"),
    (np.ones(2), np.ones((2, 1)), {}, "structure"),
    (np.ones(3, np.float32), np.ones(3), {}, ""),
    (np.ones(3, np.float32), np.ones(3), {"dtype": True}, "dtype"),
    (np.ones(3, int), np.ones(3), {}, ""),
    (np.ones(3, bool), np.ones(3), {}, "structure"),
    (NAN, 1.0, {}, "nan"),
    (INF, 1.0, {}, "nan"),
    (NAN, NAN, {}, ""),
    (INF, INF, {}, ""),
    (-INF, INF, {}, "value"),
    (1.0, NAN, {}, "value"),
    (1e308, INF, {}, "value"),
    (-0.0, 0.0, {}, ""),
    (np.array([1.0, NAN]), np.array([1.0, 2.0]), {}, "nan"),
    (10**400, 1.0, {}, "value"),
    (None, 1.0, {}, "none"),
    (None, None, {}, ""),
    ("a", "a", {}, ""),
    ("a", "b", {}, "value"),
    ("1", 1, {}, "structure"),
    ({"a": 1}, {"a": 1}, {}, ""),
    ({"a": 1}, {"b": 1}, {}, "structure"),
    (Liar(), 1, {}, "structure"),
    ([Liar()], [1], {}, "structure"),
    (1j, 1.0, {}, "structure"),
    ([], [], {}, ""),
    ([], [1], {}, "structure"),
]


@pytest.mark.parametrize(("got", "want", "spec", "code"), CASES)
def test_compare(got, want, spec, code):
    payload = json.loads(json.dumps(encode(got)))
    assert compare(payload, encode(want), **spec) == code
    if code:
        assert explain(code, got=payload, structure="number", public=True)


@pytest.mark.parametrize(("got", "want", "spec", "code"), CASES)
def test_fingerprint_agrees_with_compare(got, want, spec, code):
    spec = {k: v for k, v in spec.items() if k != "dtype"}
    print_ = json.loads(json.dumps(fingerprint(encode(want), salt="s", **spec)))
    if code not in ("dtype",):
        assert matches(encode(got), print_, salt="s") is (code == "")


def test_fingerprint_keeps_to_the_tolerance():
    rng = np.random.default_rng(0)
    for want in np.concatenate([rng.normal(0, 10**k, 50) for k in range(-4, 5)]):
        print_ = fingerprint(encode(want), salt="s", rtol=1e-3, atol=0)
        near, far = want * (1 + 4e-4), want * (1 + 3e-3)
        assert matches(encode(float(near)), print_, salt="s")
        assert not matches(encode(float(far)), print_, salt="s")
        assert not matches(encode(float(want)), print_, salt="another")


def test_fingerprint_does_not_show_the_value():
    text = json.dumps(fingerprint(encode([0.0707106, 75, "word"]), salt="s"))
    assert not any(shown in text for shown in ("0.07", "707", "75", "word"))


@pytest.mark.parametrize(
    "payload",
    [
        None,
        3,
        "x",
        [],
        {},
        {"kind": "int", "data": True},
        {"kind": "int", "data": "3"},
        {"kind": "float", "data": "infinity"},
        {"kind": "bool", "data": 1},
        {"kind": "array", "shape": [2], "dtype": "float64", "data": [1.0]},
        {"kind": "array", "shape": [-1], "dtype": "float64", "data": []},
        {"kind": "array", "shape": [1], "dtype": "int64", "data": [0.5]},
        {"kind": "array", "shape": [10**9, 10**9], "dtype": "int64", "data": []},
        {"kind": "list", "data": [{"kind": "list", "data": [3]}]},
        {"kind": "dict", "data": []},
        {"kind": ["int"], "data": 3},
    ],
)
def test_a_forged_payload_is_malformed_not_an_error(payload):
    with pytest.raises(MalformedError):
        flatten(payload)
    assert compare(payload, encode(1)) == "malformed"


def test_deep_and_large_values_are_refused():
    deep = 1
    for _ in range(50):
        deep = [deep]
    with pytest.raises(ValueError, match="deeply"):
        encode(deep)
    with pytest.raises(ValueError, match="too many"):
        encode(np.zeros(10**6))


def test_torch_tensors_are_arrays():
    torch = pytest.importorskip("torch")
    tensor = torch.ones(2, 3, requires_grad=True)
    assert compare(encode(tensor), encode(np.ones((2, 3)))) == ""


def test_show_is_short():
    assert show(encode(2 / 3)) == "0.667"
    assert show(encode(np.zeros((50, 4)))) == "array of shape (50, 4)"
    assert len(show(encode(list(range(1000))))) < 60

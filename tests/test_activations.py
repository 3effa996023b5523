"""Activations: torch, golden numbers, stability, and every backend."""

import numpy as np
import pytest
from backends import (
    close,
    each_backend,
    each_dtype,
    needs_torch,
    oracle,
    put,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnlib import activations as A
from nnlib.backend import to_numpy
from nnlib.gradcheck import numerical_gradient, relative_error

SLOPE = np.array([2.0, -0.5, 0.3, 1.0, 0.0, 5.0])


def torch_function(name):
    import torch
    import torch.nn.functional as F

    slope = torch.tensor(SLOPE)
    return {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": F.relu,
        "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
        "prelu": lambda x: torch.where(x > 0, x, slope * x),
        "elu": lambda x: F.elu(x, 1.3),
        "selu": F.selu,
        "gelu": F.gelu,
        "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
        "silu": F.silu,
        "softplus": F.softplus,
        "maxout": lambda x: x.reshape(*x.shape[:-1], -1, 3).max(-1).values,
        "softmax": lambda x: F.softmax(x, -1),
        "log_softmax": lambda x: F.log_softmax(x, -1),
    }[name]


def ours(name, x, dy, slope=SLOPE):
    """Return the output and the input gradient."""
    stem, _, form = name.partition(" ")
    options = {
        "leaky_relu": {"slope": 0.2},
        "elu": {"alpha": 1.3},
        "maxout": {"pieces": 3},
        "prelu": {"a": slope},
        "gelu": {"approximate": bool(form)},
    }.get(stem, {})
    y = getattr(A, stem)(x, **options)
    reads_y = A.ELEMENTWISE.get(stem, (0, 0, "y"))[2] == "y"
    saved = x if stem in ("maxout", "prelu") or not reads_y else y
    dx = getattr(A, f"{stem}_backward")(dy, saved, **options)
    return y, dx[0] if stem == "prelu" else dx


NAMES = [
    *A.ELEMENTWISE,
    *("prelu", "gelu tanh", "maxout", "softmax", "log_softmax"),
]
each_name = pytest.mark.parametrize("name", NAMES)


def data(name, seed=0):
    rng = np.random.default_rng(seed)
    x = 2 * rng.standard_normal((2, 5, 6))
    return x, rng.standard_normal((2, 5, 2) if name == "maxout" else x.shape)


@needs_torch
@each_name
def test_equals_torch(name):
    x, dy = data(name)
    y, (dx,) = oracle(torch_function(name), x, dy=dy)
    actual = ours(name, x, dy)
    close(actual[0], y)
    close(actual[1], dx)


@each_backend
@each_name
def test_backends_agree(name, device):
    x, dy = data(name)
    y, dx = ours(name, put(x, device), put(dy, device), put(SLOPE, device))
    for actual, expected in zip((y, dx), ours(name, x, dy), strict=True):
        close(actual, expected)


@each_name
def test_gradient(name):
    x, dy = data(name, seed=3)
    expected = numerical_gradient(lambda v: float((ours(name, v, dy)[0] * dy).sum()), x)
    actual = ours(name, x, dy)[1]
    assert relative_error(actual, expected) < 1e-6
    assert relative_error(1.001 * actual, expected) > 1e-4  # a wrong one fails


@each_name
@each_dtype
def test_finite_at_extremes(name, dtype):
    """At ±1e4 nothing overflows, with a warning or without; the dtype stays."""
    x = np.array([[-1e4, -1e2, -0.0, 0.0, 1e2, 1e4]], dtype)
    dy = np.ones((1, 2) if name == "maxout" else x.shape, dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, dx = ours(name, x, dy, SLOPE.astype(dtype))
    assert y.dtype == dx.dtype == dtype
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        # Klambauer et al. 2017: selu(-inf) = -scale·alpha.
        ("selu", -1e4, -1.7580993408473766),
        # Hendrycks, Gimpel 2016: 1·Φ(1), Φ from any table of the normal distribution.
        ("gelu", 1.0, 0.8413447460685429),
        ("gelu tanh", 1.0, 0.8411919906082768),
        ("sigmoid", 1.0, 1 / (1 + np.exp(-1))),
        ("softplus", 0.0, np.log(2)),
        ("silu", 1.0, 1 / (1 + np.exp(-1))),
        ("elu", -1.0, 1.3 * (np.exp(-1) - 1)),
        ("leaky_relu", -3.0, -0.6),
        ("tanh", 0.5, (np.e - 1) / (np.e + 1)),
        ("relu", -3.0, 0.0),
    ],
)
def test_golden(name, x, y):
    close(ours(name, np.array([x]), np.ones(1))[0], [y], rtol=1e-14)


def test_prelu_slope_gradient():
    x, dy = data("prelu")
    _, da = A.prelu_backward(dy, x, SLOPE)

    def f(a):
        return float((A.prelu(x, a) * dy).sum())

    expected = numerical_gradient(f, SLOPE.copy())
    assert relative_error(da.sum(axis=(0, 1)), expected) < 1e-6


logits = arrays(np.float64, (3, 4), elements=st.floats(-50, 50))


@given(logits, st.floats(-1e4, 1e4))
def test_softmax_shift(z, c):
    p = A.softmax(z)
    close(p.sum(axis=-1), np.ones(3))
    assert (p >= 0).all()
    close(A.softmax(z + c), p, rtol=1e-6, atol=1e-10)
    close(A.log_softmax(z), np.log(p), rtol=1e-6, atol=1e-8)


@given(arrays(np.float64, (5,), elements=st.floats(-30, 30)))
def test_identities(x):
    close(A.tanh(x), 2 * A.sigmoid(2 * x) - 1, rtol=1e-9)
    close(A.softplus(x) - A.softplus(-x), x, atol=1e-9)
    close(A.relu(x) - A.relu(-x), x)
    close(A.sigmoid(-x), 1 - A.sigmoid(x))


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_ties_go_to_the_first(device):
    x = put([[1.0, 1.0, 0.0]], device)
    dx = A.maxout_backward(put([[1.0]], device), x, pieces=3)
    close(dx, [[1.0, 0.0, 0.0]])
    close(A.relu_backward(put([1.0], device), put([0.0], device)), [0.0])


def test_relu_keeps_nan():
    assert np.isnan(to_numpy(A.relu(np.array([np.nan])))).all()


@pytest.mark.parametrize("pieces", [0, 4, -1])
def test_maxout_groups(pieces):
    with pytest.raises(ValueError, match=f"6 columns do not form groups of {pieces}"):
        A.maxout(np.zeros((1, 6)), pieces)

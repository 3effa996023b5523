"""Dropout and DropConnect: masks, expectations, conventions, inference."""

import numpy as np
import pytest
from backends import close, each_backend, each_dtype, put, same
from layer_cases import build, freeze, sample

from nnlib import activations, dropout
from nnlib.backend import to_numpy
from nnlib.gradcheck import check_layer

WHERE = {"dtype": np.float64, "device": "cpu"}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_expectation_and_share(p):
    """The mean stays, and a share p is dropped: within 4 standard errors."""
    n = 200_000
    y = dropout.Dropout(p, rng=rng()).forward(np.ones((n, 1)), train=True)
    error = 4 * np.sqrt(p / (1 - p) / n) + 1e-12
    assert abs(y.mean() - 1) <= error
    assert abs((y == 0).mean() - p) <= error
    close(np.unique(y), [0, 1 / (1 - p)] if p else [1.0], rtol=1e-6)


def test_evaluation_drops_nothing():
    x = sample("dropout")
    layer = dropout.Dropout(0.5, rng=rng())
    same(layer(x), x)
    same(layer.backward(x), x)


@each_backend
@each_dtype
def test_same_mask_everywhere(device, dtype):
    """One generator gives one mask, in every dtype and on every backend."""
    x = put(np.ones((4, 5)), device, dtype)
    y = dropout.Dropout(0.5, rng=rng()).forward(x, train=True)
    expected = dropout.Dropout(0.5, rng=rng()).forward(np.ones((4, 5)), train=True)
    close(y, expected)


def test_the_gradient_meets_the_same_mask():
    layer = dropout.Dropout(0.5, rng=rng())
    y = layer.forward(np.ones((4, 5)), train=True)
    same(layer.backward(np.ones((4, 5))), y)


@pytest.mark.parametrize("name", ["dropout", "dropconnect", "dropconnect per example"])
def test_a_fresh_mask_fails_the_gradient_check(name):
    """And a frozen one passes it: see every layer's check."""
    layer = build(name)
    errors = check_layer(layer, sample(name), rng=rng(), train=True)
    assert max(errors.values()) > 1e-2
    freeze(layer)
    errors = check_layer(layer, sample(name), rng=rng(), train=True)
    assert max(errors.values()) < 1e-6


def test_a_frozen_mask_is_drawn_anew_for_another_shape():
    layer = dropout.Dropout(0.5, rng=rng())
    layer.frozen = True
    first = layer.forward(np.ones((4, 5)), train=True)
    same(layer.forward(np.ones((4, 5)), train=True), first)
    assert layer.forward(np.ones((2, 5)), train=True).shape == (2, 5)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_shared_axes(axes):
    """Whole columns, whole channels, whole examples."""
    x = np.ones((50, 4, 3, 3))
    y = dropout.Dropout(0.5, rng=rng(), shared_axes=axes).forward(x, train=True)
    flat = y.reshape(*x.shape[: 4 - axes], -1)
    same(flat.max(axis=-1), flat.min(axis=-1))
    assert 0 < flat.mean() < 2
    assert len(np.unique(y)) == 2


def test_each_model_its_own_probability():
    p = np.array([0.0, 0.3, 0.8])
    y = dropout.Dropout(p, rng=rng()).forward(np.ones((3, 2000, 10)), train=True)
    close((y == 0).mean(axis=(1, 2)), p, rtol=0, atol=0.02)
    with pytest.raises(ValueError, match=r"p of shape \(3,\) does not fit x \(2, 5\)"):
        dropout.Dropout(p, rng=rng()).forward(np.ones((2, 5)), train=True)


@pytest.mark.parametrize("p", [1.0, -0.1, np.nan, [0.2, 1.5]])
@pytest.mark.parametrize("make", [dropout.Dropout, None])
def test_bad_probability(p, make):
    bad = p[-1] if isinstance(p, list) else p
    with pytest.raises(ValueError, match=rf"drop, in \[0, 1\), not {bad}"):
        if make is None:
            dropout.DropConnect(2, 2, p=bad, rng=rng(), **WHERE)
        else:
            make(p, rng=rng())


def test_dropconnect_is_a_linear_layer_with_masked_weights():
    layer = dropout.DropConnect(4, 3, p=0.5, rng=rng(), **WHERE)
    layer.params["b"][...] = [1.0, 2.0, 3.0]
    x, W, b = rng(1).standard_normal((5, 4)), layer.params["W"], layer.params["b"]
    close(layer(x), x @ W + b)
    y = layer.forward(x, train=True)
    mask = layer._mask
    assert set(np.unique(mask)) == {0.0, 2.0}
    close(y, x @ (W * mask) + b)
    layer.backward(np.ones(y.shape))
    assert not layer.grads["W"][mask == 0].any()


def test_dropconnect_per_example():
    layer = dropout.DropConnect(4, 3, p=0.5, rng=rng(), per_example=True, **WHERE)
    x, W = rng(1).standard_normal((5, 4)), layer.params["W"]
    y = layer.forward(x, train=True)
    assert layer._mask.shape == (5, 4, 3)
    close(y, np.stack([x[n] @ (W * layer._mask[n]) for n in range(5)]))
    assert layer.backward(y, input_gradient=False) is None
    layer = dropout.DropConnect(4, 3, p=0.5, rng=rng(), bias=False, **WHERE)
    assert layer.backward(layer.forward(x, train=True), input_gradient=False) is None
    assert list(layer.grads) == ["W"]


def test_dropconnect_moments():
    """Mean and variance over 20000 masks, within 5 standard errors."""
    n, p = 20_000, 0.3
    layer = dropout.DropConnect(6, 2, p=p, rng=rng(), per_example=True, **WHERE)
    x = rng(1).standard_normal((1, 6))
    u = layer.forward(np.broadcast_to(x, (n, 6)), train=True)
    mean, variance = layer.moments(x)
    assert (np.abs(u.mean(axis=0) - mean) < 5 * np.sqrt(variance / n)).all()
    assert (np.abs(u.var(axis=0) / variance - 1) < 5 * np.sqrt(4 / n)).all()


@each_backend
def test_dropconnect_inference(device):
    """The Gaussian average is near that over real masks; relu of the mean is not."""
    layer = dropout.DropConnect(
        40, 3, p=0.5, rng=rng(), per_example=True, dtype=np.float64, device=device
    )
    x = rng(1).standard_normal((1, 40))
    r = to_numpy(
        layer.infer(put(x, device), activations.relu, samples=5_000, rng=rng(2))
    )
    host = dropout.DropConnect(40, 3, p=0.5, rng=rng(), per_example=True, **WHERE)
    u = host.forward(np.broadcast_to(x, (20_000, 40)), train=True)
    truth = activations.relu(u).mean(axis=0)
    assert np.abs(r - truth).max() < 0.05
    assert np.abs(activations.relu(host(x)) - truth).max() > 0.2
    with pytest.raises(ValueError, match="samples must be at least 1, not 0"):
        layer.infer(put(x, device), activations.relu, samples=0, rng=rng())

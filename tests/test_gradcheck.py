"""The judge is judged: right gradients pass, wrong ones do not."""

import numpy as np
import pytest
from backends import close, each_fast_backend, put

from nnlib import gradcheck, layers, losses, model
from nnlib.backend import to_numpy


def test_centered_difference_is_of_second_order():
    x = np.array([0.7])
    errors = [
        abs(gradcheck.numerical_gradient(lambda v: float(np.sin(v[0])), x, h)[0])
        - np.cos(0.7)
        for h in (1e-1, 1e-2)
    ]
    assert 90 < errors[0] / errors[1] < 110
    close(x, [0.7], rtol=0, atol=0)  # restored


def test_needs_float64():
    with pytest.raises(ValueError, match="needs float64, not float32"):
        gradcheck.numerical_gradient(lambda x: 0.0, np.zeros(1, np.float32))
    rng = np.random.default_rng(0)
    net = model.mlp([2, 2], rng=rng, device="cpu")
    with pytest.raises(ValueError, match="needs float64, not float32"):
        gradcheck.check_model(
            net, losses.mse, np.zeros((1, 2)), np.zeros((1, 2)), rng=rng
        )


@pytest.mark.parametrize(
    ("a", "b", "floor", "error"),
    [
        ([1.0], [0.5], 0.0, 0.5),
        ([0.0], [0.0], 0.0, 0.0),
        ([3.0, 4.0], [3.0, 4.0], 0.0, 0.0),
        ([1e-12], [0.0], 1e-4, 1e-8),
        ([[3.0], [4.0]], [[0.0], [0.0]], 0.0, 1.0),
    ],
)
def test_relative_error(a, b, floor, error):
    actual = gradcheck.relative_error(np.array(a), np.array(b), floor=floor)
    assert actual == pytest.approx(error)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_no_threshold_passes_nan(bad):
    assert not gradcheck.relative_error(np.array([bad]), np.ones(1)) < 1e9
    assert not gradcheck.relative_error(np.ones(1), np.array([bad])) < 1e9


def test_shapes_are_not_broadcast():
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(1, 2\)"):
        gradcheck.relative_error(np.ones(2), np.ones((1, 2)))


def test_a_sum_would_miss_what_the_random_upstream_finds():
    """A backward of softmax that returns 0 is right for dy = 1, and only there."""

    class Wrong(layers.Layer):
        def forward(self, x, *, train=False):
            e = np.exp(x)
            return e / e.sum(axis=-1, keepdims=True)

        def backward(self, dy):
            return np.zeros_like(dy)

    x, rng = np.random.default_rng(0).standard_normal((3, 4)), np.random.default_rng(1)
    total = gradcheck.numerical_gradient(lambda v: float(Wrong()(v).sum()), x)
    assert np.abs(total).max() < 1e-9
    assert gradcheck.check_layer(Wrong(), x, rng=rng)["x"] > 0.5


@each_fast_backend
def test_layer_is_restored(device):
    rng = np.random.default_rng(0)
    layer = layers.Linear(3, 2, rng=rng, dtype=np.float64, device=device)
    before = {k: to_numpy(p).copy() for k, p in layer.params.items()}
    x = put(rng.standard_normal((4, 3)), device)
    assert max(gradcheck.check_layer(layer, x, rng=rng).values()) < 1e-6
    for key, value in before.items():
        close(layer.params[key], value, rtol=0, atol=0)


@each_fast_backend
@pytest.mark.parametrize("lead", [(), (2,)])
def test_check_model(device, lead):
    rng = np.random.default_rng(0)
    net = model.mlp(
        [3, 6, 4],
        activation="tanh",
        rng=rng,
        lead=lead,
        dtype=np.float64,
        device=device,
    )
    x = put(rng.standard_normal((5, 3)), device)
    y = put(rng.integers(0, 4, 5), device)
    loss = losses.softmax_cross_entropy
    errors = gradcheck.check_model(net, loss, x, y, rng=rng, samples=5)
    assert list(errors) == ["0.W", "0.b", "2.W", "2.b"]
    assert max(errors.values()) < 1e-6

    def wrong(logits, y):
        value, dlogits = loss(logits, y)
        return value, 1.001 * dlogits

    assert min(gradcheck.check_model(net, wrong, x, y, rng=rng).values()) > 1e-4
    assert gradcheck.check_loss(wrong, x, y % 3) > 1e-4

"""Normalization against torch: outputs, gradients, running statistics."""

import numpy as np
import pytest
from backends import close, each_backend, needs_torch, oracle, put

from nnlib import norm
from nnlib.backend import to_numpy
from nnlib.layers import Linear
from nnlib.model import Sequential

ROWS, IMAGES = (6, 4), (3, 4, 5, 2)
WHERE = {"dtype": np.float64, "device": "cpu"}


def torch_rms(x, gamma, beta, eps):
    import torch

    return torch.nn.functional.rms_norm(x, (4,), gamma, eps)


def F():
    import torch.nn.functional

    return torch.nn.functional


# name: (layer, input shape, the same in torch given x, gamma, beta)
CASES = {
    "batchnorm, rows": (
        lambda **kw: norm.BatchNorm1d(4, **kw),
        ROWS,
        lambda x, g, b: F().batch_norm(x, None, None, g, b, training=True),
    ),
    "batchnorm, images": (
        lambda **kw: norm.BatchNorm2d(4, **kw),
        IMAGES,
        lambda x, g, b: F().batch_norm(x, None, None, g, b, training=True),
    ),
    "batchnorm, eps": (
        lambda **kw: norm.BatchNorm1d(4, eps=0.3, **kw),
        ROWS,
        lambda x, g, b: F().batch_norm(x, None, None, g, b, training=True, eps=0.3),
    ),
    "layernorm": (
        lambda **kw: norm.LayerNorm(4, **kw),
        ROWS,
        lambda x, g, b: F().layer_norm(x, (4,), g, b),
    ),
    "groupnorm, rows": (
        lambda **kw: norm.GroupNorm(2, 4, **kw),
        ROWS,
        lambda x, g, b: F().group_norm(x, 2, g, b),
    ),
    "groupnorm, images": (
        lambda **kw: norm.GroupNorm(2, 4, spatial=2, **kw),
        IMAGES,
        lambda x, g, b: F().group_norm(x, 2, g, b),
    ),
    "instance norm": (
        lambda **kw: norm.GroupNorm(4, 4, spatial=2, **kw),
        IMAGES,
        lambda x, g, b: F().instance_norm(x, weight=g, bias=b),
    ),
    "rmsnorm": (
        lambda **kw: norm.RMSNorm(4, eps=0.1, **kw),
        ROWS,
        lambda x, g, b: torch_rms(x, g, b, 0.1),
    ),
}
each_norm = pytest.mark.parametrize("name", CASES)


def setting(name):
    make, shape, reference = CASES[name]
    rng = np.random.default_rng(0)
    x, dy = 2 + 3 * rng.standard_normal((2, *shape))
    gamma, beta = rng.standard_normal((2, 4))
    layer = make(**WHERE)
    layer.params["gamma"][...] = gamma
    if "beta" in layer.params:
        layer.params["beta"][...] = beta
    return layer, x, dy, gamma, beta, reference


@needs_torch
@each_norm
def test_equals_torch(name):
    layer, x, dy, gamma, beta, reference = setting(name)
    y, (dx, dgamma, dbeta) = oracle(reference, x, gamma, beta, dy=dy)
    close(layer.forward(x, train=True), y)
    close(layer.backward(dy), dx)
    close(layer.grads["gamma"], dgamma)
    if "beta" in layer.grads:
        close(layer.grads["beta"], dbeta)


@needs_torch
@pytest.mark.parametrize("spatial", [0, 2])
@pytest.mark.parametrize("momentum", [0.1, 0.7])
def test_running_statistics_equal_torch(spatial, momentum):
    """Three batches while training, then evaluation with its gradients."""
    import torch

    rng = np.random.default_rng(0)
    shape = IMAGES if spatial else ROWS
    layer = norm.BatchNorm(4, spatial=spatial, momentum=momentum, **WHERE)
    make = torch.nn.BatchNorm2d if spatial else torch.nn.BatchNorm1d
    theirs = make(4, momentum=momentum, dtype=torch.float64)
    for _ in range(3):
        x = 5 + rng.standard_normal(shape)
        layer.forward(x, train=True)
        theirs(torch.tensor(x))
    close(layer.buffers["running_mean"], theirs.running_mean.numpy())
    close(layer.buffers["running_var"], theirs.running_var.numpy())
    theirs.eval()
    x, dy = rng.standard_normal((2, *shape))
    y, (dx,) = oracle(theirs, x, dy=dy)
    close(layer.forward(x), y)
    close(layer.backward(dy), dx)
    close(layer.grads["gamma"], theirs.weight.grad.numpy())
    close(layer.grads["beta"], theirs.bias.grad.numpy())


def test_running_statistics_golden():
    """1, 3, 8: mean 4, biased variance 26/3, unbiased 13."""
    layer = norm.BatchNorm1d(1, **WHERE)
    y = layer.forward(np.array([[1.0], [3.0], [8.0]]), train=True)
    close(y[:, 0], np.array([-3, -1, 4]) / np.sqrt(26 / 3 + 1e-5))
    close(layer.buffers["running_mean"], [0.1 * 4])
    close(layer.buffers["running_var"], [0.9 * 1 + 0.1 * 13])


@each_backend
def test_evaluation_changes_nothing(device):
    layer = norm.BatchNorm1d(4, dtype=np.float64, device=device)
    x = put(np.random.default_rng(0).standard_normal(ROWS), device)
    layer.forward(x, train=True)
    before = {k: to_numpy(v).copy() for k, v in layer.buffers.items()}
    first = to_numpy(layer(x))
    for key, value in before.items():
        close(layer.buffers[key], value, rtol=0, atol=0)
    close(layer(x[:1, ...]), first[:1])  # and one example is enough


@pytest.mark.parametrize(
    ("name", "split", "axes"),
    [
        ("batchnorm, rows", ROWS, 0),
        ("batchnorm, images", IMAGES, (0, 2, 3)),
        ("layernorm", ROWS, 1),
        ("groupnorm, rows", (6, 2, 2), 2),
        ("groupnorm, images", (3, 2, 20), 2),
        ("instance norm", (3, 4, 10), 2),
    ],
)
def test_normalized(name, split, axes):
    """Mean 0 and variance 1 over the axes that the layer averages, and no others."""
    make, shape, _ = CASES[name]
    layer = make(**WHERE)
    layer.eps = 0.0
    x = 7 + 3 * np.random.default_rng(0).standard_normal(shape)
    y = layer.forward(x, train=True).reshape(split)
    close(y.mean(axis=axes), np.zeros(y.mean(axis=axes).shape), atol=1e-12)
    close(y.var(axis=axes), np.ones(y.var(axis=axes).shape))


@pytest.mark.parametrize("scale", [1e-3, 7.0, 1e4])
@each_norm
def test_scale_of_the_input_does_not_matter(name, scale):
    make, shape, _ = CASES[name]
    x = np.random.default_rng(0).standard_normal(shape)
    layer = make(**WHERE)
    layer.eps = 0.0
    close(layer.forward(scale * x, train=True), layer.forward(x, train=True))


def test_large_mean_does_not_cancel():
    """In float32, E[x²] - E[x]² of values near 1e4 would be off by far."""
    x = (1e4 + np.random.default_rng(0).standard_normal((512, 1))).astype(np.float32)
    y = norm.BatchNorm1d(1, device="cpu").forward(x, train=True)
    assert abs(y.std() - 1) < 1e-2


def test_a_bias_before_batchnorm_is_redundant():
    rng = np.random.default_rng(0)
    linear = Linear(3, 4, rng=rng, **WHERE)
    net = Sequential([linear, norm.BatchNorm1d(4, **WHERE)])
    x = rng.standard_normal((5, 3))
    y = net.forward(x, train=True)
    linear.params["b"] += 10.0
    close(net.forward(x, train=True), y, rtol=1e-9)
    net.backward(rng.standard_normal(y.shape))
    assert np.abs(linear.grads["b"]).max() < 1e-12


def test_gamma_and_beta_can_undo_it():
    layer = norm.BatchNorm1d(2, eps=0.0, **WHERE)
    x = np.random.default_rng(0).standard_normal((9, 2))
    layer.params["gamma"][...] = x.std(axis=0)
    layer.params["beta"][...] = x.mean(axis=0)
    close(layer.forward(x, train=True), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: norm.BatchNorm1d(2, **WHERE).forward(np.ones((1, 2)), train=True),
            r"more than 1 value per channel to train, got shape \(1, 2\)",
        ),
        (
            lambda: norm.BatchNorm2d(2, **WHERE)(np.ones((1, 3, 4, 4))),
            r"BatchNorm2d expects \(…, N, 2, H, W\), got \(1, 3, 4, 4\)",
        ),
        (lambda: norm.GroupNorm(3, 4), "4 channels do not form 3 groups"),
        (lambda: norm.GroupNorm(0, 4), "4 channels do not form 0 groups"),
        (lambda: norm.LayerNorm(3, **WHERE)(np.ones((2, 4))), r"expects \(…, N, 3\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""Convolution and pooling against torch, and by hand."""

import numpy as np
import pytest
from backends import (
    close,
    each_backend,
    each_fast_backend,
    needs_torch,
    oracle,
    put,
    same,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib import conv, pool
from nnlib.backend import to_numpy

WHERE = {"dtype": np.float64, "device": "cpu"}


def conv_against_torch(batch, channels, image, kernel, stride, padding, bias):
    import torch

    rng = np.random.default_rng(0)
    options = {"stride": stride, "padding": padding}
    layer = conv.Conv2d(*channels, kernel, rng=rng, bias=bias, **options, **WHERE)
    x = rng.standard_normal((batch, channels[0], *image))
    b = rng.standard_normal(channels[1]) if bias else np.zeros(channels[1])
    if bias:
        layer.params["b"][...] = b
    y = layer.forward(x)
    dy = rng.standard_normal(y.shape)

    def reference(x, W, b):
        return torch.nn.functional.conv2d(x, W, b, **options)

    expected, (dx, dW, db) = oracle(reference, x, layer.params["W"], b, dy=dy)
    close(y, expected)
    close(layer.backward(dy), dx)
    close(layer.grads["W"], dW)
    if bias:
        close(layer.grads["b"], db)


@needs_torch
@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    image=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    bias=st.booleans(),
)
def test_conv_equals_torch(**case):
    conv_against_torch(**case)


@pytest.mark.parametrize("elements", [1, 300, 1000, 10**9])
@pytest.mark.parametrize("shared", [True, False])
def test_blocks_do_not_matter(monkeypatch, elements, shared):
    """Cut into any blocks, of images and of models, the result is the same."""
    rng = np.random.default_rng(0)
    layer = conv.Conv2d(2, 3, 3, padding=1, rng=rng, lead=(2, 2), **WHERE)
    x = rng.standard_normal((5, 2, 6, 6) if shared else (2, 2, 5, 2, 6, 6))
    y = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    expected = [y, layer.backward(dy), layer.grads["W"].copy(), layer.grads["b"].copy()]
    monkeypatch.setattr(conv, "COLUMN_ELEMENTS", elements)
    actual = [layer.forward(x), layer.backward(dy), *layer.grads.values()]
    for a, b in zip(actual, expected, strict=True):
        close(a, b, rtol=1e-12, atol=1e-12)


@each_fast_backend
@pytest.mark.parametrize("lead", [(), (1,), (3,), (2, 2), (0,)])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_stacks_on_torch_kernels(device, lead, shared, bias):
    """Groups of channels in torch give what blocks of columns give in NumPy."""
    x = np.random.default_rng(1).standard_normal(
        (*(() if shared else lead), 5, 2, 6, 6)
    )
    results = []
    for where in ("cpu", device):
        options = {"stride": 2, "padding": 1, "bias": bias, "lead": lead}
        layer = conv.Conv2d(
            2,
            4,
            3,
            rng=np.random.default_rng(0),
            dtype=np.float64,
            device=where,
            **options,
        )
        y = layer.forward(put(x, where))
        dy = put(np.random.default_rng(2).standard_normal(y.shape), where)
        dx = layer.backward(dy)
        assert layer.backward(dy, input_gradient=False) is None
        results.append([y, dx, *layer.grads.values()])
    for expected, actual in zip(*results, strict=True):
        close(actual, expected)


@each_backend
def test_columns_and_back(device):
    """Folding is the transpose of unfolding: <C x, z> = <x, C' z>."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 2, 5, 4))
    options = ((2, 3), 2, 1)
    c = conv.columns(put(x, device), *options)
    z = rng.standard_normal(c.shape)
    back = conv.columns_backward(put(z, device), x.shape, *options)
    close((to_numpy(c) * z).sum(), (x * to_numpy(back)).sum())


def test_input_gradient_can_be_skipped():
    rng = np.random.default_rng(0)
    layer = conv.Conv2d(1, 2, 3, rng=rng, **WHERE)
    y = layer.forward(rng.standard_normal((2, 1, 5, 5)))
    dy = np.ones(y.shape)
    assert layer.backward(dy, input_gradient=False) is None
    kept = layer.grads["W"].copy()
    assert layer.backward(dy) is not None
    same(layer.grads["W"], kept)


def test_conv_by_hand():
    """A vertical edge answers at the edge; LeCun et al. 1998, figure 2, in small."""
    image = np.zeros((1, 1, 3, 4))
    image[..., 2:] = 1.0
    edge = np.array([[[[-1.0, 1.0]]]])
    y, _ = conv.conv2d_forward(image, edge)
    close(y[0, 0], [[0, 1, 0]] * 3)
    box, _ = conv.conv2d_forward(
        np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), padding=1
    )
    close(box[0, 0], [[4, 6, 4], [6, 9, 6], [4, 6, 4]])


def pooling_against_torch(kind, image, size, stride, ties):
    import torch

    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, *image))
    x = np.round(x) if ties else x
    layer = (pool.MaxPool2d if kind == "max" else pool.AvgPool2d)(size, stride)
    theirs = getattr(torch.nn.functional, f"{kind}_pool2d")
    y = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    expected, (dx,) = oracle(lambda x: theirs(x, size, stride), x, dy=dy)
    close(y, expected)
    close(layer.backward(dy), dx)


@needs_torch
@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["max", "avg"]),
    image=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    size=st.integers(1, 3),
    stride=st.sampled_from([None, 1, 2, 3]),
    ties=st.booleans(),
)
def test_pooling_equals_torch(**case):
    """With ties too: integers, so that windows hold equal maxima."""
    pooling_against_torch(**case)


@each_backend
def test_first_of_equal_pixels_gets_the_gradient(device):
    layer = pool.MaxPool2d(2)
    x = np.zeros((1, 1, 2, 4))
    x[0, 0, :, 2:] = [[0, 1], [1, 0]]
    layer.forward(put(x, device))
    dx = layer.backward(put(np.ones((1, 1, 1, 2)), device))
    close(dx, [[[[1, 0, 0, 1], [0, 0, 0, 0]]]])


def test_pooling_by_hand():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    close(pool.MaxPool2d(2)(x)[0, 0], [[5, 7], [13, 15]])
    close(pool.MaxPool2d(3)(x)[0, 0], [[10]])  # what fills no window is left out
    close(pool.AvgPool2d(2)(x)[0, 0], [[2.5, 4.5], [10.5, 12.5]])
    close(pool.GlobalAvgPool2d()(x), [[7.5]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv.out_size(3, 5, 1, 0), "window of 5 does not fit 3 pixels with"),
        (lambda: pool.MaxPool2d(5)(np.zeros((1, 1, 4, 4))), "5 does not fit 4 pixels"),
        (lambda: pool.MaxPool2d(0), "must be positive: 0, None"),
        (lambda: pool.AvgPool2d(2, -1), "must be positive: 2, -1"),
        (lambda: pool.GlobalAvgPool2d()(np.zeros((4, 4))), r"\(…, N, C, H, W\), got"),
        (
            lambda: conv.Conv2d(1, 0, 3, rng=np.random.default_rng(0)),
            "must be positive, padding at least 0, not 1, 0, 3, 1, 0",
        ),
        (
            lambda: conv.Conv2d(1, 1, 3, padding=-1, rng=np.random.default_rng(0)),
            "padding at least 0, not 1, 1, 3, 1, -1",
        ),
        (
            lambda: conv.Conv2d(1, 1, 3, rng=np.random.default_rng(0), **WHERE)(
                np.zeros((2, 5, 1, 4, 4))
            ),
            r"leading axes \(\), got \(2, 5, 1, 4, 4\)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

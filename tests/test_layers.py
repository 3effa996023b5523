"""What holds for every layer of the library, whatever it computes.

The rows are in `layer_cases`; what a layer computes is compared with torch in the
layer's own test module.
"""

import numpy as np
import pytest
from backends import close, each_backend, each_dtype, needs_torch, oracle, put, same
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_cases import CASES, build, freeze, reseed, sample

from nnlib import activations, layers
from nnlib.backend import device_of, to_numpy
from nnlib.gradcheck import check_layer
from nnlib.layers import leaves
from nnlib.model import Sequential

each_layer = pytest.mark.parametrize("name", CASES)
each_mode = pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])


def all_params(layer):
    return [(leaf, k) for _, leaf in leaves([layer]) for k in leaf.params]


WITH_PARAMS = [name for name in CASES if all_params(build(name))]
PICKY = [n for n in WITH_PARAMS if not n.startswith(("prelu, one", "scalar"))]


@each_layer
@each_mode
def test_gradients(name, train):
    layer = build(name)
    freeze(layer)
    errors = check_layer(layer, sample(name), rng=np.random.default_rng(2), train=train)
    assert len(errors) == 1 + len(all_params(layer))
    assert max(errors.values()) < 1e-6, errors


@each_layer
def test_wrong_backward_fails_the_check(name):
    """Each gradient in turn is 0.1 % too large."""
    for wrong in ["x", *range(len(all_params(build(name))))]:
        layer = build(name)
        freeze(layer)
        right = layer.backward

        def backward(dy, wrong=wrong, right=right, layer=layer):
            dx = right(dy)
            if wrong == "x":
                return 1.001 * dx
            leaf, key = all_params(layer)[wrong]
            leaf.grads[key] = 1.001 * leaf.grads[key]
            return dx

        layer.backward = backward
        errors = check_layer(layer, sample(name), rng=np.random.default_rng(2))
        assert max(errors.values()) > 1e-4, (wrong, errors)


@each_backend
@each_layer
def test_backends_agree(name, device):
    """Forward and backward on every backend equal those on NumPy."""
    results = []
    for where in ("cpu", device):
        layer = build(name, device=where)
        x = put(sample(name), where)
        y = layer.forward(x, train=True)
        assert device_of(y) == where
        dy = put(np.random.default_rng(3).standard_normal(y.shape), where)
        dx = layer.backward(dy)
        grads = [leaf.grads[key] for leaf, key in all_params(layer)]
        results.append([y, dx, *grads, layer.forward(x, train=False)])
    for expected, actual in zip(*results, strict=True):
        close(actual, to_numpy(expected), rtol=1e-9, atol=1e-11)


@each_layer
@each_mode
def test_stack_equals_loop(name, train):
    """Three models as one give what they give one by one, bit for bit."""
    stack = build(name, lead=(3,))
    x = sample(name, lead=(3,))
    reseed(stack, np.random.default_rng(4))
    y = stack.forward(x, train=train)
    dy = np.random.default_rng(3).standard_normal(y.shape)
    dx = stack.backward(dy)
    start, rng = build(name, lead=(3,)), np.random.default_rng(4)
    for k in range(3):
        one = build(name)
        reseed(one, rng)
        for (_, big), (_, small) in zip(leaves([start]), leaves([one]), strict=True):
            for key in small.params:
                small.params[key][...] = big.params[key][k]
            for key in small.buffers:
                small.buffers[key][...] = big.buffers[key][k]
        same(one.forward(x[k], train=train), y[k])
        same(one.backward(dy[k]), dx[k])
        for (_, big), (_, small) in zip(leaves([stack]), leaves([one]), strict=True):
            for key in small.params:
                same(small.grads[key], big.grads[key][k])
            for key in small.buffers:
                same(small.buffers[key], big.buffers[key][k])


@pytest.mark.parametrize("name", WITH_PARAMS)
def test_shared_input(name):
    """Stacked models may share one input without a model axis."""
    stack = build(name, lead=(3,))
    freeze(stack)
    x = sample(name)
    wide = np.broadcast_to(x, (3, *x.shape))
    y = stack.forward(x, train=True)
    dy = np.random.default_rng(3).standard_normal(y.shape)
    dx = stack.backward(dy)
    grads = [leaf.grads[key].copy() for leaf, key in all_params(stack)]
    close(y, stack.forward(wide, train=True))
    close(dx, stack.backward(dy), rtol=1e-9)
    for (leaf, key), g in zip(all_params(stack), grads, strict=True):
        close(leaf.grads[key], g)


@each_layer
@each_dtype
def test_dtype_is_kept(name, dtype):
    layer = build(name, dtype=dtype)
    x = sample(name).astype(dtype)
    for train in (True, False):
        y = layer.forward(x, train=train)
        assert y.dtype == dtype
        assert layer.backward(np.ones(y.shape, dtype)).dtype == dtype
        for leaf, key in all_params(layer):
            assert leaf.params[key].dtype == leaf.grads[key].dtype == dtype
            assert leaf.grads[key].shape == leaf.params[key].shape


@each_layer
@settings(max_examples=8, deadline=None)
@given(
    lead=st.sampled_from([(), (1,), (2,), (0,), (2, 1), (0, 3)]),
    batch=st.integers(2, 4),
    order=st.sampled_from(["C", "F", "reversed", "sliced"]),
)
def test_shapes_and_layouts(name, lead, batch, order):
    """Any leading axes, any batch, any memory layout: same numbers, right shapes."""
    shape = (*lead, batch, *CASES[name][1][1:])
    x = np.random.default_rng(5).standard_normal(shape)
    other = {
        "C": lambda: x,
        "F": lambda: np.asfortranarray(x),
        "reversed": lambda: x[..., ::-1].copy()[..., ::-1],
        "sliced": lambda: np.repeat(x, 2, axis=-1)[..., ::2],
    }[order]()
    results = []
    for value in (x, other):
        layer = build(name, lead=lead)
        reseed(layer, np.random.default_rng(6))
        y = layer.forward(value, train=True)
        dx = layer.backward(np.ones(y.shape))
        assert y.shape[: len(lead) + 1] == (*lead, batch)
        assert dx.shape == shape
        results.append((y, dx))
    close(results[0][0], results[1][0], rtol=1e-9)
    close(results[0][1], results[1][1], rtol=1e-9, atol=1e-10)


@each_layer
def test_batch_of_one_in_evaluation(name):
    layer = build(name)
    x = sample(name)
    close(layer(x[:1]), layer(x)[:1], rtol=1e-9)


@each_layer
def test_input_and_gradient_are_not_changed(name):
    layer = build(name)
    x = sample(name)
    y = layer.forward(x, train=True)
    dy = np.random.default_rng(3).standard_normal(y.shape)
    y_kept, dy_kept = y.copy(), dy.copy()
    layer.backward(dy)
    same(x, sample(name))
    same(y, y_kept)
    same(dy, dy_kept)


@each_layer
def test_gradients_are_overwritten_in_the_flat_buffer(name):
    layer = build(name)
    freeze(layer)
    net = Sequential([layer])
    x = sample(name)
    first = None
    for _ in range(2):
        y = net.forward(x, train=True)
        net.backward(np.ones(y.shape), input_gradient=True)
        if first is not None:
            same(net.grads, first)
        first = net.grads.copy()
        flat = [np.ravel(g) for _, g in net.named_grads()]
        same(net.grads, np.concatenate([*flat, np.zeros(0, first.dtype)]))


@each_layer
def test_backward_before_forward(name):
    layer = build(name)
    with pytest.raises(RuntimeError, match=r"\.backward called before forward"):
        layer.backward(sample(name))


@pytest.mark.parametrize("name", PICKY)
def test_wrong_shape_is_refused(name):
    layer = build(name)
    with pytest.raises(ValueError, match=r"expects \(…, N, \d+(, H, W)?\), got"):
        layer.forward(np.zeros((3, 9, 5, 5) if len(CASES[name][1]) > 2 else (3, 9)))
    if "fixup" not in name:  # whose first bias turns it into a row
        with pytest.raises(ValueError, match="expects"):
            layer.forward(np.zeros(4))


@needs_torch
@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_torch(bias):
    import torch

    rng = np.random.default_rng(0)
    layer = layers.Linear(4, 3, bias=bias, rng=rng, dtype=np.float64, device="cpu")
    x, dy = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    W, b = layer.params["W"], rng.standard_normal(3) if bias else np.zeros(3)
    if bias:
        layer.params["b"][...] = b
    linear = torch.nn.functional.linear
    y, (dx, dW, db) = oracle(lambda x, W, b: linear(x, W.T, b), x, W, b, dy=dy)
    close(layer.forward(x), y)
    close(layer.backward(dy), dx)
    close(layer.grads["W"], dW)
    if bias:
        close(layer.grads["b"], db)


@needs_torch
@pytest.mark.parametrize("channels", [1, 3])
def test_prelu_equals_torch(channels):
    import torch

    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 4, 3, 5, 5))
    a = np.array([2.0, -0.5, 0.3])[:channels]  # right above 1 too
    layer = layers.PReLU(channels, spatial=2, dtype=np.float64, device="cpu")
    layer.params["a"][...] = a
    y, (dx, da) = oracle(torch.nn.functional.prelu, x, a, dy=dy)
    close(layer.forward(x), y)
    close(layer.backward(dy), dx)
    close(layer.grads["a"], da)


def test_prelu_is_not_a_maximum_for_slopes_above_one():
    """The slip max(a x, x) would give -1 here; He et al. 2015, eq. 1, gives -2."""
    layer = layers.PReLU(a=2.0, device="cpu")
    assert layer(np.array([[-1.0]]))[0, 0] == -2.0


def test_maxout_with_linear_pieces():
    """|x| = max(x, -x) is a maxout unit of two pieces."""
    rng = np.random.default_rng(0)
    linear = layers.Linear(1, 2, rng=rng, device="cpu")
    linear.params["W"][...] = [[1.0, -1.0]]
    net = Sequential([linear, layers.Maxout(2)])
    x = np.array([[-3.0], [2.0]], dtype=np.float32)
    same(net(x), abs(x))
    with pytest.raises(ValueError, match="3 columns do not form groups of 2"):
        layers.Maxout(2).forward(np.zeros((1, 3)))


def test_flatten_needs_a_batch():
    with pytest.raises(ValueError, match=r"batch axis before \(1, 8, 8\)"):
        layers.Flatten()(np.zeros((1, 8, 8)))


def test_unknown_activation():
    with pytest.raises(ValueError, match="'swish' is not one of sigmoid, tanh"):
        layers.Activation("swish")
    assert set(activations.ELEMENTWISE) >= {"relu", "gelu"}


def test_base_layer_is_abstract():
    layer = layers.Layer()
    for method in (layer.forward, layer.backward):
        with pytest.raises(NotImplementedError):
            method(np.zeros(1))

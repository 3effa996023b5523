"""Residual blocks: what each start promises, at depth."""

import numpy as np
import pytest
from backends import close, needs_torch, oracle, same

from nnlib import init, residual
from nnlib.layers import Activation, Linear, leaves
from nnlib.model import Sequential, resnet
from nnlib.norm import BatchNorm1d

WHERE = {"dtype": np.float64, "device": "cpu"}
L, D = 16, 64


def branch(rng, norm=False):
    first, second = (Linear(D, D, rng=rng, **WHERE) for _ in range(2))
    closing = [BatchNorm1d(D, **WHERE)] if norm else []
    return [Activation("relu"), first, Activation("relu"), second, *closing]


def block(kind, rng):
    if kind == "he":
        return residual.Residual(branch(rng))
    if kind == "scaled":
        return residual.Residual(branch(rng), scale=1 / np.sqrt(2 * L))
    return residual.Residual(branch(rng, kind == "zero"), init=kind, n_blocks=L)


def test_he_blocks_double_the_variance():
    rng = np.random.default_rng(0)
    net = Sequential([block("he", rng) for _ in range(L)])
    x = rng.standard_normal((400, D))
    variance = np.array([y.var() for y in net.activations(x)])
    growth = (variance[-1] / x.var()) ** (1 / L)
    assert 1.8 < growth < 2.2


@pytest.mark.parametrize("kind", ["zero", "fixup", "skipinit"])
def test_the_block_starts_as_the_identity(kind):
    rng = np.random.default_rng(0)
    net = Sequential([block(kind, rng) for _ in range(L)])
    x = rng.standard_normal((5, D))
    same(net.forward(x, train=True), x)
    dy = rng.standard_normal(x.shape)
    close(net.backward(dy, input_gradient=True), dy)


def test_scaled_blocks_grow_by_a_constant():
    rng = np.random.default_rng(0)
    net = Sequential([block("scaled", rng) for _ in range(L)])
    x = rng.standard_normal((400, D))
    assert 1 < net(x).var() / x.var() < 3  # (1 + 1/2L)^L is below e


def test_zero_last_gives_the_first_weights_no_gradient_until_they_move():
    rng = np.random.default_rng(0)
    one = residual.Residual(branch(rng), init="zero")
    net = Sequential([one])
    x = rng.standard_normal((5, D))
    for step, moves in enumerate([False, True]):
        net.forward(x, train=True)
        net.backward(rng.standard_normal(x.shape))
        assert one.branch[1].grads["W"].any() == moves, step
        assert one.branch[3].grads["W"].any()
        net.params -= 0.1 * net.grads


def test_fixup_scale_and_shape():
    """m = 2 weights: the first is divided by L^(1/2); Zhang et al. 2019, rule 2."""
    plain = branch(np.random.default_rng(0))[1].params["W"].copy()
    one = residual.Residual(branch(np.random.default_rng(0)), init="fixup", n_blocks=L)
    kinds = [type(layer).__name__ for layer in one.branch]
    assert kinds == ["ScalarBias", "Activation", "ScalarBias", "Linear"] * 2
    close(one.branch[3].params["W"], plain / np.sqrt(L))
    assert not one.branch[-1].params["W"].any()
    close(one.params["alpha"], [1.0])


@needs_torch
def test_block_equals_torch():
    """y = s(x) + c·alpha·F(x), with a shortcut that changes the width."""
    rng = np.random.default_rng(0)
    inner, short = Linear(3, 2, rng=rng, **WHERE), Linear(3, 2, rng=rng, **WHERE)
    one = residual.Residual(
        [inner, Activation("tanh")], init="skipinit", scale=0.7, shortcut=[short]
    )
    one.params["alpha"][...] = -1.3
    x, dy = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    weights = [inner.params["W"], short.params["W"], one.params["alpha"]]

    def reference(x, W, S, alpha):
        return x @ S + 0.7 * alpha * (x @ W).tanh()

    y, (dx, dW, dS, dalpha) = oracle(reference, x, *weights, dy=dy)
    close(one.forward(x), y)
    close(one.backward(dy), dx)
    close(inner.grads["W"], dW)
    close(short.grads["W"], dS)
    close(one.grads["alpha"], dalpha)


@pytest.mark.parametrize("kind", residual.INITS)
def test_resnet_learns_in_one_direction(kind):
    """A small step along the negative gradient lowers the loss, for every start."""
    from nnlib.losses import softmax_cross_entropy

    rng = np.random.default_rng(0)
    net = resnet(rng=rng, widths=(4, 6), init=kind, lead=(2,), **WHERE)
    x, y = rng.standard_normal((6, 1, 8, 8)), rng.integers(0, 10, 6)
    first, dz = softmax_cross_entropy(net.forward(x, train=True), y)
    net.backward(dz)
    net.params -= 1e-3 * net.grads
    second, _ = softmax_cross_entropy(net.forward(x, train=True), y)
    assert (second < first).all()


def test_names_of_inner_parameters():
    net = Sequential([block("skipinit", np.random.default_rng(0))])
    names = [name for name, _ in net.named_parameters()]
    assert names == ["0.alpha", "0.1.W", "0.1.b", "0.3.W", "0.3.b"]
    assert len(list(leaves(net.layers))) == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda rng: residual.Residual(branch(rng), init="msra"),
            "'msra' is not one of he, zero, fixup, skipinit",
        ),
        (lambda rng: residual.Residual([Activation("relu")]), "has no weights"),
        (
            lambda rng: residual.Residual(branch(rng), init="fixup"),
            "needs the number of blocks, not None",
        ),
        (
            lambda rng: residual.Residual([Linear(2, 3, rng=rng, **WHERE)])(
                np.ones((4, 2))
            ),
            r"branch gives \(4, 3\), the shortcut \(4, 2\)",
        ),
        (lambda rng: init.zero_last([Activation("relu")]), "no layer here has a"),
        (lambda rng: resnet(rng=rng, widths=()), "no residual block"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0))

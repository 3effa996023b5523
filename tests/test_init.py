"""Initializers: variances, fans, stacks, and what a scheme does to a deep network."""

import numpy as np
import pytest
from backends import close, each_backend, each_dtype, needs_torch, same

from nnlib import init, model
from nnlib.backend import device_of, to_numpy
from nnlib.conv import Conv2d
from nnlib.layers import Activation, Flatten, Linear
from nnlib.residual import Residual

DENSE, CONV = (300, 500), (40, 30, 3, 5)


def rng(seed=0):
    return np.random.default_rng(seed)


# name: (function, looked up when called, and variance from fan_in and fan_out)
DRAWN = {
    "normal": (lambda s, **k: init.normal(s, 0.3, **k), lambda i, o: 0.09),
    "uniform": (lambda s, **k: init.uniform(s, -1, 2, **k), lambda i, o: 0.75),
    "lecun": (lambda s, **k: init.lecun_normal(s, **k), lambda i, o: 1 / i),
    "lecun, fan_out": (
        lambda s, **k: init.lecun_normal(s, mode="fan_out", **k),
        lambda i, o: 1 / o,
    ),
    "xavier": (lambda s, **k: init.xavier_normal(s, **k), lambda i, o: 2 / (i + o)),
    "xavier uniform": (
        lambda s, **k: init.xavier_uniform(s, **k),
        lambda i, o: 2 / (i + o),
    ),
    "he": (lambda s, **k: init.he_normal(s, **k), lambda i, o: 2 / i),
    "he, fan_out": (
        lambda s, **k: init.he_normal(s, mode="fan_out", **k),
        lambda i, o: 2 / o,
    ),
    "he, slope": (
        lambda s, **k: init.he_normal(s, slope=0.5, **k),
        lambda i, o: 2 / 1.25 / i,
    ),
}
ALL = {
    **{name: f for name, (f, _) in DRAWN.items()},
    "zeros": init.zeros,
    "constant": lambda s, **k: init.constant(s, 0.5, **k),
    "orthogonal": init.orthogonal,
}


@pytest.mark.parametrize("shape", [DENSE, CONV], ids=["dense", "conv"])
@pytest.mark.parametrize("name", DRAWN)
def test_variance(name, shape):
    """Within 5 standard errors of the scheme's variance, fans counted by hand."""
    fan_in, fan_out = (300, 500) if len(shape) == 2 else (30 * 15, 40 * 15)
    f, expected = DRAWN[name]
    w = f(shape, rng=rng(), dtype=np.float64, device="cpu")
    error = 5 * np.sqrt(2 / w.size)
    assert abs(w.var() / expected(fan_in, fan_out) - 1) < error
    if name != "uniform":
        assert abs(w.mean()) < 5 * w.std() / np.sqrt(w.size)


@each_backend
@each_dtype
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("lead", [(), (3,), (2, 1), (0,)])
def test_signature(name, lead, dtype, device):
    """Shape lead + shape, in every dtype and on every backend the same numbers."""
    w = ALL[name]((4, 5), rng=rng(), lead=lead, dtype=dtype, device=device)
    assert device_of(w) == device
    host = ALL[name]((4, 5), rng=rng(), lead=lead, dtype=np.float64, device="cpu")
    same(w, host.astype(dtype))
    assert host.shape == (*lead, 4, 5)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4), (5, 2, 3, 3)])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_orthogonal(shape, lead):
    w = init.orthogonal(
        shape, 2.0, rng=rng(), lead=lead, dtype=np.float64, device="cpu"
    )
    m = w.reshape(*lead, shape[0], -1)
    gram = m.mT @ m if m.shape[-2] >= m.shape[-1] else m @ m.mT
    close(gram, np.broadcast_to(4 * np.eye(gram.shape[-1]), gram.shape), atol=1e-12)


def test_orthogonal_is_uniform():
    """Without the sign correction, QR gives a diagonal of one sign (Mezzadri 2007)."""
    w = init.orthogonal((2, 2), rng=rng(), lead=(4000,), dtype=np.float64, device="cpu")
    assert abs(w[:, 0, 0].mean()) < 5 * np.sqrt(0.5 / 4000)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((784, 256), (784, 256)), ((16, 6, 5, 5), (150, 400)), ((8, 4, 3), (12, 24))],
)
def test_fans(shape, fans):
    assert init.fans(shape) == fans


@needs_torch
@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3, 2)])
def test_fans_equal_torch(shape):
    import torch

    w = torch.empty(shape if len(shape) > 2 else shape[::-1])  # torch stores W^T
    assert init.fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(w)


@needs_torch
@pytest.mark.parametrize(
    "name", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
)
def test_gain_equals_torch(name):
    import torch

    close(init.gain(name), torch.nn.init.calculate_gain(name))
    close(init.gain("leaky_relu", 0.3), np.sqrt(2 / 1.09))


@pytest.mark.parametrize(
    ("scheme", "mode", "gain", "expected"),
    [
        ("he", None, 1, 2 / 50),
        ("he", "fan_out", 1, 2 / 150),
        ("xavier", None, 2, 4 / 100),
        ("lecun", "fan_avg", 1, 1 / 100),
    ],
)
def test_variance_formula(scheme, mode, gain, expected):
    assert init.variance(scheme, 50, 150, mode=mode, gain=gain) == pytest.approx(
        expected
    )


@pytest.mark.parametrize(
    ("name", "scale"), [("he", (0.5, 2)), ("xavier", (0, 0.1)), ("lecun", (0, 0.1))]
)
def test_deep_relu_network(name, scale):
    """He keeps the scale through 20 ReLU layers, the others lose it; He 2015, 2.2."""
    net = model.mlp([200] * 21, rng=rng(), device="cpu")
    init.initialize(net, name, rng=rng(1))
    out = net(rng(2).standard_normal((100, 200)).astype(np.float32))
    assert scale[0] < out.std() < scale[1]


def test_initialize_redraws_weights_only():
    net = model.resnet(rng=rng(), lead=(2,), device="cpu")
    for _, p in net.named_parameters():
        p += 1
    init.initialize(net, init.he_normal, rng=rng(1), gain=0.5, mode="fan_out")
    for name, p in net.named_parameters():
        leaf = name.rsplit(".", 1)[-1]
        if leaf == "W":
            _, fan_out = init.fans(p.shape[1:])
            assert abs(p.std() / (0.5 * np.sqrt(2 / fan_out)) - 1) < 0.25
        elif leaf == "b":
            assert not p.any()
        else:
            assert leaf in ("gamma", "beta")
            assert p.any()


@each_backend
@pytest.mark.parametrize("lead", [(), (2,)])
def test_lsuv(device, lead):
    """Unit deviation after every weight, also in residual branches and convolutions."""
    where = {"rng": rng(), "lead": lead, "dtype": np.float64, "device": device}
    inner = [Linear(12, 12, **where), Activation("relu"), Linear(12, 12, **where)]
    net = model.Sequential(
        [
            Conv2d(1, 3, 3, **where),
            Activation("relu"),
            Flatten(),
            Linear(12, 12, **where),
            Residual(inner),
            Linear(12, 5, **where),
        ]
    )
    init.initialize(net, init.orthogonal, rng=rng(), gain=7.0)
    from nnlib.backend import asarray

    x = asarray(rng(1).standard_normal((200, 1, 4, 4)), device=device)
    passes = init.lsuv(net, x)
    assert len(passes) == 5
    assert max(passes) <= 2
    outputs = net.activations(x)
    for y in (outputs[0], outputs[3], outputs[5]):
        std = to_numpy(y).reshape(*lead, -1).std(axis=-1)
        assert (np.abs(std - 1) < 0.01).all()
    branch = inner[2].forward(inner[1].forward(inner[0].forward(outputs[3])))
    assert (np.abs(to_numpy(branch).reshape(*lead, -1).std(axis=-1) - 1) < 0.01).all()
    assert "forward" not in vars(inner[0])  # the listener is gone
    assert init.lsuv(net, x) == [0] * 5


def test_lsuv_leaves_a_dead_layer():
    net = model.mlp([3, 3], rng=rng(), init=init.zeros, device="cpu")
    assert init.lsuv(net, np.ones((4, 3), np.float32)) == [0]
    assert not net.params.any()


@pytest.mark.parametrize("name", ["gamma", "W"])
def test_zero_last(name):
    from nnlib.norm import LayerNorm

    layers = [Linear(3, 4, rng=rng(), device="cpu"), Activation("relu")]
    if name == "gamma":
        layers.append(LayerNorm(4, device="cpu"))
    for layer in layers:
        for p in layer.params.values():
            p += 1
    init.zero_last(layers)
    net = model.Sequential(layers)
    assert not net(np.ones((2, 3), np.float32)).any()
    assert layers[0].params["W"].any() == (name == "gamma")


def test_log_prior_predicts_the_frequencies():
    y = np.array([0, 0, 0, 1, 2, 2])
    b = init.log_prior(y, 3)
    close(np.exp(b) / np.exp(b).sum(), [3 / 6, 1 / 6, 2 / 6])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init.fans((3,)), r"at least two axes, not shape \(3,\)"),
        (lambda: init.variance("kaiming", 1, 1), "'kaiming' is not one of lecun"),
        (lambda: init.variance("he", 1, 1, mode="in"), "'in' is not one of fan_in"),
        (lambda: init.gain("gelu"), "no gain known for 'gelu'; known: linear"),
        (lambda: init.log_prior(np.array([0, 2]), 3), "class 1 has no example"),
        (lambda: init.log_prior(np.array([0, 3]), 3), r"label 3 is outside 0\.\.2"),
        (
            lambda: init.initialize(None, "glorot", rng=rng()),
            "'glorot' is not one of lecun, xavier, he",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

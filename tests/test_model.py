"""Networks over one flat buffer: views, stacks, masks, copies, files."""

import copy
import pickle

import numpy as np
import pytest
from backends import close, each_backend, each_fast_backend, needs_torch, put, same

from nnlib import checkpoint, losses, model
from nnlib.backend import asarray, device_of, to_numpy
from nnlib.gradcheck import check_model
from nnlib.init import he_normal, lecun_normal, xavier_normal, zeros
from nnlib.layers import Activation, Flatten, Layer, Linear
from nnlib.norm import BatchNorm1d
from nnlib.optim import SGD

WHERE = {"dtype": np.float64, "device": "cpu"}


def rng(seed=0):
    return np.random.default_rng(seed)


def small(lead=(), **kw):
    """A network with every kind of state: weights, biases, norms, buffers."""
    where = {"lead": lead, **WHERE, **kw}
    r = rng()
    return model.Sequential(
        [
            Linear(4, 5, rng=r, **where),
            BatchNorm1d(5, **where),
            Activation("relu"),
            Linear(5, 3, rng=r, **where),
        ]
    )


NETS = {
    "mlp": (lambda **kw: model.mlp([64, 8, 10], **kw), (64,)),
    "lenet": (lambda **kw: model.lenet(image=(1, 12, 12), **kw), (1, 12, 12)),
    "lenet of 1998": (
        lambda **kw: model.lenet(
            image=(1, 12, 12), activation="tanh", pool="avg", **kw
        ),
        (1, 12, 12),
    ),
    "resnet": (lambda **kw: model.resnet(widths=(3, 4), **kw), (1, 8, 8)),
    "resnet without norm": (
        lambda **kw: model.resnet(widths=(3,), blocks=2, norm=False, **kw),
        (1, 8, 8),
    ),
}
each_net = pytest.mark.parametrize("name", NETS)


@each_fast_backend
@each_net
def test_gradient_through_the_whole_network(name, device):
    make, shape = NETS[name]
    net = make(rng=rng(), dtype=np.float64, device=device)
    x = put(rng(1).standard_normal((4, *shape)), device)
    y = put(rng(2).integers(0, 10, 4), device)
    # Zero-initialized blocks put every dead unit of the ReLU behind on its kink.
    net.params += put(0.1 * rng(4).standard_normal(net.params.shape), device)
    errors = check_model(
        net, losses.softmax_cross_entropy, x, y, rng=rng(3), samples=3, train=True
    )
    assert max(errors.values()) < 1e-5, errors


@each_backend
@each_net
def test_backends_take_the_same_step(name, device):
    make, shape = NETS[name]
    results = []
    for where in ("cpu", device):
        net = make(rng=rng(), dtype=np.float64, device=where)
        x = put(rng(1).standard_normal((4, *shape)), where)
        z = net.forward(x, train=True)
        net.backward(put(rng(2).standard_normal(z.shape), where))
        net.params -= 0.1 * net.grads
        results.append((net.params, net(x)))
    close(results[1][0], results[0][0])
    close(results[1][1], results[0][1], rtol=1e-8, atol=1e-10)


@each_net
def test_stack_trains_like_a_loop(name):
    """Five SGD steps of three models as one equal those one by one, bit for bit."""
    make, shape = NETS[name]
    stack = make(rng=rng(), lead=(3,), **WHERE)
    start = stack.params.copy()
    x, y = rng(1).standard_normal((6, *shape)), rng(2).integers(0, 10, 6)

    def train(net):
        opt = SGD(lr=0.05)
        for _ in range(5):
            _, dz = losses.softmax_cross_entropy(net.forward(x, train=True), y)
            net.backward(dz)
            opt.step(net.params, net.grads)

    train(stack)
    for k in range(3):
        one = make(rng=rng(), **WHERE)
        one.params[...] = start[k]
        train(one)
        same(one.params, stack.params[k])


@needs_torch
def test_lenet_equals_torch():
    """Forward, backward and five SGD steps from the same weights."""
    import torch

    nn = torch.nn
    net = model.lenet(rng=rng(), **WHERE)
    theirs = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    ).double()
    ours = [p for _, p in net.named_parameters()]
    with torch.no_grad():
        for p, t in zip(ours, theirs.parameters(), strict=True):
            t.copy_(torch.tensor(p if p.ndim != 2 else p.T.copy()))
    x, y = rng(1).standard_normal((4, 1, 28, 28)), rng(2).integers(0, 10, 4)
    opt, sgd = torch.optim.SGD(theirs.parameters(), lr=0.05), SGD(lr=0.05)
    for _ in range(5):
        value, dz = losses.softmax_cross_entropy(net.forward(x, train=True), y)
        net.backward(dz)
        sgd.step(net.params, net.grads)
        loss = nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(y))
        opt.zero_grad()
        loss.backward()
        opt.step()
        close(value, loss.item())
    for p, t in zip(ours, theirs.parameters(), strict=True):
        t = t.detach().numpy()
        close(p, t if p.ndim != 2 else t.T, rtol=1e-9, atol=1e-12)


def test_lenet_golden():
    """61706 parameters, the count of every modern LeNet-5 with full connections."""
    net = model.lenet(rng=rng(), device="cpu")
    assert net.params.shape == (61706,)
    sizes = [p.size for _, p in net.named_parameters()]
    assert sizes == [150, 6, 2400, 16, 48000, 120, 10080, 84, 840, 10]


@each_backend
@pytest.mark.parametrize("lead", [(), (2,), (2, 1), (0,)])
def test_layers_hold_views(device, lead):
    """A change of the flat buffer is a change of the layers, and back."""
    net = small(lead, device=device)
    assert tuple(net.params.shape) == (*lead, 4 * 5 + 5 + 5 + 5 + 5 * 3 + 3)
    net.params[...] = 7.0
    assert all((to_numpy(p) == 7).all() for _, p in net.named_parameters())
    net.layers[0].params["b"][...] = 3.0
    close(net.params[..., 20:25], np.full((*lead, 5), 3.0))
    net.forward(put(np.ones((4, 4)), device), train=True)
    net.backward(put(np.ones((*lead, 4, 3)), device))
    flat = [to_numpy(g).reshape(*lead, -1) for _, g in net.named_grads() if g.shape[0]]
    if flat:
        close(net.grads, np.concatenate(flat, axis=-1))


def test_named_parameters():
    net = small()
    names = ["0.W", "0.b", "1.gamma", "1.beta", "3.W", "3.b"]
    assert [n for n, _ in net.named_parameters()] == names
    assert [n for n, _ in net.named_grads()] == names
    assert list(net.state()) == [*names, "1.running_mean", "1.running_var"]


def test_activations_and_call():
    net, x = small(), rng(1).standard_normal((6, 4))
    outputs = net.activations(x)
    assert len(outputs) == 4
    same(outputs[-1], net(x))
    same(outputs[-1], net.forward(x, train=False))
    assert not np.array_equal(net.activations(x, train=True)[-1], outputs[-1])


@pytest.mark.parametrize("first", [0, 2])
def test_backward_stops_at_the_first_weights(first):
    layers = [Flatten(1), Activation("tanh")][:first] if first else []
    net = model.Sequential([*layers, Linear(4, 2, rng=rng(), **WHERE)])
    x = rng(1).standard_normal((3, 4))
    dy = np.ones(net.forward(x).shape)
    assert net.backward(dy) is None
    kept = net.grads.copy()
    assert net.backward(dy, input_gradient=True).shape == x.shape
    same(net.grads, kept)


def test_network_without_parameters():
    net = model.Sequential([Activation("tanh")])
    net.forward(np.zeros((2, 3)))
    same(net.backward(np.ones((2, 3))), np.ones((2, 3)))
    assert net.params.shape == (0,)
    with pytest.raises(RuntimeError, match="backward called before forward"):
        model.Sequential([Activation("tanh")]).backward(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("activation", "fitting"),
    [
        ("relu", he_normal),
        ("gelu", he_normal),
        ("tanh", xavier_normal),
        ("sigmoid", xavier_normal),
        ("selu", lecun_normal),
    ],
)
def test_mlp_takes_the_fitting_initializer(activation, fitting):
    net = model.mlp([5, 4, 3], activation=activation, rng=rng(), **WHERE)
    r = rng()
    same(net.layers[0].params["W"], fitting((5, 4), rng=r, **WHERE))
    same(net.layers[2].params["W"], fitting((4, 3), rng=r, **WHERE))
    assert not model.mlp([5, 3], init=zeros, rng=rng(), **WHERE).params.any()


@each_backend
@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("W",), [1, 0, 0, 0, 1, 0]),
        (("b", "beta"), [0, 1, 0, 1, 0, 1]),
        (("0.*",), [1, 1, 0, 0, 0, 0]),
        (("*",), [1] * 6),
        (("3.b", "1.*"), [0, 0, 1, 1, 0, 1]),
        ((), [0] * 6),
    ],
)
def test_mask(device, lead, patterns, expected):
    mask = small(lead, device=device).mask(*patterns)
    assert device_of(mask) == device
    close(mask, np.repeat(np.array(expected, float), [20, 5, 5, 5, 15, 3]))


def test_mask_of_nothing():
    with pytest.raises(ValueError, match=r"\['2\.W', 'w'\] fit no parameter of: 0\.W"):
        small().mask("W", "w", "2.W")


def test_freezing_by_a_mask():
    """A step along mask · gradient moves the chosen layers only."""
    net, x = small(), rng(1).standard_normal((6, 4))
    before = net.state()
    net.backward(np.ones_like(net.forward(x, train=True)))
    net.params -= 0.1 * net.mask("3.*") * net.grads
    changed = {k for k, v in net.state().items() if not np.array_equal(v, before[k])}
    assert changed == {"3.W", "3.b", "1.running_mean", "1.running_var"}


def test_replace_the_head():
    net, x = small(), rng(1).standard_normal((6, 4))
    body = net.activations(x)[-2]
    net.replace(-1, Linear(5, 7, rng=rng(), **WHERE))
    assert net(x).shape == (6, 7)
    same(net.activations(x)[-2], body)
    net.params[...] = 0
    assert not net(x).any()
    for bad, message in [
        (Linear(5, 7, rng=rng(), lead=(2,), **WHERE), "leading axes"),
        (Linear(5, 7, rng=rng(), device="cpu"), "device and dtype"),
        (net.layers[0], "appears twice"),
    ]:
        with pytest.raises(ValueError, match=message):
            net.replace(-1, bad)
        assert net(x).shape == (6, 7)


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]
)
def test_a_copy_is_whole_and_independent(clone):
    net, x = small(), rng(1).standard_normal((6, 4))
    net.forward(x, train=True)
    twin = clone(net)
    same(twin(x), net(x))
    twin.params[...] = 0.0  # reaches the layers of the twin, and only those
    assert not twin(x).any()
    assert net(x).any()


@pytest.mark.parametrize(
    "device", ["cpu", "strict", pytest.param("torch", marks=needs_torch)]
)
def test_to(device):
    net, x = small((2,)), rng(1).standard_normal((6, 4))
    net.forward(x, train=True)
    expected = net(x)
    assert net.to(device, dtype=np.float32) is net
    moved = asarray(x, dtype=np.float32, device=device)
    y = net(moved)
    assert device_of(y) == device
    assert to_numpy(y).dtype == np.float32
    close(y, expected.astype(np.float32), rtol=1e-4, atol=1e-5)
    net.forward(moved, train=True)
    net.backward(asarray(np.ones((2, 6, 3), np.float32), device=device))
    net.params[...] = 0.0
    assert not to_numpy(net(moved)).any()
    assert to_numpy(net.to(dtype=np.float64).params).dtype == np.float64


@each_backend
@pytest.mark.parametrize("lead", [(), (3,)])
def test_save_and_load(tmp_path, device, lead):
    path = tmp_path / "net.safetensors"
    net = small(lead, device=device)
    net.forward(put(rng(1).standard_normal((6, 4)), device), train=True)
    net.save(path)
    other = small(lead, device=device)
    other.params[...] = 0.0
    other.load(path)
    for key, value in net.state().items():
        same(other.state()[key], value)
    assert list(tmp_path.iterdir()) == [path]


@needs_torch
def test_the_file_opens_elsewhere(tmp_path):
    """The reference implementation for torch reads what we wrote."""
    from safetensors.torch import load_file

    net = small()
    net.save(tmp_path / "net.safetensors")
    close(load_file(tmp_path / "net.safetensors")["0.W"], net.layers[0].params["W"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("3.W"), "the state has no entry '3.W'"),
        (lambda s: s.update(extra=np.ones(1)), "the model has no entry 'extra'"),
        (
            lambda s: s.update({"3.b": np.ones(4)}),
            r"'3\.b' has shape \(4,\), not \(3,\)",
        ),
        (lambda s: s.pop("1.running_var"), "no entry '1.running_var'"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(tmp_path, change, message):
    net = small()
    state = {k: v + 1 for k, v in net.state().items()}
    change(state)
    before = net.state()
    with pytest.raises(ValueError, match=message):
        net.load_state(state)
    path = tmp_path / "other.safetensors"
    checkpoint.save(path, state)
    with pytest.raises(ValueError, match=rf"other\.safetensors: .*{message}"):
        net.load(path)
    for key, value in before.items():
        same(net.state()[key], value)


def test_files_that_are_no_checkpoint(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        small().load(path)
    small().save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        small().load(path)
    with pytest.raises(FileNotFoundError):
        small().load(tmp_path / "absent")


def test_checkpoint_keeps_dtypes_and_text(tmp_path):
    arrays = {"a": np.arange(3), "b": np.float32(2.5), "c": np.ones((2, 0))}
    checkpoint.save(tmp_path / "f", arrays, {"epoch": "3"})
    back, text = checkpoint.load(tmp_path / "f")
    for key, value in arrays.items():
        same(back[key], np.asarray(value))
    assert text == {"epoch": "3"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: model.mlp([3], rng=rng()), r"at least two sizes, not \[3\]"),
        (lambda: model.mlp([3, 3, 3], activation="x", rng=rng()), "'x' is not one of"),
        (lambda: model.lenet(rng=rng(), pool="min"), "'min' is not one of max, avg"),
        (lambda: model.lenet(rng=rng(), image=(1, 8, 8)), "12x12 pixels, not 8x8"),
        (
            lambda: model.Sequential(
                [Linear(2, 2, rng=rng()), Linear(2, 2, rng=rng(), lead=(3,))]
            ),
            r"leading axes: \[\(\), \(3,\)\]",
        ),
        (
            lambda: model.Sequential(
                [Linear(2, 2, rng=rng()), Linear(2, 2, rng=rng(), dtype=np.float64)]
            ),
            "disagree on device and dtype",
        ),
        (lambda: model.Sequential([Layer()] * 2), "a layer appears twice"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

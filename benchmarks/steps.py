"""The contenders: each builds one training step on the same weights and data.

A contender is a pair ``(step, weights)``: ``step()`` does one whole step (forward,
loss, backward, update), ``weights()`` returns all parameters as one NumPy array, so
that a test can check that contenders do the same work.
"""

import itertools

import numpy as np

from nnlib import model, optim
from nnlib.backend import asarray, to_numpy
from nnlib.losses import softmax_cross_entropy
from nnlib.train import train_step

try:
    import torch
    import torch.nn.functional as F
except ImportError:  # the rows without torch still run
    torch = None

RATE = 1e-3
MLP = (784, 1500, 1000, 500, 10)
TINY = (64, 64, 10)


def batch(shape, classes=10, seed=1):
    """Return a mini-batch of standard normal inputs and random labels."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape).astype(np.float32)
    return x, rng.integers(0, classes, shape[: -1 if len(shape) < 4 else 1])


def network(name, **kw):
    """Return one of the two networks of the benchmark, or a stack of them."""
    rng = np.random.default_rng(0)
    if name == "lenet":
        return model.lenet(rng=rng, **kw)
    return model.mlp({"mlp": MLP, "tiny": TINY}[name], rng=rng, **kw)


def optimizer(name):
    """Return nnlib's SGD or Adam."""
    return {"sgd": optim.SGD, "adam": optim.Adam}[name](lr=RATE)


def nnlib_step(name, x, y, *, device="cpu", opt="sgd", lead=()):
    """A step of nnlib; with ``lead=(K,)`` of K models at once."""
    net, update = network(name, device=device, lead=lead), optimizer(opt)
    x, y = asarray(x, device=device), asarray(y, device=device)

    def step():
        train_step(net, softmax_cross_entropy, update, x, y)

    return step, lambda: to_numpy(net.params).copy()


def nnlib_loop(name, x, y):
    """One step of each of K models, one after the other."""
    stack = network(name, device="cpu", lead=(len(x),))
    nets = [network(name, device="cpu") for _ in x]
    for net, row in zip(nets, stack.params, strict=True):
        net.params[...] = row
    updates = [optimizer("sgd") for _ in x]

    def step():
        for net, update, a, b in zip(nets, updates, x, y, strict=True):
            train_step(net, softmax_cross_entropy, update, a, b)

    return step, lambda: np.stack([net.params for net in nets])


def gemms(sizes, n):
    """The matrix products of one step of an MLP, and nothing else.

    Forward ``x W``, weight gradient ``xᵀ dy``, and ``dy Wᵀ`` but for the first layer.
    """
    rng = np.random.default_rng(0)
    jobs = []
    for i, (d, h) in enumerate(itertools.pairwise(sizes)):
        x, W, dy = (
            rng.standard_normal(s).astype(np.float32) for s in ((n, d), (d, h), (n, h))
        )
        jobs.append((x, W, np.empty((n, h), np.float32)))
        jobs.append((x.T, dy, np.empty((d, h), np.float32)))
        if i > 0:
            jobs.append((dy, W.T, np.empty((n, d), np.float32)))

    def step():
        for a, b, out in jobs:
            np.matmul(a, b, out=out)

    return step, None


# ---- torch --------------------------------------------------------------------------


def torch_network(name, weights=None, device="cpu"):
    """Return the network in torch.nn, with nnlib's weights or torch's own."""
    nn = torch.nn
    if name == "lenet":
        layers = [
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
            nn.Linear(84, 10),
        ]
    else:
        sizes = {"mlp": MLP, "tiny": TINY}[name]
        layers = []
        for d, h in itertools.pairwise(sizes):
            layers += [nn.Linear(d, h), nn.ReLU()]
        layers.pop()
    net = nn.Sequential(*layers)
    start = 0
    with torch.no_grad():
        for p in net.parameters() if weights is not None else ():
            values = torch.from_numpy(weights[start : start + p.numel()])
            start += p.numel()
            if p.ndim == 2:  # torch stores the transpose
                p.copy_(values.reshape(p.shape[1], p.shape[0]).T)
            else:
                p.copy_(values.reshape(p.shape))
    return net.to(device)


def flat(parameters):
    """Return torch parameters in nnlib's order and layout."""
    parts = [(p.mT if p.ndim == 2 else p).detach().cpu() for p in parameters]
    return np.concatenate([p.numpy().ravel() for p in parts])


def torch_step(name, x, y, *, device="cpu", opt="sgd", weights="nnlib"):
    """A step of torch as a practitioner writes it, in eager mode."""
    if isinstance(weights, str):
        weights = network(name, device="cpu").params
    net = torch_network(name, weights, device)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[opt]
    update = kind(net.parameters(), lr=RATE)
    x, y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)

    def step():
        update.zero_grad()
        F.cross_entropy(net(x), y).backward()
        update.step()

    return step, lambda: flat(net.parameters())


def torch_loop(name, x, y):
    """One step of each of K torch models, one after the other."""
    stack = network(name, device="cpu", lead=(len(x),)).params
    pairs = [
        torch_step(name, a, b, weights=w) for a, b, w in zip(x, y, stack, strict=True)
    ]

    def step():
        for one, _ in pairs:
            one()

    return step, lambda: np.stack([weights() for _, weights in pairs])


def torch_vmap(name, x, y):
    """K torch models as one, through torch.func."""
    from torch.func import functional_call, grad, stack_module_state, vmap

    stack = network(name, device="cpu", lead=(len(x),)).params
    nets = [torch_network(name, w) for w in stack]
    params, _ = stack_module_state(nets)
    params = {k: v.detach() for k, v in params.items()}
    base = nets[0]
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def loss(p, a, b):
        return F.cross_entropy(functional_call(base, p, (a,)), b)

    gradients = vmap(grad(loss))

    def step():
        for key, g in gradients(params, x, y).items():
            params[key].sub_(g, alpha=RATE)

    def weights():
        return np.stack(
            [flat([params[k][i] for k in params]) for i in range(len(stack))]
        )

    return step, weights


def sklearn_step(x, y):
    """A step of scikit-learn's MLPClassifier (Adam, 64 hidden units)."""
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier((64,), batch_size=len(x), learning_rate_init=RATE, alpha=0.0)
    classes = np.arange(10)

    def step():
        net.partial_fit(x, y, classes=classes)

    return step, None

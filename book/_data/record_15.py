"""Record dropout in larger networks: `python book/_data/record_15.py [PART]`.

PART is "dense" (MNIST), "conv" (a small convolutional network on the digits) or "noise"
(wrong labels); without it, all three, about twenty minutes on one core. Writes
recorded/15_PART.json beside this file; chapter 15 reads them.
"""

import datetime
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.backend import asarray
from nnlib.conv import Conv2d
from nnlib.data import Split, digits, mnist
from nnlib.dropout import DropConnect, Dropout
from nnlib.layers import Activation, Flatten, Linear
from nnlib.losses import softmax_cross_entropy
from nnlib.model import Sequential
from nnlib.optim import SGD
from nnlib.penalties import l2
from nnlib.pool import MaxPool2d
from nnlib.train import evaluate, fit

HERE = Path(__file__).parent
SEEDS = 10
RATES = [0.05, 0.1, 0.2]
MORE_RATES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3]
# (rate, dropped pixels, dropped hidden units, λ): six settings for each method
DENSE: dict[str, list[tuple[float, ...]]] = {
    "none": [(r, 0, 0, 0) for r in MORE_RATES],
    "L2": [(r, 0, 0, w) for r in RATES for w in (3e-4, 1e-3)],
    "hidden": [(r, 0, p, 0) for r in RATES for p in (0.25, 0.5)],
    "hidden and input": [(r, 0.2, p, 0) for r in RATES for p in (0.25, 0.5)],
}
# (rate, dropped share): four settings for each
CONV: dict[str, list[tuple[float, ...]]] = {
    "none": [(r, 0) for r in (0.02, 0.05, 0.1, 0.2)],
    "dense": [(r, p) for r in (0.05, 0.1) for p in (0.25, 0.5)],
    "feature maps": [(r, p) for r in (0.05, 0.1) for p in (0.25, 0.5)],
    "channels": [(r, p) for r in (0.05, 0.1) for p in (0.25, 0.5)],
}
# (rate, strength): λ or dropped share; nine settings for each method
SLOW = (0.01, 0.03, 0.1)
NOISY: dict[str, list[tuple[float, ...]]] = {
    "none": [(r, 0) for r in (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.1, 0.3)],
    "L2": [(r, w) for w in (0.03, 0.1, 0.3) for r in SLOW],
    "dropout": [(r, p) for p in (0.5, 0.75, 0.9) for r in SLOW],
    "DropConnect": [(r, p) for p in (0.25, 0.5, 0.75) for r in SLOW],
}


def columns(settings, seeds):
    """Each number of the settings, repeated for the seeds: (settings, seeds)."""
    table = np.array(settings, dtype=float)
    return [np.repeat(c[:, None], seeds, axis=1) for c in table.T]


def dense_net(p_input, p_hidden, *, rng):
    """784-256-256-10; the dropped shares have the shape of the stack."""

    def dense(d_in, d_out):
        return Linear(d_in, d_out, rng=rng, lead=p_input.shape)

    layers = [Flatten(), dense(784, 256), Activation("relu")]
    layers += [dense(256, 256), Activation("relu"), dense(256, 10)]
    for place, p in ((5, p_hidden), (3, p_hidden), (1, p_input)):  # from the end
        if p.any():
            layers.insert(place, Dropout(p, rng=rng))
    return Sequential(layers)


def conv_net(kind, p, *, rng):
    """Two convolutions and two dense layers for 8x8 images, with dropout in places."""
    where: dict[str, Any] = {"rng": rng, "lead": p.shape}
    layers = [
        Conv2d(1, 8, 3, padding=1, **where),
        Activation("relu"),
        Conv2d(8, 16, 3, padding=1, **where),
        Activation("relu"),
        MaxPool2d(2),
        Flatten(),
        Linear(256, 64, **where),
        Activation("relu"),
        Linear(64, 10, **where),
    ]
    places = {"none": [], "dense": [8, 6], "feature maps": [4, 2], "channels": [4, 2]}
    for place in places[kind]:
        axes = 2 if kind == "channels" else 0
        layers.insert(place, Dropout(p, rng=rng, shared_axes=axes))
    return Sequential(layers)


def train(net, rate, data, *, strength=None, **kw):
    """Start all settings from the same weights and train them; return the history."""
    net.params[...] = net.params[:1] + 0 * net.params
    penalty = None
    if strength is not None and strength.any():
        penalty = partial(l2, strength=strength, mask=net.mask("W"))
    return fit(net, softmax_cross_entropy, SGD(lr=rate), data, penalty=penalty, **kw)


def dense():
    """Tune each method with six settings; then ten networks with the best one."""
    rng = np.random.default_rng(15)
    data = mnist(rng=rng, n_train=5000, n_val=2000)
    keys = ("chosen", "tuning", "test_error", "test_loss", "train_error")
    results: dict[str, dict] = {key: {} for key in keys}
    for name, settings in DENSE.items():
        start = time.time()
        rate, p_input, p_hidden, strength = columns(settings, 2)
        net = dense_net(p_input, p_hidden, rng=rng)
        kw = {"batch_size": 50, "rng": rng}
        h = train(net, rate, data, strength=strength, epochs=10, **kw)
        errors = 100 * h["val_error"][-1].mean(axis=1)
        best = settings[int(errors.argmin())]

        own = np.random.default_rng(150)  # the same start for each method
        rate, p_input, p_hidden, strength = columns([best], SEEDS)
        net = dense_net(p_input, p_hidden, rng=own)
        kw = {"batch_size": 50, "rng": own}
        train(net, rate, data, strength=strength, epochs=30, **kw)
        measure = partial(evaluate, net, softmax_cross_entropy, batch_size=500)
        loss, error = measure(data.x_test, data.y_test)
        fitted = measure(data.x_train, data.y_train)[1]
        found = (best, errors, 100 * error[0], loss[0], 100 * fitted[0])
        for key, value in zip(keys, found, strict=True):
            results[key][name] = np.round(value, 4).tolist()
        print(
            name, best, 100 * error.mean(), f"{time.time() - start:.0f} s", flush=True
        )
    head = {"network": "784-256-256-10, ReLU", "images": 5000, "epochs": 30}
    write("dense", head | results)


def conv():
    """All settings × ten networks, each network with its own 200 digits."""
    rng = np.random.default_rng(151)
    draws = [
        digits(rng=rng, n_train=200, n_val=200, device="cpu") for _ in range(SEEDS)
    ]
    results: dict[str, dict] = {"val_error": {}, "test_error": {}}
    for name, settings in CONV.items():
        start = time.time()
        rate, p = columns(settings, SEEDS)
        parts = {}
        for part in ("train", "val", "test"):
            x = np.stack([getattr(d, f"x_{part}")[:500] for d in draws])
            y = np.stack([getattr(d, f"y_{part}")[:500] for d in draws])
            x = x.reshape(SEEDS, -1, 1, 8, 8)
            for key, v in ((f"x_{part}", x), (f"y_{part}", y)):
                whole = np.broadcast_to(v, (len(settings), *v.shape))
                parts[key] = asarray(np.ascontiguousarray(whole))
        data = Split(**parts)
        net = conv_net(name, p, rng=np.random.default_rng(152))
        own = np.random.default_rng(153)
        h = train(net, rate, data, epochs=30, batch_size=20, rng=own)
        test = (data.x_test, data.y_test)
        error = evaluate(net, softmax_cross_entropy, *test, batch_size=100)[1]
        results["val_error"][name] = (100 * h["val_error"][-1]).round(3).tolist()
        results["test_error"][name] = (100 * error).round(3).tolist()
        print(name, (100 * error).mean(axis=1).round(2), f"{time.time() - start:.0f} s")
    head = {"network": "two convolutions, two dense layers", "images": 200}
    write("conv", head | {"epochs": 30, "settings": CONV} | results)


def noisy_digits(seeds, *, rng, images=300, share=0.3):
    """A split for each network; a share of training and validation labels is wrong."""
    draws = [
        digits(rng=rng, n_train=images, n_val=200, device="cpu") for _ in range(seeds)
    ]
    parts = {}
    for key in ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"):
        v = np.stack([getattr(d, key)[:500] for d in draws])
        if key in ("y_train", "y_val"):
            lie = rng.random(v.shape) < share
            v = np.where(lie, (v + rng.integers(1, 10, v.shape)) % 10, v)
        parts[key] = v
    return parts


def train_noisy(name, settings, parts, *, rng, width=256):
    """Train settings × seeds; return validation and test error in percent."""
    rate, v = columns(settings, len(parts["y_train"]))
    where: dict[str, Any] = {"rng": rng, "lead": rate.shape}
    if name == "DropConnect":
        first: Linear = DropConnect(64, width, p=settings[0][1], **where)
    else:
        first = Linear(64, width, **where)
    layers = [first, Activation("relu"), Linear(width, 10, **where)]
    if name == "dropout":
        layers.insert(2, Dropout(v, rng=rng))
    net = Sequential(layers)
    whole = {
        key: asarray(np.ascontiguousarray(np.broadcast_to(a, (len(rate), *a.shape))))
        for key, a in parts.items()
    }
    data = Split(**whole)
    strength = v if name == "L2" else None
    kw = {"epochs": 80, "batch_size": 32, "rng": rng}
    h = train(net, rate, data, strength=strength, **kw)
    error = evaluate(net, softmax_cross_entropy, data.x_test, data.y_test)[1]
    return 100 * h["val_error"][-1], 100 * error


def noise():
    """Each split trains all settings and takes the one best on its validation set."""
    parts = noisy_digits(12, rng=np.random.default_rng(154))
    keys = ("chosen", "val_error", "test_error")
    results: dict[str, dict] = {key: {} for key in keys}
    for name, settings in NOISY.items():
        start = time.time()
        found = []
        for p in dict.fromkeys(v for _, v in settings):  # DropConnect: one p per stack
            same = [q for q in settings if q[1] == p]
            rng = np.random.default_rng(156)
            found.append(train_noisy(name, same, parts, rng=rng))
        val, test = (np.concatenate(v) for v in zip(*found, strict=True))
        best = val.argmin(axis=0)  # one for each split
        error = test[best, np.arange(len(best))]
        chosen = [settings[i] for i in best]
        for key, value in zip(keys, (chosen, val.mean(axis=1), error), strict=True):
            results[key][name] = np.round(value, 3).tolist()
        print(name, error.mean(), f"{time.time() - start:.0f} s", flush=True)
    head = {"network": "64-256-10, ReLU", "images": 300, "wrong_labels": 0.3}
    write("noise", head | {"epochs": 80, "settings": NOISY} | results)


def write(part, record):
    """Write one recording with its command and date."""
    head = {
        "command": f"python book/_data/record_15.py {part}",
        "date": datetime.date.today().isoformat(),
    }
    target = HERE / "recorded" / f"15_{part}.json"
    target.write_text(json.dumps(head | record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ["dense", "conv", "noise"]:
        {"dense": dense, "conv": conv, "noise": noise}[chosen]()

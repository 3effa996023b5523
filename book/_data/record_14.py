"""Record L1, L2 and no penalty on all of MNIST: `python book/_data/record_14.py`.

Takes about half an hour on one core. Writes recorded/14_mnist.json beside this file
after every run, so it can be stopped at any time; complete seeds count. Started again,
it goes on where it stopped; delete the file to begin anew.
"""

import datetime
import json
import time
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.backend import default_device, to_numpy
from nnlib.data import mnist
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.optim import Momentum
from nnlib.penalties import l1, l2
from nnlib.schedules import cosine
from nnlib.train import evaluate, fit

SIZES = [784, 1500, 1000, 500, 10]
BATCH, RATE, MOMENTUM = 256, 0.1, 0.9
EPOCHS, SEEDS = 5, 5
SEARCH_EPOCHS, SEARCH_SEED, HELD_OUT = 3, 100, 10_000
STRENGTHS = {"none": [0.0], "L1": [3e-6, 1e-5, 3e-5], "L2": [1e-4, 3e-4, 1e-3]}
PENALTIES = {"none": l2, "L1": l1, "L2": l2}
SMALL = 1e-3  # a weight below this counts as small
TARGET = Path(__file__).parent / "recorded" / "14_mnist.json"


@cache
def images(seed, n_val):
    """All of MNIST in rows; the seed chooses the held-out part."""
    data = mnist(rng=np.random.default_rng(seed), n_val=n_val)
    rows = {k: v.reshape(-1, 784) for k, v in vars(data).items() if v.ndim > 2}
    return replace(data, **rows)


def train(method, strength, seed, epochs, n_val):
    """Train one network; the seed fixes start and order of the images, too."""
    began = time.perf_counter()
    data = images(seed, n_val)
    rng = np.random.default_rng([seed, 14])
    net = mlp(SIZES, rng=rng)
    steps = epochs * -(-len(data.y_train) // BATCH)
    penalty = partial(PENALTIES[method], strength=strength, mask=net.mask("W"))
    h = fit(
        net,
        softmax_cross_entropy,
        Momentum(lr=cosine(RATE, steps), momentum=MOMENTUM),
        replace(data, x_val=None),
        epochs=epochs,
        batch_size=BATCH,
        rng=rng,
        penalty=penalty if strength else None,
    )
    found = {"method": method, "strength": strength, "seed": seed}
    found["seconds"] = round(time.perf_counter() - began)
    found["train_loss"] = float(f"{h['train_loss'][-1]:.4g}")
    return net, data, found


def search(method, strength):
    """Measure one strength on held-out training images."""
    net, data, found = train(method, strength, SEARCH_SEED, SEARCH_EPOCHS, HELD_OUT)
    loss, error = evaluate(net, softmax_cross_entropy, data.x_val, data.y_val)
    found["val_loss"] = round(float(loss), 5)
    found["val_error"] = round(float(error), 6)
    return found


def best(runs, method):
    """The strength with the smallest error on the held-out images."""
    own = [r for r in runs if r["method"] == method]
    return min(own, key=lambda r: r["val_error"])["strength"]


def measure(method, strength, seed):
    """Train on all 60,000 images; keep which test images are wrong."""
    net, data, found = train(method, strength, seed, EPOCHS, 0)
    x, y = data.x_test, to_numpy(data.y_test)
    wrong = np.flatnonzero(to_numpy(net(x)).argmax(axis=-1) != y)
    W = [abs(to_numpy(p)) for name, p in net.named_parameters() if name[-1] == "W"]
    found["wrong"] = wrong.tolist()
    found["small"] = [round(float((w < SMALL).mean()), 4) for w in W]
    found["norm"] = [float(f"{np.sqrt((w**2).sum()):.4g}") for w in W]
    return found


def main():
    """Search the strengths, then run the methods seed by seed."""
    settings: dict[str, Any] = {
        "command": "python book/_data/record_14.py",
        "device": default_device(),
        "sizes": SIZES,
        "batch_size": BATCH,
        "rate": RATE,
        "momentum": MOMENTUM,
        "epochs": EPOCHS,
        "search_epochs": SEARCH_EPOCHS,
        "held_out": HELD_OUT,
        "strengths": STRENGTHS,
        "threshold": SMALL,
    }
    record: dict[str, Any] = {"search": [], "runs": []}
    if TARGET.exists():
        before = json.loads(TARGET.read_text())
        if settings.items() <= before.items():
            record = {k: before[k] for k in record}

    def keep(where, run):
        """Add a run and write the file."""
        print({**run, "wrong": len(run.get("wrong", []))}, flush=True)
        record[where].append(run)
        today = {"date": datetime.date.today().isoformat()}
        text = json.dumps({**settings, **today, **record})
        TARGET.write_text(text + "\n", encoding="utf-8")

    def done(where):
        return {(r["method"], r["strength"], r["seed"]) for r in record[where]}

    for method, strengths in STRENGTHS.items():
        for strength in strengths:
            if (method, strength, SEARCH_SEED) not in done("search"):
                keep("search", search(method, strength))
    record["chosen"] = {m: best(record["search"], m) for m in STRENGTHS}
    for seed in range(SEEDS):
        images.cache_clear()  # one copy of the images at a time
        for method, strength in record["chosen"].items():
            if (method, strength, seed) not in done("runs"):
                keep("runs", measure(method, strength, seed))


if __name__ == "__main__":
    main()

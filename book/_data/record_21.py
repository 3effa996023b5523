"""Record ensembles on MNIST: `python book/_data/record_21.py`.

Five training runs for each way to spend a budget of steps: one network, its
checkpoints, their averaged weights, networks trained apart. About ten minutes on one
core. Writes recorded/21_mnist.json beside this file; chapter 21 reads it.
"""

import datetime
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nnlib.activations import softmax
from nnlib.backend import take_rows, to_numpy
from nnlib.data import mnist
from nnlib.ensemble import SWA, Snapshots
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.optim import SGD
from nnlib.schedules import cosine, cosine_restarts
from nnlib.train import fit

HERE = Path(__file__).parent
SEEDS, MEMBERS, CYCLE, IMAGES, BATCH = 5, 5, 6, 2000, 50
EPOCHS = MEMBERS * CYCLE
STEPS = IMAGES // BATCH
RATES = [0.05, 0.15, 0.5]


def train(data, index, lr, epochs, rng, callbacks=()):
    """Train one network for each row of indices."""
    net = mlp([784, 100, 10], rng=rng, lead=index.shape[:-1])
    part = replace(
        data,
        x_train=take_rows(data.x_train, index),
        y_train=take_rows(data.y_train, index),
        x_val=None,
        y_val=None,
    )
    fit(
        net,
        softmax_cross_entropy,
        SGD(lr=lr),
        part,
        epochs=epochs,
        batch_size=BATCH,
        rng=rng,
        callbacks=callbacks,
    )
    return net


def main() -> None:
    """Train with each rate; score on validation images (to choose) and test images."""
    start = time.time()
    rng = np.random.default_rng(21)
    data = mnist(rng=rng, n_train=10_000, n_val=2000)
    flat = {
        f"x_{part}": getattr(data, f"x_{part}").reshape(-1, 784)
        for part in ("train", "val", "test")
    }
    data = replace(data, **flat)
    own = np.stack([rng.permutation(10_000)[:IMAGES] for _ in range(SEEDS)])
    apart = np.repeat(own[:, None], MEMBERS, axis=1)
    parts = [(data.x_val, data.y_val), (data.x_test, data.y_test)]
    results: dict[str, list] = {}

    def score(name, answers):
        """Append error (%) and loss (nats) of the mean answer over the first axis."""
        row = []
        for (_, y), p in zip(parts, answers, strict=True):
            mean = to_numpy(p).astype(np.float64).mean(axis=0)  # (seeds, N, C)
            labels = to_numpy(y)
            right = np.maximum(mean[:, np.arange(len(labels)), labels], 1e-12)
            error = 100 * (mean.argmax(axis=-1) != labels).mean(axis=-1)
            row.append(
                {"error": error.tolist(), "loss": (-np.log(right).mean(-1)).tolist()}
            )
        results.setdefault(name, []).append(
            dict(zip(("val", "test"), row, strict=True))
        )

    def single(name, net):
        score(name, [softmax(net(x))[None] for x, _ in parts])

    def several(name, net):
        score(name, [softmax(net(x)).swapaxes(0, 1) for x, _ in parts])

    for lr in RATES:
        copies, swa = Snapshots(CYCLE), SWA(2 * CYCLE)
        net = train(data, own, lr, EPOCHS, rng, [copies, swa])
        single("one, constant rate", net)
        score(
            "checkpoints, constant", [softmax(copies.logits(net, x)) for x, _ in parts]
        )
        swa.apply(net)
        single("SWA", net)
        copies = Snapshots(CYCLE)
        net = train(
            data, own, cosine_restarts(lr, CYCLE * STEPS), EPOCHS, rng, [copies]
        )
        answers = [softmax(copies.logits(net, x)) for x, _ in parts]
        score("snapshots, restarts", answers)
        score("last snapshot", [p[-1:] for p in answers])
        single("one, cosine", train(data, own, cosine(lr, EPOCHS * STEPS), EPOCHS, rng))
        several("5 short", train(data, apart, lr, CYCLE, rng))
        net = train(data, apart, lr, EPOCHS, rng)
        several("5 full", net)
        print(f"rate {lr}: {time.time() - start:.0f} s", flush=True)
    out = {
        "command": "python book/_data/record_21.py",
        "date": datetime.date.today().isoformat(),
        "seconds": round(time.time() - start),
        "network": "784-100-10",
        "images": IMAGES,
        "epochs": EPOCHS,
        "members": MEMBERS,
        "rates": RATES,
        "results": results,
    }
    path = HERE / "recorded" / "21_mnist.json"
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()

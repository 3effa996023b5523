"""Measure on MNIST how soon each activation learns: ``python book/_data/record_04.py``.

Writes ``recorded/04_activations.json``, which chapter 4 shows. Takes some minutes on
one core; downloads MNIST once (11 MB), or reads it from the folder ``NNLIB_DATA``.
"""

import datetime
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nnlib import data, optim
from nnlib.backend import to_numpy
from nnlib.losses import softmax_cross_entropy
from nnlib.metrics import error_rate
from nnlib.model import mlp
from nnlib.train import fit

NAMES = ["sigmoid", "tanh", "relu", "elu", "gelu"]
SEEDS, EVERY, GOAL = 5, 20, 0.10
RATES = [0.03, 0.1, 0.3, 1.0, 3.0]


def rows(split: data.Split) -> data.Split:
    """Return the same data with one row of 784 pixels per image."""
    parts = {n: getattr(split, n) for n in ("x_train", "x_val", "x_test")}
    return replace(split, **{n: x.reshape(len(x), -1) for n, x in parts.items()})


def curves(name: str, images: data.Split) -> np.ndarray:
    """Validation error after every 20 steps: (measurements, seeds, rates)."""
    rng = np.random.default_rng(4)
    net = mlp([784, 100, 100, 10], activation=name, rng=rng, lead=(SEEDS * len(RATES),))
    found = []

    def watch(step: int, model) -> None:
        if step % EVERY == 0:
            logits = model(images.x_val)
            found.append(to_numpy(error_rate(logits, images.y_val)))

    fit(
        net,
        softmax_cross_entropy,
        optim.SGD(lr=np.tile(RATES, SEEDS)),
        images,
        epochs=6,
        batch_size=64,
        rng=rng,
        shared_batches=True,
        on_step=[watch],
    )
    return np.stack(found).reshape(len(found), SEEDS, len(RATES))


def first_below(errors: np.ndarray, goal: float) -> np.ndarray:
    """Step of the first measurement below the goal; nan where there is none."""
    hit = errors < goal
    return np.where(hit.any(axis=0), EVERY * (hit.argmax(axis=0) + 1), np.nan)


def main() -> None:
    """Measure all activations and write the file."""
    rng = np.random.default_rng(4)
    images = rows(data.mnist(rng=rng, n_train=20000, n_val=1000))
    start, result = time.time(), {}
    for name in NAMES:
        errors = curves(name, images)
        final = errors[-5:].mean(axis=0)  # (seeds, rates): the last 100 steps
        best = int(final.mean(axis=0).argmin())
        result[name] = {
            "rate": RATES[best],
            "error": (100 * errors[:, :, best]).round(2).tolist(),
            "steps": first_below(errors[:, :, best], GOAL).tolist(),
        }
        print(name, RATES[best], result[name]["steps"], f"{time.time() - start:.0f} s")
    record = {
        "command": "python book/_data/record_04.py",
        "date": datetime.date.today().isoformat(),
        "every": EVERY,
        "goal": 100 * GOAL,
        "activations": result,
    }
    file = Path(__file__).parent / "recorded" / "04_activations.json"
    file.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

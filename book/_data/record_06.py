"""Measure on MNIST which layers move: ``python book/_data/record_06.py``.

Writes ``recorded/06_layers.json``, which chapter 6 shows. Takes a minute or two on one
core; downloads MNIST once (11 MB), or reads it from the folder ``NNLIB_DATA``.
"""

import datetime
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from nnlib import data, optim
from nnlib.backend import to_numpy
from nnlib.losses import softmax_cross_entropy
from nnlib.model import Sequential, mlp
from nnlib.train import fit

SEEDS, IMAGES, RATE, BATCH = 5, 10_000, 0.1, 10
DEPTHS, NAMES = [2, 3, 4], ["sigmoid", "relu"]


def weights(net: Sequential) -> list[np.ndarray]:
    """Return a copy of the weights of every layer."""
    return [to_numpy(x.params["W"]).copy() for x in net.layers if "W" in x.params]


def moved(name: str, depth: int, digits: data.Split) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square change per weight in one epoch (layers, seeds); test error."""
    rng = np.random.default_rng(6)
    net = mlp([784, *[30] * depth, 10], activation=name, rng=rng, lead=(SEEDS,))
    before = weights(net)
    h = fit(
        net,
        softmax_cross_entropy,
        optim.SGD(lr=RATE),
        digits,
        epochs=1,
        batch_size=BATCH,
        rng=rng,
    )
    change = [(a - b).astype(float) for a, b in zip(weights(net), before, strict=True)]
    rms = np.stack([np.sqrt((c**2).mean(axis=(-2, -1))) for c in change])
    return rms, 100 * h["val_error"][-1]


def main() -> None:
    """Measure all networks and write the file."""
    digits = data.mnist(rng=np.random.default_rng(6), n_train=IMAGES, n_val=2000)
    rows = {n: x.reshape(len(x), -1) for n, x in vars(digits).items() if n[0] == "x"}
    digits = replace(digits, **rows)
    result: dict = {name: {} for name in NAMES}
    for name in NAMES:
        for depth in DEPTHS:
            rms, error = moved(name, depth, digits)
            result[name][depth] = {"change": rms.tolist(), "error": error.tolist()}
            print(name, depth, rms.mean(axis=1), error.mean())
    record = {
        "command": "python book/_data/record_06.py",
        "date": datetime.date.today().isoformat(),
        "images": IMAGES,
        "rate": RATE,
        "batch_size": BATCH,
        "networks": result,
    }
    file = Path(__file__).parent / "recorded" / "06_layers.json"
    file.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Record two random searches on the digits for chapter 20.

Run `python book/_data/record_20.py`. It trains 2000 networks with Adam, at most 64 in
one stack, takes two minutes of one core, and writes recorded/20_importance.json
beside this file. The first search is wide; the second has a narrow range for the
learning rate, and for epsilon.
"""

import datetime
import json
import time
from pathlib import Path

import numpy as np

from nnlib.adaptive import Adam
from nnlib.backend import asarray, default_device, to_numpy
from nnlib.data import Split, digits
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.search import Choice, LogUniform, random_configs, run
from nnlib.train import fit

SEARCHES, TRIALS, EPOCHS = 5, 200, 10
WIDE = {
    "lr": LogUniform(1e-4, 1.0),
    "1-beta1": LogUniform(0.01, 1.0),
    "width": Choice([8, 32, 128]),
    "batch": Choice([16, 64, 256]),
    "depth": Choice([1, 2, 3]),
    "1-beta2": LogUniform(1e-4, 0.1),
    "eps": LogUniform(1e-10, 1.0),
    "decay": LogUniform(1e-3, 1.0),
    "weight_decay": LogUniform(1e-6, 0.1),
}
NARROW = {**WIDE, "lr": LogUniform(1e-3, 1e-2), "eps": LogUniform(1e-10, 1e-5)}


def search(space, rng):
    """Return the configurations and their errors: SEARCHES splits, one random draw."""
    splits = [digits(rng=rng) for _ in range(SEARCHES)]
    x, y, x_val, y_val = (
        np.stack([to_numpy(getattr(s, part)) for s in splits])
        for part in ("x_train", "y_train", "x_val", "y_val")
    )

    def train(group, k):
        own = group["search"]
        sizes = [64, *[group["width"]] * group["depth"], 10]
        net = mlp(sizes, rng=rng, lead=(k,))
        steps = EPOCHS * -(-x.shape[1] // group["batch"])
        optimizer = Adam(
            lr=lambda t: group["lr"] * group["decay"] ** (t / steps),
            beta1=1 - group["1-beta1"],
            beta2=1 - group["1-beta2"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
        )
        parts = [asarray(v[own]) for v in (x, y, x_val, y_val)]
        h = fit(
            net,
            softmax_cross_entropy,
            optimizer,
            Split(*parts, *parts[2:]),
            epochs=EPOCHS,
            batch_size=group["batch"],
            rng=rng,
        )
        print(sizes, group["batch"], k, flush=True)
        return np.where(np.isfinite(h["val_loss"][-1]), h["val_error"][-1], 0.9)

    configs = random_configs(space, SEARCHES * TRIALS, rng=rng)
    for i, config in enumerate(configs):
        config["search"] = i % SEARCHES
    return run(configs, train, shapes=("width", "batch", "depth"))


def main():
    """Run both searches and write what they found."""
    rng = np.random.default_rng(20)
    record = {
        "command": "python book/_data/record_20.py",
        "date": datetime.date.today().isoformat(),
        "device": default_device(),
        "epochs": EPOCHS,
    }
    for name, space in (("wide", WIDE), ("narrow", NARROW)):
        began = time.process_time()
        found = search(space, rng)
        record[name] = {
            "seconds": round(time.process_time() - began),
            "names": [*space, "search"],
            "configs": [
                [float(f"{v:.4g}") for v in config.values()] for config in found.configs
            ],
            "errors": found.scores.round(5).tolist(),
        }
    target = Path(__file__).parent / "recorded" / "20_importance.json"
    target.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

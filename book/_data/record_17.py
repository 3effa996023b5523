"""Record augmentation on MNIST for chapter 17: `python book/_data/record_17.py`.

LeNet learns from 100 and from 1000 images. Takes about ten minutes on one core; writes
recorded/17_lenet.json beside this file.
"""

import datetime
import json
import time
from pathlib import Path

import numpy as np

from nnlib import augment
from nnlib.backend import asarray, default_device, namespace, to_numpy
from nnlib.data import Split, mnist
from nnlib.losses import softmax_cross_entropy
from nnlib.model import lenet
from nnlib.optim import Adam
from nnlib.train import fit

SIZES, SEEDS, RATE = [100, 1000], 5, 2e-3
STEPS, BATCH, TESTED = 500, 50, 2000
AFFINE = {"angle": 10, "scale": 0.1, "shear": 0.1, "shift": 2}


def settings(fill):
    """Return what each group of networks does to its mini-batches."""
    return {
        "none": lambda x, rng: x,
        "affine": lambda x, rng: augment.random_affine(x, rng=rng, fill=fill, **AFFINE),
        "TPS": lambda x, rng: augment.random_tps(x, rng=rng, strength=1.0, fill=fill),
        "flip": lambda x, rng: augment.random_flip(x, rng=rng),
    }


def main():
    """Train every setting, size, rate and seed as one stack; write the errors."""
    rng = np.random.default_rng(17)
    draws = [mnist(rng=rng, n_train=1000, n_val=0) for _ in range(SEEDS)]
    fill = float(draws[0].x_train.min())
    kinds = settings(fill)
    lead = (len(kinds), len(SIZES), SEEDS)

    def first(values, n):
        """The first n examples, again and again, until there are 1000."""
        return np.concatenate([to_numpy(values)[:n]] * (1000 // n))

    x = np.stack([[first(d.x_train, n) for d in draws] for n in SIZES])
    y = np.stack([[first(d.y_train, n) for d in draws] for n in SIZES])
    data = Split(
        asarray(np.broadcast_to(x, (*lead, *x.shape[2:]))),
        asarray(np.broadcast_to(y, (*lead, 1000))),
        *[None] * 4,
    )

    def change(x, y, rng):
        """Give each group of networks its own transformation."""
        flat = [x[i].reshape(-1, 1, 28, 28) for i in range(len(kinds))]
        new = [f(v, rng) for f, v in zip(kinds.values(), flat, strict=True)]
        return namespace(x).stack(new).reshape(x.shape), y

    start = time.perf_counter()

    def watch(epoch, model, history):
        loss = history["train_loss"][-1].mean(axis=(1, 2)).round(3)
        print(epoch + 1, f"{time.perf_counter() - start:.0f} s", loss, flush=True)

    net = lenet(rng=rng, lead=lead)
    fit(
        net,
        softmax_cross_entropy,
        Adam(lr=RATE),
        data,
        epochs=STEPS * BATCH // 1000,
        batch_size=BATCH,
        rng=rng,
        augment=change,
        callbacks=[watch],
    )

    def error(x, y, part=100):
        """Percentage of wrong answers, of shape lead."""
        right = np.zeros(lead)
        for i in range(0, len(y), part):
            answers = to_numpy(net(x[i : i + part])).argmax(axis=-1)
            right += (answers == to_numpy(y[i : i + part])).sum(axis=-1)
        return 100 * (1 - right / len(y))

    d = draws[0]
    x, y, own = d.x_test[:TESTED], d.y_test[:TESTED], np.random.default_rng(170)
    tests = {
        "clean": x,
        "shifted": augment.random_affine(x, rng=own, shift=3, fill=fill),
        "rotated": augment.random_affine(x, rng=own, angle=20, fill=fill),
    }
    record = {
        "command": "python book/_data/record_17.py",
        "date": datetime.date.today().isoformat(),
        "device": default_device(),
        "network": "LeNet-5, ReLU",
        "settings": list(kinds),
        "sizes": SIZES,
        "rate": RATE,
        "steps": STEPS,
        "batch_size": BATCH,
        "tested": TESTED,
        "test_error": {k: error(v, y).round(2).tolist() for k, v in tests.items()},
    }
    target = Path(__file__).parent / "recorded" / "17_lenet.json"
    target.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

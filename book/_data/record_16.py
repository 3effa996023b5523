"""Record LeNet on 1000 MNIST images for chapter 16: `python book/_data/record_16.py`.

Takes about ten minutes on one core; writes recorded/16_lenet.json beside this file.
"""

import datetime
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from nnlib.backend import asarray, default_device, to_numpy
from nnlib.data import mnist
from nnlib.losses import softmax_cross_entropy
from nnlib.model import lenet
from nnlib.optim import SGD
from nnlib.train import evaluate, fit

SEEDS, IMAGES, TESTED, EPOCHS, BATCH, RATE = 5, 1000, 2000, 60, 50, 0.1
NOISES = [0.0, 0.2]  # share of training labels that are replaced by a wrong one


def main():
    """Train clean and noisy networks as one stack; write the curves."""
    rng = np.random.default_rng(16)
    data = mnist(rng=rng, n_train=IMAGES, n_val=0)
    lead = (len(NOISES), SEEDS)
    true = np.broadcast_to(to_numpy(data.y_train), (*lead, IMAGES))
    wrong = (true + rng.integers(1, 10, true.shape)) % 10
    flip = rng.random(true.shape) < np.array(NOISES)[:, None, None]
    data = replace(data, y_train=asarray(np.where(flip, wrong, true)))
    x_test, y_test = data.x_test[:TESTED], data.y_test[:TESTED]
    net = lenet(rng=rng, lead=lead)
    curves = {"test_loss": [], "test_error": []}

    def watch(epoch, model, history):
        measured = evaluate(
            model, softmax_cross_entropy, x_test, y_test, batch_size=250
        )
        for name, values in zip(curves, measured, strict=True):
            curves[name].append(values.round(4).tolist())
        print(epoch + 1, *(v.mean(axis=-1).round(3) for v in measured), flush=True)

    h = fit(
        net,
        softmax_cross_entropy,
        SGD(lr=RATE),
        data,
        epochs=EPOCHS,
        batch_size=BATCH,
        rng=rng,
        callbacks=[watch],
    )
    record = {
        "command": "python book/_data/record_16.py",
        "date": datetime.date.today().isoformat(),
        "device": default_device(),
        "network": "LeNet-5, ReLU",
        "images": IMAGES,
        "tested": TESTED,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "rate": RATE,
        "noises": NOISES,
        "train_loss": h["train_loss"].round(4).tolist(),
        **curves,
    }
    target = Path(__file__).parent / "recorded" / "16_lenet.json"
    target.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

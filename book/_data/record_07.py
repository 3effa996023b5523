"""Record the two LeNet cases of chapter 7 on MNIST: `python book/_data/record_07.py`.

Takes about half an hour on one core; writes recorded/07_lenet.json beside this file.
"""

import datetime
import json
from functools import partial
from pathlib import Path

import numpy as np

from nnlib import init, optim
from nnlib.backend import default_device
from nnlib.data import mnist
from nnlib.losses import softmax_cross_entropy
from nnlib.model import lenet
from nnlib.train import evaluate, fit

RATES = [float(f"1e{k}") for k in range(-8, 1)]
SEEDS, IMAGES, EPOCHS, BATCH = 5, 10_000, 2, 64


def rescaled(net, rng, std_hidden, std_last, mean_last):
    """Draw all weights with one deviation, the last layer's with its own and a mean."""
    init.initialize(net, partial(init.normal, std=std_hidden), rng=rng)
    last = net.layers[-1].params["W"]
    last[...] = init.normal(last.shape, std_last, mean_last, rng=rng)


def he(net, rng):
    """Draw all weights with He's variance."""
    init.initialize(net, init.he_normal, rng=rng)


def zero(net, rng):
    """Set all weights to zero."""
    init.initialize(net, init.zeros, rng=rng)


CASES = {
    "mean 100, variance 10": partial(
        rescaled, std_hidden=0.1**0.5, std_last=10**0.5, mean_last=100
    ),
    "mean 0, variance 10": partial(
        rescaled, std_hidden=0.1**0.5, std_last=10**0.5, mean_last=0
    ),
    "He": he,
    "zero": zero,
}


def main():
    """Train every case with every rate and seed, and write the test errors."""
    errors = {name: [] for name in CASES}
    moved = {}
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        data = mnist(rng=rng, n_train=IMAGES, n_val=1000)
        for name, start in CASES.items():
            net = lenet(rng=rng, lead=(len(RATES),))
            start(net, rng)
            before = net.state()
            adapt = optim.SGD(lr=np.array(RATES))
            fit(
                net,
                softmax_cross_entropy,
                adapt,
                data,
                epochs=EPOCHS,
                batch_size=BATCH,
                rng=rng,
                shared_batches=True,
            )
            with np.errstate(all="ignore"):
                error = evaluate(
                    net, softmax_cross_entropy, data.x_test, data.y_test, batch_size=500
                )[1]
            errors[name].append([round(100 * float(e), 2) for e in error])
            if name == "zero":
                after = net.state()
                moved = {k: bool((before[k] != after[k]).any()) for k in after}
            print(seed, name, errors[name][-1], flush=True)
    record = {
        "command": "python book/_data/record_07.py",
        "date": datetime.date.today().isoformat(),
        "device": default_device(),
        "network": "LeNet-5, ReLU",
        "images": IMAGES,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "rates": RATES,
        "test_error_percent": errors,
        "zero_start_moved": moved,
    }
    target = Path(__file__).parent / "recorded" / "07_lenet.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

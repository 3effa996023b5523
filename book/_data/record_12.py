"""Record LeNet on MNIST at five learning rates: `python book/_data/record_12.py`.

Takes about two minutes on one core; writes recorded/12_lenet.json beside this file.
"""

import datetime
import json
from pathlib import Path

import numpy as np

from nnlib import optim
from nnlib.backend import default_device, to_numpy
from nnlib.data import mnist
from nnlib.losses import softmax_cross_entropy
from nnlib.model import lenet
from nnlib.train import evaluate, fit

RATES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
SEEDS, IMAGES, EPOCHS, BATCH = 5, 6400, 3, 64
WALK = 1  # the seed whose weight paths are kept


def busiest(net, data):
    """Positions of two weights with a large first gradient: first and last layer."""
    logits = net.forward(data.x_train[:500], train=True)
    net.backward(softmax_cross_entropy(logits, data.y_train[:500])[1])
    grads = [to_numpy(net.layers[i].grads["W"][0]) for i in (0, -1)]
    return [np.unravel_index(abs(g).argmax(), g.shape) for g in grads]


def short(values):
    """Numbers with four digits, for a small file."""
    return [float(f"{v:.4g}") if np.isfinite(v) else None for v in values]


def main():
    """Train LeNet with every rate and seed; write losses, errors and weight paths."""
    losses, errors, paths = [], [], {}
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        data = mnist(rng=rng, n_train=IMAGES, n_val=1000)
        net = lenet(rng=rng, lead=(len(RATES),))
        net.params[...] = net.params[:1]  # the same start for every rate
        first, last = busiest(net, data)
        walked = []

        def watch(step, model, first=first, last=last, walked=walked):
            """Write down the two weights of each network."""
            a = to_numpy(model.layers[0].params["W"])[(slice(None), *first)]
            b = to_numpy(model.layers[-1].params["W"])[(slice(None), *last)]
            walked.append(np.stack([a, b]))

        watch(0, net)
        with np.errstate(all="ignore"):
            h = fit(
                net,
                softmax_cross_entropy,
                optim.SGD(lr=np.array(RATES)),
                data,
                epochs=EPOCHS,
                batch_size=BATCH,
                rng=rng,
                shared_batches=True,
                record_steps=True,
                on_step=[watch],
            )
            error = evaluate(
                net, softmax_cross_entropy, data.x_test, data.y_test, batch_size=500
            )[1]
        steps = np.asarray(h.steps["loss"])  # (steps, rates)
        losses.append([short(row) for row in steps.T])
        errors.append([round(100 * float(e), 2) for e in error])
        if seed == WALK:
            walk = np.stack(walked)  # (steps + 1, 2, rates)
            paths = {
                name: [short(row) for row in (walk[:, i] - walk[0, i]).T]
                for i, name in enumerate(("first layer", "last layer"))
            }
        print(seed, errors[-1], flush=True)
    record = {
        "command": "python book/_data/record_12.py",
        "date": datetime.date.today().isoformat(),
        "device": default_device(),
        "network": "LeNet-5, ReLU",
        "images": IMAGES,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "rates": RATES,
        "loss_per_step": losses,
        "test_error_percent": errors,
        "weight_changes_of_seed": WALK,
        "weight_changes": paths,
    }
    target = Path(__file__).parent / "recorded" / "12_lenet.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

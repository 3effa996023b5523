"""Record transfer to small digits for chapter 22: `python book/_data/record_22.py`.

Takes about twelve minutes on one core. Trains LeNet on MNIST (looked for on this
machine first), moves it to the 8x8 digits, and sweeps how far a target may lie from its
source. Writes recorded/22_lenet.safetensors and recorded/22_transfer.json.
"""

import datetime
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from sklearn.datasets import load_digits

from nnlib import checkpoint
from nnlib.backend import asarray, default_device, to_numpy
from nnlib.data import mnist
from nnlib.losses import softmax_cross_entropy
from nnlib.model import lenet, mlp
from nnlib.optim import Momentum
from nnlib.schedules import cosine
from nnlib.train import evaluate, fit
from nnlib.warp import affine, pad, resize

HERE = Path(__file__).parent / "recorded"
METHODS = ["scratch", "frozen", "fine-tuned"]
MNIST_MEAN, MNIST_STD = 0.1307, 0.3082  # of pixels in [0, 1]
SEEDS, EPOCHS, BATCH, RATE = 5, 4, 64, 0.01  # LeNet on MNIST
LENET_SIZES, LENET_RATES = [1, 3, 10], [0.001, 0.003, 0.01, 0.03, 0.1]
HEAD_RATES = [0.003, 0.01, 0.03, 0.1, 0.3]
NETS = 10  # networks and draws of the sweep over strengths
SIZES, RATES = [2, 5, 10, 25], [0.003, 0.01, 0.03, 0.1, 0.3]
STRENGTHS = {
    "turn": [0, 10, 20, 30, 60, 90],  # degrees
    "shuffle": [0, 20, 40, 60, 80, 100],  # percent of the pixels
    "noise": [0, 10, 20, 30, 45, 60],  # percent of the range of a pixel
}


def ways(pixels):
    """Five ways to prepare 8x8 digits (pixels from 0 to 16) for a network of MNIST."""
    unit = pixels.reshape(-1, 1, 8, 8) / 16
    framed = pad(resize(unit, (20, 20)), 4)
    crisp = pad(np.clip(3 * resize(unit, (20, 20)) - 1.3, 0, 1), 4)
    images = {
        "matched": (crisp - MNIST_MEAN) / MNIST_STD,
        "gray": (framed - MNIST_MEAN) / MNIST_STD,
        "stretched": (resize(unit, (28, 28)) - MNIST_MEAN) / MNIST_STD,
        "not normalized": crisp,
        "inverted": (1 - crisp - MNIST_MEAN) / MNIST_STD,
    }
    return {name: v.astype(np.float32) for name, v in images.items()}


def few(order, labels, per_class):
    """Positions of the first images of each class in a shuffled order."""
    kinds = np.unique(labels)
    return np.concatenate([order[labels[order] == c][:per_class] for c in kinds])


def compare(build, source, head, x, y, parts, rates, steps, rng, methods=METHODS):
    """Test error (%) of each method at its best rate on validation data.

    x: (seeds, N, …), y: (N,); parts: training, validation and test positions
    """
    seeds, found = len(parts), {}
    lead = (len(rates), seeds)
    row = np.arange(seeds)[:, None]
    sets = []
    for where in zip(*parts, strict=True):
        i = np.stack(where)
        sets += [asarray(x[row % len(x), i]), asarray(y[i])]
    stacked = [
        asarray(np.broadcast_to(to_numpy(s), (len(rates), *s.shape))) for s in sets
    ]
    xa, ya, xb, yb, xc, yc = stacked
    lr = np.broadcast_to(np.array(rates)[:, None], lead)
    epochs = max(1, steps // -(-ya.shape[-1] // 50))
    for method in methods:
        net = build(lead)
        is_head = net.mask(f"{head}.*")
        if method != "scratch":
            own = to_numpy(net.params)
            new = np.where(to_numpy(is_head) == 1, own, source)
            net.params[...] = asarray(new.astype(own.dtype))
        scale = is_head if method == "frozen" else None
        fit(
            net,
            softmax_cross_entropy,
            Momentum(lr=lr, lr_scale=scale),
            SimpleNamespace(x_train=xa, y_train=ya),
            epochs=epochs,
            batch_size=50,
            rng=rng,
        )
        loss = softmax_cross_entropy
        best = int(evaluate(net, loss, xb, yb, batch_size=150)[1].mean(axis=1).argmin())
        error = evaluate(net, loss, xc, yc, batch_size=150)[1][best]
        found[method] = {
            "rate": rates[best],
            "test_error": (100 * error).round(2).tolist(),
        }
    return found


def train_lenets(rng):
    """Five LeNets on MNIST; the first is written to a file in half precision."""
    data = mnist(rng=rng, n_val=5000)
    steps = EPOCHS * -(-data.y_train.shape[0] // BATCH)
    states, errors = [], []
    for seed in range(SEEDS):
        own = np.random.default_rng(seed)
        net = lenet(rng=own)
        fit(
            net,
            softmax_cross_entropy,
            Momentum(lr=cosine(RATE, steps)),
            data,
            epochs=EPOCHS,
            batch_size=BATCH,
            rng=own,
        )
        half = {k: v.astype(np.float16) for k, v in net.state().items()}
        net.load_state(half)  # what is measured is what is stored
        errors.append(
            100
            * float(
                evaluate(
                    net, softmax_cross_entropy, data.x_test, data.y_test, batch_size=500
                )[1]
            )
        )
        states.append(to_numpy(net.params).copy())
        if seed == 0:
            about = {"command": "python book/_data/record_22.py", "data": "MNIST"}
            checkpoint.save(HERE / "22_lenet.safetensors", half, about)
        print("LeNet", seed, errors[-1], flush=True)
    return np.stack(states), errors


def example(digit=4):
    """One test image of MNIST as the network gets it, for a figure."""
    data = mnist(rng=np.random.default_rng(22), n_val=0, scale="unit")
    at = int(np.flatnonzero(to_numpy(data.y_test) == digit)[0])
    image = (to_numpy(data.x_test[at, 0]) - MNIST_MEAN) / MNIST_STD
    return {
        "mnist_example": [round(float(v), 2) for v in image.ravel()],
        "mnist_example_label": digit,
    }


def prepare_wrongly(states, rng):
    """Error on the digits by preparation: without training, and with a new head."""
    pixels, y = load_digits(return_X_y=True)
    orders = [rng.permutation(len(y)) for _ in range(SEEDS)]
    parts = [(few(o[:1000], y, 10), o[1000:1150], o[1150:]) for o in orders]
    found = {}
    for name, images in ways(pixels).items():
        net, x = lenet(rng=rng), []
        as_is = []
        for state in states:
            net.params[...] = asarray(state)
            v = asarray(images)
            for layer in net.layers[:-1]:
                v = layer.forward(v, train=False)
            wrong = to_numpy(net.layers[-1].forward(v)).argmax(axis=-1) != y
            as_is.append(round(100 * float(wrong.mean()), 2))
            x.append(to_numpy(v))
        head = compare(
            lambda lead: mlp([84, 10], rng=rng, lead=lead),
            None,
            0,
            np.stack(x),
            y,
            parts,
            HEAD_RATES,
            150,
            rng,
            ["scratch"],
        )
        found[name] = {"as_is": as_is, "new_head": head["scratch"]["test_error"]}
        print(name, found[name], flush=True)
    return found


def move_lenets(states, sizes, way, rng):
    """From MNIST to the digits, with few images per class."""
    pixels, y = load_digits(return_X_y=True)
    x = ways(pixels)[way][None]
    orders = [rng.permutation(len(y)) for _ in range(SEEDS)]
    found = {}
    for size in sizes:
        parts = [(few(o[:1000], y, size), o[1000:1150], o[1150:]) for o in orders]
        found[size] = compare(
            lambda lead: lenet(rng=rng, lead=lead),
            states,
            11,
            x,
            y,
            parts,
            LENET_RATES,
            150,
            rng,
        )
        print("digits", size, found[size], flush=True)
    return found


def changed(kind, strength, images, rng):
    """One change of all images: (N, 64) in, (N, 64) out, pixels from 0 to 16."""
    if kind == "turn":
        turned = affine(images.reshape(-1, 1, 8, 8), angle=float(strength))
        return turned.reshape(-1, 64)
    if kind == "shuffle":
        chosen = rng.permutation(64)[: round(64 * strength / 100)]
        order = np.arange(64)
        order[chosen] = np.roll(chosen, 1)
        return images[:, order]
    return images + 16 * strength / 100 * rng.standard_normal(images.shape)


def sweep(rng):
    """A small network on the digits, moved to changed digits of growing strength."""
    pixels, y = load_digits(return_X_y=True)
    scaled = lambda v: ((v - pixels.mean()) / pixels.std()).astype(np.float32)
    orders = np.stack([rng.permutation(len(y)) for _ in range(NETS)])
    build = lambda lead: mlp([64, 64, 32, 10], rng=rng, lead=lead)
    source = build((NETS,))
    first = orders[:, :800]
    data = SimpleNamespace(x_train=scaled(pixels)[first], y_train=y[first])
    fit(
        source,
        softmax_cross_entropy,
        Momentum(lr=0.03),
        data,
        epochs=15,
        batch_size=32,
        rng=rng,
    )
    found: dict[str, dict[int, dict]] = {}
    for kind, strengths in STRENGTHS.items():
        found[kind] = {}
        for strength in strengths:
            x = np.stack(
                [scaled(changed(kind, strength, pixels, rng)) for _ in range(NETS)]
            )
            cells = {}
            for size in SIZES:
                parts = [
                    (few(o[800:1250], y, size), o[1250:1400], o[1400:]) for o in orders
                ]
                cells[size] = compare(
                    build, to_numpy(source.params), 4, x, y, parts, RATES, 100, rng
                )
            found[kind][strength] = cells
            print(
                kind,
                strength,
                {
                    s: [round(float(np.mean(c[m]["test_error"])), 1) for m in METHODS]
                    for s, c in cells.items()
                },
                flush=True,
            )
    return found


def main():
    """Run the three parts and write what was found."""
    HERE.mkdir(exist_ok=True)
    states, errors = train_lenets(np.random.default_rng(22))
    record = {
        "command": "python book/_data/record_22.py",
        "date": datetime.date.today().isoformat(),
        "device": default_device(),
        "network": "LeNet-5, ReLU, momentum 0.9, cosine",
        "images": 55000,
        "epochs": EPOCHS,
        "mnist_test_error": [round(e, 2) for e in errors],
        "mnist_mean_std": [MNIST_MEAN, MNIST_STD],
        **example(),
        "lenet_rates": LENET_RATES,
        "lenet": move_lenets(states, LENET_SIZES, "matched", np.random.default_rng(23)),
        "lenet_stretched": move_lenets(
            states, [10], "stretched", np.random.default_rng(23)
        ),
        "lenet_many": move_lenets(states, [50], "matched", np.random.default_rng(26)),
        "prepared": prepare_wrongly(states, np.random.default_rng(25)),
        "sweep_rates": RATES,
        "sweep": sweep(np.random.default_rng(24)),
    }
    (HERE / "22_transfer.json").write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

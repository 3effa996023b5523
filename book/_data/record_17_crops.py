"""Record guided crops for chapter 17: `python book/_data/record_17_crops.py`.

A rough network finds the object, a second one learns from crops. Takes about five
minutes on one core; writes recorded/17_crops.json beside this file.
"""

import datetime
import json
from pathlib import Path

import numpy as np

from nnlib import augment, data, optim
from nnlib.backend import asarray, default_device, to_numpy
from nnlib.conv import Conv2d
from nnlib.layers import Activation, Linear
from nnlib.losses import softmax_cross_entropy
from nnlib.model import Sequential
from nnlib.pool import GlobalAvgPool2d
from nnlib.train import fit
from nnlib.warp import crop, resize

SEEDS, TRAINED, TESTED, CANVAS, WINDOW = 16, 400, 500, (32, 32), (16, 16)
ROUGH = {"lr": 0.01, "epochs": 20}
STRONG = {"lr": 0.005, "epochs": 40}
SHARPNESS = {"random": 0.0, "guided, 4": 4.0, "guided, 16": 16.0}
rng = np.random.default_rng(17)


def canvases(n):
    """Return images, labels and boxes, a set per network."""
    sets = [
        data.objects_on_canvas(n, radius=(3, 5), rng=rng, device="cpu")
        for _ in range(SEEDS)
    ]
    return [np.stack(part) for part in zip(*sets, strict=True)]


def finder(c=8):
    """Return a small convolutional network for images of any size."""
    lead = (SEEDS,)
    return Sequential(
        [
            Conv2d(3, c, 5, stride=2, padding=2, rng=rng, lead=lead),
            Activation("relu"),
            Conv2d(c, 2 * c, 5, stride=2, padding=2, rng=rng, lead=lead),
            Activation("relu"),
            Conv2d(2 * c, 2 * c, 3, padding=1, rng=rng, lead=lead),
            Activation("relu"),
            GlobalAvgPool2d(),
            Linear(2 * c, 4, rng=rng, lead=lead),
        ]
    )


def learn(x, y, *, lr, epochs, change=None):
    """Train a network per set."""
    net = finder()
    part = data.Split(asarray(x), asarray(y), *[None] * 4)
    adam = optim.Adam(lr=lr)
    kw = {"epochs": epochs, "batch_size": 20, "rng": rng, "augment": change}
    fit(net, softmax_cross_entropy, adam, part, **kw)
    return net


def answers(net, x):
    """Return the class that each network sees, (networks, N)."""
    parts = [to_numpy(net(asarray(v))) for v in np.split(x, 5, axis=1)]
    return np.concatenate(parts, axis=1).argmax(axis=-1)


def heat(net, x, y):
    """Return class activation maps in the size of the canvas, zero at the median."""
    W, found = net.layers[-1].params["W"], []
    features = net.activations(asarray(x))[-3]
    for f, w, labels in zip(features, W, y, strict=True):
        m = to_numpy(augment.class_activation_map(f, w, labels))
        m = m - np.median(m, axis=(1, 2), keepdims=True)
        found.append(resize(m[:, None], CANVAS)[:, 0])
    return np.stack(found)


def cropping(sharpness):
    """Crop each mini-batch by its fourth channel."""

    def change(x, y, rng):
        v = to_numpy(x).reshape(-1, 4, *CANVAS)
        at = augment.cam_corners(v[:, 3], WINDOW, rng=rng, sharpness=sharpness)
        return asarray(crop(v[:, :3], *at, WINDOW).reshape(*y.shape, 3, *WINDOW)), y

    return change


def main():
    """Train the rough network, then one kind of network per kind of crop."""
    x, y, _ = canvases(TRAINED)
    x_test, y_test, _ = canvases(TESTED)
    rough = learn(x, y, **ROUGH)
    seen = answers(rough, x_test)
    errors = {"rough": 100 * (seen != y_test).mean(axis=-1)}
    print("rough", errors["rough"].round(1), flush=True)
    with_heat = np.concatenate([x, heat(rough, x, y)[:, :, None]], axis=2)
    with_heat = with_heat.astype(np.float32)
    found = np.stack(
        [
            augment.cam_crop(v, m, WINDOW, rng=rng, sharpness=100)
            for v, m in zip(x_test, heat(rough, x_test, seen), strict=True)
        ]
    )
    for name, sharpness in SHARPNESS.items():
        net = learn(with_heat, y, change=cropping(sharpness), **STRONG)
        errors[name] = 100 * (answers(net, found) != y_test).mean(axis=-1)
        print(name, errors[name].round(1), errors[name].mean().round(1), flush=True)
    record = {
        "command": "python book/_data/record_17_crops.py",
        "date": datetime.date.today().isoformat(),
        "device": default_device(),
        "trained": TRAINED,
        "tested": TESTED,
        "rough": ROUGH,
        "strong": STRONG,
        "test_error": {k: v.round(2).tolist() for k, v in errors.items()},
    }
    target = Path(__file__).parent / "recorded" / "17_crops.json"
    target.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Data: splits, mini-batches, toy problems, and every way to come by MNIST."""

import gzip
import hashlib
import os

import numpy as np
import pytest
from backends import close, each_backend, put, same
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib import data, mnist, toys
from nnlib.backend import device_of, to_numpy


def rng(seed=0):
    return np.random.default_rng(seed)


# ---- digits -------------------------------------------------------------------------


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    d = data.digits(rng=rng(), scale=None, dtype=np.float64, device="cpu")
    x = np.concatenate([d.x_train, d.x_val, d.x_test])
    y = np.concatenate([d.y_train, d.y_val, d.y_test])
    order = rng().permutation(1797)
    pixels, labels = load_digits(return_X_y=True)
    same(x, pixels[order])
    same(y, labels[order].astype(np.int64))


@pytest.mark.parametrize(
    ("scale", "low", "high"), [("unit", 0, 1), (None, 0, 16), ("global", -0.9, 1.9)]
)
def test_digits_scale(scale, low, high):
    d = data.digits(rng=rng(), scale=scale, device="cpu")
    assert d.x_train.min() == pytest.approx(low, abs=0.1)
    assert d.x_train.max() == pytest.approx(high, abs=0.1)
    assert d.x_train.dtype == np.float32


def test_digits_are_scaled_by_the_training_part():
    d = data.digits(rng=rng(), dtype=np.float64, device="cpu")
    assert d.x_train.mean() == pytest.approx(0, abs=1e-12)
    assert d.x_train.std() == pytest.approx(1, abs=1e-12)
    assert d.x_test.mean() != pytest.approx(0, abs=1e-6)


# ---- split --------------------------------------------------------------------------


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    cuts=st.tuples(st.floats(0.1, 0.6), st.floats(0.0, 0.3)),
    stratify=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_split_is_a_partition(counts, cuts, stratify, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    n = len(y)
    n_train, n_val = max(1, int(cuts[0] * n)), int(cuts[1] * n)
    if n_train + n_val >= n:
        return
    x = np.arange(n)[:, None]
    s = data.split(x, y, n_train=n_train, n_val=n_val, rng=rng(seed), stratify=stratify)
    parts = [(s.x_train, s.y_train), (s.x_val, s.y_val), (s.x_test, s.y_test)]
    assert [len(part) for part, _ in parts] == [n_train, n_val, n - n_train - n_val]
    together = np.concatenate([part[:, 0] for part, _ in parts])
    same(np.sort(together), np.arange(n))
    for part, labels in parts:
        same(labels, y[part[:, 0]])
    if stratify:
        for c, count in enumerate(counts):
            for _, labels in parts:
                expected = count * len(labels) / n
                assert abs(np.sum(labels == c) - expected) <= 2


def test_stratified_split_is_random_within_the_classes():
    x, y = np.arange(40)[:, None], np.repeat([0, 1], 20)
    a, b = (
        data.split(x, y, n_train=20, n_val=0, rng=rng(s), stratify=True) for s in (0, 1)
    )
    assert np.sum(a.y_train) == np.sum(b.y_train) == 10
    assert set(a.x_train[:, 0]) != set(b.x_train[:, 0])


@each_backend
def test_split_keeps_the_backend(device):
    x, y = put(np.ones((9, 2, 3)), device), put(np.arange(9), device)
    s = data.split(x, y, n_train=4, n_val=2, rng=rng())
    assert device_of(s.x_test) == device
    assert tuple(s.x_test.shape) == (3, 2, 3)


# ---- mini-batches -------------------------------------------------------------------


@given(n=st.integers(0, 40), size=st.integers(1, 12), drop=st.booleans())
@settings(max_examples=40, deadline=None)
def test_an_epoch_covers_every_example_once(n, size, drop):
    batches = list(data.minibatches(n, size, rng=rng(), drop_last=drop))
    seen = np.concatenate([*batches, np.zeros(0, int)]).astype(int)
    assert len(set(seen)) == len(seen) == (n - n % size if drop else n)
    assert all(len(b) == size for b in batches[:-1])


def test_minibatches_of_a_stack_differ_between_models():
    batches = list(data.minibatches(8, 3, rng=rng(), lead=(2,)))
    assert [b.shape for b in batches] == [(2, 3), (2, 3), (2, 2)]
    order = np.concatenate(batches, axis=1)
    same(np.sort(order, axis=1), np.stack([np.arange(8)] * 2))
    assert np.any(order[0] != order[1])


# ---- toy problems -------------------------------------------------------------------

POINTS = {
    "moons": toys.moons,
    "circles": toys.circles,
    "spirals": toys.spirals,
    "blobs": toys.blobs,
    "xor": toys.xor,
}
each_toy = pytest.mark.parametrize("make", POINTS.values(), ids=POINTS.keys())


@each_toy
@each_backend
def test_point_sets(make, device):
    x, y = make(101, rng=rng(), device=device)
    assert tuple(x.shape) == (101, 2)
    assert tuple(y.shape) == (101,)
    assert device_of(x) == device_of(y) == device
    host, labels = to_numpy(x), to_numpy(y)
    assert host.dtype == np.float32
    assert labels.dtype == np.int64
    counts = np.bincount(labels)
    assert counts.max() - counts.min() <= 1
    again = make(101, rng=rng(), device="cpu")
    same(host, again[0])
    same(labels, again[1])
    assert np.any(to_numpy(make(101, rng=rng(1), device="cpu")[0]) != host)


def test_where_the_points_lie():
    n, none = 200, {"noise": 0.0, "dtype": np.float64, "device": "cpu"}
    x, y = toys.circles(n, inner=0.3, rng=rng(), **none)
    close(np.hypot(*x.T), np.where(y == 0, 1.0, 0.3))

    x, y = toys.moons(n, rng=rng(), **none)
    center = np.where(y == 0, 0.0, 1.0), np.where(y == 0, 0.0, 0.5)
    close(np.hypot(x[:, 0] - center[0], x[:, 1] - center[1]), np.ones(n))
    assert np.all(x[y == 0, 1] >= 0)
    assert np.all(x[y == 1, 1] <= 0.5)

    x, y = toys.spirals(n, classes=3, turns=2, rng=rng(), **none)
    radius, angle = np.hypot(*x.T), np.arctan2(x[:, 1], x[:, 0])
    turns = angle / (2 * np.pi) - 2 * radius - y / 3
    close(turns - np.round(turns), np.zeros(n), atol=1e-9)

    x, y = toys.xor(n, rng=rng(), **none)
    same(np.abs(x), np.ones((n, 2)))
    same(np.prod(x, axis=1) < 0, y == 1)

    x, y = toys.blobs(4000, classes=4, spread=0.5, offset=(9, 0), rng=rng())
    assert to_numpy(x)[to_numpy(y) == 1].mean(axis=0) == pytest.approx([9, 1], abs=0.1)
    assert to_numpy(x)[to_numpy(y) == 1].std(axis=0) == pytest.approx(0.5, abs=0.05)


@each_backend
def test_objects_on_canvas(device):
    x, y, boxes = toys.objects_on_canvas(
        40, size=20, radius=(2, 4), noise=0.0, rng=rng(), device=device
    )
    host, labels = to_numpy(x), to_numpy(y)
    assert host.shape == (40, 3, 20, 20)
    same(np.bincount(labels), np.full(4, 10))
    for image, label, (top, left, bottom, right) in zip(
        host, labels, boxes, strict=True
    ):
        rows, columns = np.nonzero(image[0])
        assert (rows.min(), rows.max() + 1) == (top, bottom)
        assert (columns.min(), columns.max() + 1) == (left, right)
        middle = image[0, (top + bottom) // 2, (left + right) // 2]
        assert (middle > 0) == (toys.SHAPES[label] != "ring")
        filled = np.mean(image[0, top:bottom, left:right] > 0)
        assert (filled == 1) == (toys.SHAPES[label] == "square")
        for channel in image:
            assert len(np.unique(channel[channel > 0])) == 1
            assert channel.max() >= 0.5


@each_backend
def test_noisy_quadratic(device):
    q = toys.NoisyQuadratic([1.0, 4.0], noise=0.0, rng=rng())
    w = put([[1.0, 1.0], [2.0, -1.0]], device)
    close(q.loss(w), np.array([2.5, 4.0]))
    close(q.grad(w), np.array([[1.0, 4.0], [2.0, -4.0]]))
    noisy = toys.NoisyQuadratic([1.0, 4.0], noise=3.0, rng=rng())
    draws = np.stack([to_numpy(noisy.grad(w)) for _ in range(4000)])
    assert draws.std(axis=0) == pytest.approx(3, rel=0.05)
    assert draws.mean(axis=0) == pytest.approx(to_numpy(q.grad(w)), abs=0.2)


def test_noisy_quadratic_ends_in_the_cloud_of_its_docstring():
    lr, q = 0.3, toys.NoisyQuadratic([1.0, 2.0], noise=0.5, rng=rng())
    w = np.zeros((4000, 2))
    for _ in range(60):
        w = w - lr * q.grad(w)
    expected = lr * 0.25 / (q.curvatures * (2 - lr * q.curvatures))
    assert w.var(axis=0) == pytest.approx(expected, rel=0.1)


# ---- MNIST --------------------------------------------------------------------------

NAMES = list(mnist.FILES)


def idx(array):
    """Return an array as the bytes of an IDX file."""
    head = bytes([0, 0, 8, array.ndim])
    return head + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A published MNIST of 30 + 8 images, no folder set, an empty cache, no net."""
    r = rng(5)
    contents = {}
    for name, n in zip(NAMES, (30, 30, 8, 8), strict=True):
        shape, top = ((n, 28, 28), 256) if "images" in name else ((n,), 10)
        contents[name] = r.integers(0, top, shape).astype(np.uint8)
    hashes = {k: hashlib.sha256(idx(v)).hexdigest() for k, v in contents.items()}
    monkeypatch.setattr(mnist, "FILES", hashes)
    monkeypatch.delenv("NNLIB_DATA", raising=False)
    monkeypatch.setattr(mnist, "_cache", lambda: tmp_path / "cache" / "mnist")
    monkeypatch.setattr("pooch.retrieve", _offline)
    return contents


def _offline(url, **kw):
    raise ConnectionError(f"no route to {url}")


def write(contents, folder, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in contents.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", ["", "mnist"])
def test_mnist_from_nnlib_data(tiny, tmp_path, monkeypatch, packed, below):
    write(tiny, tmp_path / "here" / below, packed)
    monkeypatch.setenv("NNLIB_DATA", str(tmp_path / "here"))
    found = mnist.load_mnist()
    for name, array in tiny.items():
        same(found[name], array)


def test_mnist_from_the_cache(tiny, tmp_path, monkeypatch):
    write(tiny, tmp_path / "cache" / "mnist")
    monkeypatch.setenv("NNLIB_DATA", str(tmp_path))  # a folder without MNIST
    same(mnist.load_mnist(download=False)[NAMES[0]], tiny[NAMES[0]])


def test_nnlib_data_is_read_before_the_cache(tiny, tmp_path, monkeypatch):
    write(tiny, tmp_path / "here")
    write({name: np.zeros(1, np.uint8) for name in tiny}, tmp_path / "cache" / "mnist")
    monkeypatch.setenv("NNLIB_DATA", str(tmp_path / "here"))
    mnist.load_mnist()
    monkeypatch.delenv("NNLIB_DATA")
    with pytest.raises(data.DataError, match="not the published"):
        mnist.load_mnist()


def serve(tiny, bad_mirrors=()):
    """Return a stand-in for pooch.retrieve that counts what it serves."""
    calls = []

    def retrieve(url, *, known_hash, fname, path, downloader):
        calls.append(url)
        path.mkdir(parents=True, exist_ok=True)
        content = gzip.compress(idx(tiny[fname.removesuffix(".gz")]))
        if any(url.startswith(m) for m in bad_mirrors):
            content = content[:-20]
        (path / fname).write_bytes(content)
        return str(path / fname)

    return retrieve, calls


def test_mnist_is_downloaded_once(tiny, monkeypatch):
    retrieve, calls = serve(tiny)
    monkeypatch.setattr("pooch.retrieve", retrieve)
    same(mnist.load_mnist()[NAMES[3]], tiny[NAMES[3]])
    assert calls == [f"{mnist.MIRRORS[0]}{name}.gz" for name in NAMES]
    mnist.load_mnist()
    assert len(calls) == 4


def test_a_mirror_with_a_damaged_file_is_passed_over(tiny, tmp_path, monkeypatch):
    retrieve, calls = serve(tiny, bad_mirrors=mnist.MIRRORS[:1])
    monkeypatch.setattr("pooch.retrieve", retrieve)
    same(mnist.load_mnist()[NAMES[1]], tiny[NAMES[1]])
    assert len(calls) == 8
    retrieve, _ = serve(tiny, bad_mirrors=mnist.MIRRORS)
    monkeypatch.setattr("pooch.retrieve", retrieve)
    monkeypatch.setattr(mnist, "_cache", lambda: tmp_path / "other")
    with pytest.raises(data.DataError, match="mirror's file is damaged"):
        mnist.load_mnist()
    assert not list((tmp_path / "other").iterdir())  # nothing bad stays behind


def damage(path, how):
    raw = path.read_bytes()
    if how == "cut":
        path.write_bytes(raw[:-9])
    elif how == "no gzip":
        path.write_bytes(b"<html>login first</html>")
    elif how == "flipped":
        content = bytearray(gzip.decompress(raw))
        content[-1] ^= 1
        path.write_bytes(gzip.compress(bytes(content)))
    else:
        path.write_bytes(raw[:40] + bytes(len(raw) - 40))


@pytest.mark.parametrize("how", ["cut", "no gzip", "flipped", "zeros"])
@pytest.mark.parametrize("where", ["data", "cache"])
def test_a_corrupt_file_is_named(tiny, tmp_path, monkeypatch, how, where):
    folder = tmp_path / "cache" / "mnist"
    if where == "data":
        folder = tmp_path / "mine" / "mnist"
        monkeypatch.setenv("NNLIB_DATA", str(tmp_path / "mine"))
    write(tiny, folder)
    damage(folder / f"{NAMES[0]}.gz", how)
    with pytest.raises(data.DataError) as error:
        data.mnist(rng=rng(), n_val=5)
    assert str(folder / f"{NAMES[0]}.gz") in str(error.value)
    assert "delete it and load again" in str(error.value)
    assert "\n" not in str(error.value)


def test_absent_and_offline_say_what_to_do(tiny, tmp_path, monkeypatch):
    with pytest.raises(data.DataError) as offline:
        data.mnist(rng=rng())
    with pytest.raises(data.DataError) as absent:
        data.mnist(rng=rng(), download=False)
    for error in (offline, absent):
        assert "NNLIB_DATA" in str(error.value)
        assert mnist.MIRRORS[0] in str(error.value)
        assert "\n" not in str(error.value)
    assert "ConnectionError" in str(offline.value)
    assert "is missing" in str(absent.value)
    monkeypatch.setenv("NNLIB_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(data.DataError, match=r"nowhere is not a folder: correct or"):
        data.mnist(rng=rng())


def test_the_cache_is_a_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert mnist._cache().name == "mnist"
    assert "nnlib" in str(mnist._cache())


@each_backend
def test_mnist_is_a_split(tiny, tmp_path, monkeypatch, device):
    write(tiny, tmp_path)
    monkeypatch.setenv("NNLIB_DATA", str(tmp_path))
    d = data.mnist(rng=rng(), n_val=10, device=device, dtype=np.float64)
    assert tuple(d.x_train.shape) == (20, 1, 28, 28)
    assert tuple(d.x_val.shape) == (10, 1, 28, 28)
    assert device_of(d.x_train) == device_of(d.y_train) == device
    train = to_numpy(d.x_train)
    assert train.mean() == pytest.approx(0, abs=1e-12)
    assert train.std() == pytest.approx(1, abs=1e-12)
    same(to_numpy(d.y_test), tiny[NAMES[3]].astype(np.int64))
    order = rng().permutation(30)
    same(to_numpy(d.y_val), tiny[NAMES[1]][order[20:]].astype(np.int64))


def test_mnist_scales_and_sizes(tiny, tmp_path, monkeypatch):
    write(tiny, tmp_path)
    monkeypatch.setenv("NNLIB_DATA", str(tmp_path))
    raw = data.mnist(rng=rng(), n_train=7, n_val=0, scale=None, device="cpu")
    assert raw.x_train.shape == (7, 1, 28, 28)
    assert raw.x_val.shape == (0, 1, 28, 28)
    assert raw.x_train.dtype == np.float32
    same(raw.x_test[:, 0], tiny[NAMES[2]].astype(np.float32))
    unit = data.mnist(rng=rng(), n_val=5, scale="unit", device="cpu")
    close(255 * unit.x_test, raw.x_test, rtol=1e-6)
    for sizes in ({"n_val": 30}, {"n_val": -1}, {"n_train": 26, "n_val": 5}):
        with pytest.raises(ValueError, match="of 30 images"):
            data.mnist(rng=rng(), **sizes)


@pytest.mark.skipif("NNLIB_DATA" not in os.environ, reason="NNLIB_DATA is not set")
def test_the_real_mnist():
    d = data.mnist(rng=rng(), device="cpu")
    assert d.x_train.shape == (55000, 1, 28, 28)
    assert d.x_test.shape == (10000, 1, 28, 28)
    same(d.y_test[:10], np.array([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]))
    unit = data.mnist(rng=rng(), n_val=0, scale="unit", device="cpu")
    assert unit.x_train.mean(dtype=float) == pytest.approx(0.1307, abs=5e-5)
    assert unit.x_train.std(dtype=float) == pytest.approx(0.3081, abs=5e-5)


# ---- bad input ----------------------------------------------------------------------

XY = np.zeros((5, 2)), np.zeros(5, int)
MISTAKES = {
    "no test set": (
        lambda: data.digits(rng=rng(), n_train=1500, n_val=297),
        "n_train=1500 and n_val=297 leave no test set of 1797",
    ),
    "no training set": (
        lambda: data.split(*XY, n_train=0, n_val=1, rng=rng()),
        "n_train=0",
    ),
    "labels": (
        lambda: data.split(XY[0], XY[1][1:], n_train=1, n_val=1, rng=rng()),
        "5 rows of x but 4 labels",
    ),
    "scale": (lambda: data.digits(rng=rng(), scale="pixel"), "'pixel' is not one of"),
    "batch size": (lambda: list(data.minibatches(5, 0, rng=rng())), "not 0"),
    "no points": (lambda: toys.moons(0, rng=rng()), "n=0 points in 2 classes"),
    "no classes": (lambda: toys.blobs(5, classes=0, rng=rng()), "in 0 classes"),
    "noise": (lambda: toys.xor(5, noise=-1, rng=rng()), "at least 0, not -1"),
    "canvas": (
        lambda: toys.objects_on_canvas(5, size=8, rng=rng()),
        r"half-width \(4, 6\) on a canvas of 8",
    ),
    "curvature": (
        lambda: toys.NoisyQuadratic([1, 0], rng=rng()),
        r"positive numbers, not \[1, 0\]",
    ),
    "no idx": (lambda: mnist.parse_idx(b"<html>"), "it starts with b'<htm'"),
    "short idx": (lambda: mnist.parse_idx(b"\0\0\x08\x02\0\0"), "no IDX file"),
    "cut idx": (
        lambda: mnist.parse_idx(idx(np.zeros((2, 3), np.uint8))[:-1]),
        r"shape \(.*2.*3.*\) but 5 elements",
    ),
}


@pytest.mark.parametrize(("call", "message"), MISTAKES.values(), ids=MISTAKES)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

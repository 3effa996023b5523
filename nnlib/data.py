"""Data: the bundled digits, MNIST, splits and mini-batches.

`digits` needs no download: it comes with scikit-learn. `mnist` is looked for on this
machine first, see `nnlib.mnist`. The toy problems of `nnlib.toys` can be had from here
too: ``data.split(*data.moons(300, rng=rng), n_train=100, n_val=100, rng=rng)``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, take_rows, to_numpy
from nnlib.mnist import DataError, load_mnist
from nnlib.toys import (
    NoisyQuadratic,
    blobs,
    circles,
    moons,
    objects_on_canvas,
    spirals,
    xor,
)

__all__ = [
    "DataError",
    "NoisyQuadratic",
    "Split",
    "blobs",
    "circles",
    "digits",
    "minibatches",
    "mnist",
    "moons",
    "objects_on_canvas",
    "spirals",
    "split",
    "xor",
]


@dataclass(frozen=True)
class Split:
    """A data set in three parts.

    Attributes
    ----------
    x_train, x_val, x_test : arrays of shape (N, D) or (N, C, H, W)
    y_train, y_val, y_test : integer arrays of shape (N,)

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning",
    2nd ed. 2009, section 7.2.

    Examples
    --------
    >>> d = digits(rng=np.random.default_rng(0), device="cpu")
    >>> d.x_train.shape, d.x_val.shape, d.x_test.shape
    ((1000, 64), (300, 64), (497, 64))
    """

    x_train: Array
    y_train: Array
    x_val: Array
    y_val: Array
    x_test: Array
    y_test: Array


def split(
    x: Array,
    y: Array,
    *,
    n_train: int,
    n_val: int,
    rng: np.random.Generator,
    stratify: bool = False,
) -> Split:
    """Shuffle examples and cut them into training, validation and test part.

    Parameters
    ----------
    x : array of shape (N, …)
    y : integer array of shape (N,)
    n_train, n_val : int
        Sizes of two parts; the rest is the test set.
    rng : numpy.random.Generator
    stratify : bool
        Give every part the same share of each class, to the nearest example or two.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If x and y differ in length, or the sizes leave no test set.

    References
    ----------
    R. Kohavi, "A Study of Cross-Validation and Bootstrap for Accuracy Estimation and
    Model Selection", IJCAI 1995 (stratification).

    Examples
    --------
    >>> x, y = np.arange(10.0)[:, None], np.array([0] * 5 + [1] * 5)
    >>> s = split(x, y, n_train=4, n_val=2, rng=np.random.default_rng(0), stratify=True)
    >>> np.bincount(s.y_train), np.bincount(s.y_val), np.bincount(s.y_test)
    (array([2, 2]), array([1, 1]), array([2, 2]))
    """
    n = x.shape[0]
    if y.shape[0] != n:
        raise ValueError(f"{n} rows of x but {y.shape[0]} labels")
    if n_train < 1 or n_val < 0 or n_train + n_val >= n:
        raise ValueError(
            f"n_train={n_train} and n_val={n_val} leave no test set of {n}"
        )
    order = rng.permutation(n)
    if stratify:
        order = order[_interleave(to_numpy(y)[order])]
    cuts = np.split(order, [n_train, n_train + n_val])
    return Split(*(take_rows(part, index) for index in cuts for part in (x, y)))


def _interleave(y: np.ndarray) -> np.ndarray:
    """Order labels so that every stretch has about the same share of each class."""
    place = np.zeros(len(y))
    for c in np.unique(y):
        (members,) = np.nonzero(y == c)
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(place, kind="stable")


def digits(
    *,
    rng: np.random.Generator,
    n_train: int = 1000,
    n_val: int = 300,
    scale: str | None = "global",
    dtype: Any = np.float32,
    device: str | None = None,
) -> Split:
    """Load the 1797 handwritten digits of 8x8 pixels, in 10 classes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Shuffles before the split. Without it, test digits would come from other
        writers than training digits.
    n_train, n_val : int
        Sizes of two parts; the rest is the test set.
    scale : {"global", "unit", None}
        ``"global"``: subtract one mean and divide by one standard deviation, measured
        on the training part. ``"unit"``: pixels in [0, 1]. None: 0 to 16 as stored.
        Scaling each pixel by itself is a trap here: border pixels hardly vary.
    dtype, device
        See `nnlib.backend.asarray`.

    Returns
    -------
    Split
        Images as rows of 64 pixels.

    Raises
    ------
    ValueError
        If the sizes do not fit, or the scale is unknown.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998. doi:10.24432/C50P49.

    Examples
    --------
    >>> d = digits(rng=np.random.default_rng(0), n_train=200, device="cpu")
    >>> abs(round(float(d.x_train.mean()), 3)), round(float(d.x_train.std()), 3)
    (0.0, 1.0)
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    parts = split(
        pixels, labels.astype(np.int64), n_train=n_train, n_val=n_val, rng=rng
    )
    return _scaled(parts, scale, 16, dtype, device)


def mnist(
    *,
    rng: np.random.Generator,
    n_train: int | None = None,
    n_val: int = 5000,
    scale: str | None = "global",
    dtype: Any = np.float32,
    device: str | None = None,
    download: bool = True,
) -> Split:
    """Load the 70,000 handwritten digits of 28x28 pixels, in 10 classes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses the validation part among the 60,000 training images; the test set is
        the published one, in its order.
    n_train : int, optional
        Number of training images; all that remain by default.
    n_val : int
        Number of validation images.
    scale : {"global", "unit", None}
        See `digits`; without scaling the pixels are 0 to 255.
    dtype, device
        See `nnlib.backend.asarray`.
    download : bool
        Whether files that are not on this machine may be fetched (11 MB, once).

    Returns
    -------
    Split
        Images of shape (N, 1, 28, 28).

    Raises
    ------
    DataError
        If the files are absent, cannot be fetched, or are damaged: one line that says
        what to do.
    ValueError
        If the sizes do not fit, or the scale is unknown.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
    document recognition", Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> try:
    ...     d = mnist(rng=np.random.default_rng(0), device="cpu", download=False)
    ...     shape = d.x_train.shape
    ... except DataError:  # the files are not on this machine
    ...     shape = (55000, 1, 28, 28)
    >>> shape
    (55000, 1, 28, 28)
    """
    files = load_mnist(download=download)
    x, y = files["train-images-idx3-ubyte"], files["train-labels-idx1-ubyte"]
    n_train = len(y) - n_val if n_train is None else n_train
    if n_train < 1 or n_val < 0 or n_train + n_val > len(y):
        raise ValueError(f"n_train={n_train} and n_val={n_val} of {len(y)} images")
    order = rng.permutation(len(y))
    a, b = order[:n_train], order[n_train : n_train + n_val]
    x_test, y_test = files["t10k-images-idx3-ubyte"], files["t10k-labels-idx1-ubyte"]
    parts = []
    for images, labels in ((x[a], y[a]), (x[b], y[b]), (x_test, y_test)):
        parts += [images[:, None], labels.astype(np.int64)]  # (N, 1, 28, 28)
    return _scaled(Split(*parts), scale, 255, dtype, device)


def _scaled(
    parts: Split, scale: str | None, top: int, dtype: Any, device: str | None
) -> Split:
    """Rescale all pixels by one map, measured on the training part."""
    if scale == "global":
        shift, divisor = _mean_and_std(parts.x_train)
    elif scale == "unit":
        shift, divisor = 0.0, float(top)
    elif scale is None:
        shift, divisor = 0.0, 1.0
    else:
        raise ValueError(f"scale {scale!r} is not one of 'global', 'unit', None")

    images = []
    for part in (parts.x_train, parts.x_val, parts.x_test):
        real = part.astype(np.result_type(part.dtype, dtype))  # not in bytes
        images.append(asarray((real - shift) / divisor, dtype=dtype, device=device))
    labels = [
        asarray(part, device=device)
        for part in (parts.y_train, parts.y_val, parts.y_test)
    ]
    (xa, xb, xc), (ya, yb, yc) = images, labels
    return Split(xa, ya, xb, yb, xc, yc)


def _mean_and_std(pixels: np.ndarray) -> tuple[float, float]:
    """Return both in float64, some images at a time: 8 bytes a pixel are many."""
    chunks = np.array_split(pixels, len(pixels) // 5000 + 1)
    mean = sum(c.sum(dtype=np.float64) for c in chunks) / pixels.size
    square = sum(np.square(c - mean).sum() for c in chunks) / pixels.size
    return float(mean), float(np.sqrt(square))


def minibatches(
    n: int,
    batch_size: int,
    *,
    rng: np.random.Generator,
    lead: tuple[int, ...] = (),
    drop_last: bool = False,
) -> Iterator[np.ndarray]:
    """Yield the indices of one epoch, in a fresh random order.

    Parameters
    ----------
    n : int
        Number of examples.
    batch_size : int
        Examples per mini-batch; the last one may be smaller.
    rng : numpy.random.Generator
    lead : tuple
        ``(K,)`` gives each of K stacked models an order of its own.
    drop_last : bool
        Leave out a smaller last batch.

    Yields
    ------
    integer array of shape (*lead, B)

    Raises
    ------
    ValueError
        If the batch size is below 1.

    References
    ----------
    L. Bottou, "Curiously Fast Convergence of some Stochastic Gradient Descent
    Algorithms", 2009 (reshuffling).

    Examples
    --------
    >>> [len(b) for b in minibatches(10, 4, rng=np.random.default_rng(0))]
    [4, 4, 2]
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    order = np.broadcast_to(np.arange(n), (*lead, n))
    order = rng.permuted(order, axis=-1)
    stop = n - n % batch_size if drop_last else n
    for start in range(0, stop, batch_size):
        yield order[..., start : start + batch_size]

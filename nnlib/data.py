"""Data: the bundled digits, splits and mini-batches.

`digits` needs no download: it comes with scikit-learn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray


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
    if n_train < 1 or n_val < 0 or n_train + n_val >= len(labels):
        raise ValueError(
            f"n_train={n_train} and n_val={n_val} leave no test set of {len(labels)}"
        )
    order = rng.permutation(len(labels))
    pixels, labels = pixels[order].astype(np.float64), labels[order].astype(np.int64)
    if scale == "global":
        part = pixels[:n_train]
        pixels = (pixels - part.mean()) / part.std()
    elif scale == "unit":
        pixels = pixels / 16
    elif scale is not None:
        raise ValueError(f"scale {scale!r} is not one of 'global', 'unit', None")
    parts = []
    for a, b in ((0, n_train), (n_train, n_train + n_val), (n_train + n_val, None)):
        parts.append(asarray(pixels[a:b], dtype=dtype, device=device))
        parts.append(asarray(labels[a:b], device=device))
    return Split(*parts)


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

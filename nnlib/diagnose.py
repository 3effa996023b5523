"""Checks before, during and after training: is the network learning, and if not, why?

In the order of use: `initial_loss`, `overfit_small`, `input_baseline`, then
`lr_range_test` or `lr_sweep` (written in `nnlib.lr_range`), statistics of activations,
gradients and updates (in `nnlib.signals`), and `symptoms` of finished curves. The
checks leave model and optimizer as they were.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlib.backend import Array, to_numpy
from nnlib.history import History
from nnlib.lr_range import RangeTest, lr_range_test, lr_sweep
from nnlib.model import Sequential
from nnlib.optim import Optimizer
from nnlib.signals import (
    WatchUpdates,
    activation_statistics,
    dead_fraction,
    gradient_statistics,
    update_ratio,
)
from nnlib.train import Loss, evaluate, fit, train_step

__all__ = [
    "RangeTest",
    "WatchUpdates",
    "activation_statistics",
    "dead_fraction",
    "gradient_statistics",
    "initial_loss",
    "input_baseline",
    "lr_range_test",
    "lr_sweep",
    "overfit_small",
    "symptoms",
    "update_ratio",
    "worst_examples",
]


def initial_loss(
    model: Sequential, loss: Loss, x: Array, y: Array, *, n_classes: int
) -> tuple[np.ndarray, float]:
    r"""Compare the loss before training with :math:`\ln C`.

    A softmax that knows nothing gives each of C classes 1/C. A much larger loss means
    confident guesses: last-layer weights that are too large, or labels and outputs
    that do not belong together.

    Parameters
    ----------
    model, loss, x, y
        See `nnlib.train.evaluate`.
    n_classes : int
        C.

    Returns
    -------
    measured : array of shape lead, in nats
    expected : float, in nats

    References
    ----------
    A. Karpathy, "A Recipe for Training Neural Networks", 2019, step 2.

    Examples
    --------
    >>> from nnlib import init, losses, model
    >>> rng = np.random.default_rng(0)
    >>> net = model.mlp([2, 4], rng=rng, init=init.zeros, device="cpu")
    >>> measured, expected = initial_loss(net, losses.softmax_cross_entropy,
    ...     np.zeros((5, 2), np.float32), np.zeros(5, int), n_classes=4)
    >>> round(float(measured), 4), round(expected, 4)
    (1.3863, 1.3863)
    """
    return evaluate(model, loss, x, y)[0], float(np.log(n_classes))


def overfit_small(
    model: Sequential,
    loss: Loss,
    optimizer: Optimizer,
    x: Array,
    y: Array,
    *,
    n: int = 20,
    steps: int = 300,
) -> History:
    """Train on a handful of examples until they are learned by heart.

    A network and a training loop without a bug reach a loss near 0. Regularization
    (dropout, penalties, augmentation) should be off.

    Parameters
    ----------
    model, loss, optimizer
        See `nnlib.train.fit`; copies are trained.
    x, y : arrays of N examples
        The first n are used, as one batch.
    n, steps : int

    Returns
    -------
    History
        ``loss`` and ``error`` before each step and after the last: (steps + 1, *lead).

    References
    ----------
    Karpathy 2019, step 2 ("overfit one batch").

    Examples
    --------
    >>> from nnlib import data, losses, model, optim
    >>> rng = np.random.default_rng(0)
    >>> d = data.digits(rng=rng, device="cpu")
    >>> h = overfit_small(model.mlp([64, 32, 10], rng=rng, device="cpu"),
    ...     losses.softmax_cross_entropy, optim.SGD(lr=0.5), d.x_train, d.y_train)
    >>> float(h["error"][-1]), bool(h["loss"][-1] < 0.05)
    (0.0, True)
    """
    model, optimizer = copy.deepcopy((model, optimizer))
    x, y, history = x[:n], y[:n], History()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for step in range(steps + 1):
            now = evaluate(model, loss, x, y)
            history.record(loss=now[0], error=now[1])
            if step < steps:
                train_step(model, loss, optimizer, x, y)
    return history


def input_baseline(
    model: Sequential,
    loss: Loss,
    optimizer: Optimizer,
    data: Any,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Train a copy on the inputs and one on zeros, and return both validation losses.

    A network that does as well without its inputs does not use them.

    Parameters
    ----------
    model, loss, optimizer, data, epochs, batch_size, rng
        See `nnlib.train.fit`. Both copies see the examples in the same order.

    Returns
    -------
    with_inputs, without : arrays of shape lead
        The smallest ``val_loss`` of each, in the unit of the loss.

    References
    ----------
    Karpathy 2019, step 2 ("input-independent baseline").

    Examples
    --------
    >>> from nnlib import data, losses, model, optim
    >>> rng = np.random.default_rng(0)
    >>> d = data.digits(rng=rng, device="cpu")
    >>> net = model.mlp([64, 32, 10], rng=rng, device="cpu")
    >>> with_inputs, without = input_baseline(net, losses.softmax_cross_entropy,
    ...     optim.SGD(lr=0.1), d, epochs=3, batch_size=32, rng=rng)
    >>> bool(with_inputs < 1 < without)
    True
    """
    found = []
    orders = copy.deepcopy(rng)
    for factor in (1, 0):
        own, opt, draws = copy.deepcopy((model, optimizer, orders))
        part = _Inputs(data, factor)
        h = fit(own, loss, opt, part, epochs=epochs, batch_size=batch_size, rng=draws)
        found.append(np.nanmin(h["val_loss"], axis=0))
    return found[0], found[1]


class _Inputs:
    def __init__(self, data: Any, factor: int) -> None:
        self.x_train, self.x_val = data.x_train * factor, data.x_val * factor
        self.y_train, self.y_val = data.y_train, data.y_val


def worst_examples(losses: Array, n: int = 10) -> np.ndarray:
    """Return the indices of the examples with the largest loss, worst first.

    Parameters
    ----------
    losses : array of shape (N,)
        One loss per example, as ``losses.cross_entropy_terms(logits, y)`` gives.
    n : int

    References
    ----------
    Karpathy 2019, step 1 ("become one with the data").

    Examples
    --------
    >>> worst_examples(np.array([0.1, 5.0, 2.0]), n=2)
    array([1, 2])
    """
    return np.argsort(-to_numpy(losses), kind="stable")[:n]


def symptoms(
    train_loss: Sequence[float],
    val_loss: Sequence[float] | None = None,
    *,
    n_classes: int | None = None,
) -> list[str]:
    """Name what the curves of one run show.

    Parameters
    ----------
    train_loss, val_loss : arrays of shape (epochs,)
    n_classes : int, optional
        C, to compare with the loss of a guess, ln C.

    Returns
    -------
    list of str
        Any of ``"diverged"`` (nan, inf, or ten times the best), ``"not learning"``
        (within 5 % of the first value, or of ln C), ``"unstable"`` (a fifth of the
        epochs go up by 10 %), ``"still falling"`` (over 10 % lower than 80 % through),
        ``"over-fitting"`` (validation over 10 % above its minimum, training lower than
        then). Empty for a run without findings.

    Raises
    ------
    ValueError
        If the curves are no single run of at least 2 epochs.

    Notes
    -----
    The thresholds are rules of thumb. Over-fitting means that only the validation loss
    rises; if both do, the run diverges.

    References
    ----------
    V. Godbole et al., "Deep Learning Tuning Playbook", 2023. L. Prechelt, "Early
    Stopping - But When?", 1998.

    Examples
    --------
    >>> symptoms([2.3, 1.0, 0.4, 0.2, 0.19], [2.3, 1.2, 1.0, 1.3, 1.6])
    ['over-fitting']
    >>> symptoms([2.31, 2.30, 2.30], n_classes=10)
    ['not learning']
    """
    train = np.asarray(to_numpy(train_loss), dtype=np.float64)
    val = None if val_loss is None else np.asarray(to_numpy(val_loss), np.float64)
    if (
        train.ndim != 1
        or len(train) < 2
        or (val is not None and val.shape != train.shape)
    ):
        shapes = train.shape if val is None else (train.shape, val.shape)
        raise ValueError(f"expected curves of one run with 2 epochs or more: {shapes}")
    best = np.nanmin(train) if np.isfinite(train).any() else np.nan
    if not np.isfinite(train).all() or train[-1] > 10 * best:
        return ["diverged"]
    found = []
    start = train[0] if n_classes is None else min(train[0], np.log(n_classes))
    if best > 0.95 * start:
        found.append("not learning")
    if np.mean(np.diff(train) > 0.1 * train[:-1]) > 0.2:
        found.append("unstable")
    late = train[int(0.8 * (len(train) - 1))]
    if "not learning" not in found and train[-1] < 0.9 * late and train[-1] > 0.05:
        found.append("still falling")
    if val is not None:
        turn = int(np.nanargmin(val)) if np.isfinite(val).any() else 0
        if not val[-1] <= 1.1 * val[turn] and train[-1] < train[turn]:
            found.append("over-fitting")
    return found

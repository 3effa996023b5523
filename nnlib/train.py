"""The training loop: forward, loss, backward, step; and its record."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nnlib.backend import Array, take_rows, to_numpy
from nnlib.data import minibatches
from nnlib.metrics import error_rate
from nnlib.model import Sequential
from nnlib.optim import Optimizer

Loss = Callable[[Array, Array], tuple[Array, Array]]


class History:
    """What a training run measured, one array per quantity.

    Attributes
    ----------
    epochs : int
        Number of epochs recorded.

    References
    ----------
    A. Karpathy, "A Recipe for Training Neural Networks", 2019 (what to watch).

    Examples
    --------
    >>> h = History()
    >>> h.record(train_loss=2.3)
    >>> h.record(train_loss=1.9)
    >>> h["train_loss"], h.epochs
    (array([2.3, 1.9]), 2)
    """

    def __init__(self) -> None:
        self._lists: dict[str, list[np.ndarray]] = {}

    def record(self, **values: Any) -> None:
        """Append one epoch; each value is a number or an array of shape lead."""
        for name, value in values.items():
            self._lists.setdefault(name, []).append(np.array(to_numpy(value)))

    @property
    def epochs(self) -> int:
        return max((len(v) for v in self._lists.values()), default=0)

    @property
    def names(self) -> list[str]:
        return list(self._lists)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the quantity as an array of shape (epochs, *lead)."""
        if name not in self._lists:
            raise KeyError(f"no {name!r} recorded; there is {', '.join(self._lists)}")
        return np.stack(self._lists[name])

    def __repr__(self) -> str:
        return f"History({self.epochs} epochs: {', '.join(self._lists)})"


def train_step(
    model: Sequential, loss: Loss, optimizer: Optimizer, x: Array, y: Array
) -> Array:
    """Do the four lines of learning on one mini-batch and return its loss.

    Parameters
    ----------
    model, loss, optimizer
        See `fit`.
    x : array of shape (B, …) or (*lead, B, …)
    y : array of shape (B,) or (*lead, B)

    Returns
    -------
    array of shape lead
        The loss before the step.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by
    back-propagating errors", Nature 323, 1986.

    Examples
    --------
    >>> from nnlib import losses, model, optim
    >>> net = model.mlp([2, 3], rng=np.random.default_rng(0), device="cpu")
    >>> x, y = np.eye(2, dtype=np.float32), np.array([0, 1])
    >>> sgd = optim.SGD(lr=0.1)
    >>> first = train_step(net, losses.softmax_cross_entropy, sgd, x, y)
    >>> bool(train_step(net, losses.softmax_cross_entropy, sgd, x, y) < first)
    True
    """
    logits = model.forward(x, train=True)
    value, dlogits = loss(logits, y)
    model.backward(dlogits)
    optimizer.step(model.params, model.grads)
    return value


def evaluate(
    model: Sequential, loss: Loss, x: Array, y: Array
) -> tuple[np.ndarray, np.ndarray]:
    """Return loss and error rate on a data set, without learning.

    Returns
    -------
    loss, error : NumPy arrays of shape lead
        The error is a fraction.

    References
    ----------
    See `nnlib.metrics.error_rate`.

    Examples
    --------
    >>> from nnlib import losses, model
    >>> net = model.mlp([2, 3], rng=np.random.default_rng(0), device="cpu")
    >>> x, y = np.eye(2, dtype=np.float32), np.array([0, 1])
    >>> loss, error = evaluate(net, losses.softmax_cross_entropy, x, y)
    >>> loss.shape, bool(0 <= error <= 1)
    ((), True)
    """
    logits = model.forward(x, train=False)
    value, _ = loss(logits, y)
    return np.array(to_numpy(value)), np.array(to_numpy(error_rate(logits, y)))


def fit(
    model: Sequential,
    loss: Loss,
    optimizer: Optimizer,
    data: Any,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    shared_batches: bool = False,
    progress: bool = False,
    callbacks: Iterable[Callable[[int, Sequential, History], Any]] = (),
) -> History:
    """Train for a number of epochs and record losses and errors.

    Parameters
    ----------
    model : Sequential
        One network or a stack; changed in place.
    loss : callable
        ``loss(logits, y) -> (loss, dlogits)``, see `nnlib.losses`.
    optimizer : Optimizer
    data : nnlib.data.Split, or anything with x_train, y_train, x_val, y_val
    epochs, batch_size : int
    rng : numpy.random.Generator
        Draws the order of the examples.
    shared_batches : bool
        Give all stacked models the same mini-batches, instead of an order each.
    progress : bool
        Show a progress bar with the time left.
    callbacks : iterable of callables
        Called after each epoch as ``f(epoch, model, history)``; training stops when one
        returns True.

    Returns
    -------
    History
        ``train_loss`` (mean over the epoch's steps), ``val_loss`` and ``val_error``.

    Notes
    -----
    A run that diverges is recorded as inf or nan; other models of the stack go on.

    References
    ----------
    I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 8.1.3.

    Examples
    --------
    >>> from nnlib import data, losses, model, optim
    >>> rng = np.random.default_rng(0)
    >>> d = data.digits(rng=rng, device="cpu")
    >>> net = model.mlp([64, 32, 10], rng=rng, device="cpu")
    >>> h = fit(net, losses.softmax_cross_entropy, optim.SGD(lr=0.1), d,
    ...         epochs=3, batch_size=32, rng=rng)
    >>> h["val_error"].shape, bool(h["train_loss"][-1] < h["train_loss"][0])
    ((3,), True)
    """
    if epochs < 0:
        raise ValueError(f"epochs must be at least 0, not {epochs}")
    history = History()
    lead = () if shared_batches else model.lead
    n = data.y_train.shape[-1]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for epoch in _bar(range(epochs), progress):
            losses = []
            for index in minibatches(n, batch_size, rng=rng, lead=lead):
                x, y = take_rows(data.x_train, index), take_rows(data.y_train, index)
                losses.append(train_step(model, loss, optimizer, x, y))
            optimizer.flush()
            val_loss, val_error = evaluate(model, loss, data.x_val, data.y_val)
            train_loss = np.mean([to_numpy(v) for v in losses], axis=0)
            history.record(
                train_loss=train_loss, val_loss=val_loss, val_error=val_error
            )
            answers = [f(epoch, model, history) for f in callbacks]  # all are called
            if any(answer is True for answer in answers):
                break
    return history


def _bar(epochs: range, progress: bool) -> Iterable[int]:
    if not progress:
        return epochs
    from tqdm.auto import tqdm

    return tqdm(epochs, desc="training", unit="epoch")

"""The training loop: forward, loss, backward, step; and evaluation."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from nnlib.backend import Array, namespace, take_rows, to_numpy
from nnlib.clipping import global_norm
from nnlib.data import minibatches
from nnlib.ema import EMA
from nnlib.history import History
from nnlib.metrics import error_rate
from nnlib.model import Sequential
from nnlib.optim import Optimizer
from nnlib.runstate import RunState
from nnlib.stopping import EarlyStopping

__all__ = ["EarlyStopping", "History", "evaluate", "fit", "train_step"]

Loss = Callable[[Array, Array], tuple[Array, Array]]
Penalty = Callable[[Array], tuple[Array, Array]]  # params -> value, gradient
Clip = Callable[[Array], tuple[Array, Array]]  # gradient -> clipped, norm
EVAL_SIZE = 2048  # examples evaluated at once: enough for speed, little memory


def train_step(
    model: Sequential,
    loss: Loss,
    optimizer: Optimizer,
    x: Array,
    y: Array,
    *,
    penalty: Penalty | None = None,
    clip: Clip | None = None,
) -> Array:
    """Do the four lines of learning on one mini-batch and return its loss.

    Parameters
    ----------
    model, loss, optimizer, penalty, clip
        See `fit`.
    x : array of shape (B, …) or (*lead, B, …)
    y : array of shape (B,) or (*lead, B)

    Returns
    -------
    array of shape lead
        The loss before the step, without the penalty.

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
    grads = model.grads
    if penalty is not None:
        grads += penalty(model.params)[1]
    if clip is not None:
        grads, _ = clip(grads)
    optimizer.step(model.params, grads)
    return value


def evaluate(
    model: Sequential, loss: Loss, x: Array, y: Array, *, batch_size: int = EVAL_SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Return loss and error rate on a data set, without learning.

    Parameters
    ----------
    model, loss
        See `fit`.
    x : array of shape (N, …) or (*lead, N, …)
    y : array of shape (N,) or (*lead, N), or real targets of shape (N, C)
    batch_size : int
        Examples evaluated at once; bounds the memory.

    Returns
    -------
    loss, error : NumPy arrays of shape lead
        Means over the examples. The error is a fraction; nan for real targets.

    Notes
    -----
    A loss that is not a plain mean over examples (class weights, pairs) changes a
    little with the batch size.

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
    axis = _example_axis(y)
    n, stacked = y.shape[axis], _is_stacked(x, y)
    total = np.zeros(model.lead)
    wrong = np.zeros(model.lead)
    for start in range(0, n, batch_size):
        rows = slice(start, min(start + batch_size, n))
        part = (*[slice(None)] * axis, rows, ...)
        targets = y[part]
        logits = model.forward(x[part if stacked else (rows, ...)], train=False)
        size = targets.shape[axis]
        total = total + to_numpy(loss(logits, targets)[0]) * (size / n)
        error = error_rate(logits, targets) if _are_labels(y) else np.nan
        wrong = wrong + to_numpy(error) * (size / n)
    return total, wrong


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
    drop_last: bool = False,
    augment: Callable[[Array, Array, np.random.Generator], tuple] | None = None,
    penalty: Penalty | None = None,
    clip: Clip | None = None,
    ema: EMA | None = None,
    stopping: EarlyStopping | None = None,
    eval_loss: Loss | None = None,
    eval_train: bool = False,
    record_steps: bool = False,
    on_step: Iterable[Callable[[int, Sequential], dict | None]] = (),
    callbacks: Iterable[Callable[[int, Sequential, History], Any]] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = False,
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
        In a stack, labels of shape (*lead, N) give each model its own, and inputs of
        shape (*lead, N, …) too. Without x_val nothing is validated.
    epochs, batch_size : int
    rng : numpy.random.Generator
        Draws the order of the examples, and what `augment` asks for.
    shared_batches : bool
        Give all stacked models the same mini-batches, instead of an order each.
    drop_last : bool
        Leave out a smaller last mini-batch.
    augment : callable, optional
        ``augment(x, y, rng) -> (x, y)`` on each mini-batch.
    penalty : callable, optional
        ``penalty(params) -> (value, gradient)``, see `nnlib.penalties`. The recorded
        losses leave it out.
    clip : callable, optional
        ``clip(gradient) -> (clipped, norm)``, see `nnlib.clipping`.
    ema : EMA, optional
        Takes in the weights after each step; its validation is recorded as well.
    stopping : EarlyStopping, optional
    eval_loss : callable, optional
        Loss for the validation, where it differs (soft labels in training).
    eval_train : bool
        Also evaluate the whole training set after each epoch.
    record_steps : bool
        Record loss, learning rate and gradient norm of each step in ``history.steps``.
    on_step : iterable of callables
        Called after each step as ``f(step, model)``; a returned dict is recorded in
        ``history.steps``.
    callbacks : iterable of callables
        Called after each epoch as ``f(epoch, model, history)``; training stops when one
        returns True.
    checkpoint : path, optional
        File (.safetensors) that holds the whole state of the run after each epoch.
    resume : bool
        Continue from that file, if it exists, exactly as if there had been no break.
    progress : bool
        Show a progress bar with the time left.

    Returns
    -------
    History
        Per epoch: ``train_loss`` (mean over the epoch's steps), ``val_loss``,
        ``val_error``; on demand ``ema_val_loss``, ``ema_val_error``,
        ``train_eval_loss``, ``train_error``.

    Raises
    ------
    ValueError
        If the number of epochs is negative, no mini-batch can be formed, or a
        checkpoint does not fit.

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
    run = RunState(model, optimizer, history, rng, ema=ema, stopping=stopping)
    if resume and checkpoint is not None and os.path.exists(checkpoint):
        run.load(checkpoint)
    on_step = list(on_step)
    eval_loss = eval_loss or loss

    def one_step(x: Array, y: Array) -> Array:
        rate = optimizer.rate() if record_steps else None
        value = train_step(model, loss, optimizer, x, y, penalty=penalty, clip=clip)
        if ema is not None:
            ema.update(model.params)
        if record_steps:
            norm = global_norm(model.grads)
            history.steps.record(loss=value, lr=rate, grad_norm=norm)
        for f in on_step:
            history.steps.record(**(f(optimizer.t, model) or {}))
        return value

    def measures() -> dict[str, np.ndarray]:
        found = {}
        if eval_train:
            found["train_eval_loss"], found["train_error"] = evaluate(
                model, eval_loss, data.x_train, data.y_train
            )
        if getattr(data, "x_val", None) is not None and data.x_val.shape[0]:
            held_out = (eval_loss, data.x_val, data.y_val)
            found["val_loss"], found["val_error"] = evaluate(model, *held_out)
            if ema is not None:
                with ema.applied(model):
                    both = evaluate(model, *held_out)
                found["ema_val_loss"], found["ema_val_error"] = both
        return found

    bar = _Bar(range(history.epochs, epochs), progress)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for epoch in bar:
            if stopping is not None and stopping.done:
                break
            values = [
                one_step(x, y)
                for x, y in _batches(
                    model, data, batch_size, rng, shared_batches, drop_last, augment
                )
            ]
            optimizer.flush()
            losses = np.stack([to_numpy(v) for v in values])  # (steps, *lead)
            history.record(
                train_loss=losses.mean(axis=0, dtype=np.float64), **measures()
            )
            bar.show(history)
            if stopping is not None:
                stopping.step(history[stopping.metric][-1])
                stopping.keep(model)
            if checkpoint is not None:
                run.save(checkpoint)
            answers = [f(epoch, model, history) for f in callbacks]  # all are called
            if any(answer is True for answer in answers):
                break
    if stopping is not None:
        stopping.give_back(model)
    return history


def _batches(
    model: Sequential,
    data: Any,
    batch_size: int,
    rng: np.random.Generator,
    shared: bool,
    drop_last: bool,
    augment: Callable | None,
) -> Iterator[tuple[Array, Array]]:
    """Yield the mini-batches of one epoch."""
    x_all, y_all = data.x_train, data.y_train
    n = y_all.shape[_example_axis(y_all)]
    if n < (batch_size if drop_last else 1):
        raise ValueError(f"{n} examples make no mini-batch of {batch_size}")
    lead = () if shared else model.lead
    for index in minibatches(n, batch_size, rng=rng, lead=lead, drop_last=drop_last):
        x = _pick(x_all, index, model.lead if _is_stacked(x_all, y_all) else ())
        y = _pick(
            y_all, index, model.lead if y_all.ndim > 1 and _are_labels(y_all) else ()
        )
        yield (x, y) if augment is None else augment(x, y, rng)


def _pick(values: Array, index: np.ndarray, lead: tuple[int, ...]) -> Array:
    """Take examples; with `lead`, each model's from its own set."""
    if not lead:
        return take_rows(values, index)
    k, n = int(np.prod(lead)), values.shape[len(lead)]
    offset = n * np.arange(k).reshape(*lead, 1)
    flat = namespace(values).reshape(values, (k * n, *values.shape[len(lead) + 1 :]))
    return take_rows(flat, index + offset)


def _are_labels(y: Array) -> bool:
    return namespace(y).isdtype(y.dtype, "integral")


def _example_axis(y: Array) -> int:
    """Labels end with the axis of examples; real targets (N, C) begin with it."""
    return y.ndim - 1 if _are_labels(y) else 0


def _is_stacked(x: Array, y: Array) -> bool:
    return y.ndim > 1 and _are_labels(y) and x.shape[: y.ndim] == y.shape


class _Bar:
    """A progress bar over epochs, or none."""

    def __init__(self, epochs: range, shown: bool) -> None:
        self.epochs: Any = epochs
        self.shown = shown
        if shown:
            from tqdm.auto import tqdm

            self.epochs = tqdm(epochs, desc="training", unit="epoch")

    def __iter__(self) -> Iterator[int]:
        return iter(self.epochs)

    def show(self, history: History) -> None:
        if self.shown:
            names = [n for n in ("train_loss", "val_error") if n in history]
            last = {n: f"{np.mean(history[n][-1]):.3g}" for n in names}
            self.epochs.set_postfix(last)

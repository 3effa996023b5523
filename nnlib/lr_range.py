"""Find a learning rate: one run with a rising rate, or one stack with many rates."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.backend import take_rows, to_numpy
from nnlib.data import minibatches
from nnlib.ema import ema
from nnlib.history import History
from nnlib.model import Sequential
from nnlib.optim import Optimizer
from nnlib.schedules import exponential, values
from nnlib.train import Loss, fit, train_step


@dataclass(frozen=True)
class RangeTest:
    """What `lr_range_test` measured.

    Attributes
    ----------
    lrs : array of shape (steps,)
    losses : array of shape (steps, *lead)
        Before the step with that rate; nan after a divergence.

    References
    ----------
    See `lr_range_test`.

    Examples
    --------
    >>> lrs = np.geomspace(0.01, 10, 4)
    >>> float(RangeTest(lrs, np.array([2.0, 1.0, 0.5, 9.0])).edge(smooth=0.0).round(6))
    10.0
    """

    lrs: np.ndarray
    losses: np.ndarray

    def smoothed(self, smooth: float = 0.9) -> np.ndarray:
        """Return the bias-corrected moving average of the losses."""
        return ema(self.losses, smooth)

    def minimum(self, smooth: float = 0.9) -> np.ndarray:
        """Return the rate of the smallest loss, shape lead; too large to train with."""
        curve = self.smoothed(smooth)
        return self.lrs[np.where(np.isfinite(curve), curve, np.inf).argmin(axis=0)]

    def edge(self, smooth: float = 0.9) -> np.ndarray:
        """Return the rate at which half of the fall of the loss is lost, shape lead.

        Only steps after the minimum count; the largest rate tried if there is none.
        Start with a third to a tenth of it. Waiting until the loss is back at its
        start can miss the edge: a network that a large rate has broken often stays at
        the loss of a blind guess, which may lie below the start.
        """
        curve = self.smoothed(smooth)
        good = np.where(np.isfinite(curve), curve, np.inf)
        after = np.arange(len(curve)).reshape(-1, *[1] * (curve.ndim - 1))
        half = (good.min(axis=0) + curve[0]) / 2
        back = (after > good.argmin(axis=0)) & (good >= half)
        first = np.where(back.any(axis=0), back.argmax(axis=0), len(curve) - 1)
        return self.lrs[first]


def lr_range_test(
    model: Sequential,
    loss: Loss,
    optimizer: Optimizer,
    data: Any,
    *,
    low: float = 1e-5,
    high: float = 10.0,
    steps: int = 200,
    batch_size: int = 32,
    rng: np.random.Generator,
) -> RangeTest:
    """Raise the learning rate at each step and watch the loss.

    Parameters
    ----------
    model, loss, optimizer, data
        See `nnlib.train.fit`; copies are trained, with the rate replaced. A stack
        repeats the test over its seeds.
    low, high : float
        First and last rate, on a logarithmic scale.
    steps, batch_size : int
    rng : numpy.random.Generator

    Returns
    -------
    RangeTest

    References
    ----------
    L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017,
    section 3.3 (there on a linear scale). arXiv:1506.01186.

    Examples
    --------
    >>> from nnlib import data, losses, model, optim
    >>> rng = np.random.default_rng(0)
    >>> d = data.digits(rng=rng, device="cpu")
    >>> net = model.mlp([64, 32, 10], rng=rng, device="cpu")
    >>> test = lr_range_test(net, losses.softmax_cross_entropy, optim.SGD(lr=1.0), d,
    ...                      high=100.0, rng=rng)
    >>> test.losses.shape, bool(0.1 < test.edge() < 100)
    ((200,), True)
    """
    if not 0 < low < high or steps < 2:
        raise ValueError(
            f"need 0 < low < high and steps > 1, got {low}, {high}, {steps}"
        )
    model, optimizer = copy.deepcopy((model, optimizer))
    schedule = exponential(low, high / low, every=steps - 1)
    began = optimizer.t
    optimizer.lr = lambda t: schedule(t - began)
    losses: list[np.ndarray] = []
    n = data.y_train.shape[-1]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        while len(losses) < steps:
            for index in minibatches(n, batch_size, rng=rng, lead=model.lead):
                if len(losses) < steps:
                    x, y = (take_rows(v, index) for v in (data.x_train, data.y_train))
                    losses.append(to_numpy(train_step(model, loss, optimizer, x, y)))
    return RangeTest(values(schedule, steps), np.stack(losses))


def lr_sweep(
    build: Callable[[tuple[int, ...]], Sequential],
    loss: Loss,
    optimizer: Callable[[np.ndarray], Optimizer],
    data: Any,
    lrs: Sequence[float],
    *,
    seeds: int = 1,
    **options: Any,
) -> History:
    """Train one stack of networks that differ only in their learning rate.

    Parameters
    ----------
    build : callable
        ``build(lead) -> model``; the starts of the first rate are copied to the others.
    loss, data
        See `nnlib.train.fit`.
    optimizer : callable
        ``optimizer(lr) -> Optimizer`` for an array of rates.
    lrs : sequence of float
        L rates.
    seeds : int
        S starts of each.
    **options
        Passed to `nnlib.train.fit`: epochs, batch_size, rng, ….

    Returns
    -------
    History
        Arrays of shape (epochs, L, S).

    References
    ----------
    Y. Bengio, "Practical Recommendations for Gradient-Based Training of Deep
    Architectures", 2012, section 3.1.1. arXiv:1206.5533.

    Examples
    --------
    >>> from nnlib import data, losses, model, optim
    >>> rng = np.random.default_rng(0)
    >>> d = data.digits(rng=rng, device="cpu")
    >>> build = lambda lead: model.mlp([64, 16, 10], rng=rng, lead=lead, device="cpu")
    >>> h = lr_sweep(build, losses.softmax_cross_entropy, optim.SGD, d, [1e-3, 0.1],
    ...              seeds=3, epochs=2, batch_size=32, rng=rng)
    >>> slow, fast = h["val_error"][-1]
    >>> h["val_error"].shape, bool((slow > fast).all())
    ((2, 2, 3), True)
    """
    rates = np.asarray(lrs, dtype=np.float64)
    if rates.ndim != 1 or not len(rates):
        raise ValueError(f"lrs must be a list of rates, not {lrs}")
    lead = (len(rates), seeds)
    model = build(lead)
    if model.lead != lead:
        raise ValueError(f"build returned a stack {model.lead}, not {lead}")
    model.params[...] = model.params[:1]  # (1, S, P)
    opt = optimizer(np.broadcast_to(rates[:, None], lead))
    return fit(model, loss, opt, data, shared_batches=True, **options)

"""Several members, or one better one, from a single run: snapshots and averaging."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlib.backend import Array, namespace
from nnlib.model import Sequential, leaves


class Snapshots:
    """Keeps copies of a model as it trains: the members of an ensemble from one run.

    Pass it to ``fit(…, callbacks=[snapshots])``.

    Parameters
    ----------
    every : int
        Epochs between two copies: the period of a schedule with restarts.
    skip : int
        Epochs at the start without copies.

    Attributes
    ----------
    states : list of dict
        What ``model.state()`` gave.

    References
    ----------
    G. Huang et al., "Snapshot Ensembles: Train 1, Get M for Free", ICLR 2017.
    arXiv:1704.00109.

    Examples
    --------
    >>> from nnlib.model import mlp
    >>> net = mlp([2, 3], rng=np.random.default_rng(0), device="cpu")
    >>> snapshots = Snapshots(every=5)
    >>> for epoch in range(10):
    ...     snapshots(epoch, net, None)
    >>> snapshots.logits(net, np.zeros((7, 2), dtype=np.float32)).shape
    (2, 7, 3)
    """

    def __init__(self, every: int = 1, *, skip: int = 0) -> None:
        if every < 1 or skip < 0:
            raise ValueError(
                f"every={every} must be at least 1, skip={skip} at least 0"
            )
        self.every, self.skip = every, skip
        self.states: list[dict[str, np.ndarray]] = []

    def __call__(self, epoch: int, model: Sequential, history: Any) -> None:
        past = epoch + 1 - self.skip
        if past > 0 and past % self.every == 0:
            self.states.append(model.state())

    def logits(self, model: Sequential, x: Array) -> Array:
        """Evaluate each copy: shape (members, …, N, C); the model stays as it is."""
        if not self.states:
            raise RuntimeError("no snapshot has been taken")
        with preserved(model):
            found = []
            for state in self.states:
                model.load_state(state)
                found.append(model(x))
        return namespace(found[0]).stack(found)


class SWA:
    r"""Stochastic weight averaging: the plain mean of the weights along a run.

    .. math:: \bar w_n = \bar w_{n-1} + \frac{w_n - \bar w_{n-1}}{n}

    Pass it to ``fit(…, callbacks=[swa])``, train with a rate that keeps the weights
    moving, then ``swa.apply(model, x_train)``.

    Parameters
    ----------
    start : int
        First epoch that counts.
    every : int
        Epochs between two that count.

    Attributes
    ----------
    n : int
        Weights averaged so far.

    References
    ----------
    P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
    Generalization", UAI 2018, algorithm 1. arXiv:1803.05407.

    Examples
    --------
    >>> from nnlib.model import mlp
    >>> net, swa = mlp([1, 1], rng=np.random.default_rng(0), device="cpu"), SWA()
    >>> for epoch, value in enumerate([1.0, 3.0]):
    ...     net.params[...] = value
    ...     swa(epoch, net, None)
    >>> swa.apply(net)
    >>> net.params
    array([2., 2.], dtype=float32)
    """

    def __init__(self, start: int = 0, *, every: int = 1) -> None:
        if every < 1 or start < 0:
            raise ValueError(
                f"every={every} must be at least 1, start={start} at least 0"
            )
        self.start, self.every = start, every
        self.n = 0
        self.mean: Array | None = None

    def __call__(self, epoch: int, model: Sequential, history: Any) -> None:
        if epoch < self.start or (epoch - self.start) % self.every:
            return
        self.n += 1
        if self.mean is None:
            self.mean = namespace(model.params).zeros_like(model.params)
        self.mean += (model.params - self.mean) / self.n

    def apply(
        self, model: Sequential, x: Array | None = None, *, batch_size: int = 256
    ) -> None:
        """Give `model` the mean weights; `x` renews its BatchNorm statistics."""
        if self.mean is None:
            raise RuntimeError("no weights have been averaged")
        model.params[...] = self.mean
        if x is not None:
            update_batchnorm(model, x, batch_size=batch_size)


def update_batchnorm(model: Sequential, x: Array, *, batch_size: int = 256) -> None:
    """Measure the running statistics of all BatchNorm layers anew.

    Averaged weights have activations of their own: statistics from the run do not fit.

    Parameters
    ----------
    model : Sequential
        Its running means and variances become plain means over the mini-batches.
    x : array of shape (N, …)
        Training inputs; a smaller last mini-batch is left out.
    batch_size : int

    Notes
    -----
    torch.optim.swa_utils.update_bn, which does not leave out a last mini-batch.

    References
    ----------
    Izmailov et al. 2018, section 3.2.

    Examples
    --------
    >>> from nnlib.norm import BatchNorm
    >>> net = Sequential([BatchNorm(1, dtype=np.float64, device="cpu")])
    >>> update_batchnorm(net, np.array([[1.0], [3.0], [5.0], [7.0]]), batch_size=2)
    >>> net.layers[0].buffers["running_mean"], net.layers[0].buffers["running_var"]
    (array([4.]), array([2.]))
    """
    norms: list[Any] = [
        leaf for _, leaf in leaves(model.layers) if "running_mean" in leaf.buffers
    ]
    n = min(batch_size, x.shape[0])
    kept = [norm.momentum for norm in norms]
    try:
        for i, start in enumerate(range(0, x.shape[0] - n + 1, n) if norms else ()):
            for norm in norms:
                norm.momentum = 1 / (i + 1)  # weighs all mini-batches alike
                if i == 0:  # also after a run that has diverged
                    norm.buffers["running_mean"][...] = 0.0
                    norm.buffers["running_var"][...] = 0.0
            model.forward(x[start : start + n], train=True)
    finally:
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum


@contextlib.contextmanager
def preserved(model: Sequential) -> Iterator[None]:
    """Put a model's weights and buffers back at the end of a ``with`` block.

    References
    ----------
    Python documentation, "contextlib".

    Examples
    --------
    >>> from nnlib.model import mlp
    >>> net = mlp([1, 1], rng=np.random.default_rng(0), device="cpu")
    >>> with preserved(net):
    ...     net.params[...] = 0.0
    >>> bool(net.params.any())
    True
    """
    state = model.state()
    try:
        yield
    finally:
        model.load_state(state)

"""Optimizers: each is one update formula on the flat parameter buffer.

Here are the methods that follow the gradient or its running mean; those that also
rescale each coordinate (AdaGrad to Lion) are written in `nnlib.adaptive` and can be
used from here: ``optim.Adam``. Rates, decay, masks and state are in
`nnlib.optimizer.Optimizer`.
"""

from typing import Any

from nnlib.adaptive import AdaDelta, AdaGrad, Adam, AdamW, Lion, RMSProp
from nnlib.backend import Array
from nnlib.optimizer import Hyper, Optimizer, Rate, column, fraction

__all__ = [
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Lion",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "momentum_rate",
]


class SGD(Optimizer):
    r"""Plain gradient descent on the mini-batch gradient.

    .. math:: w \leftarrow w - \eta\, g

    Parameters
    ----------
    lr, weight_decay, decoupled, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`.

    References
    ----------
    H. Robbins, S. Monro, "A Stochastic Approximation Method", Annals of Mathematical
    Statistics 22(3), 1951.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, 1.0])
    >>> SGD(lr=0.5).step(w, np.array([1.0, -1.0]))
    >>> w
    array([0.5, 1.5])
    """

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        p -= lr * g


class Momentum(Optimizer):
    r"""Heavy-ball momentum: step by a running sum of gradients.

    .. math:: v \leftarrow \mu v + g, \qquad w \leftarrow w - \eta\, v

    Parameters
    ----------
    lr, weight_decay, decoupled, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`.
    momentum : float or array of shape lead
        The fraction μ of the velocity that is kept.
    averaged : bool
        Use the averaged form :math:`v \leftarrow \mu v + (1 - \mu) g` instead.

    Notes
    -----
    The two forms take the same path when the averaged one has the learning rate
    :math:`\eta/(1-\mu)`, see `momentum_rate`. torch.optim.SGD is the first form. Its
    ``dampening=μ`` is not quite the averaged form: torch leaves the first gradient
    undamped, so that its start counts :math:`1/(1-\mu)` times.

    References
    ----------
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods",
    USSR Computational Mathematics and Mathematical Physics 4(5), 1964, eq. 9.
    I. Sutskever et al., "On the importance of initialization and momentum in deep
    learning", ICML 2013, eqs. 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> w, opt = np.array([1.0]), Momentum(lr=0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     opt.step(w, np.array([1.0]))
    >>> w  # 1 - 0.1 - 0.15
    array([0.75])
    """

    slots = ("velocity",)

    def __init__(
        self, lr: Rate, *, momentum: Hyper = 0.9, averaged: bool = False, **kw: Any
    ) -> None:
        super().__init__(lr, **kw)
        self.momentum = fraction("momentum", momentum)
        self.averaged = averaged

    def prepare(self, lr: Hyper, params: Array) -> Hyper:
        self._mu = column(self.momentum, params)
        self._share = column(1 - self.momentum if self.averaged else 1.0, params)
        return lr

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        (v,) = state
        v *= self._mu
        v += self._share * g if self.averaged else g
        p -= lr * v


class Nesterov(Momentum):
    r"""Nesterov's accelerated gradient: momentum that looks one step ahead.

    .. math:: v \leftarrow \mu v + g, \qquad w \leftarrow w - \eta\,(g + \mu v)

    Parameters
    ----------
    lr, weight_decay, decoupled, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`.
    momentum : float or array of shape lead
        The fraction μ of the velocity that is kept.
    averaged : bool
        See `Momentum`.

    Notes
    -----
    The papers take the gradient ahead of the weights:
    :math:`u \leftarrow \mu u - \eta\,\nabla f(\theta + \mu u)`,
    :math:`\theta \leftarrow \theta + u`. The form above, torch's with
    ``nesterov=True``, keeps the point where the gradient is taken,
    :math:`w = \theta + \mu u` with :math:`u = -\eta v`. At a constant rate the two are
    the same path, seen one look-ahead apart. It is a momentum method, not one that
    adapts the rate of each coordinate.

    References
    ----------
    Y. Nesterov, "A method of solving a convex programming problem with convergence rate
    O(1/k²)", Soviet Mathematics Doklady 27, 1983. Sutskever et al. 2013, eqs. 3 and 4.
    Y. Bengio, N. Boulanger-Lewandowski, R. Pascanu, "Advances in optimizing recurrent
    networks", ICASSP 2013, eqs. 6 and 7. arXiv:1212.0901.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0])
    >>> Nesterov(lr=0.1, momentum=0.5).step(w, np.array([1.0]))
    >>> w  # 1 - 0.1 (1 + 0.5)
    array([0.85])
    """

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        (v,) = state
        g = self._share * g if self.averaged else g
        v *= self._mu
        v += g
        p -= lr * (g + self._mu * v)


def momentum_rate(lr: Hyper, momentum: Hyper, *, to: str) -> Hyper:
    r"""Convert a learning rate between the two forms of momentum.

    .. math:: \eta_{\mathrm{averaged}} = \frac{\eta_{\mathrm{summed}}}{1 - \mu}

    Parameters
    ----------
    lr : float or array
        Learning rate of the other form.
    momentum : float or array
        μ.
    to : {"averaged", "summed"}
        The form that the result is for. torch's SGD is the summed form.

    Raises
    ------
    ValueError
        If `to` is neither, or μ is not in [0, 1).

    References
    ----------
    Sutskever et al. 2013 (summed); the averaged form is that of Adam's mean.

    Examples
    --------
    >>> round(momentum_rate(0.01, 0.9, to="averaged"), 6)
    0.1
    """
    rest = 1 - fraction("momentum", momentum)
    if to == "averaged":
        return lr / rest
    if to == "summed":
        return lr * rest
    raise ValueError(f"to={to!r} is not one of 'averaged', 'summed'")

"""Optimizers: one in-place update of the flat parameter buffer per step.

``opt.step(model.params, model.grads)`` works on buffers of shape ``(*lead, P)``. Every
hyper-parameter is a number, or an array of shape ``lead`` that gives each stacked model
its own. The learning rate may also be a schedule, a function of the step from 0.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, blocks, device_of, namespace, to_numpy

Hyper = Any  # a number, or an array of shape lead


class Optimizer:
    """Base: checks, schedules, state, and the walk over cache-sized blocks.

    A subclass names its state arrays in ``slots`` and writes one formula, `update`.

    Parameters
    ----------
    lr : float, array of shape lead, or function of the step
        Learning rate.
    weight_decay : float or array of shape lead
        Factor of the L2 penalty's gradient, added to the gradient (coupled).
    decay_mask : array of shape (P,), optional
        1 where the decay applies, 0 where not (biases). Everywhere by default.

    Attributes
    ----------
    t : int
        Number of steps taken.

    Raises
    ------
    ValueError
        If a learning rate is negative or not a number.

    References
    ----------
    L. Bottou, F. E. Curtis, J. Nocedal, "Optimization Methods for Large-Scale Machine
    Learning", SIAM Review 60(2), 2018. arXiv:1606.04838.

    Examples
    --------
    >>> w = np.array([1.0])
    >>> SGD(lr=0.1).step(w, np.array([2.0]))
    >>> w
    array([0.8])
    """

    slots: tuple[str, ...] = ()

    def __init__(
        self,
        lr: Hyper | Callable[[int], Hyper],
        *,
        weight_decay: Hyper = 0.0,
        decay_mask: Array | None = None,
    ) -> None:
        self.lr = lr
        self.weight_decay = weight_decay
        self.decay_mask = decay_mask
        self.t = 0
        self.buffers: dict[str, Array] = {}
        if not callable(lr):
            _check_lr(lr)

    def step(self, params: Array, grads: Array) -> None:
        """Update `params` in place; `grads` stays as it is.

        Raises
        ------
        ValueError
            If the shapes differ, or a schedule returns a bad rate.
        """
        if params.shape != grads.shape:
            raise ValueError(
                f"params {params.shape} and grads {grads.shape} differ in shape"
            )
        if not self.buffers:
            xp = namespace(params)
            self.buffers = {name: xp.zeros_like(params) for name in self.slots}
        lr = self.lr(self.t) if callable(self.lr) else self.lr
        if callable(self.lr):
            _check_lr(lr)
        self.t += 1
        self.prepare(params)
        lr = self.column(lr, params)
        decay = self.column(self.weight_decay, params)
        decays = bool(np.any(to_numpy(self.weight_decay) != 0))
        rows = math.prod(params.shape[:-1])
        for block in blocks(params.shape[-1], rows):
            p, g = params[..., block], grads[..., block]
            if decays:
                mask = 1.0 if self.decay_mask is None else self.decay_mask[block]
                g = g + decay * mask * p
            self.update(p, g, lr, *(s[..., block] for s in self.buffers.values()))

    def prepare(self, params: Array) -> None:
        """Compute what all blocks of this step share."""

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        """Change p and the state in place; they are views of one block."""
        raise NotImplementedError

    def column(self, value: Hyper, params: Array) -> Any:
        """Give a hyper-parameter of shape lead a last axis, so that it broadcasts."""
        if np.ndim(value) == 0 and not hasattr(value, "device"):
            return float(value)
        host = to_numpy(value)
        if host.ndim == 0:
            return float(host)
        column = asarray(host[..., None], device=device_of(params))
        return namespace(column).astype(column, params.dtype)

    def flush(self, tiny: float = 1e-30) -> None:
        """Set vanishing state to 0: denormal numbers make every later step slow."""
        for name, value in self.buffers.items():
            xp = namespace(value)
            large = xp.astype(xp.abs(value) >= tiny, value.dtype)
            self.buffers[name] = value * large

    def state(self) -> dict[str, Any]:
        """Return copies of the step count and the state arrays."""
        arrays = {k: to_numpy(v).copy() for k, v in self.buffers.items()}
        return {"t": self.t, **arrays}

    def load_state(self, state: dict[str, Any], params: Array) -> None:
        """Continue from `state`; `params` gives library, device and dtype.

        Raises
        ------
        ValueError
            If an entry is missing, unknown, or has another shape than `params`.
        """
        arrays = {k: v for k, v in state.items() if k != "t"}
        if "t" not in state or (arrays and set(arrays) != set(self.slots)):
            raise ValueError(
                f"expected entries t, {', '.join(self.slots)}, got {sorted(state)}"
            )
        for name, value in arrays.items():
            if value.shape != tuple(params.shape):
                raise ValueError(f"{name!r} is {value.shape}, not {params.shape}")
        self.t = int(state["t"])
        device = device_of(params)
        self.buffers = {
            name: namespace(params).astype(
                asarray(v.copy(), device=device), params.dtype
            )
            for name, v in arrays.items()
        }


def _check_lr(lr: Hyper) -> None:
    host = to_numpy(lr)
    if not np.all(np.isfinite(host)) or np.any(host < 0):
        raise ValueError(f"the learning rate must be finite and at least 0, not {lr}")


class SGD(Optimizer):
    r"""Plain gradient descent on the mini-batch gradient.

    .. math:: w \leftarrow w - \eta\, g

    Parameters
    ----------
    lr, weight_decay, decay_mask
        See `Optimizer`.

    References
    ----------
    H. Robbins, S. Monro, "A Stochastic Approximation Method", Annals of Mathematical
    Statistics 22(3), 1951.

    Examples
    --------
    >>> w = np.array([1.0, 1.0])
    >>> SGD(lr=0.5).step(w, np.array([1.0, -1.0]))
    >>> w
    array([0.5, 1.5])
    """

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        p -= lr * g


class Momentum(Optimizer):
    r"""Heavy-ball momentum in the un-damped form that torch uses.

    .. math:: v \leftarrow \mu v + g, \qquad w \leftarrow w - \eta\, v

    Parameters
    ----------
    lr, weight_decay, decay_mask
        See `Optimizer`.
    momentum : float or array of shape lead
        The fraction μ of the velocity that is kept.

    Notes
    -----
    The averaged form :math:`v \leftarrow \mu v + (1-\mu) g` takes the same path with
    the learning rate :math:`\eta / (1 - \mu)`.

    References
    ----------
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods",
    USSR Computational Mathematics and Mathematical Physics 4(5), 1964.

    Examples
    --------
    >>> w, opt = np.array([1.0]), Momentum(lr=0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     opt.step(w, np.array([1.0]))
    >>> w  # 1 - 0.1 - 0.15
    array([0.75])
    """

    slots = ("velocity",)

    def __init__(
        self, lr: Hyper | Callable[[int], Hyper], *, momentum: Hyper = 0.9, **kw: Any
    ) -> None:
        super().__init__(lr, **kw)
        self.momentum = momentum

    def prepare(self, params: Array) -> None:
        self._mu = self.column(self.momentum, params)

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        (v,) = state
        v *= self._mu
        v += g
        p -= lr * v


class Adam(Optimizer):
    r"""Step by the mean gradient over its root mean square, both bias-corrected.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad
              s \leftarrow \beta_2 s + (1 - \beta_2) g^2

    .. math:: w \leftarrow w - \eta\,
              \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr, weight_decay, decay_mask
        See `Optimizer`; the decay is coupled, as in torch.optim.Adam.
    beta1, beta2 : float or array of shape lead
        Decay rates of the two averages.
    eps : float or array of shape lead
        Added outside the root.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
    algorithm 1. arXiv:1412.6980.

    Examples
    --------
    >>> w = np.array([1.0])
    >>> Adam(lr=0.1).step(w, np.array([1e-3]))
    >>> w.round(4)  # the first step is the learning rate, whatever the gradient
    array([0.9])
    """

    slots = ("mean", "square")

    def __init__(
        self,
        lr: Hyper | Callable[[int], Hyper] = 1e-3,
        *,
        beta1: Hyper = 0.9,
        beta2: Hyper = 0.999,
        eps: Hyper = 1e-8,
        **kw: Any,
    ) -> None:
        super().__init__(lr, **kw)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def prepare(self, params: Array) -> None:
        self._b1, self._b2 = (self.column(b, params) for b in (self.beta1, self.beta2))
        self._eps = self.column(self.eps, params)

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        mean, square = state
        mean *= self._b1
        mean += (1 - self._b1) * g
        square *= self._b2
        square += (1 - self._b2) * (g * g)
        root = namespace(p).sqrt(square / (1 - self._b2**self.t))
        root += self._eps
        p -= (lr / (1 - self._b1**self.t)) * mean / root

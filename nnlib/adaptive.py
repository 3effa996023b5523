r"""Optimizers that give each coordinate its own step: AdaGrad to Lion.

All divide by a root of past squared gradients (Lion takes the sign). They differ in
how they forget, and in where the small ε stands:

=========  ==================================  ==========================
method     memory s of the squares             step, over the rate
=========  ==================================  ==========================
AdaGrad    sum of all                          g / (√s + ε)
RMSProp    leaky average                       g / (√s + ε)
AdaDelta   leaky average                       g · √(u + ε) / √(s + ε)
Adam       leaky average, bias-corrected       m / (√s + ε), m a mean of g
Lion       none                                sign of a mean of g
=========  ==================================  ==========================
"""

from typing import Any

from nnlib.backend import Array, namespace
from nnlib.optimizer import (
    Hyper,
    Optimizer,
    Rate,
    at_least_0,
    column,
    fraction,
    shares,
)


class AdaGrad(Optimizer):
    r"""Divide by the root of the sum of all squared gradients so far.

    .. math:: s \leftarrow s + g^2, \qquad
              w \leftarrow w - \eta\,\frac{g}{\sqrt{s} + \epsilon}

    The sum only grows: with gradients of constant size, steps shrink as
    :math:`1/\sqrt t`.

    Parameters
    ----------
    lr, weight_decay, decoupled, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`.
    eps : float or array of shape lead
        ε, outside the root.

    Notes
    -----
    torch.optim.Adagrad with its defaults.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", JMLR 12, 2011, section 1.1 (diagonal form).

    Examples
    --------
    >>> import numpy as np
    >>> w, opt = np.array([0.0]), AdaGrad(lr=1.0)
    >>> for _ in range(2):
    ...     opt.step(w, np.array([5.0]))
    >>> w.round(4)  # -1 - 1/√2
    array([-1.7071])
    """

    slots = ("square",)

    def __init__(self, lr: Rate = 0.01, *, eps: Hyper = 1e-10, **kw: Any) -> None:
        super().__init__(lr, **kw)
        self.eps = at_least_0("eps", eps)

    def prepare(self, lr: Hyper, params: Array) -> Hyper:
        self._eps = column(self.eps, params)
        return lr

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        (square,) = state
        square += g * g
        p -= lr * g / (namespace(p).sqrt(square) + self._eps)


class RMSProp(Optimizer):
    r"""Divide by the root of a leaky average of squared gradients.

    .. math:: s \leftarrow \rho s + (1 - \rho) g^2, \qquad
              w \leftarrow w - \eta\,\frac{g}{\sqrt{s} + \epsilon}

    Parameters
    ----------
    lr, weight_decay, decoupled, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`.
    rho : float or array of shape lead
        Decay rate ρ of the average; torch calls it ``alpha``.
    eps : float or array of shape lead
        ε, outside the root.

    Notes
    -----
    torch.optim.RMSprop with its defaults. The average starts at 0 and is not corrected:
    the first step is :math:`\eta/\sqrt{1-\rho}` whatever the gradient. The lecture
    gives no ε; TensorFlow 1 put it inside the root, :math:`\sqrt{s + \epsilon}`, which
    is a much larger floor (:math:`\sqrt{10^{-8}} = 10^{-4}`).

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: RMSProp", Coursera, 2012. A. Graves,
    "Generating Sequences With Recurrent Neural Networks", 2013, eqs. 38 to 45
    (a centered form). arXiv:1308.0850.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([0.0])
    >>> RMSProp(lr=0.1).step(w, np.array([7.0]))
    >>> w.round(4)
    array([-1.])
    """

    slots = ("square",)

    def __init__(
        self, lr: Rate = 0.01, *, rho: Hyper = 0.99, eps: Hyper = 1e-8, **kw: Any
    ) -> None:
        super().__init__(lr, **kw)
        self.rho = fraction("rho", rho)
        self.eps = at_least_0("eps", eps)

    def prepare(self, lr: Hyper, params: Array) -> Hyper:
        self._rho, self._share = shares(self.rho, params)
        self._eps = column(self.eps, params)
        return lr

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        (square,) = state
        square *= self._rho
        square += self._share * (g * g)
        p -= lr * g / (namespace(p).sqrt(square) + self._eps)


class AdaDelta(Optimizer):
    r"""Step in the unit of the weights: past steps over past gradients.

    .. math:: s \leftarrow \rho s + (1 - \rho) g^2, \qquad
              \Delta = \frac{\sqrt{u + \epsilon}}{\sqrt{s + \epsilon}}\, g

    .. math:: u \leftarrow \rho u + (1 - \rho) \Delta^2, \qquad
              w \leftarrow w - \eta\,\Delta

    Parameters
    ----------
    lr, weight_decay, decoupled, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`. The paper has no learning rate: η = 1.
    rho : float or array of shape lead
        Decay rate ρ of both averages.
    eps : float or array of shape lead
        ε, inside both roots. It sets the first step, :math:`\sqrt{\epsilon}` in size.

    References
    ----------
    M. D. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, algorithm 1.
    arXiv:1212.5701.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([0.0])
    >>> AdaDelta(eps=1e-6).step(w, np.array([7.0]))
    >>> w.round(5)  # √(1e-6 / 0.1)
    array([-0.00316])
    """

    slots = ("square", "delta_square")

    def __init__(
        self, lr: Rate = 1.0, *, rho: Hyper = 0.9, eps: Hyper = 1e-6, **kw: Any
    ) -> None:
        super().__init__(lr, **kw)
        self.rho = fraction("rho", rho)
        self.eps = at_least_0("eps", eps)

    def prepare(self, lr: Hyper, params: Array) -> Hyper:
        self._rho, self._share = shares(self.rho, params)
        self._eps = column(self.eps, params)
        return lr

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        square, delta_square = state
        xp = namespace(p)
        square *= self._rho
        square += self._share * (g * g)
        delta = xp.sqrt((delta_square + self._eps) / (square + self._eps)) * g
        delta_square *= self._rho
        delta_square += self._share * (delta * delta)
        p -= lr * delta


class Adam(Optimizer):
    r"""Step by the mean gradient over its root mean square, both bias-corrected.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad
              s \leftarrow \beta_2 s + (1 - \beta_2) g^2

    .. math:: w \leftarrow w - \eta\,
              \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr, weight_decay, decoupled, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`; the decay is coupled, as in torch.optim.Adam.
    beta1, beta2 : float or array of shape lead
        Decay rates of the two averages.
    eps : float or array of shape lead
        ε, added outside the root.

    Notes
    -----
    The correction divides by :math:`1 - \beta^t`, not by :math:`(1 - \beta)^t`, which
    would shrink the tenth step to 1/15000 of its size. Both corrections are the same
    for all parameters and are folded into the step size and ε, as the paper's
    section 2 proposes.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
    algorithm 1. arXiv:1412.6980.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0])
    >>> Adam(lr=0.1).step(w, np.array([1e-3]))
    >>> w.round(4)  # the first step is the learning rate, whatever the gradient
    array([0.9])
    """

    slots = ("mean", "square")

    def __init__(
        self,
        lr: Rate = 1e-3,
        *,
        beta1: Hyper = 0.9,
        beta2: Hyper = 0.999,
        eps: Hyper = 1e-8,
        **kw: Any,
    ) -> None:
        super().__init__(lr, **kw)
        self.beta1, self.beta2 = fraction("beta1", beta1), fraction("beta2", beta2)
        self.eps = at_least_0("eps", eps)

    def prepare(self, lr: Hyper, params: Array) -> Hyper:
        self._b1, self._rest1 = shares(self.beta1, params)
        self._b2, self._rest2 = shares(self.beta2, params)
        correction1 = 1 - self.beta1**self.t
        correction2 = (1 - self.beta2**self.t) ** 0.5
        # m/c1 / (√s/c2 + ε) = (c2/c1) m / (√s + ε c2): fewer operations per parameter
        self._eps = column(self.eps * correction2, params)
        return lr * correction2 / correction1

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        mean, square = state
        mean *= self._b1
        mean += self._rest1 * g
        square *= self._b2
        square += self._rest2 * (g * g)
        root = namespace(p).sqrt(square)
        root += self._eps
        p -= lr * mean / root


class AdamW(Adam):
    r"""Adam with decoupled weight decay.

    .. math:: w \leftarrow (1 - \eta\lambda)\,w - \eta\,
              \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}

    In Adam, the gradient of an L2 penalty is divided by the root like any gradient:
    weights with large gradients are hardly decayed. Here all decay at one rate.

    Parameters
    ----------
    lr, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`.
    weight_decay : float or array of shape lead
        λ, multiplied by the learning rate as torch.optim.AdamW does. The paper
        multiplies it by the schedule only (1 at its start), not by the rate: its λ is
        :math:`\eta_0` times this one.
    beta1, beta2, eps
        See `Adam`.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019,
    algorithm 2. arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0])
    >>> AdamW(lr=0.1, weight_decay=0.5).step(w, np.array([0.0]))
    >>> w
    array([0.95])
    """

    def __init__(self, lr: Rate = 1e-3, *, weight_decay: Hyper = 0.01, **kw: Any):
        super().__init__(lr, weight_decay=weight_decay, decoupled=True, **kw)


class Lion(Optimizer):
    r"""Step by the sign of a mean gradient: every coordinate moves by ±η.

    .. math:: w \leftarrow (1 - \eta\lambda)\,w
              - \eta\,\operatorname{sign}(\beta_1 m + (1 - \beta_1) g), \qquad
              m \leftarrow \beta_2 m + (1 - \beta_2) g

    Parameters
    ----------
    lr, weight_decay, decay_mask, lr_scale
        See `nnlib.optimizer.Optimizer`; the decay is decoupled. The paper uses rates 3
        to 10 times smaller than Adam's and decays as many times larger.
    beta1, beta2 : float or array of shape lead
        Weight of the past in the step, and in what is kept.

    Notes
    -----
    torch.optim has no Lion; the tests check it against the paper's algorithm.

    References
    ----------
    X. Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023,
    algorithm 2. arXiv:2302.06675.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, 1.0, 1.0])
    >>> Lion(lr=0.1).step(w, np.array([1e-6, -1e6, 0.0]))
    >>> w
    array([0.9, 1.1, 1. ])
    """

    slots = ("mean",)

    def __init__(
        self, lr: Rate = 1e-4, *, beta1: Hyper = 0.9, beta2: Hyper = 0.99, **kw: Any
    ) -> None:
        super().__init__(lr, decoupled=True, **kw)
        self.beta1, self.beta2 = fraction("beta1", beta1), fraction("beta2", beta2)

    def prepare(self, lr: Hyper, params: Array) -> Hyper:
        self._b1, self._rest1 = shares(self.beta1, params)
        self._b2, self._rest2 = shares(self.beta2, params)
        return lr

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        (mean,) = state
        p -= lr * namespace(p).sign(self._b1 * mean + self._rest1 * g)
        mean *= self._b2
        mean += self._rest2 * g

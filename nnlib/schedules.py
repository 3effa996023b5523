r"""Learning-rate schedules: functions of the step, ``step -> lr``.

Every function here returns a function. Steps are optimizer updates and count from 0:
``schedule(0)`` is the rate of the first update and ``schedule(steps)`` that of the
first update after the plan has ended, when decays have reached their end. Rates may be
arrays of shape ``lead``, one per stacked model.

>>> from nnlib.optim import SGD
>>> opt = SGD(lr=warmup(cosine(0.1, 1000), 50))
>>> round(opt.rate(), 6)  # the first of 50 warm-up steps
0.002
"""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from nnlib.optimizer import Hyper, at_least_0

Schedule = Callable[[int], Hyper]


def constant(lr: Hyper) -> Schedule:
    r"""Keep :math:`\eta_t = \eta`.

    References
    ----------
    H. Robbins, S. Monro, "A Stochastic Approximation Method", Annals of Mathematical
    Statistics 22(3), 1951 (why a constant rate does not converge under noise).

    Examples
    --------
    >>> constant(0.1)(1000)
    0.1
    """
    lr = at_least_0("learning rate", lr)
    return lambda t: lr


def step(lr: Hyper, milestones: Sequence[int], factor: float = 0.1) -> Schedule:
    r"""Multiply by a factor at each milestone.

    .. math:: \eta_t = \eta\, f^{\,|\{m \in \text{milestones}: m \le t\}|}

    Parameters
    ----------
    lr : float or array of shape lead
    milestones : sequence of int
        Steps, increasing.
    factor : float
        f.

    Raises
    ------
    ValueError
        If the milestones do not increase.

    Notes
    -----
    torch's ``MultiStepLR``.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition",
    CVPR 2016, section 3.4. arXiv:1512.03385.

    Examples
    --------
    >>> f = step(1.0, [10, 20], factor=0.5)
    >>> [f(t) for t in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """
    lr, marks = at_least_0("learning rate", lr), list(milestones)
    if any(b <= a for a, b in itertools.pairwise(marks)):
        raise ValueError(f"milestones must increase, not {marks}")
    return lambda t: lr * factor ** sum(m <= t for m in marks)


def exponential(lr: Hyper, factor: float, every: int = 1) -> Schedule:
    r"""Multiply by a factor per `every` steps, continuously.

    .. math:: \eta_t = \eta\, f^{\,t/T}

    Parameters
    ----------
    lr : float or array of shape lead
    factor : float
        f, below 1 to decay, above 1 for a learning-rate range test.
    every : int
        T. With 1 this is torch's ``ExponentialLR``.

    References
    ----------
    L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017
    (range test). arXiv:1506.01186.

    Examples
    --------
    >>> f = exponential(1.0, 0.1, every=100)
    >>> f(0), round(f(50), 4), f(100)
    (1.0, 0.3162, 0.1)
    """
    lr, every = at_least_0("learning rate", lr), _positive("every", every)
    return lambda t: lr * factor ** (t / every)


def inverse_time(lr: Hyper, rate: float) -> Schedule:
    r"""Decay as :math:`\eta_t = \eta / (1 + k t)`.

    Parameters
    ----------
    lr : float or array of shape lead
    rate : float
        k, in 1/steps: after 1/k steps the rate is halved.

    Notes
    -----
    The sum of all rates diverges and the sum of their squares converges: the classical
    condition for convergence under gradient noise.

    References
    ----------
    Robbins, Monro 1951. L. Bottou, "Stochastic Gradient Descent Tricks", 2012,
    section 5.2.

    Examples
    --------
    >>> f = inverse_time(1.0, rate=0.1)
    >>> f(0), f(10), f(30)
    (1.0, 0.5, 0.25)
    """
    lr, rate = at_least_0("learning rate", lr), at_least_0("decay rate", rate)
    return lambda t: lr / (1 + rate * t)


def inverse_sqrt(lr: Hyper, shift: int = 1) -> Schedule:
    r"""Decay as :math:`\eta_t = \eta \sqrt{T / \max(t, T)}`.

    Parameters
    ----------
    lr : float or array of shape lead
        The rate of the first T steps.
    shift : int
        T ≥ 1. It also keeps step 0 from a division by zero.

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, eq. 3 (with a linear
    warm-up over T steps: ``warmup(inverse_sqrt(lr, T), T)``). arXiv:1706.03762.

    Examples
    --------
    >>> f = inverse_sqrt(1.0, shift=4)
    >>> f(0), f(4), f(16)
    (1.0, 1.0, 0.5)
    """
    lr, shift = at_least_0("learning rate", lr), _positive("shift", shift)
    return lambda t: lr * math.sqrt(shift / max(t, shift))


def linear(lr: Hyper, steps: int, end: Hyper = 0.0) -> Schedule:
    r"""Go straight to the end, and stay there.

    .. math:: \eta_t = \eta + (\eta_{end} - \eta)\, \min(t/T, 1)

    Parameters
    ----------
    lr, end : float or array of shape lead
        First and last rate.
    steps : int
        T, the number of updates planned.

    Notes
    -----
    torch's ``LinearLR`` with ``start_factor=1``.

    References
    ----------
    A. Defazio et al., "Optimal Linear Decay Learning Rate Schedules and Further
    Refinements", 2023. arXiv:2310.07831.

    Examples
    --------
    >>> f = linear(1.0, 4)
    >>> [f(t) for t in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    lr, end = at_least_0("learning rate", lr), at_least_0("learning rate", end)
    steps = _positive("steps", steps)

    def rate(t: int) -> Hyper:
        share = min(t / steps, 1.0)
        return (1 - share) * lr + share * end

    return rate


def cosine(lr: Hyper, steps: int, end: Hyper = 0.0) -> Schedule:
    r"""Fall along half a cosine, and stay at the end.

    .. math:: \eta_t = \eta_{end} + \tfrac12 (\eta - \eta_{end})
              \left(1 + \cos \frac{\pi \min(t, T)}{T}\right)

    Parameters
    ----------
    lr, end : float or array of shape lead
        First and last rate.
    steps : int
        T, the number of updates planned: a cosine must know its end.

    Notes
    -----
    torch's ``CosineAnnealingLR`` up to T; after T torch rises again along the cosine,
    this schedule stays. For restarts see `cosine_restarts`.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    ICLR 2017, eq. 5. arXiv:1608.03983.

    Examples
    --------
    >>> f = cosine(1.0, 100)
    >>> f(0), round(f(50), 9), f(100), f(101)
    (1.0, 0.5, 0.0, 0.0)
    """
    lr, end = at_least_0("learning rate", lr), at_least_0("learning rate", end)
    steps = _positive("steps", steps)

    def rate(t: int) -> Hyper:
        weight = 0.5 * (1 + math.cos(math.pi * min(t / steps, 1.0)))
        return weight * lr + (1 - weight) * end

    return rate


def cosine_restarts(
    lr: Hyper, period: int, end: Hyper = 0.0, growth: int = 1
) -> Schedule:
    r"""Repeat the cosine: fall to `end`, then jump back up.

    Parameters
    ----------
    lr, end : float or array of shape lead
        Rate at the start of each cycle, and the one that it falls towards.
    period : int
        Steps of the first cycle.
    growth : int
        Each cycle is so many times as long as the one before.

    Notes
    -----
    torch's ``CosineAnnealingWarmRestarts``. A warm *restart* is not a warm-*up*.

    References
    ----------
    Loshchilov, Hutter 2017, eq. 5. G. Huang et al., "Snapshot Ensembles: Train 1, Get
    M for Free", ICLR 2017. arXiv:1704.00109.

    Examples
    --------
    >>> f = cosine_restarts(1.0, 10)
    >>> f(0), round(f(9), 4), f(10)
    (1.0, 0.0245, 1.0)
    """
    period, growth = _positive("period", period), _positive("growth", growth)
    at_least_0("learning rate", lr), at_least_0("learning rate", end)

    def rate(t: int) -> Hyper:
        length = period
        while t >= length:
            t, length = t - length, length * growth
        return cosine(lr, length, end)(t)

    return rate


def cyclic(low: Hyper, high: Hyper, half: int) -> Schedule:
    r"""Go up and down between two rates, `half` steps each way.

    .. math:: \eta_t = \eta_{low} + (\eta_{high} - \eta_{low})
              \max\left(0, 1 - \left|\tfrac{t}{T} - 2c + 1\right|\right), \quad
              c = \lfloor 1 + t/2T \rfloor

    Parameters
    ----------
    low, high : float or array of shape lead
    half : int
        T, half a cycle.

    Notes
    -----
    torch's ``CyclicLR`` in its mode "triangular".

    References
    ----------
    L. N. Smith, WACV 2017, section 3. arXiv:1506.01186.

    Examples
    --------
    >>> f = cyclic(0.0, 1.0, half=2)
    >>> [f(t) for t in range(6)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]
    """
    low, high = at_least_0("learning rate", low), at_least_0("learning rate", high)
    half = _positive("half", half)

    def rate(t: int) -> Hyper:
        weight = 1 - abs((t % (2 * half)) / half - 1)
        return (1 - weight) * low + weight * high

    return rate


def one_cycle(
    high: Hyper,
    steps: int,
    *,
    start: float = 1 / 25,
    end: float = 4e-6,
    up: float = 0.3,
) -> Schedule:
    r"""Rise to a high rate along a cosine, then fall far below the start.

    Parameters
    ----------
    high : float or array of shape lead
        The largest rate, where the range test is about to diverge.
    steps : int
        Updates of the whole cycle, at least 2. The last one, ``steps - 1``, has the
        smallest rate, which then stays.
    start, end : float
        First and last rate as parts of `high`.
    up : float
        Share of the steps spent rising.

    Raises
    ------
    ValueError
        If `up` is not in (0, 1), or there are fewer than 2 steps.

    Notes
    -----
    torch's ``OneCycleLR`` with its defaults (``div_factor=25``,
    ``final_div_factor=1e4``); the momentum is left alone.

    References
    ----------
    L. N. Smith, N. Topin, "Super-Convergence: Very Fast Training of Neural Networks
    Using Large Learning Rates", 2018 (with straight lines). arXiv:1708.07120.

    Examples
    --------
    >>> f = one_cycle(1.0, 101)
    >>> round(f(0), 9), round(max(f(t) for t in range(101)), 3), round(f(100), 9)
    (0.04, 1.0, 4e-06)
    """
    if not 0 < up < 1:
        raise ValueError(f"up must be in (0, 1), not {up}")
    if steps < 2:
        raise ValueError(f"one cycle needs at least 2 steps, not {steps}")
    high = at_least_0("learning rate", high)
    peak = up * steps - 1  # where torch puts it; not a whole number in general
    if peak <= 0:
        raise ValueError(f"up={up} of {steps} steps leaves less than one step to rise")

    def rate(t: int) -> Hyper:
        if t <= peak:
            share, a, b = t / peak, start, 1.0
        else:
            share, a, b = min((t - peak) / (steps - 1 - peak), 1.0), 1.0, end
        weight = 0.5 * (1 + math.cos(math.pi * share))
        return high * (weight * a + (1 - weight) * b)

    return rate


def warmup(schedule: Schedule | Hyper, steps: int) -> Schedule:
    r"""Multiply the first steps of any schedule by a straight rise.

    .. math:: \eta_t = \min\left(1, \frac{t+1}{W}\right) f(t)

    Parameters
    ----------
    schedule : function of the step, or a rate
    steps : int
        W: step 0 has 1/W of the rate, step W - 1 the first full one. 0 for none.

    Notes
    -----
    The schedule's own clock starts at 0 as well: warm-up takes time from a decay, it
    does not delay it. torch's ``LinearLR(start_factor=1/W, total_iters=W-1)``.

    References
    ----------
    P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017,
    section 2.2. arXiv:1706.02677.

    Examples
    --------
    >>> f = warmup(1.0, 4)
    >>> [f(t) for t in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    if steps < 0:
        raise ValueError(f"warm-up steps must be at least 0, not {steps}")
    f = schedule if callable(schedule) else constant(schedule)
    return lambda t: f(t) * min(1.0, (t + 1) / steps) if steps else f(t)


def trapezoid(lr: Hyper, steps: int, *, up: int, down: int) -> Schedule:
    """Rise, stay, fall to 0: warm-up, stable, decay.

    Parameters
    ----------
    lr : float or array of shape lead
    steps : int
        All updates.
    up, down : int
        Updates of the two slopes; the long middle can be cut short or prolonged, which
        a cosine does not allow.

    Raises
    ------
    ValueError
        If the slopes do not fit.

    References
    ----------
    A. Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
    Durations", NeurIPS 2024. arXiv:2405.18392.

    Examples
    --------
    >>> f = trapezoid(1.0, 8, up=2, down=4)
    >>> [f(t) for t in range(9)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
    """
    if up < 0 or down < 1 or up + down > steps:
        raise ValueError(f"slopes of {up} and {down} do not fit into {steps} steps")
    lr = at_least_0("learning rate", lr)
    flat_and_down = lambda t: lr * min(1.0, max(0.0, (steps - t) / down))
    return warmup(flat_and_down, up)


def values(schedule: Schedule, steps: int) -> np.ndarray:
    """Return the rates of the first steps, for plots: shape (steps, *lead).

    References
    ----------
    nnlib's own helper.

    Examples
    --------
    >>> values(linear(1.0, 2), 3)
    array([1. , 0.5, 0. ])
    """
    return np.stack([np.asarray(schedule(t), dtype=np.float64) for t in range(steps)])


def _positive(name: str, n: int) -> int:
    if not n >= 1:
        raise ValueError(f"{name} must be at least 1, not {n}")
    return n

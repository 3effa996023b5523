"""Exponential moving averages: of a series, and of a network's weights."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, device_of, namespace, to_numpy
from nnlib.optimizer import fraction


def ema(values: Array, beta: float, *, correct: bool = True) -> np.ndarray:
    r"""Average a series with weights that fade into the past.

    .. math:: v_t = \beta v_{t-1} + (1 - \beta)\, x_t, \quad v_0 = 0, \qquad
              \hat v_t = \frac{v_t}{1 - \beta^t}

    Parameters
    ----------
    values : array of shape (T, …)
        x₁ to x_T.
    beta : float
        The weight of the past, in [0, 1).
    correct : bool
        Return v̂ instead of v, which is too small at the start.

    Returns
    -------
    NumPy array of shape (T, …)

    Notes
    -----
    About the last 1/(1-β) values count; what is older still holds a weight of
    :math:`\beta^{1/(1-\beta)} \approx 1/e` (0.349 for β = 0.9) together.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015,
    section 3 (the correction). arXiv:1412.6980.

    Examples
    --------
    >>> ema([1.0, 1.0], 0.5, correct=False), ema([1.0, 1.0], 0.5)
    (array([0.5 , 0.75]), array([1., 1.]))
    """
    x = to_numpy(values)
    x = x.astype(np.result_type(x, np.float32), copy=False)
    beta = fraction("beta", beta)
    average, out = np.zeros(x.shape[1:], dtype=x.dtype), np.empty_like(x)
    for t, value in enumerate(x):
        average = beta * average + (1 - beta) * value
        out[t] = average / (1 - beta ** (t + 1)) if correct else average
    return out


class EMA:
    r"""A running average of a network's weights, to evaluate with.

    .. math:: a \leftarrow d\,a + (1 - d)\,w

    Parameters
    ----------
    decay : float
        d, in [0, 1).
    dynamic : bool
        Use :math:`\min(d, (1 + t)/(10 + t))` at the t-th update (from 1): a young
        average forgets its poor start sooner.
    correct : bool
        Start from 0 and divide by the total weight given so far,
        :math:`1 - \prod_i d_i`. Otherwise start from the weights at the first update,
        as TensorFlow's ExponentialMovingAverage does.

    Attributes
    ----------
    t : int
        Number of updates.

    Raises
    ------
    ValueError
        If d is not in [0, 1), or the shape of the weights changes.
    RuntimeError
        If there is no average yet.

    References
    ----------
    B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by
    Averaging", SIAM J. Control and Optimization 30(4), 1992. A. Tarvainen, H. Valpola,
    "Mean teachers are better role models", NeurIPS 2017. arXiv:1703.01780.

    Examples
    --------
    >>> average = EMA(0.9)
    >>> average.update(np.array([2.0]))
    >>> average.update(np.array([4.0]))
    >>> average.value.round(4)  # (0.09 · 2 + 0.1 · 4) / 0.19
    array([3.0526])
    """

    def __init__(
        self, decay: float = 0.999, *, dynamic: bool = False, correct: bool = True
    ) -> None:
        self.decay = fraction("decay", decay)
        self.dynamic, self.correct = dynamic, correct
        self.t = 0
        self._sum: Array | None = None
        self._weight = 0.0  # what the weights of all values so far add up to

    def update(self, params: Array) -> None:
        """Take the weights in; call it after each step."""
        xp = namespace(params)
        if self._sum is None:
            self._sum = xp.zeros_like(params)
            if not self.correct:
                self._sum += params
                self._weight = 1.0
        if self._sum.shape != params.shape:
            raise ValueError(f"the average is {self._sum.shape}, not {params.shape}")
        self.t += 1
        d = self.decay
        if self.dynamic:
            d = min(d, (1 + self.t) / (10 + self.t))
        self._sum *= d
        self._sum += (1 - d) * params
        self._weight = d * self._weight + (1 - d)

    @property
    def value(self) -> Array:
        """The average, an array like the weights."""
        if self._sum is None:
            raise RuntimeError("the average has taken in no weights yet")
        return self._sum / self._weight

    @contextlib.contextmanager
    def applied(self, model: Any) -> Iterator[None]:
        """Give `model` the averaged weights within a ``with`` block."""
        kept = namespace(model.params).asarray(model.params, copy=True)
        model.params[...] = self.value
        try:
            yield
        finally:
            model.params[...] = kept

    def state(self) -> dict[str, Any]:
        """Return copies of all that `load_state` needs."""
        kept = {} if self._sum is None else {"sum": to_numpy(self._sum).copy()}
        return {"t": self.t, "weight": self._weight, **kept}

    def load_state(self, state: dict[str, Any], params: Array) -> None:
        """Continue from `state`; `params` gives library, device and dtype."""
        self.t, self._weight = int(state["t"]), float(state["weight"])
        if "sum" in state:
            new = asarray(np.array(state["sum"]), device=device_of(params))
            self._sum = namespace(params).astype(new, params.dtype)

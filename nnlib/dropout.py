"""Dropout of units and of connections: train a random sub-network at every step."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, device_of, namespace
from nnlib.layers import Layer, Linear, check_channels


def keep_mask(
    shape: tuple[int, ...], p: Any, *, rng: np.random.Generator, like: Array
) -> Array:
    r"""Draw the mask of inverted dropout: 0 with probability p, else 1/(1 - p).

    Parameters
    ----------
    shape : tuple
    p : float or NumPy array that broadcasts to `shape`
        Probability to drop.
    rng : numpy.random.Generator
    like : array
        Gives library, device and dtype.

    Returns
    -------
    array of the given shape, of mean 1 in expectation

    References
    ----------
    N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting", JMLR 15, 2014, section 10 (the form scaled while training).

    Examples
    --------
    >>> keep_mask((6,), 0.5, rng=np.random.default_rng(1), like=np.ones(1))
    array([0., 2., 2., 2., 0., 0.])
    """
    kept = rng.random(shape, dtype=np.float32) >= p  # one mask for every dtype
    mask = asarray(kept, device=device_of(like))
    scale = asarray(1 / (1 - np.asarray(p)), device=device_of(like))
    xp = namespace(like)
    return xp.astype(mask, like.dtype) * xp.astype(scale, like.dtype)


def check_probability(p: Any) -> Any:
    """Return `p` if each of its values is a probability to drop in [0, 1).

    Raises
    ------
    ValueError
        With the first value outside.

    References
    ----------
    nnlib's own rule. torch also allows p = 1, which drops everything.

    Examples
    --------
    >>> check_probability(1.5)
    Traceback (most recent call last):
    ...
    ValueError: p is the probability to drop, in [0, 1), not 1.5
    """
    values = np.atleast_1d(np.asarray(p, dtype=np.float64))
    bad = values[~((values >= 0) & (values < 1))]
    if bad.size:
        raise ValueError(f"p is the probability to drop, in [0, 1), not {bad[0]}")
    return float(p) if np.ndim(p) == 0 else np.asarray(p, dtype=np.float64)


class Dropout(Layer):
    r"""While training, drop each unit with probability p and scale up the others.

    .. math:: y = x \odot m, \qquad m = \begin{cases} 0 & \text{with probability } p \\
              1/(1 - p) & \text{else} \end{cases}

    Then :math:`E[y] = x`, and evaluation needs no change: it drops nothing.

    Parameters
    ----------
    p : float, or array of shape lead
        Probability to DROP a unit; an array gives each stacked model its own.
    rng : numpy.random.Generator
        Draws the masks.
    shared_axes : int
        So many trailing axes share one mask entry. 2 on images drops whole channels
        (spatial dropout); as many as an example has drops whole examples (at the end of
        a residual branch: stochastic depth).

    Attributes
    ----------
    frozen : bool
        True keeps the last mask: the function then stands still and its gradient can be
        checked.

    Raises
    ------
    ValueError
        If p is outside [0, 1), or the input lacks the leading axes of p.

    Notes
    -----
    Three conventions are in use: torch's p (here) drops, the paper's p keeps, and
    TensorFlow 1 calls the latter ``keep_prob``. The scale is one over the probability
    to keep in all of them. Stacked models that share one input of shape (N, D) here
    share the mask; behind the first weights each model draws its own.

    References
    ----------
    Srivastava et al. 2014, see `keep_mask`. J. Tompson et al., "Efficient Object
    Localization Using Convolutional Networks", CVPR 2015 (spatial). G. Huang et al.,
    "Deep Networks with Stochastic Depth", ECCV 2016. arXiv:1603.09382.

    Examples
    --------
    >>> drop = Dropout(0.5, rng=np.random.default_rng(1))
    >>> drop.forward(np.ones((2, 3)), train=True)
    array([[0., 2., 2.],
           [2., 0., 0.]])
    >>> drop(np.ones((2, 3)))
    array([[1., 1., 1.],
           [1., 1., 1.]])
    """

    def __init__(
        self, p: Any, *, rng: np.random.Generator, shared_axes: int = 0
    ) -> None:
        super().__init__()
        self.p = check_probability(p)
        self.rng, self.shared_axes = rng, shared_axes
        self.frozen = False
        self._mask: Array | None = None

    def forward(self, x: Array, *, train: bool = False) -> Array:
        if not train or not np.any(self.p):
            self.cache = "unchanged"
            return x
        p = np.asarray(self.p)
        if p.ndim >= x.ndim or tuple(x.shape[: p.ndim]) != p.shape:
            raise ValueError(f"p of shape {p.shape} does not fit x {tuple(x.shape)}")
        kept = x.shape[: x.ndim - self.shared_axes]
        shape = (*kept, *[1] * self.shared_axes)
        if not (self.frozen and self._mask is not None and self._mask.shape == shape):
            column = p.reshape(p.shape + (1,) * (x.ndim - p.ndim))
            self._mask = keep_mask(shape, column, rng=self.rng, like=x)
        self.cache = self._mask
        return x * self._mask

    def backward(self, dy: Array) -> Array:
        mask = self._cached()
        return dy if isinstance(mask, str) else dy * mask


class DropConnect(Linear):
    r"""Dense layer that drops weights, not units, while training.

    .. math:: y = x\,(M \odot W) + b, \qquad M_{ij} = 0 \text{ with probability } p,
              \text{ else } 1/(1 - p)

    Evaluation uses all weights. That gives the mean of the pre-activation; `infer`
    also accounts for its spread, as the paper does.

    Parameters
    ----------
    d_in, d_out : int
    p : float
        Probability to DROP a weight.
    rng : numpy.random.Generator
        Draws the weights, then the masks.
    per_example : bool
        Draw a mask for every example, as the paper does, instead of one per forward
        pass. Costs N times the memory of the weights.
    **kw
        See `nnlib.layers.Linear`.

    Attributes
    ----------
    frozen : bool
        True keeps the last mask, see `Dropout`.

    Raises
    ------
    ValueError
        If p is outside [0, 1), or the input does not have D_in columns.

    Notes
    -----
    The paper's p keeps, its mask is not scaled up (here W takes the factor: the same
    family of functions), and it masks the biases too.

    References
    ----------
    L. Wan, M. Zeiler, S. Zhang, Y. LeCun, R. Fergus, "Regularization of Neural Networks
    using DropConnect", ICML 2013, sections 3.1 and 3.2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> layer = DropConnect(3, 2, p=0.5, rng=rng, device="cpu")
    >>> layer.forward(np.ones((4, 3), dtype=np.float32), train=True).shape
    (4, 2)
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        p: float,
        rng: np.random.Generator,
        per_example: bool = False,
        **kw: Any,
    ) -> None:
        super().__init__(d_in, d_out, rng=rng, **kw)
        self.p = check_probability(float(p))
        self.rng, self.per_example = rng, per_example
        self.frozen = False
        self._mask: Array | None = None

    def forward(self, x: Array, *, train: bool = False) -> Array:
        if not train or self.p == 0:
            return super().forward(x)
        W, b = self.params["W"], self.params.get("b")
        check_channels(self, x, W.shape[-2], spatial=0)
        shape = tuple(W.shape)
        if self.per_example:
            shape = (*self.lead, x.shape[-2], *shape[len(self.lead) :])
        if not (self.frozen and self._mask is not None and self._mask.shape == shape):
            self._mask = keep_mask(shape, self.p, rng=self.rng, like=x)
        if self.per_example:
            masked = W[..., None, :, :] * self._mask  # (…, N, D, H)
            y = (x[..., None, :] @ masked)[..., 0, :]  # (…, N, H)
        else:
            masked = W * self._mask  # (…, D, H)
            y = x @ masked
        if b is not None:
            y += b[..., None, :]
        self.cache = x, masked, self._mask
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        cache = self._cached()
        if len(cache) == 2:  # nothing was dropped
            return super().backward(dy, input_gradient=input_gradient)
        x, masked, mask = cache
        xp = namespace(dy)
        if self.per_example:
            outer = x[..., None] * dy[..., None, :]  # (…, N, D, H)
            self._store(W=xp.sum(mask * outer, axis=-3))
        else:
            self._store(W=mask * (x.mT @ dy))
        if "b" in self.params:
            self._store(b=xp.sum(dy, axis=-2))
        if not input_gradient:
            return None
        if self.per_example:
            return (dy[..., None, :] @ masked.mT)[..., 0, :]
        return dy @ masked.mT

    def moments(self, x: Array) -> tuple[Array, Array]:
        r"""Return mean and variance of the pre-activation over all masks.

        .. math:: E[u] = x W + b, \qquad
                  \operatorname{Var}[u] = \tfrac{p}{1-p} (x \odot x)(W \odot W)

        Returns
        -------
        mean, variance : arrays of shape (…, N, H)
        """
        mean = super().forward(x)
        W = self.params["W"]
        return mean, (self.p / (1 - self.p)) * ((x * x) @ (W * W))

    def infer(
        self,
        x: Array,
        activation: Callable[[Array], Array],
        *,
        samples: int,
        rng: np.random.Generator,
    ) -> Array:
        r"""Average the activation over a Gaussian that matches the mask's moments.

        .. math:: r = \frac1Z \sum_z f(u_z), \qquad
                  u_z \sim N(E[u], \operatorname{Var}[u])

        Parameters
        ----------
        x : array of shape (…, N, D)
        activation : callable
            The nonlinearity f that follows.
        samples : int
            Number Z of draws.
        rng : numpy.random.Generator

        Returns
        -------
        array of shape (…, N, H)

        Notes
        -----
        A pre-activation is a sum of many independent terms, so it is nearly normal; and
        the mean of f(u) is not f of the mean (section 3.2 of the paper).
        """
        if samples < 1:
            raise ValueError(f"samples must be at least 1, not {samples}")
        mean, variance = self.moments(x)
        xp = namespace(mean)
        std, total = xp.sqrt(variance), xp.zeros_like(mean)
        for _ in range(samples):
            noise = asarray(rng.standard_normal(mean.shape), device=device_of(mean))
            total += activation(mean + std * xp.astype(noise, mean.dtype))
        return total / samples

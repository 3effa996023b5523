r"""Normalization layers: one formula, four choices of the axes it runs over.

With mean :math:`\mu` and biased variance :math:`\sigma^2` over a set of entries,

.. math:: \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad
          y = \gamma \hat x + \beta

================  =======================================  ===========================
layer             entries that share a mean                depends on the other
                                                           examples of the batch
================  =======================================  ===========================
BatchNorm         one channel over the batch               while training
LayerNorm         one example                              no
GroupNorm         one example, one group of channels       no
RMSNorm           one example, without the mean            no
================  =======================================  ===========================

Stacked models are normalized apart: leading axes are never averaged over.
"""

import math
from typing import Any

import numpy as np

from nnlib.backend import Array, namespace
from nnlib.init import constant
from nnlib.layers import Layer, check_channels, per_channel


def normalize_forward(
    x: Array, axes: tuple[int, ...], eps: float = 1e-5
) -> tuple[Array, Any]:
    r"""Shift and scale `x` to mean 0 and variance 1 over the given axes.

    Parameters
    ----------
    x : array
    axes : tuple of int
        Axes to average over.
    eps : float
        Added to the variance, inside the root.

    Returns
    -------
    xhat : array of the shape of x
    cache : what `normalize_backward` needs: ``(xhat, 1/σ, axes, mean, variance)``

    Notes
    -----
    The variance is taken in two passes: :math:`E[x^2] - \mu^2` cancels when the mean is
    large.

    References
    ----------
    S. Ioffe, C. Szegedy, "Batch Normalization", ICML 2015, algorithm 1.
    arXiv:1502.03167.

    Examples
    --------
    >>> xhat, _ = normalize_forward(np.array([[1.0], [3.0]]), axes=(-2,), eps=0.0)
    >>> xhat[:, 0]
    array([-1.,  1.])
    """
    xp = namespace(x)
    mean = xp.mean(x, axis=axes, keepdims=True)
    centered = x - mean
    variance = xp.mean(centered * centered, axis=axes, keepdims=True)
    scale = 1 / xp.sqrt(variance + eps)
    centered *= scale
    return centered, (centered, scale, axes, mean, variance)


def normalize_backward(dxhat: Array, cache: Any) -> Array:
    r"""Return the gradient through `normalize_forward`.

    .. math:: dx = \frac{1}{\sigma} \left( d\hat x - \overline{d\hat x}
                   - \hat x \, \overline{d\hat x \odot \hat x} \right)

    The bars are means over the normalized axes: the gradient loses its mean and its
    part along :math:`\hat x`, the two directions that normalization makes irrelevant.

    References
    ----------
    Ioffe, Szegedy 2015, section 3.

    Examples
    --------
    >>> _, cache = normalize_forward(np.array([[1.0], [3.0], [4.0]]), axes=(-2,))
    >>> bool(abs(normalize_backward(np.ones((3, 1)), cache)).max() < 1e-12)
    True
    """
    xhat, scale, axes, *_ = cache
    xp = namespace(dxhat)
    dx = dxhat - xp.mean(dxhat, axis=axes, keepdims=True)
    dx -= xhat * xp.mean(dxhat * xhat, axis=axes, keepdims=True)
    dx *= scale
    return dx


class Affine(Layer):
    """Base of the normalizations: the learned scale gamma and shift beta per channel.

    Parameters
    ----------
    channels : int
        Number C of scales.
    spatial : int
        Axes that follow the channels: 0 for rows (…, N, C), 2 for images.
    eps : float
        Added to the variance.
    shift : bool
        Whether there is a beta.
    lead, dtype, device
        See `nnlib.layers.Linear`.

    References
    ----------
    Ioffe, Szegedy 2015, section 3.

    Examples
    --------
    >>> sorted(Affine(3, device="cpu").params)
    ['beta', 'gamma']
    """

    def __init__(
        self,
        channels: int,
        *,
        spatial: int = 0,
        eps: float = 1e-5,
        shift: bool = True,
        lead: tuple[int, ...] = (),
        dtype: Any = np.float32,
        device: str | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.spatial, self.eps = channels, spatial, eps
        self.lead = tuple(lead)
        where = {"lead": self.lead, "dtype": dtype, "device": device}
        self.params["gamma"] = constant((channels,), 1.0, **where)
        if shift:
            self.params["beta"] = constant((channels,), **where)

    def _scale_and_shift(self, xhat: Array) -> Array:
        y = xhat * per_channel(self.params["gamma"], self.spatial)
        if "beta" in self.params:
            y += per_channel(self.params["beta"], self.spatial)
        return y

    def _scale_and_shift_backward(self, dy: Array, xhat: Array) -> Array:
        xp = namespace(dy)
        axes = (-2 - self.spatial, *range(-self.spatial, 0))  # batch and image
        self._store(gamma=xp.sum(dy * xhat, axis=axes))
        if "beta" in self.params:
            self._store(beta=xp.sum(dy, axis=axes))
        return dy * per_channel(self.params["gamma"], self.spatial)


class BatchNorm(Affine):
    r"""Normalize each channel over the batch, and over the image where there is one.

    While training, mean and variance are those of the mini-batch, and the running
    estimates move towards them; in evaluation the running estimates are used:

    .. math:: r \leftarrow (1 - m)\, r + m \cdot \text{batch statistic}

    Parameters
    ----------
    channels : int
        Number C.
    spatial : int
        0 for rows (…, N, C), 2 for images (…, N, C, H, W).
    momentum : float
        The weight m of the NEW value, as in torch; TensorFlow's momentum is 1 - m.
    eps : float
        Added to the variance.
    lead, dtype, device
        See `nnlib.layers.Linear`.

    Attributes
    ----------
    buffers
        ``running_mean`` and ``running_var`` of shape (*lead, C): saved, not learned.

    Raises
    ------
    ValueError
        If the input has other channels, or if a training batch holds a single value
        per channel.

    Notes
    -----
    As in torch, the biased variance (divided by n) normalizes and the unbiased one
    (divided by n - 1) enters the running estimate; the paper says the same for its
    inference step. A bias in the layer before is redundant: the mean removes it.

    References
    ----------
    S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by
    Reducing Internal Covariate Shift", ICML 2015, algorithms 1 and 2. arXiv:1502.03167.

    Examples
    --------
    >>> norm = BatchNorm(1, dtype=np.float64, device="cpu")
    >>> norm.forward(np.array([[1.0], [3.0]]), train=True)[:, 0].round(3)
    array([-1.,  1.])
    >>> norm.buffers["running_mean"], norm.buffers["running_var"]
    (array([0.2]), array([1.1]))
    """

    def __init__(
        self,
        channels: int,
        *,
        spatial: int = 0,
        momentum: float = 0.1,
        eps: float = 1e-5,
        lead: tuple[int, ...] = (),
        dtype: Any = np.float32,
        device: str | None = None,
    ) -> None:
        where = {"lead": tuple(lead), "dtype": dtype, "device": device}
        super().__init__(channels, spatial=spatial, eps=eps, **where)
        self.momentum = momentum
        self.buffers["running_mean"] = constant((channels,), **where)
        self.buffers["running_var"] = constant((channels,), 1.0, **where)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        check_channels(self, x, self.channels, self.spatial)
        if train:
            axes = (-2 - self.spatial, *range(-self.spatial, 0))  # batch and image
            n = math.prod(x.shape[axis] for axis in axes)
            if n < 2:
                raise ValueError(
                    f"BatchNorm needs more than 1 value per channel to train, got "
                    f"shape {tuple(x.shape)}"
                )
            xhat, statistics = normalize_forward(x, axes, self.eps)
            self._track(statistics[3], statistics[4], n)
            self.cache = xhat, statistics
        else:
            mean = per_channel(self.buffers["running_mean"], self.spatial)
            var = per_channel(self.buffers["running_var"], self.spatial)
            scale = 1 / namespace(var).sqrt(var + self.eps)
            xhat = (x - mean) * scale
            self.cache = xhat, scale
        return self._scale_and_shift(xhat)

    def _track(self, mean: Array, variance: Array, n: int) -> None:
        statistics = {"running_mean": mean, "running_var": variance * (n / (n - 1))}
        for name, value in statistics.items():
            running = self.buffers[name]
            shape = (*value.shape[: value.ndim - 2 - self.spatial], self.channels)
            running *= 1 - self.momentum
            running += self.momentum * namespace(value).reshape(value, shape)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        xhat, statistics = self._cached()
        dxhat = self._scale_and_shift_backward(dy, xhat)
        if isinstance(statistics, tuple):  # the batch's own: they depend on x
            return normalize_backward(dxhat, statistics)
        return dxhat * statistics


class BatchNorm1d(BatchNorm):
    """`BatchNorm` of rows (…, N, C), under torch's name.

    References
    ----------
    Ioffe, Szegedy 2015, see `BatchNorm`.

    Examples
    --------
    >>> BatchNorm1d(3, device="cpu")(np.zeros((4, 3))).shape
    (4, 3)
    """

    def __init__(self, channels: int, **kw: Any) -> None:
        super().__init__(channels, spatial=0, **kw)


class BatchNorm2d(BatchNorm):
    """`BatchNorm` of images (…, N, C, H, W), under torch's name.

    References
    ----------
    Ioffe, Szegedy 2015, section 3.2, see `BatchNorm`.

    Examples
    --------
    >>> BatchNorm2d(3, device="cpu")(np.zeros((4, 3, 8, 8))).shape
    (4, 3, 8, 8)
    """

    def __init__(self, channels: int, **kw: Any) -> None:
        super().__init__(channels, spatial=2, **kw)


class LayerNorm(Affine):
    """Normalize each example by itself, over its last axis.

    Parameters
    ----------
    features : int
        Length D of the last axis of (…, N, D).
    eps, lead, dtype, device
        See `Affine`.

    Raises
    ------
    ValueError
        If the last axis has another length.

    Notes
    -----
    For images use ``GroupNorm(1, channels, spatial=2)``, which normalizes over channels
    and pixels with one scale per channel; torch's LayerNorm over (C, H, W) has one
    scale per pixel.

    References
    ----------
    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", 2016, eq. 4.
    arXiv:1607.06450.

    Examples
    --------
    >>> LayerNorm(2, device="cpu")(np.array([[1.0, 3.0]])).round(3)
    array([[-1.,  1.]])
    """

    def __init__(self, features: int, *, eps: float = 1e-5, **kw: Any) -> None:
        super().__init__(features, eps=eps, **kw)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        check_channels(self, x, self.channels, 0)
        xhat, self.cache = normalize_forward(x, (-1,), self.eps)
        return self._scale_and_shift(xhat)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        cache = self._cached()
        return normalize_backward(self._scale_and_shift_backward(dy, cache[0]), cache)


class GroupNorm(Affine):
    """Normalize each example over groups of its channels, and over the image.

    Parameters
    ----------
    groups : int
        Number G of groups; 1 is layer normalization of the whole example, C is instance
        normalization.
    channels : int
        Number C, a multiple of G.
    spatial : int
        0 for rows (…, N, C), 2 for images (…, N, C, H, W).
    eps, lead, dtype, device
        See `Affine`.

    Raises
    ------
    ValueError
        If C is not a multiple of G, or the input has other channels.

    References
    ----------
    Y. Wu, K. He, "Group Normalization", ECCV 2018, eq. 7. arXiv:1803.08494.

    Examples
    --------
    >>> GroupNorm(2, 4, device="cpu")(np.array([[1.0, 3.0, 5.0, 9.0]])).round(3)
    array([[-1.,  1., -1.,  1.]])
    """

    def __init__(
        self,
        groups: int,
        channels: int,
        *,
        spatial: int = 0,
        eps: float = 1e-5,
        **kw: Any,
    ) -> None:
        if groups < 1 or channels % groups:
            raise ValueError(f"{channels} channels do not form {groups} groups")
        super().__init__(channels, spatial=spatial, eps=eps, **kw)
        self.groups = groups

    def forward(self, x: Array, *, train: bool = False) -> Array:
        check_channels(self, x, self.channels, self.spatial)
        xp = namespace(x)
        axes = tuple(range(-1 - self.spatial, 0))  # channels of a group, and image
        grouped, statistics = normalize_forward(self._split(x), axes, self.eps)
        xhat = xp.reshape(grouped, x.shape)
        self.cache = xhat, statistics
        return self._scale_and_shift(xhat)

    def _split(self, x: Array) -> Array:
        before = x.shape[: x.ndim - 1 - self.spatial]
        image = x.shape[x.ndim - self.spatial :]
        shape = (*before, self.groups, self.channels // self.groups, *image)
        return namespace(x).reshape(x, shape)  # (…, N, G, C/G, H, W)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        xhat, statistics = self._cached()
        dxhat = self._split(self._scale_and_shift_backward(dy, xhat))
        return namespace(dy).reshape(normalize_backward(dxhat, statistics), dy.shape)


class RMSNorm(Affine):
    r"""Divide each example by its root mean square; no mean, no shift.

    .. math:: y = \gamma \odot \frac{x}{\sqrt{\overline{x^2} + \epsilon}}

    Parameters
    ----------
    features : int
        Length D of the last axis of (…, N, D).
    eps : float
        Inside the root. The paper has none; torch's default is the machine epsilon.
    lead, dtype, device
        See `Affine`.

    Raises
    ------
    ValueError
        If the last axis has another length.

    References
    ----------
    B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, eq. 4.
    arXiv:1910.07467.

    Examples
    --------
    >>> RMSNorm(2, device="cpu")(np.array([[3.0, 3.0]])).round(3)
    array([[1., 1.]])
    """

    def __init__(self, features: int, *, eps: float = 1e-6, **kw: Any) -> None:
        super().__init__(features, eps=eps, shift=False, **kw)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        check_channels(self, x, self.channels, 0)
        xp = namespace(x)
        scale = 1 / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + self.eps)
        xhat = x * scale
        self.cache = xhat, scale
        return self._scale_and_shift(xhat)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        xhat, scale = self._cached()
        dxhat = self._scale_and_shift_backward(dy, xhat)
        along = namespace(dy).mean(dxhat * xhat, axis=-1, keepdims=True)
        return scale * (dxhat - xhat * along)

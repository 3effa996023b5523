"""Layers: pure forward and backward formulas, and the thin classes that hold state.

A layer computes ``y = forward(x, train=…)`` and, given ``dy`` = ∂L/∂y, returns
``dx = backward(dy)`` and overwrites its ``grads``. ``train`` is an argument, never a
mode. Arrays are ``(…, N, D)``: leading axes are stacked models.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nnlib.activations import (
    ELEMENTWISE,
    maxout,
    maxout_backward,
    prelu,
    prelu_backward,
)
from nnlib.backend import Array, matmul_into, namespace, sum_into
from nnlib.init import constant, he_normal


class Layer:
    """Base of all layers: dictionaries of parameters, gradients and buffers.

    Attributes
    ----------
    lead : tuple
        Leading axes of stacked models, ``()`` for a single one.
    params, grads : dict of name to array
        Learned arrays and, after `backward`, the gradients in the same shapes.
    buffers : dict of name to array
        State that is saved but not learned, such as running statistics.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by
    back-propagating errors", Nature 323, 1986.

    Examples
    --------
    >>> Layer().params
    {}
    """

    lead: tuple[int, ...] = ()

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.cache: Any = None

    def sublayers(self) -> list["Layer"]:
        """Return the layers inside this one; a plain layer has none."""
        return []

    def forward(self, x: Array, *, train: bool = False) -> Array:
        """Return the output for `x` and keep what `backward` needs."""
        raise NotImplementedError

    def backward(self, dy: Array) -> Array:
        """Return ∂L/∂x from ∂L/∂y and overwrite `grads`."""
        raise NotImplementedError

    def __call__(self, x: Array) -> Array:
        """Evaluate: ``forward(x, train=False)``."""
        return self.forward(x, train=False)

    def _cached(self) -> Any:
        if self.cache is None:
            raise RuntimeError(f"{type(self).__name__}.backward called before forward")
        return self.cache

    def _store(self, **grads: Array) -> None:
        """Write gradients into `grads`, in place where a model has made it a view."""
        for name, g in grads.items():
            if name in self.grads:
                self.grads[name][...] = g
            else:
                self.grads[name] = g


def leaves(layers: Sequence[Layer], prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Walk through layers and the layers inside them, with their paths.

    References
    ----------
    nnlib's own naming: ``"0"``, ``"2.1"`` for the second layer inside the third.

    Examples
    --------
    >>> [path for path, _ in leaves([Activation("relu"), Activation("tanh")])]
    ['0', '1']
    """
    for i, layer in enumerate(layers):
        path = f"{prefix}{i}"
        yield path, layer
        yield from leaves(layer.sublayers(), f"{path}.")


def per_channel(p: Array, spatial: int) -> Array:
    """View one number per channel so that it broadcasts over rows or images.

    Parameters
    ----------
    p : array of shape (…, C)
    spatial : int
        Axes that follow the channels: 0 for (…, N, C), 2 for (…, N, C, H, W).

    Returns
    -------
    array of shape (…, 1, C) or (…, 1, C, 1, 1)

    References
    ----------
    Python array API standard, "Broadcasting".

    Examples
    --------
    >>> per_channel(np.zeros((5, 3)), spatial=2).shape
    (5, 1, 3, 1, 1)
    """
    return p[(..., None, slice(None), *[None] * spatial)]


def check_channels(layer: Layer, x: Array, channels: int, spatial: int) -> None:
    """Raise a clear error for an input with the wrong axes or channels.

    Raises
    ------
    ValueError
        Naming the layer, the shape it expects and the shape it got.

    References
    ----------
    nnlib's own rule.

    Examples
    --------
    >>> check_channels(Layer(), np.zeros((2, 3)), channels=3, spatial=2)
    Traceback (most recent call last):
    ...
    ValueError: Layer expects (…, N, 3, H, W), got (2, 3)
    """
    if x.ndim < 2 + spatial or x.shape[-1 - spatial] != channels:
        expected = ", ".join(["…", "N", str(channels), *["H", "W"][:spatial]])
        name, shape = type(layer).__name__, tuple(x.shape)
        raise ValueError(f"{name} expects ({expected}), got {shape}")


def linear_forward(x: Array, W: Array, b: Array | None = None) -> tuple[Array, Any]:
    """Compute ``y = x W + b``.

    Parameters
    ----------
    x : array of shape (…, N, D)
    W : array of shape (…, D, H)
        The transpose of what torch stores.
    b : array of shape (…, H), optional

    Returns
    -------
    y : array of shape (…, N, H)
    cache : what `linear_backward` needs

    References
    ----------
    I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 6.5.

    Examples
    --------
    >>> y, _ = linear_forward(np.ones((1, 2)), np.ones((2, 3)), np.zeros(3))
    >>> y
    array([[2., 2., 2.]])
    """
    y = x @ W  # (…, N, H)
    if b is not None:
        y += b[..., None, :]
    return y, (x, W)


def linear_backward(
    dy: Array,
    cache: Any,
    *,
    out: dict[str, Array] | None = None,
    input_gradient: bool = True,
) -> tuple[Array | None, Array, Array | None]:
    r"""Return the gradients of a linear layer.

    .. math:: dx = dy\,W^\top, \qquad dW = x^\top dy, \qquad db = \sum_n dy_n

    Parameters
    ----------
    dy : array of shape (…, N, H)
    cache : from `linear_forward`
    out : dict with "W" and perhaps "b", optional
        Arrays to write dW and db into.
    input_gradient : bool
        The first layer of a network can skip dx, a third of its work.

    Returns
    -------
    dx (or None), dW, db : arrays in the shapes of x, W, b
        When stacked layers share an x of shape (N, D), dx still has a leading axis:
        one gradient per model.

    References
    ----------
    Goodfellow, Bengio, Courville 2016, algorithm 6.4.

    Examples
    --------
    >>> _, cache = linear_forward(np.ones((1, 2)), np.ones((2, 3)))
    >>> dx, dW, db = linear_backward(np.ones((1, 3)), cache)
    >>> dx.shape, dW.shape, db.shape
    ((1, 2), (2, 3), (3,))
    """
    x, W = cache
    if out is None:
        dW, db = x.mT @ dy, namespace(dy).sum(dy, axis=-2)
    else:
        dW, db = out["W"], out.get("b")
        matmul_into(x.mT, dy, dW)
        if db is not None:
            sum_into(dy, -2, db)
    return (dy @ W.mT if input_gradient else None), dW, db


class Linear(Layer):
    """Dense layer ``y = x W + b`` with W of shape ``(*lead, D_in, D_out)``.

    Parameters
    ----------
    d_in, d_out : int
        Numbers of inputs and outputs.
    rng : numpy.random.Generator
        Draws the weights; biases start at 0.
    init : callable
        A function of `nnlib.init`.
    bias : bool
        Whether to add b.
    lead : tuple
        ``(K,)`` stacks K independent layers.
    dtype, device
        See `nnlib.backend.asarray`.

    Raises
    ------
    ValueError
        If an input does not have D_in columns.

    References
    ----------
    Goodfellow, Bengio, Courville 2016, chapter 6.

    Examples
    --------
    >>> layer = Linear(2, 3, rng=np.random.default_rng(0), device="cpu")
    >>> layer(np.ones((4, 2), dtype=np.float32)).shape
    (4, 3)
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        rng: np.random.Generator,
        init: Callable[..., Array] = he_normal,
        bias: bool = True,
        lead: tuple[int, ...] = (),
        dtype: Any = np.float32,
        device: str | None = None,
    ) -> None:
        super().__init__()
        self.lead = tuple(lead)
        where = {"lead": self.lead, "dtype": dtype, "device": device}
        self.params["W"] = init((d_in, d_out), rng=rng, **where)
        if bias:
            self.params["b"] = constant((d_out,), **where)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        W = self.params["W"]
        check_channels(self, x, W.shape[-2], spatial=0)
        y, self.cache = linear_forward(x, W, self.params.get("b"))
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        cache = self._cached()
        if self.grads:
            out = self.grads
            return linear_backward(dy, cache, out=out, input_gradient=input_gradient)[0]
        dx, dW, db = linear_backward(dy, cache, input_gradient=input_gradient)
        self.grads = {"W": dW, "b": db} if "b" in self.params else {"W": dW}
        return dx


class Activation(Layer):
    """An elementwise activation by name, see `nnlib.activations`.

    Parameters
    ----------
    name : str
        A key of ``nnlib.activations.ELEMENTWISE``.
    **options
        Passed to both functions of the pair, e.g. ``slope=0.2``.

    Raises
    ------
    ValueError
        If the name is unknown.

    References
    ----------
    See the functions in `nnlib.activations`.

    Examples
    --------
    >>> Activation("relu")(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        if name not in ELEMENTWISE:
            known = ", ".join(ELEMENTWISE)
            raise ValueError(f"activation {name!r} is not one of {known}")
        self.name, self.options = name, options
        self._forward, self._backward, self._reads = ELEMENTWISE[name]

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y = self._forward(x, **self.options)
        self.cache = x if self._reads == "x" else y
        return y

    def backward(self, dy: Array) -> Array:
        return self._backward(dy, self._cached(), **self.options)


class Flatten(Layer):
    """Turn images ``(…, N, C, H, W)`` into rows ``(…, N, C·H·W)``.

    Parameters
    ----------
    axes : int
        How many trailing axes one example has.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
    document recognition", Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> Flatten()(np.zeros((5, 1, 8, 8))).shape
    (5, 64)
    """

    def __init__(self, axes: int = 3) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Array, *, train: bool = False) -> Array:
        if x.ndim <= self.axes:
            shape = tuple(x.shape)
            raise ValueError(f"Flatten expects a batch axis before {shape}")
        example = tuple(x.shape[x.ndim - self.axes :])
        self.cache = example
        head = tuple(x.shape[: x.ndim - self.axes])
        return namespace(x).reshape(x, (*head, math.prod(example)))  # (…, N, C·H·W)

    def backward(self, dy: Array) -> Array:
        return namespace(dy).reshape(dy, (*dy.shape[:-1], *self._cached()))


class PReLU(Layer):
    r"""Leaky ReLU that learns its slope a, one per layer or one per channel.

    Parameters
    ----------
    channels : int
        1 for one shared slope, else the number C of channels.
    a : float
        First value of the slope.
    spatial : int
        Axes that follow the channels: 0 for rows (…, N, C), 2 for images.
    lead, dtype, device
        See `Linear`.

    Raises
    ------
    ValueError
        If an input has another number of channels.

    Notes
    -----
    Weight decay would pull the slope to 0, a plain ReLU; the authors use none here.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", ICCV 2015, section
    2.1. arXiv:1502.01852.

    Examples
    --------
    >>> PReLU(device="cpu")(np.array([[-1.0, 2.0]]))
    array([[-0.25,  2.  ]])
    """

    def __init__(
        self,
        channels: int = 1,
        *,
        a: float = 0.25,
        spatial: int = 0,
        lead: tuple[int, ...] = (),
        dtype: Any = np.float32,
        device: str | None = None,
    ) -> None:
        super().__init__()
        self.lead, self.spatial = tuple(lead), spatial
        where = {"lead": self.lead, "dtype": dtype, "device": device}
        self.params["a"] = constant((channels,), a, **where)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        a = self.params["a"]
        if a.shape[-1] > 1:
            check_channels(self, x, a.shape[-1], self.spatial)
        self.cache = x
        return prelu(x, per_channel(a, self.spatial))

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        x, a = self._cached(), self.params["a"]
        dx, da = prelu_backward(dy, x, per_channel(a, self.spatial))
        images = tuple(range(-self.spatial, 0))
        axes = (-2 - self.spatial, *images)  # the batch and the image
        if a.shape[-1] == 1:  # and the channels, which share it
            axes = (*axes, -1 - self.spatial)
        xp = namespace(dy)
        self._store(a=xp.reshape(xp.sum(da, axis=axes), a.shape))
        return dx


class Maxout(Layer):
    """The largest of each group of neighboring columns, see `nnlib.activations.maxout`.

    Parameters
    ----------
    pieces : int
        Columns per group. After ``Linear(D, H · pieces)`` it makes H maxout units.

    Raises
    ------
    ValueError
        If the columns do not form whole groups.

    References
    ----------
    I. J. Goodfellow et al., "Maxout Networks", ICML 2013, section 3. arXiv:1302.4389.

    Examples
    --------
    >>> Maxout(2)(np.array([[1.0, 4.0, 3.0, 2.0]]))
    array([[4., 3.]])
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Array, *, train: bool = False) -> Array:
        self.cache = x
        return maxout(x, self.pieces)

    def backward(self, dy: Array) -> Array:
        return maxout_backward(dy, self._cached(), self.pieces)

"""Layers: pure forward and backward formulas, and the thin classes that hold state.

A layer computes ``y = forward(x, train=…)`` and, given ``dy`` = ∂L/∂y, returns
``dx = backward(dy)`` and overwrites its ``grads``. ``train`` is an argument, never a
mode. Arrays are ``(…, N, D)``: leading axes are stacked models.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlib.activations import ELEMENTWISE
from nnlib.backend import Array, matmul_into, namespace
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
) -> tuple[Array | None, Array, Array]:
    r"""Return the gradients of a linear layer.

    .. math:: dx = dy\,W^\top, \qquad dW = x^\top dy, \qquad db = \sum_n dy_n

    Parameters
    ----------
    dy : array of shape (…, N, H)
    cache : from `linear_forward`
    out : dict with "W" and "b", optional
        Arrays to write dW and db into.
    input_gradient : bool
        The first layer of a network can skip dx, a third of its work.

    Returns
    -------
    dx (or None), dW, db : arrays in the shapes of x, W, b

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
    db = namespace(dy).sum(dy, axis=-2)
    if out is None:
        dW = x.mT @ dy
    else:
        dW = out["W"]
        matmul_into(x.mT, dy, dW)
        if "b" in out:
            out["b"][...] = db
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
        if x.ndim < 2 or x.shape[-1] != W.shape[-2]:
            raise ValueError(
                f"Linear expects (…, N, {W.shape[-2]}), got {tuple(x.shape)}"
            )
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
        self.cache = x.shape
        head = x.shape[: x.ndim - self.axes]
        width = int(np.prod(x.shape[x.ndim - self.axes :]))
        return namespace(x).reshape(x, (*head, width))  # (…, N, C·H·W)

    def backward(self, dy: Array) -> Array:
        return namespace(dy).reshape(dy, self._cached())

r"""Convolution: one matrix product over all windows of the images.

The windows of an image become the columns of a matrix, by one slice copy per kernel
entry; the weights are the other factor. The images are taken in blocks whose columns
fit the processor's cache, with the image index last, so that each slice copy moves long
runs of memory. Nothing but the input is kept for the backward pass: its columns are
formed again, which is cheaper than to store them.

Arrays of torch take torch's own kernels, see `nnlib.conv_torch`.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlib import conv_torch
from nnlib.backend import Array, blocks, device_of, namespace
from nnlib.init import constant, he_normal
from nnlib.layers import Layer, check_channels

COLUMN_ELEMENTS = 200_000  # per block; 0.8 MB in float32, about a core's L2 cache


def out_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return how many windows fit along one axis.

    Raises
    ------
    ValueError
        If not even one fits.

    References
    ----------
    V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
    relationship 6. arXiv:1603.07285.

    Examples
    --------
    >>> out_size(28, kernel=5, stride=1, padding=2), out_size(7, 2, 2, 0)
    (28, 3)
    """
    windows = (size + 2 * padding - kernel) // stride + 1
    if windows < 1:
        raise ValueError(
            f"a window of {kernel} does not fit {size} pixels with padding {padding}"
        )
    return windows


def columns(x: Array, kernel: tuple[int, int], stride: int, padding: int) -> Array:
    """Copy every window of the images into a column (im2col).

    Parameters
    ----------
    x : array of shape (K, N, C, H, W)
    kernel : pair of int
        Height and width of the window.
    stride, padding : int

    Returns
    -------
    array of shape (K, C · kh · kw, H' · W' · N)
        A row is one entry of the kernel, a column one window of one image.

    References
    ----------
    K. Chellapilla, S. Puri, P. Simard, "High Performance Convolutional Neural Networks
    for Document Processing", IWFHR 2006, section 2.1.

    Examples
    --------
    >>> image = np.arange(9.0).reshape(1, 1, 1, 3, 3)
    >>> columns(image, (2, 2), stride=1, padding=0)[0].T  # the four windows as rows
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    xp = namespace(x)
    padded = _images_last(x, padding)  # (K, C, H + 2p, W + 2p, N)
    K, C, H, W, N = padded.shape
    kh, kw = kernel
    rows, cols = out_size(H, kh, stride, 0), out_size(W, kw, stride, 0)
    shape = (K, C, kh, kw, rows, cols, N)
    out = xp.empty(shape, dtype=x.dtype, device=x.device)
    for i, j, window in _windows(kernel, rows, cols, stride):
        out[:, :, i, j, ...] = padded[window]
    return xp.reshape(out, (K, C * kh * kw, rows * cols * N))


def columns_backward(
    dcolumns: Array,
    shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: int,
    padding: int,
) -> Array:
    """Add every column back into the pixels that it was copied from (col2im).

    Parameters
    ----------
    dcolumns : array of shape (K, C · kh · kw, H' · W' · N)
    shape : tuple
        Of the images, (K, N, C, H, W).
    kernel, stride, padding
        As in `columns`.

    Returns
    -------
    array of shape (K, N, C, H, W)

    References
    ----------
    Chellapilla, Puri, Simard 2006, see `columns`.

    Examples
    --------
    >>> ones = np.ones((1, 4, 4))
    >>> columns_backward(ones, (1, 1, 1, 3, 3), (2, 2), stride=1, padding=0)[0, 0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    xp = namespace(dcolumns)
    K, N, C, H, W = shape
    kh, kw = kernel
    H, W = H + 2 * padding, W + 2 * padding
    rows, cols = out_size(H, kh, stride, 0), out_size(W, kw, stride, 0)
    d = xp.reshape(dcolumns, (K, C, kh, kw, rows, cols, N))
    dx = xp.zeros((K, C, H, W, N), dtype=d.dtype, device=d.device)
    for i, j, window in _windows(kernel, rows, cols, stride):
        dx[window] += d[:, :, i, j, ...]
    inside = dx[:, :, padding : H - padding, padding : W - padding, :]
    return xp.permute_dims(inside, (0, 4, 1, 2, 3))


def _images_last(x: Array, padding: int) -> Array:
    """Pad with zeros and move the image index last: (K, C, H + 2p, W + 2p, N)."""
    xp = namespace(x)
    K, N, C, H, W = x.shape
    shape = (K, C, H + 2 * padding, W + 2 * padding, N)
    create = xp.zeros if padding else xp.empty
    padded = create(shape, dtype=x.dtype, device=x.device)
    inside = padded[:, :, padding : padding + H, padding : padding + W, :]
    inside[...] = xp.permute_dims(x, (0, 2, 3, 4, 1))
    return padded


def _windows(
    kernel: tuple[int, int], rows: int, cols: int, stride: int
) -> Iterator[tuple[int, int, Any]]:
    """Yield each kernel entry (i, j) and the index of the pixels it meets."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            down = slice(i, i + stride * (rows - 1) + 1, stride)
            right = slice(j, j + stride * (cols - 1) + 1, stride)
            yield i, j, (slice(None), slice(None), down, right, ...)


def _blocks(K: int, N: int, size: int) -> Iterator[tuple[slice, slice]]:
    """Cut models and images so that a block of columns fits the cache.

    How the images are cut does not depend on the number of models: a stack adds in the
    same order as a single model.
    """
    n = min(N, max(1, COLUMN_ELEMENTS // size))
    for models in blocks(K, n * size, COLUMN_ELEMENTS):
        for images in blocks(N, size, COLUMN_ELEMENTS):
            yield models, images


def conv2d_forward(
    x: Array, W: Array, b: Array | None = None, *, stride: int = 1, padding: int = 0
) -> tuple[Array, Any]:
    r"""Slide C_out kernels over the images (a cross-correlation, as everywhere).

    .. math:: y_{n,o,r,s} = b_o + \sum_{c,i,j} W_{o,c,i,j}\,
              x_{n,\,c,\,\mathrm{stride}\cdot r + i,\,\mathrm{stride}\cdot s + j}

    Parameters
    ----------
    x : array of shape (…, N, C, H, W)
    W : array of shape (…, C_out, C, kh, kw)
    b : array of shape (…, C_out), optional
    stride : int
        Pixels from window to window.
    padding : int
        Pixels of zeros on each side.

    Returns
    -------
    y : array of shape (…, N, C_out, H', W')
    cache : what `conv2d_backward` needs

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
    document recognition", Proceedings of the IEEE 86(11), 1998, section II.A.

    Examples
    --------
    >>> image, edge = np.zeros((1, 1, 1, 3)), np.array([[[[-1.0, 1.0]]]])
    >>> image[..., 1] = 1.0
    >>> conv2d_forward(image, edge)[0][0, 0]
    array([[ 1., -1.]])
    """
    xp = namespace(x)
    *lead, C_out, C, kh, kw = W.shape
    N, _, height, width = x.shape[-4:]
    rows = out_size(height, kh, stride, padding)
    cols = out_size(width, kw, stride, padding)
    K, size = math.prod(lead), C * kh * kw
    if device_of(x) in ("torch", "cuda") and K * N > 0:
        y = conv_torch.forward(x, W, b, stride, padding)
        return y, (x, W, stride, padding)
    models = math.prod(x.shape[:-4])  # K, or 1 where stacked models share x
    images = xp.reshape(x, (models, *x.shape[-4:]))
    kernels = xp.reshape(W, (K, C_out, size))
    y = xp.empty((K, N, C_out, rows * cols), dtype=W.dtype, device=W.device)
    for k, n in _blocks(K, N, size * rows * cols):
        part = images[k if models == K else slice(None), n, ...]
        z = kernels[k, ...] @ columns(part, (kh, kw), stride, padding)
        if b is not None:
            z += xp.reshape(b, (K, C_out))[k, :][..., None]
        z = xp.reshape(z, (*z.shape[:2], rows * cols, -1))  # (K, C_out, H'·W', N)
        y[k, n, ...] = xp.permute_dims(z, (0, 3, 1, 2))
    y = xp.reshape(y, (*lead, N, C_out, rows, cols))
    return y, (x, W, stride, padding)


def conv2d_backward(
    dy: Array, cache: Any, *, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """Return the gradients of a convolution.

    Parameters
    ----------
    dy : array of shape (…, N, C_out, H', W')
    cache : from `conv2d_forward`
    input_gradient : bool
        The first layer of a network can skip dx.

    Returns
    -------
    dx (or None), dW, db : arrays in the shapes of x, W, b

    References
    ----------
    Chellapilla, Puri, Simard 2006, section 2.2, see `columns`.

    Examples
    --------
    >>> _, cache = conv2d_forward(np.ones((1, 1, 1, 3)), np.ones((1, 1, 1, 2)))
    >>> dx, dW, db = conv2d_backward(np.ones((1, 1, 1, 2)), cache)
    >>> dx[0, 0], dW[0, 0], db
    (array([[1., 2., 1.]]), array([[2., 2.]]), array([2.]))
    """
    x, W, stride, padding = cache
    xp = namespace(x)
    *lead, C_out, C, kh, kw = W.shape
    N, _, rows, cols = dy.shape[-4:]
    K, size = math.prod(lead), C * kh * kw
    if device_of(x) in ("torch", "cuda") and K * N > 0:
        return conv_torch.backward(dy, cache, input_gradient)
    models = math.prod(x.shape[:-4])
    images = xp.reshape(x, (models, *x.shape[-4:]))
    kernels = xp.reshape(W, (K, C_out, size))
    errors = xp.reshape(dy, (K, N, C_out, rows * cols))
    where = {"dtype": W.dtype, "device": W.device}
    dW, db = xp.zeros((K, C_out, size), **where), xp.zeros((K, C_out), **where)
    dx = xp.empty((K, *x.shape[-4:]), **where) if input_gradient else None
    for k, n in _blocks(K, N, size * rows * cols):
        part = images[k if models == K else slice(None), n, ...]
        d = xp.permute_dims(errors[k, n, ...], (0, 2, 3, 1))  # (K, C_out, H'·W', N)
        d = xp.reshape(d, (*d.shape[:2], -1))
        db[k, ...] += xp.sum(d, axis=-1)
        dW[k, ...] += d @ columns(part, (kh, kw), stride, padding).mT
        if dx is not None:
            dcolumns = kernels[k, ...].mT @ d
            shape = (d.shape[0], *part.shape[1:])
            dx[k, n, ...] = columns_backward(dcolumns, shape, (kh, kw), stride, padding)
    if dx is not None:
        dx = xp.reshape(dx, (*lead, *x.shape[-4:]))
    return dx, xp.reshape(dW, W.shape), xp.reshape(db, (*lead, C_out))


class Conv2d(Layer):
    """Convolution with W of shape ``(*lead, C_out, C_in, kh, kw)``.

    Parameters
    ----------
    c_in, c_out : int
        Numbers of input and output channels.
    kernel : int or pair of int
        Height and width of the window.
    stride, padding : int
        See `conv2d_forward`.
    rng, init, bias, lead, dtype, device
        See `nnlib.layers.Linear`.

    Raises
    ------
    ValueError
        If the input is not (N, C_in, H, W) or (*lead, N, C_in, H, W), no window fits
        it, or a size is not positive.

    References
    ----------
    LeCun, Bottou, Bengio, Haffner 1998, see `conv2d_forward`.

    Examples
    --------
    >>> layer = Conv2d(1, 6, 5, padding=2, rng=np.random.default_rng(0), device="cpu")
    >>> layer(np.zeros((4, 1, 28, 28), dtype=np.float32)).shape
    (4, 6, 28, 28)
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int = 0,
        rng: np.random.Generator,
        init: Callable[..., Array] = he_normal,
        bias: bool = True,
        lead: tuple[int, ...] = (),
        dtype: Any = np.float32,
        device: str | None = None,
    ) -> None:
        super().__init__()
        kh, kw = (kernel, kernel) if isinstance(kernel, int) else kernel
        if min(c_in, c_out, kh, kw, stride) < 1 or padding < 0:
            raise ValueError(
                f"channels, kernel and stride must be positive, padding at least 0, "
                f"not {c_in}, {c_out}, {kernel}, {stride}, {padding}"
            )
        self.stride, self.padding, self.lead = stride, padding, tuple(lead)
        where = {"lead": self.lead, "dtype": dtype, "device": device}
        self.params["W"] = init((c_out, c_in, kh, kw), rng=rng, **where)
        if bias:
            self.params["b"] = constant((c_out,), **where)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        W, b = self.params["W"], self.params.get("b")
        check_channels(self, x, W.shape[-3], spatial=2)
        if tuple(x.shape[:-4]) not in ((), self.lead):
            shape = tuple(x.shape)
            raise ValueError(f"Conv2d has the leading axes {self.lead}, got {shape}")
        y, self.cache = conv2d_forward(
            x, W, b, stride=self.stride, padding=self.padding
        )
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        cache = self._cached()
        dx, dW, db = conv2d_backward(dy, cache, input_gradient=input_gradient)
        self._store(W=dW)
        if "b" in self.params:
            self._store(b=db)
        return dx

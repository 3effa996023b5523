"""Pooling: one number per window of an image, its maximum or its mean.

A window's maximum is the maximum over its rows of the maxima along each row, so both
poolings run along one axis, then along the other, on strided slices.
"""

from typing import Any

from nnlib.backend import Array, namespace
from nnlib.conv import out_size
from nnlib.layers import Layer


def _offsets(x: Array, size: int, stride: int, axis: int) -> list[Any]:
    """Return the index of the first, second, … entry of all windows along one axis."""
    span = stride * (out_size(x.shape[axis], size, stride, 0) - 1) + 1
    after = (slice(None),) * (-1 - axis)
    return [(..., slice(i, i + span, stride), *after) for i in range(size)]


def max_along(x: Array, size: int, stride: int, axis: int) -> Array:
    """Take the maximum of each window along one axis, -1 or -2.

    References
    ----------
    Y.-L. Boureau, J. Ponce, Y. LeCun, "A Theoretical Analysis of Feature Pooling in
    Visual Recognition", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> max_along(np.array([1.0, 4.0, 3.0, 2.0]), size=2, stride=2, axis=-1)
    array([4., 3.])
    """
    xp = namespace(x)
    first, *others = _offsets(x, size, stride, axis)
    y = x[first]
    for index in others:
        y = xp.maximum(y, x[index])
    return y


def max_along_backward(
    dy: Array, x: Array, y: Array, size: int, stride: int, axis: int
) -> Array:
    """Send dy to the first entry of each window that equals the maximum.

    References
    ----------
    Boureau, Ponce, LeCun 2010, see `max_along`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, 4.0, 3.0, 3.0])
    >>> y = max_along(x, size=2, stride=2, axis=-1)
    >>> max_along_backward(np.ones(2), x, y, size=2, stride=2, axis=-1)
    array([0., 1., 1., 0.])
    """
    xp = namespace(dy)
    shape = (*dy.shape[: dy.ndim - x.ndim], *x.shape)  # dy may bring a model axis
    dx = xp.zeros(shape, dtype=dy.dtype, device=dy.device)
    *before, last = _offsets(x, size, stride, axis)
    for index in before:
        here = dy * xp.astype(x[index] == y, dy.dtype)
        dx[index] += here
        dy = dy - here  # what is left for later entries
    dx[last] += dy
    return dx


class MaxPool2d(Layer):
    """The maximum of each window, channel by channel.

    Parameters
    ----------
    size : int
        Height and width of the window, in pixels.
    stride : int, optional
        Pixels from window to window; `size` by default.

    Raises
    ------
    ValueError
        If the window does not fit the image, or a size is not positive.

    Notes
    -----
    Rows and columns that do not fill a window are left out. Among equal pixels the
    first in reading order gets the gradient. Both as in torch.

    References
    ----------
    Boureau, Ponce, LeCun 2010, see `max_along`.

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """

    def __init__(self, size: int, stride: int | None = None) -> None:
        super().__init__()
        self.size, self.stride = size, size if stride is None else stride
        if min(self.size, self.stride) < 1:
            raise ValueError(f"size and stride must be positive: {size}, {stride}")

    def forward(self, x: Array, *, train: bool = False) -> Array:
        along = max_along(x, self.size, self.stride, -1)  # (…, C, H, W')
        y = max_along(along, self.size, self.stride, -2)  # (…, C, H', W')
        self.cache = x, along, y
        return y

    def backward(self, dy: Array) -> Array:
        x, along, y = self._cached()
        dalong = max_along_backward(dy, along, y, self.size, self.stride, -2)
        return max_along_backward(dalong, x, along, self.size, self.stride, -1)


class AvgPool2d(Layer):
    """The mean of each window, channel by channel.

    Parameters
    ----------
    size, stride
        See `MaxPool2d`.

    Raises
    ------
    ValueError
        If the window does not fit the image, or a size is not positive.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
    document recognition", Proceedings of the IEEE 86(11), 1998, section II.B, whose
    sub-sampling layer also learns a scale and a shift.

    Examples
    --------
    >>> import numpy as np
    >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """

    def __init__(self, size: int, stride: int | None = None) -> None:
        super().__init__()
        self.size, self.stride = size, size if stride is None else stride
        if min(self.size, self.stride) < 1:
            raise ValueError(f"size and stride must be positive: {size}, {stride}")

    def forward(self, x: Array, *, train: bool = False) -> Array:
        self.cache = tuple(x.shape[-2:])
        for axis in (-1, -2):
            first, *others = _offsets(x, self.size, self.stride, axis)
            total = x[first] * (1 / self.size)
            for index in others:
                total += x[index] * (1 / self.size)
            x = total
        return x

    def backward(self, dy: Array) -> Array:
        xp = namespace(dy)
        height, width = self._cached()
        dy = dy * (1 / self.size**2)
        for axis, length in ((-2, height), (-1, width)):
            shape = list(dy.shape)
            shape[axis] = length
            dx = xp.zeros(tuple(shape), dtype=dy.dtype, device=dy.device)
            for index in _offsets(dx, self.size, self.stride, axis):
                dx[index] += dy
            dy = dx
        return dy


class GlobalAvgPool2d(Layer):
    """The mean of each channel over the whole image: (…, N, C, H, W) to (…, N, C).

    Raises
    ------
    ValueError
        If the input is not (…, N, C, H, W).

    References
    ----------
    M. Lin, Q. Chen, S. Yan, "Network In Network", ICLR 2014, section 3.2.
    arXiv:1312.4400.

    Examples
    --------
    >>> import numpy as np
    >>> GlobalAvgPool2d()(np.arange(4.0).reshape(1, 1, 2, 2))
    array([[1.5]])
    """

    def forward(self, x: Array, *, train: bool = False) -> Array:
        if x.ndim < 4:
            raise ValueError(f"expected (…, N, C, H, W), got {tuple(x.shape)}")
        self.cache = tuple(x.shape[-2:])
        return namespace(x).mean(x, axis=(-2, -1))

    def backward(self, dy: Array) -> Array:
        xp = namespace(dy)
        height, width = self._cached()
        dx = dy[..., None, None] / (height * width)
        return xp.asarray(xp.broadcast_to(dx, (*dy.shape, height, width)), copy=True)

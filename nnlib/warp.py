r"""Geometry of images: where each pixel of the result comes from.

A warp is computed backwards: for every pixel of the output, a map gives a point of the
input, and `bilinear` reads the image there. Nothing is left out and nothing is written
twice. Points are ``(row, column)`` in pixels; images are ``(N, C, H, W)``.
"""

from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, device_of, namespace


def bilinear(
    x: Array, rows: Array, columns: Array, *, fill: float | None = 0.0
) -> Array:
    r"""Read images between their pixels.

    .. math:: y = (1-a)\,[(1-b)\,x_{00} + b\,x_{01}] + a\,[(1-b)\,x_{10} + b\,x_{11}]

    with a, b the fractional parts of row and column, x the four pixels around.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    rows, columns : arrays of shape (N, H', W')
        Where to read, in pixels; whole numbers are pixel centers.
    fill : float or None
        Value of the plane outside of the image; None repeats the nearest border pixel.

    Returns
    -------
    array of shape (N, C, H', W')

    Notes
    -----
    ``torch.nn.functional.grid_sample(…, align_corners=True)`` does the same in
    coordinates from -1 to 1.

    References
    ----------
    M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, "Spatial Transformer
    Networks", NeurIPS 2015, eq. 5. arXiv:1506.02025.

    Examples
    --------
    >>> x = np.array([[[[0.0, 2.0], [4.0, 6.0]]]])
    >>> bilinear(x, np.full((1, 1, 1), 0.5), np.full((1, 1, 1), 0.25))
    array([[[[2.5]]]])
    """
    xp = namespace(x)
    n, c, h, w = check_images(x)
    rows, columns = xp.astype(rows, x.dtype), xp.astype(columns, x.dtype)
    row, column = xp.floor(rows), xp.floor(columns)
    a, b = rows - row, columns - column
    pixels = xp.reshape(xp.permute_dims(x, (1, 0, 2, 3)), (c, n * h * w))
    image = xp.reshape(xp.arange(n, device=x.device) * (h * w), (n, 1, 1))
    shape = (c, *rows.shape)
    total = 0.0
    for dr, down in ((0, 1 - a), (1, a)):
        for dc, right in ((0, 1 - b), (1, b)):
            r, k = row + dr, column + dc
            rc = xp.minimum(xp.maximum(r, 0.0), float(h - 1))  # r moved into the image
            kc = xp.minimum(xp.maximum(k, 0.0), float(w - 1))
            index = image + xp.astype(rc, xp.int64) * w + xp.astype(kc, xp.int64)
            value = xp.reshape(xp.take(pixels, xp.reshape(index, (-1,)), axis=1), shape)
            if fill is not None:
                value = xp.where((r == rc) & (k == kc), value, fill)
            total = total + down * right * value  # (C, N, H', W')
    return xp.permute_dims(total, (1, 0, 2, 3))


def pixel_grid(height: int, width: int) -> np.ndarray:
    """Return the points of all pixels, row by row: shape (H·W, 2).

    References
    ----------
    Jaderberg et al. 2015, section 3.2.

    Examples
    --------
    >>> pixel_grid(1, 3)
    array([[0., 0.],
           [0., 1.],
           [0., 2.]])
    """
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows.ravel(), columns.ravel()], axis=-1).astype(np.float64)


def affine(
    x: Array,
    *,
    angle: Any = 0.0,
    scale: Any = 1.0,
    shear: Any = 0.0,
    shift: Any = (0.0, 0.0),
    fill: float | None = 0.0,
) -> Array:
    r"""Turn, scale, shear and move images about their middle.

    .. math:: p' = m + t + s\,R(\alpha)\,S\,(p - m)

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    angle : float or array of shape (N,)
        In degrees, counter-clockwise as one sees it.
    scale : float or array of shape (N,)
        Above 1 the content grows.
    shear : float or array of shape (N,)
        Columns that a point moves to the right per row that it lies higher.
    shift : pair of float or array of shape (N, 2)
        Rows down and columns to the right, in pixels.
    fill : float or None
        See `bilinear`.

    Returns
    -------
    array of the shape of x

    Raises
    ------
    ValueError
        If a scale is not positive, or x is not a batch of images.

    References
    ----------
    P. Y. Simard, D. Steinkraus, J. C. Platt, "Best Practices for Convolutional Neural
    Networks Applied to Visual Document Analysis", ICDAR 2003, section 2.

    Examples
    --------
    >>> x = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> affine(x, angle=90).round(6)[0, 0]
    array([[2., 4.],
           [1., 3.]])
    """
    n, _, h, w = check_images(x)
    angle, scale, shear = (
        np.broadcast_to(np.asarray(v, dtype=np.float64), (n,))
        for v in (angle, scale, shear)
    )
    shift = np.broadcast_to(np.asarray(shift, dtype=np.float64), (n, 2))
    if not np.all(scale > 0):
        raise ValueError(f"the scale must be positive, not {np.min(scale)}")
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    one, zero = np.ones(n), np.zeros(n)
    turn = np.stack([cos, -sin, sin, cos], axis=-1).reshape(n, 2, 2)  # (row, column)
    skew = np.stack([one, zero, -shear, one], axis=-1).reshape(n, 2, 2)
    back = np.linalg.inv(scale[:, None, None] * turn @ skew)  # output -> input
    middle = np.array([h - 1, w - 1]) / 2
    points = pixel_grid(h, w) - middle - shift[:, None]  # (N, H·W, 2)
    return sample_at(x, points @ back.mT + middle, (h, w), fill=fill)


def sample_at(
    x: Array, points: np.ndarray, size: tuple[int, int], *, fill: float | None = 0.0
) -> Array:
    """Read images at lists of points: `bilinear` for the output of a map.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    points : NumPy array of shape (N, H'·W', 2) or (H'·W', 2)
        Row and column for each pixel of the result, row by row.
    size : pair of int
        (H', W').
    fill : float or None
        See `bilinear`.

    Returns
    -------
    array of shape (N, C, H', W')

    References
    ----------
    Jaderberg et al. 2015, see `bilinear`.

    Examples
    --------
    >>> x = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> sample_at(x, pixel_grid(2, 2)[::-1], (2, 2))[0, 0]
    array([[4., 3.],
           [2., 1.]])
    """
    points = np.broadcast_to(points, (x.shape[0], *points.shape[-2:]))
    points = asarray(points.reshape(-1, *size, 2), device=device_of(x))
    return bilinear(x, points[..., 0], points[..., 1], fill=fill)


def resize(x: Array, size: tuple[int, int]) -> Array:
    """Stretch images to another size, e.g. a coarse map to the size of its image.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    size : pair of int
        New height and width, in pixels.

    Notes
    -----
    The outer edges of the images coincide, as in ``torch.nn.functional.interpolate``
    with ``align_corners=False``. To shrink a lot, average first.

    References
    ----------
    R. C. Gonzalez, R. E. Woods, "Digital Image Processing", 4th ed. 2018, section 2.4.

    Examples
    --------
    >>> resize(np.array([[[[0.0, 4.0]]]]), (1, 4))
    array([[[[0., 1., 3., 4.]]]])
    """
    _, _, h, w = check_images(x)
    factor = np.array([h, w]) / np.array(size)
    return sample_at(x, (pixel_grid(*size) + 0.5) * factor - 0.5, size, fill=None)


def crop(x: Array, top: np.ndarray, left: np.ndarray, size: tuple[int, int]) -> Array:
    """Cut a window out of each image, each at its own place.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    top, left : integer NumPy arrays of shape (N,)
        First row and first column of each window.
    size : pair of int
        Height and width of the windows, in pixels.

    Returns
    -------
    array of shape (N, C, *size)

    Raises
    ------
    ValueError
        If a window reaches beyond its image.

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NeurIPS 2012, section 4.1.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> crop(x, np.array([1]), np.array([0]), (2, 2))[0, 0]
    array([[3., 4.],
           [6., 7.]])
    """
    xp = namespace(x)
    n, c, h, w = check_images(x)
    top, left = np.asarray(top), np.asarray(left)
    if np.any((top < 0) | (left < 0) | (top + size[0] > h) | (left + size[1] > w)):
        raise ValueError(f"a window of {size} pixels reaches beyond images of {(h, w)}")
    rows = top[:, None] + np.arange(size[0])  # (N, H')
    columns = left[:, None] + np.arange(size[1])  # (N, W')
    index = rows[:, :, None] * w + columns[:, None, :]  # (N, H', W')
    index = index + (np.arange(n) * h * w)[:, None, None]
    pixels = xp.reshape(xp.permute_dims(x, (1, 0, 2, 3)), (c, n * h * w))
    index = asarray(index.reshape(-1), device=device_of(x))
    windows = xp.reshape(xp.take(pixels, index, axis=1), (c, n, *size))
    return xp.permute_dims(windows, (1, 0, 2, 3))


def pad(x: Array, width: int, *, fill: float = 0.0) -> Array:
    """Put a border of `width` pixels around images.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition",
    CVPR 2016, section 4.2 (pad, then crop at random). arXiv:1512.03385.

    Examples
    --------
    >>> pad(np.ones((1, 1, 1, 1)), 1)[0, 0]
    array([[0., 0., 0.],
           [0., 1., 0.],
           [0., 0., 0.]])
    """
    xp = namespace(x)
    n, c, h, w = check_images(x)
    shape = (n, c, h + 2 * width, w + 2 * width)
    out = xp.full(shape, fill, dtype=x.dtype, device=x.device)
    out[:, :, width : width + h, width : width + w] = x
    return out


def box_mask(
    x: Array, top: np.ndarray, left: np.ndarray, bottom: np.ndarray, right: np.ndarray
) -> Array:
    """Mark the pixels inside one box per image.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
        Gives the shape and the device.
    top, left, bottom, right : integer NumPy arrays of shape (N,)
        First row and column, and row and column after the last; they may lie outside.

    Returns
    -------
    Boolean array of shape (N, 1, H, W)

    References
    ----------
    T. DeVries, G. W. Taylor, "Improved Regularization of Convolutional Neural Networks
    with Cutout", 2017. arXiv:1708.04552.

    Examples
    --------
    >>> one, zero = np.array([1]), np.array([0])
    >>> box_mask(np.ones((1, 1, 2, 3)), one, zero, one + 1, one + 1)[0, 0]
    array([[False, False, False],
           [ True,  True, False]])
    """
    _, _, h, w = check_images(x)
    row, column = np.arange(h), np.arange(w)
    inside_rows = (row >= top[:, None]) & (row < bottom[:, None])  # (N, H)
    inside_columns = (column >= left[:, None]) & (column < right[:, None])  # (N, W)
    mask = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
    return asarray(mask, device=device_of(x))


def put_like(values: np.ndarray, x: Array) -> Array:
    """Put numbers where the images are, in their dtype.

    References
    ----------
    Python array API standard, ``asarray``.

    Examples
    --------
    >>> put_like(np.array([0.5]), np.ones(1, dtype=np.float32))
    array([0.5], dtype=float32)
    """
    return namespace(x).astype(asarray(values, device=device_of(x)), x.dtype)


def check_images(x: Array) -> tuple[int, int, int, int]:
    """Return the shape (N, C, H, W) of images.

    Raises
    ------
    ValueError
        If `x` has another number of axes.

    References
    ----------
    nnlib's own rule; torch has the same order of axes.

    Examples
    --------
    >>> check_images(np.zeros((5, 64)))
    Traceback (most recent call last):
    ...
    ValueError: images have shape (N, C, H, W), not (5, 64)
    """
    if x.ndim != 4:
        raise ValueError(f"images have shape (N, C, H, W), not {tuple(x.shape)}")
    return tuple(x.shape)

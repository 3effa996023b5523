r"""Augmentation: new training examples from old ones, a whole batch at a time.

Every function takes images ``(N, C, H, W)`` and a random generator and treats each
image differently; the arithmetic runs where the images are. Whether a change keeps the
label is the user's knowledge, not the function's: a flipped 6 is no 6.

The geometry is in `nnlib.warp` and `nnlib.tps`, blends of two examples are in
`nnlib.mixing`, crops by class activation maps in `nnlib.cam`; all can be had from here.
"""

import numpy as np

from nnlib.backend import Array, asarray, device_of, namespace
from nnlib.cam import cam_corners, cam_crop, class_activation_map
from nnlib.mixing import cutmix, mixup
from nnlib.tps import ThinPlateSpline, tps_warp
from nnlib.warp import (
    affine,
    bilinear,
    box_mask,
    check_images,
    crop,
    pad,
    pixel_grid,
    put_like,
    resize,
    sample_at,
)

__all__ = [
    "ThinPlateSpline",
    "add_noise",
    "affine",
    "bilinear",
    "cam_corners",
    "cam_crop",
    "class_activation_map",
    "color_jitter",
    "crop",
    "cutmix",
    "cutout",
    "mixup",
    "pad",
    "random_affine",
    "random_corners",
    "random_crop",
    "random_flip",
    "random_tps",
    "resize",
    "tps_warp",
]


def random_affine(
    x: Array,
    *,
    rng: np.random.Generator,
    angle: float = 0.0,
    scale: float = 0.0,
    shear: float = 0.0,
    shift: float = 0.0,
    fill: float | None = 0.0,
) -> Array:
    """Turn, scale, shear and move each image at random.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    rng : numpy.random.Generator
    angle : float
        Largest turn, in degrees either way.
    scale : float
        Largest relative change of size: 0.1 draws factors from 0.9 to 1.1.
    shear : float
        Largest shear, see `nnlib.warp.affine`.
    shift : float
        Largest shift along each axis, in pixels.
    fill : float or None
        See `nnlib.warp.bilinear`.

    Returns
    -------
    array of the shape of x

    Notes
    -----
    Shifts are not whole pixels: reading between pixels blurs a little.

    References
    ----------
    P. Y. Simard, D. Steinkraus, J. C. Platt, "Best Practices for Convolutional Neural
    Networks Applied to Visual Document Analysis", ICDAR 2003, section 2.

    Examples
    --------
    >>> x = np.ones((2, 1, 8, 8))
    >>> random_affine(x, rng=np.random.default_rng(0), angle=15, shift=1).shape
    (2, 1, 8, 8)
    """
    n = check_images(x)[0]
    return affine(
        x,
        angle=rng.uniform(-angle, angle, n),
        scale=1 + rng.uniform(-scale, scale, n),
        shear=rng.uniform(-shear, shear, n),
        shift=rng.uniform(-shift, shift, (n, 2)),
        fill=fill,
    )


def random_tps(
    x: Array,
    *,
    rng: np.random.Generator,
    strength: float = 1.0,
    grid: int = 4,
    fill: float | None = 0.0,
) -> Array:
    """Bend each image at random: a regular grid of points is jolted.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    rng : numpy.random.Generator
    strength : float
        Standard deviation of the points' moves, in pixels.
    grid : int
        Control points along each axis, at least 2.
    fill : float or None
        See `nnlib.warp.bilinear`.

    Returns
    -------
    array of the shape of x

    Raises
    ------
    ValueError
        If the grid has fewer than 2 points along an axis.

    Notes
    -----
    The grid stands regularly in the result, and its jolted points say where the image
    is read: so all images share one matrix. `nnlib.tps.tps_warp` moves given points.

    References
    ----------
    F. L. Bookstein, "Principal Warps", IEEE TPAMI 11(6), 1989. The random moves follow
    Simard, Steinkraus, Platt 2003 (elastic distortions).

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2, 1, 8, 8))
    >>> y = random_tps(x, rng=np.random.default_rng(0), strength=0.0)
    >>> bool(np.allclose(x, y))
    True
    """
    n, _, h, w = check_images(x)
    if grid < 2:
        raise ValueError(f"the grid needs at least 2 points along an axis, not {grid}")
    source = pixel_grid(grid, grid) / (grid - 1) * [h - 1, w - 1]  # (P, 2)
    jolted = source + strength * rng.standard_normal((n, *source.shape))
    read = ThinPlateSpline(source, jolted)(pixel_grid(h, w))  # (N, H·W, 2)
    return sample_at(x, read, (h, w), fill=fill)


def random_flip(
    x: Array, *, rng: np.random.Generator, p: float = 0.5, axis: int = -1
) -> Array:
    """Mirror each image with probability `p`; axis -1 swaps left and right.

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NeurIPS 2012, section 4.1.

    Examples
    --------
    >>> x = np.array([[[[1.0, 2.0]]]])
    >>> random_flip(x, rng=np.random.default_rng(0), p=1.0)
    array([[[[2., 1.]]]])
    """
    n = check_images(x)[0]
    if not 0 <= p <= 1:
        raise ValueError(f"a probability is between 0 and 1, not {p}")
    xp = namespace(x)
    chosen = asarray(rng.uniform(size=(n, 1, 1, 1)) < p, device=device_of(x))
    return xp.where(chosen, xp.flip(x, axis=axis), x)


def random_corners(
    n: int, image: tuple[int, int], size: tuple[int, int], *, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the first row and column of n windows, all places equally likely.

    Raises
    ------
    ValueError
        If the window is larger than the image.

    References
    ----------
    Krizhevsky, Sutskever, Hinton 2012, section 4.1.

    Examples
    --------
    >>> random_corners(3, (4, 4), (4, 4), rng=np.random.default_rng(0))
    (array([0, 0, 0]), array([0, 0, 0]))
    """
    room = image[0] - size[0], image[1] - size[1]
    if min(room) < 0 or min(size) < 1:
        raise ValueError(f"windows of {size} pixels in images of {image}")
    return rng.integers(0, room[0] + 1, n), rng.integers(0, room[1] + 1, n)


def random_crop(
    x: Array,
    size: tuple[int, int],
    *,
    rng: np.random.Generator,
    padding: int = 0,
    fill: float = 0.0,
) -> Array:
    """Cut a window out of each image, at a random place.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    size : pair of int
        Height and width of the windows, in pixels.
    rng : numpy.random.Generator
    padding : int
        Pixels of `fill` put around the images first.

    Returns
    -------
    array of shape (N, C, *size)

    Raises
    ------
    ValueError
        If the window is larger than the padded image.

    References
    ----------
    Krizhevsky, Sutskever, Hinton 2012, section 4.1.

    Examples
    --------
    >>> x = np.ones((5, 1, 8, 8))
    >>> random_crop(x, (6, 6), rng=np.random.default_rng(0)).shape
    (5, 1, 6, 6)
    """
    x = pad(x, padding, fill=fill)
    n, _, h, w = check_images(x)
    return crop(x, *random_corners(n, (h, w), size, rng=rng), size)


def add_noise(x: Array, std: float, *, rng: np.random.Generator) -> Array:
    """Add Gaussian noise of standard deviation `std`, in the unit of the pixels.

    References
    ----------
    C. M. Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", Neural
    Computation 7(1), 1995.

    Examples
    --------
    >>> x = add_noise(np.zeros((1, 1, 50, 50)), 0.1, rng=np.random.default_rng(0))
    >>> round(float(x.std()), 2)
    0.1
    """
    if not std >= 0:
        raise ValueError(f"the noise must be at least 0, not {std}")
    return x + std * put_like(rng.standard_normal(tuple(x.shape)), x)


def color_jitter(
    x: Array,
    *,
    rng: np.random.Generator,
    factor: float = 0.05,
    brightness: float = 0.0,
    contrast: float = 0.0,
) -> Array:
    r"""Change colors, brightness and contrast of each image a little.

    .. math:: y_c = \bar x_c + k\,(f_c\, x_c + b - \bar x_c)

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    rng : numpy.random.Generator
    factor : float
        Each channel is multiplied by its own number from 1 - factor to 1 + factor.
    brightness : float
        One number from -brightness to brightness is added to all channels.
    contrast : float
        Distances from the channel's mean are multiplied by one number from
        1 - contrast to 1 + contrast.

    Notes
    -----
    Pixels may leave the range they had.

    References
    ----------
    A. G. Howard, "Some Improvements on Deep Convolutional Neural Network Based Image
    Classification", 2013, section 2.2. arXiv:1312.5402.

    Examples
    --------
    >>> x = color_jitter(np.ones((1, 3, 2, 2)), rng=np.random.default_rng(0))
    >>> bool(np.all((x >= 0.95) & (x <= 1.05))), bool(x[0, 0, 0, 0] == x[0, 0, 1, 1])
    (True, True)
    """
    n, c, _, _ = check_images(x)
    f = put_like(rng.uniform(1 - factor, 1 + factor, (n, c, 1, 1)), x)
    b = put_like(rng.uniform(-brightness, brightness, (n, 1, 1, 1)), x)
    k = put_like(rng.uniform(1 - contrast, 1 + contrast, (n, 1, 1, 1)), x)
    mean = namespace(x).mean(x, axis=(-2, -1), keepdims=True)  # (N, C, 1, 1)
    return mean + k * (f * x + b - mean) if contrast else f * x + b


def cutout(
    x: Array, size: int, *, rng: np.random.Generator, fill: float = 0.0
) -> Array:
    """Cover a square of each image; part of it may lie outside.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    size : int
        Side of the square, in pixels. Its middle is any pixel.
    rng : numpy.random.Generator
    fill : float
        Color of the square: 0 is the mean of standardized images.

    References
    ----------
    T. DeVries, G. W. Taylor, "Improved Regularization of Convolutional Neural Networks
    with Cutout", 2017, section 3.2. arXiv:1708.04552.

    Examples
    --------
    >>> x = cutout(np.ones((1, 1, 4, 4)), 1, rng=np.random.default_rng(0))
    >>> float(x.sum())
    15.0
    """
    n, _, h, w = check_images(x)
    if size < 0:
        raise ValueError(f"the square's side must be at least 0, not {size}")
    top = rng.integers(0, h, n) - size // 2
    left = rng.integers(0, w, n) - size // 2
    covered = box_mask(x, top, left, top + size, left + size)
    return namespace(x).where(covered, fill, x)

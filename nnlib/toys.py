"""Toy problems: made in a millisecond, with an answer that is known.

The point sets return ``(x, y)``: x of shape (N, 2) and integer labels y of shape (N,),
classes of equal size, in random order. `nnlib.data.split` cuts them into parts.
"""

import math
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, device_of, namespace

SHAPES = ("disk", "ring", "square", "cross")


def moons(
    n: int,
    *,
    noise: float = 0.1,
    rng: np.random.Generator,
    dtype: Any = np.float32,
    device: str | None = None,
) -> tuple[Array, Array]:
    """Draw two half circles that reach into each other.

    Parameters
    ----------
    n : int
        Number of points.
    noise : float
        Standard deviation of the Gaussian noise on both coordinates; radii are 1.
    rng : numpy.random.Generator
    dtype, device
        See `nnlib.backend.asarray`.

    References
    ----------
    F. Pedregosa et al., "Scikit-learn: Machine Learning in Python", JMLR 12, 2011
    (``make_moons``).

    Examples
    --------
    >>> x, y = moons(6, rng=np.random.default_rng(0), device="cpu")
    >>> x.shape, np.bincount(y)
    ((6, 2), array([3, 3]))
    """
    y = _labels(n, 2, rng)
    angle = math.pi * rng.uniform(size=n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    x = np.where(y[:, None] == 0, upper, lower)
    return _points(x, y, noise, rng, dtype, device)


def circles(
    n: int,
    *,
    noise: float = 0.1,
    inner: float = 0.5,
    rng: np.random.Generator,
    dtype: Any = np.float32,
    device: str | None = None,
) -> tuple[Array, Array]:
    """Draw a circle of radius 1 (class 0) around one of radius `inner` (class 1).

    References
    ----------
    Pedregosa et al. 2011 (``make_circles``).

    Examples
    --------
    >>> x, y = circles(4, noise=0.0, rng=np.random.default_rng(0), device="cpu")
    >>> np.sort(np.hypot(x[:, 0], x[:, 1])).round(3)
    array([0.5, 0.5, 1. , 1. ], dtype=float32)
    """
    y = _labels(n, 2, rng)
    angle = 2 * math.pi * rng.uniform(size=n)
    radius = np.where(y == 0, 1.0, inner)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return _points(x, y, noise, rng, dtype, device)


def spirals(
    n: int,
    *,
    classes: int = 2,
    turns: float = 1.0,
    noise: float = 0.05,
    rng: np.random.Generator,
    dtype: Any = np.float32,
    device: str | None = None,
) -> tuple[Array, Array]:
    """Draw one spiral arm per class, from the center to radius 1.

    Parameters
    ----------
    n : int
        Number of points.
    classes : int
        Number of arms.
    turns : float
        How often an arm goes around.
    noise : float
        Standard deviation of the noise.
    rng, dtype, device
        See `moons`.

    References
    ----------
    K. J. Lang, M. J. Witbrock, "Learning to Tell Two Spirals Apart", Proceedings of the
    1988 Connectionist Models Summer School.

    Examples
    --------
    >>> x, y = spirals(9, classes=3, rng=np.random.default_rng(0), device="cpu")
    >>> np.bincount(y)
    array([3, 3, 3])
    """
    y = _labels(n, classes, rng)
    radius = np.sqrt(rng.uniform(0.01, 1.0, size=n))  # about evenly dense on the disk
    angle = 2 * math.pi * (turns * radius + y / classes)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return _points(x, y, noise, rng, dtype, device)


def blobs(
    n: int,
    *,
    classes: int = 3,
    spread: float = 0.3,
    offset: tuple[float, float] = (0.0, 0.0),
    rng: np.random.Generator,
    dtype: Any = np.float32,
    device: str | None = None,
) -> tuple[Array, Array]:
    """Draw Gaussian clouds whose centers stand on the unit circle.

    Parameters
    ----------
    n : int
        Number of points.
    classes : int
        Number of clouds.
    spread : float
        Standard deviation of a cloud.
    offset : pair of float
        Moves everything, e.g. far from the origin.
    rng, dtype, device
        See `moons`.

    References
    ----------
    Pedregosa et al. 2011 (``make_blobs``).

    Examples
    --------
    >>> x, y = blobs(9, spread=0.0, rng=np.random.default_rng(0), device="cpu")
    >>> np.unique(x.round(2), axis=0)
    array([[-0.5 , -0.87],
           [-0.5 ,  0.87],
           [ 1.  ,  0.  ]], dtype=float32)
    """
    y = _labels(n, classes, rng)
    angle = 2 * math.pi * y / classes
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) + np.asarray(offset)
    return _points(x, y, spread, rng, dtype, device)


def xor(
    n: int,
    *,
    noise: float = 0.2,
    rng: np.random.Generator,
    dtype: Any = np.float32,
    device: str | None = None,
) -> tuple[Array, Array]:
    """Draw points around (±1, ±1); class 1 where the two signs differ.

    References
    ----------
    M. Minsky, S. Papert, "Perceptrons", 1969: no linear classifier does better than
    three of the four corners.

    Examples
    --------
    >>> x, y = xor(8, noise=0.0, rng=np.random.default_rng(0), device="cpu")
    >>> bool(np.all((x[:, 0] * x[:, 1] < 0) == (y == 1)))
    True
    """
    y = _labels(n, 2, rng)
    first = rng.choice([-1.0, 1.0], size=n)
    x = np.stack([first, np.where(y == 1, -first, first)], axis=1)
    return _points(x, y, noise, rng, dtype, device)


def objects_on_canvas(
    n: int,
    *,
    size: int = 32,
    radius: tuple[int, int] = (4, 6),
    noise: float = 0.1,
    rng: np.random.Generator,
    dtype: Any = np.float32,
    device: str | None = None,
) -> tuple[Array, Array, np.ndarray]:
    """Draw one small colored shape at a random place of each noisy canvas.

    Parameters
    ----------
    n : int
        Number of images.
    size : int
        Height and width of the canvas, in pixels.
    radius : pair of int
        Smallest and largest half-width of the object, in pixels.
    noise : float
        Standard deviation of the background; the object's brightness is 0.5 to 1 per
        channel.
    rng, dtype, device
        See `moons`.

    Returns
    -------
    x : array of shape (N, 3, size, size)
    y : integer array of shape (N,)
        0 disk, 1 ring, 2 square, 3 cross.
    boxes : NumPy integer array of shape (N, 4)
        First row, first column, row after the last, column after the last of the
        object.

    Raises
    ------
    ValueError
        If the object does not fit on the canvas.

    References
    ----------
    B. Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016,
    is what it is for: finding the object. arXiv:1512.04150.

    Examples
    --------
    >>> x, y, boxes = objects_on_canvas(5, rng=np.random.default_rng(0), device="cpu")
    >>> x.shape, boxes.shape
    ((5, 3, 32, 32), (5, 4))
    """
    low, high = radius
    if not 1 <= low <= high or 2 * high + 1 > size:
        raise ValueError(f"objects of half-width {radius} on a canvas of {size} pixels")
    y = _labels(n, len(SHAPES), rng)
    r = rng.integers(low, high + 1, size=n)
    center = rng.integers(r, size - r, size=(2, n))  # row and column of the middle
    color = rng.uniform(0.5, 1.0, size=(n, 3))

    grid = np.arange(size)
    dy = np.abs(grid[:, None] - center[0][:, None, None])  # (N, size, 1)
    dx = np.abs(grid[None, :] - center[1][:, None, None])  # (N, 1, size)
    r = r[:, None, None]
    distance = np.hypot(dy, dx)  # (N, size, size)
    disk, square = distance <= r, np.maximum(dy, dx) <= r
    ring = disk & (distance >= 0.6 * r)
    cross = square & (np.minimum(dy, dx) <= r // 3)
    mask = np.stack([disk, ring, square, cross])[y, np.arange(n)]  # (N, size, size)

    x = noise * rng.standard_normal((n, 3, size, size))
    x = np.where(mask[:, None], color[:, :, None, None], x)
    r = r[:, 0, 0]
    boxes = np.stack([*(center - r), *(center + r + 1)], axis=1)
    return (
        asarray(x, dtype=dtype, device=device),
        asarray(y, device=device),
        boxes,
    )


class NoisyQuadratic:
    r"""A valley whose curvatures and gradient noise are known.

    .. math:: L(w) = \tfrac12 \sum_i \lambda_i w_i^2, \qquad
              g_i = \lambda_i w_i + \sigma \xi_i, \quad \xi_i \sim N(0, 1)

    Parameters
    ----------
    curvatures : array of shape (P,)
        :math:`\lambda_i`; the condition number is their largest over their smallest.
    noise : float
        :math:`\sigma`.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If a curvature is not positive.

    Notes
    -----
    Gradient descent converges for a learning rate below :math:`2/\lambda_{max}`. With
    noise it ends in a cloud of variance :math:`\eta\sigma^2/(\lambda_i(2 -
    \eta\lambda_i))`.

    References
    ----------
    G. Zhang et al., "Which Algorithmic Choices Matter at Which Batch Sizes? Insights
    From a Noisy Quadratic Model", NeurIPS 2019, section 3. arXiv:1907.04164.

    Examples
    --------
    >>> q = NoisyQuadratic([1.0, 10.0], noise=0.0, rng=np.random.default_rng(0))
    >>> w = np.array([1.0, 1.0])
    >>> q.loss(w), q.grad(w)
    (np.float64(5.5), array([ 1., 10.]))
    """

    def __init__(
        self, curvatures: Any, *, noise: float = 1.0, rng: np.random.Generator
    ) -> None:
        self.curvatures = np.asarray(curvatures, dtype=np.float64)
        if self.curvatures.ndim != 1 or not np.all(self.curvatures > 0):
            raise ValueError(f"curvatures must be positive numbers, not {curvatures}")
        self.noise, self.rng = noise, rng

    def loss(self, w: Array) -> Array:
        """Return the loss without noise: (…, P) -> (…)."""
        return 0.5 * namespace(w).sum(self._like(self.curvatures, w) * w * w, axis=-1)

    def grad(self, w: Array) -> Array:
        """Return a gradient with fresh noise, in the shape (…, P) of `w`."""
        g = self._like(self.curvatures, w) * w
        if self.noise:
            xi = self.rng.standard_normal(tuple(w.shape))
            g = g + self.noise * self._like(xi, w)
        return g

    @staticmethod
    def _like(values: np.ndarray, w: Array) -> Array:
        return namespace(w).astype(asarray(values, device=device_of(w)), w.dtype)


def _labels(n: int, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Draw labels in random order, as many of each class as can be."""
    if n < 1 or classes < 1:
        raise ValueError(f"n={n} points in {classes} classes")
    return rng.permutation(np.arange(n) % classes)


def _points(
    x: np.ndarray,
    y: np.ndarray,
    noise: float,
    rng: np.random.Generator,
    dtype: Any,
    device: str | None,
) -> tuple[Array, Array]:
    if not noise >= 0:
        raise ValueError(f"noise must be at least 0, not {noise}")
    x = x + noise * rng.standard_normal(x.shape)
    return asarray(x, dtype=dtype, device=device), asarray(y, device=device)

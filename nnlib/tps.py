r"""Thin-plate splines: bend an image like a sheet of metal through given points.

Of all smooth maps of the plane that move P control points :math:`p_i` to given places,
the thin-plate spline bends least:

.. math:: f(p) = a_0 + A\,p + \sum_i w_i\, U(\lVert p - p_i\rVert), \qquad
          U(r) = r^2 \log r^2

with :math:`\sum_i w_i = 0` and :math:`\sum_i w_i p_i^\top = 0`. Translation, rotation,
scaling and every other affine map need no bending: then all w are 0.
"""

from typing import Any

import numpy as np

from nnlib.backend import Array, namespace, to_numpy
from nnlib.warp import check_images, pixel_grid, sample_at


class ThinPlateSpline:
    r"""The map that moves control points exactly and bends least in between.

    Parameters
    ----------
    source, target : arrays of shape (…, P, 2)
        Where the control points are and where they go.

    Attributes
    ----------
    weights : array of shape (…, P, 2)
        :math:`w_i`, zero for an affine map.
    affine : array of shape (…, 3, 2)
        :math:`a_0` and, below it, :math:`A^\top`.

    Raises
    ------
    ValueError
        If the shapes differ, two source points coincide, or all lie on one line.

    Notes
    -----
    The coefficients solve a linear system of P + 3 equations, in float64.

    References
    ----------
    F. L. Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of
    Deformations", IEEE Transactions on Pattern Analysis and Machine Intelligence
    11(6), 1989, eqs. 1 to 3. doi:10.1109/34.24792.

    Examples
    --------
    >>> corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> double = ThinPlateSpline(corners, 2 * corners)  # affine: no bending
    >>> double(np.array([[0.5, 0.25]])).round(9), abs(round(float(double.energy), 9))
    (array([[1. , 0.5]]), 0.0)
    """

    def __init__(self, source: Array, target: Array) -> None:
        _check_points(source, target)
        xp = namespace(source, target)
        source, target = (xp.astype(p, xp.float64) for p in (source, target))
        count = source.shape[-2]
        size = count + 3
        system = xp.zeros(
            (*source.shape[:-2], size, size), dtype=xp.float64, device=source.device
        )
        system[..., :count, :count] = _bending(source, source)
        system[..., :count, count] = 1.0
        system[..., :count, count + 1 :] = source
        system[..., count, :count] = 1.0
        system[..., count + 1 :, :count] = source.mT
        right = xp.zeros(
            (*target.shape[:-2], size, 2), dtype=xp.float64, device=source.device
        )
        right[..., :count, :] = target
        solution = xp.linalg.solve(system, right)  # (…, P + 3, 2)
        self.source = source
        self.weights = solution[..., :count, :]
        self.affine = solution[..., count:, :]

    def __call__(self, points: Array) -> Array:
        """Map points of shape (…, M, 2)."""
        xp = namespace(points)
        p = xp.astype(points, xp.float64)
        bent = _bending(p, self.source) @ self.weights  # (…, M, 2)
        flat = self.affine[..., :1, :] + p @ self.affine[..., 1:, :]
        return xp.astype(bent + flat, points.dtype)

    @property
    def energy(self) -> Array:
        r"""Bending energy over :math:`8\pi`, of shape (…): how far from affine."""
        w = self.weights
        bent = _bending(self.source, self.source) @ w  # (…, P, 2)
        return namespace(w).sum(w * bent, axis=(-2, -1))


def tps_warp(x: Array, source: Any, target: Any, *, fill: float | None = 0.0) -> Array:
    """Bend images so that what is at `source` comes to `target`.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    source, target : NumPy arrays of shape (P, 2) or (N, P, 2)
        Control points: row and column, in pixels.
    fill : float or None
        See `nnlib.warp.bilinear`.

    Returns
    -------
    array of the shape of x

    Raises
    ------
    ValueError
        See `ThinPlateSpline`.

    References
    ----------
    Bookstein 1989, see `ThinPlateSpline`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> corners = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    >>> down = corners + [1.0, 0.0]  # one row
    >>> tps_warp(x, corners, down).round(6)[0, 0] + 0.0
    array([[0., 0., 0.],
           [0., 1., 2.],
           [3., 4., 5.]])
    """
    _, _, h, w = check_images(x)
    back = ThinPlateSpline(np.asarray(target, float), np.asarray(source, float))
    return sample_at(x, back(pixel_grid(h, w)), (h, w), fill=fill)


def _bending(p: Array, q: Array) -> Array:
    """Return U(‖p − q‖) for all pairs: (…, M, 2), (…, P, 2) -> (…, M, P)."""
    xp = namespace(p, q)
    d = p[..., :, None, :] - q[..., None, :, :]  # (…, M, P, 2)
    r2 = xp.sum(d * d, axis=-1)
    return r2 * xp.log(xp.where(r2 > 0, r2, xp.ones_like(r2)))


def _check_points(source: Array, target: Array) -> None:
    a, b = tuple(source.shape), tuple(target.shape)
    if len(a) < 2 or a[-1] != 2 or len(b) < 2 or a[-2:] != b[-2:]:
        raise ValueError(f"control points have shape (…, P, 2), not {a} and {b}")
    host = to_numpy(source)
    centered = host - host.mean(axis=-2, keepdims=True)
    spread = np.linalg.svd(centered, compute_uv=False) if a[-2] > 2 else np.zeros(2)
    if np.any(spread[..., -1] <= 1e-9 * (1e-300 + spread[..., 0])):
        raise ValueError("the control points lie on one line: three corners are needed")
    d = host[..., :, None, :] - host[..., None, :, :]
    near = np.sum(d * d, axis=-1) + np.eye(a[-2])
    if np.any(near == 0):
        raise ValueError("two control points are at the same place")

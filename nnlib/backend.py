"""One source for NumPy, torch on the CPU and torch on CUDA.

All of nnlib is written against the Python array API standard. This module names the
few places where a library must be chosen (`asarray`, `default_device`) and the few
operations for which the standard is slow or poor (`matmul_into`, `blocks`, `one_hot`,
`take_rows`).

Devices are strings: ``"cpu"`` is NumPy, ``"torch"`` is torch on the CPU, ``"cuda"`` is
torch on CUDA, ``"strict"`` is array-api-strict (for tests). The environment variable
``NNLIB_DEVICE`` sets the default.

References
----------
Consortium for Python Data API Standards, "Python array API standard", 2023.12.
https://data-apis.org/array-api/2023.12/
"""

import functools
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import array_api_compat
import array_api_compat.numpy as numpy_namespace
import numpy as np

Array = Any  # an array of any backend
DEVICES = ("cpu", "torch", "cuda", "strict")


def namespace(*arrays: Array) -> ModuleType:
    """Return the array API namespace that the given arrays belong to.

    Parameters
    ----------
    *arrays : array
        Arrays of one library. Python scalars are ignored.

    Raises
    ------
    TypeError
        If the arrays belong to different libraries, or none is an array.

    References
    ----------
    Python array API standard, "The array API namespace". array-api-compat.

    Examples
    --------
    >>> xp = namespace(np.ones(2))
    >>> xp.exp(xp.zeros(1))
    array([1.])
    """
    for a in arrays:
        if not isinstance(a, np.ndarray):
            return array_api_compat.array_namespace(*arrays)
    if not arrays:
        raise TypeError("namespace needs an array")
    return numpy_namespace  # 20 times faster, and most calls


def default_device() -> str:
    """Return the device named by ``NNLIB_DEVICE``, ``"cpu"`` when it is not set.

    Raises
    ------
    ValueError
        If the variable holds an unknown name.
    RuntimeError
        If it asks for CUDA where there is none.

    References
    ----------
    The names are nnlib's own; see the module's docstring.

    Examples
    --------
    >>> default_device() in DEVICES
    True
    """
    device = os.environ.get("NNLIB_DEVICE", "cpu")
    if device not in DEVICES:
        raise ValueError(f"NNLIB_DEVICE={device!r} is not one of {', '.join(DEVICES)}")
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise RuntimeError("NNLIB_DEVICE=cuda, but torch sees no CUDA device")
    return device


def asarray(x: Any, *, dtype: Any = None, device: str | None = None) -> Array:
    """Put `x` on a device, as an array of the library that serves it.

    Parameters
    ----------
    x : array-like
        Numbers, a NumPy array, or an array of any backend.
    dtype : NumPy dtype, optional
        Type of the elements; that of `x` by default.
    device : {"cpu", "torch", "cuda", "strict"}, optional
        Where to; `default_device()` by default.

    Returns
    -------
    array
        Shares memory with `x` where the libraries allow it.

    Raises
    ------
    ValueError
        If the device is unknown.

    References
    ----------
    Python array API standard, ``asarray``.

    Examples
    --------
    >>> asarray([1, 2], dtype=np.float32, device="cpu")
    array([1., 2.], dtype=float32)
    """
    device = default_device() if device is None else device
    host = np.asarray(to_numpy(x), dtype=dtype)
    if device == "cpu":
        return host
    if device in ("torch", "cuda"):
        import torch

        place = "cpu" if device == "torch" else "cuda"
        if not (host.flags.c_contiguous and host.flags.writeable):  # torch wants both
            host = host.copy(order="C")
        return torch.as_tensor(host, device=place)
    if device == "strict":
        import array_api_strict

        return array_api_strict.asarray(host)
    raise ValueError(f"device {device!r} is not one of {', '.join(DEVICES)}")


def device_of(x: Array) -> str:
    """Return the nnlib name of the device that holds `x`.

    References
    ----------
    Python array API standard, ``array.device``.

    Examples
    --------
    >>> device_of(np.ones(1))
    'cpu'
    """
    if isinstance(x, np.ndarray | np.generic):
        return "cpu"
    if "torch" in type(x).__module__:
        return "torch" if x.device.type == "cpu" else x.device.type
    return "strict"


def to_numpy(x: Any) -> np.ndarray:
    """Return `x` as a NumPy array, copied to the CPU where it must be.

    References
    ----------
    Python array API standard, "Data interchange mechanisms".

    Examples
    --------
    >>> to_numpy([1.0, 2.0])
    array([1., 2.])
    """
    if isinstance(x, np.ndarray):
        return x
    if hasattr(x, "detach"):  # torch
        return x.detach().cpu().numpy()
    return np.asarray(x)


def matmul_into(a: Array, b: Array, out: Array) -> None:
    """Compute ``out[...] = a @ b`` without a temporary array.

    The standard has no ``out=``; NumPy and torch have, and a weight gradient is the
    largest array of a training step.

    Parameters
    ----------
    a, b : arrays of shape (…, N, D) and (…, D, H)
    out : array of shape (…, N, H), overwritten

    References
    ----------
    Python array API standard, ``matmul``.

    Examples
    --------
    >>> out = np.empty((1, 1))
    >>> matmul_into(np.ones((1, 3)), np.ones((3, 1)), out)
    >>> out
    array([[3.]])
    """
    if isinstance(out, np.ndarray):
        np.matmul(a, b, out=out)
        return
    try:
        namespace(a).matmul(a, b, out=out)
    except TypeError:  # a library that keeps to the standard
        out[...] = a @ b


def sum_into(a: Array, axis: int, out: Array) -> None:
    """Compute ``out[...] = sum(a, axis)`` without a temporary array.

    Parameters
    ----------
    a : array
    axis : int
    out : array of the shape of `a` without that axis, overwritten

    References
    ----------
    Python array API standard, ``sum``.

    Examples
    --------
    >>> out = np.empty(2)
    >>> sum_into(np.ones((3, 2)), -2, out)
    >>> out
    array([3., 3.])
    """
    if not isinstance(a, np.ndarray):
        out[...] = namespace(a).sum(a, axis=axis)
    elif axis == -2:  # as a product with ones: a quarter of the time for a stack
        np.matmul(_ones(a.shape[-2], a.dtype), a, out=out)
    else:
        np.add.reduce(a, axis=axis, out=out)


def row_max(z: Array) -> Array:
    """Return the largest entry of each row: (…, N, C) -> (…, N, 1).

    NumPy takes rows one by one, which is slow when they are short. Of a transposed
    copy it takes all rows of all models at once, entry by entry.

    References
    ----------
    Python array API standard, ``max``.

    Examples
    --------
    >>> row_max(np.array([[1.0, 3.0], [5.0, 2.0]]))
    array([[3.],
           [5.]])
    """
    if isinstance(z, np.ndarray) and z.ndim > 1 and 0 < z.shape[-1] <= 32:
        if z.ndim > 2:
            rows = z.reshape(-1, z.shape[-1])  # (…·N, C)
            return row_max(rows).reshape(*z.shape[:-1], 1)
        return np.maximum.reduce(z.T.copy(), axis=0)[:, None]
    return namespace(z).max(z, axis=-1, keepdims=True)


def row_sum(z: Array) -> Array:
    """Return the sum of each row: (…, N, C) -> (…, N, 1), as a product with ones.

    References
    ----------
    Python array API standard, ``sum``.

    Examples
    --------
    >>> row_sum(np.array([[1.0, 3.0], [5.0, 2.0]]))
    array([[4.],
           [7.]])
    """
    if isinstance(z, np.ndarray):
        return (z @ _ones(z.shape[-1], z.dtype))[..., None]
    return namespace(z).sum(z, axis=-1, keepdims=True)


def inner(a: Array, b: Array) -> Array:
    r"""Return :math:`\sum_{n,c} a_{nc} b_{nc}`, one number per stacked model.

    Parameters
    ----------
    a, b : arrays of shape (…, N, C)
        One of them may lack leading axes of the other.

    References
    ----------
    Python array API standard, ``sum``.

    Examples
    --------
    >>> inner(np.ones((2, 3)), np.ones((5, 2, 3)))
    array([6., 6., 6., 6., 6.])
    """
    if not isinstance(a, np.ndarray):
        return namespace(a).sum(a * b, axis=(-2, -1))
    if a.ndim == b.ndim == 2:
        return np.vdot(a, b)  # the same sum as below, with less to prepare
    size = a.shape[-2] * a.shape[-1]
    a, b = a.reshape(*a.shape[:-2], size), b.reshape(*b.shape[:-2], size)  # (…, N·C)
    return np.vecdot(a, b)


def labels_fit(y: Array, n_classes: int) -> bool:
    """Tell whether all labels are in 0..C-1, in one pass over them.

    Raises
    ------
    ValueError
        If the array does not hold integers.

    References
    ----------
    Python array API standard, ``isdtype``.

    Examples
    --------
    >>> labels_fit(np.array([3, 1, 2]), 4), labels_fit(np.array([-1]), 4)
    (True, False)
    """
    if isinstance(y, np.ndarray):
        if y.dtype.kind in "iu":  # read as unsigned, negative numbers are huge
            unsigned = y.astype(np.int64, copy=False).view(np.uint64)
            return bool(np.maximum.reduce(unsigned, axis=None) < n_classes)
    else:
        xp = namespace(y)
        if xp.isdtype(y.dtype, "integral"):
            return bool(xp.all((y >= 0) & (y < n_classes)))
    raise ValueError(f"labels must be integers, not {y.dtype}")


def blocks(size: int, rows: int = 1, elements: int = 1 << 16) -> Iterator[slice]:
    """Cut the last axis of a ``(rows, size)`` buffer into pieces that fit the cache.

    An optimizer reads and writes several buffers as long as the parameters. In blocks,
    their temporaries stay in the processor's cache.

    Parameters
    ----------
    size : int
        Length of the last axis.
    rows : int
        Number of rows (stacked models).
    elements : int
        About how many elements a block holds.

    References
    ----------
    M. Lam, E. Rothberg, M. Wolf, "The cache performance and optimizations of blocked
    algorithms", ASPLOS 1991.

    Examples
    --------
    >>> list(blocks(5, elements=2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    width = max(1, elements // max(1, rows))
    for start in range(0, size, width):
        yield slice(start, min(start + width, size))


def one_hot(y: Array, n_classes: int, *, like: Array) -> Array:
    """Turn labels into rows with a single 1.

    Parameters
    ----------
    y : integer array of shape (…, N)
    n_classes : int
        Length C of a row.
    like : array
        Gives the library, the device and the dtype of the result.

    Returns
    -------
    array of shape (…, N, C)

    References
    ----------
    C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.1.2
    (1-of-K coding).

    Examples
    --------
    >>> one_hot(np.array([1, 0]), 3, like=np.ones(1))
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    if isinstance(like, np.ndarray):  # rows of the identity matrix: a fifth of the time
        return _identity(n_classes, like.dtype).take(y, axis=0)  # (…, N, C)
    xp = namespace(like)
    classes = xp.arange(n_classes, dtype=y.dtype, device=y.device)
    return xp.astype(y[..., None] == classes, like.dtype)  # (…, N, C)


def take_rows(x: Array, index: np.ndarray) -> Array:
    """Pick rows of `x` by an integer index of any shape.

    Parameters
    ----------
    x : array of shape (N, …)
    index : NumPy integer array of shape (B,) or (K, B)

    Returns
    -------
    array of shape index.shape + x.shape[1:]

    References
    ----------
    Python array API standard, ``take``.

    Examples
    --------
    >>> take_rows(np.array([[1.0], [2.0]]), np.array([[1, 1], [0, 1]]))[..., 0]
    array([[2., 2.],
           [1., 2.]])
    """
    if isinstance(x, np.ndarray):
        return x[index]
    xp = namespace(x)
    flat = xp.asarray(np.ascontiguousarray(index).reshape(-1), device=x.device)
    return xp.reshape(xp.take(x, flat, axis=0), (*index.shape, *x.shape[1:]))


def erf(x: Array) -> Array:
    r"""Return the error function, which the array API standard lacks.

    .. math:: \operatorname{erf}(x) = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2}\,dt

    References
    ----------
    NIST Digital Library of Mathematical Functions, eq. 7.2.1. https://dlmf.nist.gov/7.2

    Examples
    --------
    >>> round(float(erf(np.array([1.0]))[0]), 6)
    0.842701
    """
    device = device_of(x)
    if device in ("torch", "cuda"):
        import torch

        return torch.erf(x)
    from scipy.special import erf as scipy_erf

    if device == "cpu":
        return scipy_erf(x)
    return asarray(scipy_erf(to_numpy(x)), device=device)


@functools.lru_cache(maxsize=64)
def _ones(n: int, dtype: Any) -> np.ndarray:
    """Keep a row of ones; it is needed in every step and never changes."""
    ones = np.ones(n, dtype=dtype)
    ones.flags.writeable = False
    return ones


@functools.lru_cache(maxsize=64)
def _identity(n: int, dtype: Any) -> np.ndarray:
    """Keep an identity matrix, as `_ones` does."""
    eye = np.eye(n, dtype=dtype)
    eye.flags.writeable = False
    return eye

"""Gradient clipping: bound a step before the optimizer sees it.

Functions of the flat gradient buffer ``(*lead, P)``; each stacked model is measured
and clipped by itself. ``fit(…, clip=lambda g: clip_norm(g, 1.0))`` clips every step.
"""

from typing import Any

from nnlib.backend import Array, namespace
from nnlib.optimizer import Hyper, at_least_0, column


def global_norm(grads: Array) -> Array:
    r"""Return the Euclidean norm of each model's whole gradient, shape lead.

    Notes
    -----
    Divided by the largest entry before squaring: float32 overflows at 1e19 otherwise.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural
    networks", ICML 2013, section 3.2. arXiv:1211.5063.

    Examples
    --------
    >>> import numpy as np
    >>> global_norm(np.array([3.0, 4.0])).item()
    5.0
    """
    xp = namespace(grads)
    largest = xp.max(xp.abs(grads), axis=-1, keepdims=True)
    safe = xp.where(largest > 0, largest, xp.ones_like(largest))
    unit = grads / safe
    return safe[..., 0] * xp.sqrt(xp.sum(unit * unit, axis=-1))


def clip_norm(
    grads: Array, max_norm: Hyper, *, out: Array | None = None
) -> tuple[Array, Array]:
    r"""Shorten a gradient that is too long; its direction stays.

    .. math:: g \leftarrow g \cdot \min\left(1, \frac{c}{\|g\|}\right)

    Parameters
    ----------
    grads : array of shape (*lead, P)
    max_norm : float or array of shape lead
        c.
    out : array like grads, optional
        Where to write; ``out=grads`` clips in place.

    Returns
    -------
    clipped : array like grads
    norm : array of shape lead
        Before clipping.

    Raises
    ------
    ValueError
        If c is negative or not a number.

    Notes
    -----
    ``torch.nn.utils.clip_grad_norm_`` divides by ‖g‖ + 1e-6 and therefore ends a
    millionth below c; this is the paper's formula. An infinite norm gives nan, as
    there: clipping cannot repair an overflow.

    References
    ----------
    Pascanu, Mikolov, Bengio 2013, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> g, norm = clip_norm(np.array([3.0, 4.0]), 1.0)
    >>> g, norm.item()
    (array([0.6, 0.8]), 5.0)
    """
    xp = namespace(grads)
    limit = column(at_least_0("maximal norm", max_norm), grads)
    norm = global_norm(grads)
    length = norm[..., None]  # (*lead, 1)
    safe = xp.where(length > 0, length, xp.ones_like(length))
    factor = xp.where(length > limit, limit / safe, xp.ones_like(length))
    return _write(grads * factor, out), norm


def clip_value(
    grads: Array, limit: Hyper, *, out: Array | None = None
) -> tuple[Array, Array]:
    r"""Cut every coordinate to :math:`[-c, c]`; the direction changes.

    Parameters
    ----------
    grads : array of shape (*lead, P)
    limit : float or array of shape lead
        c.
    out : array like grads, optional

    Returns
    -------
    clipped : array like grads
    norm : array of shape lead
        Before clipping.

    Notes
    -----
    As ``torch.nn.utils.clip_grad_value_``.

    References
    ----------
    T. Mikolov, "Statistical Language Models Based on Neural Networks", PhD thesis, Brno
    University of Technology, 2012, section 3.2.2.

    Examples
    --------
    >>> import numpy as np
    >>> clip_value(np.array([0.5, -4.0]), 1.0)[0]
    array([ 0.5, -1. ])
    """
    xp = namespace(grads)
    c = column(at_least_0("limit", limit), grads)
    norm = global_norm(grads)
    return _write(xp.minimum(xp.maximum(grads, -c), c), out), norm


def _write(value: Array, out: Any) -> Array:
    if out is None:
        return value
    out[...] = value
    return out

"""Numbers that judge a run, and how sure they are.

A measurement without its spread is an anecdote. `mean_se` and `paired_difference` are
used by every comparison of the course.
"""

import numpy as np

from nnlib.backend import Array, namespace, to_numpy


def error_rate(logits: Array, y: Array) -> Array:
    """Return the fraction of examples whose largest logit is at the wrong class.

    Parameters
    ----------
    logits : array of shape (…, N, C)
    y : integer array of shape (N,) or (…, N)

    Returns
    -------
    array of shape (…)
        In [0, 1]; multiply by 100 for percent.

    Raises
    ------
    ValueError
        If the numbers of examples differ.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning",
    2nd ed. 2009, section 7.2 (0-1 loss).

    Examples
    --------
    >>> error_rate(np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([0, 0])).item()
    0.5
    """
    if logits.shape[-2] != y.shape[-1]:
        raise ValueError(f"{logits.shape[-2]} rows of logits, {y.shape[-1]} labels")
    xp = namespace(logits)
    wrong = xp.argmax(logits, axis=-1) != y  # (…, N)
    return xp.mean(xp.astype(wrong, logits.dtype), axis=-1)


def accuracy(logits: Array, y: Array) -> Array:
    """Return the fraction of examples classified rightly, ``1 - error_rate``.

    References
    ----------
    See `error_rate`.

    Examples
    --------
    >>> accuracy(np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([0, 1])).item()
    1.0
    """
    return 1 - error_rate(logits, y)


def mean_se(values: Array, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the mean over random seeds and its standard error.

    .. math:: \bar v = \frac1n \sum_i v_i, \qquad
              \mathrm{se} = \sqrt{\frac{\sum_i (v_i - \bar v)^2}{n(n-1)}}

    Parameters
    ----------
    values : array
        One entry per seed along `axis`.
    axis : int
        The axis of the seeds.

    Returns
    -------
    mean, se : NumPy arrays without that axis, in the unit of `values`

    Raises
    ------
    ValueError
        If there are fewer than two values.

    References
    ----------
    X. Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks",
    MLSys 2021. arXiv:2103.03098.

    Examples
    --------
    >>> mean, se = mean_se([1.0, 2.0, 3.0])
    >>> float(mean), round(float(se), 3)
    (2.0, 0.577)
    """
    v = to_numpy(values).astype(np.float64)
    n = v.shape[axis] if v.ndim else 1
    if n < 2:
        raise ValueError(f"a standard error needs at least 2 values, not {n}")
    return v.mean(axis=axis), v.std(axis=axis, ddof=1) / np.sqrt(n)


def paired_difference(
    a: Array, b: Array, axis: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard error of ``a - b``, seed by seed.

    Runs that share a seed share the split and the start: their difference varies less
    than either does alone.

    Parameters
    ----------
    a, b : arrays of equal shape
        Entry i of both was measured with seed i.

    Raises
    ------
    ValueError
        If the shapes differ, or there are fewer than two pairs.

    References
    ----------
    T. G. Dietterich, "Approximate Statistical Tests for Comparing Supervised
    Classification Learning Algorithms", Neural Computation 10(7), 1998.

    Examples
    --------
    >>> mean, se = paired_difference([3.0, 4.0, 5.0], [2.0, 3.0, 4.0])
    >>> float(mean), float(se)
    (1.0, 0.0)
    """
    a, b = to_numpy(a), to_numpy(b)
    if a.shape != b.shape:
        raise ValueError(f"pairs need equal shapes, not {a.shape} and {b.shape}")
    return mean_se(a - b, axis=axis)

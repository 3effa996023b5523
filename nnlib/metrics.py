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


def confusion_matrix(labels: Array, y: Array, n_classes: int) -> np.ndarray:
    """Count examples by true class (row) and predicted class (column).

    Parameters
    ----------
    labels : integer array of shape (…, N)
        Predicted classes: ``logits.argmax(-1)``.
    y : integer array of shape (N,) or (…, N)
        True classes.
    n_classes : int
        C.

    Returns
    -------
    NumPy integer array of shape (…, C, C)

    Raises
    ------
    ValueError
        If the shapes differ or a label is outside 0..C-1.

    References
    ----------
    J. T. Townsend, "Theoretical analysis of an alphabetic confusion matrix", Perception
    & Psychophysics 9, 1971.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), 2)
    array([[1, 1],
           [0, 2]])
    """
    labels, y = to_numpy(labels), to_numpy(y)
    if labels.shape[-1:] != y.shape[-1:]:
        raise ValueError(f"{labels.shape[-1]} predictions, {y.shape[-1]} labels")
    y = np.broadcast_to(y, labels.shape)
    for name, values in (("predicted", labels), ("true", y)):
        outside = (values < 0) | (values >= n_classes)
        if outside.any():
            raise ValueError(
                f"{name} class {values[outside][0]} is outside 0..{n_classes - 1}"
            )
    lead, size = labels.shape[:-1], n_classes**2
    pairs = (n_classes * y + labels).reshape(-1, labels.shape[-1])
    counts = [np.bincount(row, minlength=size) for row in pairs]
    return np.reshape(counts, (*lead, n_classes, n_classes))


def per_class(confusion: np.ndarray) -> dict[str, np.ndarray]:
    r"""Return precision, recall and F1 of each class.

    .. math:: \text{precision} = \frac{TP}{TP + FP}, \quad
              \text{recall} = \frac{TP}{TP + FN}, \quad
              F_1 = \frac{2\,TP}{2\,TP + FP + FN}

    Parameters
    ----------
    confusion : array of shape (…, C, C)
        From `confusion_matrix`.

    Returns
    -------
    dict
        ``"precision"``, ``"recall"``, ``"f1"``: arrays of shape (…, C); 0 where nothing
        was predicted, or nothing is there.

    References
    ----------
    C. J. van Rijsbergen, "Information Retrieval", 2nd ed. 1979, chapter 7.

    Examples
    --------
    >>> per_class(np.array([[1, 1], [0, 2]]))["precision"].round(3)
    array([1.   , 0.667])
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    predicted, true = confusion.sum(axis=-2), confusion.sum(axis=-1)
    return {
        "precision": hits / np.maximum(predicted, 1),
        "recall": hits / np.maximum(true, 1),
        "f1": 2 * hits / np.maximum(predicted + true, 1),
    }


def binomial_se(error: Array, n: int) -> np.ndarray:
    r"""Return the standard error that a finite test set leaves on an error rate.

    .. math:: \sqrt{e(1-e)/n}

    Parameters
    ----------
    error : number or array
        Error rates e, as fractions.
    n : int
        Test examples.

    Notes
    -----
    It measures the chance of the test set only, not that of the training.

    References
    ----------
    T. G. Dietterich, Neural Computation 10(7), 1998, section 2.

    Examples
    --------
    >>> round(float(100 * binomial_se(0.0125, 10_000)), 2)  # percent, MNIST's test set
    0.11
    """
    e = to_numpy(error).astype(np.float64)
    return np.sqrt(e * (1 - e) / n)


def reliability(
    probabilities: Array, y: Array, *, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare confidence with accuracy, in bins of confidence.

    Parameters
    ----------
    probabilities : array of shape (N, C)
    y : integer array of shape (N,)
    bins : int
        M bins of equal width on (0, 1].

    Returns
    -------
    confidence, accuracy : arrays of shape (M,)
        Means within each bin, nan where it is empty.
    count : integer array of shape (M,)

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural
    Networks", ICML 2017, section 2. arXiv:1706.04599.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.8, 0.2]])
    >>> confidence, accuracy, count = reliability(p, np.array([0, 1]), bins=2)
    >>> round(float(confidence[1]), 6), float(accuracy[1]), count
    (0.85, 0.5, array([0, 2]))
    """
    p, y = to_numpy(probabilities), to_numpy(y)
    if p.ndim != 2 or y.shape != p.shape[:1]:
        raise ValueError(f"expected (N, C) and (N,), got {p.shape} and {y.shape}")
    sure, right = p.max(axis=-1), p.argmax(axis=-1) == y
    which = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(which, sure, bins) / count
        accurate = np.bincount(which, right, bins) / count
    return confidence, accurate, count


def calibration_error(probabilities: Array, y: Array, *, bins: int = 10) -> float:
    r"""Return the expected calibration error (ECE).

    .. math:: \sum_m \frac{n_m}{N}\, |\text{accuracy}_m - \text{confidence}_m|

    Parameters
    ----------
    probabilities, y, bins
        See `reliability`.

    Notes
    -----
    It depends on the bins, and it is biased upwards on small sets.

    References
    ----------
    Guo et al. 2017, eq. 3.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.8, 0.2]])
    >>> round(calibration_error(p, np.array([0, 1])), 6)  # (|1 - 0.9| + |0 - 0.8|) / 2
    0.45
    """
    confidence, accurate, count = reliability(probabilities, y, bins=bins)
    full = count > 0
    gaps = np.abs(accurate - confidence)[full]
    return float(gaps @ count[full] / count.sum())


def average_precision(scores: Array, y: Array) -> float:
    r"""Return the area under the precision-recall curve of a two-class score.

    .. math:: \sum_k (R_k - R_{k-1})\, P_k

    Parameters
    ----------
    scores : array of shape (N,)
        Larger means more likely positive.
    y : array of shape (N,), 0 or 1

    Raises
    ------
    ValueError
        If there is no positive example.

    Notes
    -----
    Examples with equal scores enter together. scikit-learn's
    ``average_precision_score``.

    References
    ----------
    J. Davis, M. Goadrich, "The relationship between Precision-Recall and ROC curves",
    ICML 2006.

    Examples
    --------
    >>> round(average_precision(np.array([0.9, 0.8, 0.1]), np.array([1, 0, 1])), 4)
    0.8333
    """
    hits, misses = _ranked(scores, y)
    precision = hits / (hits + misses)
    return float(np.diff(hits, prepend=0) @ precision / hits[-1])


def equal_error_rate(scores: Array, y: Array) -> float:
    """Return the rate at which false alarms and misses are equal.

    Parameters
    ----------
    scores, y
        See `average_precision`; both classes must occur.

    Notes
    -----
    Between two thresholds the rates are interpolated by a straight line.

    References
    ----------
    A. Martin et al., "The DET Curve in Assessment of Detection Task Performance",
    Eurospeech 1997.

    Examples
    --------
    >>> equal_error_rate(np.array([0.9, 0.4, 0.6, 0.1]), np.array([1, 1, 0, 0]))
    0.5
    """
    hits, alarms = _ranked(scores, y)
    if alarms[-1] == 0:
        raise ValueError("there is no negative example")
    missed = np.concatenate([[1.0], 1 - hits / hits[-1]])
    false = np.concatenate([[0.0], alarms / alarms[-1]])
    gap = missed - false  # falls from 1 to -1
    k = int(np.argmax(gap <= 0))
    share = gap[k - 1] / (gap[k - 1] - gap[k])
    return float(false[k - 1] + share * (false[k] - false[k - 1]))


def _ranked(scores: Array, y: Array) -> tuple[np.ndarray, np.ndarray]:
    """Count positives and negatives at or above each distinct score, from the top."""
    s, y = to_numpy(scores), to_numpy(y).astype(np.int64)
    if s.shape != y.shape or s.ndim != 1:
        raise ValueError(f"expected two arrays (N,), got {s.shape} and {y.shape}")
    if not (y == 1).any():
        raise ValueError("there is no positive example")
    order = np.argsort(-s, kind="stable")
    last = np.append(np.diff(s[order]) != 0, True)  # of each group of equal scores
    hits = np.cumsum(y[order])[last]
    return hits.astype(np.float64), (np.flatnonzero(last) + 1 - hits).astype(np.float64)

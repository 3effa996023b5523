"""Ensembles: several networks that answer together.

Members are the leading axis: a stack of K models is an ensemble of K, and its logits
``(K, N, C)`` are all that combining needs. `Snapshots` and `SWA` (written in
`nnlib.snapshots`) get several members, or one better one, from a single run.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from nnlib.activations import softmax
from nnlib.backend import Array, namespace, take_rows, to_numpy
from nnlib.snapshots import SWA, Snapshots, preserved, update_batchnorm

__all__ = [
    "SWA",
    "Snapshots",
    "ambiguity",
    "average_probabilities",
    "bootstrap",
    "disagreement",
    "majority_vote",
    "preserved",
    "update_batchnorm",
]


def average_probabilities(logits: Array) -> Array:
    r"""Return the mean of the members' probabilities.

    .. math:: \bar p = \frac1K \sum_k \operatorname{softmax}(z_k)

    Parameters
    ----------
    logits : array of shape (K, N, C)

    Returns
    -------
    array of shape (N, C)

    References
    ----------
    B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and Scalable Predictive
    Uncertainty Estimation using Deep Ensembles", NeurIPS 2017, section 2.4.
    arXiv:1612.01474.

    Examples
    --------
    >>> average_probabilities(np.array([[[100.0, 0.0]], [[0.0, 0.0]]])).round(2)
    array([[0.75, 0.25]])
    """
    _check_members(logits)
    return namespace(logits).mean(softmax(logits), axis=0)


def majority_vote(logits: Array, *, tie: str = "probability") -> np.ndarray:
    """Return the class that most members choose.

    Parameters
    ----------
    logits : array of shape (K, N, C)
    tie : {"probability", "first"}
        Among the classes with the most votes take the one with the largest mean
        probability, or the first.

    Returns
    -------
    NumPy integer array of shape (N,)

    Raises
    ------
    ValueError
        If `tie` is neither.

    References
    ----------
    L. K. Hansen, P. Salamon, "Neural Network Ensembles", IEEE PAMI 12(10), 1990,
    section IV.

    Examples
    --------
    >>> z = np.array([[[1.0, 0.0]], [[0.0, 3.0]]])  # one vote each, the second surer
    >>> majority_vote(z), majority_vote(z, tie="first")
    (array([1]), array([0]))
    """
    _check_members(logits)
    if tie not in ("probability", "first"):
        raise ValueError(f"tie={tie!r} is not one of 'probability', 'first'")
    z = to_numpy(logits)
    choices = z.argmax(axis=-1)  # (K, N)
    votes = (choices[..., None] == np.arange(z.shape[-1])).sum(axis=0)  # (N, C)
    if tie == "first":
        return votes.argmax(axis=-1)
    winners = votes == votes.max(axis=-1, keepdims=True)
    return np.where(winners, to_numpy(average_probabilities(logits)), -1).argmax(-1)


def ambiguity(predictions: Array, target: Array) -> dict[str, np.ndarray]:
    r"""Split the squared error of a mean prediction; exact for every example.

    .. math:: (\bar f - y)^2 = \frac1K \sum_k (f_k - y)^2
              - \frac1K \sum_k (f_k - \bar f)^2

    The error of the ensemble is the mean error of its members minus their ambiguity,
    the amount by which they disagree.

    Parameters
    ----------
    predictions : array of shape (K, N, …)
        Numbers, or probabilities of classes.
    target : array of shape (N, …)
        Numbers, or rows with a single 1.

    Returns
    -------
    dict
        ``"ensemble"``, ``"members"``, ``"ambiguity"``: numbers, averaged over the
        examples and summed over further axes.

    References
    ----------
    A. Krogh, J. Vedelsby, "Neural Network Ensembles, Cross Validation, and Active
    Learning", NeurIPS 1994, eq. 5.

    Examples
    --------
    >>> parts = ambiguity(np.array([[1.0], [3.0]]), np.array([1.0]))
    >>> float(parts["ensemble"]), float(parts["members"]), float(parts["ambiguity"])
    (1.0, 2.0, 1.0)
    """
    f, y = to_numpy(predictions).astype(np.float64), to_numpy(target)
    if f.ndim < 2 or f.shape[1:] != y.shape:
        raise ValueError(f"{f.shape} are no K predictions of targets {y.shape}")
    mean = f.mean(axis=0)
    n, k = y.shape[0], f.shape[0]
    return {
        "ensemble": np.sum((mean - y) ** 2) / n,
        "members": np.sum((f - y) ** 2) / (n * k),
        "ambiguity": np.sum((f - mean) ** 2) / (n * k),
    }


def disagreement(logits: Array) -> float:
    """Return the share of examples on which two different members disagree, on average.

    Parameters
    ----------
    logits : array of shape (K, N, C)
        K at least 2.

    References
    ----------
    L. I. Kuncheva, C. J. Whitaker, "Measures of Diversity in Classifier Ensembles",
    Machine Learning 51, 2003, eq. 8.

    Examples
    --------
    >>> disagreement(np.array([[[1.0, 0.0]], [[0.0, 3.0]]]))
    1.0
    """
    _check_members(logits)
    labels = to_numpy(logits).argmax(axis=-1)  # (K, N)
    k = len(labels)
    if k < 2:
        raise ValueError("disagreement needs at least 2 members")
    differ = np.mean(labels[:, None] != labels[None, :], axis=-1)  # (K, K)
    return float(differ.sum() / (k * (k - 1)))


def bootstrap(data: Any, k: int, *, rng: np.random.Generator) -> Any:
    """Draw K training sets with replacement, for a stack of K models (bagging).

    Parameters
    ----------
    data : nnlib.data.Split
    k : int
        K.
    rng : numpy.random.Generator

    Returns
    -------
    nnlib.data.Split
        ``x_train`` of shape (K, N, …), ``y_train`` of shape (K, N); the rest as it was.

    References
    ----------
    L. Breiman, "Bagging Predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from nnlib.data import digits
    >>> rng = np.random.default_rng(0)
    >>> bootstrap(digits(rng=rng, device="cpu"), 5, rng=rng).x_train.shape
    (5, 1000, 64)
    """
    n = data.y_train.shape[0]
    index = rng.integers(0, n, (k, n))
    drawn = (take_rows(v, index) for v in (data.x_train, data.y_train))
    return replace(data, **dict(zip(("x_train", "y_train"), drawn, strict=True)))


def _check_members(logits: Array) -> None:
    if logits.ndim != 3:
        raise ValueError(f"expected logits (K, N, C), got shape {tuple(logits.shape)}")

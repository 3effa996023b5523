"""Losses: from logits and labels to ``(loss, dlogits)`` in one call.

Each averages over the batch and returns one loss per stacked model.
"""

from nnlib.activations import log_softmax
from nnlib.backend import Array, namespace, one_hot


def check_labels(logits: Array, y: Array) -> None:
    """Raise a clear error for labels that do not fit the logits.

    Raises
    ------
    ValueError
        If the number of labels, their type or their range is wrong.

    References
    ----------
    nnlib's own rule; torch reports the same mistakes from inside a kernel.

    Examples
    --------
    >>> import numpy as np
    >>> check_labels(np.zeros((2, 3)), np.array([0, 3]))
    Traceback (most recent call last):
    ...
    ValueError: label 3 is outside 0..2 (3 classes)
    """
    n, classes = logits.shape[-2], logits.shape[-1]
    if y.shape[-1] != n:
        raise ValueError(f"{n} rows of logits but {y.shape[-1]} labels")
    if not namespace(y).isdtype(y.dtype, "integral"):
        raise ValueError(f"labels must be integers, not {y.dtype}")
    if n == 0:
        raise ValueError("the batch is empty")
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        bad = low if low < 0 else high
        raise ValueError(f"label {bad} is outside 0..{classes - 1} ({classes} classes)")


def softmax_cross_entropy(logits: Array, y: Array) -> tuple[Array, Array]:
    r"""Mean negative log-probability of the right class, in nats.

    .. math:: L = -\frac1N \sum_n \log p_{n, y_n}, \qquad
              \frac{\partial L}{\partial z} = \frac{p - \text{onehot}(y)}{N}

    Parameters
    ----------
    logits : array of shape (…, N, C)
    y : integer array of shape (N,) or (…, N)

    Returns
    -------
    loss : array of shape (…)
        ln C when all logits are equal.
    dlogits : array of shape (…, N, C)

    Raises
    ------
    ValueError
        See `check_labels`.

    Notes
    -----
    Goes through `log_softmax`, so a confident mistake costs its logit, not infinity.

    References
    ----------
    J. S. Bridle, "Probabilistic interpretation of feedforward classification network
    outputs", 1990.

    Examples
    --------
    >>> import numpy as np
    >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> round(float(loss), 4), dlogits
    (1.3863, array([[ 0.25,  0.25, -0.75,  0.25]]))
    """
    check_labels(logits, y)
    xp = namespace(logits)
    logp = log_softmax(logits)  # (…, N, C)
    target = one_hot(y, logits.shape[-1], like=logits)
    n = logits.shape[-2]
    loss = -xp.sum(target * logp, axis=(-2, -1)) / n
    return loss, (xp.exp(logp) - target) / n

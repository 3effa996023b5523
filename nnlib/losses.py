r"""Losses: from logits and labels to ``(loss, dlogits)`` in one call.

Each averages over the batch and returns one loss per stacked model. Labels without the
leading axes are shared by all models. ``functools.partial`` fixes the options where a
training loop wants a function of two arguments::

    loss = partial(softmax_cross_entropy, label_smoothing=0.1)
"""

import math
from typing import Any

from nnlib.activations import log_softmax, sigmoid, softplus
from nnlib.backend import (
    Array,
    inner,
    labels_fit,
    namespace,
    one_hot,
    row_max,
    row_sum,
)


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
    if logits.ndim < 2:
        raise ValueError(f"logits are (…, N, C), not {tuple(logits.shape)}")
    n, classes = logits.shape[-2], logits.shape[-1]
    if y.ndim == 0 or y.shape[-1] != n:
        got = y.shape[-1] if y.ndim else "a single number as"
        raise ValueError(f"{n} rows of logits but {got} labels")
    if y.ndim > 1 and tuple(y.shape) != tuple(logits.shape[:-1]):
        shapes = tuple(y.shape), tuple(logits.shape)
        raise ValueError(f"labels {shapes[0]} do not fit logits {shapes[1]}")
    if n == 0:
        raise ValueError("the batch is empty")
    if 0 in y.shape:  # a stack of no models
        return
    if not labels_fit(y, classes):
        xp = namespace(y)
        low, high = int(xp.min(y)), int(xp.max(y))
        bad = low if low < 0 else high
        raise ValueError(f"label {bad} is outside 0..{classes - 1} ({classes} classes)")


def match_targets(prediction: Array, y: Array) -> Array:
    """Return `y` with the axes of `prediction`, or refuse to broadcast.

    Targets (N,) fit a single output column (N, 1). Anything else must have the shape of
    the prediction, or lack only its leading axes: (N, 1) against (N,) would otherwise
    give N·N differences without a word.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the batch is empty.

    References
    ----------
    nnlib's own rule.

    Examples
    --------
    >>> import numpy as np
    >>> match_targets(np.zeros((4, 1)), np.zeros(4)).shape
    (4, 1)
    """
    shape = tuple(prediction.shape)
    if math.prod(shape[-2:]) == 0:
        raise ValueError("the batch is empty")
    if y.ndim >= 2 and tuple(y.shape) == shape[-y.ndim :]:
        return y
    if shape[-1] == 1 and y.ndim >= 1 and tuple(y.shape) == shape[-1 - y.ndim : -1]:
        return y[..., None]
    raise ValueError(f"targets {tuple(y.shape)} do not fit predictions {shape}")


def mse(prediction: Array, y: Array) -> tuple[Array, Array]:
    r"""Mean squared error over the batch and the D outputs.

    .. math:: L = \frac{1}{ND} \sum_{n,d} (\hat y_{nd} - y_{nd})^2, \qquad
              \frac{\partial L}{\partial \hat y} = \frac{2}{ND} (\hat y - y)

    Parameters
    ----------
    prediction : array of shape (…, N, D)
    y : array of shape (N, D) or (…, N, D); (N,) where D = 1

    Returns
    -------
    loss : array of shape (…)
    dprediction : array of shape (…, N, D)

    Raises
    ------
    ValueError
        See `match_targets`.

    Notes
    -----
    As in torch. Textbooks often write half of the sum over D.

    References
    ----------
    C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 1.5.5.

    Examples
    --------
    >>> import numpy as np
    >>> mse(np.array([[3.0]]), np.array([1.0]))
    (np.float64(4.0), array([[4.]]))
    """
    y = match_targets(prediction, y)
    xp = namespace(prediction)
    difference = prediction - xp.astype(y, prediction.dtype)
    size = prediction.shape[-2] * prediction.shape[-1]
    loss = xp.sum(difference * difference, axis=(-2, -1)) / size
    return loss, (2 / size) * difference


def cross_entropy_terms(logits: Array, y: Array) -> Array:
    """Return the cross-entropy of every example, in nats, without a gradient.

    Parameters
    ----------
    logits : array of shape (…, N, C)
    y : integer array of shape (N,) or (…, N)

    Returns
    -------
    array of shape (…, N)

    Raises
    ------
    ValueError
        See `check_labels`.

    References
    ----------
    Bishop 2006, eq. 4.108.

    Examples
    --------
    >>> import numpy as np
    >>> cross_entropy_terms(np.zeros((2, 4)), np.array([2, 0])).round(4)
    array([1.3863, 1.3863])
    """
    check_labels(logits, y)
    target = one_hot(y, logits.shape[-1], like=logits)
    return -namespace(logits).sum(target * log_softmax(logits), axis=-1)


def soft_cross_entropy(logits: Array, target: Array) -> tuple[Array, Array]:
    r"""Mean cross-entropy against given distributions (mixup, distillation).

    .. math:: L = -\frac1N \sum_{n,c} t_{nc} \log p_{nc}, \qquad
              \frac{\partial L}{\partial z_n}
              = \frac1N \Big( p_n \sum_c t_{nc} - t_n \Big)

    Parameters
    ----------
    logits : array of shape (…, N, C)
    target : array of shape (N, C) or (…, N, C)
        Rows t that usually sum to 1.

    Returns
    -------
    loss : array of shape (…)
    dlogits : array of shape (…, N, C)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk
    Minimization", ICLR 2018. arXiv:1710.09412.

    Examples
    --------
    >>> import numpy as np
    >>> loss, _ = soft_cross_entropy(np.zeros((1, 2)), np.array([[0.3, 0.7]]))
    >>> round(float(loss), 4)
    0.6931
    """
    xp = namespace(logits)
    target = xp.astype(match_targets(logits, target), logits.dtype)
    logp = log_softmax(logits)  # (…, N, C)
    n = logits.shape[-2]
    loss = -xp.sum(target * logp, axis=(-2, -1)) / n
    total = xp.sum(target, axis=-1, keepdims=True)
    return loss, (xp.exp(logp) * total - target) / n


def softmax_cross_entropy(
    logits: Array,
    y: Array,
    *,
    label_smoothing: float = 0.0,
    class_weight: Any = None,
) -> tuple[Array, Array]:
    r"""Mean negative log-probability of the right class, in nats.

    .. math:: L = -\frac1N \sum_n \log p_{n, y_n}, \qquad
              \frac{\partial L}{\partial z} = \frac{p - \text{onehot}(y)}{N}

    With label smoothing s and class weights w the right class gets 1 - s + s/C, every
    other one s/C, and the mean is a weighted one:

    .. math:: L = -\frac{\sum_{n,c} w_c\, t_{nc} \log p_{nc}}{\sum_n w_{y_n}}

    Parameters
    ----------
    logits : array of shape (…, N, C)
    y : integer array of shape (N,) or (…, N)
    label_smoothing : float
        The share s in [0, 1] that is spread over all classes.
    class_weight : sequence of C numbers, optional
        The weight w of each class; rare classes get the larger ones.

    Returns
    -------
    loss : array of shape (…)
        ln C when all logits are equal.
    dlogits : array of shape (…, N, C)

    Raises
    ------
    ValueError
        See `check_labels`; also if the smoothing is outside [0, 1], or the weights do
        not number C or are all 0 in this batch.

    Notes
    -----
    The log of the sum is taken after the largest logit is subtracted, as in
    `nnlib.activations.log_softmax`: a confident mistake costs its logit, not infinity.

    References
    ----------
    J. S. Bridle, "Probabilistic interpretation of feedforward classification network
    outputs", 1990. C. Szegedy et al., "Rethinking the Inception Architecture for
    Computer Vision", CVPR 2016, section 7 (smoothing). arXiv:1512.00567.

    Examples
    --------
    >>> import numpy as np
    >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> round(float(loss), 4), dlogits
    (1.3863, array([[ 0.25,  0.25, -0.75,  0.25]]))
    """
    check_labels(logits, y)
    xp = namespace(logits)
    classes, n = logits.shape[-1], logits.shape[-2]
    target = one_hot(y, classes, like=logits)
    if class_weight is None and not label_smoothing:
        logp = logits - row_max(logits)  # (…, N, C)
        p = xp.exp(logp)
        total = row_sum(p)  # at least 1: its log is finite
        logp -= xp.log(total)
        loss = inner(target, logp) / -n
        p /= total
        p -= target
        p /= n
        return loss, p
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in [0, 1], not {label_smoothing}")
    share = (1 - label_smoothing) * target + label_smoothing / classes
    if class_weight is not None:
        w = _class_row(class_weight, classes, logits)
        total = xp.sum(w * target, axis=(-2, -1), keepdims=True)
        if not bool(xp.all(total > 0)):
            raise ValueError("no example of this batch has a positive class weight")
        share = w * share * (n / total)
    return soft_cross_entropy(logits, share)


def _class_row(values: Any, classes: int, like: Array) -> Array:
    row = namespace(like).asarray(values, dtype=like.dtype, device=like.device)
    if tuple(row.shape) != (classes,):
        raise ValueError(f"{classes} classes but weights of shape {tuple(row.shape)}")
    return row


def binary_cross_entropy(logits: Array, y: Array) -> tuple[Array, Array]:
    r"""Mean cross-entropy of independent yes-no answers, from their logits, in nats.

    .. math:: L = \frac{1}{ND} \sum \left[ \log(1 + e^{z}) - y z \right], \qquad
              \frac{\partial L}{\partial z} = \frac{\sigma(z) - y}{ND}

    Parameters
    ----------
    logits : array of shape (…, N, D)
    y : array of shape (N, D) or (…, N, D); (N,) where D = 1
        0 or 1, or a probability.

    Returns
    -------
    loss : array of shape (…)
        ln 2 when all logits are 0.
    dlogits : array of shape (…, N, D)

    Raises
    ------
    ValueError
        If the shapes do not fit, or a target is outside [0, 1].

    References
    ----------
    Bishop 2006, eqs. 4.90 and 4.91.

    Examples
    --------
    >>> import numpy as np
    >>> loss, dlogits = binary_cross_entropy(np.zeros((1, 1)), np.array([1]))
    >>> round(float(loss), 4), dlogits
    (0.6931, array([[-0.5]]))
    """
    y = _yes_or_no(logits, y)
    xp = namespace(logits)
    size = logits.shape[-2] * logits.shape[-1]
    loss = xp.sum(softplus(logits) - y * logits, axis=(-2, -1)) / size
    return loss, (sigmoid(logits) - y) / size


def _yes_or_no(logits: Array, y: Array) -> Array:
    xp = namespace(logits)
    y = xp.astype(match_targets(logits, y), logits.dtype)
    if not bool(xp.all((y >= 0) & (y <= 1))):
        raise ValueError("targets of a binary loss must lie in [0, 1]")
    return y


def focal(
    logits: Array, y: Array, *, gamma: float = 2.0, alpha: Any = None
) -> tuple[Array, Array]:
    r"""Cross-entropy that pays less for what is already classified well.

    .. math:: L = -\frac1N \sum_n \alpha_{y_n} (1 - p_n)^\gamma \log p_n, \qquad
              p_n = p_{n, y_n}

    Parameters
    ----------
    logits : array of shape (…, N, C)
    y : integer array of shape (N,) or (…, N)
    gamma : float
        Focus, at least 0; 0 gives the cross-entropy.
    alpha : sequence of C numbers, optional
        Weight of each class; 1 by default.

    Returns
    -------
    loss : array of shape (…)
    dlogits : array of shape (…, N, C)

    Raises
    ------
    ValueError
        If gamma is negative; also see `check_labels`.

    Notes
    -----
    The softmax form for C classes. The paper's own is binary, `binary_focal`.

    References
    ----------
    T.-Y. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eqs. 4 and 5.
    arXiv:1708.02002.

    Examples
    --------
    >>> import numpy as np
    >>> loss, _ = focal(np.zeros((1, 2)), np.array([0]), gamma=2.0)
    >>> round(float(loss), 4)  # a quarter of ln 2
    0.1733
    """
    check_labels(logits, y)
    xp = namespace(logits)
    classes, n = logits.shape[-1], logits.shape[-2]
    target = one_hot(y, classes, like=logits)
    logp = log_softmax(logits)
    term, slope = _focal(xp.sum(target * logp, axis=-1), gamma)  # (…, N)
    if alpha is not None:
        weight = xp.sum(_class_row(alpha, classes, logits) * target, axis=-1)
        term, slope = weight * term, weight * slope
    dlogits = slope[..., None] * (target - xp.exp(logp)) / n
    return xp.sum(term, axis=-1) / n, dlogits


def binary_focal(
    logits: Array, y: Array, *, gamma: float = 2.0, alpha: float | None = 0.25
) -> tuple[Array, Array]:
    r"""Focal loss of independent yes-no answers, as in the paper.

    .. math:: L = -\frac{1}{ND} \sum \alpha_t (1 - p_t)^\gamma \log p_t

    with :math:`p_t = \sigma(z)`, :math:`\alpha_t = \alpha` for a yes and
    :math:`1 - \sigma(z)`, :math:`1 - \alpha` for a no.

    Parameters
    ----------
    logits : array of shape (…, N, D)
    y : array of 0 and 1, of shape (N, D) or (…, N, D); (N,) where D = 1
    gamma : float
        Focus, at least 0.
    alpha : float, optional
        Weight of a yes; None for no weights.

    Returns
    -------
    loss : array of shape (…)
    dlogits : array of shape (…, N, D)

    Raises
    ------
    ValueError
        If gamma is negative or a target is neither 0 nor 1.

    Notes
    -----
    Averages over the batch as all losses here do. The paper divides the sum by the
    number of positive examples (section 4).

    References
    ----------
    Lin et al. 2017, see `focal`.

    Examples
    --------
    >>> import numpy as np
    >>> loss, _ = binary_focal(np.zeros((1, 1)), np.array([1]))
    >>> round(float(loss), 4)  # ln 2 / 16
    0.0433
    """
    y = _yes_or_no(logits, y)
    xp = namespace(logits)
    if not bool(xp.all((y == 0) | (y == 1))):
        raise ValueError("targets of the focal loss must be 0 or 1")
    sign = 2 * y - 1
    term, slope = _focal(-softplus(-sign * logits), gamma)  # log p_t
    if alpha is not None:
        weight = alpha * y + (1 - alpha) * (1 - y)
        term, slope = weight * term, weight * slope
    size = logits.shape[-2] * logits.shape[-1]
    dlogits = slope * sigmoid(-sign * logits) * sign / size
    return xp.sum(term, axis=(-2, -1)) / size, dlogits


def _focal(logp: Array, gamma: float) -> tuple[Array, Array]:
    """Return -(1 - p)^gamma log p and its derivative by log p, also where p = 1."""
    if not gamma >= 0:
        raise ValueError(f"gamma must be at least 0, not {gamma}")
    xp = namespace(logp)
    q = -xp.expm1(logp)  # 1 - p
    certain = xp.astype(q == 0, logp.dtype)
    ratio = (logp - certain) / (q + certain)  # log p / (1 - p), which tends to -1
    power = q**gamma
    return -power * logp, power * (gamma * (1 - q) * ratio - 1)

"""Learn from the examples with the largest loss only (OHEM)."""

from collections.abc import Sequence

from nnlib.activations import softmax
from nnlib.backend import Array, namespace, one_hot
from nnlib.losses import cross_entropy_terms


def _hardest(losses: Array, k: int) -> Array:
    """Mark the k largest of each row; equal losses go by position."""
    xp = namespace(losses)
    order = xp.argsort(-losses, axis=-1, stable=True)
    rank = xp.argsort(order, axis=-1, stable=True)  # 0 for the largest
    return rank < k


def ohem_mask(
    losses: Array,
    k: int,
    *,
    y: Array | None = None,
    ratio: Sequence[float] | None = None,
) -> Array:
    """Mark the k examples of a batch with the largest loss.

    Parameters
    ----------
    losses : array of shape (…, N)
        One loss per example, not negative.
    k : int
        How many to keep, 1 to N.
    y : integer array of shape (N,) or (…, N), optional
        Labels, needed with `ratio`.
    ratio : sequence of C numbers, optional
        Shares of the classes among the k, such as ``(0.75, 0.25)`` for one positive to
        three negatives. A class keeps its hardest ``round(share · k)``, or all if it
        has fewer.

    Returns
    -------
    array of shape (…, N)
        1 for a kept example, 0 for the others, in the dtype of `losses`.

    Raises
    ------
    ValueError
        If k is outside 1..N, or the ratio is negative, not summing to 1, or without
        labels.

    Notes
    -----
    The hardest examples include the wrongly labeled ones.

    References
    ----------
    A. Shrivastava, A. Gupta, R. Girshick, "Training Region-based Object Detectors with
    Online Hard Example Mining", CVPR 2016, section 4. arXiv:1604.03540. W. Liu et al.,
    "SSD: Single Shot MultiBox Detector", ECCV 2016, section 2.2 (ratio of 3 to 1).
    arXiv:1512.02325.

    Examples
    --------
    >>> import numpy as np
    >>> losses = np.array([0.1, 2.0, 0.3, 1.0])
    >>> ohem_mask(losses, 2)
    array([0., 1., 0., 1.])
    >>> ohem_mask(losses, 2, y=np.array([0, 1, 0, 1]), ratio=(0.5, 0.5))
    array([0., 1., 1., 0.])
    """
    xp, n = namespace(losses), losses.shape[-1]
    if not 1 <= k <= n:
        raise ValueError(f"k must be 1 to {n}, the size of the batch, not {k}")
    if ratio is None:
        return xp.astype(_hardest(losses, k), losses.dtype)
    if y is None:
        raise ValueError("a class ratio needs the labels y")
    if min(ratio) < 0 or abs(sum(ratio) - 1) > 1e-6:
        raise ValueError(f"the class ratio must be shares that sum to 1, not {ratio}")
    mask = xp.zeros_like(losses)
    for label, share in enumerate(ratio):
        member = y == label
        candidates = xp.where(member, losses, -xp.ones_like(losses))
        hardest = _hardest(candidates, round(share * k)) & member
        mask += xp.astype(hardest, losses.dtype)
    return mask


def ohem_cross_entropy(
    logits: Array, y: Array, *, k: int, ratio: Sequence[float] | None = None
) -> tuple[Array, Array]:
    r"""Mean softmax cross-entropy of the hardest examples of the batch.

    .. math:: L = \frac{\sum_n m_n \ell_n}{\sum_n m_n}

    Parameters
    ----------
    logits : array of shape (…, N, C)
    y : integer array of shape (N,) or (…, N)
    k, ratio
        See `ohem_mask`; a batch smaller than k is kept whole.

    Returns
    -------
    loss : array of shape (…)
    dlogits : array of shape (…, N, C)
        0 for the easy examples.

    Raises
    ------
    ValueError
        See `ohem_mask` and `nnlib.losses.check_labels`.

    References
    ----------
    Shrivastava, Gupta, Girshick 2016, see `ohem_mask`.

    Examples
    --------
    >>> import numpy as np
    >>> z = np.array([[9.0, 0.0], [0.0, 0.0]])
    >>> loss, dlogits = ohem_cross_entropy(z, np.array([0, 0]), k=1)
    >>> round(float(loss), 4), dlogits[1]
    (0.6931, array([-0.5,  0.5]))
    """
    xp = namespace(logits)
    losses = cross_entropy_terms(logits, y)  # (…, N)
    mask = ohem_mask(losses, min(k, logits.shape[-2]), y=y, ratio=ratio)
    count = xp.maximum(xp.sum(mask, axis=-1, keepdims=True), 1.0)
    weight = mask / count  # (…, N)
    error = softmax(logits) - one_hot(y, logits.shape[-1], like=logits)
    return xp.sum(weight * losses, axis=-1), weight[..., None] * error

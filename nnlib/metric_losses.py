r"""Losses that learn a distance: same class near, other classes far.

Embeddings are ``(…, N, D)``, one row per example; the pairs and triplets are formed
within the batch. ``f(e, y) -> (loss, de)`` fits a training loop like any other loss.
"""

from nnlib.backend import Array, namespace
from nnlib.losses import match_targets

STRATEGIES = ("all", "semi-hard", "hardest")


def distances(e: Array, *, squared: bool = False) -> Array:
    r"""Return the Euclidean distance of every pair of rows.

    Parameters
    ----------
    e : array of shape (…, N, D)
    squared : bool
        Return squared distances.

    Returns
    -------
    array of shape (…, N, N)
        Exactly 0 on the diagonal.

    Notes
    -----
    From differences, which takes memory N·N·D. The shorter
    :math:`|a|^2 + |b|^2 - 2ab` cancels for near neighbors, the ones that matter.

    References
    ----------
    R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality Reduction by Learning an Invariant
    Mapping", CVPR 2006, eq. 1. doi:10.1109/CVPR.2006.100.

    Examples
    --------
    >>> import numpy as np
    >>> distances(np.array([[0.0, 0.0], [3.0, 4.0]]))
    array([[0., 5.],
           [5., 0.]])
    """
    xp = namespace(e)
    difference = e[..., :, None, :] - e[..., None, :, :]  # (…, N, N, D)
    d2 = xp.sum(difference * difference, axis=-1)
    return d2 if squared else xp.sqrt(d2)


def distances_backward(dd: Array, e: Array, *, squared: bool = False) -> Array:
    r"""Return the gradient through `distances`.

    .. math:: \frac{\partial d_{ij}}{\partial e_i} = \frac{e_i - e_j}{d_{ij}}, \qquad
              \frac{\partial d_{ij}^2}{\partial e_i} = 2 (e_i - e_j)

    Parameters
    ----------
    dd : array of shape (…, N, N)
    e : array of shape (…, N, D)

    Returns
    -------
    array of shape (…, N, D)

    Notes
    -----
    Two equal rows have no direction: the subgradient 0 is taken.

    References
    ----------
    Hadsell, Chopra, LeCun 2006, see `distances`.

    Examples
    --------
    >>> import numpy as np
    >>> e = np.array([[0.0, 0.0], [3.0, 4.0]])
    >>> distances_backward(np.array([[0.0, 1.0], [0.0, 0.0]]), e)
    array([[-0.6, -0.8],
           [ 0.6,  0.8]])
    """
    xp = namespace(e)
    if squared:
        pull = 2 * dd
    else:
        d = distances(e)
        zero = xp.astype(d == 0, d.dtype)
        pull = dd * (1 - zero) / (d + zero)
    pull = pull + pull.mT  # d_ij moves e_i and e_j
    return xp.sum(pull, axis=-1, keepdims=True) * e - pull @ e


def _same_class(e: Array, y: Array) -> tuple[Array, Array]:
    """Return which pairs (i, j) share a class, and which i and j differ."""
    labels = match_targets(e[..., :1], y)[..., 0]
    if not namespace(labels).isdtype(labels.dtype, "integral"):
        raise ValueError(f"labels must be integers, not {labels.dtype}")
    xp, n = namespace(labels), labels.shape[-1]
    same = labels[..., :, None] == labels[..., None, :]  # (…, N, N)
    index = xp.arange(n, device=labels.device)
    return same, index[:, None] != index[None, :]


def contrastive(e: Array, y: Array, *, margin: float = 1.0) -> tuple[Array, Array]:
    r"""Pull pairs of one class together; push other pairs to the margin, not beyond.

    .. math:: L = \frac{1}{M} \sum_{i<j} \tfrac12 \begin{cases}
              d_{ij}^2 & y_i = y_j \\ \max(0, m - d_{ij})^2 & y_i \ne y_j
              \end{cases}

    over the :math:`M = N(N-1)/2` pairs of the batch.

    Parameters
    ----------
    e : array of shape (…, N, D)
        Embeddings, N at least 2.
    y : integer array of shape (N,) or (…, N)
    margin : float
        The distance m beyond which a negative pair costs nothing.

    Returns
    -------
    loss : array of shape (…)
    de : array of shape (…, N, D)

    Raises
    ------
    ValueError
        If the labels do not fit or are not integers, there is no pair, or the margin is
        not positive.

    Notes
    -----
    Without the hinge a negative pair beyond the margin would be pulled back.

    References
    ----------
    Hadsell, Chopra, LeCun 2006, eq. 4, see `distances`.

    Examples
    --------
    >>> import numpy as np
    >>> e = np.array([[0.0], [0.4]])
    >>> loss, de = contrastive(e, np.array([0, 1]))
    >>> round(float(loss), 4), de.round(4)  # half of 0.6 squared
    (0.18, array([[ 0.6],
           [-0.6]]))
    """
    if not margin > 0:
        raise ValueError(f"the margin must be positive, not {margin}")
    same, apart = _same_class(e, y)
    n = e.shape[-2]
    if n < 2:
        raise ValueError("a pair needs at least two examples")
    xp = namespace(e)
    d = distances(e)
    gap = xp.maximum(margin - d, 0.0)
    pairs = n * (n - 1)  # (i, j) and (j, i)
    term = xp.where(same, d * d, xp.where(apart, gap * gap, xp.zeros_like(d)))
    loss = 0.5 * xp.sum(term, axis=(-2, -1)) / pairs
    dd = xp.where(same, d, -gap) / pairs
    return loss, distances_backward(dd, e)


def triplet_mask(d: Array, y: Array, *, margin: float, strategy: str) -> Array:
    r"""Choose triplets (anchor, positive, negative) of a batch.

    Parameters
    ----------
    d : array of shape (…, N, N)
        Distances, see `distances`.
    y : integer array of shape (N,) or (…, N)
    margin : float
        For "semi-hard".
    strategy : {"all", "semi-hard", "hardest"}
        ``"all"``: every valid triplet.

        ``"semi-hard"``: the negative is farther than the positive, by less than the
        margin.

        ``"hardest"``: per anchor the farthest positive and the nearest negative.

    Returns
    -------
    Boolean array of shape (…, N, N, N)
        Entry (a, p, n) says whether the triplet is used.

    Raises
    ------
    ValueError
        If the strategy is unknown.

    References
    ----------
    F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet: A Unified Embedding for Face
    Recognition and Clustering", CVPR 2015, section 3.2 (semi-hard). arXiv:1503.03832.
    A. Hermans, L. Beyer, B. Leibe, "In Defense of the Triplet Loss for Person
    Re-Identification", 2017, section 2 (batch all, batch hard). arXiv:1703.07737.

    Examples
    --------
    >>> import numpy as np
    >>> d = distances(np.array([[0.0], [1.0], [1.5], [9.0]]))
    >>> y = np.array([0, 0, 1, 1])
    >>> np.argwhere(triplet_mask(d, y, margin=1.0, strategy="semi-hard")).tolist()
    [[0, 1, 2], [3, 2, 1]]
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy {strategy!r} is not one of {', '.join(STRATEGIES)}")
    xp = namespace(d)
    same, apart = _same_class(d, y)
    positive, negative = same & apart, ~same
    if strategy == "hardest":
        far = xp.where(positive, d, -xp.ones_like(d))
        near = xp.where(negative, d, xp.ones_like(d) * xp.inf)
        index = xp.arange(d.shape[-1], device=d.device)
        positive = positive & (index == xp.argmax(far, axis=-1)[..., None])
        negative = negative & (index == xp.argmin(near, axis=-1)[..., None])
    chosen = positive[..., :, :, None] & negative[..., :, None, :]  # (…, N, N, N)
    if strategy == "semi-hard":
        gap = d[..., :, None, :] - d[..., :, :, None]
        chosen = chosen & (gap > 0) & (gap < margin)
    return chosen


def triplet(
    e: Array,
    y: Array,
    *,
    margin: float = 0.2,
    strategy: str = "all",
    squared: bool = False,
) -> tuple[Array, Array]:
    r"""Ask that a negative is farther from the anchor than a positive, by a margin.

    .. math:: L = \frac{1}{T} \sum_{(a,p,n)} \max(0,\; d_{ap} - d_{an} + m)

    over the T triplets that the strategy chooses; 0 if it chooses none.

    Parameters
    ----------
    e : array of shape (…, N, D)
        Embeddings.
    y : integer array of shape (N,) or (…, N)
    margin : float
        m, in units of the distance.
    strategy : {"all", "semi-hard", "hardest"}
        See `triplet_mask`. The choice is not differentiated.
    squared : bool
        Use squared distances, as Schroff et al. do; torch's TripletMarginLoss does not.

    Returns
    -------
    loss : array of shape (…)
    de : array of shape (…, N, D)

    Raises
    ------
    ValueError
        If the labels do not fit or are not integers, the strategy is unknown, or the
        margin is not positive.

    Notes
    -----
    Mining the hardest negatives can collapse all embeddings to one point, where the
    loss is the margin: near the anchor the direction from it is noise. Hermans et al.
    average "batch all" over the triplets that are not yet solved; here over all.

    References
    ----------
    K. Q. Weinberger, L. K. Saul, "Distance Metric Learning for Large Margin Nearest
    Neighbor Classification", JMLR 10, 2009. Schroff, Kalenichenko, Philbin 2015, eq. 2.
    C.-Y. Wu et al., "Sampling Matters in Deep Embedding Learning", ICCV 2017,
    section 3 (collapse). arXiv:1706.07567.

    Examples
    --------
    >>> import numpy as np
    >>> e = np.array([[0.0], [1.0], [1.5]])
    >>> loss, _ = triplet(e, np.array([0, 0, 1]), margin=1.0)
    >>> round(float(loss), 4)  # ((1 - 1.5 + 1) + (1 - 0.5 + 1)) / 2
    1.0
    """
    if not margin > 0:
        raise ValueError(f"the margin must be positive, not {margin}")
    xp = namespace(e)
    d = distances(e, squared=squared)
    chosen = xp.astype(triplet_mask(d, y, margin=margin, strategy=strategy), e.dtype)
    count = xp.maximum(xp.sum(chosen, axis=(-3, -2, -1)), 1.0)
    violation = d[..., :, :, None] - d[..., :, None, :] + margin  # (…, a, p, n)
    hinge = chosen * xp.maximum(violation, 0.0)
    loss = xp.sum(hinge, axis=(-3, -2, -1)) / count
    active = xp.astype(hinge > 0, e.dtype)
    dd = xp.sum(active, axis=-1) - xp.sum(active, axis=-2)  # by (a, p), by (a, n)
    return loss, distances_backward(dd / count[..., None, None], e, squared=squared)

"""Blends of two examples and of their labels: mixup and CutMix."""

import numpy as np

from nnlib.backend import Array, namespace, take_rows
from nnlib.warp import box_mask, check_images, put_like


def mixup(
    x: Array, target: Array, *, rng: np.random.Generator, alpha: float = 0.2
) -> tuple[Array, Array]:
    r"""Blend each example, and its label, with another of the batch.

    .. math:: \tilde x = \lambda x_i + (1 - \lambda) x_j, \quad
              \tilde t = \lambda t_i + (1 - \lambda) t_j, \quad
              \lambda \sim \mathrm{Beta}(\alpha, \alpha)

    Parameters
    ----------
    x : array of shape (N, …)
    target : array of shape (N, C)
        Shares of the classes, as from `nnlib.backend.one_hot`; learn with
        `nnlib.losses.soft_cross_entropy`.
    rng : numpy.random.Generator
    alpha : float
        0 changes nothing; 1 blends in every proportion.

    Returns
    -------
    x, target : arrays of the shapes given

    Raises
    ------
    ValueError
        If the targets are not rows of shares, or alpha is negative.

    Notes
    -----
    Each example has a λ of its own; the paper's code draws one per batch.

    References
    ----------
    H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk
    Minimization", ICLR 2018, eq. 1. arXiv:1710.09412.

    Examples
    --------
    >>> x, t = np.array([[0.0], [1.0]]), np.eye(2)
    >>> x, t = mixup(x, t, rng=np.random.default_rng(3), alpha=1.0)
    >>> bool(np.allclose(x[:, 0], t[:, 1])), t.sum(axis=1)
    (True, array([1., 1.]))
    """
    share, partner = _partners(x, target, alpha, rng)
    column = (slice(None), *[None] * (x.ndim - 1))
    a, b = put_like(share, x)[column], put_like(share, target)[:, None]
    return (
        a * x + (1 - a) * take_rows(x, partner),
        b * target + (1 - b) * take_rows(target, partner),
    )


def cutmix(
    x: Array, target: Array, *, rng: np.random.Generator, alpha: float = 1.0
) -> tuple[Array, Array]:
    r"""Paste a box of another image; the label is shared by area.

    Parameters
    ----------
    x : array of shape (N, C, H, W)
    target : array of shape (N, C)
        Shares of the classes, see `mixup`.
    rng : numpy.random.Generator
    alpha : float
        The box covers about :math:`1 - \lambda` of the image,
        :math:`\lambda \sim \mathrm{Beta}(\alpha, \alpha)`.

    Returns
    -------
    x, target : arrays of the shapes given

    Raises
    ------
    ValueError
        See `mixup`.

    Notes
    -----
    The box is cut off at the border; the label counts the pixels that were pasted.
    Each image has its own box; the paper's code draws one per batch.

    References
    ----------
    S. Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with
    Localizable Features", ICCV 2019, eqs. 1 and 2. arXiv:1905.04899.

    Examples
    --------
    >>> x = np.array([0.0, 1.0]).reshape(2, 1, 1, 1) * np.ones((2, 1, 8, 8))
    >>> x, t = cutmix(x, np.eye(2), rng=np.random.default_rng(3))
    >>> bool(np.allclose(x.mean(axis=(1, 2, 3)), t[:, 1]))
    True
    """
    n, _, h, w = check_images(x)
    share, partner = _partners(x, target, alpha, rng)
    box = np.sqrt(1 - share)[:, None] * [h, w]  # (N, 2), in pixels
    corner = rng.uniform(0, 1, (n, 2)) * [h, w] - box / 2
    first = np.clip(np.round(corner), 0, [h, w]).astype(int)
    last = np.clip(np.round(corner + box), 0, [h, w]).astype(int)
    pasted = box_mask(x, *first.T, *last.T)
    area = np.prod(last - first, axis=1) / (h * w)
    b = put_like(area, target)[:, None]
    return (
        namespace(x).where(pasted, take_rows(x, partner), x),
        (1 - b) * target + b * take_rows(target, partner),
    )


def _partners(
    x: Array, target: Array, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the share that each example keeps and the example it is mixed with."""
    n = x.shape[0]
    if target.ndim != 2 or target.shape[0] != n:
        raise ValueError(
            f"targets need shape ({n}, C), not {tuple(target.shape)}: use one_hot"
        )
    if not 0 <= alpha < np.inf:
        raise ValueError(f"alpha must be a number of at least 0, not {alpha}")
    share = rng.beta(alpha, alpha, n) if alpha > 0 else np.ones(n)
    return share, rng.permutation(n)

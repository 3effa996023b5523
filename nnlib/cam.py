"""Class activation maps: where a network looks, and crops that follow its look.

1. Train a rough network that ends in global average pooling and one linear layer.
2. Its `class_activation_map` shows which places of an image speak for the label.
3. `cam_crop` cuts there; the crops train the network proper.

A random crop may miss the object and keep its label.
"""

import numpy as np

from nnlib.backend import Array, namespace, take_rows, to_numpy
from nnlib.warp import check_images, crop


def class_activation_map(features: Array, W: Array, y: Array) -> Array:
    r"""Show which places of an image speak for a class.

    .. math:: M_{n}(i, j) = \sum_c W_{c, y_n}\, f_{n c}(i, j)

    Parameters
    ----------
    features : array of shape (N, C, h, w)
        Output of the last convolution, which global average pooling and one linear
        layer turn into logits.
    W : array of shape (C, classes)
        Weights of that layer.
    y : integer array of shape (N,)
        The class to explain, per image.

    Returns
    -------
    array of shape (N, h, w)

    References
    ----------
    B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba, "Learning Deep Features for
    Discriminative Localization", CVPR 2016, eq. 2. arXiv:1512.04150.

    Examples
    --------
    >>> features = np.array([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # two channels, 1x2 pixels
    >>> W = np.array([[3.0, 0.0], [0.0, 5.0]])
    >>> class_activation_map(features, W, np.array([1]))
    array([[[0., 5.]]])
    """
    check_images(features)
    weights = take_rows(W.mT, to_numpy(y))  # (N, C)
    return namespace(features).sum(weights[:, :, None, None] * features, axis=1)


def cam_corners(
    heat: Array,
    size: tuple[int, int],
    *,
    rng: np.random.Generator,
    sharpness: float = 4.0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Draw windows that hold much of a heat map.

    .. math:: P(\text{window}) \propto
              \Big(\sum_{(i,j) \in \text{window}} \max(0, M_{ij})\Big)^{\gamma}

    Parameters
    ----------
    heat : array of shape (N, H, W)
        In the size of the images, see `nnlib.warp.resize`.
    size : pair of int
        Height and width of the windows, in pixels.
    rng : numpy.random.Generator
    sharpness : float
        :math:`\gamma`: 0 ignores the map; the larger, the more certainly the hottest
        window is taken.

    Returns
    -------
    top, left : integer NumPy arrays of shape (N,)

    Raises
    ------
    ValueError
        If the window is larger than the map, or the map has not three axes.

    References
    ----------
    The map: Zhou et al. 2016, see `class_activation_map`. Sampling windows by their
    mass is nnlib's own.

    Examples
    --------
    >>> heat = np.zeros((1, 5, 5))
    >>> heat[0, 4, 0] = 1.0
    >>> cam_corners(heat, (2, 2), rng=np.random.default_rng(0))
    (array([3]), array([0]))
    """
    heat = np.maximum(to_numpy(heat).astype(np.float64), 0.0)
    if heat.ndim != 3 or min(size) < 1 or np.any(np.array(size) > heat.shape[1:]):
        raise ValueError(f"windows of {size} pixels in heat maps of {heat.shape}")
    height, width = size
    total = np.pad(heat.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    mass = (
        total[:, height:, width:]
        - total[:, :-height, width:]
        - total[:, height:, :-width]
        + total[:, :-height, :-width]
    )  # (N, places down, places across)
    n, _, across = mass.shape
    mass = np.maximum(mass.reshape(n, -1), 0.0)
    peak = mass.max(axis=1, keepdims=True)
    chance = np.where(peak > 0, mass / np.where(peak > 0, peak, 1.0), 1.0) ** sharpness
    steps = chance.cumsum(axis=1)
    draw = rng.uniform(size=(n, 1)) * steps[:, -1:]
    place = np.argmax(steps > draw, axis=1)
    return place // across, place % across


def cam_crop(
    x: Array,
    heat: Array,
    size: tuple[int, int],
    *,
    rng: np.random.Generator,
    sharpness: float = 4.0,
) -> Array:
    """Cut out a window where a class activation map is warm, see `cam_corners`.

    References
    ----------
    Zhou et al. 2016, see `class_activation_map`.

    Examples
    --------
    >>> x, heat = np.eye(4).reshape(1, 1, 4, 4), np.diag([0.0, 0.0, 0.0, 1.0])[None]
    >>> cam_crop(x, heat, (1, 1), rng=np.random.default_rng(0))
    array([[[[1.]]]])
    """
    _, _, h, w = check_images(x)
    if tuple(heat.shape[1:]) != (h, w):
        raise ValueError(f"heat maps of {tuple(heat.shape)} for images of {(h, w)}")
    return crop(x, *cam_corners(heat, size, rng=rng, sharpness=sharpness), size)

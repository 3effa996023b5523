r"""Draw the first weights of a network.

Every scheme is one choice of variance. With :math:`\mathrm{fan}` the number of terms
in the sum that a unit (or, backwards, an input) receives:

====================  =============================================
scheme                variance of a weight
====================  =============================================
LeCun                 1 / fan_in
Xavier (Glorot)       2 / (fan_in + fan_out)
He (MSRA, Kaiming)    2 / fan_in, or 2 / fan_out for the backward pass
====================  =============================================

All initializers have one signature: ``f(shape, *, rng, lead=(), dtype, device)`` gives
an array of shape ``lead + shape``; ``lead = (K,)`` draws weights for K stacked models.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, namespace, to_numpy

Shape = tuple[int, ...]
SCHEMES = {"lecun": (1.0, "fan_in"), "xavier": (1.0, "fan_avg"), "he": (2.0, "fan_in")}


def fans(shape: Shape) -> tuple[int, int]:
    """Count the inputs of one unit and the outputs of one input.

    Parameters
    ----------
    shape : tuple
        ``(D_in, D_out)`` of a dense layer, or ``(C_out, C_in, *kernel)`` of a
        convolution, whose kernel size multiplies both counts.

    Returns
    -------
    fan_in, fan_out : int

    Raises
    ------
    ValueError
        If the shape has fewer than two axes.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", ICCV 2015,
    section 2.2. arXiv:1502.01852.

    Examples
    --------
    >>> fans((784, 256)), fans((16, 6, 5, 5))
    ((784, 256), (150, 400))
    """
    if len(shape) < 2:
        raise ValueError(f"a weight needs at least two axes, not shape {shape}")
    if len(shape) == 2:
        return shape[0], shape[1]
    receptive = math.prod(shape[2:])
    return shape[1] * receptive, shape[0] * receptive


def variance(
    scheme: str, fan_in: int, fan_out: int, *, mode: str | None = None, gain: float = 1
) -> float:
    r"""Return the variance that a scheme gives to a weight.

    .. math:: \operatorname{Var}(w) = g^2 \, c \,/\, \mathrm{fan}

    Parameters
    ----------
    scheme : {"lecun", "xavier", "he"}
        Sets c (1, 1, 2) and the default mode (fan_in, fan_avg, fan_in).
    fan_in, fan_out : int
    mode : {"fan_in", "fan_out", "fan_avg"}, optional
    gain : float
        Multiplies the standard deviation.

    Raises
    ------
    ValueError
        If the scheme or the mode is unknown.

    References
    ----------
    Y. LeCun et al., "Efficient BackProp", 1998, eq. 16. X. Glorot, Y. Bengio,
    "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, eq. 12. K. He et al. 2015, eqs. 10 and 14.

    Examples
    --------
    >>> variance("he", 50, 200), variance("xavier", 50, 150)
    (0.04, 0.01)
    """
    if scheme not in SCHEMES:
        raise ValueError(f"scheme {scheme!r} is not one of {', '.join(SCHEMES)}")
    c, default = SCHEMES[scheme]
    sizes = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    mode = default if mode is None else mode
    if mode not in sizes:
        raise ValueError(f"mode {mode!r} is not one of {', '.join(sizes)}")
    return gain**2 * c / sizes[mode]


def gain(activation: str, slope: float = 0.01) -> float:
    """Return the factor on the standard deviation that an activation calls for.

    Parameters
    ----------
    activation : str
        ``"linear"``, ``"sigmoid"``, ``"tanh"``, ``"relu"``, ``"leaky_relu"``,
        ``"selu"``.
    slope : float
        Negative slope of the leaky ReLU.

    Raises
    ------
    ValueError
        For an activation without a recommended gain.

    Notes
    -----
    The values of torch's ``calculate_gain``; they multiply the LeCun scale
    ``1/sqrt(fan)``. Tanh's 5/3 is empirical.

    References
    ----------
    He et al. 2015, eq. 15 (leaky ReLU). LeCun et al. 1998, section 4.4 (tanh).

    Examples
    --------
    >>> round(gain("relu"), 4), round(gain("tanh"), 4)
    (1.4142, 1.6667)
    """
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 0.75,
    }
    if activation not in gains:
        raise ValueError(f"no gain known for {activation!r}; known: {', '.join(gains)}")
    return gains[activation]


def constant(
    shape: Shape,
    value: float = 0.0,
    *,
    rng: np.random.Generator | None = None,
    lead: Shape = (),
    dtype: Any = np.float32,
    device: str | None = None,
) -> Array:
    """Fill with one number. All units of a layer then stay equal: use for biases only.

    References
    ----------
    I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 8.4.

    Examples
    --------
    >>> constant((2,), 0.5, device="cpu")
    array([0.5, 0.5], dtype=float32)
    """
    return asarray(np.full(lead + shape, value), dtype=dtype, device=device)


def zeros(shape: Shape, **kw: Any) -> Array:
    """Fill with 0, see `constant`.

    References
    ----------
    Goodfellow, Bengio, Courville 2016, section 8.4.

    Examples
    --------
    >>> zeros((2,), device="cpu")
    array([0., 0.], dtype=float32)
    """
    return constant(shape, 0.0, **kw)


def normal(
    shape: Shape,
    std: float = 0.01,
    mean: float = 0.0,
    *,
    rng: np.random.Generator,
    lead: Shape = (),
    dtype: Any = np.float32,
    device: str | None = None,
) -> Array:
    """Draw from a Gaussian of the given mean and standard deviation.

    Notes
    -----
    Drawn in float64 and then rounded: one seed gives the same weights in every dtype
    and on every device.

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep
    Convolutional Neural Networks", NeurIPS 2012, section 5 (std 0.01).

    Examples
    --------
    >>> normal((2, 3), rng=np.random.default_rng(0), lead=(4,), device="cpu").shape
    (4, 2, 3)
    """
    draw = mean + std * rng.standard_normal(lead + shape)
    return asarray(draw, dtype=dtype, device=device)


def uniform(
    shape: Shape,
    low: float,
    high: float,
    *,
    rng: np.random.Generator,
    lead: Shape = (),
    dtype: Any = np.float32,
    device: str | None = None,
) -> Array:
    r"""Draw uniformly from [low, high); the variance is :math:`(high - low)^2/12`.

    References
    ----------
    Glorot, Bengio 2010, eq. 1.

    Examples
    --------
    >>> w = uniform((3, 2), -1.0, 1.0, rng=np.random.default_rng(0), device="cpu")
    >>> bool((abs(w) <= 1).all())
    True
    """
    draw = rng.uniform(low, high, lead + shape)
    return asarray(draw, dtype=dtype, device=device)


def lecun_normal(shape: Shape, *, mode: str = "fan_in", **kw: Any) -> Array:
    r"""Draw from :math:`N(0, 1/\mathrm{fan\_in})`: linear layers keep their scale.

    References
    ----------
    LeCun et al. 1998, eq. 16.

    Examples
    --------
    >>> w = lecun_normal((400, 400), rng=np.random.default_rng(0), device="cpu")
    >>> round(float(w.std()), 3)
    0.05
    """
    return normal(shape, math.sqrt(variance("lecun", *fans(shape), mode=mode)), **kw)


def xavier_normal(shape: Shape, *, mode: str = "fan_avg", **kw: Any) -> Array:
    r"""Draw from :math:`N(0, 2/(\mathrm{fan\_in} + \mathrm{fan\_out}))`.

    References
    ----------
    Glorot, Bengio 2010, eq. 12.

    Examples
    --------
    >>> w = xavier_normal((200, 600), rng=np.random.default_rng(0), device="cpu")
    >>> round(float(w.std()), 3)
    0.05
    """
    return normal(shape, math.sqrt(variance("xavier", *fans(shape), mode=mode)), **kw)


def xavier_uniform(shape: Shape, *, mode: str = "fan_avg", **kw: Any) -> Array:
    r"""Draw from :math:`U(-a, a)` with :math:`a = \sqrt{6/(fan_{in} + fan_{out})}`.

    References
    ----------
    Glorot, Bengio 2010, eq. 16.

    Examples
    --------
    >>> w = xavier_uniform((200, 600), rng=np.random.default_rng(0), device="cpu")
    >>> round(float(w.std()), 3)
    0.05
    """
    a = math.sqrt(3 * variance("xavier", *fans(shape), mode=mode))
    return uniform(shape, -a, a, **kw)


def he_normal(
    shape: Shape, *, mode: str = "fan_in", slope: float = 0.0, **kw: Any
) -> Array:
    r"""Draw from :math:`N(0, 2/((1 + a^2)\,\mathrm{fan}))`, for (leaky) ReLU.

    Parameters
    ----------
    shape : tuple
    mode : {"fan_in", "fan_out"}
        Keep the scale of the forward signal, or of the gradient.
    slope : float
        Negative slope a of the leaky ReLU, 0 for ReLU.

    References
    ----------
    He et al. 2015, eqs. 10, 14 and 15.

    Examples
    --------
    >>> w = he_normal((800, 100), rng=np.random.default_rng(0), device="cpu")
    >>> round(float(w.std()), 3)
    0.05
    """
    var = variance("he", *fans(shape), mode=mode) / (1 + slope**2)
    return normal(shape, math.sqrt(var), **kw)


def orthogonal(
    shape: Shape,
    gain: float = 1.0,
    *,
    rng: np.random.Generator,
    lead: Shape = (),
    dtype: Any = np.float32,
    device: str | None = None,
) -> Array:
    r"""Draw a matrix with orthonormal rows or columns, times gain.

    Notes
    -----
    Orthonormal are whichever are fewer, rows or columns.

    The QR decomposition of a Gaussian matrix, with the signs of R's diagonal moved to
    Q: only then is Q uniformly distributed. A convolution's weight is treated as the
    matrix ``(C_out, C_in · kernel)``.

    References
    ----------
    A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics
    of learning in deep linear neural networks", ICLR 2014. arXiv:1312.6120.

    Examples
    --------
    >>> q = orthogonal((3, 2), rng=np.random.default_rng(0), device="cpu")
    >>> bool(np.allclose(q.T @ q, np.eye(2), atol=1e-6))
    True
    """
    rows, cols = shape[0], math.prod(shape[1:])
    a = rng.standard_normal((*lead, max(rows, cols), min(rows, cols)))
    q, r = np.linalg.qr(a)
    q = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    q = q.mT if rows < cols else q
    return asarray(gain * q.reshape(lead + shape), dtype=dtype, device=device)


def initialize(
    model: Any,
    initializer: str | Callable[..., Array],
    *,
    rng: np.random.Generator,
    gain: float = 1.0,
    **kw: Any,
) -> None:
    """Draw all weights of a model again, in place; biases become 0.

    Parameters
    ----------
    model : Sequential
    initializer : {"lecun", "xavier", "he"} or callable
        A scheme, drawn from a Gaussian, or one of this module's functions.
    rng : numpy.random.Generator
    gain : float
        Multiplies every weight after the draw.
    **kw
        Passed to the function, e.g. ``mode="fan_out"``.

    Raises
    ------
    ValueError
        If the scheme is unknown.

    References
    ----------
    He et al. 2015, section 2.2.

    Examples
    --------
    >>> from nnlib.model import mlp
    >>> rng = np.random.default_rng(0)
    >>> net = mlp([400, 400, 3], rng=rng, device="cpu")
    >>> initialize(net, "lecun", rng=rng, gain=2.0)
    >>> round(float(net.layers[0].params["W"].std()), 3)
    0.1
    """
    draws = {"lecun": lecun_normal, "xavier": xavier_normal, "he": he_normal}
    if isinstance(initializer, str):
        if initializer not in draws:
            known = ", ".join(draws)
            raise ValueError(f"scheme {initializer!r} is not one of {known}")
        initializer = draws[initializer]
    lead = model.lead
    for name, p in model.named_parameters():
        shape = tuple(p.shape[len(lead) :])
        leaf = name.rsplit(".", 1)[-1]
        if leaf == "W":
            draw = initializer(
                shape, rng=rng, lead=lead, dtype=np.float64, device="cpu", **kw
            )
            p[...] = namespace(p).asarray(gain * draw, dtype=p.dtype, device=p.device)
        elif leaf == "b":
            p[...] = 0.0


def zero_last(layers: Sequence[Any]) -> None:
    """Set the last scale of a chain of layers to 0, so that its output is 0.

    That is gamma where the chain ends in a normalization, else the last weight; the
    shift or bias beside it becomes 0 too. On the branch of a residual block it makes
    the block the identity.

    Parameters
    ----------
    layers : sequence of Layer
        Changed in place.

    Raises
    ------
    ValueError
        If no layer has a weight.

    References
    ----------
    P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017,
    section 5.1. arXiv:1706.02677.

    Examples
    --------
    >>> from nnlib.layers import Linear
    >>> layer = Linear(2, 1, rng=np.random.default_rng(0), device="cpu")
    >>> zero_last([layer])
    >>> layer.params["W"]
    array([[0.],
           [0.]], dtype=float32)
    """
    for layer in reversed(layers):
        if "gamma" in layer.params or "W" in layer.params:
            for name in ("gamma", "beta", "W", "b"):
                if name in layer.params:
                    layer.params[name][...] = 0.0
            return
    raise ValueError("no layer here has a weight")


def lsuv(model: Any, x: Array, *, tol: float = 0.01, max_iter: int = 10) -> list[int]:
    """Scale every weight, layer by layer, until its output has unit variance.

    Parameters
    ----------
    model : Sequential
        Its dense and convolution weights, also those inside residual branches, are
        divided in place by the measured deviation. The authors start from orthonormal
        ones: ``initialize(model, orthogonal, rng=rng)``.
    x : array of shape (N, …)
        One batch of inputs; no labels are needed.
    tol : float
        How far the standard deviation may stay from 1.
    max_iter : int
        Passes over one layer at most.

    Returns
    -------
    list of int
        The passes that each weight took, in order.

    Notes
    -----
    A layer whose output is constant (zero weights) cannot be scaled and stays.

    References
    ----------
    D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016, algorithm 1.
    arXiv:1511.06422.

    Examples
    --------
    >>> from nnlib.model import mlp
    >>> rng = np.random.default_rng(0)
    >>> net = mlp([8, 20, 20, 5], rng=rng, device="cpu")
    >>> x = rng.standard_normal((64, 8)).astype(np.float32)
    >>> _ = lsuv(net, x)
    >>> bool(abs(net(x).std() - 1) < 0.01)
    True
    """
    passes = []
    for layer in model.layers:
        for leaf in _weighted(layer):
            W, taken = leaf.params["W"], 0
            column = (..., *[None] * (W.ndim - len(model.lead)))
            while taken < max_iter:
                y = _output_inside(layer, leaf, x)
                std = y.std(axis=tuple(range(len(model.lead), y.ndim)))
                if np.all((np.abs(std - 1) < tol) | (std == 0)):
                    break
                scale = np.where(std > 0, std, 1.0)[column]
                W /= namespace(W).asarray(scale, dtype=W.dtype, device=W.device)
                taken += 1
            passes.append(taken)
        x = layer.forward(x, train=False)
    return passes


def _weighted(layer: Any) -> list[Any]:
    """Return the layers with a weight W in and inside a layer, in order."""
    inner = [leaf for sub in layer.sublayers() for leaf in _weighted(sub)]
    return ([layer] if "W" in layer.params else []) + inner


def _output_inside(layer: Any, leaf: Any, x: Array) -> np.ndarray:
    """Run `layer` and return the output of `leaf`, which is it or inside it."""
    outputs = []
    forward = leaf.forward

    def listen(*args: Any, **kw: Any) -> Array:
        outputs.append(forward(*args, **kw))
        return outputs[-1]

    leaf.forward = listen  # on this object only
    try:
        layer.forward(x, train=False)
    finally:
        del leaf.forward
    return to_numpy(outputs[-1])


def log_prior(y: Array, n_classes: int) -> np.ndarray:
    r"""Return the last layer's bias that predicts the class frequencies.

    .. math:: b_c = \log \frac{n_c}{N}

    A network that starts there does not spend its first steps on learning how common
    the classes are.

    Raises
    ------
    ValueError
        If a class has no example (its log would be minus infinity), or a label is
        outside 0..C-1.

    References
    ----------
    T.-Y. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, section 3.3.
    arXiv:1708.02002.

    Examples
    --------
    >>> log_prior(np.array([0, 0, 0, 1]), 2).round(3)
    array([-0.288, -1.386])
    """
    labels = to_numpy(y).reshape(-1)
    outside = labels[(labels < 0) | (labels >= n_classes)]
    if outside.size:
        raise ValueError(f"label {outside[0]} is outside 0..{n_classes - 1}")
    counts = np.bincount(labels, minlength=n_classes)
    if (counts == 0).any():
        raise ValueError(f"class {int(counts.argmin())} has no example")
    return np.log(counts / counts.sum())

r"""Activation functions and their derivatives, as pairs of pure functions.

``relu(x)`` is the formula; ``relu_backward(dy, y)`` multiplies the upstream gradient
:math:`dy = \partial L/\partial y` by the derivative. A backward function takes the
output ``y`` where the derivative can be read off it (sigmoid, tanh, ReLU), and the
input ``x`` where it cannot (GELU, SiLU).

All functions work elementwise on arrays of any shape and any backend and keep the
dtype, except `maxout`, `softmax` and `log_softmax`, which work along the last axis.
They stay finite for inputs of ±1e4.
"""

import math
from collections.abc import Callable

from nnlib.backend import Array, erf, namespace, row_max

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def sigmoid(x: Array) -> Array:
    r"""Squash to (0, 1).

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}} = \tfrac12 (1 + \tanh \tfrac x2)

    Notes
    -----
    The right-hand form cannot overflow.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by
    back-propagating errors", Nature 323, 1986, eq. 2.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * (1 + namespace(x).tanh(0.5 * x))


def sigmoid_backward(dy: Array, y: Array) -> Array:
    r"""Return :math:`dy \cdot y (1 - y)` for ``y = sigmoid(x)``; at most dy/4.

    References
    ----------
    Rumelhart, Hinton, Williams 1986, see `sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid_backward(np.ones(1), sigmoid(np.zeros(1)))
    array([0.25])
    """
    return dy * y * (1 - y)


def tanh(x: Array) -> Array:
    r"""Squash to (-1, 1): :math:`\tanh x = 2\sigma(2x) - 1`.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998, section 4.4.

    Examples
    --------
    >>> import numpy as np
    >>> tanh(np.zeros(1))
    array([0.])
    """
    return namespace(x).tanh(x)


def tanh_backward(dy: Array, y: Array) -> Array:
    r"""Return :math:`dy\,(1 - y^2)` for ``y = tanh(x)``.

    References
    ----------
    LeCun et al. 1998, see `tanh`.

    Examples
    --------
    >>> import numpy as np
    >>> tanh_backward(np.ones(1), np.array([0.5]))
    array([0.75])
    """
    return dy * (1 - y * y)


def relu(x: Array) -> Array:
    r"""Keep the positive part, :math:`\max(0, x)`.

    References
    ----------
    V. Nair, G. E. Hinton, "Rectified Linear Units Improve Restricted Boltzmann
    Machines", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    return namespace(x).maximum(x, 0.0)


def relu_backward(dy: Array, y: Array) -> Array:
    """Pass the gradient where the unit was active (``y > 0``), 0 elsewhere.

    Notes
    -----
    At the kink x = 0 the subgradient 0 is taken, as torch does.

    References
    ----------
    Nair, Hinton 2010, see `relu`.

    Examples
    --------
    >>> import numpy as np
    >>> relu_backward(np.ones(2), np.array([0.0, 3.0]))
    array([0., 1.])
    """
    return dy * namespace(y).astype(y > 0, dy.dtype)


def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    r"""Keep a small slope for negative inputs: :math:`\max(0,x) + a \min(0,x)`.

    Notes
    -----
    ``max(x, a x)`` is the same only for a ≤ 1.

    References
    ----------
    A. L. Maas, A. Y. Hannun, A. Y. Ng, "Rectifier Nonlinearities Improve Neural Network
    Acoustic Models", ICML workshop 2013, eq. 2.

    Examples
    --------
    >>> import numpy as np
    >>> leaky_relu(np.array([-2.0, 3.0]), slope=0.1)
    array([-0.2,  3. ])
    """
    xp = namespace(x)
    return xp.maximum(x, 0.0) + slope * xp.minimum(x, 0.0)


def leaky_relu_backward(dy: Array, x: Array, slope: float = 0.01) -> Array:
    r"""Return dy where x > 0, :math:`a\,dy` elsewhere.

    References
    ----------
    Maas, Hannun, Ng 2013, see `leaky_relu`.

    Examples
    --------
    >>> import numpy as np
    >>> leaky_relu_backward(np.ones(2), np.array([-2.0, 3.0]), slope=0.1)
    array([0.1, 1. ])
    """
    return namespace(x).where(x > 0, dy, slope * dy)


def prelu(x: Array, a: Array) -> Array:
    r"""Leaky ReLU with a learned slope: :math:`\max(0,x) + a \min(0,x)`.

    Parameters
    ----------
    x : array of shape (…, N, D)
    a : array that broadcasts against x
        The slope, of any size: right for a > 1 too.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers", ICCV 2015, eq. 1.
    arXiv:1502.01852.

    Examples
    --------
    >>> import numpy as np
    >>> prelu(np.array([-1.0, 1.0]), np.array([2.0]))
    array([-2.,  1.])
    """
    xp = namespace(x)
    return xp.maximum(x, 0.0) + a * xp.minimum(x, 0.0)


def prelu_backward(dy: Array, x: Array, a: Array) -> tuple[Array, Array]:
    r"""Return ``dx`` and the elementwise ``da`` (:math:`dy \min(0, x)`, not summed).

    References
    ----------
    He et al. 2015, eqs. 2 and 3, see `prelu`.

    Examples
    --------
    >>> import numpy as np
    >>> prelu_backward(np.ones(2), np.array([-1.0, 1.0]), np.array([2.0]))
    (array([2., 1.]), array([-1.,  0.]))
    """
    xp = namespace(x)
    return xp.where(x > 0, dy, a * dy), dy * xp.minimum(x, 0.0)


def elu(x: Array, alpha: float = 1.0) -> Array:
    r"""Bend smoothly to :math:`-\alpha`: x for x > 0, :math:`\alpha(e^x - 1)` else.

    References
    ----------
    D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and Accurate Deep Network
    Learning by Exponential Linear Units (ELUs)", ICLR 2016, eq. 15. arXiv:1511.07289.

    Examples
    --------
    >>> import numpy as np
    >>> elu(np.array([-1e4, 3.0]))
    array([-1.,  3.])
    """
    xp = namespace(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0.0)))


def elu_backward(dy: Array, y: Array, alpha: float = 1.0) -> Array:
    r"""Return dy where y > 0, :math:`dy (y + \alpha)` elsewhere.

    References
    ----------
    Clevert et al. 2016, see `elu`.

    Examples
    --------
    >>> import numpy as np
    >>> elu_backward(np.ones(2), np.array([-0.75, 3.0]))
    array([0.25, 1.  ])
    """
    return namespace(y).where(y > 0, dy, dy * (y + alpha))


def selu(x: Array) -> Array:
    r"""Return :math:`\lambda\,\mathrm{elu}(x, \alpha)` with the fixed-point constants.

    Notes
    -----
    Self-normalizing only with LeCun initialization and standardized inputs.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural
    Networks", NeurIPS 2017, eq. 2. arXiv:1706.02515.

    Examples
    --------
    >>> import numpy as np
    >>> selu(np.array([-1e4, 1.0])).round(4)
    array([-1.7581,  1.0507])
    """
    return SELU_SCALE * elu(x, SELU_ALPHA)


def selu_backward(dy: Array, y: Array) -> Array:
    r"""Return :math:`\lambda dy` where y > 0, :math:`dy (y + \lambda\alpha)` elsewhere.

    References
    ----------
    Klambauer et al. 2017, see `selu`.

    Examples
    --------
    >>> import numpy as np
    >>> selu_backward(np.ones(1), np.ones(1)).round(4)
    array([1.0507])
    """
    return namespace(y).where(
        y > 0, SELU_SCALE * dy, dy * (y + SELU_SCALE * SELU_ALPHA)
    )


def gelu(x: Array, approximate: bool = False) -> Array:
    r"""Weigh x by the chance that a standard normal is below it: :math:`x\,\Phi(x)`.

    Parameters
    ----------
    x : array
    approximate : bool
        Use :math:`\tfrac x2 (1 + \tanh[\sqrt{2/\pi}(x + 0.044715 x^3)])`.

    References
    ----------
    D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, section 2.
    arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np
    >>> gelu(np.array([1.0])).round(4), gelu(np.array([1.0]), True).round(4)
    (array([0.8413]), array([0.8412]))
    """
    if approximate:
        z = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return 0.5 * x * (1 + namespace(x).tanh(z))
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def gelu_backward(dy: Array, x: Array, approximate: bool = False) -> Array:
    r"""Return :math:`dy\,(\Phi(x) + x\,\varphi(x))`, or that of the tanh form.

    References
    ----------
    Hendrycks, Gimpel 2016, see `gelu`.

    Examples
    --------
    >>> import numpy as np
    >>> gelu_backward(np.ones(1), np.zeros(1))
    array([0.5])
    """
    xp = namespace(x)
    if approximate:
        c = math.sqrt(2 / math.pi)
        t = xp.tanh(c * (x + 0.044715 * x * x * x))
        slope = c * (1 + 3 * 0.044715 * x * x) * (1 - t * t)
        return dy * 0.5 * (1 + t + x * slope)
    density = xp.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return dy * (0.5 * (1 + erf(x / math.sqrt(2))) + x * density)


def silu(x: Array) -> Array:
    r"""Gate x by its own sigmoid: :math:`x\,\sigma(x)` (also called Swish).

    References
    ----------
    S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-Weighted Linear Units", Neural Networks
    107, 2018, eq. 1. arXiv:1702.03118.

    Examples
    --------
    >>> import numpy as np
    >>> silu(np.array([0.0, 1e4]))
    array([    0., 10000.])
    """
    return x * sigmoid(x)


def silu_backward(dy: Array, x: Array) -> Array:
    r"""Return :math:`dy\,\sigma(x)(1 + x(1 - \sigma(x)))`.

    References
    ----------
    Elfwing et al. 2018, see `silu`.

    Examples
    --------
    >>> import numpy as np
    >>> silu_backward(np.ones(1), np.zeros(1))
    array([0.5])
    """
    s = sigmoid(x)
    return dy * s * (1 + x * (1 - s))


def softplus(x: Array) -> Array:
    r"""Return the smooth ReLU :math:`\log(1 + e^x)`, safe from overflow.

    Notes
    -----
    Computed as ``max(0, x) + log1p(exp(-abs(x)))``.

    References
    ----------
    C. Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option
    Pricing", NeurIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> softplus(np.array([-1e4, 0.0, 1e4])).round(4)
    array([0.000e+00, 6.931e-01, 1.000e+04])
    """
    xp = namespace(x)
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def softplus_backward(dy: Array, x: Array) -> Array:
    r"""Return :math:`dy\,\sigma(x)`.

    References
    ----------
    Dugas et al. 2000, see `softplus`.

    Examples
    --------
    >>> import numpy as np
    >>> softplus_backward(np.ones(1), np.zeros(1))
    array([0.5])
    """
    return dy * sigmoid(x)


def maxout(x: Array, pieces: int) -> Array:
    r"""Take the largest of each group of `pieces` neighbors on the last axis.

    Parameters
    ----------
    x : array of shape (…, H · pieces)
    pieces : int

    Returns
    -------
    array of shape (…, H)

    Raises
    ------
    ValueError
        If the last axis is not a multiple of `pieces`.

    References
    ----------
    I. J. Goodfellow et al., "Maxout Networks", ICML 2013, section 3. arXiv:1302.4389.

    Examples
    --------
    >>> import numpy as np
    >>> maxout(np.array([1.0, 4.0, 3.0, 2.0]), pieces=2)
    array([4., 3.])
    """
    xp, (first, *others) = namespace(x), _pieces(x, pieces)
    y = x[first]
    for piece in others:
        y = xp.maximum(y, x[piece])
    return y


def maxout_backward(dy: Array, x: Array, pieces: int) -> Array:
    """Send dy to the first largest piece of each group, 0 to the others.

    References
    ----------
    Goodfellow et al. 2013, see `maxout`.

    Examples
    --------
    >>> import numpy as np
    >>> maxout_backward(np.ones(2), np.array([1.0, 4.0, 3.0, 2.0]), pieces=2)
    array([0., 1., 1., 0.])
    """
    xp, (*before, last) = namespace(x), _pieces(x, pieces)
    y = maxout(x, pieces)
    dx = xp.empty((*dy.shape[:-1], x.shape[-1]), dtype=dy.dtype, device=dy.device)
    for piece in before:
        dx[piece] = dy * xp.astype(x[piece] == y, dy.dtype)
        dy = dy - dx[piece]  # what is left for later pieces
    dx[last] = dy
    return dx


def _pieces(x: Array, pieces: int) -> list:
    """Return the index of the first, second, … column of all groups."""
    if pieces < 1 or x.shape[-1] % pieces:
        raise ValueError(f"{x.shape[-1]} columns do not form groups of {pieces}")
    return [(..., slice(i, None, pieces)) for i in range(pieces)]


def softmax(z: Array) -> Array:
    r"""Turn logits into probabilities along the last axis.

    .. math:: p_c = \frac{e^{z_c - m}}{\sum_k e^{z_k - m}}, \qquad m = \max_k z_k

    Notes
    -----
    Subtracting m changes nothing and keeps every exponent at or below 0.

    References
    ----------
    J. S. Bridle, "Probabilistic interpretation of feedforward classification network
    outputs", 1990.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([1e4, 1e4]))
    array([0.5, 0.5])
    """
    xp = namespace(z)
    e = xp.exp(z - row_max(z))
    return e / xp.sum(e, axis=-1, keepdims=True)


def softmax_backward(dy: Array, y: Array) -> Array:
    r"""Return :math:`y \odot (dy - \langle dy, y\rangle)` for ``y = softmax(z)``.

    References
    ----------
    Bridle 1990, see `softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_backward(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([ 0.25, -0.25])
    """
    inner = namespace(y).sum(dy * y, axis=-1, keepdims=True)
    return y * (dy - inner)


def log_softmax(z: Array) -> Array:
    r"""Return :math:`z - m - \log\sum_k e^{z_k - m}`, never the log of a rounded 0.

    References
    ----------
    P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
    softmax functions", IMA J. Numerical Analysis 41(4), 2021.

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax(np.array([0.0, 1e4]))
    array([-10000.,      0.])
    """
    xp = namespace(z)
    z = z - row_max(z)
    return z - xp.log(xp.sum(xp.exp(z), axis=-1, keepdims=True))


def log_softmax_backward(dy: Array, y: Array) -> Array:
    r"""Return :math:`dy - e^{y} \sum_k dy_k` for ``y = log_softmax(z)``.

    References
    ----------
    Blanchard et al. 2021, see `log_softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax_backward(np.array([1.0, 0.0]), np.log([0.5, 0.5]))
    array([ 0.5, -0.5])
    """
    xp = namespace(y)
    return dy - xp.exp(y) * xp.sum(dy, axis=-1, keepdims=True)


# name -> (forward, backward, what the backward reads: the input "x" or the output "y")
ELEMENTWISE: dict[str, tuple[Callable, Callable, str]] = {
    "sigmoid": (sigmoid, sigmoid_backward, "y"),
    "tanh": (tanh, tanh_backward, "y"),
    "relu": (relu, relu_backward, "y"),
    "leaky_relu": (leaky_relu, leaky_relu_backward, "x"),
    "elu": (elu, elu_backward, "y"),
    "selu": (selu, selu_backward, "y"),
    "gelu": (gelu, gelu_backward, "x"),
    "silu": (silu, silu_backward, "x"),
    "softplus": (softplus, softplus_backward, "x"),
}

"""Compare a backward pass with finite differences.

Use float64 and stay away from kinks: the centered difference with h = 1e-5 then agrees
with a right derivative to about 1e-9, and with a wrong one not at all.
"""

from collections.abc import Callable

import numpy as np

from nnlib.backend import Array, asarray, device_of, to_numpy
from nnlib.layers import Layer


def numerical_gradient(
    f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-5
) -> np.ndarray:
    r"""Return the centered difference of a scalar function at `x`.

    .. math:: \frac{\partial f}{\partial x_i} \approx
              \frac{f(x + h e_i) - f(x - h e_i)}{2h}, \quad \text{error } O(h^2)

    Parameters
    ----------
    f : callable
        From an array to a number. `x` is changed during the calls and restored.
    x : float64 NumPy array
    h : float
        Step.

    Raises
    ------
    ValueError
        If `x` is not float64: rounding would drown the difference.

    References
    ----------
    Y. Bengio, "Practical Recommendations for Gradient-Based Training of Deep
    Architectures", 2012, section 4.3. arXiv:1206.5533.

    Examples
    --------
    >>> numerical_gradient(lambda x: float((x**2).sum()), np.array([1.0, 2.0])).round(6)
    array([2., 4.])
    """
    if x.dtype != np.float64:
        raise ValueError(f"a gradient check needs float64, not {x.dtype}")
    gradient = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + h
        above = f(x)
        x[i] = kept - h
        below = f(x)
        x[i] = kept
        gradient[i] = (above - below) / (2 * h)
    return gradient


def relative_error(a: Array, b: Array) -> float:
    r"""Return :math:`\|a - b\| / \max(\|a\|, \|b\|)` over all elements, 0 for 0 and 0.

    References
    ----------
    Stanford CS231n course notes, "Neural Networks Part 3: Gradient checks".

    Examples
    --------
    >>> relative_error(np.array([1.0]), np.array([0.5]))
    0.5
    """
    a, b = to_numpy(a), to_numpy(b)
    scale = max(np.linalg.norm(a), np.linalg.norm(b))
    return float(np.linalg.norm(a - b) / scale) if scale > 0 else 0.0


def check_layer(
    layer: Layer,
    x: Array,
    *,
    rng: np.random.Generator,
    train: bool = False,
    h: float = 1e-5,
) -> dict[str, float]:
    """Check every gradient of a layer against finite differences.

    The output is contracted with a random upstream gradient. A plain sum would prove
    nothing for layers whose outputs always add up to the same number (softmax,
    normalization).

    Parameters
    ----------
    layer : Layer
        In float64. A layer that draws random numbers must draw the same ones at
        each call.
    x : float64 array
    rng : numpy.random.Generator
        Draws the upstream gradient.
    train : bool
        Passed to ``layer.forward``.
    h : float
        Step.

    Returns
    -------
    dict
        Relative error for ``"x"`` and for every parameter; below 1e-6 is right.

    References
    ----------
    Bengio 2012, see `numerical_gradient`.

    Examples
    --------
    >>> from nnlib.layers import Linear
    >>> rng = np.random.default_rng(0)
    >>> layer = Linear(3, 2, rng=rng, dtype=np.float64, device="cpu")
    >>> max(check_layer(layer, rng.standard_normal((4, 3)), rng=rng).values()) < 1e-6
    True
    """
    device = device_of(x)
    dy = rng.standard_normal(layer.forward(x, train=train).shape)
    dx = to_numpy(layer.backward(asarray(dy, device=device))).copy()
    grads = {name: to_numpy(g).copy() for name, g in layer.grads.items()}

    def objective(_: np.ndarray) -> float:
        y = layer.forward(asarray(point, device=device), train=train)
        return float((to_numpy(y) * dy).sum())

    point = to_numpy(x).copy()
    errors = {"x": relative_error(dx, numerical_gradient(objective, point, h))}
    for name, p in layer.params.items():
        value = to_numpy(p).copy()

        def moved(w: np.ndarray, p: Array = p) -> float:
            p[...] = asarray(w, device=device)
            return objective(w)

        errors[name] = relative_error(grads[name], numerical_gradient(moved, value, h))
        p[...] = asarray(value, device=device)
    return errors

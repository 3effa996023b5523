"""Compare a backward pass with finite differences.

Use float64 and stay away from kinks: the centered difference with h = 1e-5 then agrees
with a right derivative to about 1e-9, and with a wrong one not at all.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, device_of, to_numpy
from nnlib.layers import Layer, leaves

FLOOR = 1e-4  # gradients whose norm is below this are compared absolutely


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


def relative_error(a: Array, b: Array, *, floor: float = 0.0) -> float:
    r"""Return :math:`\|a - b\| / \max(\|a\|, \|b\|)` over all elements, 0 for 0 and 0.

    Parameters
    ----------
    a, b : arrays of one shape
    floor : float
        Smallest divisor. Where the true gradient is 0, the difference quotient is
        rounding, and a purely relative error would be 1.

    Returns
    -------
    float
        Not a number if `a` or `b` holds one: that is below no threshold.

    Raises
    ------
    ValueError
        If the shapes differ: broadcasting would compare the wrong numbers.

    References
    ----------
    Stanford CS231n course notes, "Neural Networks Part 3: Gradient checks".

    Examples
    --------
    >>> relative_error(np.array([1.0]), np.array([0.5]))
    0.5
    """
    a, b = to_numpy(a), to_numpy(b)
    if a.shape != b.shape:
        raise ValueError(f"the gradients have shapes {a.shape} and {b.shape}")
    norms = [np.linalg.norm(v.ravel()) for v in (a - b, a, b)]
    scale = np.maximum(np.maximum(norms[1], norms[2]), floor)  # keeps nan
    return 0.0 if scale == 0 else float(norms[0] / scale)


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
        each call (``layer.frozen = True`` for dropout).
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
        Relative error for ``"x"`` and for every parameter, ``"1.W"`` for one of an
        inner layer; below 1e-6 is right.

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
    named = {
        f"{path}.{name}"[2:]: (p, to_numpy(leaf.grads[name]).copy())
        for path, leaf in leaves([layer])  # "0" is the layer itself
        for name, p in leaf.params.items()
    }
    point = to_numpy(x).copy()

    def objective() -> float:
        y = layer.forward(asarray(point, device=device), train=train)
        return float((to_numpy(y) * dy).sum())

    expected = numerical_gradient(lambda _: objective(), point, h)
    errors = {"x": relative_error(dx, expected, floor=FLOOR)}
    for name, (p, gradient) in named.items():
        expected = _by_parameter(objective, p, np.ndindex(gradient.shape), h)
        actual = gradient.ravel()
        errors[name] = relative_error(actual, expected, floor=FLOOR)
    return errors


def check_loss(loss: Callable[..., Any], logits: Array, *args: Any, **kw: Any) -> float:
    """Check the gradient of a loss against finite differences.

    Parameters
    ----------
    loss : callable
        ``loss(logits, *args, **kw) -> (loss, dlogits)``.
    logits : float64 array

    Returns
    -------
    float
        Relative error; below 1e-6 is right.

    References
    ----------
    Bengio 2012, see `numerical_gradient`.

    Examples
    --------
    >>> from nnlib.losses import softmax_cross_entropy
    >>> check_loss(softmax_cross_entropy, np.eye(3), np.array([0, 2, 1])) < 1e-6
    True
    """
    device = device_of(logits)
    _, gradient = loss(logits, *args, **kw)

    def total(z: np.ndarray) -> float:
        value, _ = loss(asarray(z.copy(), device=device), *args, **kw)
        return float(to_numpy(value).sum())  # stacked models do not interact

    expected = numerical_gradient(total, to_numpy(logits).copy())
    return relative_error(gradient, expected, floor=FLOOR)


def check_model(
    model: Any,
    loss: Callable[..., Any],
    x: Array,
    y: Array,
    *,
    rng: np.random.Generator,
    samples: int = 20,
    train: bool = False,
    h: float = 1e-5,
) -> dict[str, float]:
    """Check a whole network and its loss at random entries of every parameter.

    Parameters
    ----------
    model : Sequential
        In float64.
    loss : callable
        ``loss(logits, y) -> (loss, dlogits)``.
    x, y : arrays
        A small batch.
    rng : numpy.random.Generator
        Chooses the entries.
    samples : int
        Entries per parameter, or all if there are fewer.
    train : bool
        Passed to ``model.forward``.
    h : float
        Step.

    Returns
    -------
    dict
        Relative error by parameter name; below 1e-6 is right.

    References
    ----------
    Stanford CS231n course notes, "Neural Networks Part 3: Gradient checks".

    Examples
    --------
    >>> from nnlib.losses import softmax_cross_entropy
    >>> from nnlib.model import mlp
    >>> rng = np.random.default_rng(0)
    >>> net = mlp([3, 5, 2], activation="tanh", rng=rng, dtype=np.float64, device="cpu")
    >>> x, y = rng.standard_normal((4, 3)), np.array([0, 1, 1, 0])
    >>> max(check_model(net, softmax_cross_entropy, x, y, rng=rng).values()) < 1e-6
    True
    """

    def objective() -> float:
        return float(to_numpy(loss(model.forward(x, train=train), y)[0]).sum())

    model.backward(loss(model.forward(x, train=train), y)[1])
    grads = {name: to_numpy(g).copy() for name, g in model.named_grads()}
    errors = {}
    for name, p in model.named_parameters():
        g = grads[name]
        chosen = rng.permutation(g.size)[:samples]
        index = [tuple(map(int, np.unravel_index(i, g.shape))) for i in chosen]
        expected = _by_parameter(objective, p, index, h)
        actual = np.array([g[i] for i in index])
        errors[name] = relative_error(actual, expected, floor=FLOOR)
    return errors


def _by_parameter(
    f: Callable[[], float], p: Array, index: Iterable[tuple[int, ...]], h: float
) -> np.ndarray:
    """Return the centered differences of f() by some entries of `p`, then restore."""
    if to_numpy(p).dtype != np.float64:
        raise ValueError(f"a gradient check needs float64, not {to_numpy(p).dtype}")
    differences = []
    for i in index:
        kept = float(p[i])
        p[i] = kept + h
        above = f()
        p[i] = kept - h
        below = f()
        p[i] = kept
        differences.append((above - below) / (2 * h))
    return np.array(differences)

"""Sizes of what flows through a network: activations, gradients, updates."""

import copy
from typing import Any

import numpy as np

from nnlib.backend import Array, namespace, to_numpy
from nnlib.model import Sequential
from nnlib.train import Loss


def dead_fraction(outputs: Array, *, lead: int = 0) -> Array:
    """Return the share of units that are 0 for every example.

    Parameters
    ----------
    outputs : array of shape (…, N, D) or (…, N, C, H, W)
        Of a ReLU. A channel of an image is one unit.
    lead : int
        Number of leading axes of stacked models.

    Returns
    -------
    array of shape lead

    References
    ----------
    L. Lu, Y. Shin, Y. Su, G. E. Karniadakis, "Dying ReLU and Initialization: Theory and
    Numerical Examples", 2020. arXiv:1903.06733.

    Examples
    --------
    >>> dead_fraction(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]])).round(3).item()
    0.333
    """
    xp = namespace(outputs)
    rest = (lead, *range(lead + 2, outputs.ndim))  # examples and positions
    dead = xp.all(outputs == 0, axis=rest)  # (…, D)
    return xp.mean(xp.astype(dead, outputs.dtype), axis=-1)


def activation_statistics(
    model: Sequential, x: Array, *, train: bool = False
) -> list[dict[str, Any]]:
    """Summarize the output of every layer.

    Parameters
    ----------
    model : Sequential
    x : array of shape (N, …)
    train : bool
        Passed to the layers.

    Returns
    -------
    list of dict
        Per layer its ``layer`` (class, and name of an activation), and arrays of shape
        lead: ``mean``, ``std``, ``dead`` (share of units at 0 for all examples) and
        ``saturated`` (share of values with slope below 0.05 of its maximum, for
        sigmoid and tanh; 0 for others).

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010, section 3.

    Examples
    --------
    >>> from nnlib.model import mlp
    >>> rng = np.random.default_rng(0)
    >>> net = mlp([8, 50, 3], rng=rng, device="cpu")
    >>> rows = activation_statistics(net, rng.standard_normal((100, 8), np.float32))
    >>> [row["layer"] for row in rows], bool(rows[1]["dead"] < 0.1)
    (['Linear', 'Activation relu', 'Linear'], True)
    """
    rows = []
    for layer, y in zip(model.layers, model.activations(x, train=train), strict=True):
        name = getattr(layer, "name", "")
        lead = model.lead if tuple(y.shape[: len(model.lead)]) == model.lead else ()
        xp, rest = namespace(y), tuple(range(len(lead), y.ndim))
        # the slope is 1 - y² (tanh) or y (1 - y) (sigmoid), at most 1 or 1/4
        slope = {"tanh": 1 - y * y, "sigmoid": 4 * y * (1 - y)}.get(name)
        flat = xp.zeros_like(y) if slope is None else xp.astype(slope < 0.05, y.dtype)
        rows.append(
            {
                "layer": f"{type(layer).__name__} {name}".strip(),
                "mean": to_numpy(xp.mean(y, axis=rest)),
                "std": to_numpy(xp.std(y, axis=rest)),
                "dead": to_numpy(dead_fraction(y, lead=len(lead))),
                "saturated": to_numpy(xp.mean(flat, axis=rest)),
            }
        )
    return rows


def gradient_statistics(
    model: Sequential, loss: Loss, x: Array, y: Array
) -> dict[str, dict[str, np.ndarray]]:
    """Return size measures of every parameter's gradient on one batch.

    Parameters
    ----------
    model, loss, x, y
        See `nnlib.train.train_step`; nothing is updated, but running statistics of
        BatchNorm.

    Returns
    -------
    dict
        By parameter name: ``norm``, ``mean_abs`` and ``to_weights`` (the norm over
        that of the parameter), arrays of shape lead.

    References
    ----------
    Glorot, Bengio 2010, section 4.2.2 (gradients by layer).

    Examples
    --------
    >>> from nnlib import losses, model
    >>> rng = np.random.default_rng(0)
    >>> net = model.mlp([4, 5, 3], rng=rng, device="cpu")
    >>> x, y = rng.standard_normal((6, 4), np.float32), np.array([0, 1, 2, 0, 1, 2])
    >>> list(gradient_statistics(net, losses.softmax_cross_entropy, x, y))
    ['0.W', '0.b', '2.W', '2.b']
    """
    model.backward(loss(model.forward(x, train=True), y)[1])
    found = {}
    pairs = zip(model.named_parameters(), model.named_grads(), strict=True)
    for (name, p), (_, g) in pairs:
        size, count = _norm(g, model.lead), int(np.prod(g.shape[len(model.lead) :]))
        total = np.abs(to_numpy(g)).reshape(*model.lead, count).sum(axis=-1)
        found[name] = {
            "norm": size,
            "mean_abs": total / count,
            "to_weights": _ratio(size, _norm(p, model.lead)),
        }
    return found


def update_ratio(model: Sequential, before: Array) -> dict[str, np.ndarray]:
    r"""Return :math:`\|\Delta w\| / \|w\|` of every parameter.

    About 1e-3 per step is a healthy order of magnitude; 1e-1 tears the weights apart,
    1e-6 does not move them.

    Parameters
    ----------
    model : Sequential
    before : array of shape (*lead, P)
        A copy of ``model.params`` before the step.

    Returns
    -------
    dict
        By parameter name an array of shape lead; inf for a parameter that was 0.

    References
    ----------
    Stanford CS231n course notes, "Neural Networks Part 3: ratio of weights:updates".

    Examples
    --------
    >>> from nnlib.model import mlp
    >>> net = mlp([2, 3], rng=np.random.default_rng(0), device="cpu")
    >>> before = net.params.copy()
    >>> net.params *= 0.999
    >>> round(float(update_ratio(net, before)["0.W"]), 6)
    0.001
    """
    found, start = {}, 0
    for name, p in model.named_parameters():
        stop = start + int(np.prod(p.shape[len(model.lead) :]))
        old, new = before[..., start:stop], model.params[..., start:stop]
        found[name] = _ratio(_norm(new - old, model.lead), _norm(old, model.lead))
        start = stop
    return found


class WatchUpdates:
    """Records `update_ratio` at each step: ``fit(…, on_step=[WatchUpdates(model)])``.

    The records are ``history.steps["update 0.W"]``, ….

    Parameters
    ----------
    model : Sequential

    References
    ----------
    See `update_ratio`.

    Examples
    --------
    >>> from nnlib.model import mlp
    >>> net = mlp([2, 3], rng=np.random.default_rng(0), device="cpu")
    >>> watch = WatchUpdates(net)
    >>> net.params *= 0.99
    >>> sorted(watch(1, net))
    ['update 0.W', 'update 0.b']
    """

    def __init__(self, model: Sequential) -> None:
        self._before = copy.deepcopy(model.params)

    def __call__(self, step: int, model: Sequential) -> dict[str, np.ndarray]:
        ratios = update_ratio(model, self._before)
        self._before[...] = model.params
        return {f"update {name}": ratio for name, ratio in ratios.items()}


def _norm(values: Array, lead: tuple[int, ...]) -> np.ndarray:
    rows = to_numpy(values).astype(np.float64).reshape(*lead, -1)
    return np.sqrt((rows * rows).sum(axis=-1))


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(a == 0, 0.0, a / b)

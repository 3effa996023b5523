"""What all optimizers share: rates, decay, state, and the walk over the flat buffer.

``opt.step(model.params, model.grads)`` works on buffers of shape ``(*lead, P)``. Every
hyper-parameter is a number, or an array of shape ``lead`` that gives each stacked model
its own. The learning rate may also be a schedule, a function of the step from 0. The
formulas are in `nnlib.optim`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlib.backend import Array, asarray, blocks, device_of, namespace, to_numpy

Hyper = Any  # a number, or an array of shape lead
Rate = Hyper | Callable[[int], Hyper]
PART = 1 << 16  # elements that are updated at a time


class Optimizer:
    r"""Base class: a subclass names its state in ``slots`` and writes one formula.

    Coupled decay (the default) is the gradient of the L2 penalty, decoupled decay
    shrinks the weights beside the step:

    .. math:: g \leftarrow g + \lambda w
              \qquad\text{or}\qquad w \leftarrow (1 - \eta\lambda)\, w

    Parameters
    ----------
    lr : float, array of shape lead, or function of the step
        Learning rate η.
    weight_decay : float or array of shape lead
        The factor λ.
    decoupled : bool
        Which of the two decays. For plain SGD they are the same, for others not.
    decay_mask : array of shape (P,), optional
        1 where the decay applies, 0 where not: ``model.mask("W")`` spares the biases.
        Everywhere by default.
    lr_scale : array of shape (P,), optional
        Multiplies the learning rate of each parameter: groups with rates of their own,
        0 to freeze (``0.1 * model.mask("0.*") + model.mask("2.*")``). Assign a new
        array to change it.

    Attributes
    ----------
    t : int
        Number of steps taken.

    Raises
    ------
    ValueError
        If a hyper-parameter is out of its range; the message names the value.

    References
    ----------
    L. Bottou, F. E. Curtis, J. Nocedal, "Optimization Methods for Large-Scale Machine
    Learning", SIAM Review 60(2), 2018. arXiv:1606.04838. I. Loshchilov, F. Hutter,
    "Decoupled Weight Decay Regularization", ICLR 2019. arXiv:1711.05101.

    Examples
    --------
    >>> from nnlib.optim import SGD
    >>> w = np.array([1.0, 1.0])
    >>> SGD(lr=0.1, lr_scale=np.array([1.0, 0.0])).step(w, np.array([2.0, 2.0]))
    >>> w
    array([0.8, 1. ])
    """

    slots: tuple[str, ...] = ()

    def __init__(
        self,
        lr: Rate,
        *,
        weight_decay: Hyper = 0.0,
        decoupled: bool = False,
        decay_mask: Array | None = None,
        lr_scale: Array | None = None,
    ) -> None:
        self.lr = lr if callable(lr) else at_least_0("learning rate", lr)
        self.weight_decay = at_least_0("weight decay", weight_decay)
        self.decoupled = decoupled
        self.decay_mask = decay_mask
        self.lr_scale = lr_scale
        self.t = 0
        self.buffers: dict[str, Array] = {}
        self._local: dict[str, tuple[Any, Array]] = {}

    def rate(self) -> Hyper:
        """Return the learning rate of the coming step.

        Raises
        ------
        ValueError
            If it is negative or not a number.
        """
        return at_least_0(
            "learning rate", self.lr(self.t) if callable(self.lr) else self.lr
        )

    def step(self, params: Array, grads: Array) -> None:
        """Update `params` in place; `grads` stays as it is.

        Raises
        ------
        ValueError
            If the shapes differ, or a schedule returns a bad rate.
        """
        if params.shape != grads.shape:
            raise ValueError(
                f"params {params.shape} and grads {grads.shape} differ in shape"
            )
        if len(self.buffers) < len(self.slots):
            xp = namespace(params)
            self.buffers = {name: xp.zeros_like(params) for name in self.slots}
        lr = self.rate()
        self.t += 1
        size = column(self.prepare(lr, params), params)
        decays = not isinstance(self.weight_decay, float) or self.weight_decay > 0
        if decays:
            factor = lr * self.weight_decay if self.decoupled else self.weight_decay
            decay = column(factor, params)
        mask = self._on_device("decay_mask", params)
        scale = self._on_device("lr_scale", params)
        state = list(self.buffers.values())
        for part in self._parts(params, size):
            p, g = params[part], grads[part]
            if decays:
                amount = decay if mask is None else decay * mask[part]
                if not self.decoupled:
                    g = g + amount * p
                elif scale is None:
                    p *= 1 - amount
                else:
                    p *= 1 - amount * scale[part]
            step_size = size if scale is None else size * scale[part]
            self.update(p, g, step_size, *[s[part] for s in state])

    def _parts(self, params: Array, size: Any) -> list[Any]:
        """Cut a buffer into cache-sized parts; on a GPU one kernel takes it whole.

        Whole models in a row are fastest. With masks, or with a number per model (the
        step size or a hyper-parameter), every part holds a few parameters of all.
        """
        total = math.prod(params.shape)
        if total <= PART or device_of(params) == "cuda":
            return [...]
        models, one = params.shape[0], math.prod(params.shape[1:])
        if params.ndim > 1 and one <= PART and not self._varies(size):
            return list(blocks(models, one, PART))
        width = params.shape[-1]
        return [(..., block) for block in blocks(width, total // width, PART)]

    def _varies(self, size: Any) -> bool:
        """Tell whether the step size or any option is more than one number."""
        return any(np.ndim(v) > 0 for v in (size, *vars(self).values()))

    def prepare(self, lr: Hyper, params: Array) -> Hyper:
        """Compute what all blocks share, in float64; return the step size."""
        return lr

    def update(self, p: Array, g: Array, lr: Array, *state: Array) -> None:
        """Change p and the state in place; they are views of one block."""
        raise NotImplementedError

    def flush(self, tiny: float = 1e-30) -> None:
        """Set vanishing state to 0: denormal numbers make every later step slow."""
        for value in self.buffers.values():
            xp = namespace(value)
            value *= xp.astype(xp.abs(value) >= tiny, value.dtype)

    def state(self) -> dict[str, Any]:
        """Return copies of the step count and the state arrays."""
        arrays = {k: to_numpy(v).copy() for k, v in self.buffers.items()}
        return {"t": self.t, **arrays}

    def load_state(self, state: dict[str, Any], params: Array) -> None:
        """Continue from `state`; `params` gives library, device and dtype.

        Raises
        ------
        ValueError
            If an entry is missing, unknown, or has another shape than `params`.
        """
        arrays = {k: v for k, v in state.items() if k != "t"}
        if "t" not in state or (arrays and set(arrays) != set(self.slots)):
            raise ValueError(
                f"expected entries {', '.join(('t', *self.slots))}, got {sorted(state)}"
            )
        for name, value in arrays.items():
            if value.shape != tuple(params.shape):
                raise ValueError(f"{name!r} is {value.shape}, not {params.shape}")
        self.t = int(state["t"])
        device, xp = device_of(params), namespace(params)
        self.buffers = {
            name: xp.astype(asarray(arrays[name].copy(), device=device), params.dtype)
            for name in self.slots
            if arrays
        }

    def _on_device(self, name: str, params: Array) -> Array | None:
        """Return an option of shape (P,) beside `params`, converted once."""
        value = getattr(self, name)
        if value is None:
            return None
        known, local = self._local.get(name, (None, None))
        if known is not value or local.dtype != params.dtype:
            local = asarray(value, device=device_of(params))
            local = namespace(local).astype(local, params.dtype)
            self._local[name] = (value, local)
            if local.ndim == 0 or local.shape[-1] != params.shape[-1]:
                raise ValueError(
                    f"{name} has shape {tuple(local.shape)}, "
                    f"but there are {params.shape[-1]} parameters"
                )
        return local


def column(value: Hyper, params: Array) -> Any:
    """Give a hyper-parameter of shape lead a last axis, so that it broadcasts.

    Parameters
    ----------
    value : number or array of shape lead
    params : array of shape (*lead, P)
        Gives library, device and dtype.

    Returns
    -------
    float, or array of shape (*lead, 1)

    References
    ----------
    Python array API standard, "Broadcasting".

    Examples
    --------
    >>> column(0.5, np.zeros(3)), column(np.array([1.0, 2.0]), np.zeros((2, 3))).shape
    (0.5, (2, 1))
    """
    if isinstance(value, float | int):
        return float(value)  # a NumPy scalar would turn float32 into float64
    cast = asarray(to_numpy(value)[..., None], device=device_of(params))
    return namespace(cast).astype(cast, params.dtype)


def shares(beta: Hyper, params: Array) -> tuple[Any, Any]:
    """Return the weights β of the past and 1 - β of the present in a running mean.

    References
    ----------
    See `column`, which is applied to both.

    Examples
    --------
    >>> shares(0.75, np.zeros(3))
    (0.75, 0.25)
    """
    return column(beta, params), column(1 - beta, params)


def at_least_0(name: str, value: Hyper) -> Hyper:
    """Return a hyper-parameter as float (or float64 array) after checking it.

    Raises
    ------
    ValueError
        If a value is negative, infinite or not a number.

    References
    ----------
    nnlib's own rule: a mistake is reported where it is made.

    Examples
    --------
    >>> at_least_0("learning rate", float("nan"))
    Traceback (most recent call last):
    ...
    ValueError: the learning rate must be finite and at least 0, not nan
    """
    if isinstance(value, float) and 0 <= value < math.inf:  # nearly every call
        return value
    host = np.asarray(to_numpy(value), dtype=np.float64)
    if not (np.isfinite(host) & (host >= 0)).all():
        raise ValueError(f"the {name} must be finite and at least 0, not {value}")
    return host if host.ndim else float(host)


def fraction(name: str, value: Hyper) -> Hyper:
    """Return a hyper-parameter of [0, 1) as float (or float64 array).

    Raises
    ------
    ValueError
        If a value lies outside; at 1 an average would never move.

    References
    ----------
    D. P. Kingma, J. Ba, ICLR 2015, algorithm 1 (the range). arXiv:1412.6980.

    Examples
    --------
    >>> fraction("beta1", 1.0)
    Traceback (most recent call last):
    ...
    ValueError: beta1 must be in [0, 1), not 1.0
    """
    host = np.asarray(to_numpy(value), dtype=np.float64)
    if not ((host >= 0) & (host < 1)).all():
        raise ValueError(f"{name} must be in [0, 1), not {value}")
    return host if host.ndim else float(host)

"""Sequential networks over one flat parameter buffer, and stacks of them.

All parameters of a network are views into ``model.params``, an array of shape
``(*lead, P)``; all gradients are views into ``model.grads``. An optimizer then needs
one line for the whole network. With ``lead = (K,)`` the same lines train K networks.
"""

import fnmatch
import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nnlib import checkpoint
from nnlib.backend import Array, asarray, device_of, namespace, to_numpy
from nnlib.conv import Conv2d
from nnlib.init import he_normal, lecun_normal, xavier_normal
from nnlib.layers import Activation, Flatten, Layer, Linear, leaves
from nnlib.norm import BatchNorm2d
from nnlib.pool import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from nnlib.residual import Residual


class Sequential:
    """Layers one after the other.

    Parameters
    ----------
    layers : sequence of Layer
        They must agree on ``lead``.

    Attributes
    ----------
    params, grads : arrays of shape (*lead, P)
        Change them in place only: the layers hold views.
    lead : tuple
        Leading axes of stacked models.

    Raises
    ------
    ValueError
        If layers disagree on ``lead``, device or dtype, or one appears twice.
    RuntimeError
        If `backward` is called before `forward`.

    Notes
    -----
    A layer belongs to the model that was built last: putting it into another one binds
    it to the new buffer. ``copy.deepcopy`` and pickle give independent models.

    References
    ----------
    I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 6.5.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> net = Sequential([Linear(2, 3, rng=rng, device="cpu"), Activation("tanh")])
    >>> net(np.zeros((5, 2), dtype=np.float32)).shape, net.params.shape
    ((5, 3), (9,))
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        self._pack()

    def _pack(self) -> None:
        """Copy all parameters into one buffer and bind the layers to views of it."""
        everything = [leaf for _, leaf in leaves(self.layers)]
        if len({id(leaf) for leaf in everything}) < len(everything):
            raise ValueError("a layer appears twice; its cache and gradient hold one")
        leads = {leaf.lead for leaf in everything if leaf.params}
        if len(leads) > 1:
            raise ValueError(f"layers disagree on the leading axes: {sorted(leads)}")
        kinds = {(device_of(p), str(p.dtype)) for _, p in self.named_parameters()}
        if len(kinds) > 1:
            raise ValueError(f"layers disagree on device and dtype: {sorted(kinds)}")
        self.lead: tuple[int, ...] = leads.pop() if leads else ()
        owners = [i for i, x in enumerate(self.layers) if _has_params(x)]
        self._first = owners[0] if owners else None
        named = list(self.named_parameters())
        sizes = [math.prod(p.shape[len(self.lead) :]) for _, p in named]
        like = named[0][1] if named else np.zeros(0, dtype=np.float32)
        xp = namespace(like)
        shape = (*self.lead, sum(sizes))
        self.params = xp.zeros(shape, dtype=like.dtype, device=like.device)
        self.grads = xp.zeros(shape, dtype=like.dtype, device=like.device)
        start = 0
        for _, leaf in leaves(self.layers):
            for name, p in leaf.params.items():
                stop = start + math.prod(p.shape[len(self.lead) :])
                view = xp.reshape(self.params[..., start:stop], p.shape)
                view[...] = p
                leaf.params[name] = view
                leaf.grads[name] = xp.reshape(self.grads[..., start:stop], p.shape)
                start = stop

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Bind the views anew: a copied or unpickled view owns its memory."""
        self.__dict__.update(state)
        self._pack()

    def named_parameters(self) -> Iterator[tuple[str, Array]]:
        """Yield ``("0.W", array)``, … in the order of the flat buffer."""
        for path, leaf in leaves(self.layers):
            for name, p in leaf.params.items():
                yield f"{path}.{name}", p

    def named_grads(self) -> Iterator[tuple[str, Array]]:
        """Yield ``("0.W", gradient)``, … in the order of the flat buffer."""
        for path, leaf in leaves(self.layers):
            for name, g in leaf.grads.items():
                yield f"{path}.{name}", g

    def forward(self, x: Array, *, train: bool = False) -> Array:
        """Return the output; ``train=True`` for the passes that learn."""
        for layer in self.layers:
            x = layer.forward(x, train=train)
        return x

    def __call__(self, x: Array) -> Array:
        """Evaluate: ``forward(x, train=False)``."""
        return self.forward(x, train=False)

    def activations(self, x: Array, *, train: bool = False) -> list[Array]:
        """Return the output of every layer, first to last."""
        outputs = []
        for layer in self.layers:
            x = layer.forward(x, train=train)
            outputs.append(x)
        return outputs

    def backward(self, dy: Array, *, input_gradient: bool = False) -> Array | None:
        """Fill `grads` from ∂L/∂output; return ∂L/∂x only if asked."""
        for i in reversed(range(len(self.layers))):
            if i == self._first and not input_gradient:
                self.layers[i].backward(dy, input_gradient=False)  # type: ignore[call-arg]
                return None
            dy = self.layers[i].backward(dy)
        return dy

    def mask(self, *patterns: str) -> Array:
        """Select parameters by name, for weight decay, freezing or learning rates.

        Parameters
        ----------
        *patterns : str
            Shell patterns. One without a dot fits the last part of a name: ``"W"`` is
            every weight. ``"0.*"`` is the first layer, ``"*"`` everything.

        Returns
        -------
        array of shape (P,)
            1 where a pattern fits, else 0, on the model's device and in its dtype.

        Raises
        ------
        ValueError
            If a pattern fits nothing.

        Examples
        --------
        >>> net = mlp([1, 2], rng=np.random.default_rng(0), device="cpu")
        >>> net.mask("W"), net.mask("0.b")
        (array([1., 1., 0., 0.], dtype=float32), array([0., 0., 1., 1.], dtype=float32))
        """
        xp = namespace(self.params)
        mask = xp.zeros(
            self.params.shape[-1:], dtype=self.params.dtype, device=self.params.device
        )
        unused = set(patterns)
        start = 0
        for name, p in self.named_parameters():
            stop = start + math.prod(p.shape[len(self.lead) :])
            for pattern in patterns:
                part = name if "." in pattern else name.rsplit(".", 1)[-1]
                if fnmatch.fnmatchcase(part, pattern):
                    mask[start:stop] = 1.0
                    unused.discard(pattern)
            start = stop
        if unused:
            names = ", ".join(name for name, _ in self.named_parameters())
            raise ValueError(f"{sorted(unused)} fit no parameter of: {names}")
        return mask

    def replace(self, index: int, layer: Layer) -> None:
        """Put another layer in the place of one, such as a head for new classes.

        The flat buffers are new arrays afterwards: start a new optimizer. All other
        parameters keep their values.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> net = mlp([4, 8, 3], rng=rng, device="cpu")
        >>> net.replace(-1, Linear(8, 2, rng=rng, device="cpu"))
        >>> net(np.zeros((1, 4), dtype=np.float32)).shape
        (1, 2)
        """
        old, self.layers[index] = self.layers[index], layer
        try:
            self._pack()
        except ValueError:
            self.layers[index] = old
            raise

    def to(self, device: str | None = None, *, dtype: Any = None) -> "Sequential":
        """Move parameters and buffers to a device, a dtype, or both; return the model.

        The flat buffers are new arrays afterwards: start a new optimizer.

        Examples
        --------
        >>> net = mlp([1, 2], rng=np.random.default_rng(0), device="cpu")
        >>> net.to(dtype=np.float64).params.dtype
        dtype('float64')
        """
        for _, leaf in leaves(self.layers):
            leaf.cache = None
            leaf.grads = {}
            for box in (leaf.params, leaf.buffers):
                for name, value in box.items():
                    place = device_of(value) if device is None else device
                    box[name] = asarray(to_numpy(value), dtype=dtype, device=place)
        self._pack()
        return self

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of all parameters and buffers by name."""
        state = {name: to_numpy(p).copy() for name, p in self.named_parameters()}
        for path, leaf in leaves(self.layers):
            for name, value in leaf.buffers.items():
                state[f"{path}.{name}"] = np.array(to_numpy(value))
        return state

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Set parameters and buffers by name; nothing changes if one does not fit.

        Raises
        ------
        ValueError
            Naming the first missing or surplus entry, or the shape that differs.
        """
        own = {name: tuple(np.shape(v)) for name, v in self.state().items()}
        for name in [*own, *state]:
            if name not in state:
                raise ValueError(f"the state has no entry {name!r}")
            if name not in own:
                raise ValueError(f"the model has no entry {name!r}")
            if own[name] != tuple(np.shape(state[name])):
                found = tuple(np.shape(state[name]))
                raise ValueError(f"{name!r} has shape {found}, not {own[name]}")
        for path, leaf in leaves(self.layers):
            for box in (leaf.params, leaf.buffers):
                for name, old in box.items():
                    new = asarray(state[f"{path}.{name}"], device=device_of(old))
                    old[...] = namespace(old).astype(new, old.dtype)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write parameters and buffers to a safetensors file, see `checkpoint`."""
        checkpoint.save(path, self.state())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Read parameters and buffers from a safetensors file.

        Raises
        ------
        ValueError
            If the file is none of that kind, or does not fit the model; the message
            names the first entry that differs, and the model stays as it is.
        """
        try:
            self.load_state(checkpoint.load(path)[0])
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None


def _has_params(layer: Layer) -> bool:
    return any(leaf.params for _, leaf in leaves([layer]))


def fitting_init(activation: str) -> Callable[..., Array]:
    """Return Xavier for sigmoid and tanh, LeCun for SELU, He for all others.

    References
    ----------
    X. Glorot, Y. Bengio, AISTATS 2010. G. Klambauer et al., NeurIPS 2017. K. He et al.,
    ICCV 2015.

    Examples
    --------
    >>> fitting_init("tanh").__name__
    'xavier_normal'
    """
    special = {"sigmoid": xavier_normal, "tanh": xavier_normal, "selu": lecun_normal}
    return special.get(activation, he_normal)


def mlp(
    sizes: Sequence[int],
    *,
    activation: str = "relu",
    rng: np.random.Generator,
    init: Callable[..., Array] | None = None,
    lead: tuple[int, ...] = (),
    dtype: Any = np.float32,
    device: str | None = None,
) -> Sequential:
    """Build a fully connected network.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden widths, outputs.
    activation : str
        Between the layers; none after the last.
    rng : numpy.random.Generator
    init : callable, optional
        Initializer of all weights. By default the one that fits the activation:
        Xavier for sigmoid and tanh, LeCun for SELU, He for the others.
    lead : tuple
        ``(K,)`` builds K independent networks as one.
    dtype, device
        See `nnlib.backend.asarray`.

    Returns
    -------
    Sequential

    Raises
    ------
    ValueError
        If there are fewer than two sizes.

    References
    ----------
    Goodfellow, Bengio, Courville 2016, chapter 6.

    Examples
    --------
    >>> net = mlp([64, 32, 10], rng=np.random.default_rng(0), lead=(5,), device="cpu")
    >>> net(np.zeros((7, 64), dtype=np.float32)).shape
    (5, 7, 10)
    """
    if len(sizes) < 2:
        raise ValueError(f"an MLP needs at least two sizes, not {list(sizes)}")
    init = fitting_init(activation) if init is None else init
    layers: list[Layer] = []
    for d_in, d_out in itertools.pairwise(sizes):
        if layers:
            layers.append(Activation(activation))
        layers.append(
            Linear(
                d_in, d_out, rng=rng, init=init, lead=lead, dtype=dtype, device=device
            )
        )
    return Sequential(layers)


def lenet(
    *,
    rng: np.random.Generator,
    image: tuple[int, int, int] = (1, 28, 28),
    classes: int = 10,
    activation: str = "relu",
    pool: str = "max",
    lead: tuple[int, ...] = (),
    dtype: Any = np.float32,
    device: str | None = None,
) -> Sequential:
    """Build LeNet-5: two convolutions of 5x5 with pooling, three dense layers.

    6 and 16 channels, then 120, 84 and `classes` units; the first convolution pads by 2
    pixels, so that 28x28 images keep their size.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : tuple
        Channels, height and width of the input; at least 12x12 pixels.
    classes : int
    activation : str
        After every layer but the last.
    pool : {"max", "avg"}
    lead, dtype, device
        See `mlp`.

    Raises
    ------
    ValueError
        If the image is too small or the pooling unknown.

    Notes
    -----
    The form used today. The paper's network has tanh units, learned average pooling, a
    partial connection between the feature maps and Gaussian output units; ``lenet(
    activation="tanh", pool="avg")`` is nearest to it.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
    document recognition", Proceedings of the IEEE 86(11), 1998, section II.B.

    Examples
    --------
    >>> net = lenet(rng=np.random.default_rng(0), device="cpu")
    >>> net(np.zeros((2, 1, 28, 28), dtype=np.float32)).shape, net.params.size
    ((2, 10), 61706)
    """
    pools = {"max": MaxPool2d, "avg": AvgPool2d}
    if pool not in pools:
        raise ValueError(f"pool {pool!r} is not one of {', '.join(pools)}")
    channels, height, width = image
    if min(height, width) < 12:
        raise ValueError(f"LeNet needs at least 12x12 pixels, not {height}x{width}")
    where: dict[str, Any] = {
        "rng": rng,
        "init": fitting_init(activation),
        "lead": lead,
        "dtype": dtype,
        "device": device,
    }
    flat = 16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
    return Sequential(
        [
            Conv2d(channels, 6, 5, padding=2, **where),
            Activation(activation),
            pools[pool](2),
            Conv2d(6, 16, 5, **where),
            Activation(activation),
            pools[pool](2),
            Flatten(),
            Linear(flat, 120, **where),
            Activation(activation),
            Linear(120, 84, **where),
            Activation(activation),
            Linear(84, classes, **where),
        ]
    )


def resnet(
    *,
    rng: np.random.Generator,
    image: tuple[int, int, int] = (1, 8, 8),
    classes: int = 10,
    widths: Sequence[int] = (16, 32),
    blocks: int = 1,
    norm: bool = True,
    init: str = "zero",
    lead: tuple[int, ...] = (),
    dtype: Any = np.float32,
    device: str | None = None,
) -> Sequential:
    """Build a small residual network of 3x3 convolutions.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : tuple
        Channels, height and width of the input.
    classes : int
    widths : sequence of int
        Channels of each stage; every stage but the first halves the image.
    blocks : int
        Residual blocks per stage, of two convolutions each.
    norm : bool
        Batch normalization after each convolution.
    init : {"he", "zero", "fixup", "skipinit"}
        See `nnlib.residual.Residual`.
    lead, dtype, device
        See `mlp`.

    Raises
    ------
    ValueError
        If there is no stage or no block.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition",
    CVPR 2016, sections 3.3 and 4.2 (the form for small images; where the shape changes,
    its option B, a 1x1 convolution). arXiv:1512.03385.

    Examples
    --------
    >>> net = resnet(rng=np.random.default_rng(0), device="cpu")
    >>> net(np.zeros((2, 1, 8, 8), dtype=np.float32)).shape
    (2, 10)
    """
    if not widths or blocks < 1:
        raise ValueError(f"no residual block: widths {widths}, blocks {blocks}")
    where: dict[str, Any] = {"lead": lead, "dtype": dtype, "device": device}

    def conv(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> list[Layer]:
        padding = kernel // 2
        options: dict[str, Any] = {"stride": stride, "padding": padding, "bias": False}
        layer = Conv2d(c_in, c_out, kernel, rng=rng, **options, **where)
        return [layer, BatchNorm2d(c_out, **where)] if norm else [layer]

    layers = [*conv(image[0], widths[0]), Activation("relu")]
    c_in = widths[0]
    for stage, c_out in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            branch = [
                *conv(c_in, c_out, stride=stride),
                Activation("relu"),
                *conv(c_out, c_out),
            ]
            shortcut = (
                conv(c_in, c_out, 1, stride) if c_in != c_out or stride > 1 else []
            )
            depth = blocks * len(widths)
            layers.append(
                Residual(branch, init=init, n_blocks=depth, shortcut=shortcut)
            )
            layers.append(Activation("relu"))
            c_in = c_out
    layers.append(GlobalAvgPool2d())
    layers.append(Linear(c_in, classes, rng=rng, **where))
    return Sequential(layers)

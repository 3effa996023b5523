"""One row per layer: how to build it and the shape of an input without model axes.

``build(rng=, lead=, dtype=, device=)`` makes the layer; layers without parameters
ignore all but ``rng``.
"""

import numpy as np

from nnlib import conv, dropout, layers, norm, pool, residual
from nnlib.backend import asarray, namespace
from nnlib.layers import leaves


def _plain(make):
    """Adapt a layer without parameters to the signature of the table."""
    return lambda *, rng, lead, dtype, device: make()


def _random(make):
    return lambda *, rng, lead, dtype, device: make(rng)


def _still(make):
    """Adapt a layer with parameters that are not drawn."""
    return lambda *, rng, **where: make(where)


def _branch(kw, c=4):
    return [
        layers.Linear(c, 6, **kw),
        layers.Activation("tanh"),
        layers.Linear(6, c, **kw),
    ]


def _conv_branch(kw, c_in=2, c_out=3):
    return [
        conv.Conv2d(c_in, c_out, 3, padding=1, **kw),
        layers.Activation("tanh"),
        conv.Conv2d(c_out, c_out, 3, padding=1, **kw),
    ]


def _norm_branch(rng, where):
    linear = layers.Linear(4, 4, rng=rng, **where)
    return [linear, norm.BatchNorm1d(4, **where)]


ROWS, IMAGES = (5, 4), (3, 2, 6, 7)

CASES = {
    "linear": (lambda **kw: layers.Linear(4, 3, **kw), ROWS),
    "linear without bias": (lambda **kw: layers.Linear(4, 3, bias=False, **kw), ROWS),
    **{
        name: (_plain(lambda name=name: layers.Activation(name)), ROWS)
        for name in sorted(layers.ELEMENTWISE)
    },
    "leaky_relu, slope 2": (
        _plain(lambda: layers.Activation("leaky_relu", slope=2.0)),
        ROWS,
    ),
    "gelu, tanh form": (
        _plain(lambda: layers.Activation("gelu", approximate=True)),
        ROWS,
    ),
    "prelu, one slope": (_still(lambda where: layers.PReLU(a=1.5, **where)), ROWS),
    "prelu, per column": (_still(lambda where: layers.PReLU(4, **where)), ROWS),
    "prelu, per channel": (
        _still(lambda where: layers.PReLU(2, spatial=2, **where)),
        IMAGES,
    ),
    "prelu, one slope, images": (
        _still(lambda where: layers.PReLU(spatial=2, **where)),
        IMAGES,
    ),
    "maxout": (_plain(lambda: layers.Maxout(2)), ROWS),
    "flatten": (_plain(layers.Flatten), IMAGES),
    "dropout": (_random(lambda rng: dropout.Dropout(0.4, rng=rng)), ROWS),
    "dropout, p = 0": (_random(lambda rng: dropout.Dropout(0.0, rng=rng)), ROWS),
    "dropout of channels": (
        _random(lambda rng: dropout.Dropout(0.4, rng=rng, shared_axes=2)),
        IMAGES,
    ),
    "dropconnect": (lambda **kw: dropout.DropConnect(4, 3, p=0.4, **kw), ROWS),
    "dropconnect per example": (
        lambda **kw: dropout.DropConnect(4, 3, p=0.4, per_example=True, **kw),
        ROWS,
    ),
    "batchnorm, rows": (_still(lambda where: norm.BatchNorm1d(4, **where)), ROWS),
    "batchnorm, images": (_still(lambda where: norm.BatchNorm2d(2, **where)), IMAGES),
    "layernorm": (_still(lambda where: norm.LayerNorm(4, **where)), ROWS),
    "groupnorm, rows": (_still(lambda where: norm.GroupNorm(2, 4, **where)), ROWS),
    "groupnorm, images": (
        _still(lambda where: norm.GroupNorm(1, 2, spatial=2, **where)),
        IMAGES,
    ),
    "rmsnorm": (_still(lambda where: norm.RMSNorm(4, **where)), ROWS),
    "conv": (lambda **kw: conv.Conv2d(2, 3, 3, **kw), IMAGES),
    "conv, stride and padding": (
        lambda **kw: conv.Conv2d(2, 3, (3, 2), stride=2, padding=1, bias=False, **kw),
        IMAGES,
    ),
    "max pooling": (_plain(lambda: pool.MaxPool2d(2)), IMAGES),
    "max pooling, overlapping": (_plain(lambda: pool.MaxPool2d(3, 2)), IMAGES),
    "average pooling": (_plain(lambda: pool.AvgPool2d(2)), IMAGES),
    "average pooling, overlapping": (_plain(lambda: pool.AvgPool2d(3, 1)), IMAGES),
    "global average pooling": (_plain(pool.GlobalAvgPool2d), IMAGES),
    "scalar bias": (_still(lambda where: residual.ScalarBias(**where)), ROWS),
    "residual, he": (
        lambda **kw: residual.Residual(_branch(kw), scale=0.5),
        ROWS,
    ),
    "residual, zero": (
        lambda rng, **where: residual.Residual(_norm_branch(rng, where), init="zero"),
        ROWS,
    ),
    "residual, fixup": (
        lambda **kw: residual.Residual(_branch(kw), init="fixup", n_blocks=4),
        ROWS,
    ),
    "residual, skipinit": (
        lambda **kw: residual.Residual(_branch(kw), init="skipinit", scale=0.7),
        ROWS,
    ),
    "residual, images, shortcut": (
        lambda **kw: residual.Residual(
            _conv_branch(kw), shortcut=[conv.Conv2d(2, 3, 1, **kw)]
        ),
        IMAGES,
    ),
    "residual, images, fixup": (
        lambda **kw: residual.Residual(
            _conv_branch(kw, 2, 2), init="fixup", n_blocks=2
        ),
        IMAGES,
    ),
}


def build(name, *, lead=(), dtype=np.float64, device="cpu", seed=0):
    """Return a layer of the table whose parameters are away from special values."""
    rng = np.random.default_rng(seed)
    layer = CASES[name][0](rng=rng, lead=lead, dtype=dtype, device=device)
    for _, leaf in leaves([layer]):
        for key, p in [*leaf.params.items(), *leaf.buffers.items()]:
            noise = 0.3 * rng.standard_normal(tuple(p.shape))
            noise = np.abs(noise) if key == "running_var" else noise
            p += namespace(p).astype(asarray(noise, device=device), p.dtype)
    return layer


def sample(name, *, lead=(), seed=1):
    """Return a float64 NumPy input for a layer of the table."""
    return np.random.default_rng(seed).standard_normal(lead + CASES[name][1])


def reseed(layer, rng):
    """Give all random layers inside `layer` one generator."""
    for _, leaf in leaves([layer]):
        if hasattr(leaf, "rng"):
            leaf.rng = rng


def freeze(layer):
    """Make all random layers inside `layer` keep their masks."""
    for _, leaf in leaves([layer]):
        if hasattr(leaf, "frozen"):
            leaf.frozen = True

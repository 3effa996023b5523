"""The tests are tested: each breaks one formula in its source and must notice.

A row is (module, line as it is, line made wrong, tests that must fail). The module is
executed again with the wrong line while the tests run, then put back.
"""

import contextlib
import inspect

import numpy as np
import pytest
import test_activations
import test_backend
import test_conv
import test_dropout
import test_gradcheck
import test_init
import test_layers
import test_losses
import test_metric_losses
import test_model
import test_norm
import test_residual
from backends import torch

from nnlib import (
    activations,
    backend,
    conv,
    dropout,
    gradcheck,
    hard_examples,
    init,
    layers,
    losses,
    metric_losses,
    model,
    norm,
    pool,
    residual,
)


@contextlib.contextmanager
def mutated(module, right, wrong):
    """Run the module's source with one replacement, in the module itself."""
    source = inspect.getsource(module)
    assert source.count(right) == 1, f"{source.count(right)} times: {right}"
    saved = dict(vars(module))
    try:
        exec(compile(source.replace(right, wrong), "mutant", "exec"), vars(module))
        yield
    finally:
        vars(module).clear()
        vars(module).update(saved)


def activation(name):
    return lambda: test_activations.test_equals_torch(name)


def loss(name):
    return lambda: test_losses.test_equals_torch(name)


def metric(name):
    return lambda: test_metric_losses.test_equals_torch_loops(name)


def normalization(name):
    return lambda: test_norm.test_equals_torch(name)


def gradients(name, train=True):
    return lambda: test_layers.test_gradients(name, train)


def stacked(name):
    return lambda: test_layers.test_stack_equals_loop(name, True)


def variance(name, shape=test_init.CONV):
    return lambda: test_init.test_variance(name, shape)


def convolution():
    case = {"channels": (2, 3), "image": (5, 6), "kernel": (3, 2), "bias": True}
    test_conv.conv_against_torch(batch=2, stride=2, padding=1, **case)


def pooling(kind):
    case = {"image": (5, 6), "size": 3, "stride": 1, "ties": True}
    return lambda: test_conv.pooling_against_torch(kind, **case)


def running():
    test_norm.test_running_statistics_equal_torch(2, 0.1)


def ohem():
    test_metric_losses.test_ohem_cross_entropy("cpu", None)


def ohem_mask():
    kept = [0, 1, 2, 4]
    test_metric_losses.test_ohem_mask("cpu", 4, (0.5, 0.5, 0.0), kept)


A, M = activations, metric_losses
MUTANTS = [
    (A, "0.5 * (1 + namespace(x)", "0.5 * (1 - namespace(x)", activation("sigmoid")),
    (A, "return dy * y * (1 - y)", "return dy * y * (1 + y)", activation("sigmoid")),
    (A, "dy * (1 - y * y)", "dy * (1 - y)", activation("tanh")),
    (A, "astype(y > 0, dy.dtype)", "astype(y < 0, dy.dtype)", activation("relu")),
    (
        A,
        "where(x > 0, dy, slope * dy)",
        "where(x > 0, dy, dy)",
        activation("leaky_relu"),
    ),
    (
        A,
        "xp.maximum(x, 0.0) + a * xp.minimum(x, 0.0)",
        "xp.maximum(a * x, x)",
        activation("prelu"),
    ),
    (A, "dy * (y + alpha))", "dy * (y - alpha))", activation("elu")),
    (A, "SELU_ALPHA = 1.673", "SELU_ALPHA = 1.674", activation("selu")),
    (A, "x * density", "density", activation("gelu")),
    (A, "3 * 0.044715 * x", "2 * 0.044715 * x", activation("gelu tanh")),
    (A, "s * (1 + x * (1 - s))", "s * (1 + x * s)", activation("silu")),
    (
        A,
        "log1p(xp.exp(-xp.abs(x)))",
        "log1p(xp.exp(xp.abs(x)))",
        activation("softplus"),
    ),
    (A, "y * (dy - inner)", "y * dy", activation("softmax")),
    (A, "dy - xp.exp(y) *", "dy - y *", activation("log_softmax")),
    (A, "dy = dy - dx[piece]", "dy = dy", activation("maxout")),
    (
        A,
        "e = xp.exp(z - row_max(z))",
        "e = xp.exp(z)",
        lambda: test_activations.test_finite_at_extremes("softmax", np.float64),
    ),
    (losses, "p -= target", "p += target", loss("cross-entropy")),
    (losses, "inner(target, logp) / -n", "inner(target, logp)", loss("cross-entropy")),
    (
        backend,
        "axis=None) < n_classes",
        "axis=None) <= n_classes",
        lambda: test_backend.test_labels_fit("cpu", np.int64),
    ),
    (
        backend,
        ".astype(np.int64, copy=False).view(np.uint64)",
        "",
        lambda: test_backend.test_labels_fit("cpu", np.int64),
    ),
    (
        backend,
        "return np.vdot(a, b)",
        "return np.vdot(a, a)",
        lambda: test_backend.test_inner("cpu", np.float64, (2, 3), (2, 3)),
    ),
    (
        backend,
        "np.matmul(_ones(a.shape[-2], a.dtype), a, out=out)",
        "np.matmul(_ones(a.shape[-2], a.dtype) * 2, a, out=out)",
        lambda: test_backend.test_sum_into("cpu"),
    ),
    (losses, "logp -= xp.log(total)", "logp -= total", loss("cross-entropy")),
    (losses, "label_smoothing / classes", "label_smoothing", loss("smoothed")),
    (losses, "share * (n / total)", "share", loss("weighted")),
    (
        losses,
        "xp.exp(logp) * total - target",
        "xp.exp(logp) - target",
        loss("weighted"),
    ),
    (losses, "(2 / size) * difference", "(1 / size) * difference", loss("mse")),
    (losses, "softplus(logits) - y * logits", "softplus(logits) - y", loss("binary")),
    (losses, "gamma * (1 - q) * ratio - 1", "gamma * ratio - 1", loss("focal")),
    (losses, "(1 - alpha) * (1 - y)", "alpha * (1 - y)", loss("binary focal")),
    (
        losses,
        "if y.ndim >= 2 and tuple(y.shape) == shape[-y.ndim :]:",
        "if True:",
        lambda: test_losses.test_one_column_takes_plain_targets(),
    ),
    (M, "xp.maximum(margin - d, 0.0)", "margin - d", metric("contrastive, margin 1.0")),
    (M, "pull + pull.mT", "pull", metric("triplet, all")),
    (M, "pull = 2 * dd", "pull = dd", metric("triplet, all, squared")),
    (M, "(gap > 0) & (gap < margin)", "(gap < margin)", metric("triplet, semi-hard")),
    (
        M,
        "xp.argmin(near, axis=-1)",
        "xp.argmax(near, axis=-1)",
        metric("triplet, hardest"),
    ),
    (M, "axis=-1) - xp.sum(active, axis=-2)", "axis=-1)", metric("triplet, all")),
    (hard_examples, "xp.argsort(-losses", "xp.argsort(losses", ohem_mask),
    (hard_examples, "weight = mask / count", "weight = mask", ohem),
    (
        hard_examples,
        "candidates = xp.where(member, losses,",
        "candidates = xp.where(True, losses,",
        ohem_mask,
    ),
    (layers, "dW, db = x.mT @ dy,", "dW, db = -x.mT @ dy,", gradients("linear")),
    (
        layers,
        "axes = (*axes, -1 - self.spatial)",
        "pass",
        gradients("prelu, one slope"),
    ),
    (
        norm,
        "xp.sqrt(variance + eps)",
        "xp.sqrt(variance) + eps",
        normalization("batchnorm, eps"),
    ),
    (
        norm,
        "dx -= xhat * xp.mean(dxhat",
        "dx -= xp.mean(dxhat",
        normalization("layernorm"),
    ),
    (norm, "variance * (n / (n - 1))", "variance", running),
    (norm, "running *= 1 - self.momentum", "running *= self.momentum", running),
    (norm, "return dxhat * statistics", "return dxhat", running),
    (norm, "xhat * along", "along", normalization("rmsnorm")),
    (
        norm,
        "axes = tuple(range(-1 - self.spatial, 0))",
        "axes = (-1,)",
        normalization("groupnorm, images"),
    ),
    (
        conv,
        "dx[window] += d",
        "dx[window] = d",
        convolution,
    ),
    (
        conv,
        "z += xp.reshape(b",
        "z -= xp.reshape(b",
        convolution,
    ),
    (pool, "dy = dy - here", "pass", pooling("max")),
    (
        pool,
        "dy = dy * (1 / self.size**2)",
        "dy = dy / self.size",
        pooling("avg"),
    ),
    (
        pool,
        "dx[last] += dy",
        "dx[last] = dy",
        pooling("max"),
    ),
    (
        dropout,
        "asarray(1 / (1 - np.asarray(p))",
        "asarray(1 / np.asarray(p)",
        lambda: test_dropout.test_expectation_and_share(0.2),
    ),
    (
        dropout,
        "dtype=np.float32) >= p",
        "dtype=np.float32) < p",
        lambda: test_dropout.test_expectation_and_share(0.2),
    ),
    (
        dropout,
        "(self.p / (1 - self.p))",
        "self.p",
        test_dropout.test_dropconnect_moments,
    ),
    (
        dropout,
        "self._store(W=mask * (x.mT @ dy))",
        "self._store(W=x.mT @ dy)",
        gradients("dropconnect"),
    ),
    (
        residual,
        "n_blocks ** (-1 /",
        "n_blocks ** (1 /",
        test_residual.test_fixup_scale_and_shape,
    ),
    (
        residual,
        "dalpha = self.scale *",
        "dalpha =",
        test_residual.test_block_equals_torch,
    ),
    (residual, "return df + ds", "return df", gradients("residual, he")),
    (init, "receptive = math.prod(shape[2:])", "receptive = 1", variance("he")),
    (init, '2.0, "fan_in")', '1.0, "fan_in")', variance("he")),
    (
        init,
        "mode=mode) / (1 + slope**2)",
        "mode=mode) / (1 + slope)",
        variance("he, slope"),
    ),
    (
        init,
        "math.sqrt(3 * variance",
        "math.sqrt(2 * variance",
        variance("xavier uniform"),
    ),
    (
        init,
        "q = q * np.sign",
        "q = q + 0 * np.sign",
        test_init.test_orthogonal_is_uniform,
    ),
    (
        init,
        "np.log(counts / counts.sum())",
        "np.log(counts.sum() / counts)",
        test_init.test_log_prior_predicts_the_frequencies,
    ),
    (
        model,
        "view[...] = p",
        "pass",
        lambda: test_model.test_mlp_takes_the_fitting_initializer(
            "relu", init.he_normal
        ),
    ),
    (
        model,
        "self.__dict__.update(state)\n        self._pack()",
        "self.__dict__.update(state)",
        lambda: test_model.test_a_copy_is_whole_and_independent(
            __import__("copy").deepcopy
        ),
    ),
    (
        gradcheck,
        "scale = np.maximum(np.maximum(norms[1], norms[2]), floor)",
        "scale = max(1.0, norms[1])",
        lambda: (
            test_gradcheck.test_relative_error([1.0], [0.5], 0.0, 0.5)
            or test_gradcheck.test_relative_error([0.1], [0.0], 0.0, 1.0)
        ),
    ),
    (
        dropout,
        "like=x)\n        self.cache = self._mask",
        "like=x[0, ...])\n        self.cache = self._mask[0]",
        stacked("dropout"),
    ),
]


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize(
    ("module", "right", "wrong", "check"),
    MUTANTS,
    ids=[f"{m.__name__.split('.')[1]}: {wrong[:40]}" for m, _, wrong, _ in MUTANTS],
)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_formula_is_noticed(module, right, wrong, check):
    with mutated(module, right, right):
        check()  # the exchange itself breaks nothing
    with (
        mutated(module, right, wrong),
        pytest.raises((AssertionError, ValueError, FloatingPointError)),
    ):
        check()

"""Classification and regression losses against torch, gold, and bad input."""

import numpy as np
import pytest
from backends import close, each_backend, each_dtype, needs_torch, oracle, put
from hypothesis import given
from hypothesis import strategies as st

from nnlib import losses as L
from nnlib.backend import namespace, to_numpy
from nnlib.gradcheck import check_loss

rng = np.random.default_rng(0)
N, C = 6, 4
Z = 2 * rng.standard_normal((N, C))
Y = np.array([0, 3, 1, 1, 2, 0])
T = rng.random((N, C))  # targets in [0, 1)
B = (T > 0.5) * 1.0
P = T / T.sum(axis=1, keepdims=True)
W = (0.2, 1.0, 3.0, 0.5)


def torch_focal(z, y, gamma, alpha):
    import torch

    logp = torch.log_softmax(z, -1)[range(N), y]
    weight = torch.tensor(alpha, dtype=z.dtype)[torch.tensor(y)]
    return -(weight * (1 - logp.exp()) ** gamma * logp).mean()


def torch_binary_focal(z, y, gamma, alpha):
    """As in torchvision.ops.sigmoid_focal_loss."""
    import torch

    ce = torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none")
    p = torch.sigmoid(z)
    pt = p * y + (1 - p) * (1 - y)
    weight = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
    return (weight * (1 - pt) ** gamma * ce).mean()


def F():
    import torch.nn.functional

    return torch.nn.functional


def tensor(x):
    import torch

    return torch.tensor(np.asarray(x))


# name: (loss of logits and labels, labels, the same in torch); a lambda looks the
# function up when it is called, also when test_mutants has put a wrong one there.
CASES = {
    "cross-entropy": (
        lambda z, y: L.softmax_cross_entropy(z, y),
        Y,
        lambda z: F().cross_entropy(z, tensor(Y)),
    ),
    "smoothed": (
        lambda z, y: L.softmax_cross_entropy(z, y, label_smoothing=0.1),
        Y,
        lambda z: F().cross_entropy(z, tensor(Y), label_smoothing=0.1),
    ),
    "weighted": (
        lambda z, y: L.softmax_cross_entropy(z, y, class_weight=W),
        Y,
        lambda z: F().cross_entropy(z, tensor(Y), weight=tensor(W)),
    ),
    "smoothed and weighted": (
        lambda z, y: L.softmax_cross_entropy(z, y, label_smoothing=0.3, class_weight=W),
        Y,
        lambda z: F().cross_entropy(
            z, tensor(Y), weight=tensor(W), label_smoothing=0.3
        ),
    ),
    "soft": (
        lambda z, y: L.soft_cross_entropy(z, y),
        P,
        lambda z: F().cross_entropy(z, tensor(P)),
    ),
    "mse": (lambda z, y: L.mse(z, y), T, lambda z: F().mse_loss(z, tensor(T))),
    "binary": (
        lambda z, y: L.binary_cross_entropy(z, y),
        T,
        lambda z: F().binary_cross_entropy_with_logits(z, tensor(T)),
    ),
    "focal": (
        lambda z, y: L.focal(z, y, gamma=1.5, alpha=W),
        Y,
        lambda z: torch_focal(z, Y, 1.5, W),
    ),
    "focal, gamma 0.5": (
        lambda z, y: L.focal(z, y, gamma=0.5),
        Y,
        lambda z: torch_focal(z, Y, 0.5, (1.0, 1.0, 1.0, 1.0)),
    ),
    "binary focal": (
        lambda z, y: L.binary_focal(z, y),
        B,
        lambda z: torch_binary_focal(z, tensor(B), 2.0, 0.25),
    ),
    "binary focal, no weights": (
        lambda z, y: L.binary_focal(z, y, gamma=3.0, alpha=None),
        B,
        lambda z: torch_binary_focal(z, tensor(B), 3.0, None),
    ),
}
each_loss = pytest.mark.parametrize("name", CASES)


@needs_torch
@each_loss
def test_equals_torch(name):
    loss, y, reference = CASES[name]
    expected, (dz,) = oracle(reference, Z)
    value, gradient = loss(Z, y)
    close(value, expected)
    close(gradient, dz)


@each_loss
def test_gradient(name):
    loss, y, _ = CASES[name]
    assert check_loss(loss, Z, y) < 1e-6

    def wrong(z, y):
        value, gradient = loss(z, y)
        return value, 1.001 * gradient

    assert check_loss(wrong, Z, y) > 1e-4


@each_backend
@each_loss
def test_backends_agree(name, device):
    loss, y, _ = CASES[name]
    value, gradient = loss(put(Z, device), put(y, device))
    expected = loss(Z, y)
    close(value, expected[0])
    close(gradient, expected[1])


@each_loss
@pytest.mark.parametrize("shared", [True, False])
def test_stack_equals_loop(name, shared):
    loss, y, _ = CASES[name]
    z = np.random.default_rng(1).standard_normal((2, 3, N, C))
    labels = y if shared else np.broadcast_to(y, (2, 3, *y.shape))
    value, gradient = loss(z, labels)
    assert value.shape == (2, 3)
    for i in np.ndindex(2, 3):
        one = loss(z[i], y)
        close(value[i], one[0], rtol=1e-12)
        close(gradient[i], one[1], rtol=1e-12)


@each_loss
@each_dtype
def test_stable_and_dtype_kept(name, dtype):
    """Logits of ±1e4 give finite losses and gradients."""
    loss, y, _ = CASES[name]
    z = (1e4 * np.sign(Z)).astype(dtype)
    labels = y if y.dtype.kind == "i" else y.astype(np.float64)
    with np.errstate(all="raise", under="ignore"):
        value, gradient = loss(z, labels)
    assert value.dtype == gradient.dtype == dtype
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@each_loss
def test_no_models(name):
    loss, y, _ = CASES[name]
    for labels in (y, np.broadcast_to(y, (0, *y.shape))):
        value, gradient = loss(np.zeros((0, N, C)), labels)
        assert value.shape == (0,)
        assert gradient.shape == (0, N, C)


@pytest.mark.parametrize("classes", [2, 10])
def test_equal_logits_cost_ln_c(classes):
    """The first loss of a good network; Karpathy 2019, "verify loss @ init"."""
    value, _ = L.softmax_cross_entropy(np.zeros((3, classes)), np.array([0, 1, 0]))
    close(value, np.log(classes))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # By hand: p = (1/4, 3/4) from logits (0, ln 3).
        (
            lambda: L.softmax_cross_entropy(np.array([[0, np.log(3)]]), np.array([1])),
            np.log(4 / 3),
        ),
        (lambda: L.binary_cross_entropy(np.array([[0.0]]), np.array([1])), np.log(2)),
        # Lin et al. 2017, section 3.2: "with gamma = 2, an example classified with
        # pt = 0.9 would have 100x lower loss".
        (
            lambda: L.focal(np.array([[0, np.log(9)]]), np.array([1])),
            -0.01 * np.log(0.9),
        ),
        (lambda: L.mse(np.array([[1.0], [3.0]]), np.array([0.0, 0.0])), 5.0),
    ],
)
def test_golden(value, expected):
    close(value()[0], expected, rtol=1e-12)


@given(st.floats(-100, 100), st.integers(1, 5), st.integers(2, 5))
def test_shift_changes_nothing(shift, n, classes):
    z = np.random.default_rng(n).standard_normal((n, classes))
    y = np.arange(n) % classes
    for loss in (L.softmax_cross_entropy, L.focal):
        a, b = loss(z, y), loss(z + shift, y)
        close(a[0], b[0], rtol=1e-9)
        close(a[1], b[1], rtol=1e-9, atol=1e-12)
        close(a[1].sum(axis=-1), np.zeros(n), atol=1e-12)


def test_identities():
    plain = L.softmax_cross_entropy(Z, Y)
    for same_loss in (
        L.focal(Z, Y, gamma=0.0),
        L.soft_cross_entropy(Z, np.eye(C)[Y]),
        L.softmax_cross_entropy(Z, Y, class_weight=[2.0] * C),
    ):
        close(same_loss[0], plain[0])
        close(same_loss[1], plain[1])
    close(L.cross_entropy_terms(Z, Y).mean(), plain[0])
    two = np.stack([np.zeros(N), Z[:, 0]], axis=1)
    answer = (Y > 0) * 1
    close(
        L.softmax_cross_entropy(two, answer)[0],
        L.binary_cross_entropy(Z[:, :1], answer)[0],
    )
    close(L.binary_focal(Z, B, gamma=0, alpha=None)[0], L.binary_cross_entropy(Z, B)[0])


def test_easy_examples_weigh_less():
    """The share of the gradient from examples with p > 0.9 falls with gamma."""
    z = np.array([[0.0, 4.0], [0.0, -1.0]])
    shares = []
    for gamma in (0.0, 1.0, 2.0):
        _, g = L.focal(z, np.array([1, 1]), gamma=gamma)
        size = np.abs(g).sum(axis=1)
        shares.append(size[0] / size.sum())
    assert shares[0] > shares[1] > shares[2]


def test_one_column_takes_plain_targets():
    z, y = Z[:, :1], B[:, 0]
    for loss in (L.mse, L.binary_cross_entropy, L.binary_focal):
        close(loss(z, y)[0], loss(z, y[:, None])[0])
        close(loss(np.stack([z, z]), y)[0], np.full(2, loss(z, y)[0]))
        close(loss(np.stack([z, z]), np.stack([y, y]))[1][0], loss(z, y)[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: L.softmax_cross_entropy(Z, Y[:3]), "6 rows of logits but 3 labels"),
        (lambda: L.softmax_cross_entropy(Z, Y * 1.0), "must be integers, not float64"),
        (lambda: L.softmax_cross_entropy(Z, Y + 1), r"label 4 is outside 0\.\.3"),
        (lambda: L.softmax_cross_entropy(Z, Y - 1), r"label -1 is outside 0\.\.3"),
        (lambda: L.softmax_cross_entropy(Z[0], Y), r"logits are \(…, N, C\), not"),
        (lambda: L.softmax_cross_entropy(Z, np.array(1)), "a single number as labels"),
        (
            lambda: L.softmax_cross_entropy(Z, np.stack([Y, Y])),
            r"labels \(2, 6\) do not fit logits \(6, 4\)",
        ),
        (lambda: L.softmax_cross_entropy(Z[:0], Y[:0]), "the batch is empty"),
        (
            lambda: L.softmax_cross_entropy(Z, Y, label_smoothing=1.5),
            r"label_smoothing must be in \[0, 1\], not 1\.5",
        ),
        (
            lambda: L.softmax_cross_entropy(Z, Y, class_weight=[1, 2]),
            r"4 classes but weights of shape \(2,\)",
        ),
        (
            lambda: L.softmax_cross_entropy(Z[:1], Y[:1], class_weight=[0, 1, 1, 1]),
            "no example of this batch has a positive class weight",
        ),
        (lambda: L.focal(Z, Y, gamma=-1.0), r"gamma must be at least 0, not -1\.0"),
        (lambda: L.focal(Z, Y, gamma=np.nan), "gamma must be at least 0, not nan"),
        (lambda: L.mse(Z, Y), r"targets \(6,\) do not fit predictions \(6, 4\)"),
        (lambda: L.mse(Z[:, :1], np.zeros((6, 6))), r"\(6, 6\) do not fit"),
        (lambda: L.mse(Z[:0], T[:0]), "the batch is empty"),
        (lambda: L.binary_cross_entropy(Z, T + 1), r"must lie in \[0, 1\]"),
        (lambda: L.binary_focal(Z, T), "must be 0 or 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_strict_labels_of_the_wrong_type():
    y = put(np.zeros(N), "strict")
    with pytest.raises(ValueError, match="must be integers"):
        L.softmax_cross_entropy(put(Z, "strict"), y)
    assert namespace(y).__name__ == "array_api_strict"
    assert to_numpy(y).shape == (N,)

"""Preprocessing: scikit-learn as oracle, covariances, train-only constants."""

import numpy as np
import pytest
from backends import close, each_backend, each_dtype, put, same
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import decomposition, preprocessing

from nnlib.backend import to_numpy
from nnlib.data import digits
from nnlib.preprocess import (
    PCA,
    Center,
    Standardize,
    Whiten,
    covariance,
    prepare,
    principal_axes,
)

ALL = {
    "center": lambda: Center(),
    "standardize": lambda: Standardize(),
    "standardize-eps": lambda: Standardize(eps=0.1),
    "standardize-global": lambda: Standardize(axis=None),
    "pca": lambda: PCA(),
    "pca-3": lambda: PCA(3),
    "whiten-pca": lambda: Whiten("pca"),
    "whiten-zca": lambda: Whiten("zca"),
    "whiten-pca-3": lambda: Whiten("pca", k=3),
    "whiten-zca-3": lambda: Whiten("zca", k=3, eps=0.0),
}
each_step = pytest.mark.parametrize("step", ALL.values(), ids=ALL.keys())


def cloud(n=200, d=5, seed=0, lead=()):
    """Correlated data far from the origin."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((*lead, d, d))
    return rng.standard_normal((*lead, n, d)) @ mix + 10 * rng.standard_normal(d)


# ---- oracle -------------------------------------------------------------------------


@each_backend
def test_standardize_equals_scikit_learn(device):
    x, new = cloud(), cloud(seed=1)
    ours = Standardize().fit(put(x, device))
    theirs = preprocessing.StandardScaler().fit(x)
    close(ours.apply(put(new, device)), theirs.transform(new))
    close(ours.inverse(put(new, device)), theirs.inverse_transform(new))


@each_backend
@pytest.mark.parametrize("k", [1, 3, 5])
def test_pca_equals_scikit_learn(device, k):
    x, new = cloud(), cloud(seed=1)
    ours = PCA(k).fit(put(x, device))
    theirs = decomposition.PCA(k).fit(x)
    n = len(x)
    signs = np.sign((to_numpy(ours.directions).T * theirs.components_).sum(axis=1))
    y = theirs.transform(new)
    close(ours.apply(put(new, device)), y * signs, rtol=1e-7, atol=1e-9)
    close(ours.inverse(put(y * signs, device)), theirs.inverse_transform(y), rtol=1e-7)
    close(ours.variances[:k], theirs.explained_variance_ * (n - 1) / n, rtol=1e-8)
    close(ours.explained[:k], theirs.explained_variance_ratio_, rtol=1e-8)


@each_backend
def test_pca_whitening_equals_scikit_learn(device):
    x = cloud()
    ours = Whiten("pca", eps=0.0).fit_apply(put(x, device))
    theirs = decomposition.PCA(whiten=True).fit_transform(x) * np.sqrt(
        len(x) / (len(x) - 1)
    )
    close(np.abs(to_numpy(ours)), np.abs(theirs), rtol=1e-7, atol=1e-9)


def test_golden_numbers():
    """Three points on a line of slope 2, worked by hand."""
    x = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    close(covariance(x), np.array([[2, 4], [4, 8]]) / 3)
    variances, directions = principal_axes(x)
    close(variances, np.array([10 / 3, 0]))
    close(directions[:, 0], np.array([1, 2]) / np.sqrt(5))
    close(Standardize().fit_apply(x)[:, 1], np.array([-1, 0, 1]) * np.sqrt(1.5))
    y = Whiten("pca", eps=0.0).fit_apply(x)  # the second direction does not vary
    close(y, np.array([[-1, 0], [0, 0], [1, 0]]) * np.sqrt(1.5), atol=1e-7)


def test_directions_have_one_sign():
    """The sign is ours to choose: without a rule it differs between libraries."""
    for seed in range(5):
        u = principal_axes(cloud(seed=seed))[1]
        assert np.all(u.max(axis=0) + u.min(axis=0) >= 0)


def test_covariance_equals_numpy():
    x = cloud()
    close(covariance(x), np.cov(x.T, bias=True), atol=1e-10)


# ---- what each step is for ----------------------------------------------------------


@each_backend
@pytest.mark.parametrize("method", ["pca", "zca"])
def test_whitening_gives_the_identity(device, method):
    y = Whiten(method, eps=0.0).fit_apply(put(cloud(), device))
    close(covariance(y), np.eye(5), rtol=0, atol=1e-9)
    close(to_numpy(y).mean(axis=0), np.zeros(5), atol=1e-9)


def test_eps_shrinks_weak_directions():
    step = Whiten("pca", eps=0.5).fit(cloud())
    expected = step.variances / (step.variances + 0.5)
    close(np.diag(covariance(step.apply(cloud()))), expected)


def test_zca_is_symmetric_and_nearest_to_the_original():
    x = cloud()
    zca, pca = Whiten("zca", eps=0.0).fit(x), Whiten("pca", eps=0.0).fit(x)
    u, roots = zca.directions, zca.roots[0]
    matrix = u @ np.diag(1 / roots) @ u.T
    close(zca.apply(x), (x - x.mean(axis=0)) @ matrix, atol=1e-9)
    centered = x - x.mean(axis=0)
    far = {m: np.sum((centered - m.apply(x)) ** 2) for m in (zca, pca)}
    assert far[zca] < far[pca]


def test_pca_error_is_the_dropped_variance():
    x = cloud()
    for k in range(1, 6):
        step = PCA(k).fit(x)
        error = np.mean(np.sum((x - step.inverse(step.apply(x))) ** 2, axis=1))
        assert error == pytest.approx(step.variances[k:].sum(), rel=1e-7, abs=1e-9)


@each_step
def test_constants_come_from_the_training_data(step):
    x = cloud()
    fitted = step().fit(x)
    before = fitted.apply(x[:3])
    fitted.apply(100 + cloud(seed=2))
    same(fitted.apply(x[:3]), before)
    close(fitted.apply(x)[:1], fitted.apply(x[:1]), rtol=1e-7, atol=1e-9)


@each_step
@each_backend
def test_inverse(step, device):
    fitted = step().fit(put(cloud(), device))
    y = fitted.apply(put(cloud(seed=1), device))
    back = fitted.apply(fitted.inverse(y))
    close(back, y, rtol=1e-7, atol=1e-9)
    if getattr(fitted, "k", None) is None:  # nothing was dropped
        close(fitted.inverse(y), cloud(seed=1), rtol=1e-7, atol=1e-9)


# ---- the hard cases -----------------------------------------------------------------


@each_step
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constant_features_stay_finite(step, value):
    x = cloud()
    x[:, 2] = value
    y = step().fit(x).apply(x)
    assert np.all(np.isfinite(y))
    if y.shape == x.shape and isinstance(step(), Standardize) and step().axis == -2:
        assert np.all(np.abs(y[:, 2]) < 1e-6)


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_whitening_without_eps_leaves_out_what_does_not_vary(method):
    x = cloud()
    x[:, 2] = 3.0
    x[:, 4] = x[:, 0]
    step = Whiten(method, eps=0.0).fit(x)
    values = np.sort(np.linalg.eigvalsh(covariance(step.apply(x))))
    close(values, np.array([0, 0, 1, 1, 1]), atol=1e-8)
    close(step.inverse(step.apply(x)), x, rtol=1e-7)


def test_rounding_is_not_blown_up_in_float32():
    """Directions of variance 1e-30 in the constants are 1e-7 in float32 data."""
    for seed in range(10):
        x = cloud(n=4, d=9, seed=seed).astype(np.float32)
        assert np.abs(Whiten("pca", eps=0.0).fit_apply(x)).max() < 3


def test_more_features_than_examples():
    """Four examples vary in three directions; the other six are rounding."""
    for seed in range(5):
        y = Whiten("pca", eps=0.0).fit_apply(cloud(n=4, d=9, seed=seed))
        variances = np.sort(np.diag(covariance(y)))
        close(variances, np.repeat([0.0, 1.0], [6, 3]), atol=1e-8)


def test_digits_have_constant_pixels():
    d = digits(rng=np.random.default_rng(0), scale=None, device="cpu")
    assert np.any(np.var(d.x_train, axis=0) == 0)
    ready = prepare(d, Standardize())
    assert np.all(np.isfinite(ready.x_test))
    close(ready.x_train.mean(axis=0), np.zeros(64), atol=1e-5)
    white = prepare(d, Center(), Whiten("zca", eps=1e-2))
    assert white.x_test.dtype == np.float32
    same(white.y_test, d.y_test)


@each_step
@each_dtype
def test_dtype_follows_the_data(step, dtype):
    x = cloud().astype(dtype)
    fitted = step().fit(x)
    assert fitted.apply(x).dtype == dtype
    assert fitted.inverse(fitted.apply(x)).dtype == dtype


def test_small_eigenvalues_survive_float32():
    """The constants are computed in float64: the weak direction is right to 1e-3."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 2)) * [100.0, 0.01]
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    exact = principal_axes((x @ turn).astype(np.float32).astype(np.float64))[0]
    ours = PCA().fit((x @ turn).astype(np.float32)).variances
    close(ours, exact)
    assert ours[1] == pytest.approx(1e-4, rel=0.1)


@each_step
def test_stack_equals_loop(step):
    if step().__dict__.get("axis", -2) is None:
        pytest.skip("one scale for everything is one for the whole stack")
    x = cloud(lead=(3,))
    stacked = step().fit(x).apply(x)
    loop = np.stack([step().fit(one).apply(one) for one in x])
    close(stacked, loop, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("axis", "shape"), [(0, (1, 3, 4, 4)), ((0, 2, 3), (1, 3, 1, 1)), (None, (1,) * 4)]
)
@each_backend
def test_images(axis, shape, device):
    x = np.random.default_rng(0).standard_normal((20, 3, 4, 4)) * 3 + 5
    for step in (Center(axis=axis), Standardize(axis=axis)):
        y = to_numpy(step.fit_apply(put(x, device)))
        assert tuple(step.mean.shape) == shape
        assert np.all(np.abs(y.mean(axis=axis)) < 1e-12)
        close(step.inverse(put(y, device)), x)
    close(y.std(axis=axis), np.ones(np.shape(y.std(axis=axis))))


@given(
    n=st.integers(1, 6),
    d=st.integers(1, 6),
    lead=st.sampled_from([(), (1,), (2, 3)]),
    seed=st.integers(0, 100),
)
@settings(max_examples=30, deadline=None)
def test_any_shape(n, d, lead, seed):
    x = cloud(n, d, seed, lead)
    for step in (Center(), Standardize(), PCA(), Whiten("zca", eps=0.0)):
        y = step.fit_apply(x)
        assert y.shape == x.shape
        assert np.all(np.isfinite(y))
        close(step.inverse(y), x, rtol=1e-6, atol=1e-6)


def test_non_contiguous_input():
    x = cloud(d=10)[:, ::2]
    close(Whiten().fit_apply(x), Whiten().fit_apply(x.copy()), atol=1e-9)


def test_the_input_stays_as_it_is():
    x = cloud()
    kept = x.copy()
    for step in ALL.values():
        step().fit_apply(x)
    same(x, kept)


# ---- bad input ----------------------------------------------------------------------

X = cloud()
NAN = np.where(np.arange(5) == 2, np.nan, X)
MISTAKES = {
    "one axis": (lambda: Center().fit(X[0]), ValueError, r"not \(5,\)"),
    "empty": (lambda: Center().fit(X[:0]), ValueError, r"N > 0, not \(0, 5\)"),
    "integers": (lambda: PCA().fit(X.astype(int)), ValueError, "not int64"),
    "nan": (lambda: Whiten().fit(NAN), ValueError, "nan or inf"),
    "k = 0": (lambda: PCA(0).fit(X), ValueError, "k=0 components of 5"),
    "k > D": (lambda: PCA(6).fit(X), ValueError, "k=6 components of 5"),
    "method": (lambda: Whiten("zac"), ValueError, "'zac' is not one of"),
    "eps": (lambda: Whiten(eps=-1), ValueError, "at least 0, not -1"),
    "eps nan": (lambda: Standardize(eps=np.nan), ValueError, "not nan"),
    "unfitted": (lambda: PCA().apply(X), RuntimeError, r"call fit\(x_train\) first"),
    "unfitted inverse": (
        lambda: Whiten().inverse(X),
        RuntimeError,
        "Whiten is applied",
    ),
    "width": (
        lambda: Center().fit(X).apply(X[:, :4]),
        ValueError,
        r"expected \(…, N, 5\), got \(200, 4\)",
    ),
    "width of inverse": (
        lambda: PCA(2).fit(X).inverse(X),
        ValueError,
        r"expected \(…, N, 2\)",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES.values(), ids=MISTAKES)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()

"""Metrics against scikit-learn and hand-made counts."""

import numpy as np
import pytest
from backends import close, each_fast_backend, put
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from nnlib import metrics as m

RNG = np.random.default_rng(4)
N, C = 200, 4
Y = RNG.integers(0, C, N)
LOGITS = RNG.standard_normal((3, N, C)) + 1.5 * np.eye(C)[Y]
LABELS = LOGITS.argmax(-1)
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)


@each_fast_backend
def test_error_rate_counts(device):
    expected = (LABELS != Y).mean(-1)
    close(m.error_rate(put(LOGITS, device), put(Y, device)), expected)
    close(m.accuracy(put(LOGITS, device), put(Y, device)), 1 - expected)
    with pytest.raises(ValueError, match="200 rows of logits, 3 labels"):
        m.error_rate(LOGITS, Y[:3])


def test_confusion_and_its_rates_equal_sklearn():
    got = m.confusion_matrix(LABELS, Y, C)
    assert got.shape == (3, C, C)
    rates = m.per_class(got)
    for k in range(3):
        np.testing.assert_array_equal(got[k], sk.confusion_matrix(Y, LABELS[k]))
        theirs = sk.precision_recall_fscore_support(Y, LABELS[k])[:3]
        for name, value in zip(("precision", "recall", "f1"), theirs, strict=True):
            close(rates[name][k], value)


def test_an_absent_class_has_rates_of_0():
    rates = m.per_class(m.confusion_matrix(np.zeros(3, int), np.zeros(3, int), 2))
    for value in rates.values():
        close(value, np.array([1.0, 0.0]))


@pytest.mark.parametrize(
    ("labels", "y", "message"),
    [
        ([0, 4], [0, 1], "predicted class 4 is outside 0..3"),
        ([0, 1], [0, -1], "true class -1 is outside 0..3"),
        ([0, 1], [0], "2 predictions, 1 labels"),
    ],
)
def test_confusion_refuses(labels, y, message):
    with pytest.raises(ValueError, match=message):
        m.confusion_matrix(np.array(labels), np.array(y), C)


def test_calibration_error_by_hand():
    p = np.array([[0.95, 0.05], [0.85, 0.15], [0.62, 0.38], [0.5, 0.5]])
    y = np.array([0, 1, 0, 0])
    # bins (.9, 1], (.8, .9], (.6, .7], (.4, .5]: gaps .05, .85, .38, .5
    assert m.calibration_error(p, y) == pytest.approx((0.05 + 0.85 + 0.38 + 0.5) / 4)
    confidence, accuracy, count = m.reliability(p, y)
    assert count.tolist() == [0, 0, 0, 0, 1, 0, 1, 0, 1, 1]
    assert np.isnan(confidence[0])
    assert accuracy[8] == 0


def test_labels_drawn_from_the_probabilities_are_calibrated():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 20_000)
    y = (rng.random((20_000, 1)) > p.cumsum(-1)).sum(-1)
    assert m.calibration_error(p, y) < 0.02
    sharp = p**3 / (p**3).sum(-1, keepdims=True)
    assert m.calibration_error(sharp, y) > 0.1


def test_reliability_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"expected \(N, C\) and \(N,\)"):
        m.reliability(PROBS, Y)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.integers(1, 8))
def test_average_precision_equals_sklearn_with_ties(seed, n, values):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    y[:2] = [0, 1]
    scores = rng.integers(0, values, n) / 7
    theirs = sk.average_precision_score(y, scores)
    assert m.average_precision(scores, y) == pytest.approx(theirs, rel=1e-9)
    assert 0 <= m.equal_error_rate(scores, y) <= 1


def test_equal_error_rate():
    assert m.equal_error_rate(np.array([3.0, 2, 1, 0]), np.array([1, 1, 0, 0])) == 0
    assert m.equal_error_rate(np.array([0.0, 1, 2, 3]), np.array([1, 1, 0, 0])) == 1
    assert m.equal_error_rate(np.ones(4), np.array([1, 1, 0, 0])) == 0.5
    rng = np.random.default_rng(0)  # two normals one deviation apart: Phi(-1/2)
    scores = np.r_[rng.standard_normal(50_000) + 1, rng.standard_normal(50_000)]
    y = np.r_[np.ones(50_000), np.zeros(50_000)]
    assert m.equal_error_rate(scores, y) == pytest.approx(0.3085, abs=0.005)


@pytest.mark.parametrize(
    ("f", "y", "message"),
    [
        (m.average_precision, [0, 0], "no positive"),
        (m.equal_error_rate, [1, 1], "no negative"),
        (m.equal_error_rate, [1, 0, 1], r"two arrays \(N,\)"),
    ],
)
def test_two_class_scores_refuse(f, y, message):
    with pytest.raises(ValueError, match=message):
        f(np.array([0.1, 0.2]), np.array(y))


def test_spread_measures():
    v = RNG.standard_normal((6, 2))
    mean, se = m.mean_se(v)
    close(mean, v.mean(0))
    close(se, v.std(0, ddof=1) / np.sqrt(6))
    close(m.mean_se(v, axis=1)[0], v.mean(1))
    difference, spread = m.paired_difference(v[:, 0], v[:, 1])
    close(difference, (v[:, 0] - v[:, 1]).mean())
    close(spread, (v[:, 0] - v[:, 1]).std(ddof=1) / np.sqrt(6))
    for bad in ([1.0], 3.0):
        with pytest.raises(ValueError, match="needs at least 2 values, not 1"):
            m.mean_se(bad)
    with pytest.raises(ValueError, match="equal shapes"):
        m.paired_difference(v, v[0])
    close(m.binomial_se(np.array([0.5, 0.0]), 100), np.array([0.05, 0.0]))

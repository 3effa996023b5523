"""Contrastive and triplet losses, mining, and learning from hard examples."""

import itertools

import numpy as np
import pytest
from backends import close, each_backend, needs_torch, oracle, put, same

from nnlib import hard_examples as H
from nnlib import losses
from nnlib import metric_losses as M
from nnlib.backend import to_numpy
from nnlib.gradcheck import check_loss

rng = np.random.default_rng(0)
N = 7
E = rng.standard_normal((N, 3))
Y = np.array([0, 1, 0, 2, 1, 0, 2])
E1, Y1 = np.array([[0.0], [1.0], [1.5], [4.0]]), np.array([0, 0, 1, 1])


def d(a, b, squared=False):
    d2 = ((a - b) ** 2).sum()
    return d2 if squared else d2**0.5


def torch_contrastive(margin):
    def f(e):
        pairs = list(itertools.combinations(range(N), 2))
        total = 0
        for i, j in pairs:
            gap = margin - d(e[i], e[j])
            same_class = Y[i] == Y[j]
            total += 0.5 * (d(e[i], e[j]) ** 2 if same_class else gap.clamp(min=0) ** 2)
        return total / len(pairs)

    return f


def triplets(e, strategy, margin, squared=False):
    """List the chosen triplets with plain loops."""
    far = {}
    found = []
    for a, p, n in itertools.permutations(range(N), 3):
        if Y[a] == Y[p] and Y[a] != Y[n]:
            ap, an = d(e[a], e[p], squared), d(e[a], e[n], squared)
            if strategy == "all" or (strategy == "semi-hard" and ap < an < ap + margin):
                found.append((a, p, n))
            if strategy == "hardest":
                old = far.get(a, (-1, np.inf, None, None))
                far[a] = (
                    max(old[0], ap),
                    min(old[1], an),
                    p if ap > old[0] else old[2],
                    n if an < old[1] else old[3],
                )
    if strategy == "hardest":
        found = [(a, p, n) for a, (_, _, p, n) in far.items()]
    return sorted(found)


def torch_triplet(strategy, margin, squared):
    def f(e):
        chosen = triplets(e.detach().numpy(), strategy, margin, squared)
        assert len(chosen) > 2
        return sum(
            (d(e[a], e[p], squared) - d(e[a], e[n], squared) + margin).clamp(min=0)
            for a, p, n in chosen
        ) / len(chosen)

    return f


CASES = {
    f"contrastive, margin {m}": (
        lambda e, y, m=m: M.contrastive(e, y, margin=m),
        torch_contrastive(m),
    )
    for m in (1.0, 3.0)
} | {
    f"triplet, {s}{', squared' * q}": (
        lambda e, y, s=s, q=q: M.triplet(e, y, margin=0.8, strategy=s, squared=q),
        torch_triplet(s, 0.8, q),
    )
    for s in M.STRATEGIES
    for q in (False, True)
}
each_loss = pytest.mark.parametrize("name", CASES)


@needs_torch
@each_loss
def test_equals_torch_loops(name):
    loss, reference = CASES[name]
    expected, (de,) = oracle(reference, E)
    value, gradient = loss(E, Y)
    assert value > 0
    close(value, expected)
    close(gradient, de)


@needs_torch
def test_triplet_equals_torch_loss():
    """F.triplet_margin_loss adds 1e-6 to each coordinate difference."""
    import torch

    value, _ = M.triplet(E[[0, 2, 1]], np.array([0, 0, 1]), margin=5.0)
    a, p, n = (torch.tensor(E[[i]]) for i in (0, 2, 1))
    terms = [
        torch.nn.functional.triplet_margin_loss(x, z, n, margin=5.0)
        for x, z in ((a, p), (p, a))
    ]
    close(value, float(sum(terms)) / 2, rtol=1e-5)


@each_loss
def test_gradient(name):
    loss, _ = CASES[name]
    assert check_loss(loss, E, Y) < 1e-6
    assert check_loss(lambda e, y: (loss(e, y)[0], 1.001 * loss(e, y)[1]), E, Y) > 1e-4


@each_backend
@each_loss
def test_backends_agree(name, device):
    value, gradient = CASES[name][0](put(E, device), put(Y, device))
    expected = CASES[name][0](E, Y)
    close(value, expected[0])
    close(gradient, expected[1])


@each_loss
def test_stack_equals_loop(name):
    loss, _ = CASES[name]
    e = np.random.default_rng(1).standard_normal((3, N, 2)).astype(np.float32)
    value, gradient = loss(e, Y)
    assert value.dtype == gradient.dtype == np.float32
    for k in range(3):
        one = loss(e[k], Y)
        close(value[k], one[0], rtol=1e-6)
        close(gradient[k], one[1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("strategy", M.STRATEGIES)
def test_mask_equals_loops(strategy):
    mask = M.triplet_mask(M.distances(E), Y, margin=0.8, strategy=strategy)
    assert np.argwhere(mask).tolist() == [list(t) for t in triplets(E, strategy, 0.8)]


def test_no_reverse_penalty_beyond_the_margin():
    """With the hinge, a negative pair beyond the margin costs and moves nothing."""
    value, gradient = M.contrastive(np.array([[0.0], [5.0]]), np.array([0, 1]))
    assert value == 0
    assert not gradient.any()


def test_solved_triplets_cost_nothing():
    value, gradient = M.triplet(E1, Y1 * 0 + np.array([0, 0, 0, 1]), margin=0.1)
    assert value == 0
    assert not gradient.any()


@pytest.mark.parametrize("strategy", M.STRATEGIES)
def test_one_class_has_no_triplet(strategy):
    value, gradient = M.triplet(E, Y * 0, strategy=strategy)
    assert value == 0
    assert not gradient.any()


def test_equal_embeddings():
    """At the collapsed point every triplet costs the margin, and nothing moves."""
    value, gradient = M.triplet(E * 0, Y, margin=0.3)
    close(value, 0.3)
    assert not gradient.any()
    assert np.isfinite(M.contrastive(E * 0, Y)[1]).all()


def test_distances_golden():
    close(M.distances(np.array([[0.0, 0.0], [3.0, 4.0]])), [[0, 5], [5, 0]])
    close(M.distances(np.array([[0.0], [3.0]]), squared=True), [[0, 9], [9, 0]])
    near = np.array([[1e4, 0.0], [1e4, 1e-3]], np.float32)
    close(M.distances(near)[0, 1], np.float32(1e-3), rtol=1e-6)  # does not cancel


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: M.contrastive(E, Y, margin=0.0), r"must be positive, not 0\.0"),
        (lambda: M.triplet(E, Y, margin=-1.0), r"must be positive, not -1\.0"),
        (lambda: M.contrastive(E[:1], Y[:1]), "at least two examples"),
        (lambda: M.contrastive(E, Y[:3]), r"targets \(3,\) do not fit"),
        (lambda: M.triplet(E, Y * 1.0), "must be integers, not float64"),
        (lambda: M.triplet(E, Y, strategy="easy"), "'easy' is not one of all, semi"),
        (lambda: H.ohem_mask(np.ones(3), 0), "k must be 1 to 3, .* not 0"),
        (lambda: H.ohem_mask(np.ones(3), 4), "k must be 1 to 3, .* not 4"),
        (lambda: H.ohem_mask(np.ones(3), 1, ratio=(1, 0)), "needs the labels"),
        (
            lambda: H.ohem_mask(np.ones(3), 1, y=np.zeros(3), ratio=(0.5, 0.6)),
            r"sum to 1, not \(0\.5, 0\.6\)",
        ),
        (
            lambda: H.ohem_mask(np.ones(3), 1, y=np.zeros(3), ratio=(1.5, -0.5)),
            r"sum to 1, not",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


LOSSES = np.array([0.1, 2.0, 0.3, 1.0, 0.3, 0.0, 5.0])


@each_backend
@pytest.mark.parametrize(
    ("k", "ratio", "kept"),
    [
        (1, None, [6]),
        (3, None, [1, 3, 6]),
        (4, None, [1, 2, 3, 6]),  # of equal losses the first
        (7, None, range(7)),
        (4, (0.5, 0.5, 0.0), [0, 1, 2, 4]),  # two of each; class 0 is 0, 2, 5
        (6, (1.0, 0.0, 0.0), [0, 2, 5]),  # all it has
        (3, (0.0, 1 / 3, 2 / 3), [1, 3, 6]),
    ],
)
def test_ohem_mask(device, k, ratio, kept):
    mask = H.ohem_mask(put(LOSSES, device), k, y=put(Y, device), ratio=ratio)
    assert np.flatnonzero(to_numpy(mask)).tolist() == list(kept)
    stacked = H.ohem_mask(
        put(np.stack([LOSSES, -LOSSES + 5]), device), k, y=put(Y, device), ratio=ratio
    )
    same(to_numpy(stacked)[0], to_numpy(mask))


@each_backend
@pytest.mark.parametrize("ratio", [None, (0.25, 0.25, 0.5)])
def test_ohem_cross_entropy(device, ratio):
    """Equals the plain loss of the kept rows; the others get no gradient."""
    z = 3 * np.random.default_rng(2).standard_normal((N, 3))
    value, gradient = H.ohem_cross_entropy(
        put(z, device), put(Y, device), k=4, ratio=ratio
    )
    kept = to_numpy(H.ohem_mask(losses.cross_entropy_terms(z, Y), 4, y=Y, ratio=ratio))
    rows = kept.astype(bool)
    assert rows.sum() == 4
    expected, dz = losses.softmax_cross_entropy(z[rows], Y[rows])
    close(value, expected)
    close(to_numpy(gradient)[rows], dz)
    assert not to_numpy(gradient)[~rows].any()
    assert check_loss(H.ohem_cross_entropy, z, Y, k=4, ratio=ratio) < 1e-6


def test_a_small_batch_is_kept_whole():
    z = np.random.default_rng(2).standard_normal((N, 3))
    close(H.ohem_cross_entropy(z, Y, k=100)[0], losses.softmax_cross_entropy(z, Y)[0])

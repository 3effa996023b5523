"""Search: spaces, stacks of configurations, refining, halving, importance."""

import numpy as np
import pytest
from backends import close
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib import data, losses, optim, search
from nnlib.model import mlp
from nnlib.search import Choice, LogUniform, Results, Uniform
from nnlib.train import fit

SPACE = {
    "lr": LogUniform(1e-4, 1.0),
    "momentum": Uniform(0.0, 0.9),
    "width": Choice([8, 16]),
}


def rng():
    return np.random.default_rng(3)


def test_log_uniform_is_uniform_in_the_exponent():
    v = search.log_uniform(1e-4, 1.0, (2, 5000), rng=rng())
    assert v.shape == (2, 5000)
    share, _ = np.histogram(np.log10(v), bins=4, range=(-4, 0))
    assert np.allclose(share / v.size, 0.25, atol=0.02)
    linear = Uniform(1e-4, 1.0).sample(5000, rng=rng())
    assert np.mean(np.array(linear) < 0.01) < 0.02


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-6, 1e3), st.floats(1.0, 1e4), st.integers(2, 9), st.integers(0, 99))
def test_axes_keep_to_their_ends(low, ratio, n, seed):
    high = low * ratio
    for axis in (Uniform(low, high), LogUniform(low, high)):
        drawn = axis.sample(20, rng=np.random.default_rng(seed))
        grid = axis.grid(n)
        slack = 1e-9 * high
        assert all(low - slack <= v <= high + slack for v in drawn + grid)
        assert grid[0] == pytest.approx(low)
        assert grid[-1] == pytest.approx(high)
        inner = axis.around(drawn[:3])
        assert low <= inner.low <= min(drawn[:3]) + slack
        assert max(drawn[:3]) - slack <= inner.high <= high


def test_grids_have_all_combinations_and_random_draws_have_new_values():
    configs = search.grid_configs(SPACE, 3)
    assert len(configs) == 3 * 3 * 2
    assert len({tuple(c.values()) for c in configs}) == 18
    drawn = search.random_configs(SPACE, 18, rng=rng())
    assert len({c["lr"] for c in drawn}) == 18  # a grid would have three
    assert search.random_configs(SPACE, 18, rng=rng()) == drawn


def test_configurations_of_one_shape_are_trained_as_one_stack():
    calls = []

    def train(group, k, **options):
        assert group["lr"].shape == group["momentum"].shape == (k,)
        calls.append((group["width"], k, options))
        return group["lr"] + group["momentum"] + group["width"]

    configs = search.random_configs(SPACE, 20, rng=rng())
    got = search.run(configs, train, shapes=["width"], max_stack=6, epochs=3)
    expected = [c["lr"] + c["momentum"] + c["width"] for c in configs]
    close(got.scores, np.array(expected))
    assert got.configs == configs
    assert got.best == configs[int(np.argmin(expected))]
    assert max(k for _, k, _ in calls) == 6
    assert sum(k for _, k, _ in calls) == 20
    assert {width for width, _, _ in calls} == {8, 16}
    assert all(options == {"epochs": 3} for *_, options in calls)


def test_nan_is_the_worst_and_ties_keep_their_order():
    r = Results([{"i": i} for i in range(5)], np.array([np.nan, 2.0, 1.0, np.inf, 1.0]))
    assert r.order.tolist() == [2, 4, 1, 0, 3]
    assert [c["i"] for c in r.top(2).configs] == [2, 4]
    both = r + r.top(1)
    assert len(both.configs) == len(both.scores) == 6


def test_refining_keeps_the_best_and_shrinks():
    configs = search.random_configs(SPACE, 40, rng=rng())
    scores = np.array([abs(np.log10(c["lr"]) + 2) + (c["width"] == 8) for c in configs])
    small = search.refine(SPACE, Results(configs, scores), keep=3)
    assert small["lr"].low < 1e-2 < small["lr"].high
    assert small["lr"].high / small["lr"].low < 100
    assert small["width"].options == [16]
    best = Results(configs, scores).best
    assert small["momentum"].low <= best["momentum"] <= small["momentum"].high


def test_coarse_to_fine_comes_closer_than_one_round():
    train = lambda group, k: np.log10(group["lr"] / 0.03) ** 2
    space = {"lr": LogUniform(1e-8, 1e4)}
    gains = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        fine = search.coarse_to_fine(space, train, rounds=[12, 12, 12], rng=generator)
        coarse = search.run(search.random_configs(space, 36, rng=generator), train)
        gains.append(coarse.scores.min() > fine.scores.min())
        assert len(fine.configs) == 36
    assert np.mean(gains) > 0.65
    with pytest.raises(ValueError, match="no round"):
        search.coarse_to_fine(space, train, rounds=[], rng=rng())


def test_halving_spends_more_on_fewer():
    seen = []

    def train(group, k, budget):
        seen.append((k, budget))
        return abs(group["x"] - 17) + 10 / budget

    rungs = search.successive_halving([{"x": i} for i in range(27)], train, budget=2)
    assert seen == [(27, 2), (9, 6), (3, 18), (1, 54)]
    assert rungs[-1].best == {"x": 17}
    assert [c["x"] for c in rungs[1].configs[:3]] == [17, 16, 18]
    seen.clear()
    search.successive_halving([{"x": i} for i in range(5)], train, budget=1, factor=2)
    assert seen == [(5, 1), (2, 2), (1, 4)]


def test_importance_is_the_correlation_ratio():
    configs = search.random_configs(SPACE, 300, rng=rng())
    score = lambda c: np.log10(c["lr"]) + 2 * (c["width"] == 8)
    results = Results(configs, np.array([score(c) for c in configs]))
    shares = search.importance(SPACE, results, bins=6)
    total = results.scores.var()
    groups = [
        [s for c, s in zip(configs, results.scores, strict=True) if c["width"] == w]
        for w in (8, 16)
    ]
    between = (
        sum(len(g) * (np.mean(g) - results.scores.mean()) ** 2 for g in groups) / 300
    )
    assert shares["width"] == pytest.approx(between / total)
    assert shares["momentum"] < 0.06
    assert shares["lr"] + shares["width"] > 0.85
    with_nan = Results([*configs, configs[0]], np.r_[results.scores, np.nan])
    assert search.importance(SPACE, with_nan, bins=6) == shares
    with pytest.raises(ValueError, match="2 different finite scores"):
        search.importance(SPACE, Results(configs[:2], np.ones(2)))


BAD = [
    (lambda: Uniform(1.0, 0.0), "two finite ends in order, not 1.0 and 0.0"),
    (lambda: Uniform(0.0, np.inf), "not 0.0 and inf"),
    (lambda: LogUniform(0.0, 1.0), "starts above 0, not at 0.0"),
    (lambda: LogUniform(np.nan, 1.0), "not nan and 1.0"),
    (lambda: Choice([]), "at least one option"),
    (lambda: search.run([], None), "no configuration to run"),
    (
        lambda: search.run([{"a": 1}], lambda group, k: np.zeros(3)),
        r"train returned \(3,\), not \(1,\) scores",
    ),
    (
        lambda: search.successive_halving([{"a": 1}], None, budget=0),
        "budget > 0 and factor > 1, got 0 and 3",
    ),
]


@pytest.mark.parametrize(("mistake", "message"), BAD, ids=range(len(BAD)))
def test_mistakes_are_named(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()


def test_a_real_search_on_digits():
    digits = data.digits(rng=rng(), n_train=200, device="cpu")

    def train(group, k, budget):
        width = group["width"]
        net = mlp([64, width, 10], rng=rng(), lead=(k,), device="cpu")
        opt = optim.Momentum(lr=group["lr"], momentum=group["momentum"])
        h = fit(
            net,
            losses.softmax_cross_entropy,
            opt,
            digits,
            epochs=budget,
            batch_size=32,
            rng=rng(),
            shared_batches=True,
        )
        return h["val_error"][-1]

    configs = search.random_configs(SPACE, 16, rng=rng())
    rungs = search.successive_halving(
        configs, train, budget=1, factor=4, shapes=["width"]
    )
    assert rungs[-1].scores[0] < 0.2
    assert rungs[0].scores.max() > 0.5

"""Ensembles: combining, the ambiguity decomposition, snapshots, weight averages."""

from dataclasses import replace

import numpy as np
import pytest
from backends import (
    close,
    each_backend,
    each_fast_backend,
    needs_torch,
    put,
    same,
    torch,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib import data, ensemble, losses, optim, schedules
from nnlib.activations import softmax
from nnlib.layers import Activation, Linear
from nnlib.metrics import error_rate
from nnlib.model import Sequential, mlp
from nnlib.norm import BatchNorm
from nnlib.train import fit

RNG = np.random.default_rng(6)
LOGITS = RNG.standard_normal((5, 30, 4))


@each_backend
def test_average_of_probabilities_not_of_logits(device):
    got = ensemble.average_probabilities(put(LOGITS, device))
    close(got, softmax(LOGITS).mean(0))
    assert not np.allclose(softmax(LOGITS.mean(0)), softmax(LOGITS).mean(0))


@pytest.mark.parametrize("tie", ["probability", "first"])
def test_votes_are_counted(tie):
    got = ensemble.majority_vote(LOGITS, tie=tie)
    for n in range(30):
        votes = np.bincount(LOGITS[:, n].argmax(-1), minlength=4)
        winners = np.flatnonzero(votes == votes.max())
        if tie == "first":
            assert got[n] == winners[0]
        else:
            assert got[n] == max(winners, key=softmax(LOGITS).mean(0)[n].__getitem__)


def test_ties_are_broken_as_told():
    z = np.array([[[5.0, 0, 0]], [[0, 0.1, 0]], [[0, 0, 9.0]]])
    assert ensemble.majority_vote(z, tie="first") == [0]
    assert ensemble.majority_vote(z) == [2]
    with pytest.raises(ValueError, match="tie='coin' is not one of"):
        ensemble.majority_vote(z, tie="coin")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 8), st.integers(1, 3))
def test_ambiguity_is_exact(seed, k, n, c):
    rng = np.random.default_rng(seed)
    parts = ensemble.ambiguity(
        rng.standard_normal((k, n, c)), rng.standard_normal((n, c))
    )
    difference = parts["members"] - parts["ambiguity"]
    assert parts["ensemble"] == pytest.approx(difference, rel=1e-9, abs=1e-12)
    assert parts["ambiguity"] >= 0


def test_ambiguity_and_disagreement_of_equal_members():
    same_members = np.repeat(LOGITS[:1], 3, axis=0)
    assert ensemble.ambiguity(same_members, np.zeros((30, 4)))["ambiguity"] < 1e-25
    assert ensemble.disagreement(same_members) == 0
    pairs = [(a, b) for a in range(5) for b in range(5) if a != b]
    labels = LOGITS.argmax(-1)
    expected = np.mean([np.mean(labels[a] != labels[b]) for a, b in pairs])
    assert ensemble.disagreement(LOGITS) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ensemble.average_probabilities(LOGITS[0]), r"logits \(K, N, C\)"),
        (lambda: ensemble.disagreement(LOGITS[:1]), "at least 2 members"),
        (lambda: ensemble.ambiguity(LOGITS, LOGITS), "no K predictions"),
        (lambda: ensemble.Snapshots(0), "every=0"),
        (lambda: ensemble.SWA(-1), "start=-1"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture(scope="module")
def digits():
    return data.digits(rng=np.random.default_rng(0), n_train=300, device="cpu")


def test_an_ensemble_beats_its_members(digits):
    stack = mlp([64, 32, 10], rng=np.random.default_rng(1), lead=(10,), device="cpu")
    options = {"epochs": 15, "batch_size": 32, "rng": np.random.default_rng(2)}
    bags = ensemble.bootstrap(digits, 10, rng=np.random.default_rng(3))
    fit(stack, losses.softmax_cross_entropy, optim.Momentum(lr=0.05), bags, **options)
    z, y = stack(digits.x_test), digits.y_test
    members = error_rate(z, y)
    average = np.mean(ensemble.average_probabilities(z).argmax(-1) != y)
    vote = np.mean(ensemble.majority_vote(z) != y)
    assert average < members.mean() - 0.01
    assert vote < members.mean() - 0.01
    assert 0.02 < ensemble.disagreement(z) < 0.3


@each_fast_backend
def test_bootstrap_draws_pairs_with_replacement(digits, device):
    n = len(digits.y_train)
    small = replace(
        digits,
        x_train=put(np.arange(n)[:, None] * 1.0, device),
        y_train=put(np.arange(n), device),
    )
    bags = ensemble.bootstrap(small, 4, rng=np.random.default_rng(0))
    same(np.asarray(bags.x_train)[..., 0].astype(int), np.asarray(bags.y_train))
    distinct = [len(set(row)) / n for row in np.asarray(bags.y_train)]
    assert np.allclose(distinct, 1 - 1 / np.e, atol=0.06)


def test_snapshots_at_the_ends_of_cycles(digits):
    net = mlp([64, 16, 10], rng=np.random.default_rng(1), device="cpu")
    shots, ends = ensemble.Snapshots(every=2, skip=1), {}
    keep = lambda epoch, model, history: ends.update({epoch: model(digits.x_val)})
    steps = 2 * 10  # 10 steps an epoch
    opt = optim.SGD(lr=schedules.cosine_restarts(0.2, steps))
    fit(
        net,
        losses.softmax_cross_entropy,
        opt,
        digits,
        epochs=6,
        batch_size=30,
        rng=np.random.default_rng(0),
        callbacks=[shots, keep],
    )
    before = net.params.copy()
    got = shots.logits(net, digits.x_val)
    close(got, np.stack([ends[2], ends[4]]))
    same(net.params, before)
    with pytest.raises(RuntimeError, match="no snapshot"):
        ensemble.Snapshots().logits(net, digits.x_val)


def test_preserved_also_after_an_error():
    net = mlp([2, 2], rng=np.random.default_rng(1), device="cpu")
    before = net.params.copy()
    with pytest.raises(KeyError), ensemble.preserved(net):
        net.params[...] = 7
        raise KeyError
    same(net.params, before)


def normed(lead=()):
    rng = np.random.default_rng(1)
    where = {"lead": lead, "dtype": np.float64, "device": "cpu"}
    return Sequential(
        [
            Linear(3, 4, rng=rng, **where),
            BatchNorm(4, **where),
            Activation("relu"),
            Linear(4, 2, rng=rng, **where),
        ]
    )


@needs_torch
def test_swa_and_its_batchnorm_update_equal_torch():
    ours, swa = normed(), ensemble.SWA(start=1, every=2)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4),
        torch.nn.BatchNorm1d(4),
        torch.nn.ReLU(),
        torch.nn.Linear(4, 2),
    ).double()
    average = torch.optim.swa_utils.AveragedModel(theirs)
    for epoch in range(6):
        ours.params[...] = RNG.standard_normal(ours.params.shape)
        swa(epoch, ours, None)
        state = ours.state()
        with torch.no_grad():
            for i in (0, 3):
                theirs[i].weight.copy_(torch.tensor(state[f"{i}.W"].T))
                theirs[i].bias.copy_(torch.tensor(state[f"{i}.b"]))
            theirs[1].weight.copy_(torch.tensor(state["1.gamma"]))
            theirs[1].bias.copy_(torch.tensor(state["1.beta"]))
        if epoch in (1, 3, 5):
            average.update_parameters(theirs)
    x = RNG.standard_normal((40, 3))
    ours.layers[1].buffers["running_mean"][...] = np.nan  # forgotten
    swa.apply(ours, x, batch_size=10)
    loader = [torch.tensor(x[i : i + 10]) for i in range(0, 40, 10)]
    torch.optim.swa_utils.update_bn(loader, average)
    average.eval()
    assert swa.n == 3
    close(ours(x), average(torch.tensor(x)).detach().numpy())
    assert ours.layers[1].momentum == 0.1


def test_swa_of_a_stack_and_without_batchnorm():
    stack, swa = normed((2,)), ensemble.SWA()
    with pytest.raises(RuntimeError, match="no weights"):
        swa.apply(stack)
    paths = RNG.standard_normal((4, *stack.params.shape))
    for epoch, weights in enumerate(paths):
        stack.params[...] = weights
        swa(epoch, stack, None)
    swa.apply(stack, RNG.standard_normal((9, 3)), batch_size=4)
    close(stack.params, paths.mean(0))
    plain = mlp([3, 2], rng=np.random.default_rng(0), device="cpu")
    before = plain.params.copy()
    ensemble.update_batchnorm(plain, np.ones((4, 3), np.float32))
    same(plain.params, before)

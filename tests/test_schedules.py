"""Schedules against torch, at their corners, and as properties."""

import numpy as np
import pytest
from backends import close, needs_torch, torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib import schedules as s
from nnlib.optim import SGD

T = 40


def torch_rates(make, steps, lr=0.5):
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule, rates = make(opt), []
    for _ in range(steps):
        rates.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    return np.array(rates)


def lr_scheduler(name, **kw):
    return lambda opt: getattr(torch.optim.lr_scheduler, name)(opt, **kw)


# name: (ours, torch's, steps compared)
ORACLES = {
    "constant": (lambda: s.constant(0.5), lr_scheduler("ConstantLR", factor=1.0), T),
    "step": (
        lambda: s.step(0.5, [5, 17, 30], 0.3),
        lr_scheduler("MultiStepLR", milestones=[5, 17, 30], gamma=0.3),
        T,
    ),
    "exponential": (
        lambda: s.exponential(0.5, 0.9),
        lr_scheduler("ExponentialLR", gamma=0.9),
        T,
    ),
    "inverse_time": (
        lambda: s.inverse_time(0.5, 0.2),
        lr_scheduler("LambdaLR", lr_lambda=lambda t: 1 / (1 + 0.2 * t)),
        T,
    ),
    "linear": (
        lambda: s.linear(0.5, 20, end=0.1),
        lr_scheduler("LinearLR", start_factor=1.0, end_factor=0.2, total_iters=20),
        T,
    ),
    "cosine": (
        lambda: s.cosine(0.5, 20, end=0.1),
        lr_scheduler("CosineAnnealingLR", T_max=20, eta_min=0.1),
        21,
    ),
    "restarts": (
        lambda: s.cosine_restarts(0.5, 5, end=0.1, growth=2),
        lr_scheduler("CosineAnnealingWarmRestarts", T_0=5, T_mult=2, eta_min=0.1),
        T,
    ),
    "cyclic": (
        lambda: s.cyclic(0.1, 0.5, half=7),
        lr_scheduler(
            "CyclicLR", base_lr=0.1, max_lr=0.5, step_size_up=7, cycle_momentum=False
        ),
        T,
    ),
    "one_cycle": (
        lambda: s.one_cycle(0.5, 33),
        lr_scheduler("OneCycleLR", max_lr=0.5, total_steps=33, cycle_momentum=False),
        33,
    ),
    "one_cycle-options": (
        lambda: s.one_cycle(0.5, 30, start=0.1, end=0.01, up=0.5),
        lr_scheduler(
            "OneCycleLR",
            max_lr=0.5,
            total_steps=30,
            pct_start=0.5,
            div_factor=10,
            final_div_factor=10,
            cycle_momentum=False,
        ),
        30,
    ),
    "warmup": (
        lambda: s.warmup(0.5, 8),
        lr_scheduler("LinearLR", start_factor=1 / 8, total_iters=7),
        T,
    ),
}


@needs_torch
@pytest.mark.parametrize("name", ORACLES)
def test_rates_equal_torch(name):
    ours, theirs, steps = ORACLES[name]
    close(s.values(ours(), steps), torch_rates(theirs, steps))


@needs_torch
def test_torchs_cosine_rises_again_after_its_end_and_ours_stays():
    ours = s.values(s.cosine(0.5, 10), 21)
    theirs = torch_rates(lr_scheduler("CosineAnnealingLR", T_max=10), 21)
    close(ours[:11], theirs[:11], atol=1e-15)
    assert (ours[10:] == 0).all()
    assert theirs[20] == pytest.approx(0.5)


# name: (schedule of lr, values at step 0, at the last step T - 1, and one after)
CORNERS = {
    "constant": (lambda lr: s.constant(lr), 1.0, 1.0, 1.0),
    "step": (lambda lr: s.step(lr, [T - 1, T], 0.5), 1.0, 0.5, 0.25),
    "exponential": (
        lambda lr: s.exponential(lr, 0.25, T),
        1.0,
        0.25 ** (39 / 40),
        0.25,
    ),
    "inverse_time": (lambda lr: s.inverse_time(lr, 1 / T), 1.0, 40 / 79, 0.5),
    "inverse_sqrt": (lambda lr: s.inverse_sqrt(lr, 10), 1.0, (10 / 39) ** 0.5, 0.5),
    "linear": (lambda lr: s.linear(lr, T), 1.0, 1 / T, 0.0),
    "cosine": (
        lambda lr: s.cosine(lr, T),
        1.0,
        (1 - np.cos(np.pi / T)) / 2,
        0.0,
    ),
    "restarts": (
        lambda lr: s.cosine_restarts(lr, T),
        1.0,
        (1 - np.cos(np.pi / T)) / 2,
        1.0,
    ),
    "cyclic": (lambda lr: s.cyclic(0.0 * lr, lr, T // 2), 0.0, 2 / T, 0.0),
    "one_cycle": (lambda lr: s.one_cycle(lr, T), 0.04, 4e-6, 4e-6),
    "warmup": (lambda lr: s.warmup(lr, T), 1 / T, 1.0, 1.0),
    "warmup-cosine": (
        lambda lr: s.warmup(s.cosine(lr, T), 5),
        1 / 5,
        (1 - np.cos(np.pi / T)) / 2,
        0.0,
    ),
    "trapezoid": (lambda lr: s.trapezoid(lr, T, up=4, down=8), 1 / 4, 1 / 8, 0.0),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    make, first, last, after = CORNERS[name]
    f = make(2.0)
    assert f(0) == pytest.approx(2 * first, rel=1e-12)
    assert f(T - 1) == pytest.approx(2 * last, rel=1e-12)
    assert f(T) == pytest.approx(2 * after, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", CORNERS)
def test_rates_per_model_equal_their_loop(name):
    make = CORNERS[name][0]
    lr = np.array([0.1, 0.7, 0.0])
    stacked = s.values(make(lr), T + 3)
    assert stacked.shape == (T + 3, 3)
    np.testing.assert_array_equal(
        stacked, np.stack([s.values(make(float(v)), T + 3) for v in lr], axis=-1)
    )


def test_end_of_warmup():
    f = s.warmup(s.cosine(1.0, 100), 10)
    plain = s.cosine(1.0, 100)
    assert f(8) == pytest.approx(0.9 * plain(8))
    assert f(9) == plain(9)  # the first full rate
    assert f(10) == plain(10)
    assert s.warmup(0.3, 0)(0) == 0.3


def test_restarts_grow():
    f = s.cosine_restarts(1.0, 3, growth=2)
    peaks = [t for t in range(22) if f(t) == 1.0]
    assert peaks == [0, 3, 9, 21]


rates = st.floats(1e-8, 1e3)
lengths = st.integers(2, 2000)
times = st.integers(0, 10**6)


@settings(max_examples=60, deadline=None)
@given(lr=rates, steps=lengths, t=times)
def test_decays_never_rise_and_stay_in_range(lr, steps, t):
    for f in (
        s.linear(lr, steps),
        s.cosine(lr, steps),
        s.inverse_time(lr, 1 / steps),
        s.inverse_sqrt(lr, steps),
        s.exponential(lr, 0.5, steps),
        s.step(lr, [steps, 2 * steps]),
    ):
        assert 0 <= f(t + 1) <= f(t) <= lr


@settings(max_examples=60, deadline=None)
@given(lr=rates, steps=lengths, t=times, up=st.floats(0.05, 0.95))
def test_cycles_stay_between_their_rates(lr, steps, t, up):
    assert (
        0.1 * lr * (1 - 1e-12) <= s.cyclic(0.1 * lr, lr, steps)(t) <= lr * (1 + 1e-12)
    )
    assert s.cyclic(0.1 * lr, lr, steps)(t) == s.cyclic(0.1 * lr, lr, steps)(
        t + 2 * steps
    )
    assert 0 <= s.cosine_restarts(lr, steps, growth=2)(t) <= lr * (1 + 1e-12)
    if up * steps > 1:
        rate = s.one_cycle(lr, steps, up=up)(t)
        assert 4e-6 * lr * (1 - 1e-9) <= rate <= lr * (1 + 1e-12)


@settings(max_examples=60, deadline=None)
@given(lr=rates, steps=lengths, t=times, warm=st.integers(1, 500))
def test_warmup_never_exceeds_and_then_leaves_alone(lr, steps, t, warm):
    f = s.cosine(lr, steps)
    g = s.warmup(f, warm)
    assert 0 <= g(t) <= f(t)
    if t >= warm - 1:
        assert g(t) == f(t)


BAD = [
    (lambda: s.constant(float("nan")), "not nan"),
    (lambda: s.linear(-1.0, 10), "not -1.0"),
    (lambda: s.cosine(0.1, 10, end=-1), "not -1"),
    (lambda: s.cosine(0.1, 0), "steps must be at least 1, not 0"),
    (lambda: s.cosine_restarts(0.1, 0), "period must be at least 1"),
    (lambda: s.cosine_restarts(np.nan, 5), "not nan"),
    (lambda: s.inverse_sqrt(0.1, 0), "shift must be at least 1"),
    (lambda: s.inverse_time(0.1, -1), "decay rate must be"),
    (lambda: s.cyclic(0.1, 0.2, 0), "half must be at least 1"),
    (lambda: s.exponential(0.1, 0.5, 0), "every must be at least 1"),
    (lambda: s.step(0.1, [20, 10]), "milestones must increase, not .20, 10."),
    (lambda: s.one_cycle(0.1, 1), "at least 2 steps, not 1"),
    (lambda: s.one_cycle(0.1, 100, up=1.0), "up must be in"),
    (lambda: s.one_cycle(0.1, 3, up=0.1), "less than one step"),
    (lambda: s.warmup(0.1, -1), "warm-up steps must be at least 0, not -1"),
    (lambda: s.trapezoid(0.1, 5, up=3, down=3), "slopes of 3 and 3 do not fit into 5"),
]


@pytest.mark.parametrize(("mistake", "message"), BAD, ids=range(len(BAD)))
def test_mistakes_are_named(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()


def test_an_optimizer_follows_its_schedule():
    opt, w = SGD(lr=s.warmup(s.linear(1.0, 4), 2)), np.zeros(1)
    path = []
    for _ in range(5):
        opt.step(w, np.ones(1))
        path.append(-w[0])
    close(np.diff(path, prepend=0), np.array([0.5, 0.75, 0.5, 0.25, 0.0]))

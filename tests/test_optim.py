"""Optimizers, clipping, penalties and weight averages against torch and the papers."""

import math

import numpy as np
import pytest
from backends import close, each_backend, each_dtype, needs_torch, put, same, torch

from nnlib import clipping, ema, optim, penalties
from nnlib.backend import to_numpy
from nnlib.model import mlp
from nnlib.optimizer import Optimizer

RNG = np.random.default_rng(11)
P = 7
START = RNG.standard_normal(P)
SCALES = np.array([1e-9, 1e-5, 1e-2, 1.0, 1.0, 1e2, 1e4])
GRADS = RNG.standard_normal((8, P)) * SCALES
WD = {"weight_decay": 0.1}


def torch_optimizer(name, **kw):
    return lambda p: getattr(torch.optim, name)(p, **kw)


# name: (ours, torch's). AdamW's default decay is torch's too.
ORACLES = {
    "sgd": (lambda: optim.SGD(lr=0.1), ("SGD", {"lr": 0.1})),
    "sgd-decay": (lambda: optim.SGD(lr=0.1, **WD), ("SGD", {"lr": 0.1, **WD})),
    "momentum": (lambda: optim.Momentum(lr=0.1), ("SGD", {"lr": 0.1, "momentum": 0.9})),
    "momentum-decay": (
        lambda: optim.Momentum(lr=0.1, momentum=0.5, **WD),
        ("SGD", {"lr": 0.1, "momentum": 0.5, **WD}),
    ),
    "nesterov": (
        lambda: optim.Nesterov(lr=0.1, momentum=0.8, **WD),
        ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True, **WD}),
    ),
    "adagrad": (lambda: optim.AdaGrad(lr=0.1, **WD), ("Adagrad", {"lr": 0.1, **WD})),
    "rmsprop": (lambda: optim.RMSProp(lr=0.1), ("RMSprop", {"lr": 0.1})),
    "rmsprop-rho": (
        lambda: optim.RMSProp(lr=0.1, rho=0.9, eps=1e-3, **WD),
        ("RMSprop", {"lr": 0.1, "alpha": 0.9, "eps": 1e-3, **WD}),
    ),
    "adadelta": (lambda: optim.AdaDelta(**WD), ("Adadelta", {**WD})),
    "adam": (lambda: optim.Adam(lr=0.1), ("Adam", {"lr": 0.1})),
    "adam-betas": (
        lambda: optim.Adam(lr=0.1, beta1=0.5, beta2=0.7, eps=1e-4, **WD),
        ("Adam", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-4, **WD}),
    ),
    "adamw": (lambda: optim.AdamW(lr=0.1), ("AdamW", {"lr": 0.1})),
    "adamw-decay": (
        lambda: optim.AdamW(lr=0.1, weight_decay=0.5),
        ("AdamW", {"lr": 0.1, "weight_decay": 0.5}),
    ),
}
ALL = {
    **{name: ours for name, (ours, _) in ORACLES.items()},
    "lion": lambda: optim.Lion(lr=0.1, weight_decay=0.2),
    "momentum-averaged": lambda: optim.Momentum(lr=0.1, averaged=True),
    "nesterov-averaged": lambda: optim.Nesterov(lr=0.1, averaged=True),
    "sgd-decoupled": lambda: optim.SGD(lr=0.1, decoupled=True, **WD),
}
each_optimizer = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def run(opt, grads=GRADS, start=START, device="cpu", dtype=np.float64):
    """Return the weights after each of the steps."""
    w, path = put(start, device, dtype), []
    for g in grads:
        opt.step(w, put(g, device, dtype))
        path.append(to_numpy(w).copy())
    return np.stack(path)


def torch_path(make, grads=GRADS):
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    opt, path = make([w]), []
    for g in grads:
        w.grad = torch.tensor(g)
        opt.step()
        path.append(w.detach().numpy().copy())
    return np.stack(path)


@needs_torch
@each_backend
@pytest.mark.parametrize("name", ORACLES)
def test_every_step_equals_torch(name, device):
    ours, (theirs, kw) = ORACLES[name]
    close(run(ours(), device=device), torch_path(torch_optimizer(theirs, **kw)))


def lion_of_the_paper(lr, b1, b2, decay):
    """Chen et al. 2023, algorithm 2, line by line."""
    w, m, path = START.copy(), np.zeros(P), []
    for g in GRADS:
        c = b1 * m + (1 - b1) * g
        w = w - lr * (np.sign(c) + decay * w)
        m = b2 * m + (1 - b2) * g
        path.append(w)
    return np.stack(path)


@each_backend
def test_lion_is_algorithm_2_of_its_paper(device):
    opt = optim.Lion(lr=0.1, beta1=0.8, beta2=0.95, weight_decay=0.2)
    close(run(opt, device=device), lion_of_the_paper(0.1, 0.8, 0.95, 0.2))


def test_golden_numbers():
    """Worked by hand from the papers' formulas: gradient 2, then 1, from w = 1."""
    grads, start = np.array([[2.0], [1.0]]), np.array([1.0])
    golden = {
        optim.SGD(lr=0.1): 1 - 0.2 - 0.1,
        optim.Momentum(lr=0.1, momentum=0.5): 1 - 0.2 - 0.1 * (1 + 1),
        optim.Nesterov(lr=0.1, momentum=0.5): 1 - 0.1 * 3 - 0.1 * (1 + 0.5 * 2),
        optim.AdaGrad(lr=0.1, eps=0): 1 - 0.1 - 0.1 / math.sqrt(5),
        optim.RMSProp(lr=0.1, rho=0.5, eps=0): (
            1 - 0.1 * 2 / math.sqrt(2) - 0.1 / math.sqrt(1.5)
        ),
        # m = 1, s = 2, corrected 2 and 4; then m = 1, s = 1.5, corrected 4/3 and 2
        optim.Adam(lr=0.1, beta1=0.5, beta2=0.5, eps=0): (
            1 - 0.1 - 0.1 * (4 / 3) / math.sqrt(2)
        ),
        optim.Lion(lr=0.1): 0.8,
    }
    for opt, expected in golden.items():
        assert run(opt, grads, start)[-1, 0] == pytest.approx(expected, rel=1e-12)


def test_nesterov_is_the_look_ahead_of_the_papers():
    """Sutskever et al. 2013, eqs. 3 and 4, against the form of torch."""
    curvature, lr, mu = np.array([1.0, 0.1]), 0.3, 0.9
    theta, u, looks = np.array([1.0, -2.0]), np.zeros(2), []
    for _ in range(20):
        g = curvature * (theta + mu * u)
        u = mu * u - lr * g
        theta = theta + u
        looks.append(theta + mu * u)
    w, opt, path = np.array([1.0, -2.0]), optim.Nesterov(lr=lr, momentum=mu), []
    for _ in range(20):
        opt.step(w, curvature * w)
        path.append(w.copy())
    close(np.stack(path), np.stack(looks))
    assert not np.allclose(path[-1], theta)  # the other end of the look-ahead


@pytest.mark.parametrize("kind", [optim.Momentum, optim.Nesterov])
def test_the_two_momentum_forms_convert(kind):
    summed = run(kind(lr=0.01, momentum=0.8))
    rate = optim.momentum_rate(0.01, 0.8, to="averaged")
    assert rate == pytest.approx(0.05)
    close(run(kind(lr=rate, momentum=0.8, averaged=True)), summed)
    assert optim.momentum_rate(rate, 0.8, to="summed") == pytest.approx(0.01)
    with pytest.raises(ValueError, match="'torch' is not one of"):
        optim.momentum_rate(0.1, 0.9, to="torch")


@needs_torch
def test_dampening_of_torch_is_not_the_averaged_form():
    ours = run(optim.Momentum(lr=0.1, momentum=0.5, averaged=True))
    theirs = torch_path(torch_optimizer("SGD", lr=0.1, momentum=0.5, dampening=0.5))
    close(ours[0] - START, 0.5 * (theirs[0] - START))
    assert not np.allclose(ours, theirs)


def wrong_adam(correction, eps_inside=False):
    """Two common mistakes, against which the oracle must be sharp."""

    class Wrong(optim.Adam):
        def prepare(self, lr, params):
            super().prepare(lr, params)
            self._c1, self._c2 = correction(0.9, self.t), correction(0.999, self.t)
            return lr

        def update(self, p, g, lr, *state):
            mean, square = state
            mean[...] = 0.9 * mean + 0.1 * g
            square[...] = 0.999 * square + 0.001 * g * g
            s = square / self._c2
            root = np.sqrt(s + 1e-8) if eps_inside else np.sqrt(s) + 1e-8
            p -= lr * mean / self._c1 / root

    return Wrong(lr=0.1)


def test_the_tests_see_the_usual_mistakes():
    right = run(optim.Adam(lr=0.1))
    close(run(wrong_adam(lambda b, t: 1 - b**t)), right)
    assert not np.allclose(run(wrong_adam(lambda b, t: (1 - b) ** t)), right)
    inside = wrong_adam(lambda b, t: 1 - b**t, eps_inside=True)
    assert not np.allclose(run(inside), right)  # seen where gradients are 1e-5
    assert not np.allclose(
        run(optim.Adam(lr=0.1, **WD)), run(optim.AdamW(lr=0.1, **WD))
    )


def test_wrong_bias_correction_shrinks_the_step_as_the_book_says():
    g = np.ones((5, 1))
    steps = {}
    for name, c in {
        "right": lambda b, t: 1 - b**t,
        "wrong": lambda b, t: (1 - b) ** t,
    }.items():
        path = run(wrong_adam(c), g, np.zeros(1))
        steps[name] = -np.diff(path[:, 0], prepend=0)
    close(
        (steps["wrong"] / steps["right"])[1:].round(3),
        np.array([0.425, 0.158, 0.053, 0.018]),
        atol=2e-3,
    )


def test_decay_is_the_same_for_sgd_only():
    decays = [False, True]
    sgd = [run(optim.SGD(lr=0.1, decoupled=d, **WD)) for d in decays]
    close(*sgd)
    adam = [run(optim.Adam(lr=0.1, decoupled=d, **WD)) for d in decays]
    assert not np.allclose(*adam)
    close(adam[1], run(optim.AdamW(lr=0.1, **WD)))


@each_optimizer
@each_backend
def test_gradients_stay_as_they_are(make, device):
    w, g = put(START, device), put(GRADS[0], device)
    make().step(w, g)
    same(g, GRADS[0])


LR, MU, B1 = (
    np.array([0.1, 0.01, 0.3]),
    np.array([0.9, 0.5, 0.0]),
    np.array([0.9, 0.5, 0.1]),
)
EPS, DECAY = np.array([1e-8, 1e-4, 1e-2]), np.array([0.0, 0.1, 0.01])
# Per-model hyper-parameters: optimizer class and its arrays.
STACKS = {
    "sgd": (optim.SGD, {}),
    "sgd-decay": (optim.SGD, {"weight_decay": DECAY}),
    "momentum": (optim.Momentum, {"momentum": MU, "weight_decay": DECAY}),
    "averaged": (optim.Momentum, {"momentum": MU, "averaged": True}),
    "nesterov": (optim.Nesterov, {"momentum": MU}),
    "adagrad": (optim.AdaGrad, {"eps": EPS}),
    "rmsprop": (optim.RMSProp, {"rho": B1, "eps": EPS}),
    "adadelta": (optim.AdaDelta, {"rho": B1, "eps": EPS}),
    "adam": (optim.Adam, {"eps": EPS, "weight_decay": DECAY}),
    "adam-betas": (optim.Adam, {"beta1": B1, "beta2": 1 - 0.1 * B1}),
    "adamw": (optim.AdamW, {"eps": EPS, "weight_decay": DECAY}),
    "lion": (optim.Lion, {"beta1": B1, "beta2": B1, "weight_decay": DECAY}),
}


@each_backend
@each_dtype
@pytest.mark.parametrize("name", STACKS)
def test_a_stack_equals_its_loop(name, dtype, device):
    kind, arrays = STACKS[name]
    start = RNG.standard_normal((3, P))
    grads = RNG.standard_normal((20, 3, P))
    stacked = run(kind(lr=LR, **arrays), grads, start, device, dtype)
    for k in range(3):
        own = {
            n: (v if isinstance(v, bool) else float(v[k])) for n, v in arrays.items()
        }
        alone = run(kind(lr=float(LR[k]), **own), grads[:, k], start[k], device, dtype)
        if device == "cpu" and "betas" not in name:
            same(stacked[:, k], alone)
        else:
            close(stacked[:, k], alone, rtol=1e-12 if dtype == np.float64 else 1e-5)


@each_optimizer
@each_dtype
def test_blocks_change_nothing(make, dtype, monkeypatch):
    expected = run(make(), dtype=dtype)
    cut = lambda self, params, size: [(..., slice(0, 3)), (..., slice(3, P))]
    monkeypatch.setattr("nnlib.optimizer.Optimizer._parts", cut)
    same(run(make(), dtype=dtype), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_rate_that_is_a_numpy_scalar_is_a_number_like_any_other(dtype):
    schedule = lambda t: np.float64(0.1) / (t + 1)  # computes with 64 bits
    rates = [float(schedule(t)) for t in range(len(GRADS))]
    same(
        run(optim.SGD(lr=schedule), dtype=dtype),
        run(optim.SGD(lr=rates.__getitem__), dtype=dtype),
    )


def test_a_large_buffer_is_cut_into_blocks():
    n = 200_001
    g = np.random.default_rng(0).standard_normal((2, n)).astype(np.float32)
    w, opt = np.zeros((2, n), np.float32), optim.Momentum(lr=0.5)
    opt.step(w, g)
    same(w, np.float32(-0.5) * g)


@pytest.mark.parametrize("options", ["plain", "rates", "mask"])
@pytest.mark.parametrize("shape", [(5, 30_001), (2, 3, 20_000), (3, 70_000)])
def test_a_large_stack_is_cut_into_models(options, shape):
    r = np.random.default_rng(0)
    start, g = r.standard_normal((2, *shape))
    lr = r.uniform(0.1, 1, shape[:-1]) if options == "rates" else 0.5
    more = {"lr_scale": r.uniform(size=shape[-1])} if options == "mask" else {}
    w = start.copy()
    optim.Adam(lr=lr, **more).step(w, g)
    for k in np.ndindex(shape[:-1]):
        alone = start[k].copy()
        optim.Adam(lr=lr[k] if options == "rates" else lr, **more).step(alone, g[k])
        same(w[k], alone)


@each_optimizer
@each_backend
def test_saved_state_continues_exactly(make, device):
    whole = run(make(), device=device)
    first, second = make(), make()
    w = put(START, device)
    for g in GRADS[:4]:
        first.step(w, put(g, device))
    state = first.state()
    second.load_state(state, w)
    for g in GRADS[4:]:
        second.step(w, put(g, device))
    same(w, whole[-1])
    assert second.t == len(GRADS)
    for value in state.values():  # the saved copy has not moved with the optimizer
        assert np.all(np.isfinite(value))
    assert state["t"] == 4


def test_a_state_that_does_not_fit_is_refused():
    opt = optim.Adam()
    with pytest.raises(ValueError, match="expected entries t, mean, square, got"):
        opt.load_state({"t": 1, "velocity": START}, START)
    with pytest.raises(ValueError, match="expected entries"):
        opt.load_state({}, START)
    with pytest.raises(ValueError, match=r"'mean' is \(2,\), not \(7,\)"):
        opt.load_state({"t": 1, "mean": np.zeros(2), "square": START}, START)
    opt.load_state({"t": 0}, START)  # of an optimizer that has not stepped
    assert run(opt).shape == GRADS.shape


@each_optimizer
@each_dtype
def test_huge_gradients_stay_finite(make, dtype):
    path = run(make(), GRADS / SCALES * 1e5, START * 1e5, dtype=dtype)
    assert np.all(np.isfinite(path))
    assert path.dtype == dtype


@each_optimizer
def test_zero_gradients_move_nothing_but_decay(make):
    opt = make()
    far = START + 100 * np.sign(START)
    path = run(opt, np.zeros((3, P)), far)
    assert np.all(np.isfinite(path))
    if opt.weight_decay == 0:
        same(path[-1], far)
    else:
        assert np.all(np.abs(path[-1]) < np.abs(far))


@each_optimizer
def test_zero_lr_scale_freezes(make):
    scale = np.array([0.0, 1, 1, 1, 1, 1, 0.5])
    opt = make()
    opt.lr_scale = scale
    path, free = run(opt), run(make())
    same(path[-1][0], START[0])
    close(path[:, 1:6], free[:, 1:6])
    assert path[0][6] - START[6] == pytest.approx(0.5 * (free[0][6] - START[6]))
    opt.lr_scale = np.ones(P)  # thawed
    w = path[-1].copy()
    opt.step(w, GRADS[3])
    assert w[0] != START[0]


@each_backend
def test_masks_follow_the_parameters_to_their_device(device):
    mask = np.array([1.0, 0, 1, 0, 1, 0, 1])
    opt = optim.SGD(lr=0.1, weight_decay=0.5, decay_mask=mask, lr_scale=mask + 1)
    got = run(opt, GRADS[:1], device=device)[0]
    close(got, START - 0.1 * (mask + 1) * (GRADS[0] + 0.5 * mask * START))
    opt = optim.AdamW(lr=0.1, weight_decay=0.5, decay_mask=mask, lr_scale=2 * mask)
    free = run(optim.Adam(lr=0.1), GRADS[:1])[0] - START
    got = run(opt, GRADS[:1], device=device)[0]
    close(got, START * (1 - 0.1 * mask) + 2 * mask * free)


def test_schedules_set_the_rate_of_each_step():
    rates = [0.1, 0.0, 0.3]
    opt = optim.SGD(lr=lambda t: rates[t])
    path = run(opt, np.ones((3, P)), np.zeros(P))
    close(path[:, 0], np.array([-0.1, -0.1, -0.4]))
    per_model = optim.SGD(lr=lambda t: np.array([0.1, 0.2]) / (t + 1))
    path = run(per_model, np.ones((2, 2, P)), np.zeros((2, P)))
    close(path[-1, :, 0], np.array([-0.15, -0.3]))


BAD = [
    (lambda: optim.SGD(lr=float("nan")), "learning rate must be .* not nan"),
    (lambda: optim.SGD(lr=-0.5), "not -0.5"),
    (lambda: optim.Adam(lr=float("inf")), "not inf"),
    (lambda: optim.SGD(lr=np.array([0.1, np.nan])), "nan"),
    (lambda: optim.SGD(lr=0.1, weight_decay=-1), "weight decay .* not -1"),
    (lambda: optim.Momentum(lr=0.1, momentum=1.0), r"momentum must be in \[0, 1\)"),
    (lambda: optim.Adam(beta1=1.0), r"beta1 must be in \[0, 1\), not 1.0"),
    (lambda: optim.Adam(beta2=-0.1), "beta2 .* not -0.1"),
    (lambda: optim.Adam(eps=float("nan")), "eps .* not nan"),
    (lambda: optim.RMSProp(rho=2), "rho .* not 2"),
    (lambda: optim.AdaDelta(rho=1), "rho .* not 1"),
    (lambda: optim.Lion(beta2=float("nan")), "beta2 .* not nan"),
    (lambda: optim.SGD(lr=lambda t: math.nan).step(START, START), "not nan"),
    (lambda: optim.SGD(lr=0.1).step(np.ones(2), np.ones(3)), r"\(2,\) .* \(3,\)"),
    (
        lambda: optim.SGD(lr=0.1, lr_scale=np.ones(2)).step(np.ones(3), np.ones(3)),
        r"lr_scale has shape \(2,\), but there are 3",
    ),
]


@pytest.mark.parametrize(("mistake", "message"), BAD, ids=range(len(BAD)))
def test_mistakes_are_named(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()


def test_the_base_class_has_no_formula():
    with pytest.raises(NotImplementedError):
        Optimizer(lr=0.1).step(START.copy(), START)


@each_backend
def test_flush_removes_denormals_only(device):
    opt = optim.Momentum(lr=0.1)
    w = put(np.zeros(4), device)
    opt.step(w, put(np.array([1e-310, -1e-40, 1e-20, 2.0]), device))
    opt.flush()
    close(opt.buffers["velocity"], np.array([0.0, 0.0, 1e-20, 2.0]), atol=0)


# ---------------------------------------------------------------- clipping


@each_backend
def test_clip_norm_is_the_papers_and_close_to_torchs(device):
    for scale in (0.1, 100.0):
        g = GRADS[1] / SCALES * scale
        got, norm = clipping.clip_norm(put(g, device), 2.0)
        length = np.linalg.norm(g)
        close(norm, np.asarray(length))
        close(got, g * min(1, 2 / length))
        if torch is None:
            continue
        w = torch.zeros(P, dtype=torch.float64)
        w.grad = torch.tensor(g)
        theirs = torch.nn.utils.clip_grad_norm_([w], 2.0)
        close(norm, theirs.numpy())
        clipped = length > 2
        close(to_numpy(got) * (length / (length + 1e-6) if clipped else 1), w.grad)


@each_backend
def test_clip_value_equals_torch(device):
    got, _ = clipping.clip_value(put(GRADS[0], device), 0.5)
    close(got, np.clip(GRADS[0], -0.5, 0.5))


@each_backend
def test_each_model_of_a_stack_is_clipped_by_itself(device):
    g = np.stack([GRADS[0], 0 * GRADS[0], 1e-3 * START])
    limits = np.array([1.0, 1.0, 5.0])
    got, norms = clipping.clip_norm(put(g, device), limits)
    close(norms, np.linalg.norm(g, axis=-1))
    close(got, np.stack([g[0] / np.linalg.norm(g[0]), g[1], g[2]]))
    values, _ = clipping.clip_value(put(g, device), limits)
    close(values, np.clip(g, -limits[:, None], limits[:, None]))


def test_clipping_writes_where_told_and_survives_float32():
    g = np.full(4, 1e30, np.float32)
    clipped, norm = clipping.clip_norm(g, 1.0, out=g)
    assert clipped is g
    assert norm == pytest.approx(2e30)
    np.testing.assert_allclose(g, 0.5, rtol=1e-6)
    with pytest.raises(ValueError, match=r"maximal norm .* not -1"):
        clipping.clip_norm(g, -1)


# ---------------------------------------------------------------- penalties


PENALTIES = {
    "l1": lambda w, **kw: penalties.l1(w, 0.3, **kw),
    "l2": lambda w, **kw: penalties.l2(w, 0.3, **kw),
    "elastic": lambda w, **kw: penalties.elastic(w, 0.3, 0.2, **kw),
}
MASK = np.array([1.0, 1, 0, 1, 0, 1, 1])


@each_backend
@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "mask"])
def test_a_penalty_has_its_gradient(name, mask, device):
    on = None if mask is None else put(mask, device)
    value, gradient = PENALTIES[name](put(START, device), mask=on)
    keep = np.ones(P) if mask is None else mask
    l1, l2 = {"l1": (0.3, 0), "l2": (0, 0.3), "elastic": (0.3, 0.2)}[name]
    expected = l1 * (keep * abs(START)).sum() + l2 / 2 * (keep * START**2).sum()
    close(value, np.asarray(expected))
    h = 1e-6
    for i in range(P):
        e = h * np.eye(P)[i]
        above, below = (
            PENALTIES[name](w, mask=mask)[0] for w in (START + e, START - e)
        )
        assert to_numpy(gradient)[i] == pytest.approx(
            (above - below) / (2 * h), abs=1e-6
        )


def test_l2_penalty_is_coupled_decay():
    w = START.copy()
    optim.SGD(lr=0.1).step(w, GRADS[0] + penalties.l2(START, 0.3)[1])
    close(w, run(optim.SGD(lr=0.1, weight_decay=0.3), GRADS[:1])[0])


def test_strengths_may_differ_by_model():
    w = np.stack([START, START])
    value, gradient = penalties.elastic(w, np.array([0.0, 1.0]), np.array([2.0, 0.0]))
    close(value, np.array([(START**2).sum(), abs(START).sum()]))
    close(gradient, np.stack([2 * START, np.sign(START)]))
    with pytest.raises(ValueError, match=r"strength .* not -1"):
        penalties.l1(START, -1.0)


@each_backend
def test_prox_minimizes_its_objective(device):
    got = to_numpy(penalties.prox_l1(put(START, device), 0.5, mask=put(MASK, device)))
    for i in range(P):
        z = np.linspace(-4, 4, 80001)
        cost = 0.5 * (z - START[i]) ** 2 + 0.5 * MASK[i] * abs(z)
        assert got[i] == pytest.approx(z[cost.argmin()], abs=2e-4)


def test_a_models_mask_spares_its_biases():
    net = mlp([2, 3, 2], rng=np.random.default_rng(0), lead=(4,), device="cpu")
    before = net.state()
    decay = optim.SGD(lr=0.1, weight_decay=1.0, decay_mask=net.mask("W"))
    net.layers[0].params["b"] += 1
    decay.step(net.params, 0 * net.params)
    np.testing.assert_allclose(net.state()["2.W"], 0.9 * before["2.W"], rtol=1e-6)
    assert (net.state()["0.b"] == 1).all()


# ---------------------------------------------------------------- averages


def test_ema_of_a_series_has_its_closed_form():
    x = RNG.standard_normal((30, 2))
    weights = [0.1 * 0.9 ** np.arange(t, -1, -1.0) for t in range(30)]
    raw = np.stack([w @ x[: len(w)] for w in weights])
    close(ema.ema(x, 0.9, correct=False), raw)
    total = np.array([w.sum() for w in weights])
    close(ema.ema(x, 0.9), raw / total[:, None])
    assert ema.ema([1, 2, 3], 0.5).dtype == np.float64  # integers are averaged too
    with pytest.raises(ValueError, match=r"beta .* not 1"):
        ema.ema(x, 1.0)


@each_backend
@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("dynamic", [True, False])
def test_weight_average_is_a_weighted_mean(correct, dynamic, device):
    average, weights, total = ema.EMA(0.95, dynamic=dynamic, correct=correct), [], 1.0
    for t, g in enumerate(GRADS, start=1):
        average.update(put(g, device))
        d = min(0.95, (1 + t) / (10 + t)) if dynamic else 0.95
        weights = [w * d for w in weights] + [1 - d]
        total *= d
    expected = np.tensordot(weights, GRADS, 1)
    expected = expected / sum(weights) if correct else expected + total * GRADS[0]
    close(average.value, expected)


def test_a_corrected_average_of_a_constant_is_that_constant():
    average = ema.EMA(0.999)
    for _ in range(3):
        average.update(START)
        close(average.value, START)


def test_weight_average_lends_itself_to_a_model():
    net = mlp([2, 2], rng=np.random.default_rng(0), device="cpu")
    average = ema.EMA(0.5)
    with pytest.raises(RuntimeError, match="no weights yet"):
        _ = average.value
    average.update(np.zeros_like(net.params))
    before = net.params.copy()
    with average.applied(net):
        assert not net.params.any()
    same(net.params, before)
    with pytest.raises(ValueError, match=r"the average is \(6,\), not \(2,\)"):
        average.update(np.zeros(2))


@each_backend
def test_weight_average_continues_from_its_state(device):
    whole, first, second = (ema.EMA(0.9, dynamic=True) for _ in range(3))
    for g in GRADS:
        whole.update(put(g, device))
    second.load_state(first.state(), put(START, device))  # empty
    for g in GRADS[:3]:
        first.update(put(g, device))
    second.load_state(first.state(), put(START, device))
    for g in GRADS[3:]:
        second.update(put(g, device))
    same(second.value, whole.value)

"""The tests of optimizing, training and judging are tested: each must notice a fault.

A row is (module, code as it is, code made wrong, tests that must fail). The wrong
source is compiled and its functions are put in the place of the right ones, also where
other modules have imported them.
"""

import contextlib
import inspect
import types

import numpy as np
import pytest
import test_claims
import test_diagnose
import test_ensemble
import test_metrics
import test_optim
import test_plotting
import test_schedules
import test_search
import test_train
from backends import needs_torch

from nnlib import (
    adaptive,
    claims,
    clipping,
    data,
    diagnose,
    ema,
    ensemble,
    lr_range,
    metrics,
    optim,
    optimizer,
    penalties,
    plotting,
    runstate,
    schedules,
    search,
    signals,
    snapshots,
    space,
    stopping,
    train,
)

pytestmark = needs_torch
FAULTS = (Exception, pytest.fail.Exception)


def functions(scope, module):
    """Yield the functions and methods that a module defines, by qualified name."""
    for value in list(vars(scope).values()):
        if isinstance(value, property):
            value = value.fget
        if isinstance(value, types.FunctionType) and value.__module__ == module:
            yield value.__qualname__, value
        elif isinstance(value, type) and value.__module__ == module:
            yield from functions(value, module)


@contextlib.contextmanager
def mutated(module, right, wrong):
    """Give the module's functions the code of its source with one replacement."""
    source = inspect.getsource(module)
    assert right in source, f"not in the source: {right}"
    other = types.ModuleType(module.__name__)
    other.__file__ = module.__file__
    exec(compile(source.replace(right, wrong), "mutant", "exec"), vars(other))
    mutants = dict(functions(other, module.__name__))
    originals = dict(functions(module, module.__name__))
    codes = {name: f.__code__ for name, f in originals.items()}
    try:
        for name, f in originals.items():
            f.__code__ = mutants[name].__code__
        yield
    finally:
        for name, f in originals.items():
            f.__code__ = codes[name]


DIGITS = data.digits(rng=np.random.default_rng(0), n_train=200, device="cpu")


def oracle(name):
    return lambda: test_optim.test_every_step_equals_torch(name, "cpu")


def rates(name):
    return lambda: test_schedules.test_rates_equal_torch(name)


def corners(name):
    return lambda: test_schedules.test_corners(name)


def stops(name):
    return lambda: test_train.test_the_state_machine(name)


def scaled():
    test_optim.test_masks_follow_the_parameters_to_their_device("cpu")


def thaw():
    test_optim.test_zero_lr_scale_freezes(test_optim.ALL["sgd"])


def unchanged():
    test_optim.test_gradients_stay_as_they_are(test_optim.ALL["sgd-decay"], "cpu")


def penalty(name):
    return lambda: test_optim.test_a_penalty_has_its_gradient(name, None, "cpu")


def average(correct=True, dynamic=True):
    f = test_optim.test_weight_average_is_a_weighted_mean
    return lambda: f(correct, dynamic, "cpu")


def with_digits(f, *args):
    return lambda: f(DIGITS, *args)


def kept(restore):
    return lambda: test_train.test_the_weights_of_the_right_epoch_come_back(
        restore, (3,)
    )


def resumed():
    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        f = test_train.test_a_resumed_run_is_the_same_bit_for_bit
        f(path, DIGITS, 0, ())


def sklearn_precision():
    y, scores = np.array([0, 1, 1, 0, 1]), np.array([1.0, 1, 0, 0, 0])
    theirs = test_metrics.sk.average_precision_score(y, scores)
    assert metrics.average_precision(scores, y) == pytest.approx(theirs)


def untouched_baseline():
    digits = data.digits(rng=np.random.default_rng(0), n_train=300, device="cpu")
    test_diagnose.test_input_baseline(digits, ())


A, B, S, T = adaptive, optimizer, schedules, train
MUTANTS = [
    (A, "1 - self.beta1**self.t", "(1 - self.beta1) ** self.t", oracle("adam")),
    (A, "1 - self.beta2**self.t", "1 - self.beta2", oracle("adam")),
    (
        A,
        "root = namespace(p).sqrt(square)\n        root += self._eps",
        "root = namespace(p).sqrt(square + self._eps)",
        oracle("adam"),
    ),
    (A, "self.eps * correction2", "self.eps", oracle("adam-betas")),
    (A, "decoupled=True, **kw)", "decoupled=False, **kw)", oracle("adamw")),
    (
        A,
        "(namespace(p).sqrt(square) + self._eps)",
        "namespace(p).sqrt(square + self._eps)",
        oracle("rmsprop"),
    ),
    (A, "square += g * g", "square += abs(g)", oracle("adagrad")),
    (A, "(delta * delta)", "(g * g)", oracle("adadelta")),
    (
        A,
        "sign(self._b1 * mean + self._rest1 * g)",
        "sign(self._b2 * mean + self._rest2 * g)",
        lambda: test_optim.test_lion_is_algorithm_2_of_its_paper("cpu"),
    ),
    (optim, "lr * (g + self._mu * v)", "lr * (g + v)", oracle("nesterov")),
    (optim, "v += self._share * g if self.averaged else g", "v += g", lambda: (
        test_optim.test_the_two_momentum_forms_convert(optim.Momentum)
    )),
    (B, "g = g + amount * p", "g += amount * p", unchanged),
    (B, "1 - amount * scale[part]", "1 - amount", scaled),
    (B, "known is not value or", "known is None or", thaw),
    (
        B,
        "return float(value)  # a NumPy",
        "return value  # a NumPy",
        lambda: (
            test_optim.test_a_rate_that_is_a_numpy_scalar_is_a_number_like_any_other(
                np.float32
            )
        ),
    ),
    (
        clipping,
        "xp.where(length > limit",
        "xp.where(length < limit",
        lambda: test_optim.test_clip_norm_is_the_papers_and_close_to_torchs("cpu"),
    ),
    (penalties, "return 0.5 * namespace", "return namespace", penalty("l2")),
    (penalties, "xp.abs(params) - move", "xp.abs(params) - 2 * move", lambda: (
        test_optim.test_prox_minimizes_its_objective("cpu")
    )),
    (ema, "beta ** (t + 1)", "beta ** (t + 2)", lambda: (
        test_optim.test_ema_of_a_series_has_its_closed_form()
    )),
    (ema, "(1 + self.t) / (10 + self.t)", "self.t / (9 + self.t)", average()),
    (ema, "self._sum / self._weight", "self._sum", average(dynamic=False)),
    (S, "min(1.0, (t + 1) / steps)", "min(1.0, t / steps)", rates("warmup")),
    (S, "peak = up * steps - 1", "peak = up * steps", rates("one_cycle")),
    (S, "sum(m <= t for m in marks)", "sum(m < t for m in marks)", rates("step")),
    (S, "max(t, shift))", "(t + shift))", corners("inverse_sqrt")),
    (S, "length * growth", "length + growth", rates("restarts")),
    (stopping, "self._wait >= self.p", "self._wait > self.p", stops("patience")),
    (stopping, "self.best - self.min_delta", "self.best", stops("min_delta")),
    (stopping, "[-self.window :]", "[-1:]", stops("noise, window")),
    (stopping, "improved = running & (mean < ", "improved = (mean < ", lambda: (
        test_train.test_models_of_a_stack_stop_as_they_would_alone()
    )),
    (stopping, "improved if self.restore else running", "improved", kept(False)),
    (stopping, "improved if self.restore else running", "running", kept(True)),
    (runstate, "generator.bit_generator.state = json", "_ = json", resumed),
    (T, "* (size / n)", "/ (n // size)", with_digits(
        test_train.test_evaluation_in_batches_changes_nothing, 7, "cpu"
    )),
    (T, "n * np.arange(k)", "0 * np.arange(k)", with_digits(
        test_train.test_models_may_have_data_of_their_own
    )),
    (T, "grads += penalty(model.params)[1]", "pass", with_digits(
        test_train.test_hooks_in_their_order
    )),
    (T, "grads, _ = clip(grads)", "pass", with_digits(
        test_train.test_hooks_in_their_order
    )),
    (metrics, "n_classes * y + labels", "n_classes * labels + y", lambda: (
        test_metrics.test_confusion_and_its_rates_equal_sklearn()
    )),
    (metrics, "np.ceil(sure * bins)", "np.floor(sure * bins + 1)", lambda: (
        test_metrics.test_calibration_error_by_hand()
    )),
    (metrics, "np.diff(s[order]) != 0", "np.diff(s[order]) <= 0", sklearn_precision),
    (metrics, "std(axis=axis, ddof=1)", "std(axis=axis)", lambda: (
        test_metrics.test_spread_measures()
    )),
    (ensemble, "votes == votes.max(axis=-1, keepdims=True)", "votes >= 0", lambda: (
        test_ensemble.test_votes_are_counted("probability")
    )),
    (ensemble, "(f - mean) ** 2) / (n * k)", "(f - mean) ** 2) / n", lambda: (
        test_ensemble.test_ambiguity_is_exact()
    )),
    (snapshots, "norm.momentum = 1 / (i + 1)", "norm.momentum = 0.1", lambda: (
        test_ensemble.test_swa_and_its_batchnorm_update_equal_torch()
    )),
    (snapshots, "self.mean) / self.n", "self.mean) / (self.n + 1)", lambda: (
        test_ensemble.test_swa_of_a_stack_and_without_batchnorm()
    )),
    (signals, "rest = (lead, *range", "rest = (lead + 1, *range", lambda: (
        test_diagnose.test_dead_units("cpu")
    )),
    (lr_range, "model.params[...] = model.params[:1]", "pass", with_digits(
        test_diagnose.test_sweep_is_a_stack_that_differs_in_its_rate_only
    )),
    (lr_range, "(after > good.argmin(axis=0)) & ", "", lambda: (
        test_diagnose.test_edge_of_known_curves()
    )),
    (
        diagnose,
        "copy.deepcopy((model, optimizer, orders))",
        "(model, optimizer, orders)",
        untouched_baseline,
    ),
    (space, "math.log(low), math.log(high)", "np.log1p(low), np.log1p(high)", lambda: (
        test_search.test_log_uniform_is_uniform_in_the_exponent()
    )),
    (search, "(self.scores), np.inf", "(self.scores), -np.inf", lambda: (
        test_search.test_nan_is_the_worst_and_ties_keep_their_order()
    )),
    (search, "budget *= factor", "budget += factor", lambda: (
        test_search.test_halving_spends_more_on_fewer()
    )),
    (
        claims,
        'if not low <= record["value"] <= high:',
        'if record["value"] < low or record["value"] > high:',
        lambda: test_claims.test_a_value_outside_stops_the_page(float("nan")),
    ),
    (plotting, "mean - se, mean + se", "mean - 2 * se, mean + se", lambda: (
        test_plotting.test_a_band_is_the_mean_and_its_standard_error()
    )),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "right", "wrong", "test"),
    MUTANTS,
    ids=[f"{m.__name__.split('.')[1]}: {wrong[:40]}" for m, _, wrong, _ in MUTANTS],
)
def test_a_wrong_formula_is_noticed(module, right, wrong, test):
    test()  # passes with the right one
    with mutated(module, right, wrong), pytest.raises(FAULTS):
        test()
    test()

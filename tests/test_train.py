"""The training loop, its record, early stopping, and resuming a run."""

import os
from types import SimpleNamespace

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

from nnlib import clipping, data, losses, optim, penalties, schedules, train
from nnlib.dropout import Dropout
from nnlib.ema import EMA
from nnlib.history import History
from nnlib.layers import Activation, Linear
from nnlib.model import Sequential, mlp
from nnlib.norm import BatchNorm
from nnlib.runstate import RunState
from nnlib.train import EarlyStopping, evaluate, fit, train_step

CE = losses.softmax_cross_entropy
SIZES = [64, 16, 10]


@pytest.fixture(scope="module")
def digits():
    return data.digits(rng=np.random.default_rng(0), n_train=200, device="cpu")


def net(lead=(), dtype=np.float64, device="cpu", sizes=SIZES):
    return mlp(
        sizes, rng=np.random.default_rng(1), lead=lead, dtype=dtype, device=device
    )


def single(stack, k):
    """Return model k of a stack, as a network of its own."""
    alone = net(dtype=stack.params.dtype)
    alone.params[...] = stack.params[k]
    return alone


def run(model, digits, opt=None, **kw):
    options = {"epochs": 3, "batch_size": 32, "rng": np.random.default_rng(5), **kw}
    return fit(model, CE, opt or optim.Momentum(lr=0.05), digits, **options)


# ---------------------------------------------------------------- the loop


@needs_torch
@each_fast_backend
def test_five_steps_equal_torch(digits, device):
    model = net(device=device)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)
    ).double()
    start = model.state()
    with torch.no_grad():
        for i in (0, 2):
            theirs[i].weight.copy_(torch.tensor(start[f"{i}.W"].T))
            theirs[i].bias.copy_(torch.tensor(start[f"{i}.b"]))
    ours = optim.Adam(lr=0.01)
    oracle = torch.optim.Adam(theirs.parameters(), lr=0.01)
    for i in range(5):
        part = slice(32 * i, 32 * i + 32)
        x, y = digits.x_train[part].astype(np.float64), digits.y_train[part]
        value = train_step(model, CE, ours, put(x, device), put(y, device))
        oracle.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            theirs(torch.tensor(x)), torch.tensor(y)
        )
        loss.backward()
        oracle.step()
        close(value, loss.detach().numpy())
    end = model.state()
    close(end["0.W"], theirs[0].weight.detach().numpy().T, rtol=1e-8, atol=1e-10)
    close(end["2.b"], theirs[2].bias.detach().numpy(), rtol=1e-8, atol=1e-10)


@each_backend
def test_a_whole_run_is_the_same_on_every_backend(digits, device):
    runs = []
    for place in ("cpu", device):
        parts = {n: put(v, place) for n, v in vars(digits).items()}
        model, average = net((2,), device=place), EMA(0.9)
        opt = optim.Adam(lr=np.array([0.01, 0.02]), weight_decay=0.01)
        clip = lambda g: clipping.clip_norm(g, 1.0)
        options = {"stopping": EarlyStopping(1), "ema": average, "clip": clip}
        h = run(model, SimpleNamespace(**parts), opt, record_steps=True, **options)
        runs.append((h.state(), model.state()))
    for one, two in zip(*runs, strict=True):
        for name, value in one.items():
            close(two[name], value, rtol=1e-7, atol=1e-10)


def test_it_learns(digits):
    h = run(net(dtype=np.float32), digits, epochs=15)
    assert h["train_loss"][0] == pytest.approx(np.log(10), abs=0.6)
    assert h["train_loss"][-1] < 0.2
    assert h["val_error"][-1] < 0.15
    assert h.names == ["train_loss", "val_loss", "val_error"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_stack_equals_its_loop_bit_for_bit(digits, dtype):
    stack, rates = net((3,), dtype), np.array([0.01, 0.05, 0.1])
    alone = [single(stack, k) for k in range(3)]
    x = SimpleNamespace(**vars(digits))
    x.x_train, x.x_val = (v.astype(dtype) for v in (x.x_train, x.x_val))
    h = run(stack, x, optim.Momentum(lr=rates), shared_batches=True)
    for k, model in enumerate(alone):
        own = run(model, x, optim.Momentum(lr=rates[k]), shared_batches=True)
        same(stack.params[k], model.params)
        close(h["val_loss"][:, k], own["val_loss"], rtol=1e-12)
        close(h["train_loss"][:, k], own["train_loss"], rtol=1e-6)


def test_stacked_models_see_their_own_order_unless_shared(digits):
    same_start = net((2,))
    same_start.params[1] = same_start.params[0]
    run(same_start, digits)
    assert not np.allclose(same_start.params[0], same_start.params[1])
    same_start.params[1] = same_start.params[0]
    run(same_start, digits, shared_batches=True)
    same(same_start.params[0], same_start.params[1])


def test_equal_seeds_give_equal_runs(digits):
    a, b = net(), net()
    ha, hb = run(a, digits), run(b, digits)
    same(a.params, b.params)
    same(ha["val_loss"], hb["val_loss"])


def test_one_model_may_diverge_alone(digits):
    stack = net((2,), np.float32)
    h = run(stack, digits, optim.SGD(lr=np.array([1e30, 0.05])), epochs=6)
    assert not np.isfinite(h["val_loss"][-1, 0])
    assert h["val_loss"][-1, 1] < 2
    assert np.isfinite(stack.params[1]).all()


@each_backend
@pytest.mark.parametrize("size", [1, 7, 100, 10**6])
def test_evaluation_in_batches_changes_nothing(digits, size, device):
    for lead in ((), (2,)):
        model = net(lead, device=device)
        x, y = put(digits.x_val, device, np.float64), put(digits.y_val, device)
        loss, error = evaluate(model, CE, x, y, batch_size=size)
        close(loss, CE(model(x), y)[0])
        close(error, train.error_rate(model(x), y))


def test_models_may_have_data_of_their_own(digits):
    index = np.random.default_rng(2).integers(0, 200, (2, 150))
    own = SimpleNamespace(
        x_train=digits.x_train[index],
        y_train=digits.y_train[index],
        x_val=digits.x_val,
        y_val=np.stack([digits.y_val, (digits.y_val + 1) % 10]),
    )
    stack = net((2,))
    alone = [single(stack, k) for k in range(2)]
    h = run(stack, own, shared_batches=True, eval_train=True)
    for k, model in enumerate(alone):
        part = SimpleNamespace(
            x_train=own.x_train[k],
            y_train=own.y_train[k],
            x_val=digits.x_val,
            y_val=own.y_val[k],
        )
        one = run(model, part, shared_batches=True, eval_train=True)
        close(stack.params[k], model.params)
        close(h["val_error"][:, k], one["val_error"])
        close(h["train_error"][:, k], one["train_error"])
    assert h["val_error"][-1, 1] > 0.8  # its validation labels are wrong


def test_own_labels_on_shared_inputs(digits):
    noisy = SimpleNamespace(**vars(digits))
    noisy.y_train = np.stack([digits.y_train, (digits.y_train + 1) % 10])
    h = run(net((2,)), noisy, epochs=8)
    assert h["val_error"][-1, 0] < 0.3 < 0.7 < h["val_error"][-1, 1]


def test_regression_has_a_loss_and_no_error(digits):
    x = np.linspace(-1, 1, 40)[:, None]
    cubic = SimpleNamespace(x_train=x, y_train=x**3, x_val=x[::2], y_val=x[::2] ** 3)
    h = fit(
        net(sizes=[1, 16, 1]),
        losses.mse,
        optim.Adam(lr=0.02),
        cubic,
        epochs=60,
        batch_size=10,
        rng=np.random.default_rng(0),
    )
    assert h["val_loss"][-1] < 0.1 * h["val_loss"][0]
    assert np.isnan(h["val_error"]).all()


def test_without_validation_data(digits):
    part = SimpleNamespace(x_train=digits.x_train, y_train=digits.y_train)
    assert run(net(), part).names == ["train_loss"]


def test_epoch_loss_is_the_mean_over_steps(digits):
    h = run(net(), digits, record_steps=True)
    assert h.steps["loss"].shape == (3 * 7,)  # 200 examples, batches of 32
    close(h["train_loss"], h.steps["loss"].reshape(3, 7).mean(axis=1))
    h = run(net(), digits, record_steps=True, drop_last=True)
    assert h.steps["loss"].shape == (3 * 6,)


def test_steps_record_rate_norm_and_what_is_asked(digits):
    rate = schedules.linear(0.1, 21)
    seen = []

    def path(step, model):
        seen.append(step)
        return {"w": model.params[:2]}

    h = run(
        net(),
        digits,
        optim.SGD(lr=rate),
        record_steps=True,
        on_step=[path, lambda step, model: None],
    )
    close(h.steps["lr"], schedules.values(rate, 21))
    assert (h.steps["grad_norm"] > 0).all()
    assert h.steps["w"].shape == (21, 2)
    assert (np.diff(h.steps["w"], axis=0) != 0).any()  # copies, not views
    assert seen == list(range(1, 22))


def test_hooks_in_their_order(digits):
    """Augment, penalty, clip: the step is what they make of it."""
    model, twin = net(), net()
    mask = model.mask("W")
    flip = lambda x, y, rng: (-x, y)
    run(
        model,
        digits,
        optim.SGD(lr=0.1),
        epochs=1,
        batch_size=200,
        augment=flip,
        penalty=lambda w: penalties.l2(w, 0.5, mask=mask),
        clip=lambda g: clipping.clip_norm(g, 0.01),
    )
    _, dlogits = CE(twin.forward(-digits.x_train, train=True), digits.y_train)
    twin.backward(dlogits)
    g = twin.grads + 0.5 * mask * twin.params
    twin.params -= 0.1 * g * 0.01 / np.linalg.norm(g)
    close(model.params, twin.params, rtol=1e-7, atol=1e-10)


def test_augmentation_draws_from_the_runs_generator(digits):
    noise = lambda x, y, rng: (x + 0.1 * rng.standard_normal(x.shape), y)
    a, b = net(), net()
    run(a, digits, augment=noise)
    run(b, digits, augment=noise)
    same(a.params, b.params)


def test_soft_labels_in_training_hard_ones_in_validation(digits):
    soft = lambda x, y, rng: (x, 0.9 * np.eye(10)[y] + 0.01)
    loss = losses.soft_cross_entropy
    h = fit(
        net(),
        loss,
        optim.Momentum(lr=0.05),
        digits,
        epochs=8,
        batch_size=32,
        rng=np.random.default_rng(0),
        augment=soft,
        eval_loss=CE,
    )
    assert h["val_error"][-1] < 0.3


def test_average_is_validated_beside_the_weights(digits):
    model, average = net(), EMA(0.9)
    h = run(model, digits, ema=average)
    with average.applied(model):
        expected = evaluate(model, CE, digits.x_val, digits.y_val)
    close(h["ema_val_loss"][-1], expected[0])
    close(h["ema_val_error"][-1], expected[1])
    assert h["val_loss"][-1] != expected[0]


def test_callbacks_all_run_and_one_can_stop(digits):
    seen = []
    late = lambda epoch, model, history: seen.append((epoch, history.epochs))
    h = run(net(), digits, epochs=9, callbacks=[lambda e, m, h: e == 1, late])
    assert seen == [(0, 1), (1, 2)]
    assert h.epochs == 2


def test_progress_bar_names_the_numbers(digits, capsys):
    run(net(), digits, progress=True)
    shown = capsys.readouterr().err
    assert "training" in shown
    assert "val_error" in shown


def test_mistakes_are_named(digits):
    with pytest.raises(ValueError, match="epochs must be at least 0, not -1"):
        run(net(), digits, epochs=-1)
    with pytest.raises(ValueError, match="200 examples make no mini-batch of 500"):
        run(net(), digits, batch_size=500, drop_last=True)
    empty = SimpleNamespace(x_train=digits.x_train[:0], y_train=digits.y_train[:0])
    with pytest.raises(ValueError, match="0 examples make no mini-batch"):
        run(net(), empty)


def test_momentum_of_dead_units_is_flushed_each_epoch(digits):
    opt = optim.Momentum(lr=0.05)
    run(net(dtype=np.float32), digits, opt, epochs=1)
    v = np.abs(opt.buffers["velocity"])
    assert not ((v > 0) & (v < 1e-30)).any()


# ---------------------------------------------------------------- history


def test_history_keeps_copies_and_names_what_it_has():
    h, value = History(), np.ones(2)
    with pytest.raises(KeyError, match="nothing yet"):
        h["loss"]
    h.record(loss=value)
    value += 1
    h.record(loss=value)
    same(h["loss"], np.array([[1.0, 1.0], [2.0, 2.0]]))
    with pytest.raises(KeyError, match="no 'error' recorded; there is loss"):
        h["error"]
    assert "loss" in h
    assert repr(h) == "History(2 epochs: loss)"
    h.steps.record(lr=0.1)
    twin = History()
    twin.load_state(h.state())
    same(twin["loss"], h["loss"])
    same(twin.steps["lr"], h.steps["lr"])


# ---------------------------------------------------------------- early stopping


def stops(values, **kw):
    """Feed values until the stop; return (best epoch, stop epoch)."""
    stop = EarlyStopping(**kw)
    for value in values:
        stop.step(value)
        if stop.done:
            break
    return int(stop.best_epoch), int(stop.stopped_epoch)


CASES = {
    "patience": ([5, 4, 3, 4, 4, 4, 1], {"patience": 2}, (2, 4)),
    "longer": ([5, 4, 3, 4, 4, 2, 4, 4, 4], {"patience": 3}, (5, 8)),
    "never": ([5, 4, 3, 2], {"patience": 2}, (3, -1)),
    "ties do not count": ([3, 3, 3], {"patience": 2}, (0, 2)),
    "min_delta": ([5, 4.95, 4.9, 4.0], {"patience": 2, "min_delta": 0.2}, (0, 2)),
    "max": ([1, 2, 3, 2, 2], {"patience": 2, "mode": "max"}, (2, 4)),
    "nan": ([2, np.nan, np.nan], {"patience": 2}, (0, 2)),
    "only nan": ([np.nan, np.nan], {"patience": 2}, (-1, 1)),
    "inf": ([np.inf, np.inf], {"patience": 2}, (-1, 1)),
    # means of two: 5, 4.5, 5, 3.5, 3.5
    "window": ([5, 4, 6, 1, 6], {"patience": 2, "window": 2}, (3, -1)),
    # a noisy curve: without the window it stops at once
    "noise": ([5, 6, 3, 4, 1, 2], {"patience": 1}, (0, 1)),
    "noise, window": ([5, 5, 3, 4, 1, 2], {"patience": 2, "window": 2}, (5, -1)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_state_machine(name):
    values, options, expected = CASES[name]
    assert stops(values, **options) == expected


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(0, 10), min_size=3, max_size=3), min_size=1, max_size=20
    ),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_models_of_a_stack_stop_as_they_would_alone(rows, patience, window):
    values = np.array(rows)  # (epochs, 3)
    stack = EarlyStopping(patience, window=window)
    for row in values:
        stack.step(row)
    for k in range(3):
        best, stopped = stops(values[:, k], patience=patience, window=window)
        assert (stack.best_epoch[k], stack.stopped_epoch[k]) == (best, stopped)


@pytest.mark.parametrize("restore", [True, False])
@pytest.mark.parametrize("lead", [(), (3,), (2, 2)])
def test_the_weights_of_the_right_epoch_come_back(restore, lead):
    rng = np.random.default_rng(3)
    curves = rng.random((12, *lead))
    model = Sequential(
        [
            Linear(2, 2, rng=rng, lead=lead, device="cpu"),
            BatchNorm(2, lead=lead, device="cpu"),
        ]
    )
    model.layers[1].buffers["shared"] = np.zeros(())
    stop = EarlyStopping(3, restore=restore)
    for epoch, row in enumerate(curves):
        model.params[...] = epoch
        model.layers[1].buffers["running_mean"][...] = epoch
        model.layers[1].buffers["shared"][...] = epoch
        stop.step(row)
        stop.keep(model)
    stop.give_back(model)
    ends = np.where(stop.stopped_epoch < 0, len(curves) - 1, stop.stopped_epoch)
    expected = stop.best_epoch if restore else ends
    close(model.params, np.broadcast_to(expected[..., None], model.params.shape))
    mean = model.layers[1].buffers["running_mean"]
    close(mean, np.broadcast_to(expected[..., None], mean.shape))


def test_fit_stops_and_restores(digits):
    stop, model = EarlyStopping(patience=2), net()
    h = run(model, digits, optim.Momentum(lr=0.3), epochs=60, stopping=stop)
    assert h.epochs == stop.stopped_epoch + 1 < 60
    assert h["val_loss"].argmin() == stop.best_epoch
    loss, _ = evaluate(model, CE, digits.x_val, digits.y_val)
    close(loss, h["val_loss"].min())


def test_a_stack_stops_like_its_loop(digits):
    stack, rates = net((3,)), np.array([0.3, 0.1, 0.5])
    alone = [single(stack, k) for k in range(3)]
    options = {"epochs": 30, "shared_batches": True}
    stop = EarlyStopping(patience=2)
    run(stack, digits, optim.Momentum(lr=rates), stopping=stop, **options)
    for k, model in enumerate(alone):
        own = EarlyStopping(patience=2)
        run(model, digits, optim.Momentum(lr=rates[k]), stopping=own, **options)
        assert own.stopped_epoch == stop.stopped_epoch[k]
        same(stack.params[k], model.params)
    assert len(set(stop.stopped_epoch)) > 1


def test_stopping_by_error(digits):
    stop = EarlyStopping(patience=2, metric="val_error")
    h = run(net(), digits, epochs=40, stopping=stop)
    assert stop.best == h["val_error"].min()


def test_an_unused_early_stopping_gives_nothing_back():
    model, stop = net(), EarlyStopping()
    before = model.params.copy()
    stop.give_back(model)
    same(model.params, before)
    assert not stop.done
    twin = EarlyStopping()
    twin.load_state(stop.state())
    assert not twin.done


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience must be at least 1, not 0"),
        ({"window": 0}, "window must be at least 1, not 0"),
        ({"min_delta": -1}, "min_delta must be at least 0, not -1"),
        ({"min_delta": np.nan}, r"min_delta .* nan"),
        ({"mode": "low"}, "mode 'low' is not one of"),
    ],
)
def test_early_stopping_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**options)


# ---------------------------------------------------------------- resume


def whole_run(path, digits, epochs, *, interrupt=None, resume=False, lead=(), seed=5):
    """A run with everything that has a state."""
    draws = np.random.default_rng(8)
    rng = np.random.default_rng(1)
    where = {"lead": lead, "device": "cpu"}
    model = Sequential(
        [
            Linear(64, 16, rng=rng, **where),
            BatchNorm(16, **where),
            Activation("relu"),
            Dropout(0.2, rng=draws),
            Linear(16, 10, rng=rng, **where),
        ]
    )
    average, stop = EMA(0.9, dynamic=True), EarlyStopping(4, window=2)
    opt = optim.Adam(lr=schedules.warmup(schedules.cosine(0.02, 40), 5))
    generator = np.random.Generator(np.random.MT19937(seed))
    noise = lambda x, y, rng: (x + 0.1 * rng.standard_normal(x.shape, np.float32), y)
    history = fit(
        model,
        CE,
        opt,
        digits,
        epochs=epochs,
        batch_size=32,
        rng=generator,
        augment=noise,
        ema=average,
        stopping=stop,
        record_steps=True,
        checkpoint=path,
        resume=resume,
        callbacks=[] if interrupt is None else [lambda e, m, h: e == interrupt],
    )
    return model, history, opt, average, stop


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("interrupt", [0, 3])
def test_a_resumed_run_is_the_same_bit_for_bit(tmp_path, digits, interrupt, lead):
    path = tmp_path / "run.safetensors"
    whole = whole_run(None, digits, 7, lead=lead)
    whole_run(path, digits, 7, interrupt=interrupt, lead=lead)
    again = whole_run(path, digits, 7, resume=True, lead=lead, seed=99)
    assert again[1].epochs == 7
    for name, value in whole[0].state().items():
        same(again[0].state()[name], value)
    for name, value in whole[1].state().items():
        same(again[1][name] if "/" not in name else again[1].state()[name], value)
    for name, value in whole[2].state().items():
        same(again[2].state()[name], value)
    same(again[3].value, whole[3].value)
    same(again[4].best, whole[4].best)


def test_a_finished_run_stays_finished(tmp_path, digits):
    path = tmp_path / "run.safetensors"
    first = run(net(), digits, checkpoint=path)
    model = net()
    again = run(model, digits, checkpoint=path, resume=True)
    assert again.epochs == first.epochs
    close(again["val_loss"], first["val_loss"])
    stop = {"stopping": EarlyStopping(1)}
    options = {"opt": optim.SGD(lr=0.0), "checkpoint": path, "epochs": 9}
    assert run(net(), digits, **options, **stop).epochs == 2
    stop = {"stopping": EarlyStopping(1)}
    assert run(net(), digits, **options, **stop, resume=True).epochs == 2


def test_without_a_file_resume_starts(tmp_path, digits):
    path = tmp_path / "run.safetensors"
    assert run(net(), digits, checkpoint=path, resume=True).epochs == 3
    assert run(net(), digits, checkpoint=path).epochs == 3  # and no resume starts anew


def test_a_crash_while_writing_leaves_the_old_checkpoint(tmp_path, digits, monkeypatch):
    path = tmp_path / "run.safetensors"
    run(net(), digits, epochs=1, checkpoint=path)
    before = path.read_bytes()

    def crash(a, b):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="disk full"):
        run(net(), digits, epochs=2, checkpoint=path)
    assert path.read_bytes() == before


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path, digits):
    path = tmp_path / "run.safetensors"
    run(net(), digits, checkpoint=path)
    with pytest.raises(
        ValueError, match="holds model, optimizer, history; this run has"
    ):
        run(net(), digits, checkpoint=path, resume=True, ema=EMA())
    with pytest.raises(ValueError, match="expected entries t, mean, square"):
        run(net(), digits, optim.Adam(), checkpoint=path, resume=True)
    with pytest.raises(ValueError, match="has shape"):
        run(net(sizes=[64, 8, 10]), digits, checkpoint=path, resume=True)
    model = net()
    model.layers.insert(1, Dropout(0.0, rng=np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"random states of \['fit'\].*\['1', 'fit'\]"):
        run(model, digits, checkpoint=path, resume=True)
    net().save(path)
    state = RunState(net(), optim.SGD(lr=1.0), History(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="holds no run"):
        state.load(path)

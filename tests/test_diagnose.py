"""Diagnosis: each check sees the fault it is for, and changes nothing."""

import numpy as np
import pytest
from backends import close, each_backend, each_fast_backend, put, same

from nnlib import data, diagnose, init, losses, optim, train
from nnlib.backend import to_numpy
from nnlib.conv import Conv2d
from nnlib.diagnose import RangeTest
from nnlib.layers import Activation, Flatten, Linear
from nnlib.model import Sequential, mlp

CE = losses.softmax_cross_entropy
RNG = np.random.default_rng(2)


@pytest.fixture(scope="module")
def digits():
    return data.digits(rng=np.random.default_rng(0), n_train=300, device="cpu")


def net(lead=(), sizes=(64, 32, 10), device="cpu", **kw):
    return mlp(sizes, rng=np.random.default_rng(1), lead=lead, device=device, **kw)


@pytest.mark.parametrize("lead", [(), (3,)])
def test_initial_loss(digits, lead):
    blank = net(lead, init=init.zeros)
    measured, expected = diagnose.initial_loss(
        blank, CE, digits.x_train, digits.y_train, n_classes=10
    )
    assert expected == pytest.approx(np.log(10))
    close(measured, np.full(lead, np.log(10)), rtol=1e-6)
    loud = net(lead)
    loud.params *= 10
    measured, _ = diagnose.initial_loss(
        loud, CE, digits.x_train, digits.y_train, n_classes=10
    )
    assert (measured > 10).all()


@each_fast_backend
def test_a_sound_network_learns_a_handful_by_heart(digits, device):
    model, opt = net(device=device), optim.SGD(lr=0.5)
    x, y = put(digits.x_train, device, np.float32), put(digits.y_train, device)
    before = to_numpy(model.params).copy()
    h = diagnose.overfit_small(model, CE, opt, x, y, n=20, steps=200)
    assert h["loss"].shape == (201,)
    assert h["loss"][0] == train.evaluate(model, CE, x[:20], y[:20])[0]
    assert h["loss"][-1] < 0.05
    assert h["error"][-1] == 0
    same(model.params, before)
    assert opt.t == 0


def test_a_network_with_a_cut_wire_does_not(digits):
    class Cut(Activation):
        def backward(self, dy):
            return 0 * super().backward(dy)

    rng = np.random.default_rng(0)
    model = Sequential(
        [
            Linear(64, 8, rng=rng, device="cpu"),
            Cut("relu"),
            Linear(8, 10, rng=rng, init=init.zeros, device="cpu"),
        ]
    )
    model.layers[0].params["W"][...] = 0  # nothing flows, and nothing can repair it
    opt = optim.SGD(lr=0.5)
    h = diagnose.overfit_small(model, CE, opt, digits.x_train, digits.y_train)
    assert h["loss"][-1] > 1.5


def test_a_diverging_run_is_recorded(digits):
    opt = optim.SGD(lr=1e30)
    h = diagnose.overfit_small(net(), CE, opt, digits.x_train, digits.y_train, steps=5)
    assert not np.isfinite(h["loss"][-1])


@pytest.mark.parametrize("lead", [(), (2,)])
def test_input_baseline(digits, lead):
    model, rng = net(lead), np.random.default_rng(3)
    before, state = model.params.copy(), rng.bit_generator.state
    options = {"epochs": 4, "batch_size": 32, "rng": rng}
    seeing, blind = diagnose.input_baseline(
        model, CE, optim.SGD(lr=0.1), digits, **options
    )
    assert seeing.shape == lead
    assert (seeing < 1).all()
    assert (blind > 2).all()
    same(model.params, before)
    assert rng.bit_generator.state == state


# ---------------------------------------------------------------- learning rate


@each_fast_backend
def test_range_test_finds_the_stability_bound_of_a_quadratic(device):
    """Gradient descent on w² c/2 is stable up to lr = 2/c."""

    class Bowl:
        lead, params, grads = (), put(np.ones(1), device), put(np.ones(1), device)

        def forward(self, x, *, train):
            return self.params

        def backward(self, dy):
            self.grads[...] = dy

    loss = lambda w, y: (2.0 * w[0] ** 2, 4.0 * w)  # c = 4
    empty = train.History()
    empty.x_train = empty.y_train = put(np.zeros(8), device)
    test = diagnose.lr_range_test(
        Bowl(),
        loss,
        optim.SGD(lr=1.0),
        empty,
        low=0.01,
        high=5,
        steps=300,
        batch_size=2,
        rng=np.random.default_rng(0),
    )
    assert test.minimum(smooth=0.0) == pytest.approx(0.5, rel=0.05)
    assert test.edge(smooth=0.0) > 0.5
    assert test.lrs[[0, -1]] == pytest.approx([0.01, 5])


def test_range_test_leaves_all_as_it_was(digits):
    model, opt = net((3,)), optim.Adam(lr=0.01)
    before = model.params.copy()
    train.train_step(model, CE, opt, digits.x_train, digits.y_train)
    model.params[...] = before
    test = diagnose.lr_range_test(
        model, CE, opt, digits, high=10.0, steps=60, rng=np.random.default_rng(0)
    )
    assert test.losses.shape == (60, 3)
    assert opt.lr == 0.01
    assert opt.t == 1
    same(model.params, before)
    close(test.lrs, np.geomspace(1e-5, 10, 60))


def test_edge_of_known_curves():
    lrs = np.arange(1.0, 7.0)
    curves = np.array(
        [[2, 2, 2], [1, 2.1, 1], [0.5, 1, 0.9], [3, 0.5, 0.8], [9, 1, 0.7], [1, 9, 0.6]]
    )
    close(RangeTest(lrs, curves).edge(smooth=0.0), np.array([4.0, 6.0, 6.0]))
    close(RangeTest(lrs, curves).minimum(smooth=0.0), np.array([3.0, 4.0, 6.0]))
    curves[3:, 0] = np.nan
    assert RangeTest(lrs, curves).edge(smooth=0.0)[0] == 4
    broken = np.array([2.6, 1.0, 0.4, 2.3, 2.3, 2.3])  # never back at its start
    assert RangeTest(lrs, broken).edge(smooth=0.0) == 4


@pytest.mark.parametrize("bad", [{"low": 0.0}, {"low": 2, "high": 1}, {"steps": 1}])
def test_range_test_refuses(digits, bad):
    with pytest.raises(ValueError, match="need 0 < low < high and steps > 1"):
        diagnose.lr_range_test(
            net(), CE, optim.SGD(lr=1), digits, rng=np.random.default_rng(0), **bad
        )


def test_sweep_is_a_stack_that_differs_in_its_rate_only(digits):
    starts = {}

    def build(lead):
        starts["model"] = net(lead)
        return starts["model"]

    options = {"epochs": 3, "batch_size": 32, "rng": np.random.default_rng(0)}
    h = diagnose.lr_sweep(
        build, CE, optim.SGD, digits, [0.1, 1e-6, 0.1], seeds=2, **options
    )
    assert h["val_loss"].shape == (3, 3, 2)
    same(h["val_loss"][:, 0], h["val_loss"][:, 2])  # the same rate, start and batches
    assert (h["val_loss"][-1, 0] < h["val_loss"][-1, 1]).all()
    assert (h["val_loss"][-1, 0, 0] != h["val_loss"][-1, 0, 1]).all()
    with pytest.raises(ValueError, match="lrs must be a list"):
        diagnose.lr_sweep(build, CE, optim.SGD, digits, [], **options)
    with pytest.raises(ValueError, match=r"build returned a stack \(\), not \(1, 1\)"):
        diagnose.lr_sweep(lambda lead: net(), CE, optim.SGD, digits, [0.1], **options)


# ---------------------------------------------------------------- signals


@each_backend
def test_dead_units(device):
    y = np.abs(RNG.standard_normal((2, 6, 5)))
    y[0, :, [1, 3]] = 0
    y[1, 2] = 0  # an example, not a unit
    close(diagnose.dead_fraction(put(y, device), lead=1), np.array([0.4, 0.0]))
    images = np.ones((6, 4, 3, 3))
    images[:, 0] = 0
    images[:, 1, :2] = 0
    close(diagnose.dead_fraction(put(images, device)), np.asarray(0.25))


@pytest.mark.parametrize("lead", [(), (3,)])
def test_activation_statistics(digits, lead):
    model = net(lead, sizes=(64, 200, 50, 10), activation="tanh")
    model.params *= 20
    rows = diagnose.activation_statistics(model, digits.x_train)
    outputs = model.activations(digits.x_train)
    assert [row["layer"] for row in rows][1:3] == ["Activation tanh", "Linear"]
    for row, y in zip(rows, outputs, strict=True):
        close(row["mean"], y.mean(axis=(-2, -1)), rtol=1e-4, atol=1e-5)
        close(row["std"], y.std(axis=(-2, -1)), rtol=1e-4)
        assert row["dead"].shape == lead
    close(
        rows[1]["saturated"],
        (1 - outputs[1] ** 2 < 0.05).mean(axis=(-2, -1)),
        rtol=1e-4,
    )
    assert (rows[1]["saturated"] > 0.8).all()
    assert not rows[0]["saturated"].any()


def test_saturation_of_a_sigmoid():
    layer = Sequential([Activation("sigmoid")])
    x = np.array([[-10.0, -3.0, 0.0, 10.0]])
    assert diagnose.activation_statistics(layer, x)[0]["saturated"] == 0.5


def test_layers_before_the_first_weights_have_no_stack_axis():
    rng = np.random.default_rng(0)
    model = Sequential([Flatten(), Linear(9, 4, rng=rng, lead=(2,), device="cpu")])
    rows = diagnose.activation_statistics(model, np.ones((5, 1, 3, 3), np.float32))
    assert rows[0]["std"].shape == ()
    assert rows[1]["std"].shape == (2,)


def test_statistics_of_convolutions():
    rng = np.random.default_rng(0)
    model = Sequential([Conv2d(1, 3, 2, rng=rng, device="cpu"), Activation("relu")])
    model.params[...] = -1.0
    rows = diagnose.activation_statistics(model, np.ones((5, 1, 4, 4), np.float32))
    assert rows[1]["dead"] == 1


@each_fast_backend
@pytest.mark.parametrize("lead", [(), (2,)])
def test_gradient_statistics(digits, lead, device):
    model = net(lead, device=device)
    x, y = put(digits.x_train, device, np.float32), put(digits.y_train, device)
    before = to_numpy(model.params).copy()
    found = diagnose.gradient_statistics(model, CE, x, y)
    same(model.params, before)
    axes = {"W": (-2, -1), "b": (-1,)}
    for (name, g), (_, p) in zip(
        model.named_grads(), model.named_parameters(), strict=True
    ):
        g, p = to_numpy(g), to_numpy(p)
        over = axes[name[-1]]
        norm = np.sqrt((g.astype(float) ** 2).sum(over))
        close(found[name]["norm"], norm)
        close(found[name]["mean_abs"], abs(g).mean(over), rtol=1e-5)
        size = np.sqrt((p.astype(float) ** 2).sum(over))
        ratio = norm / size if name[-1] == "W" else np.full(lead, np.inf)
        close(found[name]["to_weights"], ratio)


def test_update_ratio_and_its_watch(digits):
    model = net((2,))
    before = model.params.copy()
    model.params[0] *= 1.01
    ratios = diagnose.update_ratio(model, before)
    close(ratios["0.W"], np.array([0.01, 0.0]), rtol=1e-4)
    close(ratios["0.b"], np.zeros(2))  # 0 stayed 0
    model.params[1, -1] = 1.0
    assert diagnose.update_ratio(model, before)["2.b"][1] == np.inf
    watch = diagnose.WatchUpdates(model)
    h = train.fit(
        model,
        CE,
        optim.SGD(lr=0.01),
        digits,
        epochs=1,
        batch_size=100,
        rng=np.random.default_rng(0),
        on_step=[watch],
    )
    assert h.steps["update 0.W"].shape == (3, 2)
    assert (h.steps["update 0.W"] < 0.1).all()
    assert (h.steps["update 0.W"] > 1e-5).all()


def test_worst_examples(digits):
    terms = losses.cross_entropy_terms(net()(digits.x_val), digits.y_val)
    worst = diagnose.worst_examples(terms, 5)
    assert terms[worst].min() >= np.delete(terms, worst).max()
    assert worst[0] == terms.argmax()


# ---------------------------------------------------------------- curves


FALL = 2.3 * 0.7 ** np.arange(12)
CURVES = {
    "healthy": (FALL, None, []),
    "healthy with validation": (FALL, FALL + 0.1, []),
    "nan": (np.array([2.3, 2.0, np.nan]), None, ["diverged"]),
    "all nan": (np.array([np.nan, np.nan]), None, ["diverged"]),
    "explodes": (np.array([2.3, 0.2, 5.0]), None, ["diverged"]),
    "flat": (np.full(10, 2.3), None, ["not learning"]),
    "starts loud, ends guessing": (
        np.r_[9.0, np.full(9, 2.29)],
        None,
        ["not learning"],
    ),
    "zigzag": (np.array([2.3, 1, 1.5, 1, 1.5, 1, 1.5, 1]), None, ["unstable"]),
    "too short": (np.linspace(2.3, 1.0, 10), None, ["still falling"]),
    "over-fits": (
        FALL,
        np.r_[np.linspace(2.3, 1, 6), np.linspace(1, 2, 6)],
        ["over-fitting"],
    ),
    "validation explodes": (
        FALL,
        np.r_[FALL[:6], np.full(6, np.nan)],
        ["over-fitting"],
    ),
    "validation never finite": (FALL, np.full(12, np.nan), ["over-fitting"]),
}


@pytest.mark.parametrize("name", CURVES)
def test_symptoms(name):
    curve, val, expected = CURVES[name]
    assert diagnose.symptoms(curve, val, n_classes=10) == expected


def test_symptoms_of_both_rising_is_not_over_fitting():
    rising = np.array([1.0, 0.5, 0.6, 0.7, 0.8])
    assert "over-fitting" not in diagnose.symptoms(rising, rising)


@pytest.mark.parametrize(("a", "b"), [([1.0], None), ([[1, 2]], None), ([1, 2], [1])])
def test_symptoms_refuse_what_is_no_single_run(a, b):
    with pytest.raises(ValueError, match="curves of one run"):
        diagnose.symptoms(a, b)

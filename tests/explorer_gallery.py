"""Explorers of every panel kind, on honest data and on odd data, for the tests."""

import numpy as np

from nnlib import explore as ex

RATES = [1e-4, 1e-3, 1e-2, 0.1, 1.0]
GAINS = [0.5, 1.0, 2.0]
LAYERS = np.arange(1, 11)


def picture():
    """Return a small picture for readers without JavaScript."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 2))
    figure.subplots().plot([0, 1])
    return figure


def make(id, controls, data, panels, summary, **more):
    """Make an explorer with the texts that every one needs."""
    more = {"alt": f"Picture of {id}.", "caption": f"Caption of {id}."} | more
    return ex.explore(
        id,
        controls=controls,
        data=data,
        panels=panels,
        figure=picture,
        summary=summary,
        title=id.replace("-", " ").capitalize(),
        **more,
    )


def line():
    """Return curves over layers on a log axis: bands, levels, clipped values."""
    std = np.array([[g**i * 0.9 for i in LAYERS] for g in GAINS])
    return make(
        "line",
        [ex.Slider("gain", GAINS, default=1.0), ex.Toggle("theory", default=True)],
        {
            "std": ex.Grid(std, over=["gain"]),
            "low": ex.Grid(std * 0.8, over=["gain"]),
            "high": ex.Grid(std * 1.25, over=["gain"]),
            "expected": ex.Grid(std / 0.9, over=["gain"]),
        },
        [
            ex.Line(
                title="Scale of the activations",
                x=LAYERS,
                x_label="layer",
                y_label="standard deviation of the activations",
                y_scale="log",
                y_range=(1e-2, 1e2),
                series=[
                    ex.Series(y="std", label="measured", low="low", high="high"),
                    ex.Series(y="expected", label="theory", show="theory"),
                ],
                levels=[(1.0, "input")],
                note="Band: spread over five seeds.",
            )
        ],
        "With gain {gain} the last layer has std {std[-1]:.3g}.",
    )


def steps():
    """Return loss curves with a step to play."""
    t = np.arange(0, 101)
    loss = np.stack([np.exp(-rate * 5 * t) + 0.02 * rate for rate in RATES])
    half = ex.Series(y=np.exp(-t / 30.0), label="reference", points=False)
    return make(
        "steps",
        [
            ex.Slider("lr", RATES, default=1e-2, label="learning rate"),
            ex.Play("step", t.tolist(), default=20, rate=30),
        ],
        {"loss": loss, "half": loss**2},
        [
            ex.Line(
                title="Loss",
                x=t,
                x_label="step",
                y_label="loss (nats)",
                series=[ex.Series(y="loss", label="loss"), half],
                marker="step",
                width="half",
            ),
            ex.Line(
                title="Squared loss",
                x=t,
                x_label="step",
                y_label="loss² (nats²)",
                y_range="state",
                series=[ex.Series(y="half", label="squared")],
                marker="step",
                width="half",
            ),
        ],
        "At step {step} the loss is {loss[step]:.3f}.",
    )


def signs():
    """Return an explorer whose values hold the signs that links are made of."""
    rules = ["50 % & more", "σ² = 1/D", "a:b#c+d"]
    loss = np.arange(6.0).reshape(3, 2)
    return make(
        "signs",
        [ex.Select("rule", rules, label="rule")],
        {"loss": loss},
        [
            ex.Line(
                title="Loss",
                x=np.arange(2),
                x_label="step",
                y_label="loss (nats)",
                series=[ex.Series(y="loss", label="loss")],
            )
        ],
        "With {rule} the loss ends at {loss[1]:.3f}.",
    )


def histograms():
    """Return ten histograms of which the number follows a control."""
    rng = np.random.default_rng(0)
    edges = np.linspace(-1, 1, 31)
    depths = [2, 5, 10]
    counts = np.full((2, len(GAINS), len(depths), 10, 32), np.nan)
    std = np.full((2, len(GAINS), len(depths), 10), np.nan)
    for a, f in enumerate([np.tanh, lambda v: np.maximum(v, 0)]):
        for g, gain in enumerate(GAINS):
            for d, depth in enumerate(depths):
                x = rng.normal(size=2000)
                for layer in range(depth):
                    x = f(gain * rng.permutation(x) + 0.1 * rng.normal(size=2000))
                    counts[a, g, d, layer] = ex.bin_counts(x, edges)
                    std[a, g, d, layer] = x.std()
    return make(
        "histograms",
        [
            ex.Select("activation", ["tanh", "relu"]),
            ex.Slider("gain", GAINS, default=1.0),
            ex.Slider("depth", depths, default=10),
        ],
        {"counts": counts, "std": std},
        [
            ex.HistogramGrid(
                title="Activations of {depth} layers",
                counts="counts",
                edges=edges,
                x_label="activation",
                y_label="share of units",
                y_range=(0, 0.3),
                names=[f"Layer {i}" for i in LAYERS],
                notes="std {std[row]:.2g}",
            )
        ],
        "With {activation} and gain {gain}, layer 1 has std {std[0]:.2g}.",
    )


def contour():
    """Return two optimizers on a bowl; one leaves the picture."""
    x, y = np.linspace(-3, 3, 61), np.linspace(-2, 2, 41)
    z = x**2 + 10 * y[:, None] ** 2
    t = np.arange(41)
    rates = [0.02, 0.09, 0.101]
    px = np.stack([2.5 * (1 - 2 * r) ** t for r in rates])
    py = np.stack([1.5 * (1 - 20 * r) ** t for r in rates])
    qx, qy = 2.5 * np.cos(t / 9) * 0.95**t, 1.5 * np.cos(t / 4) * 0.95**t
    return make(
        "contour",
        [ex.Slider("lr", rates, default=0.09), ex.Play("step", t.tolist(), default=12)],
        {"px": px, "py": py, "loss": px**2 + 10 * py**2},
        [
            ex.Contour(
                title="A narrow valley",
                x=x,
                y=y,
                z=z,
                x_label="weight 1",
                y_label="weight 2",
                paths=[
                    ex.Path(x="px", y="py", label="gradient descent"),
                    ex.Path(x=qx, y=qy, label="another"),
                ],
                step="step",
                marks=[(0, 0, "minimum")],
            )
        ],
        "After {step} steps at rate {lr} the loss is {loss[step]:.3g}.",
    )


def scatter():
    """Return three classes over a decision region."""
    rng = np.random.default_rng(1)
    kinds = np.repeat([0, 1, 2], 40)
    turns = [0.0, 1.0, 2.0]
    angle = kinds * 2.1 + np.array(turns)[:, None]
    x = np.cos(angle) + 0.25 * rng.normal(size=angle.shape)
    y = np.sin(angle) + 0.25 * rng.normal(size=angle.shape)
    side = np.linspace(-1.5, 1.5, 50)
    place = np.arctan2(side[:, None], side[None, :])
    turned = (place - np.array(turns)[:, None, None] + np.pi / 3) % (2 * np.pi)
    region = np.minimum(turned // 2.1, 2).astype(int)
    return make(
        "scatter",
        [ex.Slider("turn", turns, unit="rad")],
        {"x": x, "y": y, "region": region},
        [
            ex.Scatter(
                title="Three classes",
                x="x",
                y="y",
                classes=kinds,
                names=["setosa", "versicolor", "virginica"],
                region="region",
                x_label="first feature",
                y_label="second feature",
                x_range=(-1.5, 1.5),
                y_range=(-1.5, 1.5),
            )
        ],
        "Turned by {turn}.",
    )


def heatmap():
    """Return final loss over two controls, with a cell that has no value."""
    momenta = [0.0, 0.5, 0.9, 0.99]
    loss = np.array([[10.0 ** (-4 * r * (1 + m)) for r in RATES] for m in momenta])
    loss[3, 4] = np.nan
    loss[2, 4] = np.inf
    change = np.log10(loss / loss[:1])
    return make(
        "heatmap",
        [
            ex.Slider("lr", RATES, label="learning rate"),
            ex.Slider("beta", momenta, label="momentum"),
        ],
        {"loss": ex.Grid(loss), "change": ex.Grid(change), "here": loss.T},
        [
            ex.HeatMap(
                title="Final loss",
                values="loss",
                x_label="learning rate",
                y_label="momentum",
                value_label="loss (nats)",
                x_names=[ex.number(r) for r in RATES],
                y_names=[ex.number(m) for m in momenta],
                scale="log",
                mark=("lr", "beta"),
                width="half",
            ),
            ex.HeatMap(
                title="Change against no momentum",
                values="change",
                x_label="learning rate",
                y_label="momentum",
                value_label="decades",
                value_range=(-2, 2),
                diverging=True,
                width="half",
            ),
        ],
        "At rate {lr} and momentum {beta} the loss ends at {here:.3g} nats.",
    )


def images():
    """Return gray and colored pictures."""
    rng = np.random.default_rng(2)
    angles = [0, 45, 90]
    i, j = np.mgrid[:8, :8] - 3.5
    waves = [
        [np.cos((i * np.sin(a) + j * np.cos(a)) * k) for k in (0.5, 1.0, 1.5, 2.0)]
        for a in np.radians(angles)
    ]
    return make(
        "images",
        [ex.Slider("angle", angles, unit="°")],
        {"waves": ex.Grid(waves, over=["angle"], bits=8)},
        [
            ex.ImageGrid(
                title="Waves",
                images="waves",
                captions=["slow", "medium", "fast", "fastest"],
            ),
            ex.ImageGrid(title="Colors", images=rng.random((3, 6, 6, 3))),
        ],
        "Waves at {angle}.",
    )


def bars():
    """Return bars with error bars, a level and a value beyond the axis."""
    names = ["no augmentation", "shift by one pixel", "mmmmmmmmmmmmmmmmmm", "noise"]
    values = np.array([[6.5, 11.0, 8.6, 6.2], [65.6, 14.1, 64.7, 64.7]])
    return make(
        "bars",
        [ex.Select("test", ["clean", "shifted"], label="test set")],
        {"error": values, "se": values / 10, "best": np.array(["noise", "shift"])},
        [
            ex.Bar(
                title="Error on the {test} test set",
                values="error",
                names=names,
                error="se",
                value_label="test error (%)",
                value_range=(0, 60),
                levels=[(50, "half")],
                note="Whiskers: one standard error.",
            )
        ],
        "On the {test} set, {best} is best.",
    )


def words():
    """Return a read-out and a quiz."""
    return make(
        "words",
        [ex.Select("curve", ["A", "B"])],
        {
            "err": np.array([0.125, 0.3]),
            "answer": np.array([0, 1]),
            "why": np.array(["Both are low.", "The gap is wide."]),
        },
        [
            ex.Readout(
                title="Numbers",
                items=[("test error", "{err:.1%}"), ("curve", "{curve}")],
            ),
            ex.Quiz(
                title="Diagnosis",
                question="What does curve {curve} show?",
                options=["A good fit", "Over-fitting", "Under-fitting"],
                answer="answer",
                explanation="{why}",
            ),
        ],
        "Curve {curve} has error {err:.1%}.",
    )


def odd():
    """Return data that no plot likes: the page must say so and not fail."""
    kinds = ["no value", "constant", "single", "zeros", "huge", "mixed", "infinite"]
    y = np.full((len(kinds), 6), np.nan)
    y[1] = 3.0
    y[2, 2] = 5.0
    y[3] = 0.0
    y[4] = [1e-300, 1e300, 1, 2, 3, 4]
    y[5] = [-1, 0, 1, np.nan, 10, 100]
    y[6] = [np.inf, -np.inf, 1, 2, np.nan, 3]
    axes = {"x_label": "x", "y_label": "y"}
    series = [ex.Series(y="y", label="value", points=True, low="y", high="y")]
    z = np.broadcast_to(y[:, None, :], (len(kinds), 4, 6))
    up, right = np.arange(4.0), np.arange(6.0)
    plain = {**axes, "width": "half"}
    return make(
        "odd",
        [ex.Select("data", kinds)],
        {"y": y, "z": z, "counts": np.abs(z), "z4": z[:, None]},
        [
            ex.Line(title="state", series=series, y_range="state", **plain),
            ex.Line(title="log", series=series, y_scale="log", **plain),
            ex.Line(
                title="state, log",
                series=series,
                y_scale="log",
                y_range="state",
                **plain,
            ),
            ex.Line(title="fixed", series=series, y_range=(0, 4), **plain),
            ex.Contour(
                title="contour",
                x=right,
                y=up,
                z="z",
                levels=[0.5, 1.5],
                paths=[ex.Path(x="y", y="y", label="path")],
                **plain,
            ),
            ex.Scatter(title="scatter", x="y", y="y", region="z", **plain),
            ex.HistogramGrid(
                title="histograms", counts="counts", edges=np.arange(7), x_label="x"
            ),
            ex.HeatMap(
                title="heat map", values="z", value_label="v", scale="log", **plain
            ),
            ex.HeatMap(
                title="heat map",
                values="z",
                value_label="v",
                value_range="state",
                **plain,
            ),
            ex.ImageGrid(title="images", images="z4", value_range="state"),
            ex.Bar(title="bars", values="y", names=list("abcdef"), value_label="v"),
            ex.Bar(
                title="log bars",
                values="y",
                names=list("abcdef"),
                value_label="v",
                scale="log",
                error="y",
            ),
        ],
        "The values are {data}; the first is {y[0]:.3g}.",
    )


GALLERY = [
    line,
    steps,
    signs,
    histograms,
    contour,
    scatter,
    heatmap,
    images,
    bars,
    words,
    odd,
]

"""Plots: one signature, the right data, labels, and no state left behind."""

import inspect

import matplotlib as mpl
import numpy as np
import pytest
from backends import close

from nnlib import metrics, plotting, schedules
from nnlib.lr_range import RangeTest

mpl.use("agg")
import matplotlib.pyplot as plt

RNG = np.random.default_rng(0)
CURVES = RNG.random((6, 4))
RANGE = RangeTest(np.geomspace(1e-3, 1, 8), np.array([2, 2, 1.5, 1, 1, 3, 50, np.nan]))

# name: a call that draws it
PLOTS = {
    "plot_band": lambda **kw: plotting.plot_band(np.arange(6), CURVES, **kw),
    "plot_layer_profile": lambda **kw: plotting.plot_layer_profile(
        {"a": CURVES, "b": CURVES[:, 0]}, theory={"a": CURVES[:, 0]}, **kw
    ),
    "plot_curves": lambda **kw: plotting.plot_curves(
        {"a": CURVES, "b": CURVES[:, 0]}, **kw
    ),
    "plot_schedules": lambda **kw: plotting.plot_schedules(
        {"cosine": schedules.cosine(0.1, 20)}, steps=21, **kw
    ),
    "plot_range_test": lambda **kw: plotting.plot_range_test(RANGE, smooth=0.0, **kw),
    "plot_confusion": lambda **kw: plotting.plot_confusion(np.diag([3, 4]), **kw),
    "plot_reliability": lambda **kw: plotting.plot_reliability(
        metrics.reliability(RNG.dirichlet(np.ones(3), 50), np.zeros(50, int)), **kw
    ),
}


@pytest.fixture(autouse=True)
def clean():
    with mpl.rc_context():
        yield
        plt.close("all")


def test_every_plot_is_tested():
    public = {n for n in vars(plotting) if n.startswith("plot_")}
    assert public == {*PLOTS, "plot_histograms"}


@pytest.mark.parametrize("name", PLOTS)
def test_the_signature_is_data_then_ax(name):
    parameters = inspect.signature(getattr(plotting, name)).parameters
    assert parameters["ax"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["ax"].default is None


@pytest.mark.parametrize("name", PLOTS)
def test_it_draws_on_the_given_axes_and_returns_them(name):
    plotting.use_style()
    _, ax = plt.subplots()
    assert PLOTS[name](ax=ax) is ax
    assert plt.get_fignums() == [1]
    assert isinstance(PLOTS[name](), mpl.axes.Axes)
    assert len(plt.get_fignums()) == 2
    if name != "plot_band":
        assert ax.get_xlabel()
        assert ax.get_ylabel()
    ax.figure.canvas.draw()  # nothing that fails only when it is drawn


def test_a_band_is_the_mean_and_its_standard_error():
    ax = plotting.plot_band(np.arange(6), CURVES, label="x")
    mean, se = metrics.mean_se(CURVES, axis=1)
    close(ax.lines[0].get_ydata(), mean)
    (band,) = ax.collections
    y = band.get_paths()[0].vertices[:, 1]
    assert y.min() == pytest.approx((mean - se).min())
    assert y.max() == pytest.approx((mean + se).max())


def test_curves_start_where_told_and_name_themselves():
    ax = plotting.plot_curves({"one": CURVES}, start=0, log=True)
    assert ax.lines[0].get_xdata()[0] == 0
    assert ax.get_yscale() == "log"
    assert ax.get_legend() is None
    both = plotting.plot_curves({"one": CURVES, "two": CURVES})
    assert [t.get_text() for t in both.get_legend().get_texts()] == ["one", "two"]
    assert len(ax.lines[0].get_xdata()) == 6


def test_the_range_test_ends_at_twice_its_start_and_marks_the_edge():
    ax = PLOTS["plot_range_test"]()
    x = ax.lines[0].get_xdata()
    assert len(x) == 7  # to the first loss above 4
    assert ax.lines[1].get_xdata()[0] == pytest.approx(RANGE.lrs[5])
    assert ax.texts[0].get_text().startswith("edge 0.1")
    calm = RangeTest(RANGE.lrs, np.linspace(2, 1, 8))
    assert len(plotting.plot_range_test(calm).lines[0].get_xdata()) == 8


def test_confusion_writes_counts_that_can_be_read():
    ax = plotting.plot_confusion(np.array([[9, 1], [0, 2]]), names=["cat", "dog"])
    shown = {t.get_position(): (t.get_text(), t.get_color()) for t in ax.texts}
    assert shown == {
        (0, 0): ("9", "white"),
        (1, 0): ("1", "black"),
        (1, 1): ("2", "white"),
    }
    assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "dog"]


def test_histograms_share_limits_and_count_what_is_outside():
    axes = plotting.plot_histograms([np.zeros(10), 5 * np.ones(10)], names=["a", "b"])
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert "100% outside" in axes[1].get_title(loc="center") + axes[1].get_title(
        loc="left"
    )
    own = plt.subplots(1, 2)[1]
    assert plotting.plot_histograms([np.zeros(3), np.ones(3)], axes=own) is own
    many = plotting.plot_histograms([np.zeros(3)] * 7)
    assert [ax.get_visible() for ax in many] == [True] * 7 + [False] * 3


def test_the_palette_differs_in_lightness_and_in_dashes():
    assert len(set(plotting.PALETTE.values())) == len(plotting.PALETTE)
    assert len(plotting.DASHES) == len(plotting.PALETTE)

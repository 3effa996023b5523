"""Explorers on the Python side: packing, shapes, sentences, outputs, the widget."""

import base64
import json
import re
import subprocess
import sys

import explorer_gallery
import numpy as np
import pytest
from explorer_driver import Expected, decode

from nnlib import explore as ex
from nnlib.explore_text import formatted

RNG = np.random.default_rng(11)
GALLERY = explorer_gallery.GALLERY


# ------------------------------------------------------------------ packing

ARRAYS = {
    "linear": RNG.normal(size=500),
    "offset": 1e6 + RNG.normal(size=500),
    "decades": 10.0 ** RNG.uniform(-30, 6, size=500),
    "decades and zeros": np.tile([0, 1e-5, 2e3, 0.5, 7e-3], 100),
    "every magnitude": 10.0 ** np.linspace(-300, 300, 500),
    "diverging path": np.sign(RNG.normal(size=500)) * 10.0 ** np.linspace(-2, 20, 500),
    "whole numbers": RNG.integers(-3000, 3000, size=500),
    "booleans": RNG.integers(0, 2, size=500).astype(bool),
    "constant": np.full(500, 0.1),
    "float32": RNG.normal(size=500).astype(np.float32),
    "few": RNG.normal(size=5),
    "none": np.zeros(0),
    "a number": np.array(3.25),
    "all NaN": np.full(100, np.nan),
    "with NaN and infinities": np.r_[RNG.normal(size=97), np.nan, np.inf, -np.inf],
    "log with infinities": np.r_[10.0 ** RNG.uniform(-9, 9, 97), np.nan, np.inf, 0],
    "a zero below": np.r_[np.zeros(50), np.full(50, -0.5), np.ones(50)],
}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", ARRAYS)
def test_packing_keeps_its_promise_of_exactness(name, bits):
    values = ARRAYS[name].astype(float)
    packed = ex.pack(ARRAYS[name], bits=bits)
    json.dumps(packed, allow_nan=False)
    back = ex.unpack(packed)
    assert back.shape == values.shape
    assert np.allclose(decode(packed), back.ravel(), rtol=1e-12, atol=0, equal_nan=True)
    ok = np.isfinite(values)
    assert np.array_equal(back[~ok], values[~ok], equal_nan=True)
    error = np.abs(back[ok] - values[ok])
    if packed["map"] != "linear":
        error = error / np.where(values[ok] == 0, 1, np.abs(values[ok]))
        assert np.all(back[values == 0] == 0)
    assert np.max(error, initial=0) <= packed["error"] * (1 + 1e-9)


def test_sixteen_bits_are_exact_enough_to_read():
    for name, values in ARRAYS.items():
        packed = ex.pack(values)
        ok = np.isfinite(values.astype(float)) & (values != 0)
        back, exact = ex.unpack(packed)[ok], values.astype(float)[ok]
        if packed["map"] == "linear" and exact.size:
            assert np.all(np.abs(back - exact) <= 1e-5 * np.ptp(exact)), name
        else:
            assert np.all(np.abs(back / exact - 1) < 2.5e-4), name


def test_whole_numbers_and_words_are_exact():
    whole = RNG.integers(0, 60000, size=(4, 50))
    assert np.array_equal(ex.unpack(ex.pack(whole)), whole)
    words = np.array([["a", "bb"], ["bb", "ä"]])
    assert np.array_equal(ex.unpack(ex.pack(words)), words)


def test_packing_is_compact():
    smooth = np.exp(-np.linspace(0, 5, 101)) * np.linspace(0.5, 1, 600)[:, None]
    size = len(json.dumps(ex.pack(smooth)))
    assert size < 1.5 * smooth.size, size / smooth.size
    assert len(json.dumps(ex.pack(smooth, bits=8))) < 0.6 * size


@pytest.mark.parametrize("bad", [np.array([1j]), np.array([object()])])
def test_packing_refuses_what_it_cannot_show(bad):
    with pytest.raises(ValueError, match="dtype"):
        ex.pack(bad)


def test_bin_counts_agree_with_numpy_and_count_what_lies_outside():
    values = RNG.normal(size=(3, 4, 1000))
    edges = np.linspace(-1.5, 1, 11)
    shares = ex.bin_counts(values, edges)
    assert shares.shape == (3, 4, 12)
    assert np.allclose(shares.sum(axis=-1), 1)
    wanted, _ = np.histogram(values[1, 2], edges)
    assert np.allclose(shares[1, 2, 1:-1] * 1000, wanted)
    assert shares[1, 2, 0] == np.mean(values[1, 2] < -1.5)
    assert shares[1, 2, -1] == np.mean(values[1, 2] > 1)
    with pytest.raises(ValueError, match="NaN"):
        ex.bin_counts([np.nan], edges)
    with pytest.raises(ValueError, match="increase"):
        ex.bin_counts([1.0], [1, 0])


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    "value, form, text",
    [
        (0.5, "", "0.5"),
        (1234.5678, "", "1235"),
        (123456.0, "", "123500"),
        (1e6, "", "10⁶"),
        (-2.5e-7, "", "−2.5×10⁻⁷"),
        (1.0000001e-5, "", "10⁻⁵"),
        (0.00012345, ".2g", "0.00012"),
        (0.125, ".2f", "0.13"),
        (-0.125, ".1%", "−12.5%"),
        (2.5, "d", "3"),
        (float("nan"), ".2f", "no value"),
        (float("inf"), "d", "∞"),
        ("a word", ".2f", "a word"),
        (100000.0, "", "100000"),
        (999999.9, "", "10⁶"),
    ],
)
def test_numbers_are_written_for_readers(value, form, text):
    assert formatted(value, form) == text


# -------------------------------------------------------------------- shapes


def explore(**changes):
    """Make a small explorer with some arguments changed."""
    arguments = {
        "id": "small",
        "controls": [ex.Slider("lr", [0.1, 1.0]), ex.Select("kind", ["a", "b", "c"])],
        "data": {"y": np.arange(30.0).reshape(2, 3, 5), "best": np.ones((2, 3))},
        "panels": [
            ex.Line(
                title="t",
                x_label="x",
                y_label="y",
                series=[ex.Series(y="y", label="s")],
            )
        ],
        "figure": None,
        "alt": "alt",
        "summary": "{lr} {kind} {y[4]:.1f} {best}",
    } | changes
    return ex.explore(arguments.pop("id"), **arguments)


def line(**changes):
    """Return a line panel with some arguments changed."""
    arguments = {"title": "t", "x_label": "x", "y_label": "y"} | changes
    arguments.setdefault("series", [ex.Series(y="y", label="s")])
    return ex.Line(**arguments)


def panel(kind, **changes):
    """Return keywords for an explorer with this one panel."""
    return {"panels": [kind(title="t", **changes)]}


TWO = {"x_label": "x", "y_label": "y"}
BAD = {
    "id": ({"id": "Has Space"}, "Has Space"),
    "alt": ({"alt": " "}, "alt text"),
    "no panels": ({"panels": []}, "no panels"),
    "no summary": ({"summary": ""}, "summary"),
    "repeated control": (
        {"controls": [ex.Slider("lr", [1]), ex.Slider("lr", [2])]},
        "repeats a control",
    ),
    "shape": (
        {"data": {"y": np.zeros((3, 2, 5))}},
        r"'y' has shape \(3, 2, 5\).*\(2, 3\)",
    ),
    "too few axes": ({"data": {"y": np.zeros(2)}}, r"\(2,\)"),
    "over": ({"data": {"y": ex.Grid(np.zeros((2, 5)), over=["beta"])}}, "'beta'"),
    "name": ({"data": {"y y": np.zeros((2, 3, 5))}}, "'y y'"),
    "twice": ({"data": {"lr": np.zeros((2, 3, 5))}}, "both a control and an array"),
    "unknown series": (
        {"panels": [line(series=[ex.Series(y="z", label="s")])]},
        "panel0.series0.y: no data named 'z'",
    ),
    "x length": ({"panels": [line(x=[1, 2])]}, r"shape \(5\) per state, got \(2,\)"),
    "axes": ({"panels": [line(x_label="")]}, "need a label"),
    "scale": ({"panels": [line(y_scale="sqrt")]}, "sqrt"),
    "range": ({"panels": [line(y_range=(2, 1))]}, "not usable"),
    "log range": ({"panels": [line(y_scale="log", y_range=(0, 1))]}, "not usable"),
    "width": ({"panels": [line(width="third")]}, "width"),
    "marker": ({"panels": [line(marker="step")]}, "step"),
    "half a band": (
        {"panels": [line(series=[ex.Series(y="y", label="s", low="y")])]},
        "both low and high",
    ),
    "show": (
        {"panels": [line(series=[ex.Series(y="y", label="s", show="kind")])]},
        "no toggle 'kind'",
    ),
    "field": ({"summary": "{nothing}"}, "nothing"),
    "field index": ({"summary": "{y[7]}"}, r"\[7\]"),
    "field axes": ({"summary": "{y}"}, "0 indices"),
    "field format": ({"summary": "{best:.3e}"}, ".3e"),
    "bins": (
        panel(ex.HistogramGrid, counts=np.ones((2, 5)), edges=[0, 1, 2], x_label="x"),
        "2 bins need 2 or 4 counts, got 5",
    ),
    "edges": (
        panel(ex.HistogramGrid, counts=np.ones((2, 2)), edges=[0, 2, 1], x_label="x"),
        "increase",
    ),
    "cells": (
        panel(ex.HeatMap, values=np.ones((2, 3)), value_label="v", x_names="ab", **TWO),
        "3 cells but 2 names",
    ),
    "surface": (
        panel(ex.Contour, z=np.ones((2, 3)), x=[1, 2], y=[1, 2], **TWO),
        r"\(2, 2\) per state, got \(2, 3\)",
    ),
    "classes": (panel(ex.Scatter, x=[1], y=[1], classes=[1], **TWO), "as many names"),
    "colors": (panel(ex.ImageGrid, images=np.ones((1, 2, 2, 4))), "got"),
    "bars": (panel(ex.Bar, values=[1, 2], names=["a"], value_label="v"), "names"),
    "answer": (
        panel(ex.Quiz, question="q", options=["a"], answer=1, explanation="e"),
        "among 1 options",
    ),
    "explanation": (
        panel(ex.Quiz, question="q", options=["a"], answer=0),
        "explanation",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_named(name):
    changes, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        explore(**changes)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ex.Slider("a b", [1]), "identifier"),
        (lambda: ex.Slider("a", []), "no values"),
        (lambda: ex.Slider("a", [1, 1]), "repeats"),
        (lambda: ex.Slider("a", ["x"]), "numbers"),
        (lambda: ex.Slider("a", [np.nan]), "finite"),
        (lambda: ex.Slider("a", [1, 2], default=3), "no value 3"),
        (lambda: ex.Slider("a", [1, 2], labels=["one"]), "1 labels"),
        (lambda: ex.Play("a", [1], rate=0), "rate"),
    ],
)
def test_a_wrong_control_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_state_selects_the_slice_and_fills_the_sentence():
    explorer = explore()
    assert explorer.state == {"lr": 0.1, "kind": "a"}
    assert explorer.summary() == "0.1 a 4.0 1"
    explorer.state = {"lr": 1}
    assert explorer.summary({"kind": "c"}) == "1 c 29.0 1"
    assert np.array_equal(explorer.values("y"), np.arange(15.0, 20.0))
    with pytest.raises(ValueError, match="no control 'beta'"):
        explorer.state = {"beta": 1}
    with pytest.raises(ValueError, match=r"0\.3"):
        explorer.state = {"lr": 0.3}
    with pytest.raises(ValueError, match="no data named"):
        explorer.values("z")


@pytest.mark.parametrize("make", GALLERY)
def test_the_page_holds_what_python_measured(make):
    explorer = make()
    text = re.search(r"<script[^>]*>(.*?)</script>", explorer.html(), re.S).group(1)
    expected = Expected(json.loads(text))
    for _, at in expected.positions():
        state = expected.state(at)
        told = expected.say(expected.spec["summary"], at)
        assert told.split()[:2] == explorer.summary(state).split()[:2]
        for name in expected.arrays:
            wanted = np.ravel(explorer.values(name, state))
            shown = np.array(expected.slice(name, at))
            packed = expected.arrays[name][0]
            if wanted.dtype.kind == "U":
                assert shown.tolist() == wanted.tolist()
                continue
            relative = packed["error"] if packed["map"] != "linear" else 0
            absolute = 0 if relative else packed["error"]
            with np.errstate(invalid="ignore"):
                assert np.allclose(
                    shown, wanted, rtol=relative * 1.01, atol=absolute, equal_nan=True
                )


# ------------------------------------------------------------------- outputs


def test_the_static_output_needs_no_kernel(monkeypatch):
    monkeypatch.setenv("NNLIB_STATIC", "1")
    explorer = explorer_gallery.line()
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    text = bundle["text/html"]
    assert text.startswith('<figure class="nnlib-explorer" id="line">')
    assert 'alt="Picture of line."' in text
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert bundle["text/plain"] == f"Explorer 'line': {explorer.summary()}"


def test_texts_cannot_break_out_of_the_page(monkeypatch):
    evil = "</script><b title='x'>&\"<img src=q>"
    explorer = explore(alt=evil, caption=evil, title=evil, summary=evil)
    text = explorer.html()
    assert text.count("</script>") == 1
    assert "<b" not in text and "<img" not in text
    spec = re.search(r"<script[^>]*>(.*?)</script>", text, re.S).group(1)
    assert json.loads(spec)["title"] == evil


def test_without_anywidget_there_is_the_picture(monkeypatch):
    monkeypatch.delenv("NNLIB_STATIC", raising=False)
    monkeypatch.setattr(ex, "find_spec", lambda name: None)
    bundle = explorer_gallery.line()._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain"}


def test_a_picture_that_was_drawn_already_is_not_shown_twice():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    explorer = explore(figure=axes)
    assert not plt.fignum_exists(figure.number)
    assert explorer.png().startswith(b"\x89PNG")

    def draw():
        return plt.subplots()[1]

    before = plt.get_fignums()
    assert explore(figure=draw).png().startswith(b"\x89PNG")
    assert plt.get_fignums() == before


def test_importing_explorers_loads_nothing_heavy():
    code = (
        "import sys, nnlib.explore; "
        "print({'matplotlib', 'anywidget', 'ipywidgets', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr


# -------------------------------------------------------------------- widget


@pytest.fixture
def live(monkeypatch):
    """Return a function that makes an explorer with its widget."""
    pytest.importorskip("anywidget")
    monkeypatch.delenv("NNLIB_STATIC", raising=False)

    def make(**changes):
        explorer = explore(**changes)
        return explorer, explorer.widget()

    return make


def test_with_anywidget_the_output_is_a_widget(live):
    explorer, widget = live()
    bundle = explorer._repr_mimebundle_()
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == widget.model_id
    assert "text/html" not in bundle
    assert explorer.widget() is widget


def test_state_goes_both_ways(live):
    explorer, widget = live()
    heard = []
    widget.observe(lambda change: heard.append(change["new"]), names="state")
    explorer.state = {"kind": "b"}
    assert widget.state == {"lr": 0.1, "kind": "b"}
    assert heard == [{"lr": 0.1, "kind": "b"}]
    widget.state = {"lr": 1.0, "kind": "b"}  # as a message of the page does
    assert explorer.state == {"lr": 1.0, "kind": "b"}
    assert explorer.summary().startswith("1 b 24.0")


def test_between_grid_points_the_kernel_measures(live):
    asked = []

    def compute(state):
        asked.append(state)
        return {"y": np.full(5, state["lr"])}

    controls = [ex.Slider("lr", [0.1, 1.0], fine=3), ex.Select("kind", ["a", "b", "c"])]
    explorer, widget = live(compute=compute, controls=controls)
    assert widget.spec["compute"] is True
    widget.state = {"lr": 1.0, "kind": "b"}
    assert asked == []  # on the grid the page has its data
    widget.state = {"lr": 0.4, "kind": "b"}
    assert asked == [{"lr": 0.4, "kind": "b"}]
    assert widget.computed["state"] == {"lr": 0.4, "kind": "b"}
    assert decode(widget.computed["arrays"]["y"]) == [0.4] * 5
    assert "0.4" in repr(explorer)


@pytest.mark.parametrize(
    "answer, message",
    [
        ({"y": np.zeros(4)}, r"shape (4,)"),
        ({"z": np.zeros(5)}, "'z'"),
        (None, "object"),
    ],
)
def test_a_wrong_computation_is_told_to_the_reader(answer, message, live):
    _, widget = live(compute=lambda state: answer)
    widget.state = {"lr": 0.4, "kind": "b"}
    assert message in widget.computed["error"]


def test_the_module_is_one_file_that_imports_nothing():
    from nnlib.explore_live import SCRIPT, STYLE

    code = SCRIPT.read_text("utf-8")
    assert code.rstrip().endswith("export default { render };")
    assert not re.search(r"^\s*import\b|\bimport\(|\brequire\(", code, re.M)
    assert "http" not in code + STYLE.read_text("utf-8")


def test_every_text_of_the_page_can_be_translated():
    """Texts of the script go through t(), and the documentation lists them."""
    from nnlib.explore_live import SCRIPT

    code = SCRIPT.read_text("utf-8")
    explorer = explore(strings={"Reset": "Zurück", "a": "eins"})
    assert explorer.spec["strings"]["Reset"] == "Zurück"
    literal = re.findall(r">([A-Z][a-z]+(?: [a-z]+)*)<", code)
    assert not literal, f"texts without t(): {literal}"


def test_a_quiz_without_javascript_has_its_words_filled_in():
    page = explorer_gallery.words().html().split("<script")[0]
    assert "What does curve A show?" in page
    assert "A good fit. Both are low." in page
    assert "{" not in page

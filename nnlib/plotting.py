"""Plots of the course: one style, one palette, one signature.

Every function is ``plot_x(data, *, ax=None) -> Axes``: it draws on `ax`, or on a new
figure, and returns the axes for labels and further lines.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlib.backend import Array, to_numpy

# M. Okabe, K. Ito, "Color Universal Design", 2008: told apart by color-blind readers.
PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "gray": "#6F6F6F",
}
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2))]


def use_style() -> None:
    """Set the style of all figures of the book; called in each chapter's first cell.

    References
    ----------
    Okabe, Ito 2008 (colors). E. R. Tufte, "The Visual Display of Quantitative
    Information", 2nd ed. 2001 (few lines, no boxes).

    Examples
    --------
    >>> use_style()
    """
    import matplotlib as mpl
    from cycler import cycler

    colors = list(PALETTE.values())
    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 3.4),
            "figure.dpi": 120,
            "savefig.bbox": "tight",
            "figure.constrained_layout.use": True,
            "font.family": "sans-serif",
            "font.size": 10,
            "axes.titlesize": 10.5,
            "axes.titleweight": "semibold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.7,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#E4E4E4",
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.8,
            "lines.markersize": 4,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "axes.prop_cycle": cycler(color=colors) + cycler(linestyle=DASHES),
            "image.cmap": "cividis",
        }
    )


def new_axes(ax: Any = None) -> Any:
    """Return `ax`, or axes on a new figure.

    References
    ----------
    Matplotlib documentation, "Writing custom functions".

    Examples
    --------
    >>> type(new_axes()).__name__
    'Axes'
    """
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.figure().add_subplot()


def plot_band(
    x: Array, values: Array, *, label: str | None = None, ax: Any = None, **line: Any
) -> Any:
    """Draw the mean over random seeds as a line, and ± one standard error as a band.

    Parameters
    ----------
    x : array of shape (T,)
    values : array of shape (T, K)
        K seeds. With K = 1 the line has no band.
    label : str, optional
        For the legend.
    ax : matplotlib Axes, optional
    **line
        Passed to ``ax.plot``.

    Returns
    -------
    matplotlib Axes

    References
    ----------
    G. Cumming, F. Fidler, D. L. Vaux, "Error bars in experimental biology", Journal of
    Cell Biology 177(1), 2007.

    Examples
    --------
    >>> ax = plot_band(np.arange(3), np.ones((3, 5)), label="constant")
    >>> len(ax.lines)
    1
    """
    from nnlib.metrics import mean_se

    ax = new_axes(ax)
    values = to_numpy(values)
    if values.shape[1] > 1:
        mean, se = mean_se(values, axis=1)
    else:
        mean, se = values[:, 0], np.zeros(len(values))
    (drawn,) = ax.plot(to_numpy(x), mean, label=label, **line)
    ax.fill_between(
        to_numpy(x), mean - se, mean + se, color=drawn.get_color(), alpha=0.2, lw=0
    )
    return ax


def plot_histograms(
    layers: Sequence[Array],
    *,
    limits: tuple[float, float] = (-1, 1),
    bins: int = 40,
    names: Sequence[str] | None = None,
    axes: Any = None,
) -> Any:
    """Draw one small histogram per layer, with its standard deviation.

    Parameters
    ----------
    layers : sequence of arrays
        The activations of each layer; values outside `limits` are counted in the
        outermost bins and the panel says how many.
    limits : pair of float
        Shared horizontal range.
    bins : int
    names : sequence of str, optional
        Titles; "layer 1", … by default.
    axes : array of Axes, optional
        As many as layers.

    Returns
    -------
    NumPy array of Axes

    References
    ----------
    X. Glorot, Y. Bengio, AISTATS 2010, figure 6 (histograms by layer).

    Examples
    --------
    >>> axes = plot_histograms([np.zeros(10), np.ones(10)])
    >>> axes[0].get_title(loc="left")
    'layer 1\\nstd 0'
    """
    import matplotlib.pyplot as plt

    if axes is None:
        columns = min(5, len(layers))
        rows = -(-len(layers) // columns)
        size = (1.5 * columns, 1.35 * rows + 0.3)
        grid = plt.subplots(rows, columns, figsize=size, sharex=True, squeeze=False)[1]
        axes = grid.ravel()
        for spare in axes[len(layers) :]:
            spare.set_visible(False)
    edges = np.linspace(*limits, bins + 1)
    for i, (ax, layer) in enumerate(zip(axes, layers, strict=False)):
        v = to_numpy(layer).ravel()
        ax.hist(np.clip(v, *limits), bins=edges, color=PALETTE["blue"])
        ax.set_yticks([])
        ax.grid(False)
        ax.spines["left"].set_visible(False)
        outside = np.mean((v < limits[0]) | (v > limits[1]))
        note = f"std {v.std():.2g}" + (f", {outside:.0%} outside" if outside else "")
        name = names[i] if names else f"layer {i + 1}"
        ax.set_title(f"{name}\n{note}", loc="left", fontsize=8, fontweight="normal")
    return axes


def plot_layer_profile(
    profiles: dict[str, Array],
    *,
    theory: dict[str, Array] | None = None,
    ylabel: str = "standard deviation",
    ax: Any = None,
) -> Any:
    """Draw one positive number per layer on a log axis, for several networks.

    Parameters
    ----------
    profiles : dict of name to array of shape (L,) or (L, K)
        Measured; with K seeds the band is ± one standard error.
    theory : dict of name to array of shape (L,), optional
        Drawn as small rings in the color of the same name.
    ylabel : str
        With its unit, if there is one.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    References
    ----------
    K. He et al., ICCV 2015, section 2.2.

    Examples
    --------
    >>> ax = plot_layer_profile({"He": np.ones(4)}, theory={"He": np.ones(4)})
    >>> ax.get_yscale()
    'log'
    """
    ax = new_axes(ax)
    for name, values in profiles.items():
        v = to_numpy(values)
        v = v[:, None] if v.ndim == 1 else v
        depth = np.arange(1, len(v) + 1)
        plot_band(depth, v, label=name, ax=ax)
        if theory and name in theory:
            color = ax.lines[-1].get_color()
            ring = {"ls": "none", "marker": "o", "mfc": "none", "mec": color}
            ax.plot(depth, to_numpy(theory[name]), **ring)
    ax.set_yscale("log")
    ax.set_xlabel("layer")
    ax.set_ylabel(ylabel)
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


def plot_curves(
    curves: dict[str, Array],
    *,
    xlabel: str = "epoch",
    ylabel: str = "loss (nats)",
    start: int = 1,
    log: bool = False,
    ax: Any = None,
) -> Any:
    """Draw training curves, each as a mean over random seeds with its standard error.

    Parameters
    ----------
    curves : dict of name to array of shape (T,) or (T, K)
        As `nnlib.history.History` gives them: ``{"training": h["train_loss"], …}``.
    xlabel, ylabel : str
        With units.
    start : int
        Number of the first point: 1 for epochs, 0 for steps.
    log : bool
        Logarithmic values.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    References
    ----------
    Cumming, Fidler, Vaux 2007, see `plot_band`.

    Examples
    --------
    >>> ax = plot_curves({"training": np.ones((5, 3)), "validation": np.ones(5)})
    >>> [line.get_label() for line in ax.lines]
    ['training', 'validation']
    """
    ax = new_axes(ax)
    for name, values in curves.items():
        v = to_numpy(values)
        v = v.reshape(len(v), -1)  # (T, K)
        plot_band(np.arange(start, start + len(v)), v, label=name, ax=ax)
    if log:
        ax.set_yscale("log")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(curves) > 1:
        ax.legend()
    return ax


def plot_schedules(schedules: dict[str, Any], *, steps: int, ax: Any = None) -> Any:
    """Draw the learning rate of each step.

    Parameters
    ----------
    schedules : dict of name to function of the step
        From `nnlib.schedules`.
    steps : int
        How many steps to draw.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, figure 1. arXiv:1608.03983.

    Examples
    --------
    >>> ax = plot_schedules({"halved": lambda t: 0.1 if t < 5 else 0.05}, steps=10)
    >>> len(ax.lines)
    1
    """
    from nnlib.schedules import values

    ax = new_axes(ax)
    for name, schedule in schedules.items():
        ax.plot(np.arange(steps), values(schedule, steps), label=name)
    ax.set_xlabel("step")
    ax.set_ylabel("learning rate")
    ax.set_ylim(bottom=0)
    ax.legend()
    return ax


def plot_range_test(test: Any, *, smooth: float = 0.9, ax: Any = None) -> Any:
    """Draw the smoothed loss of a learning-rate range test, and mark its edge.

    Parameters
    ----------
    test : nnlib.lr_range.RangeTest
        Of one model, or of a stack of seeds.
    smooth : float
        Weight of the past in the moving average.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The line ends where the loss is twice the first.

    References
    ----------
    L. N. Smith, WACV 2017, figure 3. arXiv:1506.01186.

    Examples
    --------
    >>> from nnlib.lr_range import RangeTest
    >>> test = RangeTest(np.geomspace(0.01, 1, 5), np.array([2, 1.5, 1, 2, 9.0]))
    >>> plot_range_test(test).get_xscale()
    'log'
    """
    ax = new_axes(ax)
    curve = test.smoothed(smooth)
    curve = curve.reshape(len(curve), -1)  # (T, K)
    top = 2 * float(curve[0].mean())
    gone = ~(curve.mean(axis=1) <= top)  # also where it is nan
    stop = int(gone.argmax()) + 1 if gone.any() else len(curve)
    plot_band(test.lrs[:stop], curve[:stop], label="smoothed loss", ax=ax)
    edge = float(np.median(test.edge(smooth)))
    ax.axvline(edge, color=PALETTE["gray"], ls="--", lw=1)
    ax.annotate(
        f"edge {edge:.2g}",
        (edge, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=9,
    )
    ax.set_xscale("log")
    ax.set_ylim(0, top)
    ax.set_xlabel("learning rate")
    ax.set_ylabel("loss (nats)")
    return ax


def plot_confusion(
    matrix: Array, *, names: Sequence[str] | None = None, ax: Any = None
) -> Any:
    """Draw a confusion matrix; colors show the share of the true class.

    Parameters
    ----------
    matrix : integer array of shape (C, C)
        From `nnlib.metrics.confusion_matrix`; rows are true classes.
    names : sequence of str, optional
        Of the classes; numbers by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    References
    ----------
    Townsend 1971, see `nnlib.metrics.confusion_matrix`.

    Examples
    --------
    >>> ax = plot_confusion(np.array([[5, 0], [1, 4]]))
    >>> [t.get_text() for t in ax.texts]  # zeros stay empty
    ['5', '1', '4']
    """
    counts = to_numpy(matrix)
    if ax is None:
        import matplotlib.pyplot as plt

        side = max(2.6, 0.42 * len(counts) + 0.9)
        ax = plt.figure(figsize=(side, side)).add_subplot()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, vmin=0, vmax=1, cmap="Blues")
    for i, j in zip(*np.nonzero(counts), strict=True):
        color = "white" if share[i, j] > 0.5 else "black"
        ax.text(j, i, f"{counts[i, j]}", ha="center", va="center", c=color, fontsize=8)
    ticks = np.arange(len(counts))
    labels = [str(name) for name in (ticks if names is None else names)]
    ax.set_xticks(ticks, labels)
    ax.set_yticks(ticks, labels)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.grid(False)
    return ax


def plot_reliability(bins: tuple[Array, Array, Array], *, ax: Any = None) -> Any:
    """Draw accuracy against confidence; the diagonal is perfect calibration.

    Parameters
    ----------
    bins : confidence, accuracy, count
        From `nnlib.metrics.reliability`. The area of a mark shows its count.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    References
    ----------
    C. Guo et al., ICML 2017, figure 1. arXiv:1706.04599.

    Examples
    --------
    >>> ax = plot_reliability((np.array([0.5]), np.array([0.4]), np.array([10])))
    >>> ax.get_xlabel()
    'confidence'
    """
    confidence, accurate, count = (to_numpy(v) for v in bins)
    ax = new_axes(ax)
    ax.plot([0, 1], [0, 1], color=PALETTE["gray"], ls="--", lw=1)
    (line,) = ax.plot(confidence, accurate, lw=1)
    area = 12 + 150 * count / max(count.max(), 1)
    ax.scatter(confidence, accurate, s=area, color=line.get_color(), zorder=3)
    ax.set_xlim(0, 1.03)
    ax.set_ylim(0, 1.05)
    ax.set_xlabel("confidence")
    ax.set_ylabel("accuracy")
    return ax

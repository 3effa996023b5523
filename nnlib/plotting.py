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

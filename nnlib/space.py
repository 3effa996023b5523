"""Axes and spaces of hyper-parameters: what to draw configurations from.

A space is a dictionary of axes, a configuration a dictionary of values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

Config = dict[str, Any]


@dataclass(frozen=True)
class Uniform:
    """An axis on which equal distances are equally likely.

    Parameters
    ----------
    low, high : float

    Raises
    ------
    ValueError
        If the ends are not finite and in order.

    References
    ----------
    J. Bergstra, Y. Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13,
    2012.

    Examples
    --------
    >>> Uniform(0.0, 1.0).grid(3)
    [0.0, 0.5, 1.0]
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)

    def sample(self, n: int, *, rng: np.random.Generator) -> list[float]:
        """Draw n values."""
        return [float(v) for v in rng.uniform(self.low, self.high, n)]

    def grid(self, n: int) -> list[float]:
        """Return n values at equal distances, both ends included."""
        return [float(v) for v in np.linspace(self.low, self.high, n)]

    def around(self, good: Sequence[float]) -> "Uniform":
        """Return the part of the axis that the good values span, a little wider."""
        margin = 0.05 * (self.high - self.low)
        return Uniform(
            max(self.low, min(good) - margin), min(self.high, max(good) + margin)
        )


@dataclass(frozen=True)
class LogUniform:
    """An axis on which equal ratios are equally likely: learning rates, penalties.

    Parameters
    ----------
    low, high : float
        Both above 0.

    Raises
    ------
    ValueError
        If the ends are not positive, finite and in order.

    References
    ----------
    Bergstra, Bengio 2012, section 2.4.

    Examples
    --------
    >>> LogUniform(0.001, 10.0).grid(3)
    [0.001, 0.1, 10.0]
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        if self.low <= 0:
            raise ValueError(f"a logarithmic axis starts above 0, not at {self.low}")

    def sample(self, n: int, *, rng: np.random.Generator) -> list[float]:
        """Draw n values."""
        return [float(v) for v in log_uniform(self.low, self.high, n, rng=rng)]

    def grid(self, n: int) -> list[float]:
        """Return n values at equal ratios, both ends included."""
        return [float(f"{v:.12g}") for v in np.geomspace(self.low, self.high, n)]

    def around(self, good: Sequence[float]) -> "LogUniform":
        """Return the part of the axis that the good values span, a little wider."""
        margin = (self.high / self.low) ** 0.05
        return LogUniform(
            max(self.low, min(good) / margin), min(self.high, max(good) * margin)
        )


@dataclass(frozen=True)
class Choice:
    """An axis of a few values, all equally likely.

    Parameters
    ----------
    options : sequence

    References
    ----------
    Bergstra, Bengio 2012.

    Examples
    --------
    >>> Choice(["relu", "tanh"]).grid(5)
    ['relu', 'tanh']
    """

    options: Sequence[Any]

    def __post_init__(self) -> None:
        if not len(self.options):
            raise ValueError("a choice needs at least one option")

    def sample(self, n: int, *, rng: np.random.Generator) -> list[Any]:
        """Draw n values."""
        return [self.options[i] for i in rng.integers(0, len(self.options), n)]

    def grid(self, n: int) -> list[Any]:
        """Return all options."""
        return list(self.options)

    def around(self, good: Sequence[Any]) -> "Choice":
        """Return the options that are among the good values."""
        return Choice([option for option in self.options if option in good])


Space = dict[str, Uniform | LogUniform | Choice]


def log_uniform(
    low: float, high: float, size: Any = None, *, rng: np.random.Generator
) -> Any:
    r"""Draw :math:`10^u` with u uniform between the logarithms of the ends.

    Parameters
    ----------
    low, high : float
    size : int or tuple, optional
    rng : numpy.random.Generator

    References
    ----------
    Bergstra, Bengio 2012, section 2.4.

    Examples
    --------
    >>> v = log_uniform(1e-4, 1.0, 10_000, rng=np.random.default_rng(0))
    >>> round(float((v < 1e-2).mean()), 2)  # half of the draws, not 1 %
    0.5
    """
    drawn = np.exp(rng.uniform(math.log(low), math.log(high), size))
    return np.clip(drawn, low, high)  # rounding may step over an end


def random_configs(space: Space, n: int, *, rng: np.random.Generator) -> list[Config]:
    """Draw n configurations, each axis independently.

    References
    ----------
    Bergstra, Bengio 2012.

    Examples
    --------
    >>> random_configs({"depth": Choice([2])}, 2, rng=np.random.default_rng(0))
    [{'depth': 2}, {'depth': 2}]
    """
    drawn = {name: axis.sample(n, rng=rng) for name, axis in space.items()}
    return [{name: values[i] for name, values in drawn.items()} for i in range(n)]


def grid_configs(space: Space, points: int) -> list[Config]:
    """Return all combinations of `points` values on each axis.

    With d axes and n configurations in all, each axis sees only n^(1/d) values.

    References
    ----------
    Bergstra, Bengio 2012, figure 1.

    Examples
    --------
    >>> grid_configs({"lr": LogUniform(0.01, 1.0), "b": Uniform(0.0, 1.0)}, 2)[:2]
    [{'lr': 0.01, 'b': 0.0}, {'lr': 0.01, 'b': 1.0}]
    """
    axes = [axis.grid(points) for axis in space.values()]
    return [dict(zip(space, values, strict=True)) for values in product(*axes)]


def _check_ends(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(
            f"an axis needs two finite ends in order, not {low} and {high}"
        )

"""Hyper-parameter search: where to look, and many configurations as one stack.

A space is a dictionary of axes, a configuration a dictionary of values:

>>> space = {"lr": LogUniform(1e-4, 1.0), "width": Choice([32, 64])}
>>> sorted(random_configs(space, 2, rng=np.random.default_rng(0))[0])
['lr', 'width']

`run` hands all configurations that agree in the shape of the network (here: width) to
the training function at once, to be trained as one stacked model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.backend import to_numpy
from nnlib.space import (
    Choice,
    Config,
    LogUniform,
    Space,
    Uniform,
    grid_configs,
    log_uniform,
    random_configs,
)

__all__ = [
    "Choice",
    "LogUniform",
    "Results",
    "Uniform",
    "coarse_to_fine",
    "grid_configs",
    "importance",
    "log_uniform",
    "random_configs",
    "refine",
    "run",
    "successive_halving",
]

Train = Callable[..., Any]  # train(group, k, **options) -> k scores, smaller is better


@dataclass(frozen=True)
class Results:
    """Configurations and their scores; smaller is better, nan is worst.

    Attributes
    ----------
    configs : list of dict
    scores : array of shape (n,)

    References
    ----------
    A score picked as the best of many is optimistic: G. C. Cawley, N. L. C. Talbot, "On
    Over-fitting in Model Selection", JMLR 11, 2010.

    Examples
    --------
    >>> Results([{"lr": 1}, {"lr": 2}, {"lr": 3}], np.array([3.0, 1.0, np.nan])).best
    {'lr': 2}
    """

    configs: list[Config]
    scores: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """Indices from the best to the worst."""
        return np.argsort(
            np.where(np.isnan(self.scores), np.inf, self.scores), kind="stable"
        )

    @property
    def best(self) -> Config:
        return self.configs[self.order[0]]

    def top(self, n: int) -> "Results":
        """Return the n best, best first."""
        keep = self.order[:n]
        return Results([self.configs[i] for i in keep], self.scores[keep])

    def __add__(self, other: "Results") -> "Results":
        scores = np.concatenate([self.scores, other.scores])
        return Results(self.configs + other.configs, scores)


def run(
    configs: Sequence[Config],
    train: Train,
    *,
    shapes: Sequence[str] = (),
    max_stack: int = 64,
    **options: Any,
) -> Results:
    """Score all configurations, those of equal shape as one stacked model.

    Parameters
    ----------
    configs : sequence of dict
    train : callable
        ``train(group, k, **options) -> scores``. ``group`` holds an array of k values
        for every hyper-parameter, ready for an optimizer, and a single value for those
        named in `shapes`; it trains a stack of k and returns k scores.
    shapes : sequence of str
        Hyper-parameters on which the shape of the network depends, or that have one
        value per stack (batch size).
    max_stack : int
        Largest k: bounds the memory.
    **options
        Passed on to `train`.

    Returns
    -------
    Results
        In the order of `configs`.

    Raises
    ------
    ValueError
        If there is no configuration, or a group returns a wrong number of scores.

    References
    ----------
    J. Bergstra, D. Yamins, D. D. Cox, "Making a Science of Model Search", ICML 2013
    (search apart from training).

    Examples
    --------
    >>> train = lambda group, k: (np.log10(group["lr"]) + 1) ** 2 + group["width"]
    >>> space = {"lr": LogUniform(0.01, 1.0), "width": Choice([3, 4])}
    >>> configs = grid_configs(space, 3)
    >>> run(configs, train, shapes=["width"]).best
    {'lr': 0.1, 'width': 3}
    """
    if not len(configs):
        raise ValueError("there is no configuration to run")
    groups: dict[tuple, list[int]] = {}
    for i, config in enumerate(configs):
        groups.setdefault(tuple(config[name] for name in shapes), []).append(i)
    scores = np.full(len(configs), np.nan)
    for members in groups.values():
        for start in range(0, len(members), max_stack):
            part = members[start : start + max_stack]
            group = {
                name: value
                if name in shapes
                else np.array([configs[i][name] for i in part])
                for name, value in configs[part[0]].items()
            }
            found = np.asarray(to_numpy(train(group, len(part), **options)))
            if found.shape != (len(part),):
                raise ValueError(
                    f"train returned {found.shape}, not ({len(part)},) scores"
                )
            scores[part] = found
    return Results(list(configs), scores)


def refine(space: Space, results: Results, *, keep: int = 3) -> Space:
    """Return the smaller space around the best configurations.

    Parameters
    ----------
    space : dict
    results : Results
    keep : int
        How many of the best span the new space.

    Notes
    -----
    When the best value lies at an end of its axis, the axis was too short: widen it
    instead of refining.

    References
    ----------
    Stanford CS231n course notes, "Neural Networks Part 3: Hyperparameter optimization"
    (from coarse to fine).

    Examples
    --------
    >>> configs = [{"x": 0.2}, {"x": 0.4}, {"x": 0.9}]
    >>> results = Results(configs, np.array([1.0, 2.0, 9.0]))
    >>> refine({"x": Uniform(0.0, 1.0)}, results, keep=2)["x"].high
    0.45
    """
    best = results.top(keep).configs
    return {name: axis.around([c[name] for c in best]) for name, axis in space.items()}


def coarse_to_fine(
    space: Space,
    train: Train,
    *,
    rounds: Sequence[int],
    rng: np.random.Generator,
    keep: int = 3,
    **options: Any,
) -> Results:
    """Search at random, shrink the space around the best, and search again.

    Parameters
    ----------
    space, train
        See `run`.
    rounds : sequence of int
        Configurations of each round.
    rng : numpy.random.Generator
    keep : int
        See `refine`.
    **options
        Passed to `run`.

    Returns
    -------
    Results
        Of all rounds.

    References
    ----------
    CS231n course notes, see `refine`.

    Examples
    --------
    >>> train = lambda group, k: np.log10(group["lr"] / 0.03) ** 2
    >>> found = coarse_to_fine({"lr": LogUniform(1e-6, 1e2)}, train, rounds=[20, 20],
    ...                        rng=np.random.default_rng(0))
    >>> len(found.configs), bool(0.01 < found.best["lr"] < 0.1)
    (40, True)
    """
    every: Results | None = None
    for n in rounds:
        found = run(random_configs(space, n, rng=rng), train, **options)
        every = found if every is None else every + found
        space = refine(space, every, keep=keep)
    if every is None:
        raise ValueError("there is no round to run")
    return every


def successive_halving(
    configs: Sequence[Config],
    train: Train,
    *,
    budget: int,
    factor: int = 3,
    **options: Any,
) -> list[Results]:
    """Give all a little training, the best third more, and so on.

    Parameters
    ----------
    configs, train
        See `run`; `train` also gets ``budget=`` (such as epochs).
    budget : int
        Of the first rung; each rung multiplies it by `factor`.
    factor : int
        Also divides the number of configurations, until one is left.
    **options
        Passed to `run`.

    Returns
    -------
    list of Results
        One per rung, best first: the winner is ``rungs[-1].best``.

    Raises
    ------
    ValueError
        If budget or factor are too small.

    Notes
    -----
    Each rung trains from the start, so a survivor's earlier epochs are paid again. Good
    only where early scores rank configurations like late ones: it prefers rates that
    are fast at first.

    References
    ----------
    K. Jamieson, A. Talwalkar, "Non-stochastic Best Arm Identification and
    Hyperparameter Optimization", AISTATS 2016, figure 2. L. Li et al., "Hyperband",
    JMLR 18, 2018. arXiv:1603.06560.

    Examples
    --------
    >>> train = lambda group, k, budget: abs(group["x"] - 4) / budget
    >>> rungs = successive_halving([{"x": i} for i in range(9)], train, budget=1)
    >>> [len(r.configs) for r in rungs], rungs[-1].best
    ([9, 3, 1], {'x': 4})
    """
    if budget < 1 or factor < 2:
        raise ValueError(f"need budget > 0 and factor > 1, got {budget} and {factor}")
    left, rungs = list(configs), []
    while True:
        found = run(left, train, budget=budget, **options)
        rungs.append(found.top(len(left)))
        if len(left) == 1:
            return rungs
        left = rungs[-1].configs[: max(1, len(left) // factor)]
        budget *= factor


def importance(space: Space, results: Results, *, bins: int = 4) -> dict[str, float]:
    r"""Return the share of the scores' variance that each axis explains by itself.

    .. math:: \frac{\sum_b n_b (\bar s_b - \bar s)^2}{\sum_i (s_i - \bar s)^2}

    The scores are grouped into bins b of equal count along the axis.

    Parameters
    ----------
    space : dict
    results : Results
        Of a random search; scores that are not finite are left out.
    bins : int
        Groups per axis; an axis of few values has a group for each.

    Returns
    -------
    dict
        In [0, 1] by name. Without any effect still about (bins - 1)/(n - 1).

    Notes
    -----
    The correlation ratio η². Functional ANOVA also measures interactions, with a fitted
    model of the scores.

    References
    ----------
    F. Hutter, H. Hoos, K. Leyton-Brown, "An Efficient Approach for Assessing
    Hyperparameter Importance", ICML 2014.

    Examples
    --------
    >>> space = {"a": Uniform(0, 1), "b": Uniform(0, 1)}
    >>> configs = random_configs(space, 400, rng=np.random.default_rng(0))
    >>> shares = importance(space, run(configs, lambda group, k: group["a"]))
    >>> bool(shares["a"] > 0.9), bool(shares["b"] < 0.1)
    (True, True)
    """
    fine = np.isfinite(results.scores)
    scores = results.scores[fine]
    configs = [c for c, ok in zip(results.configs, fine, strict=True) if ok]
    if len(scores) < 2 or np.ptp(scores) == 0:
        raise ValueError("importance needs at least 2 different finite scores")
    total = np.sum((scores - scores.mean()) ** 2)
    shares = {}
    for name in space:
        values = [c[name] for c in configs]
        distinct = list(dict.fromkeys(values))
        if len(distinct) > bins:
            ranks = np.argsort(np.argsort(np.array(values), kind="stable"))
            groups = ranks * bins // len(values)
        else:
            groups = np.array([distinct.index(v) for v in values])
        between = sum(
            np.sum(groups == b) * (scores[groups == b].mean() - scores.mean()) ** 2
            for b in np.unique(groups)
        )
        shares[name] = float(between / total)
    return shares

# %% [markdown]
# # Lab 20 · Hyper-parameter search
#
# Sixty trials, and the best one has 3.1 % error. Were the trials well placed? Did most
# of them have to run to the end? And is 3.1 % true? In this lab you write the few
# functions that answer: draws on a logarithmic scale, a grid, a random search, its
# refinement, successive halving, and an honest report of the winner.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 20, NumPy, about 60 minutes.

# %%
from itertools import product

import numpy as np

# %% [markdown]
# ## Exercise 1 · Equal ratios
#
# A learning rate is searched between 0.0001 and 10. Each of the five decades should get
# the same share of the draws: the **logarithm** is drawn uniformly.
#
# *Guess first:* the draws were uniform instead. Which share is below 0.1?
#
# <details><summary>Answer</summary>About 1 %: three of the five decades get one trial
# in a hundred.</details>


# %% answer="sample_loguniform" flag="nnlib.space nnlib.search loguniform"
def sample_loguniform(low, high, n, rng):
    """Return an array of n draws between low and high, uniform in the logarithm.

    rng: a NumPy generator; call rng.uniform(a, b, n) once
    """
    ### BEGIN SOLUTION
    u = rng.uniform(np.log(low), np.log(high), n)
    return np.exp(u)
    ### END SOLUTION


# %% check="sample_loguniform" points=2
def drawn(low, high, n=4000, seed=201):
    return sample_loguniform(low, high, n, np.random.default_rng(seed))


def spread(draws, cuts):
    """Share of the draws below each cut."""
    return [float((np.asarray(draws) < c).mean()) for c in cuts]


emit("how many", lambda: np.shape(drawn(1e-4, 10)))
emit("share below each decade", lambda: spread(drawn(1e-4, 10), [1e-3, 0.1, 1]))
emit("the ends", lambda: [min(drawn(2, 50)), max(drawn(2, 50))], rtol=0.01)
### BEGIN HIDDEN TESTS
low, high = 10.0 ** rng.uniform(-6, -3), 10.0 ** rng.uniform(0, 2)
cuts, seed = np.geomspace(low, high, 6)[1:-1], int(rng.integers(10**6))
emit("any range", lambda: spread(drawn(low, high, seed=seed), cuts), atol=0.01)
emit("the draws", lambda: drawn(low, high, 20, seed), rtol=1e-4)
### END HIDDEN TESTS

# %% wrong="sample_loguniform"
# These draws are uniform in the value, not in its logarithm: nearly all fall into the
# last decade.
# - u = rng.uniform(np.log(low), np.log(high), n)
# - return np.exp(u)
# + return rng.uniform(low, high, n)

# %% wrong="sample_loguniform"
# You take the natural logarithm but go back with a power of 10: use one base for both.
# - return np.exp(u)
# + return 10**u

# %% wrong="sample_loguniform"
# You take the logarithm to base 10 but go back with exp: use one base for both.
# - u = rng.uniform(np.log(low), np.log(high), n)
# + u = rng.uniform(np.log10(low), np.log10(high), n)

# %% wrong="sample_loguniform"
# You return the exponents: they still have to be turned back into values.
# - return np.exp(u)
# + return u

# %% wrong="sample_loguniform"
# low and high are values, not exponents: take their logarithms first.
# - u = rng.uniform(np.log(low), np.log(high), n)
# - return np.exp(u)
# + u = rng.uniform(low, high, n)
# + return 10.0**u

# %% [markdown]
# ## Exercise 2 · A grid
#
# A grid is every combination of the values of its axes. As you write it, think of its
# price.
#
# *Guess first:* nine hyper-parameters with three values each. How many trials?
#
# <details><summary>Answer</summary>3⁹ = 19,683, and the learning rate has been seen at
# three values.</details>


# %% answer="grid" flag="grid_configs"
def grid(axes):
    """Return all combinations as a list of dictionaries; the last axis varies fastest.

    axes: {"lr": [0.1, 1.0], "width": [16, 32, 64]}
    """
    ### BEGIN SOLUTION
    configs = []
    for values in product(*axes.values()):
        configs.append(dict(zip(axes, values, strict=True)))
    return configs
    ### END SOLUTION


# %% check="grid" points=1
def rows(configs):
    """The configurations as rows of numbers."""
    return [[float(v) for v in c.values()] for c in configs]


two = {"lr": [0.1, 1.0], "width": [16, 32, 64]}
emit("two axes", lambda: rows(grid(two)))
emit("the names", lambda: [sorted(c) for c in grid(two)][-1])
emit("a single axis", lambda: rows(grid({"lr": [0.3, 0.2]})))
### BEGIN HIDDEN TESTS
sizes = [int(n) for n in rng.integers(2, 5, size=3)]
three = {k: rng.permutation(20)[:n].tolist() for k, n in zip("abc", sizes, strict=True)}
emit("three axes", lambda: rows(grid(three)))
emit("names of the first", lambda: sorted(grid(three)[0].items()))
### END HIDDEN TESTS

# %% wrong="grid"
# You pair the first values, then the second values, and so on. A grid combines every
# value of one axis with every value of the others.
# - for values in product(*axes.values()):
# + for values in zip(*axes.values(), strict=False):

# %% wrong="grid"
# Here the FIRST axis varies fastest: the last one should.
# - for values in product(*axes.values()):
# -     configs.append(dict(zip(axes, values, strict=True)))
# + for values in product(*list(axes.values())[::-1]):
# +     configs.append(dict(zip(axes, values[::-1], strict=True)))

# %% wrong="grid"
# One axis at a time, the others at their first value: that is not a grid. It misses
# every configuration in which two values differ from the first ones.
# - for values in product(*axes.values()):
# -     configs.append(dict(zip(axes, values, strict=True)))
# + for name, options in axes.items():
# +     for value in options:
# +         configs.append({k: v[0] for k, v in axes.items()} | {name: value})

# %% [markdown]
# ## Exercise 3 · A random search
#
# The space names a range for each hyper-parameter, all logarithmic. `train(config)`
# trains a network and returns its validation error. Sometimes a run diverges: then it
# returns `nan`, and must not win.
#
# So that your search can be checked, draw in this order: all values of the first axis
# with `sample_loguniform(low, high, trials, rng)`, then all of the second, and so on.
#
# *Guess first:* what do `min([nan, 0.1])` and `np.argmin([0.1, nan])` answer?
#
# <details><summary>Answer</summary>nan and 1. A comparison with nan is always false, so
# `min` keeps what stands first; NumPy lets nan win.</details>


# %% answer="random_search" flag="random_configs nnlib.search"
def random_search(space, train, trials, rng):
    """Return (best configuration, its score, list of all scores).

    space: {"lr": (0.001, 1.0), "decay": (1e-6, 0.1)}; smaller scores are better
    """
    ### BEGIN SOLUTION
    drawn = {
        name: sample_loguniform(low, high, trials, rng)
        for name, (low, high) in space.items()
    }
    configs = [{k: float(v[i]) for k, v in drawn.items()} for i in range(trials)]
    scores = [float(train(config)) for config in configs]
    ranked = np.where(np.isnan(scores), np.inf, scores)
    best = int(np.argmin(ranked))
    return configs[best], scores[best], scores
    ### END SOLUTION


# %% check="random_search" points=3
SPACE = {"lr": (1e-4, 10.0), "decay": (1e-6, 0.1)}


def bowl(config):
    """A validation error with its minimum at lr = 0.1; decay matters little."""
    a, b = np.log10(config["lr"] / 0.1), np.log10(config["decay"] / 1e-3)
    return float(5 + 4 * a**2 + 0.1 * b**2)


def cliff(config):
    """The same, but large rates diverge."""
    return bowl(config) if config["lr"] < 0.5 else float("nan")


def winner(train, trials, seed, space=SPACE):
    """Best configuration and its score."""
    found = random_search(space, train, trials, np.random.default_rng(seed))
    return [float(found[0][k]) for k in space] + [float(found[1])]


def trainings(trials):
    """How often a search of so many trials trains."""
    calls = []
    own = np.random.default_rng(5)
    random_search(SPACE, lambda c: calls.append(c) or bowl(c), trials, own)
    return len(calls)


emit("the winner of 20 trials", lambda: winner(bowl, 20, 3))
emit("with diverging runs", lambda: winner(cliff, 20, 3))
emit("number of trainings", lambda: trainings(6))
emit("all scores", lambda: random_search(SPACE, bowl, 5, np.random.default_rng(4))[2])
### BEGIN HIDDEN TESTS
seed, trials = int(rng.integers(10**6)), int(rng.integers(15, 30))
space = {"lr": (1e-5, 1.0), "decay": (1e-4, 10.0), "width": (8.0, 512.0)}
emit("another search", lambda: winner(bowl, trials, seed, space))
emit("another cliff", lambda: winner(cliff, trials, seed))
emit("number of trainings again", lambda: trainings(trials))
### END HIDDEN TESTS

# %% wrong="random_search"
# nan has won: np.argmin takes it for the smallest number.
# - best = int(np.argmin(ranked))
# + best = int(np.argmin(scores))

# %% wrong="random_search"
# Smaller scores are better: these are errors, not accuracies.
# - best = int(np.argmin(ranked))
# + best = int(np.nanargmax(scores))

# %% wrong="random_search"
# All axes got the same random numbers, so your trials lie on one line through the
# space. Draw anew for each axis.
# - drawn = {
# -     name: sample_loguniform(low, high, trials, rng)
# -     for name, (low, high) in space.items()
# - }
# + u = sample_loguniform(1, np.e, trials, rng)
# + drawn = {k: low * (high / low) ** np.log(u) for k, (low, high) in space.items()}

# %% wrong="random_search"
# The draws are right but in another order: draw all values of the first axis, then all
# of the second. Only then can your search be compared.
# - drawn = {
# -     name: sample_loguniform(low, high, trials, rng)
# -     for name, (low, high) in space.items()
# - }
# + draw = lambda ends: float(sample_loguniform(*ends, 1, rng)[0])
# + rows = [[draw(ends) for ends in space.values()] for _ in range(trials)]
# + drawn = dict(zip(space, np.transpose(rows), strict=True))

# %% wrong="random_search"
# Your draws are uniform in the values. Use sample_loguniform from exercise 1.
# - name: sample_loguniform(low, high, trials, rng)
# + name: rng.uniform(low, high, trials)

# %% wrong="random_search"
# You return the last configuration, not the one with the best score.
# - return configs[best], scores[best], scores
# + return configs[-1], scores[-1], scores

# %% wrong="random_search"
# The best configuration was trained once more: a search of n trials trains n times.
# - return configs[best], scores[best], scores
# + return configs[best], float(train(configs[best])), scores

# %% [markdown]
# ## Exercise 4 · Coarse to fine
#
# After a coarse search the space shrinks around the `keep` best trials: from their
# smallest to their largest value on each axis, widened by a **factor** `margin` at both
# ends, but never beyond the old ends.
#
# *Guess first:* the best rates were 1.2, 0.7 and 0.9, in a space that ended at 1.0 when
# it was drawn … can that be? And what if they were 0.98, 0.93 and 0.99?
#
# <details><summary>Answer</summary>1.2 cannot have been drawn. And three winners at the
# end of the range say: the good rates lie beyond it. Move the range instead of
# refining.</details>


# %% answer="refine" flag="around nnlib.search"
def refine(space, results, keep=3, margin=2.0):
    """Return the smaller space: {"lr": (low, high), ...}.

    results: list of (configuration, score); smaller is better, nan is a failed run
    """
    ### BEGIN SOLUTION
    good = [r for r in results if not np.isnan(r[1])]
    good = sorted(good, key=lambda r: r[1])[:keep]
    smaller = {}
    for name, (low, high) in space.items():
        values = [config[name] for config, _ in good]
        new_low, new_high = min(values) / margin, max(values) * margin
        smaller[name] = (max(low, new_low), min(high, new_high))
    return smaller
    ### END SOLUTION


# %% check="refine" points=3
def tried(n, seed, score=bowl, space=SPACE):
    """Results of n random trials: made without your functions."""
    own = np.random.default_rng(seed)
    configs = [
        {k: float(np.exp(own.uniform(*np.log(ends)))) for k, ends in space.items()}
        for _ in range(n)
    ]
    return [(c, score(c)) for c in configs]


def ends(new):
    """The ends of a space as one list."""
    return [float(v) for name in sorted(new) for v in new[name]]


emit("the new space", lambda: ends(refine(SPACE, tried(12, 5))))
emit("the best one only", lambda: ends(refine(SPACE, tried(12, 5), keep=1)))
emit("with failed runs", lambda: ends(refine(SPACE, tried(12, 6, cliff), keep=4)))
emit("a wide margin", lambda: ends(refine(SPACE, tried(12, 5), margin=1e4)))
### BEGIN HIDDEN TESTS
seed, keep = int(rng.integers(10**6)), int(rng.integers(2, 5))
near = {"lr": (0.07, 0.2), "decay": (5e-4, 2e-3)}  # the old ends are close
failed = [({k: low for k, (low, _) in SPACE.items()}, np.nan)]  # the first to be tried
emit("another space", lambda: ends(refine(SPACE, tried(15, seed), keep, 1.5)))
emit("the old ends", lambda: ends(refine(near, tried(9, seed, bowl, near), keep, 3.0)))
emit(
    "failed runs again",
    lambda: ends(refine(SPACE, failed + tried(20, seed, cliff), keep)),
)
### END HIDDEN TESTS

# %% wrong="refine"
# The new space reaches beyond the old one: cut it at the old ends.
# - smaller[name] = (max(low, new_low), min(high, new_high))
# + smaller[name] = (new_low, new_high)

# %% wrong="refine"
# You have kept the worst trials: smaller scores are better.
# - good = sorted(good, key=lambda r: r[1])[:keep]
# + good = sorted(good, key=lambda r: -r[1])[:keep]

# %% wrong="refine"
# Failed runs (nan) were sorted among the others and have spoiled the order: leave them
# out first.
# - good = [r for r in results if not np.isnan(r[1])]
# + good = results

# %% wrong="refine"
# The margin is missing: the best value may lie just outside the best trials.
# - new_low, new_high = min(values) / margin, max(values) * margin
# + new_low, new_high = min(values), max(values)

# %% wrong="refine"
# On a logarithmic axis the margin is a factor: divide and multiply by it, do not add.
# - new_low, new_high = min(values) / margin, max(values) * margin
# + new_low, new_high = min(values) - margin, max(values) + margin

# %% wrong="refine"
# You took the first trials, not the best ones.
# - good = sorted(good, key=lambda r: r[1])[:keep]
# + good = good[:keep]

# %% [markdown]
# ## Exercise 5 · Successive halving
#
# Train all configurations for `budget` epochs. Keep the best `1/factor` of them
# (rounded down, at least one), multiply the budget by `factor`, and train those, from
# the start. Repeat until a single one is left, which is trained too: it is the winner.
# Count all epochs.
#
# *Guess first:* 27 configurations, a budget of 1, a factor of 3. How many epochs, and
# how many if all 27 ran to the end?
#
# <details><summary>Answer</summary>27 · 1 + 9 · 3 + 3 · 9 + 1 · 27 = 108, and
# 27 · 27 = 729.</details>


# %% answer="successive_halving" flag="nnlib.search"
def successive_halving(configs, train, budget=1, factor=3):
    """Return (the winning configuration, all epochs spent).

    train(config, epochs) trains from the start and returns the validation error
    """
    ### BEGIN SOLUTION
    left, spent = list(configs), 0
    while True:
        scores = [train(config, budget) for config in left]
        spent += budget * len(left)
        if len(left) == 1:
            return left[0], spent
        keep = max(1, len(left) // factor)
        order = np.argsort(scores, kind="stable")
        left = [left[i] for i in order[:keep]]
        budget = budget * factor
    ### END SOLUTION


# %% check="successive_halving" points=3
def learner(config, epochs):
    """Error that falls at its own speed to its own floor."""
    return config["floor"] + 90 * np.exp(-config["speed"] * epochs)


def runners(n, seed):
    own = np.random.default_rng(seed)
    return [
        {"floor": float(f), "speed": float(s)}
        for f, s in zip(own.uniform(2, 30, n), own.uniform(0.1, 1.0, n), strict=True)
    ]


def outcome(n, seed, **kw):
    best, spent = successive_halving(runners(n, seed), learner, **kw)
    return [float(best["floor"]), float(best["speed"]), int(spent)]


def log_of(n, seed, **kw):
    """Budgets in the order in which they were used."""
    used = []
    configs = runners(n, seed)
    successive_halving(configs, lambda c, e: used.append(e) or learner(c, e), **kw)
    return used


emit("27 configurations", lambda: outcome(27, 1))
emit("the budgets", lambda: log_of(9, 2))
emit("a number that does not divide", lambda: outcome(20, 3, factor=2))
### BEGIN HIDDEN TESTS
n, seed = int(rng.integers(28, 60)), int(rng.integers(10**6))
factor, budget = int(rng.integers(2, 5)), int(rng.integers(2, 4))
emit("another race", lambda: outcome(n, seed, factor=factor, budget=budget))
emit("its budgets", lambda: log_of(n, seed, factor=factor, budget=budget))
emit("a single configuration", lambda: outcome(1, seed, budget=budget))
### END HIDDEN TESTS

# %% wrong="successive_halving"
# The budget never grows: all rungs train equally long.
# - budget = budget * factor
# + budget = budget * 1

# %% wrong="successive_halving"
# You keep `factor` configurations. What is kept is one of every `factor`.
# - keep = max(1, len(left) // factor)
# + keep = 1 if len(left) <= factor else factor

# %% wrong="successive_halving"
# You keep the worst: smaller errors are better.
# - order = np.argsort(scores, kind="stable")
# + order = np.argsort(scores, kind="stable")[::-1]

# %% wrong="successive_halving"
# The last one standing has not been trained with the full budget, and its epochs are
# not counted.
# - left = [left[i] for i in order[:keep]]
# + left = [left[i] for i in order[:keep]]
# + if len(left) == 1:
# +     return left[0], spent

# %% wrong="successive_halving"
# The budget grows by adding the factor: it should be multiplied.
# - budget = budget * factor
# + budget = budget + factor

# %% wrong="successive_halving"
# You count trainings, not epochs: a training costs its budget.
# - spent += budget * len(left)
# + spent += len(left)

# %% [markdown]
# ## Exercise 6 · An honest report
#
# n trials were tested on validation images and, once, on test images. The winner is the
# one with the lowest validation error. Report three numbers, in percent: the winner's
# validation error, its test error, and how much too good the first was (test minus
# validation). Of equally good trials the first wins.
#
# *Guess first:* the trials are all equally good. Which of the three numbers does not
# depend on how many there are?
#
# <details><summary>Answer</summary>The test error of the winner: it is the error that
# all have. The validation error of the best falls with every further trial.</details>


# %% answer="report"
def report(val_wrong, test_wrong):
    """Return (validation error, test error, optimism) of the winner, in percent.

    val_wrong:  array of bool (trials, validation images), True where a trial errs
    test_wrong: array of bool (trials, test images)
    """
    ### BEGIN SOLUTION
    val = 100 * np.mean(val_wrong, axis=1)
    test = 100 * np.mean(test_wrong, axis=1)
    winner = int(np.argmin(val))
    return val[winner], test[winner], test[winner] - val[winner]
    ### END SOLUTION


# %% check="report" points=2
def answers(trials, images, tested, seed):
    """Trials of different quality: which images they get wrong."""
    own = np.random.default_rng(seed)
    true = own.uniform(0.08, 0.2, (trials, 1))
    return own.random((trials, images)) < true, own.random((trials, tested)) < true


emit("the report", lambda: [float(v) for v in report(*answers(30, 80, 400, 11))])
emit("a single trial", lambda: [float(v) for v in report(*answers(1, 80, 400, 8))])
### BEGIN HIDDEN TESTS
n, seed = int(rng.integers(20, 60)), int(rng.integers(10**6))


def disagreeing():
    """Validation images choose the first trial, test images the second."""
    val, test = answers(n, 60, 300, seed)
    val[0], test[1] = False, False
    val[1, :30], test[0, :40] = True, True
    return val, test


emit("another report", lambda: [float(v) for v in report(*disagreeing())])
emit("many images", lambda: [float(v) for v in report(*answers(n, 900, 50, seed))])
### END HIDDEN TESTS

# %% wrong="report"
# The winner was chosen on the test images: then they are no longer a test.
# - winner = int(np.argmin(val))
# + winner = int(np.argmin(test))

# %% wrong="report"
# This is the best test error of any trial. The winner is the trial that the validation
# images chose; report ITS test error.
# - return val[winner], test[winner], test[winner] - val[winner]
# + return val[winner], test.min(), test.min() - val[winner]

# %% wrong="report"
# The sign: optimism is test minus validation, positive when the score was too good.
# - return val[winner], test[winner], test[winner] - val[winner]
# + return val[winner], test[winner], val[winner] - test[winner]

# %% wrong="report"
# The errors are asked for in percent.
# - val = 100 * np.mean(val_wrong, axis=1)
# - test = 100 * np.mean(test_wrong, axis=1)
# + val = np.mean(val_wrong, axis=1)
# + test = np.mean(test_wrong, axis=1)

# %% wrong="report"
# You average over the trials: the mean over the IMAGES gives each trial its error.
# - val = 100 * np.mean(val_wrong, axis=1)
# - test = 100 * np.mean(test_wrong, axis=1)
# + val = 100 * np.mean(val_wrong, axis=0)
# + test = 100 * np.mean(test_wrong, axis=0)

# %% [markdown]
# **See what it does.** A search on the digits with your functions: thirty small
# networks, one after the other.

# %% demo=true
from nnlib.data import digits
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.optim import SGD
from nnlib.train import fit

d = digits(rng=np.random.default_rng(20), n_train=400, n_val=100)


def trial(config):
    """Validation error (%) of a small network."""
    own = np.random.default_rng(20)
    net = mlp([64, 32, 10], rng=own)
    sgd = SGD(lr=config["lr"], weight_decay=config["decay"])
    h = fit(net, softmax_cross_entropy, sgd, d, epochs=5, batch_size=32, rng=own)
    return 100 * float(h["val_error"][-1])


try:
    best, score, scores = random_search(SPACE, trial, 30, np.random.default_rng(1))
    print(f"best of 30: {score:.1f} % at {best}")
    print(f"half of the trials are worse than {np.nanmedian(scores):.0f} %")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## What you have now
#
# A search in forty lines, and the question that every search should end with: what does
# the winner get on images that had no say in choosing it?

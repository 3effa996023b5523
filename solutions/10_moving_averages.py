# %% [markdown]
# # Lab 10 · Exponential moving averages
#
# v ← β · v + (1 − β) · x. One line, and it is in nearly every training run: in
# momentum, in Adam, in batch normalization, around the weights of the network that is
# shipped. Most slips in it are of three kinds. The average starts wrongly, the number
# is read as the weight of the new value where it weighs the old one, or something is
# lost when the run is stopped. In this lab you write the average so that none of them
# happens.
#
# Each of the five exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 10, NumPy, about 60 minutes.

# %%
import numpy as np

# %% [markdown]
# ## Exercise 1 · What the past weighs
#
# Started at v₀ = 0, the average after t steps is a sum over all values so far:
#
# v_t = w₀ · x_t + w₁ · x_{t−1} + … + w_{t−1} · x₁
#
# `weights(beta, t)` returns the array w₀, w₁, …, w_{t−1}: first the weight of the
# **newest** value. `older_share(beta, age)` tells which part of the whole weight
# belongs to values that are `age` steps old or older, in a run that has been going on
# for ever. The newest value has the age 0.
#
# *Guess first:* β = 0.9. A note says that values older than 10 steps can be ignored.
# Which part of the average would you ignore?
#
# <details><summary>Answer</summary>0.9¹⁰ = 0.35, about a third. Each single weight is
# small, but there are many of them.</details>


# %% answer="weights"
def weights(beta, t):
    """Return the weights in v_t of the values x_t, x_{t-1}, ..., x_1, newest first."""
    ### BEGIN SOLUTION
    age = np.arange(t)
    return (1 - beta) * beta**age
    ### END SOLUTION


def older_share(beta, age):
    """Return the total weight of all values that are at least `age` steps old."""
    ### BEGIN SOLUTION
    return beta**age
    ### END SOLUTION


# %% check="weights" points=2
emit("three weights", lambda: weights(0.9, 3))
emit("the sum of ten weights", lambda: weights(0.8, 10).sum())
emit("older than ten steps", lambda: older_share(0.9, 10))
emit("everything", lambda: older_share(0.9, 0))
### BEGIN HIDDEN TESTS
beta, n = float(rng.uniform(0.6, 0.95)), int(rng.integers(5, 12))
emit("other weights", lambda: weights(beta, n))
emit("other weights, added up", lambda: weights(beta, 2 * n).sum())
emit("another share", lambda: older_share(beta, n))
emit("one step", lambda: older_share(beta, 1))
### END HIDDEN TESTS

# %% wrong="weights"
# The factor 1 − β is missing: a value enters with 1 − β, not with 1.
# - return (1 - beta) * beta**age
# + return 1.0 * beta**age

# %% wrong="weights"
# Yours begin with the oldest value. The newest one, x_t, comes first and weighs most.
# - age = np.arange(t)
# + age = np.arange(t)[::-1]

# %% wrong="weights"
# The newest value has the age 0: it has not been multiplied by β yet.
# - age = np.arange(t)
# + age = np.arange(1, t + 1)

# %% wrong="weights"
# You have made the weights add up to 1. That is the corrected average; in v_t itself
# they add up to 1 − βᵗ, and the rest still sits on the start, 0.
# - return (1 - beta) * beta**age
# + return beta**age / (beta**age).sum()

# %% wrong="weights"
# This is the weight of ONE value of that age. The share of all older ones is a sum, a
# geometric series.
# - return beta**age
# + return (1 - beta) * beta**age

# %% wrong="weights"
# This is the share of the values that are younger. The older ones are the rest.
# - return beta**age
# + return 1 - beta**age

# %% wrong="weights"
# Values of exactly this age belong to the share: "at least" that old.
# - return beta**age
# + return beta ** (age + 1)

# %% [markdown]
# ## Exercise 2 · The average and its start
#
# `ema(xs, beta, correct)` gets the values x₁, …, x_T (an array whose first axis is the
# step) and returns the average after **every** step, as an array of floats of the same
# shape. It starts at v₀ = 0. With `correct=True` each average is divided by the sum of
# its weights; the recursion itself goes on with the uncorrected one.
#
# *Guess first:* the values are all 1 and β = 0.9. What is v₁, and what is it corrected?
#
# <details><summary>Answer</summary>0.1 and 1. A corrected average of a constant is that
# constant at every step: a check that costs one line.</details>


# %% answer="ema" flag="nnlib.ema pandas ewm"
def ema(xs, beta, correct):
    """Return the exponential moving average of xs after each step."""
    ### BEGIN SOLUTION
    xs = np.asarray(xs, dtype=float)
    v, out = np.zeros(xs.shape[1:]), []
    for t, x in enumerate(xs, start=1):
        v = beta * v + (1 - beta) * x
        scale = 1 - beta**t if correct else 1.0
        out.append(v / scale)
    return np.array(out)
    ### END SOLUTION


# %% check="ema" points=3
steps = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
emit("without correction", lambda: ema(steps, 0.9, False))
emit("with correction", lambda: ema(steps, 0.9, True))
emit("a constant, corrected", lambda: ema(np.full(6, 2.5), 0.8, True))
emit("whole numbers", lambda: ema(np.array([1, 2, 3]), 0.5, False))
emit("several series at once", lambda: ema(np.arange(6.0).reshape(3, 2), 0.7, True))
### BEGIN HIDDEN TESTS
beta, n = float(rng.uniform(0.6, 0.95)), int(rng.integers(6, 15))
values = rng.uniform(2, 5, size=n)
emit("other values", lambda: ema(values, beta, False))
emit("other values, corrected", lambda: ema(values, beta, True))
table = rng.uniform(1, 3, size=(n, 3))
emit("a table of series", lambda: ema(table, beta, True))
counts = rng.integers(1, 9, size=n)
emit("counts", lambda: ema(counts, beta, False))
### END HIDDEN TESTS

# %% wrong="ema"
# β weighs the OLD average, 1 − β the new value: yours has them the other way round.
# - v = beta * v + (1 - beta) * x
# + v = (1 - beta) * v + beta * x

# %% wrong="ema"
# The divisor is 1 − βᵗ, the sum of the weights, not (1 − β)ᵗ. The two agree at t = 1
# only.
# - scale = 1 - beta**t if correct else 1.0
# + scale = (1 - beta) ** t if correct else 1.0

# %% wrong="ema"
# You start at the first value. Here the average starts at 0; the start at x₁ keeps that
# one value's noise for a long time.
# - v, out = np.zeros(xs.shape[1:]), []
# + v, out = xs[0], []

# %% wrong="ema"
# You go on with the corrected average. The correction is for the reader only: the
# recursion continues with v.
# - v = beta * v + (1 - beta) * x
# - scale = 1 - beta**t if correct else 1.0
# - out.append(v / scale)
# + v = beta * v + (1 - beta) * x
# + scale = 1 - beta**t if correct else 1.0
# + v = v / scale
# + out.append(v)

# %% wrong="ema"
# Steps count from 1: with t = 0 in the first step you divide by 1 − 1 = 0.
# - for t, x in enumerate(xs, start=1):
# + for t, x in enumerate(xs, start=0):

# %% wrong="ema"
# Each step has its own divisor: 1 − βᵗ with that step's t, not with the last one's.
# - scale = 1 - beta**t if correct else 1.0
# + scale = 1 - beta ** len(xs) if correct else 1.0

# %% wrong="ema"
# You correct whether it was asked for or not.
# - scale = 1 - beta**t if correct else 1.0
# + scale = 1 - beta**t

# %% wrong="ema"
# The factor 1 − β is missing: this is a sum, the form of momentum in PyTorch, and it is
# 1 / (1 − β) times too large.
# - v = beta * v + (1 - beta) * x
# + v = beta * v + x

# %% wrong="ema"
# Whole numbers go in, and your result is cut to whole numbers as well: an average of
# integers is not an integer. Work in floats.
# - out.append(v / scale)
# - return np.array(out)
# + out.append(v / scale)
# + return np.array(out).astype(int if np.all(xs == xs.round()) else float)

# %% [markdown]
# **See what it does.** Three averages of a noisy wave. *Guess first:* which of the
# lines is closest to the wave in the first ten steps, and which one in the end?
#
# <details><summary>Answer</summary>At first the corrected 0.9. In the end the two with
# 0.9 are the same line; 0.98 is smoother and far behind.</details>

# %% demo=true
import matplotlib.pyplot as plt

from nnlib.plotting import use_style

use_style()
own = np.random.default_rng(10)
wave = 2 + np.sin(np.arange(200) / 20)
noisy = wave + 0.5 * own.standard_normal(200)
try:
    lines = {
        "β = 0.9": ema(noisy, 0.9, False),
        "β = 0.9, corrected": ema(noisy, 0.9, True),
        "β = 0.98, corrected": ema(noisy, 0.98, True),
    }
    fig, ax = plt.subplots()
    ax.plot(noisy, ".", color="0.6", label="values")
    for name, line in lines.items():
        ax.plot(line, label=name)
    ax.set(xlabel="step", ylabel="value")
    ax.legend(ncols=2)
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 3 · One average, many names
#
# Write the translations that are needed when a setting moves between libraries.
#
# | kind | the number is |
# |---|---|
# | `"old"` | the weight of the old average: Adam's β, Keras |
# | `"new"` | the weight of the new value: PyTorch's batch norm, α |
# | `"time constant"` | n = 1 / (1 − β) |
# | `"span"` | N = 2 / (1 − β) − 1, the plain window that is as smooth |
# | `"half-life"` | steps until a weight has halved |
#
# `to_beta(kind, number)` returns β. `other_batch(beta, factor)` returns the β that
# keeps the memory *in examples* when the batch grows by the factor. And momentum has
# two forms: v ← βv + g (the sum) and v ← βv + (1 − β)g (the average), both with the
# step w ← w − lr · v. `rate_for_average(lr, beta)` turns a rate that was tuned for the
# sum into the one for the average.
#
# *Guess first:* a Keras layer says momentum 0.99. What do you write in PyTorch?
#
# <details><summary>Answer</summary>0.01. With 0.99 the layer would forget all but its
# last batch.</details>


# %% answer="names" flag="momentum_rate"
def to_beta(kind, number):
    """Return the weight β of the old average."""
    ### BEGIN SOLUTION
    if kind == "old":
        beta = number
    elif kind == "new":
        beta = 1 - number
    elif kind == "time constant":
        beta = 1 - 1 / number
    elif kind == "span":
        beta = 1 - 2 / (number + 1)
    else:
        beta = 0.5 ** (1 / number)
    return beta
    ### END SOLUTION


def other_batch(beta, factor):
    """Return the β for batches that are `factor` times larger."""
    ### BEGIN SOLUTION
    return beta**factor
    ### END SOLUTION


def rate_for_average(lr, beta):
    """Return the learning rate for the averaged form of momentum."""
    ### BEGIN SOLUTION
    return lr / (1 - beta)
    ### END SOLUTION


# %% check="names" points=2
emit("Keras 0.99", lambda: to_beta("old", 0.99))
emit("PyTorch 0.1", lambda: to_beta("new", 0.1))
emit("time constant 50", lambda: to_beta("time constant", 50))
emit("span 19", lambda: to_beta("span", 19))
emit("half-life 10", lambda: to_beta("half-life", 10))
emit("batches four times larger", lambda: other_batch(0.9, 4))
emit("a rate of the sum", lambda: rate_for_average(0.01, 0.8))
### BEGIN HIDDEN TESTS
beta, k = float(rng.uniform(0.75, 0.95)), int(rng.integers(3, 9))
lr, length = float(rng.uniform(0.01, 0.1)), float(rng.uniform(5, 40))
emit("another old", lambda: to_beta("old", beta))
emit("another new", lambda: to_beta("new", beta))
emit("another time constant", lambda: to_beta("time constant", length))
emit("another span", lambda: to_beta("span", length))
emit("another half-life", lambda: to_beta("half-life", length))
emit("other batches", lambda: other_batch(beta, k))
emit("another rate", lambda: rate_for_average(lr, beta))
### END HIDDEN TESTS

# %% wrong="names"
# Two conventions mixed up: a weight of the NEW value leaves 1 minus it for the old.
# - beta = 1 - number
# + beta = number

# %% wrong="names"
# The span is almost twice the time constant: solve N = 2 / (1 − β) − 1 for β.
# - beta = 1 - 2 / (number + 1)
# + beta = 1 - 1 / number

# %% wrong="names"
# You have lost the − 1 of the span: 1 − β = 2 / (N + 1).
# - beta = 1 - 2 / (number + 1)
# + beta = 1 - 2 / number

# %% wrong="names"
# After the half-life a weight is ½, not 1/e: β^h = ½.
# - beta = 0.5 ** (1 / number)
# + beta = float(np.exp(-1 / number))

# %% wrong="names"
# The half-life is shorter than the time constant: β^h = ½, solve for β.
# - beta = 0.5 ** (1 / number)
# + beta = 1 - 1 / number

# %% wrong="names"
# Larger batches mean fewer steps for the same examples, so each step must forget MORE:
# k steps with β forget as much as one with βᵏ.
# - return beta**factor
# + return beta ** (1 / factor)

# %% wrong="names"
# k times 1 − β is only nearly right, for β close to 1: k steps multiply, β · β · …, and
# give βᵏ.
# - return beta**factor
# + return 1 - factor * (1 - beta)

# %% wrong="names"
# The average is smaller than the sum, by 1 − β, so its rate must be LARGER to take the
# same step.
# - return lr / (1 - beta)
# + return lr * (1 - beta)

# %% wrong="names"
# The same rate in both forms: then the averaged one is 1 / (1 − β) times too slow.
# - return lr / (1 - beta)
# + return 1.0 * lr

# %% [markdown]
# ## Exercise 4 · An average of weights that survives a restart
#
# Write the class for the weights of a network.
#
# - `update(w)` takes in the weights after a step. It must not change `w`, and the
#   object keeps **one** array however many steps come.
# - In update number t (from 1) the decay is `decay`, or with `dynamic=True` min(decay,
#   (1 + t) / (10 + t)).
# - `value()` is the **corrected** average: total divided by the sum of all weights
#   given so far. With a changing decay that sum is not 1 − decayᵗ. It follows the
#   recursion of the average itself, fed with ones.
# - `state()` returns a dictionary with all that is needed to go on, and nothing in it
#   may change when the run goes on. `load_state(state)` continues from it.
#
# *Guess first:* an average with decay 0.999 is stopped after 50 steps and goes on from
# its saved array, but the count is lost. What goes wrong?
#
# <details><summary>Answer</summary>The correction starts again at t = 1 and divides by
# 0.001 an average that already holds 5 % of the weight: it comes out some fifty times
# too large.</details>


# %% answer="weight_ema" flag="nnlib.ema AveragedModel"
class WeightEMA:
    """A running average of weights: one array, whatever the number of steps."""

    def __init__(self, decay, dynamic=False):
        self.decay, self.dynamic = decay, dynamic
        self.t = 0
        self.total = 0.0  # the uncorrected average; an array after the first update
        self.weight = 0.0  # the sum of all weights given so far

    def update(self, w):
        """Take in the weights after a step."""
        ### BEGIN SOLUTION
        if self.t == 0:
            self.total = np.zeros_like(w)
        self.t += 1
        d = self.decay
        if self.dynamic:
            d = min(self.decay, (1 + self.t) / (10 + self.t))
        self.total *= d
        self.total += (1 - d) * w
        self.weight = d * self.weight + (1 - d)
        ### END SOLUTION

    def value(self):
        """Return the corrected average."""
        ### BEGIN SOLUTION
        return self.total / self.weight
        ### END SOLUTION

    def state(self):
        """Return a dictionary from which another object can go on."""
        ### BEGIN SOLUTION
        return {"t": self.t, "total": self.total.copy(), "weight": self.weight}
        ### END SOLUTION

    def load_state(self, state):
        """Go on from the state of another object."""
        ### BEGIN SOLUTION
        self.t = state["t"]
        self.total = state["total"].copy()
        self.weight = state["weight"]
        ### END SOLUTION


# %% check="weight_ema" points=4
def averaged(path, decay, dynamic=False):
    """The average after all points of a path."""
    average = WeightEMA(decay, dynamic)
    for w in path:
        average.update(w.copy())
    return average


def resumed(path, stop, decay, dynamic=False):
    """The same with a restart after `stop` points; the first object runs on."""
    first = averaged(path[:stop], decay, dynamic)
    saved = first.state()
    first.update(100 * path[0])
    second = WeightEMA(decay, dynamic)
    second.load_state(saved)
    for w in path[stop:]:
        second.update(w.copy())
    return second.value()


def arrays_kept(average, size):
    """How many arrays of the weights' size the object holds, in lists as well."""
    held = list(vars(average).values())
    while any(isinstance(v, list | tuple | dict) for v in held):
        flat = []
        for v in held:
            inner = v.values() if isinstance(v, dict) else v
            flat += list(inner) if isinstance(v, list | tuple | dict) else [v]
        held = flat
    return sum(isinstance(v, np.ndarray) and v.size >= size for v in held)


def after_update(decay, w):
    """The network's own weights after an update with them."""
    average, mine = WeightEMA(decay), w.copy()
    average.update(mine)
    average.update(mine)
    return mine


path = np.array([[4.0, 1.0], [2.0, 3.0], [5.0, 2.0], [1.0, 6.0], [3.0, 3.0]])
emit("a fixed decay", lambda: averaged(path, 0.9).value())
emit("after one step", lambda: averaged(path[:1], 0.999).value())
emit("a dynamic decay", lambda: averaged(path, 0.999, True).value())
emit("a dynamic decay at its limit", lambda: averaged(path, 0.3, True).value())
emit("after a restart", lambda: resumed(path, 2, 0.9))
emit("a restart, dynamic decay", lambda: resumed(path, 3, 0.999, True))
emit("arrays that are kept", lambda: arrays_kept(averaged(path, 0.9), 2))
emit("the network's weights", lambda: after_update(0.9, path[0]))
### BEGIN HIDDEN TESTS
n, decay = int(rng.integers(12, 25)), float(rng.uniform(0.7, 0.95))
path = rng.uniform(1, 3, size=(n, 4)) + np.linspace(0, 3, n)[:, None]
stop = int(rng.integers(3, n - 4))
emit("another path", lambda: averaged(path, decay).value())
emit("another dynamic one", lambda: averaged(path, 0.9999, True).value())
emit("a low limit", lambda: averaged(path, 0.4, True).value())
emit("another restart", lambda: resumed(path, stop, decay))
emit("a dynamic restart", lambda: resumed(path, stop, 0.9999, True))
emit("arrays kept in a long run", lambda: arrays_kept(averaged(path, decay), 4))
emit("other weights of the network", lambda: after_update(decay, path[0]))
### END HIDDEN TESTS

# %% wrong="weight_ema"
# Not corrected: the first averages are far too small. Divide by the sum of the weights.
# - return self.total / self.weight
# + return 1.0 * self.total

# %% wrong="weight_ema"
# 1 − decayᵗ is the sum of the weights for a FIXED decay. With the dynamic one the
# weights add up to something else: keep the sum itself.
# - return self.total / self.weight
# + return self.total / (1 - self.decay**self.t)

# %% wrong="weight_ema"
# The wrong divisor: (1 − decay)ᵗ is right in the first step only.
# - return self.total / self.weight
# + return self.total / (1 - self.decay) ** self.t

# %% wrong="weight_ema"
# The dynamic decay is capped by `decay`: min, not max.
# - d = min(self.decay, (1 + self.t) / (10 + self.t))
# + d = max(self.decay, (1 + self.t) / (10 + self.t))

# %% wrong="weight_ema"
# Your dynamic decay has no limit: it goes on growing beyond `decay`.
# - d = min(self.decay, (1 + self.t) / (10 + self.t))
# + d = (1 + self.t) / (10 + self.t)

# %% wrong="weight_ema"
# Your t is one behind: the first update has t = 1 and the decay 2 / 11.
# - d = min(self.decay, (1 + self.t) / (10 + self.t))
# + d = min(self.decay, self.t / (9 + self.t))

# %% wrong="weight_ema"
# You ignore `dynamic`: the decay is fixed from the first step on.
# - d = min(self.decay, (1 + self.t) / (10 + self.t))
# + d = self.decay

# %% wrong="weight_ema"
# decay weighs the OLD average: you give it to the new weights.
# - self.total *= d
# - self.total += (1 - d) * w
# - self.weight = d * self.weight + (1 - d)
# + self.total *= 1 - d
# + self.total += d * w
# + self.weight = (1 - d) * self.weight + d

# %% wrong="weight_ema"
# You scale `w` in place: that is the network's own array, and its weights are changed.
# - self.total *= d
# - self.total += (1 - d) * w
# + w *= 1 - d
# + self.total = d * self.total + w

# %% wrong="weight_ema"
# You keep the network's array itself as your total and write into it: the network's
# weights are changed. Start from zeros, or from a copy.
# - self.total = np.zeros_like(w)
# + self.total = w
# + self.total *= 0

# %% wrong="weight_ema"
# The saved state is the array that you go on writing into: it changes afterwards. Save
# a copy.
# - return {"t": self.t, "total": self.total.copy(), "weight": self.weight}
# + return {"t": self.t, "total": self.total, "weight": self.weight}

# %% wrong="weight_ema"
# After a restart the sum of the weights begins at 0 again, and the correction divides
# by too little. It belongs to the state.
# - self.weight = state["weight"]
# + self.weight = 0.0

# %% wrong="weight_ema"
# After a restart your steps count from 0 again, so the dynamic decay is young again.
# The count belongs to the state.
# - self.t = state["t"]
# + self.t = 1


# %% wrong="weight_ema"
# You keep all weights that ever came. For a network that is one copy of it per step;
# the recursion needs only one.
class WeightEMA:
    def __init__(self, decay, dynamic=False):
        self.decay, self.dynamic = decay, dynamic
        self.all = []

    def update(self, w):
        self.all.append(w.copy())

    def value(self):
        total, weight = 0.0, 0.0
        for t, w in enumerate(self.all, start=1):
            d = min(self.decay, (1 + t) / (10 + t)) if self.dynamic else self.decay
            total = d * total + (1 - d) * w
            weight = d * weight + (1 - d)
        return total / weight

    def state(self):
        return {"all": list(self.all)}

    def load_state(self, state):
        self.all = list(state["all"])


# %% [markdown]
# **See what it does.** Your average around a network that trains at a constant, large
# rate on digits, a fifth of them with random labels. *Guess first:* does the average
# with the fixed decay 0.999 help in a run of 200 steps?
#
# <details><summary>Answer</summary>Thanks to its correction it is right in scale, and
# it is nearly the plain mean of the whole run. In the first steps that is a bad
# network; the dynamic one leaves them behind sooner.</details>

# %% demo=true
import dataclasses

from nnlib.backend import asarray, to_numpy
from nnlib.data import digits
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.optim import SGD
from nnlib.train import evaluate, fit

own = np.random.default_rng(10)
d = digits(rng=own)
labels = to_numpy(d.y_train).copy()
some = own.random(len(labels)) < 0.2
labels[some] = own.integers(0, 10, some.sum())
net = mlp([64, 32, 10], rng=own, lead=(10,))
averages = {"fixed 0.999": WeightEMA(0.999), "dynamic 0.999": WeightEMA(0.999, True)}


def look(step, model):
    """Update the averages; at some steps print the mean error of ten networks."""
    for average in averages.values():
        average.update(to_numpy(model.params))
    if step not in (20, 60, 200):
        return
    kept, text = to_numpy(model.params).copy(), f"step {step:3d}:"
    error = evaluate(model, softmax_cross_entropy, d.x_test, d.y_test)[1].mean()
    text += f"  last weights {error:.1%}"
    for name, average in averages.items():
        model.params[...] = asarray(average.value())
        error = evaluate(model, softmax_cross_entropy, d.x_test, d.y_test)[1].mean()
        text += f"  {name} {error:.1%}"
    model.params[...] = asarray(kept)
    print(text)


try:
    fit(
        net,
        softmax_cross_entropy,
        SGD(lr=0.4),
        dataclasses.replace(d, y_train=asarray(labels)),
        epochs=10,
        batch_size=50,
        rng=own,
        on_step=[look],
    )
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 5 · Running statistics
#
# Batch normalization keeps an average of the mean and one of the variance of each
# column. `running_statistics(batches, momentum)` returns both after all batches, by
# PyTorch's rules:
#
# - `momentum` is the weight of the **new** value,
# - the mean starts at 0, the variance at 1, and nothing is corrected,
# - the variance of a batch is the unbiased one (divided by n − 1).
#
# `evaluate_norm(x, mean, var, eps)` is what the layer does with them at test time:
# (x − mean) / √(var + eps). It must give one row the same answer in any company.
#
# *Guess first:* after 10 batches with momentum 0.01, which variance does the layer
# report for a column whose variance is 0.04?
#
# <details><summary>Answer</summary>About 0.91: the start, 1, still weighs
# 0.99¹⁰ = 0.90. Slow averages need many batches before they can be used.</details>


# %% answer="running" flag="BatchNorm1d nnlib.norm"
def running_statistics(batches, momentum):
    """Return the running mean and variance of the columns after all batches.

    batches: arrays of shape (rows, columns)
    """
    ### BEGIN SOLUTION
    mean, var = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
    for x in batches:
        batch_mean, batch_var = x.mean(axis=0), x.var(axis=0, ddof=1)
        mean = (1 - momentum) * mean + momentum * batch_mean
        var = (1 - momentum) * var + momentum * batch_var
    return mean, var
    ### END SOLUTION


def evaluate_norm(x, mean, var, eps):
    """Normalize rows with running statistics, as at test time."""
    ### BEGIN SOLUTION
    return (x - mean) / np.sqrt(var + eps)
    ### END SOLUTION


# %% check="running" points=3
own = np.random.default_rng(5)
batches = [2 + 3 * own.standard_normal((8, 2)) for _ in range(4)]
some_mean, some_var = np.array([1.0, 2.0]), np.array([4.0, 0.25])
rows = own.uniform(0, 3, size=(3, 2))
emit("the running mean", lambda: running_statistics(batches, 0.1)[0])
emit("the running variance", lambda: running_statistics(batches, 0.1)[1])
emit("rows at test time", lambda: evaluate_norm(rows, some_mean, some_var, 0.1))
emit("a single row", lambda: evaluate_norm(rows[:1], some_mean, some_var, 0.1))
### BEGIN HIDDEN TESTS
m, n = float(rng.uniform(0.05, 0.3)), int(rng.integers(4, 9))
batches = [rng.uniform(1, 2) + 2 * rng.standard_normal((n, 3)) for _ in range(6)]
some_mean, some_var = rng.uniform(1, 2, size=3), rng.uniform(2, 5, size=3)
rows = rng.uniform(2, 6, size=(5, 3))
emit("another running mean", lambda: running_statistics(batches, m)[0])
emit("another running variance", lambda: running_statistics(batches, m)[1])
emit("after one batch", lambda: running_statistics(batches[:1], m)[1])
emit("other rows", lambda: evaluate_norm(rows, some_mean, some_var, 0.2))
emit("one row of them", lambda: evaluate_norm(rows[2:3], some_mean, some_var, 0.2))
### END HIDDEN TESTS

# %% wrong="running"
# momentum is the weight of the NEW value here; you have read it as Keras does.
# - mean = (1 - momentum) * mean + momentum * batch_mean
# - var = (1 - momentum) * var + momentum * batch_var
# + mean = momentum * mean + (1 - momentum) * batch_mean
# + var = momentum * var + (1 - momentum) * batch_var

# %% wrong="running"
# You divide the squares by n. The running variance takes the unbiased one, n − 1, since
# it speaks of all data and not of this batch.
# - batch_mean, batch_var = x.mean(axis=0), x.var(axis=0, ddof=1)
# + batch_mean, batch_var = x.mean(axis=0), x.var(axis=0)

# %% wrong="running"
# The running variance starts at 1, not at 0: a layer that has seen nothing should leave
# its input as it is.
# - mean, var = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
# + mean, var = np.zeros(batches[0].shape[1]), np.zeros(batches[0].shape[1])

# %% wrong="running"
# You start at the first batch. PyTorch starts at 0 and 1, which is why its statistics
# need some batches to settle.
# - mean, var = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
# + mean, var = batches[0].mean(axis=0), batches[0].var(axis=0, ddof=1)

# %% wrong="running"
# Your average is one of standard deviations. The layer averages variances.
# - var = (1 - momentum) * var + momentum * batch_var
# + var = ((1 - momentum) * np.sqrt(var) + momentum * np.sqrt(batch_var)) ** 2

# %% wrong="running"
# You mix all batches alike: a plain mean. Here newer batches weigh more, since in
# training the layers in front have changed.
# - return mean, var
# + mean = np.mean([x.mean(axis=0) for x in batches], axis=0)
# + return mean, np.mean([x.var(axis=0, ddof=1) for x in batches], axis=0)

# %% wrong="running"
# At test time you use the statistics of the rows that come in: a row's answer then
# depends on its company, and a single row becomes 0.
# - return (x - mean) / np.sqrt(var + eps)
# + return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)

# %% wrong="running"
# The small number stands INSIDE the root in batch normalization.
# - return (x - mean) / np.sqrt(var + eps)
# + return (x - mean) / (np.sqrt(var) + eps)

# %% wrong="running"
# You divide by the variance: its root is what has the unit of x.
# - return (x - mean) / np.sqrt(var + eps)
# + return (x - mean) / (var + eps)

# %% [markdown]
# ## What you have now
#
# One line, and the care it needs at its two ends: a start that is corrected by the sum
# of the weights, and a state that holds what the next step must know. With the
# conversions you can read the same average under five names. Chapter 11 builds
# optimizers from two of them.

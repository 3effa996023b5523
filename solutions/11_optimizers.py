# %% [markdown]
# # Lab 11 · Optimizers
#
# An optimizer gets the weights and the gradient and answers with new weights. Between
# two steps it may remember something: a velocity, a sum of squares, a count. In this
# lab you write seven of them, a few lines each, and every one is checked along a whole
# path, since a slip in an optimizer often shows only from the second step on.
#
# Each of the eight exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# **The rule for all of them:** a function gets the weights `w`, the gradient `g` and a
# dictionary `state`, which is empty before the first step. It returns the new weights.
# What it wants to remember it keeps in `state`: `state.get("v", 0.0)` is 0 as long as
# there is no `"v"`. It does not change `w` or `g` in place.
#
# You need: chapter 11, NumPy, about 60 minutes.

# %%
import numpy as np

VALLEY = np.array([0.04, 1.0, 0.0])  # curvatures; the third direction is flat
START = np.array([2.0, -1.0, 3.0])


def slope(w):
    """The gradient of ½ Σ λᵢ wᵢ². The flat direction has gradient exactly 0."""
    return VALLEY * w


def travel(step, steps=8, start=START, gradient=slope, **options):
    """All points on the way: (steps + 1, 3)."""
    w, state, path = start.copy(), {}, [start.copy()]
    for _ in range(steps):
        w = step(w, gradient(w), state, **options)
        path.append(np.array(w, dtype=float))
    return np.stack(path)


# %% [markdown]
# ## Exercise 1 · A step, and a step with momentum
#
# Plain gradient descent: w ← w − lr · g. Momentum keeps a velocity v, which starts
# at 0:
#
# v ← mu · v + g,  then  w ← w − lr · v
#
# *Guess first:* the gradient is 1 at every step and mu = 0.5. Which velocity does v
# approach?
#
# <details><summary>Answer</summary>1 + 0.5 + 0.25 + … = 1 / (1 − 0.5) = 2.</details>


# %% answer="momentum" flag="nnlib.optim torch"
def sgd(w, g, state, lr):
    """Return the weights after one step of gradient descent."""
    ### BEGIN SOLUTION
    return w - lr * g
    ### END SOLUTION


def momentum(w, g, state, lr, mu):
    """Return the weights after one step; the velocity is kept in state."""
    ### BEGIN SOLUTION
    state["v"] = mu * state.get("v", 0.0) + g
    return w - lr * state["v"]
    ### END SOLUTION


# %% check="momentum" points=2
IN_PLACE = "Your function changes w or g in place: make a new array, w = w - ..."


def untouched(step, **options):
    """What is left of w and g after a step."""
    w, g = START.copy(), np.array([1.0, 2.0, 3.0])
    step(w, g, {}, **options)
    return np.concatenate([w, g])


emit("gradient descent", lambda: travel(sgd, lr=0.5))
emit("one step of momentum", lambda: travel(momentum, steps=1, lr=0.5, mu=0.8))
emit("a path of momentum", lambda: travel(momentum, lr=0.5, mu=0.8))
emit(
    "w and g are left alone", lambda: untouched(momentum, lr=0.5, mu=0.8), hint=IN_PLACE
)
### BEGIN HIDDEN TESTS
lr, mu = float(rng.uniform(0.2, 0.9)), float(rng.uniform(0.3, 0.95))
begin_at = rng.standard_normal(3)
emit("descent from elsewhere", lambda: travel(sgd, start=begin_at, lr=lr))
emit("momentum elsewhere", lambda: travel(momentum, 20, begin_at, lr=lr, mu=mu))
emit("without momentum", lambda: travel(momentum, 20, begin_at, lr=lr, mu=0.0))
### END HIDDEN TESTS

# %% wrong="momentum"
# You go uphill: the gradient points to larger losses, so subtract it.
# - return w - lr * g
# + return w + lr * g

# %% wrong="momentum"
# This is the averaged form, with (1 − mu) · g. Here the sum was asked for: the new
# gradient counts in full.
# - state["v"] = mu * state.get("v", 0.0) + g
# + state["v"] = mu * state.get("v", 0.0) + (1 - mu) * g

# %% wrong="momentum"
# The velocity is forgotten between the steps: keep it in `state`.
# - state["v"] = mu * state.get("v", 0.0) + g
# - return w - lr * state["v"]
# + v = mu * state.get("v", 0.0) + g
# + return w - lr * v

# %% wrong="momentum"
# You step with the old velocity and update it afterwards: every gradient comes one step
# late, and the first step goes nowhere.
# - state["v"] = mu * state.get("v", 0.0) + g
# - return w - lr * state["v"]
# + old = state.get("v", 0.0)
# + state["v"] = mu * old + g
# + return w - lr * old

# %% wrong="momentum"
# Your velocity loses nothing: multiply the old one by mu before you add g.
# - state["v"] = mu * state.get("v", 0.0) + g
# + state["v"] = state.get("v", 0.0) + g

# %% wrong="momentum"
# mu multiplies the old velocity, not the new gradient.
# - state["v"] = mu * state.get("v", 0.0) + g
# + state["v"] = state.get("v", 0.0) + mu * g

# %% [markdown]
# ## Exercise 2 · Two forms, two rates
#
# Another form keeps an average: m ← mu · m + (1 − mu) · g, then w ← w − lr · m. Both
# start at 0. They take the same path, if the rates fit together.
#
# *Guess first:* a paper used the averaged form with mu = 0.9 and rate 0.1. You use
# PyTorch's SGD, which sums. Do you need a larger or a smaller rate?
#
# <details><summary>Answer</summary>A smaller one, 0.01: the sum is 1 / (1 − mu) = 10
# times as long as the average.</details>


# %% answer="convert" flag="momentum_rate"
def convert(lr, mu, to):
    """Return the rate for the other form.

    to: "summed" (lr is a rate of the averaged form) or "averaged" (lr is a rate of the
        summed form)
    """
    ### BEGIN SOLUTION
    if to == "summed":
        return lr * (1 - mu)
    return lr / (1 - mu)
    ### END SOLUTION


# %% check="convert" points=1
emit("from averaged to summed", lambda: convert(0.1, 0.9, "summed"))
emit("from summed to averaged", lambda: convert(0.02, 0.75, "averaged"))
### BEGIN HIDDEN TESTS
lr, mu = float(rng.uniform(0.01, 0.5)), float(rng.uniform(0.3, 0.99))
emit("a rate for the sum", lambda: convert(lr, mu, "summed"))
emit("a rate for the average", lambda: convert(lr, mu, "averaged"))
emit("there and back", lambda: convert(convert(lr, mu, "summed"), mu, "averaged"))
### END HIDDEN TESTS

# %% wrong="convert"
# The other way round: the sum takes longer steps, so its rate must be smaller.
# - if to == "summed":
# + if to == "averaged":

# %% wrong="convert"
# The factor is 1 − mu, the share of the new gradient in the average, not mu.
# - return lr * (1 - mu)
# + return lr * mu
# - return lr / (1 - mu)
# + return lr / mu

# %% [markdown]
# ## Exercise 3 · Look ahead
#
# Nesterov takes the gradient where the velocity is about to carry us:
#
# u ← mu · u − lr · ∇f(theta + mu · u),  then  theta ← theta + u
#
# For this, `lookahead` gets the gradient as a function. `nesterov` is the rearranged
# form, which gets a number like all others: with w = theta + mu · u it reads
#
# v ← mu · v + g,  then  w ← w − lr · (g + mu · v)
#
# *Guess first:* both start at the same point with u = v = 0. After five steps, are
# theta and w equal?
#
# <details><summary>Answer</summary>No: w is theta + mu · u, one look-ahead
# further.</details>


# %% answer="nesterov" flag="nnlib.optim torch"
def lookahead(theta, gradient, state, lr, mu):
    """Return theta after one step. gradient is a function of a point."""
    ### BEGIN SOLUTION
    u = state.get("u", 0.0)
    u = mu * u - lr * gradient(theta + mu * u)
    state["u"] = u
    return theta + u
    ### END SOLUTION


def nesterov(w, g, state, lr, mu):
    """Return w after one step of the rearranged form."""
    ### BEGIN SOLUTION
    state["v"] = mu * state.get("v", 0.0) + g
    return w - lr * (g + mu * state["v"])
    ### END SOLUTION


# %% check="nesterov" points=2
def ahead(steps=8, start=START, **options):
    """The path of lookahead, which wants the gradient as a function."""
    theta, state, path = start.copy(), {}, [start.copy()]
    for _ in range(steps):
        theta = lookahead(theta, slope, state, **options)
        path.append(np.array(theta, dtype=float))
    return np.stack(path)


emit("one look-ahead step", lambda: ahead(steps=1, lr=0.4, mu=0.8))
emit("a path that looks ahead", lambda: ahead(lr=0.4, mu=0.8))
emit("one rearranged step", lambda: travel(nesterov, steps=1, lr=0.4, mu=0.8))
emit("a rearranged path", lambda: travel(nesterov, lr=0.4, mu=0.8))
### BEGIN HIDDEN TESTS
lr, mu = float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.4, 0.95))
begin_at = rng.standard_normal(3)
emit("looking ahead elsewhere", lambda: ahead(20, begin_at, lr=lr, mu=mu))
emit("rearranged elsewhere", lambda: travel(nesterov, 20, begin_at, lr=lr, mu=mu))
### END HIDDEN TESTS

# %% wrong="nesterov"
# Your gradient is taken at theta: this is plain momentum. Take it at theta + mu · u.
# - u = mu * u - lr * gradient(theta + mu * u)
# + u = mu * u - lr * gradient(theta)

# %% wrong="nesterov"
# You look a whole velocity ahead; only mu · u of it will survive.
# - u = mu * u - lr * gradient(theta + mu * u)
# + u = mu * u - lr * gradient(theta + u)

# %% wrong="nesterov"
# This is plain momentum: the step of Nesterov is lr · (g + mu · v) with the new v.
# - return w - lr * (g + mu * state["v"])
# + return w - lr * state["v"]

# %% wrong="nesterov"
# The new gradient is counted with the wrong weight: it is g + mu · v, not v + mu · v.
# - return w - lr * (g + mu * state["v"])
# + return w - lr * (state["v"] + mu * state["v"])

# %% wrong="nesterov"
# g and v have changed places: the step is g + mu · v.
# - return w - lr * (g + mu * state["v"])
# + return w - lr * (state["v"] + mu * g)

# %% [markdown]
# ## Exercise 4 · AdaGrad
#
# AdaGrad keeps the sum of all squared gradients, coordinate by coordinate, and divides
# by its root:
#
# s ← s + g²,  then  w ← w − lr · g / (√s + eps)
#
# *Guess first:* how long is the first step, for a gradient of 0.001 and for one of
# 1000?
#
# <details><summary>Answer</summary>lr, for both: g / √(g²) is ±1.</details>


# %% answer="adagrad" flag="nnlib.optim torch"
def adagrad(w, g, state, lr, eps):
    """Return the weights after one step of AdaGrad."""
    ### BEGIN SOLUTION
    state["s"] = state.get("s", 0.0) + g**2
    return w - lr * g / (np.sqrt(state["s"]) + eps)
    ### END SOLUTION


# %% check="adagrad" points=1
emit("one step", lambda: travel(adagrad, steps=1, lr=0.3, eps=1e-2))
emit("a path", lambda: travel(adagrad, lr=0.3, eps=1e-2))
emit(
    "w and g are left alone",
    lambda: untouched(adagrad, lr=0.3, eps=1e-2),
    hint=IN_PLACE,
)
### BEGIN HIDDEN TESTS
lr, eps = float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.005, 0.05))
begin_at = rng.standard_normal(3)
emit("a path from elsewhere", lambda: travel(adagrad, 20, begin_at, lr=lr, eps=eps))
### END HIDDEN TESTS

# %% wrong="adagrad"
# Divide by the ROOT of the sum. Without the root the unit is wrong: small gradients
# would take huge steps.
# - return w - lr * g / (np.sqrt(state["s"]) + eps)
# + return w - lr * g / (state["s"] + eps)

# %% wrong="adagrad"
# "The square of the cache" is a slip of the notes: it is the square ROOT.
# - return w - lr * g / (np.sqrt(state["s"]) + eps)
# + return w - lr * g / (state["s"] ** 2 + eps)

# %% wrong="adagrad"
# eps stands outside the root: √s + eps. Inside, it acts like √eps, which is much more.
# - return w - lr * g / (np.sqrt(state["s"]) + eps)
# + return w - lr * g / np.sqrt(state["s"] + eps)

# %% wrong="adagrad"
# The third direction has gradient 0: without eps its step is 0 / 0.
# - return w - lr * g / (np.sqrt(state["s"]) + eps)
# + return w - lr * g / np.sqrt(state["s"])

# %% wrong="adagrad"
# The sum is not kept: your s holds the last square only, and every step has length lr.
# - state["s"] = state.get("s", 0.0) + g**2
# + state["s"] = g**2

# %% wrong="adagrad"
# You add the gradients, not their squares: opposite ones would cancel.
# - state["s"] = state.get("s", 0.0) + g**2
# + state["s"] = state.get("s", 0.0) + np.abs(g)

# %% wrong="adagrad"
# One sum for all coordinates gives all the same rate. Keep one per coordinate, in the
# shape of w.
# - state["s"] = state.get("s", 0.0) + g**2
# + state["s"] = state.get("s", 0.0) + np.sum(g**2)

# %% [markdown]
# ## Exercise 5 · RMSProp
#
# AdaGrad's sum only grows, and its steps die out. RMSProp lets it leak:
#
# s ← rho · s + (1 − rho) · g²,  then  w ← w − lr · g / (√s + eps)
#
# *Guess first:* s starts at 0 and is not corrected. With rho = 0.99, how long is the
# first step?
#
# <details><summary>Answer</summary>s = 0.01 g², so √s = 0.1 |g|, and the step is ten
# times lr.</details>


# %% answer="rmsprop" flag="nnlib.optim torch"
def rmsprop(w, g, state, lr, rho, eps):
    """Return the weights after one step of RMSProp."""
    ### BEGIN SOLUTION
    state["s"] = rho * state.get("s", 0.0) + (1 - rho) * g**2
    return w - lr * g / (np.sqrt(state["s"]) + eps)
    ### END SOLUTION


# %% check="rmsprop" points=1
emit("one step", lambda: travel(rmsprop, steps=1, lr=0.1, rho=0.9, eps=1e-2))
emit("a path", lambda: travel(rmsprop, lr=0.1, rho=0.9, eps=1e-2))
### BEGIN HIDDEN TESTS
lr, rho = float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.6, 0.97))
options = {"lr": lr, "rho": rho, "eps": float(rng.uniform(0.005, 0.05))}
begin_at = rng.standard_normal(3)
emit("a path from elsewhere", lambda: travel(rmsprop, 20, begin_at, **options))
### END HIDDEN TESTS

# %% wrong="rmsprop"
# This is a sum that leaks, not an average: the new square counts with 1 − rho.
# - state["s"] = rho * state.get("s", 0.0) + (1 - rho) * g**2
# + state["s"] = rho * state.get("s", 0.0) + g**2

# %% wrong="rmsprop"
# rho and 1 − rho have changed places: rho is the share of the OLD value.
# - state["s"] = rho * state.get("s", 0.0) + (1 - rho) * g**2
# + state["s"] = (1 - rho) * state.get("s", 0.0) + rho * g**2

# %% wrong="rmsprop"
# Your average starts at the first g². Here it starts at 0.
# - state["s"] = rho * state.get("s", 0.0) + (1 - rho) * g**2
# + state["s"] = rho * state.get("s", g**2) + (1 - rho) * g**2

# %% wrong="rmsprop"
# eps stands outside the root: √s + eps (TensorFlow 1 had it inside).
# - return w - lr * g / (np.sqrt(state["s"]) + eps)
# + return w - lr * g / np.sqrt(state["s"] + eps)

# %% wrong="rmsprop"
# s is the average of the squared gradients: square g.
# - state["s"] = rho * state.get("s", 0.0) + (1 - rho) * g**2
# + state["s"] = rho * state.get("s", 0.0) + (1 - rho) * g

# %% [markdown]
# ## Exercise 6 · Adam
#
# Both averages at once, m of g and s of g², with decay rates b1 and b2. Both start at
# 0 and are therefore too small at first. In step t, counted from 1, each is divided by
# one minus its decay rate to the power t:
#
# m̂ = m / (1 − b1ᵗ),  ŝ = s / (1 − b2ᵗ),  then  w ← w − lr · m̂ / (√ŝ + eps)
#
# The averages in `state` stay uncorrected.
#
# *Guess first:* how long is the first step?
#
# <details><summary>Answer</summary>lr: m̂ = g and ŝ = g², whatever the decay
# rates.</details>


# %% answer="adam" flag="nnlib.optim torch"
def adam(w, g, state, lr, b1=0.9, b2=0.999, eps=1e-8):
    """Return the weights after one step of Adam."""
    ### BEGIN SOLUTION
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    state["s"] = b2 * state.get("s", 0.0) + (1 - b2) * g**2
    mean = state["m"] / (1 - b1**t)
    square = state["s"] / (1 - b2**t)
    return w - lr * mean / (np.sqrt(square) + eps)
    ### END SOLUTION


# %% check="adam" points=3
emit("one step", lambda: travel(adam, steps=1, lr=0.1, eps=1e-2))
emit("a path", lambda: travel(adam, lr=0.1, eps=1e-2))
emit("other decay rates", lambda: travel(adam, lr=0.1, b1=0.5, b2=0.8, eps=1e-2))
emit("w and g are left alone", lambda: untouched(adam, lr=0.1, eps=1e-2), hint=IN_PLACE)
### BEGIN HIDDEN TESTS
options = {
    "lr": float(rng.uniform(0.05, 0.2)),
    "b1": float(rng.uniform(0.5, 0.95)),
    "b2": float(rng.uniform(0.7, 0.999)),
    "eps": float(rng.uniform(0.005, 0.05)),
}
begin_at = rng.standard_normal(3)
emit("a path from elsewhere", lambda: travel(adam, 25, begin_at, **options))
emit("with the defaults", lambda: travel(adam, 25, begin_at, lr=0.05))
### END HIDDEN TESTS

# %% wrong="adam"
# Your divisor is (1 − b)ᵗ. It is 1 − bᵗ: the power belongs to b. From the second step
# on, yours stops the learning.
# - mean = state["m"] / (1 - b1**t)
# - square = state["s"] / (1 - b2**t)
# + mean = state["m"] / (1 - b1) ** t
# + square = state["s"] / (1 - b2) ** t

# %% wrong="adam"
# The bias correction is missing: both averages start at 0 and are too small at first.
# - mean = state["m"] / (1 - b1**t)
# - square = state["s"] / (1 - b2**t)
# + mean = state["m"]
# + square = state["s"]

# %% wrong="adam"
# Only m is corrected: s starts at 0 as well.
# - square = state["s"] / (1 - b2**t)
# + square = state["s"]

# %% wrong="adam"
# t does not grow: count the steps in `state`.
# - t = state["t"] = state.get("t", 0) + 1
# + t = 1

# %% wrong="adam"
# The count starts too late: in the first step t is 1.
# - t = state["t"] = state.get("t", 0) + 1
# + t = state["t"] = state.get("t", 1) + 1

# %% wrong="adam"
# You keep the corrected averages in `state` and correct them again in the next step.
# - mean = state["m"] / (1 - b1**t)
# - square = state["s"] / (1 - b2**t)
# + mean = state["m"] = state["m"] / (1 - b1**t)
# + square = state["s"] = state["s"] / (1 - b2**t)

# %% wrong="adam"
# eps stands outside the root: √ŝ + eps.
# - return w - lr * mean / (np.sqrt(square) + eps)
# + return w - lr * mean / np.sqrt(square + eps)

# %% wrong="adam"
# The step follows the mean m̂ of the gradients, not the last gradient: yours is RMSProp
# with a correction.
# - return w - lr * mean / (np.sqrt(square) + eps)
# + return w - lr * g / (np.sqrt(square) + eps)

# %% wrong="adam"
# b1 belongs to the mean, b2 to the squares: you have exchanged them.
# - state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
# - state["s"] = b2 * state.get("s", 0.0) + (1 - b2) * g**2
# + state["m"] = b2 * state.get("m", 0.0) + (1 - b2) * g
# + state["s"] = b1 * state.get("s", 0.0) + (1 - b1) * g**2

# %% wrong="adam"
# The square root is missing: m̂ / ŝ has the unit 1 / gradient.
# - return w - lr * mean / (np.sqrt(square) + eps)
# + return w - lr * mean / (square + eps)

# %% [markdown]
# ## Exercise 7 · AdamW
#
# Weight decay pulls all weights towards 0. AdamW keeps it out of the fraction, so that
# all weights decay at the same rate:
#
# w ← (1 − lr · decay) · w − lr · m̂ / (√ŝ + eps)
#
# *Guess first:* a weight has gradient 0 all the time, lr = 0.1 and decay = 0.5. Where
# is it after one step, when it starts at 3?
#
# <details><summary>Answer</summary>3 · (1 − 0.05) = 2.85. With L2 inside Adam it would
# be at about 2.9, one full step of lr.</details>


# %% answer="adamw" flag="nnlib.optim torch"
def adamw(w, g, state, lr, decay, b1=0.9, b2=0.999, eps=1e-8):
    """Return the weights after one step of Adam with decoupled weight decay."""
    ### BEGIN SOLUTION
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    state["s"] = b2 * state.get("s", 0.0) + (1 - b2) * g**2
    root = np.sqrt(state["s"] / (1 - b2**t)) + eps
    step = lr * state["m"] / (1 - b1**t) / root
    return (1 - lr * decay) * w - step
    ### END SOLUTION


# %% check="adamw" points=2
emit("one step", lambda: travel(adamw, steps=1, lr=0.1, decay=0.5, eps=1e-2))
emit("a path", lambda: travel(adamw, lr=0.1, decay=0.5, eps=1e-2))
emit("without decay", lambda: travel(adamw, lr=0.1, decay=0.0, eps=1e-2))
emit(
    "w and g are left alone", lambda: untouched(adamw, lr=0.1, decay=0.5), hint=IN_PLACE
)
### BEGIN HIDDEN TESTS
options = {
    "lr": float(rng.uniform(0.05, 0.2)),
    "decay": float(rng.uniform(0.2, 0.9)),
    "b1": float(rng.uniform(0.5, 0.95)),
    "b2": float(rng.uniform(0.7, 0.999)),
    "eps": float(rng.uniform(0.005, 0.05)),
}
begin_at = rng.standard_normal(3)
emit("a path from elsewhere", lambda: travel(adamw, 25, begin_at, **options))
### END HIDDEN TESTS

# %% wrong="adamw"
# This is L2: the penalty goes into the gradient and is divided by the root with it.
# Leave g alone and shrink the weights.
# - t = state["t"] = state.get("t", 0) + 1
# + g = g + decay * w
# + t = state["t"] = state.get("t", 0) + 1
# - return (1 - lr * decay) * w - step
# + return w - step

# %% wrong="adamw"
# The decay of one step is lr · decay: your weights shrink too fast.
# - return (1 - lr * decay) * w - step
# + return (1 - decay) * w - step

# %% wrong="adamw"
# You shrink the weights after the step, and so part of the step with them. The decay
# multiplies the old weights only.
# - return (1 - lr * decay) * w - step
# + return (1 - lr * decay) * (w - step)

# %% wrong="adamw"
# Your weights grow: the decay is subtracted.
# - return (1 - lr * decay) * w - step
# + return (1 + lr * decay) * w - step

# %% wrong="adamw"
# Nothing decays.
# - return (1 - lr * decay) * w - step
# + return w - step

# %% [markdown]
# **See what it does.** Your optimizers in a valley that is 25 times as steep across as
# it is along.

# %% demo=true
import matplotlib.pyplot as plt

from nnlib.plotting import use_style

use_style()
runs = {
    "sgd": (lambda *a: sgd(*a, lr=1.9), 25),
    "momentum": (lambda *a: momentum(*a, lr=0.5, mu=0.8), 25),
    "nesterov": (lambda *a: nesterov(*a, lr=0.5, mu=0.8), 25),
    "adagrad": (lambda *a: adagrad(*a, lr=0.5, eps=1e-8), 25),
    "adam": (lambda *a: adam(*a, lr=0.2), 25),
}
fig, ax = plt.subplots()
for name, (step, steps) in runs.items():
    try:
        path = travel(step, steps)
    except NotImplementedError as unanswered:
        print(f"{name}: {unanswered} comes first.")
        continue
    ax.plot(path[:, 0], path[:, 1], marker="o", ms=3, label=name)
ax.set(xlabel="along the valley", ylabel="across")
legend = ax.legend() if ax.lines else None

# %% [markdown]
# ## Exercise 8 · The best momentum for a valley
#
# Momentum on a quadratic is a recurrence. All directions shrink by √mu per step as long
# as (1 − √mu)² ≤ lr · λ ≤ (1 + √mu)² holds for all curvatures λ. Choose the smallest mu
# for which there is such a rate, and that rate.
#
# *Guess first:* the curvatures are 1 and 100. By which factor does each step shrink the
# distance, at best?
#
# <details><summary>Answer</summary>√κ = 10, so √mu = 9 / 11 = 0.82. Gradient descent
# manages 99 / 101 = 0.98.</details>


# %% answer="best" flag="nnlib.optim"
def best(curvatures):
    """Return (lr, mu) that make momentum as fast as it can be on these curvatures."""
    ### BEGIN SOLUTION
    low, high = np.sqrt(np.min(curvatures)), np.sqrt(np.max(curvatures))
    root = (high - low) / (high + low)
    lr = (2 / (high + low)) ** 2
    return lr, root**2
    ### END SOLUTION


# %% check="best" points=2
emit("for 1 and 100", lambda: np.array(best([1.0, 100.0])))
emit("for three curvatures", lambda: np.array(best([9.0, 0.5, 2.0])))
emit("for a round bowl", lambda: np.array(best([4.0, 4.0])))
### BEGIN HIDDEN TESTS
many = rng.uniform(0.01, 20, size=12)
emit("for many curvatures", lambda: np.array(best(many)))
### END HIDDEN TESTS

# %% wrong="best"
# You return √mu, the factor per step: mu is its square.
# - return lr, root**2
# + return lr, root

# %% wrong="best"
# These are κ − 1 over κ + 1, the factor of gradient descent: momentum has √κ.
# - low, high = np.sqrt(np.min(curvatures)), np.sqrt(np.max(curvatures))
# + low, high = np.min(curvatures), np.max(curvatures)

# %% wrong="best"
# The momentum is right. Your rate is that of gradient descent, 2 / (λ_min + λ_max):
# momentum may step further.
# - lr = (2 / (high + low)) ** 2
# + lr = 2 / (high**2 + low**2)

# %% wrong="best"
# The momentum is right. The rate 1 / λ_max is safe, but the flat direction is then
# over-damped: put both ends on the border.
# - lr = (2 / (high + low)) ** 2
# + lr = 1 / high**2

# %% wrong="best"
# The rate is a square: (2 / (√λ_max + √λ_min))².
# - lr = (2 / (high + low)) ** 2
# + lr = 2 / (high + low)

# %% wrong="best"
# The list is not sorted: take the smallest and the largest curvature.
# - low, high = np.sqrt(np.min(curvatures)), np.sqrt(np.max(curvatures))
# + low, high = np.sqrt(curvatures[0]), np.sqrt(curvatures[-1])

# %% [markdown]
# **See what it does.** Your optimizers beside those of PyTorch, ten steps in double
# precision. The numbers are the largest differences.

# %% demo=true
import torch

T = torch.optim
pairs = {
    "momentum": (lambda *a: momentum(*a, lr=0.3, mu=0.9), T.SGD, {"momentum": 0.9}),
    "nesterov": (
        lambda *a: nesterov(*a, lr=0.3, mu=0.9),
        T.SGD,
        {"momentum": 0.9, "nesterov": True},
    ),
    "adagrad": (lambda *a: adagrad(*a, lr=0.3, eps=1e-10), T.Adagrad, {}),
    "rmsprop": (lambda *a: rmsprop(*a, lr=0.3, rho=0.99, eps=1e-8), T.RMSprop, {}),
    "adam": (lambda *a: adam(*a, lr=0.3), T.Adam, {}),
    "adamw": (
        lambda *a: adamw(*a, lr=0.3, decay=0.01),
        T.AdamW,
        {"weight_decay": 0.01},
    ),
}
for name, (step, theirs, options) in pairs.items():
    p = torch.tensor(START, requires_grad=True)
    opt = theirs([p], lr=0.3, **options)
    for _ in range(10):
        p.grad = torch.tensor(slope(p.detach().numpy()))
        opt.step()
    try:
        ours = travel(step, 10)[-1]
    except NotImplementedError as unanswered:
        print(f"{name}: {unanswered} comes first.")
        continue
    print(f"{name}: {np.abs(ours - p.detach().numpy()).max():.1e}")

# %% [markdown]
# ## What you have now
#
# Seven optimizers that agree with PyTorch to the last digits, and a formula for the
# best momentum of a valley. All of them still need a learning rate. Chapter 12 is
# about how to find it, and how to change it on the way.

# %% [markdown]
# # Lab 12 · Learning rate and its schedules
#
# A schedule is a function of the step: `schedule(t)` is the learning rate of step t,
# and the first step is t = 0. In this lab you write the schedules that are in use, a
# warm-up that fits around any of them, and the test that finds a rate to start from.
# Most slips in schedules sit at the ends: at t = 0, at the last step, and one step
# after it. So that is where the checks look.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# **The rule for all schedules:** a function gets its settings and returns a *function*
# of the step t.
#
# You need: chapter 12, NumPy, about 60 minutes.

# %%
import math

import numpy as np


def rates(schedule, *steps):
    """The learning rates of some steps."""
    return [float(schedule(t)) for t in steps]


# %% [markdown]
# ## Exercise 1 · The largest rate
#
# On a bowl with curvatures λ₁, λ₂, … gradient descent multiplies the distance along
# axis i by the factor 1 − lr · λᵢ in every step.
#
# *Guess first:* the curvatures are 10 and 0.1. With which rate does the run diverge,
# and which of the two axes is to blame?
#
# <details><summary>Answer</summary>Above 2 / 10 = 0.2, because of the steep axis. The
# flat one would allow 20.</details>


# %% answer="stability"
def largest_rate(curvatures):
    """Return the rate above which gradient descent diverges on this bowl."""
    ### BEGIN SOLUTION
    return 2 / np.max(curvatures)
    ### END SOLUTION


def slowest_factor(curvatures, lr):
    """Return the factor per step, without sign, of the axis that shrinks slowest."""
    ### BEGIN SOLUTION
    return np.max(np.abs(1 - lr * np.asarray(curvatures)))
    ### END SOLUTION


# %% check="stability" points=2
bowl = [10.0, 0.1, 3.0]
emit("the largest rate", lambda: largest_rate(bowl))
emit("the slowest factor at a small rate", lambda: slowest_factor(bowl, 0.05))
emit("the slowest factor near the edge", lambda: slowest_factor(bowl, 0.1999))
### BEGIN HIDDEN TESTS
bowl = rng.uniform(0.1, 20, size=6)
near = 1.999 / float(bowl.max())
emit("the edge of another bowl", lambda: largest_rate(bowl))
emit("its slowest factor, small rate", lambda: slowest_factor(bowl, 0.2 * near))
emit("its slowest factor, near the edge", lambda: slowest_factor(bowl, near))
emit("its factor beyond the edge", lambda: slowest_factor(bowl, 1.3 * near))
### END HIDDEN TESTS

# %% wrong="stability"
# The steepest axis diverges first, so the LARGEST curvature sets the limit: you have
# used the smallest.
# - return 2 / np.max(curvatures)
# + return 2 / np.min(curvatures)

# %% wrong="stability"
# 1 / λ is the rate that reaches the minimum in one step. Up to 2 / λ each step jumps
# across the minimum but still lands nearer.
# - return 2 / np.max(curvatures)
# + return 1 / np.max(curvatures)

# %% wrong="stability"
# Each axis has its own limit; the run survives only below the SMALLEST of them, not
# below their mean.
# - return 2 / np.max(curvatures)
# + return 2 / np.mean(curvatures)

# %% wrong="stability"
# A factor of −0.9 shrinks as slowly as +0.9: take absolute values before the maximum.
# - return np.max(np.abs(1 - lr * np.asarray(curvatures)))
# + return np.max(1 - lr * np.asarray(curvatures))

# %% wrong="stability"
# You return the fastest axis: the slowest has the factor that is largest in size.
# - return np.max(np.abs(1 - lr * np.asarray(curvatures)))
# + return np.min(np.abs(1 - lr * np.asarray(curvatures)))

# %% [markdown]
# ## Exercise 2 · Decays without an end
#
# | schedule | rate of step t |
# |---|---|
# | `step` | lr · factor^k, with k the number of milestones m ≤ t |
# | `exponential` | lr · factor^(t / every) |
# | `inverse_time` | lr / (1 + k · t) |
# | `inverse_sqrt` | lr · √(shift / max(t, shift)) |
#
# *Guess first:* the notes write lr / √t. What is the rate of the first step?
#
# <details><summary>Answer</summary>There is none: t = 0 divides by zero. The max is the
# repair: the rate stays at lr for `shift` steps.</details>


# %% answer="decays" flag="nnlib.schedules torch"
def step(lr, milestones, factor):
    """Return the schedule that multiplies by the factor at every milestone."""

    def schedule(t):
        ### BEGIN SOLUTION
        return lr * factor ** sum(m <= t for m in milestones)
        ### END SOLUTION

    return schedule


def exponential(lr, factor, every):
    """Return the schedule that multiplies by the factor per `every` steps, smoothly."""

    def schedule(t):
        ### BEGIN SOLUTION
        return lr * factor ** (t / every)
        ### END SOLUTION

    return schedule


def inverse_time(lr, k):
    """Return the schedule lr / (1 + k t)."""

    def schedule(t):
        ### BEGIN SOLUTION
        return lr / (1 + k * t)
        ### END SOLUTION

    return schedule


def inverse_sqrt(lr, shift):
    """Return the schedule that keeps lr for `shift` steps, then falls as 1 / √t."""

    def schedule(t):
        ### BEGIN SOLUTION
        return lr * math.sqrt(shift / max(t, shift))
        ### END SOLUTION

    return schedule


# %% check="decays" points=2
emit("step", lambda: rates(step(0.8, [10, 20], 0.1), 0, 9, 10, 11, 19, 20, 50))
emit("exponential", lambda: rates(exponential(0.8, 0.5, 10), 0, 5, 10, 40))
emit("inverse time, first step", lambda: rates(inverse_time(0.8, 0.1), 0))
emit("inverse time", lambda: rates(inverse_time(0.8, 0.1), 1, 10, 90))
emit("inverse root, first step", lambda: rates(inverse_sqrt(0.8, 4), 0))
emit("inverse root", lambda: rates(inverse_sqrt(0.8, 4), 1, 4, 5, 16, 400))
### BEGIN HIDDEN TESTS
lr, k = float(rng.uniform(0.1, 2)), float(rng.uniform(0.01, 0.5))
f, n = float(rng.uniform(0.2, 0.8)), int(rng.integers(5, 30))
marks = sorted(int(m) for m in rng.choice(np.arange(2, 60), size=3, replace=False))
emit("other steps", lambda: rates(step(lr, marks, f), 0, *marks, marks[1] - 1, 99))
emit("another exponential", lambda: rates(exponential(lr, f, n), 0, 1, n - 1, n, 3 * n))
emit("another inverse time", lambda: rates(inverse_time(lr, k), 0, 1, n, 10 * n))
emit("another inverse root", lambda: rates(inverse_sqrt(lr, n), 0, n, n + 1, 9 * n))
### END HIDDEN TESTS

# %% wrong="decays"
# At the milestone itself the new rate already holds: m ≤ t, not m < t.
# - return lr * factor ** sum(m <= t for m in milestones)
# + return lr * factor ** sum(m < t for m in milestones)

# %% wrong="decays"
# The rate is multiplied once, whatever the number of milestones passed: it is factor to
# the power of their number.
# - return lr * factor ** sum(m <= t for m in milestones)
# + return lr * (factor if t >= milestones[0] else 1)

# %% wrong="decays"
# A staircase: with // the rate falls in jumps. Here the decay is smooth, t / every.
# - return lr * factor ** (t / every)
# + return lr * factor ** (t // every)

# %% wrong="decays"
# You multiply by the factor in every step; it belongs to `every` steps.
# - return lr * factor ** (t / every)
# + return lr * factor**t

# %% wrong="decays"
# Without the 1 the first step divides by zero.
# - return lr / (1 + k * t)
# + return lr / (k * t)

# %% wrong="decays"
# The steps are counted from 0: with t + 1 the first step already has a smaller rate.
# - return lr / (1 + k * t)
# + return lr / (1 + k * (t + 1))

# %% wrong="decays"
# The formula of the notes, lr / √t: it divides by zero at t = 0. Use max(t, shift).
# - return lr * math.sqrt(shift / max(t, shift))
# + return lr * math.sqrt(shift / t)

# %% wrong="decays"
# The root is missing: this falls as 1 / t.
# - return lr * math.sqrt(shift / max(t, shift))
# + return lr * shift / max(t, shift)

# %% wrong="decays"
# With √(shift / (t + shift)) the rate falls from the first step on; it should stay at
# lr until t = shift.
# - return lr * math.sqrt(shift / max(t, shift))
# + return lr * math.sqrt(shift / (t + shift))

# %% [markdown]
# ## Exercise 3 · Decays that know their end
#
# `linear` goes straight from lr at t = 0 to `end` at t = T. `cosine` goes the same way
# along half a cosine:
#
# end + ½ (lr − end) (1 + cos(π t / T))
#
# **After T both stay at `end`.** A cosine that is not stopped rises again.
#
# *Guess first:* where are the two schedules equal?
#
# <details><summary>Answer</summary>At t = 0, T / 2 and T, and from there on.</details>


# %% answer="planned" flag="nnlib.schedules torch"
def linear(lr, T, end):
    """Return the schedule that goes straight from lr to end in T steps."""

    def schedule(t):
        ### BEGIN SOLUTION
        share = min(t / T, 1)
        return lr + (end - lr) * share
        ### END SOLUTION

    return schedule


def cosine(lr, T, end):
    """Return the schedule that falls from lr to end along half a cosine."""

    def schedule(t):
        ### BEGIN SOLUTION
        angle = math.pi * min(t / T, 1)
        return end + 0.5 * (lr - end) * (1 + math.cos(angle))
        ### END SOLUTION

    return schedule


# %% check="planned" points=2
emit("linear", lambda: rates(linear(0.8, 100, 0.1), 0, 1, 50, 75, 99, 100))
emit("linear after its end", lambda: rates(linear(0.8, 100, 0.1), 101, 150, 1000))
emit("cosine", lambda: rates(cosine(0.8, 100, 0.1), 0, 1, 25, 50, 75, 99, 100))
emit("cosine after its end", lambda: rates(cosine(0.8, 100, 0.1), 101, 150, 200))
### BEGIN HIDDEN TESTS
lr, T = float(rng.uniform(0.3, 2)), int(rng.integers(40, 300))
end = float(rng.uniform(0.01, 0.2))
emit("another line", lambda: rates(linear(lr, T, end), 0, 7, T // 2, T - 1, T))
emit("after the line", lambda: rates(linear(lr, T, end), T + 1, 3 * T))
emit("another cosine", lambda: rates(cosine(lr, T, end), 0, 7, T // 2, T - 1, T))
emit("after the cosine", lambda: rates(cosine(lr, T, end), T + 1, 2 * T))
### END HIDDEN TESTS

# %% wrong="planned"
# After T your line goes on and becomes smaller than `end`, in the long run negative:
# use min(t / T, 1).
# - share = min(t / T, 1)
# + share = t / T

# %% wrong="planned"
# After T your cosine rises again. torch's CosineAnnealingLR does this, too: here it
# should stay.
# - angle = math.pi * min(t / T, 1)
# + angle = math.pi * t / T

# %% wrong="planned"
# A whole cosine: at T you are back at lr. Half of one ends at cos π = −1.
# - angle = math.pi * min(t / T, 1)
# + angle = 2 * math.pi * min(t / T, 1)

# %% wrong="planned"
# The end is missing in the difference: you start at lr + end.
# - return end + 0.5 * (lr - end) * (1 + math.cos(angle))
# + return end + 0.5 * lr * (1 + math.cos(angle))

# %% wrong="planned"
# The ½ is missing: 1 + cos 0 = 2.
# - return end + 0.5 * (lr - end) * (1 + math.cos(angle))
# + return end + (lr - end) * (1 + math.cos(angle))

# %% wrong="planned"
# The schedule should be at `end` at t = T; yours is there one step earlier.
# - share = min(t / T, 1)
# + share = min(t / (T - 1), 1)

# %% wrong="planned"
# Your line ends at 0 instead of `end`.
# - return lr + (end - lr) * share
# + return lr * (1 - share)

# %% [markdown]
# ## Exercise 4 · Up and down
#
# `triangles` goes straight up from `low` to `high` in `half` steps, straight down in
# `half` steps, and again and again. `restarts` repeats a cosine from lr towards 0: a
# cycle has `period` steps, and its first step has the full rate lr.
#
# *Guess first:* with period 10, which rate has step 10?
#
# <details><summary>Answer</summary>lr: step 10 is the first one of the second cycle.
# The rate 0 itself is never used.</details>


# %% answer="cycles" flag="nnlib.schedules torch"
def triangles(low, high, half):
    """Return the schedule that goes up and down between two rates."""

    def schedule(t):
        ### BEGIN SOLUTION
        place = t % (2 * half)
        share = 1 - abs(place / half - 1)
        return low + (high - low) * share
        ### END SOLUTION

    return schedule


def restarts(lr, period):
    """Return the schedule that repeats a cosine from lr towards 0."""

    def schedule(t):
        ### BEGIN SOLUTION
        place = t % period
        return 0.5 * lr * (1 + math.cos(math.pi * place / period))
        ### END SOLUTION

    return schedule


# %% check="cycles" points=2
emit("triangles", lambda: rates(triangles(0.1, 0.5, 4), *range(13)))
emit("restarts", lambda: rates(restarts(0.6, 5), *range(12)))
### BEGIN HIDDEN TESTS
low, high = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.4, 1))
n = int(rng.integers(5, 20))
emit("other triangles", lambda: rates(triangles(low, high, n), 0, 1, n, n + 2, 2 * n))
emit("a later cycle", lambda: rates(triangles(low, high, n), 7 * n, 8 * n, 9 * n - 1))
emit("other restarts", lambda: rates(restarts(high, n), 0, n - 1, n, n + 1, 3 * n))
### END HIDDEN TESTS

# %% wrong="cycles"
# Your triangles start at the top: step 0 has the rate `low`.
# - share = 1 - abs(place / half - 1)
# + share = abs(place / half - 1)

# %% wrong="cycles"
# A saw: yours goes up and then jumps down. A whole cycle has 2 · half steps.
# - place = t % (2 * half)
# - share = 1 - abs(place / half - 1)
# + place = t % half
# + share = place / half

# %% wrong="cycles"
# Your triangle stands on 0: it should go from low to high, and high − low is its
# height.
# - return low + (high - low) * share
# + return high * share

# %% wrong="cycles"
# The jump comes one step late: step `period` is the first one of the next cycle. Use
# the rest of t divided by period.
# - place = t % period
# + place = t % (period + 1)

# %% wrong="cycles"
# Your cosine swings back up smoothly. A restart jumps: take t modulo the period first.
# - place = t % period
# + place = t

# %% wrong="cycles"
# A cycle that ends exactly at 0 wastes its last step: divide by period, not by
# period − 1.
# - return 0.5 * lr * (1 + math.cos(math.pi * place / period))
# + return 0.5 * lr * (1 + math.cos(math.pi * place / (period - 1)))

# %% [markdown]
# ## Exercise 5 · Warm-up around anything, and one cycle
#
# `warmup(schedule, W)` multiplies the first W steps of *any* schedule by a straight
# rise: 1 / W, 2 / W, …, so that step W − 1 is the first with the full rate. The
# schedule's own clock also starts at t = 0. With W = 0 nothing changes.
#
# `one_cycle(high, T, up, start)` rises straight from `start` at t = 0 to `high` at
# t = up, then falls straight to 0 at t = T, and stays there.
#
# *Guess first:* why 1 / W in the first step and not 0 / W?
#
# <details><summary>Answer</summary>A step with rate 0 does nothing: a gradient is
# computed and thrown away.</details>


# %% answer="warmup" flag="nnlib.schedules torch"
def warmup(schedule, W):
    """Return a schedule with W steps of warm-up."""

    def warmed(t):
        ### BEGIN SOLUTION
        if t >= W:
            return schedule(t)
        return schedule(t) * (t + 1) / W
        ### END SOLUTION

    return warmed


def one_cycle(high, T, up, start):
    """Return the schedule that rises from start to high, then falls to 0."""

    def schedule(t):
        ### BEGIN SOLUTION
        if t <= up:
            return start + (high - start) * t / up
        return high * max(0, (T - t) / (T - up))
        ### END SOLUTION

    return schedule


# %% check="warmup" points=3
def falling(t):
    """A schedule to put a warm-up around."""
    return 0.8 / (1 + 0.1 * t)


emit("the first steps", lambda: rates(warmup(falling, 5), 0, 1, 2, 3))
emit("the end of the warm-up", lambda: rates(warmup(falling, 5), 4, 5, 6, 100))
emit("no warm-up", lambda: rates(warmup(falling, 0), 0, 1, 10))
emit("one cycle", lambda: rates(one_cycle(1.0, 100, 30, 0.1), 0, 15, 30, 31, 65, 99))
emit("the cycle's end", lambda: rates(one_cycle(1.0, 100, 30, 0.1), 100, 101, 500))
### BEGIN HIDDEN TESTS
W, slope = int(rng.integers(4, 30)), float(rng.uniform(0.01, 0.1))
high, T = float(rng.uniform(0.5, 2)), int(rng.integers(100, 200))


def other(t):
    """Another schedule, with another decay."""
    return high * math.exp(-slope * t)


emit("another warm-up", lambda: rates(warmup(other, W), 0, 1, W - 2, W - 1, W, W + 1))
emit("zero steps of warm-up", lambda: rates(warmup(other, 0), 0, 1, W))
emit("another cycle", lambda: rates(one_cycle(high, T, W, 0.2), 0, 1, W, W + 1, T - 1))
emit("after the cycle", lambda: rates(one_cycle(high, T, W, 0.2), T, T + 1, 9 * T))
### END HIDDEN TESTS

# %% wrong="warmup"
# t / W gives the first step a rate of 0, and the full rate comes one step late. Count
# (t + 1) / W.
# - return schedule(t) * (t + 1) / W
# + return schedule(t) * t / W

# %% wrong="warmup"
# After the warm-up you start the schedule's clock anew, schedule(t − W). Here its clock
# starts at t = 0, as nnlib's does.
# - if t >= W:
# -     return schedule(t)
# + if t >= W:
# +     return schedule(t - W)

# %% wrong="warmup"
# You rise towards schedule(0) instead of multiplying the schedule's own rate of step t.
# - return schedule(t) * (t + 1) / W
# + return schedule(0) * (t + 1) / W

# %% wrong="warmup"
# The rise goes on after the warm-up: from step W on the factor is 1.
# - if t >= W:
# -     return schedule(t)
# - return schedule(t) * (t + 1) / W
# + return schedule(t) * (t + 1) / max(W, 1)

# %% wrong="warmup"
# Your cycle rises from 0: it should start at `start`.
# - return start + (high - start) * t / up
# + return high * t / up

# %% wrong="warmup"
# After T the rate becomes negative: gradient descent would climb. Stop at 0.
# - return high * max(0, (T - t) / (T - up))
# + return high * (T - t) / (T - up)

# %% wrong="warmup"
# The way down has T − up steps, not T.
# - return high * max(0, (T - t) / (T - up))
# + return high * max(0, (T - t) / T)

# %% [markdown]
# ## Exercise 6 · The range test
#
# How large may the rate be for *this* problem? Raise it at every step and watch the
# loss. `range_test` gets a function `gradient_step(w, lr)` that returns the new weights
# and the loss **before** the step. It returns the rates and losses of all steps. The
# rates form a geometric sequence: the first is `low`, the last is `high`, and the ratio
# of neighbors is constant. When a loss is not finite, stop: that loss and its rate are
# the last ones returned.
#
# `edge` gets these two arrays and returns the first rate **after the minimum of the
# loss** at which the loss is at least as high as it was at the start, or the largest
# rate tried if there is none. A loss that is not finite counts as high.
#
# *Guess first:* why not simply take the rate with the smallest loss?
#
# <details><summary>Answer</summary>It is the last rate before things get worse. A loss
# keeps falling for some steps at a rate that is already too large for later.</details>


# %% answer="range_test" flag="lr_range_test nnlib"
def range_test(gradient_step, w, low, high, steps):
    """Return (rates, losses) of a run whose rate rises from low to high."""
    ### BEGIN SOLUTION
    used, losses = [], []
    for lr in np.geomspace(low, high, steps):
        w, loss = gradient_step(w, lr)
        used.append(lr)
        losses.append(loss)
        if not np.isfinite(loss):
            break
    return np.array(used), np.array(losses)
    ### END SOLUTION


def edge(lrs, losses):
    """Return the first rate after the minimum whose loss is back at its start."""
    ### BEGIN SOLUTION
    clean = np.where(np.isfinite(losses), losses, np.inf)
    for i in range(int(clean.argmin()) + 1, len(clean)):
        if clean[i] >= clean[0]:
            return float(lrs[i])
    return float(lrs[-1])
    ### END SOLUTION


# %% check="range_test" points=3
def on_a_bowl(curvatures, limit=1e6):
    """A gradient step on a bowl; its loss is nan once it is larger than the limit."""
    curvatures = np.asarray(curvatures)

    def gradient_step(w, lr):
        loss = 0.5 * float((curvatures * w**2).sum())
        new = w - lr * curvatures * w
        return new, loss if loss < limit else math.nan

    return gradient_step


valley, begin_at = on_a_bowl([5.0, 0.2]), np.array([1.0, 2.0])
emit("the rates", lambda: range_test(valley, begin_at, 0.001, 0.3, 20)[0])
emit("the losses", lambda: range_test(valley, begin_at, 0.001, 0.3, 20)[1])
emit("a run that explodes", lambda: range_test(valley, begin_at, 0.01, 50, 30)[0])
bumpy = np.array([2.0, 2.2, 1.0, 0.5, 0.7, 1.9, 2.1, 9.0])
emit("an edge", lambda: edge(np.geomspace(0.01, 1, 8), bumpy))
emit(
    "an edge at nan",
    lambda: edge(np.array([1.0, 2, 4, 8]), np.array([3, 1, np.nan, 2])),
)
emit("no edge at all", lambda: edge(np.array([1.0, 2, 4]), np.array([3.0, 2, 1])))
### BEGIN HIDDEN TESTS
curves, n = rng.uniform(0.5, 8, size=4), int(rng.integers(20, 60))
begin_at, hill = rng.standard_normal(4) + 2, on_a_bowl(curves)
emit("other rates", lambda: range_test(hill, begin_at, 1e-4, 0.2, n)[0])
emit("other losses", lambda: range_test(hill, begin_at, 1e-4, 0.2, n)[1][: n // 2])
emit("another explosion", lambda: len(range_test(hill, begin_at, 0.01, 90, n)[0]))
emit("its last rate", lambda: range_test(hill, begin_at, 0.01, 90, n)[0][-1])
fall = np.sort(rng.uniform(0.1, 2.9, 9))[::-1]
curve = np.concatenate([[3.0, 3.3, 3.1], fall, [3.2]])
grown = np.geomspace(1e-3, float(rng.uniform(1, 5)), len(curve) + 2)
emit("a bump before the minimum", lambda: edge(grown, np.append(curve, [4.0, 5.0])))
emit("nothing but nan after", lambda: edge(grown, np.append(curve[:-1], [np.nan] * 3)))
emit("never back", lambda: edge(grown[:10], curve[:10]))
### END HIDDEN TESTS

# %% wrong="range_test"
# Your rates rise in a straight line. Nearly all of them then belong to the last decade:
# use a constant RATIO, np.geomspace.
# - for lr in np.geomspace(low, high, steps):
# + for lr in np.linspace(low, high, steps):

# %% wrong="range_test"
# The last rate should be `high` itself: a sequence of `steps` rates has steps − 1
# ratios.
# - for lr in np.geomspace(low, high, steps):
# + for lr in low * (high / low) ** (np.arange(steps) / steps):

# %% wrong="range_test"
# You go on after the loss is no longer finite.
# - if not np.isfinite(loss):
# -     break
# + pass

# %% wrong="range_test"
# Each of your steps starts from the first weights again: keep the new ones, w, from
# step to step.
# - w, loss = gradient_step(w, lr)
# + _, loss = gradient_step(w, lr)


# %% wrong="range_test"
# You return the rate of the smallest loss. It is too large to train with; and it is not
# the edge.
def edge(lrs, losses):
    return float(lrs[np.nanargmin(losses)])


# %% wrong="range_test"
# The loss may rise a little above its start before it falls. Look only AFTER the
# minimum.
# - for i in range(int(clean.argmin()) + 1, len(clean)):
# + for i in range(1, len(clean)):

# %% wrong="range_test"
# A comparison with nan is always False, so you step over the explosion: count nan as
# infinitely high.
# - for i in range(int(clean.argmin()) + 1, len(clean)):
# -     if clean[i] >= clean[0]:
# + for i in range(int(clean.argmin()) + 1, len(clean)):
# +     if losses[i] >= losses[0]:

# %% [markdown]
# **See what it does.** Your range test and your warm-up with a cosine, on the digits.
# *Guess first:* a network whose first weights are three times too large is trained with
# rate 0.3, once with 80 steps of warm-up and once without. Which of the two learns?
#
# <details><summary>Answer</summary>Usually only the one with warm-up: at the start the
# landscape is too steep for this rate, later it is not.</details>

# %% demo=true
from nnlib.data import digits
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.optim import SGD
from nnlib.train import fit

d = digits(rng=np.random.default_rng(12))
try:
    plans = {
        "without warm-up": cosine(0.3, 160, 0.0),
        "with warm-up": warmup(cosine(0.3, 160, 0.0), 80),
    }
    for name, plan in plans.items():
        plan(0)
        net = mlp([64, 50, 50, 10], rng=np.random.default_rng(3), lead=(5,))
        net.params[...] *= 3
        with np.errstate(all="ignore"):
            h = fit(
                net,
                softmax_cross_entropy,
                SGD(lr=plan),
                d,
                epochs=8,
                batch_size=50,
                rng=np.random.default_rng(4),
            )
        errors = ", ".join(f"{e:.0%}" for e in h["val_error"][-1])
        print(f"{name}: error of five networks {errors}")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## What you have now
#
# A dozen lines that make any schedule, checked where schedules go wrong: at their ends.
# A bound that says what "too large" means, and a test that finds it in one run. The
# next chapter asks what happens to the rate when the batch grows.

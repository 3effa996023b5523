# %% [markdown]
# # Lab 16 · Early stopping
#
# A rule that stops training is ten lines long, and nearly everybody has got one of them
# wrong once: the window that looks into the future, the counter that never goes back to
# zero, the "best" weights that are the last ones. In this lab you write the rule, make
# it give back the right weights, and measure how far its own score can be trusted.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 16, NumPy, about 60 minutes.

# %%
import numpy as np

# A validation loss that falls, wiggles, and rises again.
CURVE = np.array([2.0, 1.2, 1.3, 0.9, 0.95, 0.92, 0.8, 0.85, 0.9, 0.88, 0.95, 1.0])


def bumpy(rng, epochs=30, turn=12, size=0.1):
    """A random validation loss with its bottom near the epoch `turn`."""
    t = np.arange(epochs)
    return 0.5 + 0.03 * np.abs(t - turn) + size * rng.standard_normal(epochs)


# %% [markdown]
# ## Exercise 1 · A window
#
# A validation curve wiggles. A window averages each epoch with those **before** it: at
# epoch t the mean of the last `window` values, up to and with the one at t. At the
# start there are fewer: the mean of those there are.
#
# *Guess first:* a curve falls by 1 per epoch. By how much does a window of 5 lie above
# it?
#
# <details><summary>Answer</summary>By 2: the mean of five values is the one in the
# middle, two epochs old. A window sees everything late, the turn as well.</details>


# %% answer="smooth"
def smooth(values, window):
    """Mean of the last `window` values at each epoch, as an array of equal length."""
    ### BEGIN SOLUTION
    means = []
    for t in range(len(values)):
        start = max(0, t + 1 - window)
        means.append(np.mean(values[start : t + 1]))
    return np.array(means)
    ### END SOLUTION


# %% check="smooth" points=2
emit("a window of 3", lambda: smooth(CURVE, 3))
emit("a window of 1", lambda: smooth(CURVE, 1))
emit("the length", lambda: len(smooth(CURVE, 5)))
### BEGIN HIDDEN TESTS
curve = bumpy(rng)
emit("a window of 5 on a random curve", lambda: smooth(curve, 5))
emit("a window longer than the curve", lambda: smooth(curve[:6], 10))
### END HIDDEN TESTS

# %% wrong="smooth"
# Your window is one value too long: values[t - window : t + 1] has window + 1 values.
# - start = max(0, t + 1 - window)
# + start = max(0, t - window)

# %% wrong="smooth"
# Your window leaves out the newest value, the one at t: a slice ends BEFORE its second
# number.
# - means.append(np.mean(values[start : t + 1]))
# + means.append(np.mean(values[start : max(t, 1)]))

# %% wrong="smooth"
# At the start you divide by `window` although fewer values are there: the first means
# come out too small, and a rule that waits for a minimum finds it at epoch 0.
# - means.append(np.mean(values[start : t + 1]))
# + means.append(np.sum(values[start : t + 1]) / window)

# %% wrong="smooth"
# Your window is centered: at epoch t it uses values of LATER epochs. While training
# runs nobody knows them yet.
# - start = max(0, t + 1 - window)
# - means.append(np.mean(values[start : t + 1]))
# + half = window // 2
# + means.append(np.mean(values[max(0, t - half) : t + half + 1]))


# %% wrong="smooth"
# np.convolve(..., mode="same") fills up with zeros and looks into the future.
def smooth(values, window):
    return np.convolve(values, np.ones(window) / window, mode="same")


# %% wrong="smooth"
# The first epochs are missing: the result must be as long as the curve.
def smooth(values, window):
    return np.convolve(values, np.ones(window) / window, mode="valid")


# %% [markdown]
# ## Exercise 2 · Better?
#
# A loss should become smaller (`mode="min"`), an accuracy larger (`mode="max"`). An
# improvement counts only if it is **more** than `min_delta`. A value that is not a
# number (`nan`, after a divergence) never improves.
#
# *Guess first:* what does Python say to `float("nan") < 1` and to
# `float("nan") >= 1`?
#
# <details><summary>Answer</summary>False, both times. So "is it better?" is safe, and
# "not: is it worse?" is not.</details>


# %% answer="improves"
def improves(value, best, mode, min_delta):
    """Whether `value` beats `best` by more than `min_delta`."""
    ### BEGIN SOLUTION
    if mode == "min":
        return bool(value < best - min_delta)
    return bool(value > best + min_delta)
    ### END SOLUTION


# %% check="improves" points=2
LOSSES = [0.7, 0.79, 0.8, 0.81, 0.9]
emit("losses against 0.8", lambda: [improves(v, 0.8, "min", 0.0) for v in LOSSES])
emit("the same, by 0.05", lambda: [improves(v, 0.8, "min", 0.05) for v in LOSSES])
emit("as accuracies", lambda: [improves(v, 0.8, "max", 0.0) for v in LOSSES])
emit("not a number", lambda: improves(float("nan"), 0.8, "min", 0.0))
### BEGIN HIDDEN TESTS
values = [*np.round(rng.uniform(0, 1, 12), 3), 0.5, float("nan")]
delta = float(np.round(rng.uniform(0.05, 0.2), 3))
emit("min, any delta", lambda: [improves(v, 0.5, "min", delta) for v in values])
emit("max, any delta", lambda: [improves(v, 0.5, "max", delta) for v in values])
emit("max, no delta", lambda: [improves(v, 0.5, "max", 0.0) for v in values])
### END HIDDEN TESTS

# %% wrong="improves"
# For "max" larger is better: you ask for smaller in both modes.
# - return bool(value > best + min_delta)
# + return bool(value < best - min_delta)

# %% wrong="improves"
# An equal value is not an improvement: with <= a flat curve improves for ever and
# training never stops.
# - return bool(value < best - min_delta)
# + return bool(value <= best - min_delta)
# - return bool(value > best + min_delta)
# + return bool(value >= best + min_delta)

# %% wrong="improves"
# The sign of min_delta is turned round: values that are a little WORSE count as better.
# - return bool(value < best - min_delta)
# + return bool(value < best + min_delta)
# - return bool(value > best + min_delta)
# + return bool(value > best - min_delta)

# %% wrong="improves"
# min_delta is missing.
# - return bool(value < best - min_delta)
# + return bool(value < best)
# - return bool(value > best + min_delta)
# + return bool(value > best)

# %% wrong="improves"
# "Not worse" is not the same as "better" for nan: a run that diverged would count as
# the best so far.
# - return bool(value < best - min_delta)
# + return not bool(value >= best - min_delta)
# - return bool(value > best + min_delta)
# + return not bool(value <= best + min_delta)

# %% [markdown]
# ## Exercise 3 · The rule
#
# Now the rule itself, for a loss. It is called once after each epoch. What it remembers
# is in a dictionary `state`, which is empty before the first epoch:
#
# | key | meaning |
# |---|---|
# | `"epoch"` | the number of the epoch just seen, from 0 |
# | `"best"` | lowest value so far |
# | `"best_epoch"` | its epoch |
# | `"wait"` | epochs **in a row** without improvement |
#
# Return True when `wait` has reached `patience`. An epoch improves if its value is
# below `best`; the first one always does, unless it is nan.
#
# *Guess first:* `CURVE` above, patience 3. When does the rule stop, and is that good?
#
# <details><summary>Answer</summary>At epoch 9: the best, 0.8, is at epoch 6. With
# patience 2 it would have stopped at epoch 5 and kept 0.9.</details>


# %% answer="should_stop" flag="nnlib.train nnlib.stopping"
def should_stop(value, state, patience):
    """Take in the loss of one epoch; return whether training should stop now."""
    ### BEGIN SOLUTION
    state["epoch"] = state.get("epoch", -1) + 1
    if value < state.get("best", np.inf):
        state["best"], state["best_epoch"] = value, state["epoch"]
        state["wait"] = 0
    else:
        state["wait"] = state.get("wait", 0) + 1
    return bool(state["wait"] >= patience)
    ### END SOLUTION


# %% check="should_stop" points=4
def follow(curve, patience):
    """The answers up to the first True, then the best value and its epoch."""
    state, answers = {}, []
    for value in curve:
        answers.append(should_stop(float(value), state, patience))
        if answers[-1]:
            break
    return answers, float(state["best"]), int(state["best_epoch"])


emit("the answers, patience 3", lambda: follow(CURVE, 3)[0])
emit("the answers, patience 2", lambda: follow(CURVE, 2)[0])
emit("best value and epoch", lambda: follow(CURVE, 3)[1:])
emit("a flat curve", lambda: follow([1.0] * 8, 4))
### BEGIN HIDDEN TESTS
curves = [bumpy(rng, turn=int(rng.integers(5, 15))) for _ in range(6)]
emit("when it stops", lambda: [len(follow(c, 3)[0]) for c in curves])
emit("when it stops, patience 6", lambda: [len(follow(c, 6)[0]) for c in curves])
emit("what it found best", lambda: [follow(c, 4)[1] for c in curves], rtol=1e-9)
emit("at which epoch", lambda: [follow(c, 4)[2] for c in curves])
height = float(rng.uniform(0.2, 2.0))
emit("a flat curve of any height", lambda: follow([height] * 9, 4))
emit("a run that diverges", lambda: follow([1.0, 0.8, *[float("nan")] * 9], 5))
### END HIDDEN TESTS

# %% wrong="should_stop"
# Your counter never goes back to zero: it counts ALL epochs without improvement, not
# those in a row.
# - state["wait"] = 0
# + state["wait"] = state.get("wait", 0)

# %% wrong="should_stop"
# You stop one epoch late: with patience 3 the third epoch without improvement is the
# last one.
# - return bool(state["wait"] >= patience)
# + return bool(state["wait"] > patience)


# %% wrong="should_stop"
# You compare with the epoch before, not with the best so far. A curve that wiggles
# upwards then never stops.
def should_stop(value, state, patience):
    state["epoch"] = state.get("epoch", -1) + 1
    if value < state.get("last", np.inf):
        state["wait"] = 0
    else:
        state["wait"] = state.get("wait", 0) + 1
    if value < state.get("best", np.inf):
        state["best"], state["best_epoch"] = value, state["epoch"]
    state["last"] = value
    return bool(state["wait"] >= patience)


# %% wrong="should_stop"
# An equal value counts as an improvement: a flat curve never stops.
# - if value < state.get("best", np.inf):
# + if value <= state.get("best", np.inf):

# %% wrong="should_stop"
# Epochs are counted from 0: the first one is epoch 0, not 1.
# - state["epoch"] = state.get("epoch", -1) + 1
# + state["epoch"] = state.get("epoch", 0) + 1


# %% wrong="should_stop"
# The best starts at 0, and no loss is below 0: it never improves. Start at infinity.
def should_stop(value, state, patience):
    state["epoch"] = state.get("epoch", -1) + 1
    state.setdefault("best", 0.0)
    state.setdefault("best_epoch", 0)
    if value < state["best"]:
        state["best"], state["best_epoch"] = value, state["epoch"]
        state["wait"] = 0
    else:
        state["wait"] = state.get("wait", 0) + 1
    return bool(state["wait"] >= patience)


# %% [markdown]
# ## Exercise 4 · Give back the best
#
# When the rule says stop, the weights at hand are `patience` epochs past the best. So
# the loop must keep the best ones. `step(weights, epoch)` trains for one epoch and
# changes the array **in place**, as the optimizers of nnlib do. `measure(weights)` is
# the validation loss. Train for at most `epochs` epochs, stop as in exercise 3, and
# return the weights of the best epoch and the number of epochs that were trained.
#
# *Guess first:* what does `best = weights` keep?
#
# <details><summary>Answer</summary>A second name for the same array. The next step
# changes "both".</details>


# %% answer="train" flag="nnlib.train nnlib.stopping"
def train(weights, step, measure, epochs, patience):
    """Return (weights of the best epoch, number of epochs trained)."""
    ### BEGIN SOLUTION
    lowest, best, wait = np.inf, weights.copy(), 0
    for epoch in range(epochs):
        step(weights, epoch)
        value = measure(weights)
        if value < lowest:
            lowest, wait = value, 0
            best = weights.copy()
        else:
            wait += 1
        if wait >= patience:
            break
    return best, epoch + 1
    ### END SOLUTION


# %% check="train" points=4
def walk(weights, epoch):
    """Training: the weights move on by 0.1 and 0.2 in each epoch, in place."""
    weights += np.array([0.1, 0.2])


def valley(bottom, wiggle=0.0):
    """A validation loss with its lowest point where the first weight is `bottom`."""
    return lambda w: float((w[0] - bottom) ** 2 + wiggle * np.sin(40 * w[0]))


def run(bottom, epochs=30, patience=3, wiggle=0.0):
    return train(np.zeros(2), walk, valley(bottom, wiggle), epochs, patience)


emit("the weights", lambda: run(0.72)[0])
emit("the number of epochs", lambda: run(0.72)[1])
emit("too few epochs to stop", lambda: run(0.72, epochs=5))
emit("one that stops at once", lambda: run(-1.0, patience=2))
### BEGIN HIDDEN TESTS
bottom = float(rng.uniform(0.5, 1.5))
emit("another bottom", lambda: run(bottom, patience=5)[0])
emit("its number of epochs", lambda: run(bottom, patience=5)[1])
emit("with wiggles", lambda: run(bottom, patience=2, wiggle=0.1))
emit("with wiggles and more patience", lambda: run(bottom, patience=6, wiggle=0.1))
### END HIDDEN TESTS

# %% wrong="train"
# What you give back are the LAST weights, some epochs past the best. If you did keep
# the best: `best = weights` is a second name for the array that training changes
# further. Make a copy.
# - best = weights.copy()
# + best = weights

# %% wrong="train"
# You copy the weights BEFORE the epoch that made them good: measure, then copy.
# - step(weights, epoch)
# + before = weights.copy()
# + step(weights, epoch)
# - best = weights.copy()
# + best = before

# %% wrong="train"
# The last epoch is counted from 0: after epoch number 9, ten epochs have been trained.
# - return best, epoch + 1
# + return best, epoch

# %% wrong="train"
# The weights are right, but you train all epochs: break when the patience is over.
# - if wait >= patience:
# + if False:

# %% [markdown]
# **See what it does.** Twenty networks on 300 digits, a fifth of the labels wrong. Your
# rule and your window choose an epoch for each network; test labels are right.

# %% demo=true
from nnlib.data import Split, digits
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.optim import SGD
from nnlib.train import evaluate, fit

own = np.random.default_rng(16)
d = digits(rng=own, n_train=300, n_val=100, device="cpu")
y = np.where(own.random(300) < 0.2, own.integers(0, 10, 300), d.y_train)
d = Split(d.x_train, y, d.x_val, d.y_val, d.x_test, d.y_test)
net, test = mlp([64, 32, 10], rng=own, lead=(20,), device="cpu"), []
h = fit(
    net,
    softmax_cross_entropy,
    SGD(lr=0.2),
    d,
    epochs=60,
    batch_size=32,
    rng=own,
    callbacks=[
        lambda e, m, h: test.append(
            evaluate(m, softmax_cross_entropy, d.x_test, d.y_test)[1]
        )
    ],
)
test = 100 * np.stack(test)
print(f"without stopping: {test[-1].mean():.1f} % test error")
try:
    for patience in (2, 10):
        for window in (1, 5):
            chosen = []
            for curve in h["val_error"].T:
                state = {}
                for value in smooth(curve, window):
                    if should_stop(value, state, patience):
                        break
                chosen.append(state["best_epoch"])
            error = test[chosen, np.arange(20)].mean()
            print(f"patience {patience}, window {window}: {error:.1f} %")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 5 · How good is it really?
#
# The epoch was chosen because its validation error is low. So this number is too good.
# Given the curves of several networks, choose **for each network** the epoch with the
# lowest validation error (the first one, if several are equal), and return
#
# - what may be reported: the test error at that epoch, and
# - the **optimism**: the test error minus the validation error there.
#
# *Guess first:* all epochs of a network are equally good, 10 % error, and the
# validation error of each is 10 % give or take 3. What is the lowest of 50, roughly?
#
# <details><summary>Answer</summary>The lowest of 50 independent normal numbers is
# about 2.2 standard deviations below the mean: 3.4 %. (Neighboring epochs are not
# independent, so reality is milder.)</details>


# %% answer="honest"
def honest(val_error, test_error):
    """Return (reported, optimism), each of shape (networks,).

    val_error, test_error: arrays of shape (epochs, networks)
    """
    ### BEGIN SOLUTION
    chosen = val_error.argmin(axis=0)
    networks = np.arange(val_error.shape[1])
    reported = test_error[chosen, networks]
    return reported, reported - val_error[chosen, networks]
    ### END SOLUTION


# %% check="honest" points=2
VAL = np.array([[9.0, 8.0], [4.0, 7.0], [6.0, 2.0], [4.0, 3.0]])
TEST = np.array([[9.5, 9.0], [6.5, 5.0], [6.0, 4.5], [5.0, 4.0]])
emit("what may be reported", lambda: honest(VAL, TEST)[0])
emit("the optimism", lambda: honest(VAL, TEST)[1])
### BEGIN HIDDEN TESTS
shape = (40, 25)
val = 10 + 3 * rng.standard_normal(shape)
test = 10 + rng.standard_normal(shape)
emit("reported for random curves", lambda: honest(val, test)[0])
emit("the optimism of random curves", lambda: honest(val, test)[1])
### END HIDDEN TESTS

# %% wrong="honest"
# You take the lowest TEST error: then the test set has chosen the epoch, and nothing is
# left to measure it with.
# - reported = test_error[chosen, networks]
# + reported = test_error.min(axis=0)

# %% wrong="honest"
# The epoch is chosen with the test set. Choose with the validation set.
# - chosen = val_error.argmin(axis=0)
# + chosen = test_error.argmin(axis=0)

# %% wrong="honest"
# You report the validation error that chose the epoch: that is the number which is too
# good.
# - reported = test_error[chosen, networks]
# + reported = val_error[chosen, networks]

# %% wrong="honest"
# You choose one epoch for all networks. Each stops by itself: argmin over axis 0.
# - chosen = val_error.argmin(axis=0)
# + chosen = np.full(val_error.shape[1], val_error.mean(axis=1).argmin())

# %% wrong="honest"
# The sign is turned round: optimism is positive when the validation error is too low.
# - return reported, reported - val_error[chosen, networks]
# + return reported, val_error[chosen, networks] - reported

# %% [markdown]
# ## Exercise 6 · The penalty that does the same
#
# In a direction of curvature h, gradient descent from 0 has learned the share
# s = 1 − (1 − lr · h)^steps of the full solution; an L2 penalty λ, trained to the end,
# learns the share h / (h + λ). Which λ gives **exactly** the same share?
#
# *Guess first:* does one λ do for all directions?
#
# <details><summary>Answer</summary>Not exactly. For flat directions it is
# 1 / (lr · steps); for steep ones it is smaller.</details>


# %% answer="same_penalty"
def same_penalty(h, lr, steps):
    """The λ that shrinks a direction of curvature h as much as stopping does."""
    ### BEGIN SOLUTION
    left = (1 - lr * h) ** steps
    return h * left / (1 - left)
    ### END SOLUTION


# %% check="same_penalty" points=2
emit("a medium direction", lambda: same_penalty(0.1, 0.5, 20))
emit("a flat direction", lambda: same_penalty(1e-4, 0.5, 20))
emit("a steep direction", lambda: same_penalty(1.5, 0.5, 20))
### BEGIN HIDDEN TESTS
hs = rng.uniform(0.05, 1.0, 6)
lr, steps = float(rng.uniform(0.1, 0.9)), int(rng.integers(5, 40))
emit("any directions", lambda: [same_penalty(float(h), lr, steps) for h in hs])
### END HIDDEN TESTS

# %% wrong="same_penalty"
# 1 / (lr · steps) is the limit for flat directions. Solve 1 − (1 − lr h)^steps =
# h / (h + λ) for λ.
# - return h * left / (1 - left)
# + return 1 / (lr * steps)

# %% wrong="same_penalty"
# Upside down: from s = h / (h + λ) follows λ = h (1 − s) / s.
# - return h * left / (1 - left)
# + return h * (1 - left) / left

# %% wrong="same_penalty"
# You have found λ / h: the curvature in front is missing.
# - return h * left / (1 - left)
# + return left / (1 - left)

# %% wrong="same_penalty"
# The power is steps: what is left shrinks by (1 − lr h) at EVERY step.
# - left = (1 - lr * h) ** steps
# + left = 1 - lr * h * steps

# %% wrong="same_penalty"
# exp(−lr h steps) is the limit of small steps, not the exact value.
# - left = (1 - lr * h) ** steps
# + left = np.exp(-lr * h * steps)

# %% [markdown]
# ## What you have now
#
# A rule with patience and a window, a loop that gives back the weights it promised, and
# the habit of reporting a number that did not choose anything. The rule is a
# regularizer: exercise 6 says how strong. What other regularizers there are is
# the subject of chapters 14, 15 and 17.

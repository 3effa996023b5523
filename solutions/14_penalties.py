# %% [markdown]
# # Lab 14 · Parameter penalties
#
# A penalty is one line of code. The line is wrong surprisingly often: a factor of two,
# a number of examples too many, a bias that should have been left alone, a weight that
# jumps over zero instead of stopping there. And nothing crashes. In this lab you write
# the penalties, translate their strength from one text to another, find the five inputs
# that matter among sixty, and decide whether two columns of errors differ.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 14, NumPy, about 60 minutes.

# %%
import numpy as np

# Six parameters of a small model: four weights and two biases.
PARAMS = np.array([0.5, -2.0, 0.0, 1.5, 3.0, -1.0])
WEIGHTS = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])  # 1: a weight, 0: a bias

# %% [markdown]
# ## Exercise 1 · A penalty and its gradient
#
# The elastic net adds λ₁ Σ|w| + ½ λ₂ Σw² to the loss. Write its value and its gradient.
# `mask` is 1 for the parameters that are penalized and 0 for the others (biases): they
# count neither in the value nor in the gradient. The gradient has the shape of
# `params`. Where a weight is 0, take 0 for the slope of |w|.
#
# *Guess first:* which pulls harder at a weight of 0.1, L1 with λ₁ = 0.5 or L2 with
# λ₂ = 0.5? And at a weight of 10?
#
# <details><summary>Answer</summary>At 0.1 L1: it pulls with 0.5 everywhere, L2 with
# 0.05. At 10 L2 pulls with 5.</details>


# %% answer="elastic" flag="nnlib.penalties penalties"
def elastic(params, l1, l2, mask):
    """Return (value, gradient) of l1 · Σ|w| + ½ l2 · Σw² over the masked entries."""
    ### BEGIN SOLUTION
    w = params * mask
    size = np.abs(w).sum()
    square = (w**2).sum()
    value = l1 * size + 0.5 * l2 * square
    gradient = l1 * np.sign(w) + l2 * w
    return value, gradient
    ### END SOLUTION


# %% check="elastic" points=3
ALL = np.ones(6)
emit("value of L1", lambda: elastic(PARAMS, 0.5, 0.0, WEIGHTS)[0])
emit("value of L2", lambda: elastic(PARAMS, 0.0, 0.5, WEIGHTS)[0])
emit("gradient of L1", lambda: elastic(PARAMS, 0.5, 0.0, WEIGHTS)[1])
emit("gradient of L2", lambda: elastic(PARAMS, 0.0, 0.5, WEIGHTS)[1])
emit("everything penalized", lambda: elastic(PARAMS, 0.1, 0.3, ALL))
### BEGIN HIDDEN TESTS
p = rng.standard_normal(9)
m = (rng.random(9) < 0.6).astype(float)
one, two = float(rng.uniform(0.1, 1)), float(rng.uniform(0.1, 1))


def slope(f, x, h=1e-6):
    """Centered differences of the value."""
    moves = np.eye(len(x)) * h
    return np.array([(f(x + d) - f(x - d)) / (2 * h) for d in moves])


emit("both at once, the value", lambda: elastic(p, one, two, m)[0])
emit("both at once, the gradient", lambda: elastic(p, one, two, m)[1])
emit(
    "the slope of your value",
    lambda: slope(lambda v: elastic(v, one, two, m)[0], p),
    rtol=1e-4,
    atol=1e-6,
)
### END HIDDEN TESTS

# %% wrong="elastic"
# The value and the gradient do not belong together: the derivative of ½ w² is w.
# - gradient = l1 * np.sign(w) + l2 * w
# + gradient = l1 * np.sign(w) + 2 * l2 * w

# %% wrong="elastic"
# The ½ of L2 is missing in the value: its derivative would be twice as large.
# - value = l1 * size + 0.5 * l2 * square
# + value = l1 * size + l2 * square

# %% wrong="elastic"
# L2 is the sum of the SQUARES; you have taken its root, the length of the vector.
# - square = (w**2).sum()
# + square = np.sqrt((w**2).sum())

# %% wrong="elastic"
# L1 is the sum of the absolute values, without a square.
# - size = np.abs(w).sum()
# + size = np.abs(w).sum() ** 2

# %% wrong="elastic"
# Your L1 adds up signed weights: positive and negative ones cancel.
# - size = np.abs(w).sum()
# + size = w.sum()

# %% wrong="elastic"
# You have averaged over the weights: the penalty is a sum.
# - size = np.abs(w).sum()
# - square = (w**2).sum()
# + size = np.abs(w).mean()
# + square = (w**2).mean()

# %% wrong="elastic"
# The biases are penalized as well: use the mask, in the value and in the gradient.
# - w = params * mask
# + w = params

# %% wrong="elastic"
# The value leaves the biases out, the gradient does not.
# - gradient = l1 * np.sign(w) + l2 * w
# + gradient = l1 * np.sign(params) + l2 * params

# %% wrong="elastic"
# The slope of |w| is the SIGN of w: it does not depend on the size of w.
# - gradient = l1 * np.sign(w) + l2 * w
# + gradient = l1 * np.abs(w) + l2 * w

# %% wrong="elastic"
# You have left the strength out of the L1 part of the gradient.
# - gradient = l1 * np.sign(w) + l2 * w
# + gradient = np.sign(w) + l2 * w

# %% [markdown]
# ## Exercise 2 · Whose λ is it?
#
# Your code adds λ₁ Σ|w| + ½ λ₂ Σw² to the **mean** loss over m examples. Others write
# it differently. Translate their λ into your pair (λ₁, λ₂), so that training is the
# same.
#
# | `text` | what is minimized |
# |---|---|
# | `"frobenius"` | mean loss + λ/(2m) · Σw² |
# | `"absolute"` | mean loss + λ/(2m) · Σ\|w\| |
# | `"keras"` | mean loss + λ · Σw² |
# | `"weight decay"` | the gradient of the mean loss gets + λ w |
# | `"sum"` | **sum** of the losses + ½ λ Σw² |
#
# *Guess first:* a text of the first kind uses λ = 10 with 200 examples. Which λ₂ is it?
#
# <details><summary>Answer</summary>0.05: ½ λ₂ must equal λ/(2m).</details>


# %% answer="translate"
def translate(lam, m, text):
    """Return (l1, l2) of this lab for a strength lam of another text."""
    ### BEGIN SOLUTION
    if text == "frobenius":
        return 0.0, lam / m
    if text == "absolute":
        return lam / (2 * m), 0.0
    if text == "keras":
        return 0.0, 2 * lam
    if text == "weight decay":
        return 0.0, 1 * lam
    loss_sum = lam / m
    return 0.0, loss_sum
    ### END SOLUTION


# %% check="translate" points=2
emit("Frobenius", lambda: translate(3.0, 60, "frobenius"))
emit("absolute values", lambda: translate(3.0, 60, "absolute"))
emit("Keras", lambda: translate(0.01, 60, "keras"))
emit("weight decay", lambda: translate(0.01, 60, "weight decay"))
emit("summed losses", lambda: translate(3.0, 60, "sum"))
### BEGIN HIDDEN TESTS
lam, m = float(rng.uniform(0.5, 5)), int(rng.integers(50, 500))
emit("another Frobenius", lambda: translate(lam, m, "frobenius"))
emit("another absolute", lambda: translate(lam, m, "absolute"))
emit("another Keras", lambda: translate(lam, m, "keras"))
emit("another weight decay", lambda: translate(lam, m, "weight decay"))
emit("another sum", lambda: translate(lam, m, "sum"))
### END HIDDEN TESTS

# %% wrong="translate"
# Frobenius: both forms have the ½, so it must not be divided out again.
# - return 0.0, lam / m
# + return 0.0, lam / (2 * m)

# %% wrong="translate"
# Frobenius: you have lost the m. It belongs to the strength, not to the loss.
# - return 0.0, lam / m
# + return 0.0, lam

# %% wrong="translate"
# Absolute: your L1 has no ½ to cancel theirs.
# - return lam / (2 * m), 0.0
# + return lam / m, 0.0

# %% wrong="translate"
# Keras has no ½ and you have one: its strength counts twice.
# - return 0.0, 2 * lam
# + return 0.0, lam

# %% wrong="translate"
# Keras: the factor goes the other way.
# - return 0.0, 2 * lam
# + return 0.0, lam / 2

# %% wrong="translate"
# Weight decay adds λ w to the gradient, and the gradient of ½ λ₂ w² is λ₂ w.
# - return 0.0, 1 * lam
# + return 0.0, 2 * lam

# %% wrong="translate"
# A sum of losses is m times the mean: divide the WHOLE objective by m.
# - loss_sum = lam / m
# + loss_sum = lam * m

# %% wrong="translate"
# Summed losses: their strength stands beside m losses, yours beside one.
# - loss_sum = lam / m
# + loss_sum = lam


# %% wrong="translate"
# The pair is the wrong way round: first λ₁, then λ₂.
def translate(lam, m, text):
    if text == "absolute":
        return 0.0, lam / (2 * m)
    return {
        "frobenius": lam / m,
        "keras": 2 * lam,
        "weight decay": lam,
        "sum": lam / m,
    }[text], 0.0


# %% [markdown]
# ## Exercise 3 · Zero, exactly
#
# A gradient step on |w| jumps over zero. *Soft thresholding* moves every weight towards
# zero by a fixed amount, and **stops there**. Write it for arrays of any shape.
#
# *Guess first:* what does a threshold of 0.5 make of 2, of −0.3, of −0.5?
#
# <details><summary>Answer</summary>1.5, 0 and 0.</details>


# %% answer="soft" flag="prox_l1 penalties"
def soft(w, threshold):
    """Move each entry towards 0 by the threshold, at most to 0."""
    ### BEGIN SOLUTION
    left = np.maximum(np.abs(w) - threshold, 0)
    return np.sign(w) * left
    ### END SOLUTION


# %% check="soft" points=2
emit("four weights", lambda: soft(np.array([2.0, -0.3, -0.9, 0.1]), 0.5))
emit("a matrix", lambda: soft(np.array([[1.0, -4.0], [0.2, 3.0]]), 1.5))
emit("no threshold", lambda: soft(np.array([1.0, -2.0, 0.0]), 0.0))
### BEGIN HIDDEN TESTS
w = rng.standard_normal((4, 6))
t = float(rng.uniform(0.3, 0.8))
emit("any weights", lambda: soft(w, t))
emit("exact zeros", lambda: int((soft(w, t) == 0).sum()))
emit("large weights", lambda: soft(10 * w, t))
### END HIDDEN TESTS

# %% wrong="soft"
# You cut small weights off and leave the large ones alone: that is HARD thresholding.
# L1 takes the same amount from all.
# - left = np.maximum(np.abs(w) - threshold, 0)
# + left = np.where(np.abs(w) > threshold, np.abs(w), 0)

# %% wrong="soft"
# Small weights have changed their sign: they must stop at zero.
# - left = np.maximum(np.abs(w) - threshold, 0)
# + left = np.abs(w) - threshold

# %% wrong="soft"
# Negative weights have become positive: give them their sign back.
# - return np.sign(w) * left
# + return left

# %% wrong="soft"
# This limits the size of the weights to the threshold: large ones are cut, small ones
# stay. It is the wrong end.
# - return np.sign(w) * left
# + return np.clip(w, -threshold, threshold)

# %% wrong="soft"
# You subtract from the number, not from its size: negative weights move away from zero.
# - return np.sign(w) * left
# + return np.maximum(w - threshold, 0) + np.minimum(w - threshold, 0) * (w < 0)

# %% [markdown]
# ## Exercise 4 · Five of sixty
#
# Linear regression with an L1 penalty is called the *lasso*. Minimize
#
# $$\frac{1}{2N}\lVert Xw - y\rVert^2 + \lambda \lVert w\rVert_1$$
#
# by repeating two lines from w = 0: a gradient step with rate `lr` on the **first**
# part, then your `soft`.
#
# *Guess first:* what is the threshold, if the step has the rate `lr`?
#
# <details><summary>Answer</summary>lr · λ: the penalty's own gradient step would
# subtract lr · λ · sign(w).</details>


# %%
def problem(rng, N=40, D=60, useful=5):
    """N examples with D inputs, of which only a few matter."""
    X = rng.standard_normal((N, D))
    w = np.zeros(D)
    places = rng.permutation(D)[:useful]
    w[places] = rng.choice([-1.0, 1.0], useful) * rng.uniform(0.5, 1.5, useful)
    return X, X @ w + 0.1 * rng.standard_normal(N), sorted(int(i) for i in places)


# %% answer="lasso" flag="sklearn Lasso prox_l1"
def lasso(X, y, lam, lr=0.1, steps=500):
    """Weights (D,) after `steps` steps from zero; X is (N, D), y is (N,)."""
    ### BEGIN SOLUTION
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        gradient = X.T @ (X @ w - y) / len(y)
        w = soft(w - lr * gradient, lr * lam)
    return w
    ### END SOLUTION


# %% check="lasso" points=3
X, y, places = problem(np.random.default_rng(14))


def kept(w):
    """Which weights are not zero."""
    return [int(i) for i in np.flatnonzero(w)]


emit("the first step", lambda: lasso(X, y, 0.2, steps=1))
emit("three steps", lambda: lasso(X, y, 0.2, steps=3))
emit("the inputs that are kept", lambda: kept(lasso(X, y, 0.2)))
emit("no penalty", lambda: lasso(X, y, 0.0, steps=20))
### BEGIN HIDDEN TESTS
X, y, places = problem(rng, N=50)
lam = float(rng.uniform(0.1, 0.4))
emit("another first step", lambda: lasso(X, y, lam, lr=0.05, steps=1))
emit("ten steps", lambda: lasso(X, y, lam, lr=0.05, steps=10))
emit("many steps", lambda: lasso(X, y, lam, lr=0.05, steps=400), rtol=1e-4, atol=1e-6)
emit("a penalty that is too strong", lambda: lasso(X, y, 50.0, steps=50))
### END HIDDEN TESTS

# %% wrong="lasso"
# The threshold is lr · λ: a step of rate lr moves a weight by lr times the slope.
# - w = soft(w - lr * gradient, lr * lam)
# + w = soft(w - lr * gradient, lam)

# %% wrong="lasso"
# Your gradient is summed over the examples: the loss is a mean.
# - gradient = X.T @ (X @ w - y) / len(y)
# + gradient = X.T @ (X @ w - y)

# %% wrong="lasso"
# The ½ in the loss cancels the 2 of the square: your gradient is twice as large.
# - gradient = X.T @ (X @ w - y) / len(y)
# + gradient = 2 * X.T @ (X @ w - y) / len(y)

# %% wrong="lasso"
# You threshold before the step: then the step brings the zeros back.
# - w = soft(w - lr * gradient, lr * lam)
# + w = soft(w, lr * lam) - lr * gradient

# %% wrong="lasso"
# The penalty is in the gradient AND in the threshold: once is enough.
# - w = soft(w - lr * gradient, lr * lam)
# + w = soft(w - lr * (gradient + lam * np.sign(w)), lr * lam)

# %% wrong="lasso"
# A gradient step on |w| gives no exact zeros: use `soft`.
# - w = soft(w - lr * gradient, lr * lam)
# + w = w - lr * (gradient + lam * np.sign(w))

# %% wrong="lasso"
# You threshold only once, at the end: it has to follow every step.
# - w = soft(w - lr * gradient, lr * lam)
# - return w
# + w = w - lr * gradient
# + return soft(w, lr * lam)

# %% [markdown]
# **See what it does.** The 60 weights for four strengths. *Guess first:* what happens
# to the weights that matter when λ grows, while the others are zero already?
#
# <details><summary>Answer</summary>They shrink, too: soft thresholding takes the same
# from all. This is why people fit the kept inputs once more, without a
# penalty.</details>

# %% demo=true
import matplotlib.pyplot as plt

from nnlib.plotting import use_style

use_style()
X, y, places = problem(np.random.default_rng(14))
try:
    fig, ax = plt.subplots()
    for lam in (0.0, 0.05, 0.2, 0.6):
        ax.plot(lasso(X, y, lam, steps=2000), ".", label=f"λ = {lam:g}")
    ax.vlines(places, -1.5, 1.5, color="0.8", lw=1, zorder=0)
    ax.set(xlabel="input (gray lines: those that matter)", ylabel="weight")
    ax.legend()
except NotImplementedError as unanswered:
    plt.close()
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 5 · Two decays
#
# One step of SGD with momentum, in the form of this course: v ← μ v + g, then
# w ← w − η v. With **L2** (`decoupled=False`) the gradient g gets λ w added before
# anything else. With **decoupled** decay the velocity never hears of it: the weights
# shrink by η λ w of their value *before the step*, beside the step.
#
# *Guess first:* after many steps with μ = 0.9, which of the two has shrunk an unused
# weight more, at the same λ?
#
# <details><summary>Answer</summary>L2, about ten times as fast on the logarithmic
# scale: the velocity adds up the decay of all earlier steps.</details>


# %% answer="step" flag="nnlib.optim"
def step(w, v, g, lr, momentum, lam, decoupled):
    """Return the new (w, v); change no argument."""
    ### BEGIN SOLUTION
    if not decoupled:
        g = g + lam * w
    v = momentum * v + g
    shrink = lr * lam * w if decoupled else 0
    w = w - lr * v - shrink
    return w, v
    ### END SOLUTION


# %% check="step" points=2
def start():
    """Weights, velocity and gradient before the step."""
    return np.array([1.0, -2.0]), np.array([0.5, 0.0]), np.array([0.2, -0.1])


def untouched():
    """The three arguments after a step."""
    arguments = start()
    step(*arguments, 1.0, 0.5, 1.0, False)
    return arguments


def walk(decoupled, lr=0.1, momentum=0.9, lam=0.05, steps=20):
    """An unused weight: it only decays."""
    w, v = np.ones(1), np.zeros(1)
    for _ in range(steps):
        w, v = step(w, v, np.zeros(1), lr, momentum, lam, decoupled)
    return w


emit("one step with L2", lambda: step(*start(), 0.1, 0.9, 0.05, False))
emit("one decoupled step", lambda: step(*start(), 0.1, 0.9, 0.05, True))
emit("twenty steps with L2", lambda: walk(False))
emit("twenty decoupled steps", lambda: walk(True))
emit("the arguments afterwards", untouched)
### BEGIN HIDDEN TESTS
w1, v1, g1 = rng.standard_normal((3, 5))
lr, mu, lam = (float(u) for u in rng.uniform(0.1, 0.8, 3))
emit("any step with L2", lambda: step(w1 + 0, v1 + 0, g1 + 0, lr, mu, lam, False))
emit("any decoupled step", lambda: step(w1 + 0, v1 + 0, g1 + 0, lr, mu, lam, True))
emit("the arguments again", untouched)
emit("many steps with L2", lambda: walk(False, lam=lam, momentum=mu))
emit("many decoupled steps", lambda: walk(True, lam=lam, momentum=mu))
### END HIDDEN TESTS

# %% wrong="step"
# The decoupled decay has got into the velocity: it must act on the weights alone.
# - if not decoupled:
# - g = g + lam * w
# + g = g + lam * w

# %% wrong="step"
# This is L2 in both cases: with decoupled=True the decay acts on the weights alone.
# - if not decoupled:
# - g = g + lam * w
# - v = momentum * v + g
# - shrink = lr * lam * w if decoupled else 0
# + g = g + lam * w
# + v = momentum * v + g
# + shrink = 0

# %% wrong="step"
# `g += …` changes the caller's gradient: write g = g + … instead.
# - g = g + lam * w
# + g += lam * w

# %% wrong="step"
# `w -= …` changes the caller's weights: write w = w - … instead.
# - w = w - lr * v - shrink
# + w -= lr * v + shrink

# %% wrong="step"
# The decoupled decay is multiplied by the learning rate as well.
# - shrink = lr * lam * w if decoupled else 0
# + shrink = lam * w if decoupled else 0

# %% wrong="step"
# You decay the weights AFTER the step; they shrink by a part of their old value.
# - w = w - lr * v - shrink
# + w = (w - lr * v) * (1 - lr * lam) if decoupled else w - lr * v

# %% wrong="step"
# L2 is there twice: in the gradient and beside the step.
# - shrink = lr * lam * w if decoupled else 0
# + shrink = lr * lam * w

# %% wrong="step"
# The gradient of ½ λ w² is λ w, without a 2.
# - g = g + lam * w
# + g = g + 2 * lam * w

# %% wrong="step"
# This is the averaged form of momentum; here the new gradient counts fully.
# - v = momentum * v + g
# + v = momentum * v + (1 - momentum) * g

# %% wrong="step"
# You have penalized with the sign of the weight: that is L1.
# - g = g + lam * w
# + g = g + lam * np.sign(w)

# %% [markdown]
# ## Exercise 6 · Is it more than chance?
#
# `a` and `b` hold the errors of two methods, entry i of both with seed i (same split,
# same start). Return three numbers:
#
# 1. the mean of a − b,
# 2. its standard error from the **pairs**: the sample standard deviation of the
#    differences (divide by n − 1) over √n,
# 3. how many pairs it takes until a difference of this size is at least two standard
#    errors: the smallest whole n with |mean| ≥ 2 s/√n, where s is the standard
#    deviation of the differences that you have seen.
#
# *Guess first:* both columns vary by a full point from seed to seed. Can a difference
# of 0.1 points be significant with five pairs?
#
# <details><summary>Answer</summary>Yes, if both rise and fall together: what counts is
# how much the DIFFERENCE varies.</details>


# %% answer="judge" flag="paired_difference mean_se"
def judge(a, b):
    """Return (mean of a − b, its paired standard error, pairs needed)."""
    ### BEGIN SOLUTION
    d = np.asarray(a) - np.asarray(b)
    mean = d.mean()
    s = d.std(ddof=1)
    se = s / np.sqrt(len(d))
    needed = int(np.ceil((2 * s / mean) ** 2))
    return mean, se, needed
    ### END SOLUTION


# %% check="judge" points=3
a = np.array([7.4, 9.1, 6.8, 8.2, 7.9])
b = np.array([7.2, 9.0, 6.9, 8.0, 7.6])
emit("mean difference", lambda: judge(a, b)[0])
emit("paired standard error", lambda: judge(a, b)[1])
emit("pairs needed", lambda: judge(a, b)[2])
emit("the other way round", lambda: judge(b, a))
### BEGIN HIDDEN TESTS
common = rng.normal(8, 1, 12)
a = common + rng.normal(0.35, 0.2, 12)
b = common + rng.normal(0, 0.2, 12)
few = slice(0, 4)
emit("another mean", lambda: judge(a, b)[0])
emit("another standard error", lambda: judge(a, b)[1])
emit("how many pairs", lambda: judge(a, b)[2])
emit("four pairs only", lambda: judge(a[few], b[few])[1])
emit("how many for a small effect", lambda: judge(a, b + 0.25)[2])
### END HIDDEN TESTS

# %% wrong="judge"
# You have added the variances of the two columns as if they had nothing in common: take
# the differences first.
# - se = s / np.sqrt(len(d))
# + se = np.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / len(d))

# %% wrong="judge"
# This is the standard deviation of one difference: the mean of n varies √n times less.
# - se = s / np.sqrt(len(d))
# + se = s

# %% wrong="judge"
# You divide by n. The mean was estimated from the same numbers: divide by n − 1, with
# ddof=1.
# - s = d.std(ddof=1)
# + s = d.std()

# %% wrong="judge"
# The standard deviation is divided by √n, not by n.
# - se = s / np.sqrt(len(d))
# + se = s / len(d)

# %% wrong="judge"
# The difference has the wrong sign: a − b was asked for.
# - mean = d.mean()
# + mean = -d.mean()

# %% wrong="judge"
# |mean| ≥ 2 s/√n: the whole fraction is squared when you solve for n.
# - needed = int(np.ceil((2 * s / mean) ** 2))
# + needed = int(np.ceil(abs(2 * s / mean)))

# %% wrong="judge"
# You have put the standard error where s belongs: it contains the √n already.
# - needed = int(np.ceil((2 * s / mean) ** 2))
# + needed = int(np.ceil((2 * se / mean) ** 2))

# %% wrong="judge"
# ONE standard error is what chance alone often makes: two were asked for.
# - needed = int(np.ceil((2 * s / mean) ** 2))
# + needed = int(np.ceil((s / mean) ** 2))

# %% wrong="judge"
# The number of pairs has to be rounded up, not down: a fraction is not yet enough.
# - needed = int(np.ceil((2 * s / mean) ** 2))
# + needed = int((2 * s / mean) ** 2)

# %% [markdown]
# ## What you have now
#
# Penalties that leave the biases alone and a λ that survives a change of textbook; a
# threshold that finds the inputs that matter; and a test that tells a result from a
# lucky seed. Chapter 15 regularizes without touching the loss: it switches units off.

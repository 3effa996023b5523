# %% [markdown]
# # Lab 9 · Residual blocks
#
# Fifty layers, one behind the other, hardly train. Add the input of every second layer
# to its output and they do, if you start them right: with He's weights a stack of 25
# such blocks multiplies the variance of its input by 2²⁵, more than thirty million.
# In this lab you write the block and its backward pass, the four usual starts, and the
# formulas that tell in advance what a stack of blocks does.
#
# Each of the five exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell: cells that you add are for you alone and are not graded.
#
# You need: chapter 9, NumPy, about 60 minutes.

# %%
import numpy as np


def relu(z):
    """Set what is negative to zero."""
    return np.maximum(z, 0)


# %% [markdown]
# ## Exercise 1 · A block and its gradient
#
# The block of this lab has two weights and one number α:
#
# y = x + α · F(x), with F(x) = relu(relu(x) @ W1) @ W2
#
# `block_forward` returns y and a cache with whatever the way back needs.
# `block_backward` gets dy, the gradient of the loss with respect to y, and returns
# dx, dW1, dW2 and dalpha. `dalpha` is one number: α touches every entry of F, so its
# gradient is a sum over all of them.
#
# The slope of ReLU is 1 where its input is above 0, else 0.
#
# *Guess first:* what is dx if W2 = 0?
#
# <details><summary>Answer</summary>dy itself. The branch gives nothing and passes
# nothing back; the shortcut passes on everything.</details>


# %% answer="block" flag="nnlib torch"
def block_forward(x, W1, W2, alpha):
    """Return y and a cache; x is (N, D), both weights are (D, D)."""
    ### BEGIN SOLUTION
    a = relu(x)
    z = a @ W1
    h = relu(z)
    F = h @ W2
    y = x + alpha * F
    return y, (x, W1, W2, alpha, a, z, h, F)
    ### END SOLUTION


def block_backward(dy, cache):
    """Return dx, dW1, dW2, dalpha."""
    ### BEGIN SOLUTION
    x, W1, W2, alpha, a, z, h, F = cache
    dalpha = (dy * F).sum()
    dF = alpha * dy
    dW2 = h.T @ dF
    dz = (dF @ W2.T) * (z > 0)
    dW1 = a.T @ dz
    dbranch = (dz @ W1.T) * (x > 0)
    dx = dy + dbranch
    return dx, dW1, dW2, dalpha
    ### END SOLUTION


# %% check="block" points=3
def example(rng, N=6, D=4):
    """Inputs, weights and an error for one block."""
    x, dy = rng.standard_normal((2, N, D))
    W1, W2 = rng.standard_normal((2, D, D))
    return x, W1, W2, dy


def gradient(i, alpha, rng, **size):
    """One of the four gradients of a random block."""
    x, W1, W2, dy = example(rng, **size)
    return block_backward(dy, block_forward(x, W1, W2, alpha)[1])[i]


fixed = np.random.default_rng
emit("the output", lambda: block_forward(*example(fixed(1))[:3], 0.7)[0])
emit("dx", lambda: gradient(0, 0.7, fixed(1)))
emit("dW1", lambda: gradient(1, 0.7, fixed(1)))
emit("dW2", lambda: gradient(2, 0.7, fixed(1)))
emit("dalpha", lambda: gradient(3, 0.7, fixed(1)))
### BEGIN HIDDEN TESTS
N, D = int(rng.integers(8, 20)), int(rng.integers(5, 9))
alpha = float(rng.uniform(1.2, 2.0))
seed = int(rng.integers(10**6))
emit("another output", lambda: block_forward(*example(fixed(seed), N, D)[:3], alpha)[0])
emit("another dx", lambda: gradient(0, alpha, fixed(seed), N=N, D=D))
emit("another dW1", lambda: gradient(1, alpha, fixed(seed), N=N, D=D))
emit("another dW2", lambda: gradient(2, alpha, fixed(seed), N=N, D=D))
emit("another dalpha", lambda: gradient(3, alpha, fixed(seed), N=N, D=D))
emit("dx with alpha 0", lambda: gradient(0, 0.0, fixed(seed), N=N, D=D))
### END HIDDEN TESTS

# %% wrong="block"
# This is a plain layer: the shortcut is missing. y = x + α F(x).
# - y = x + alpha * F
# + y = alpha * F

# %% wrong="block"
# α multiplies the branch only; the shortcut stays as it is.
# - y = x + alpha * F
# + y = alpha * (x + F)

# %% wrong="block"
# The shortcut must not pass through the ReLU: add x, not relu(x).
# - y = x + alpha * F
# + y = a + alpha * F

# %% wrong="block"
# A ReLU after the sum cuts the shortcut, too. Here it stands inside the branch only.
# - y = x + alpha * F
# + y = relu(x + alpha * F)

# %% wrong="block"
# dx has two parts. The one that came around the branch is missing: dy itself.
# - dx = dy + dbranch
# + dx = dbranch

# %% wrong="block"
# On its way into the branch the error is multiplied by α: dF = α dy.
# - dF = alpha * dy
# + dF = dy

# %% wrong="block"
# The branch begins with a ReLU. Its slope, x > 0, is missing in dx.
# - dbranch = (dz @ W1.T) * (x > 0)
# + dbranch = dz @ W1.T

# %% wrong="block"
# The slope of the inner ReLU, z > 0, is missing.
# - dz = (dF @ W2.T) * (z > 0)
# + dz = dF @ W2.T

# %% wrong="block"
# W1 gets relu(x), not x: its gradient is relu(x).T @ dz.
# - dW1 = a.T @ dz
# + dW1 = x.T @ dz

# %% wrong="block"
# α is ONE number that touches every entry: sum over all of them, do not average.
# - dalpha = (dy * F).sum()
# + dalpha = (dy * F).mean()

# %% [markdown]
# ## Exercise 2 · Four starts
#
# | start | W1 | W2 | α |
# |---|---|---|---|
# | `"he"` | He | He | 1 |
# | `"zero"` | He | 0 | 1 |
# | `"skipinit"` | He | He | 0 |
# | `"fixup"` | He, divided by √L | 0 | 1 |
#
# L is the number of blocks in the network. He's weights have mean 0 and standard
# deviation √(2 / D); `rng.standard_normal((D, D))` draws with standard deviation 1.
#
# *Guess first:* three of the four start as the identity. For each of them, which of
# W1, W2 and α get a gradient in the very first step?
#
# <details><summary>Answer</summary>"zero" and "fixup": only W2. "skipinit": only α. In
# "he" all three do.</details>


# %% answer="start" flag="nnlib torch"
def start(init, D, L, rng):
    """Return W1, W2 and alpha of one block of width D in a network of L blocks."""
    ### BEGIN SOLUTION
    he = np.sqrt(2 / D)
    W1 = he * rng.standard_normal((D, D))
    W2 = he * rng.standard_normal((D, D))
    alpha = 1.0
    if init == "zero":
        W2 = np.zeros((D, D))
    elif init == "skipinit":
        alpha = 0.0
    elif init == "fixup":
        W1 = W1 / np.sqrt(L)
        W2 = 0 * W1
    return W1, W2, alpha
    ### END SOLUTION


# %% check="start" points=3
def sizes(init, D=300, L=16, seed=2):
    """The standard deviations of both weights, and alpha."""
    W1, W2, alpha = start(init, D, L, np.random.default_rng(seed))
    return np.array([W1.std(), W2.std(), alpha])


def means(init, D=300, L=16, seed=2):
    """The means of both weights in units of He's standard deviation."""
    W1, W2, _ = start(init, D, L, np.random.default_rng(seed))
    return np.array([W1.mean(), W2.mean()]) / np.sqrt(2 / D)


for init in ("he", "zero", "skipinit", "fixup"):
    emit(f"sizes of {init}", lambda init=init: sizes(init), rtol=0.02)
emit("the middle of he", lambda: means("he"), rtol=0, atol=0.05)
### BEGIN HIDDEN TESTS
D, L = int(rng.integers(250, 400)), int(rng.integers(20, 60))
seed = int(rng.integers(10**6))


def moving(init):
    """How many of W1, W2, alpha get a gradient in the first step."""
    own = np.random.default_rng(seed)
    W1, W2, alpha = start(init, 20, L, own)
    x, dy = own.standard_normal((2, 9, 20))
    a, z = relu(x), relu(x) @ W1
    h, dF = relu(z), alpha * dy
    dz = (dF @ W2.T) * (z > 0)
    found = [a.T @ dz, h.T @ dF, (dy * (h @ W2)).sum()]
    return sum(bool(np.any(g)) for g in found)


for init in ("he", "zero", "skipinit", "fixup"):
    emit(f"other sizes of {init}", lambda init=init: sizes(init, D, L, seed), rtol=0.02)
    emit(f"what moves first in {init}", lambda init=init: moving(init))
emit("the middle", lambda: means("he", D, L, seed), rtol=0, atol=0.05)
### END HIDDEN TESTS

# %% wrong="start"
# You scale by the variance 2 / D. Numbers with standard deviation 1 are multiplied by
# the standard deviation, its root.
# - he = np.sqrt(2 / D)
# + he = 2 / D

# %% wrong="start"
# He's 2 is missing: without it each ReLU halves the signal of the branch.
# - he = np.sqrt(2 / D)
# + he = np.sqrt(1 / D)

# %% wrong="start"
# "zero" zeroes the LAST weight. With W1 = 0 the inner ReLU gets 0, its slope is 0, and
# nothing in the branch ever gets a gradient.
# - W2 = np.zeros((D, D))
# + W1 = np.zeros((D, D))

# %% wrong="start"
# Two zeros in one product: each is the reason why the other gets no gradient. Zero W2
# alone.
# - W2 = np.zeros((D, D))
# + W1, W2 = np.zeros((2, D, D))

# %% wrong="start"
# With α = 0 AND W2 = 0 nothing in the branch gets a gradient, ever. SkipInit keeps
# He's weights.
# - alpha = 0.0
# + alpha, W2 = 0.0, np.zeros((D, D))

# %% wrong="start"
# With two weights per branch Fixup divides W1 by √L, not by L: the change by one step
# goes with the SQUARE of W1, and L blocks add up.
# - W1 = W1 / np.sqrt(L)
# + W1 = W1 / L

# %% wrong="start"
# Fixup shrinks W1 as well: it is divided by √L. Without this it is the zero start.
# - W1 = W1 / np.sqrt(L)
# + W1 = 1 * W1

# %% wrong="start"
# Fixup also zeroes W2: shrinking W1 alone does not make the block the identity.
# - W2 = 0 * W1
# + W2 = 1 * W2

# %% [markdown]
# **See what it does.** Twenty of your blocks, one behind the other. *Guess first:* on
# a logarithmic axis, what line will "he" draw?
#
# <details><summary>Answer</summary>A straight one, up to about a million. The three
# others stay at 1 and lie on top of each other.</details>

# %% demo=true
from nnlib.plotting import plot_layer_profile, use_style

use_style()


def profile(init, L=20, D=128):
    """Mean square after each block."""
    own = np.random.default_rng(9)
    x, found = own.standard_normal((200, D)), []
    for _ in range(L):
        x, _ = block_forward(x, *start(init, D, L, own))
        found.append((x**2).mean())
    return np.array(found)


try:
    lines = {init: profile(init) for init in ("he", "zero", "skipinit", "fixup")}
    ax = plot_layer_profile(lines, ylabel="variance")
    ax.set_xlabel("block")
    ax.legend()
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 3 · Predict the variance
#
# With a fixed factor s in front of the branch, y = x + s · F(x), the branch and its
# input are uncorrelated, so their mean squares add. What is the mean square after
# blocks 1, 2, …, L, if the input has 1? It depends on the branch (He weights):
#
# | branch | mean square of F(x) |
# |---|---|
# | `"relu first"`: ReLU, dense, ReLU, dense | that of x |
# | `"dense first"`: dense, ReLU, dense | twice that of x |
# | `"norm first"`: norm, ReLU, dense, ReLU, dense | 1, whatever x is |
#
# `predicted` returns the L numbers. `branch_factor(L, growth)` goes backwards: which s
# makes L blocks of `"relu first"` end at exactly `growth`?
#
# *Guess first:* s = 1/√L and many blocks of `"relu first"`. Which number does the
# variance approach?
#
# <details><summary>Answer</summary>(1 + 1/L)^L approaches e = 2.718…</details>


# %% answer="predict" flag="nnlib torch"
def predicted(branch, L, s):
    """Return an array: the mean square after each of L blocks."""
    ### BEGIN SOLUTION
    block = np.arange(1, L + 1)
    if branch == "norm first":
        return 1 + s**2 * block
    added = 2 if branch == "dense first" else 1
    return (1 + added * s**2) ** block
    ### END SOLUTION


def branch_factor(L, growth):
    """Return the s with which L blocks multiply the variance by growth."""
    ### BEGIN SOLUTION
    per_block = growth ** (1 / L)
    return np.sqrt(per_block - 1)
    ### END SOLUTION


# %% check="predict" points=3
emit("relu first", lambda: predicted("relu first", 5, 1.0))
emit("dense first", lambda: predicted("dense first", 4, 1.0))
emit("norm first", lambda: predicted("norm first", 6, 1.0))
emit("a soft branch", lambda: predicted("relu first", 5, 0.5))
emit("the factor for growth 2", lambda: branch_factor(10, 2.0))
### BEGIN HIDDEN TESTS
L, s = int(rng.integers(6, 14)), float(rng.uniform(0.3, 0.8))
growth = float(rng.uniform(3, 9))
emit("relu first with s", lambda: predicted("relu first", L, s))
emit("dense first with s", lambda: predicted("dense first", L, s))
emit("norm first with s", lambda: predicted("norm first", L, s))
emit("the factor for any growth", lambda: branch_factor(L, growth))
emit("the factor for one block", lambda: branch_factor(1, growth))
### END HIDDEN TESTS

# %% wrong="predict"
# Variances add, and a factor s multiplies a variance by s²: 1 + s², not 1 + s.
# - return (1 + added * s**2) ** block
# + return (1 + added * s) ** block

# %% wrong="predict"
# Standard deviations do not add: uncorrelated parts add their squares, 1 + s², not
# (1 + s)².
# - return (1 + added * s**2) ** block
# + return (1 + np.sqrt(added) * s) ** (2 * block)

# %% wrong="predict"
# This branch keeps the size of what it GETS, and it gets more in each block: the
# factors multiply. Only a normalized branch adds the same each time.
# - return (1 + added * s**2) ** block
# + return 1 + added * s**2 * block

# %% wrong="predict"
# Two He layers double twice, one ReLU halves once: a branch that begins with its dense
# layer gives twice the mean square of x.
# - added = 2 if branch == "dense first" else 1
# + added = 1

# %% wrong="predict"
# Behind a norm the branch has the same size in every block, so the variance grows by a
# sum, 1 + s² ℓ, not by a product.
# - return 1 + s**2 * block
# + return (1 + s**2) ** block

# %% wrong="predict"
# The first number belongs to the state AFTER block 1: count blocks from 1.
# - block = np.arange(1, L + 1)
# + block = np.arange(L)

# %% wrong="predict"
# s² is what is added to the variance: take the root.
# - return np.sqrt(per_block - 1)
# + return per_block - 1

# %% wrong="predict"
# 1/√L bounds the growth by e whatever you ask for. Solve (1 + s²)^L = growth for s.
# - return np.sqrt(per_block - 1)
# + return 1 / np.sqrt(L)

# %% [markdown]
# **See what it does.** Your prediction against your blocks: α in the place of s.

# %% demo=true
try:
    own = np.random.default_rng(9)
    x, L = own.standard_normal((200, 256)), 12
    s, found = branch_factor(L, 4.0), []
    for _ in range(L):
        W1, W2, _ = start("he", 256, L, own)
        x, _ = block_forward(x, W1, W2, s)
        found.append((x**2).mean())
    theory = predicted("relu first", L, s)
    for ell in (1, 4, 8, 12):
        line = f"measured {found[ell - 1]:.2f}, predicted {theory[ell - 1]:.2f}"
        print(f"after block {ell:2d}: {line}")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 4 · Which block is dead?
#
# Four blocks of a network that somebody has started by hand. For one block, say what it
# is:
#
# - `"dead"`: F is 0 and none of W1, W2 and α will ever get a gradient,
# - `"identity"`: F is 0 or is multiplied by 0, but something will move,
# - `"loud"`: the branch speaks from the beginning.
#
# *Guess first:* W1 = 0, W2 random, α = 1. Dead or only asleep?
#
# <details><summary>Answer</summary>Dead. The inner ReLU gets 0 and gives 0, so W2 gets
# no gradient and α none; and its slope at 0 is 0, so W1 gets none.</details>


# %% answer="diagnose" flag="nnlib torch"
def diagnose(W1, W2, alpha):
    """Return "dead", "identity" or "loud"."""
    ### BEGIN SOLUTION
    first, last, factor = np.any(W1), np.any(W2), alpha != 0
    if not first or (not last and not factor):
        return "dead"
    if not last or not factor:
        return "identity"
    return "loud"
    ### END SOLUTION


# %% check="diagnose" points=2
def blocks(scale, D=5):
    """Every way in which a part of a block can be zero or not."""
    W1, W2 = scale * np.random.default_rng(4).standard_normal((2, D, D))
    parts = [(i, j, k) for i in (1, 0) for j in (1, 0) for k in (1, 0)]
    return [(i * W1, j * W2, k * scale) for i, j, k in parts]


emit("nothing is zero", lambda: diagnose(*blocks(1.0)[0]))
emit("alpha is zero", lambda: diagnose(*blocks(1.0)[1]))
emit("W2 is zero", lambda: diagnose(*blocks(1.0)[2]))
emit("W2 and alpha are zero", lambda: diagnose(*blocks(1.0)[3]))
emit("W1 is zero", lambda: diagnose(*blocks(1.0)[4]))
emit("all are small and negative", lambda: diagnose(*blocks(-1e-5)[0]))


def partly():
    """Weights with one entry that is not zero."""
    W = np.zeros((6, 6))
    W[2, 3] = 0.3
    return W


emit("weights with one entry", lambda: diagnose(partly(), partly(), 0.0))
### BEGIN HIDDEN TESTS
scale = float(rng.uniform(0.5, 3))
small = float(10 ** rng.uniform(-6, -4))
emit("all eight", lambda: [diagnose(*b) for b in blocks(scale)])
emit("all eight with negative alpha", lambda: [diagnose(*b) for b in blocks(-scale)])
emit("all eight, very small", lambda: [diagnose(*b) for b in blocks(small)])
emit("one entry each", lambda: diagnose(partly(), partly(), 1.0))
emit("one entry in W2", lambda: diagnose(np.ones((6, 6)), partly(), 0.0))
### END HIDDEN TESTS

# %% wrong="diagnose"
# W1 = 0 alone kills the branch: the inner ReLU gives 0 and has slope 0.
# - if not first or (not last and not factor):
# + if first + last + factor < 2:

# %% wrong="diagnose"
# One zero is no death: with W2 = 0 alone W2 itself gets a gradient, with α = 0 alone α
# does.
# - if not first or (not last and not factor):
# + if not (first and last and factor):

# %% wrong="diagnose"
# α = 0 and W2 = 0 together are dead: each is the reason why the other gets no gradient.
# - if not first or (not last and not factor):
# + if not first:

# %% wrong="diagnose"
# α = 0 silences the branch as well: that block is the identity.
# - if not last or not factor:
# + if not last:

# %% wrong="diagnose"
# Small weights are not zero: a gradient as small as they are still comes through.
# Compare with exactly 0.
# - first, last, factor = np.any(W1), np.any(W2), alpha != 0
# + first, last = (np.max(np.abs(W)) > 1e-3 for W in (W1, W2))
# + factor = abs(alpha) > 1e-3

# %% wrong="diagnose"
# A weight is zero only if ALL of its entries are: np.any, not np.all.
# - first, last, factor = np.any(W1), np.any(W2), alpha != 0
# + first, last, factor = np.all(W1), np.all(W2), alpha != 0

# %% wrong="diagnose"
# α may be negative: it is a factor like any other. Compare with 0, not above it.
# - first, last, factor = np.any(W1), np.any(W2), alpha != 0
# + first, last, factor = np.any(W1), np.any(W2), alpha > 0

# %% [markdown]
# ## Exercise 5 · Stochastic depth
#
# While training, block ℓ of L survives with probability p_ℓ, which falls linearly from
# block to block and ends at p_L = `p_last`:
#
# p_ℓ = 1 − (ℓ / L) · (1 − p_last), for ℓ = 1, …, L.
#
# `survival(L, p_last)` returns these L numbers. `forward(x, branches, p, train, rng)`
# sends x through the blocks; `branches` is a list of functions F. While training, draw
# **one** number `rng.random()` per block, in order. If it is below p_ℓ, the block
# survives and its branch is divided by p_ℓ; else only the shortcut is used. Otherwise
# (train=False) all branches are used as they are, and nothing is drawn.
#
# *Guess first:* how many of 100 blocks survive on average, if p_last = 0.5?
#
# <details><summary>Answer</summary>About three quarters: the sum of the p_ℓ is
# 100 − 101/4 = 74.75.</details>


# %% answer="depth" flag="nnlib torch"
def survival(L, p_last):
    """Return an array: the probability of each block to survive."""
    ### BEGIN SOLUTION
    share = np.arange(1, L + 1) / L
    return 1 - share * (1 - p_last)
    ### END SOLUTION


def forward(x, branches, p, train, rng):
    """Return the output of all blocks; p holds one probability per block."""
    ### BEGIN SOLUTION
    for F, keep in zip(branches, p, strict=True):
        if not train:
            x = x + F(x)
        elif rng.random() < keep:
            x = x + F(x) / keep
    return x
    ### END SOLUTION


# %% check="depth" points=3
def linear_branches(L, seed, D=3):
    """L branches, each a small matrix."""
    own = np.random.default_rng(seed)
    weights = own.standard_normal((L, D, D)) / 2
    return [lambda x, W=W: x @ W for W in weights]


def sent(train, L, seed, p):
    """The output of L blocks, and the next number of the generator."""
    own = np.random.default_rng(seed)
    x = own.standard_normal((4, 3))
    return forward(x, linear_branches(L, seed), p, train, own)


emit("survival of 5 blocks", lambda: survival(5, 0.8))
emit("the output in training", lambda: sent(True, 6, 3, np.full(6, 0.6)))
emit("the output in evaluation", lambda: sent(False, 6, 3, np.full(6, 0.6)))
### BEGIN HIDDEN TESTS
L, p_last = int(rng.integers(7, 30)), float(rng.uniform(0.2, 0.7))
seed = int(rng.integers(10**6))
p = np.linspace(0.85, 0.3, 12)
emit("survival of other blocks", lambda: survival(L, p_last))
emit("the mean depth", lambda: survival(L, p_last).sum())
emit("training", lambda: sent(True, 12, seed, p))
emit("training once more", lambda: sent(True, 12, seed + 1, p))
emit("evaluation", lambda: sent(False, 12, seed, p))


def average():
    """Mean over many passes of one block: equal to evaluation."""
    own = np.random.default_rng(seed)
    F = [lambda x: 2 * x]
    passes = [forward(np.ones(1), F, [0.4], True, own) for _ in range(500)]
    return float(np.mean(passes))


emit("the mean over many passes", average)
### END HIDDEN TESTS

# %% wrong="depth"
# The first block has ℓ = 1 and survives a little less than always: count from 1, so
# that the last one ends at p_last.
# - share = np.arange(1, L + 1) / L
# + share = np.arange(L) / L

# %% wrong="depth"
# p_last is the probability that the last block SURVIVES: you let it fall by p_last.
# - return 1 - share * (1 - p_last)
# + return 1 - share * p_last

# %% wrong="depth"
# p is the probability to survive, not to be dropped: the block is used if the number is
# BELOW p.
# - elif rng.random() < keep:
# + elif rng.random() >= keep:

# %% wrong="depth"
# A survivor is divided by its probability: then the mean over many passes is what
# evaluation computes.
# - x = x + F(x) / keep
# + x = x + F(x)

# %% wrong="depth"
# Only the branch is divided by p: the shortcut is always there and stays as it is.
# - x = x + F(x) / keep
# + x = (x + F(x)) / keep

# %% wrong="depth"
# The correction is there twice: survivors are divided by p in training, so evaluation
# uses the branch as it is.
# - if not train:
# -     x = x + F(x)
# + if not train:
# +     x = x + keep * F(x)

# %% wrong="depth"
# You draw for each example. Here a block is left out for the whole batch: one number
# per block.
# - elif rng.random() < keep:
# -     x = x + F(x) / keep
# + else:
# +     mask = rng.random((len(x), *[1] * (x.ndim - 1))) < keep
# +     x = x + mask * F(x) / keep

# %% wrong="depth"
# A block that does not survive is skipped: its shortcut still passes x on. You have set
# x to zero.
# - elif rng.random() < keep:
# -     x = x + F(x) / keep
# + else:
# +     x = (rng.random() < keep) * (x + F(x) / keep)

# %% [markdown]
# **See what it does.** Your four starts on the digits: twelve blocks, the same rate for
# all. *Guess first:* which one does not learn?

# %% demo=true
from nnlib.data import digits

d = digits(rng=np.random.default_rng(9), device="cpu")
classes = np.eye(10)[d.y_train]


def train_network(init, L=12, D=32, lr=0.03, epochs=4):
    """Train stem, L blocks and head with plain SGD; return the last loss."""
    own = np.random.default_rng(9)
    stem = own.standard_normal((64, D)) / 8
    head = own.standard_normal((D, 10)) / np.sqrt(D)
    net = [list(start(init, D, L, own)) for _ in range(L)]
    for _ in range(epochs):
        losses = []
        for i in np.split(own.permutation(1000), 20):
            x, caches = d.x_train[i] @ stem, []
            for block in net:
                x, cache = block_forward(x, *block)
                caches.append(cache)
            logits = x @ head
            logits = logits - logits.max(axis=1, keepdims=True)
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            losses.append(-np.log(p[classes[i] > 0] + 1e-12).mean())
            g = (p - classes[i]) / len(i)
            dhead, g = x.T @ g, g @ head.T
            for block, cache in zip(net[::-1], caches[::-1], strict=True):
                g, *grads = block_backward(g, cache)
                for k in range(3):
                    block[k] = block[k] - lr * grads[k]
            stem -= lr * d.x_train[i].T @ g
            head -= lr * dhead
    return np.mean(losses)


for init in ("he", "zero", "skipinit", "fixup"):
    try:
        with np.errstate(all="ignore"):
            print(f"{init:9s} training loss {train_network(init):.3f}")
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break

# %% [markdown]
# ## What you have now
#
# A block that passes every gradient check, four ways to start it, and a formula for
# what a stack of blocks does to its signal. One zero per branch makes it the identity;
# two zeros, or one in the wrong place, kill it. Chapter 11 asks what to do with
# the gradients once they arrive: which optimizer should use them?

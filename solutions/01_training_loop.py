# %% [markdown]
# # Lab 1 · The training loop, softmax and cross-entropy
#
# Two spirals of points, wound into each other: no straight line can tell them apart. At
# the end of this lab a network with one hidden layer does, trained by your own code:
# your softmax, your loss, your gradient, your mini-batches and your training step. Each
# is a few lines, and each has a mistake that nearly everyone makes once.
#
# Each of the five exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell: cells that you add are for you alone and are not graded.
#
# You need: chapter 1, NumPy, about 60 minutes.

# %%
import numpy as np

from nnlib.losses import softmax_cross_entropy

# %% [markdown]
# ## Exercise 1 · Softmax
#
# A model gives each class a logit, any real number. The softmax turns the logits of an
# example into shares that are positive and sum to 1:
#
# $$p_c = \frac{e^{z_c}}{\sum_k e^{z_k}}$$
#
# `z` has one row per example and one column per class. Your function must work for
# logits of any size: $e^{1000}$ is `inf`. Adding the same number to all logits of a row
# changes nothing, so you may choose one that helps.
#
# *Guess first:* what should come out for the logits 1000, 1000, 1000?
#
# <details><summary>Answer</summary>One third each, as for 0, 0, 0: only differences
# count. Without the trick it is nan.</details>


# %% answer="softmax" flag="nnlib scipy torch log_softmax"
def softmax(z):
    """Return the shares of the classes, row by row; leave z as it is.

    z: float array of shape (N, C)
    """
    ### BEGIN SOLUTION
    shifted = z - z.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    return e / e.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% check="softmax" points=2
def left_alone(z):
    """The logits after your function has seen them."""
    softmax(z)
    return z


z = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 3.0]])
emit("small logits", lambda: softmax(z))
emit("the same logits plus 100", lambda: softmax(z + 100))
emit("a logit of 1000", lambda: softmax(np.array([[1000.0, 999.0, 0.0]])))
emit("one large and one small row", lambda: softmax(z + np.array([[1e3], [-1e3]])))
emit("the input is left as it was", lambda: left_alone(z.copy()))
### BEGIN HIDDEN TESTS
n, c = int(rng.integers(3, 8)), int(rng.integers(4, 9))
z = rng.normal(0, 2, size=(n, c))
far = (
    z
    + rng.uniform(1000, 3000, size=(n, 1)) * np.where(np.arange(n) % 2, 1, -1)[:, None]
)
emit("any logits", lambda: softmax(z))
emit("any logits, far from zero", lambda: softmax(z + 2500.0))
emit("rows far apart", lambda: softmax(far))
emit("the input afterwards", lambda: left_alone(z.copy()))
### END HIDDEN TESTS

# %% wrong="softmax"
# The formula is right, but the exponential of a large logit is inf, and inf / inf is
# nan. Subtract the largest logit of the row first: it changes nothing.
# - shifted = z - z.max(axis=1, keepdims=True)
# + shifted = z

# %% wrong="softmax"
# Your shares sum to 1 over the whole batch. Each example, each row, must sum to 1: sum
# along axis 1 with keepdims=True.
# - return e / e.sum(axis=1, keepdims=True)
# + return e / e.sum()

# %% wrong="softmax"
# You divide by the sum of a column, over the examples. The classes of one example stand
# in a row: sum along axis 1.
# - return e / e.sum(axis=1, keepdims=True)
# + return e / e.sum(axis=0, keepdims=True)

# %% wrong="softmax"
# You subtract the largest logit of the whole batch. A row far below it then has only
# exponentials that are rounded to 0, and 0 / 0 is nan. Take the largest of each row.
# - shifted = z - z.max(axis=1, keepdims=True)
# + shifted = z - z.max()

# %% wrong="softmax"
# You divide by the largest logit, which changes the differences between the logits.
# Subtract it: then they stay as they are.
# - shifted = z - z.max(axis=1, keepdims=True)
# + shifted = z / np.abs(z).max(axis=1, keepdims=True)

# %% wrong="softmax"
# The result is right, but `z -= …` has changed the caller's logits. Make a new array.
# - shifted = z - z.max(axis=1, keepdims=True)
# + z -= z.max(axis=1, keepdims=True)
# + shifted = z

# %% [markdown]
# **See what it does.** The same logits at four temperatures: all logits are divided by
# T first. *Guess first:* which T gives nearly the same share to all classes?
#
# <details><summary>Answer</summary>The large one. A small T makes the largest logit
# take everything.</details>

# %% demo=true
for T in (0.25, 1, 4, 100):
    try:
        print(f"T = {T:6}:", softmax(np.array([[2.0, 1.0, -1.0]]) / T).round(3)[0])
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break

# %% [markdown]
# ## Exercise 2 · Cross-entropy
#
# How wrong is the model? It gave the right class $y$ of example $n$ the share
# $p_{n,y_n}$. The loss is the mean over the examples of minus its natural logarithm:
#
# $$\mathcal{L} = -\frac1N \sum_n \log p_{n,y_n}, \qquad
# \log p_c = z_c - m - \log\sum_k e^{z_k - m}, \quad m = \max_k z_k$$
#
# The second formula gives the logarithm without a detour through $p$, which may be
# rounded to 0. A model can be sure and wrong, and the loss must say *how* wrong.
#
# *Guess first:* all logits are 0, and there are 7 classes. What is the loss?
#
# <details><summary>Answer</summary>log 7 = 1.946, whatever the labels are: each class
# has the share 1/7.</details>


# %% answer="cross_entropy" flag="nnlib scipy torch softmax_cross_entropy"
def cross_entropy(z, y):
    """Return the mean loss in nats, as one number.

    z: float array of shape (N, C)
    y: integer array of shape (N,), the right classes
    """
    ### BEGIN SOLUTION
    z = z - z.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean()
    ### END SOLUTION


# %% check="cross_entropy" points=3
z = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 3.0], [1.0, 2.0, 0.5], [0.0, 4.0, 1.0]])
y = np.array([0, 1, 1, 2])
emit("small logits", lambda: cross_entropy(z, y))
emit("7 classes, all logits 0", lambda: cross_entropy(np.zeros((5, 7)), np.arange(5)))
emit("every example twice", lambda: cross_entropy(np.tile(z, (2, 1)), np.tile(y, 2)))
emit("sure and wrong", lambda: cross_entropy(300 * z, y))
emit("very sure and wrong", lambda: cross_entropy(1000 * z, y))
### BEGIN HIDDEN TESTS
n, c = int(rng.integers(12, 20)), int(rng.integers(4, 8))
z, y = rng.normal(0, 2, size=(n, c)), rng.integers(0, c, size=n)
wrong = z.copy()
wrong[np.arange(n), y] -= rng.uniform(1000, 2000, size=n)
emit("any logits and labels", lambda: cross_entropy(z, y))
emit("half of them", lambda: cross_entropy(z[: n // 2], y[: n // 2]))
emit("sure and wrong, by a thousand", lambda: cross_entropy(wrong, y))
emit("far from zero", lambda: cross_entropy(z + 2000.0, y))
### END HIDDEN TESTS

# %% wrong="cross_entropy"
# You add up the losses of the examples. The loss is their mean: it must not grow with
# the size of the batch.
# - return -logp[np.arange(len(y)), y].mean()
# + return -logp[np.arange(len(y)), y].sum()

# %% wrong="cross_entropy"
# You average over all N · C entries of the one-hot form. The mean is over the N
# examples: the sum over the classes stays a sum.
# - return -logp[np.arange(len(y)), y].mean()
# + return -(logp * np.eye(z.shape[1])[y]).mean()

# %% wrong="cross_entropy"
# `logp[:, y]` takes the columns of ALL labels for every example, an N × N table. Pair
# each row with its own label: logp[np.arange(len(y)), y].
# - return -logp[np.arange(len(y)), y].mean()
# + return -logp[:, y].mean()

# %% wrong="cross_entropy"
# The sign: logarithms of shares are negative, and the loss is minus their mean.
# - return -logp[np.arange(len(y)), y].mean()
# + return logp[np.arange(len(y)), y].mean()

# %% wrong="cross_entropy"
# You take the largest share. It is the share of the class that the model prefers, not
# of the right one: where are the labels?
# - return -logp[np.arange(len(y)), y].mean()
# + return -logp.max(axis=1).mean()

# %% wrong="cross_entropy"
# A share can be rounded to 0, and then its logarithm is -inf. Compute log p without p:
# z - m - log of the sum.
# - logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
# + logp = np.log(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))

# %% wrong="cross_entropy"
# A small number inside the logarithm avoids inf, but caps the loss at 23 nats: a model
# that is wrong by a thousand looks like one that is wrong by 23.
# - logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
# + logp = np.log(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) + 1e-10)

# %% wrong="cross_entropy"
# The unit is the nat: use the natural logarithm, np.log.
# - logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
# + logp = (z - np.log(np.exp(z).sum(axis=1, keepdims=True))) / np.log(2)

# %% [markdown]
# ## Exercise 3 · The gradient
#
# The derivative of this loss with respect to the logits is short:
#
# $$\frac{\partial\mathcal{L}}{\partial z_{nc}} = \frac{p_{nc} - y_{nc}}{N}$$
#
# with the label as a one-hot row: $y_{nc} = 1$ at the right class, 0 elsewhere. Write
# it so that no logit is too large for it.
#
# *Guess first:* one example, shares 0.7, 0.2, 0.1, and the third class is right. How
# many of the three entries are not 0, and what is their sum?
#
# <details><summary>Answer</summary>All three: 0.7, 0.2 and −0.9. Their sum is 0. Every
# wrong class is pushed down, too.</details>


# %% answer="softmax_ce_backward" flag="nnlib scipy torch softmax_cross_entropy"
def softmax_ce_backward(z, y):
    """Return the gradient of the mean loss with respect to z, of the shape of z.

    z: float array of shape (N, C)
    y: integer array of shape (N,), the right classes
    """
    ### BEGIN SOLUTION
    shifted = z - z.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return p / len(y)
    ### END SOLUTION


# %% check="softmax_ce_backward" points=3
z = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 3.0], [1.0, 2.0, 0.5], [0.0, 4.0, 1.0]])
y = np.array([0, 1, 1, 2])
emit("small logits", lambda: softmax_ce_backward(z, y))
emit("one example", lambda: softmax_ce_backward(z[:1], y[:1]))
emit(
    "every example twice",
    lambda: softmax_ce_backward(np.tile(z, (2, 1)), np.tile(y, 2)),
)
emit("logits of a thousand", lambda: softmax_ce_backward(1000 * z, y))
### BEGIN HIDDEN TESTS
n, c = int(rng.integers(5, 12)), int(rng.integers(4, 8))
z, y = rng.normal(0, 1, size=(n, c)), rng.integers(0, c, size=n)
y[:2] = [0, 1]
emit("any logits and labels", lambda: softmax_ce_backward(z, y))
emit("a part of them", lambda: softmax_ce_backward(z[:4], y[:4]))
emit("far from zero", lambda: softmax_ce_backward(z + 2000.0, y))
### END HIDDEN TESTS

# %% wrong="softmax_ce_backward"
# The loss is a mean over the batch, so its gradient has a 1/N as well. Without it the
# right learning rate depends on the batch size.
# - return p / len(y)
# + return p

# %% wrong="softmax_ce_backward"
# You divide by N · C, the number of entries. The loss averages over the N examples.
# - return p / len(y)
# + return p / p.size

# %% wrong="softmax_ce_backward"
# The sign: it is p minus y. Your gradient points downhill already, and a step against
# it would go uphill.
# - return p / len(y)
# + return -p / len(y)

# %% wrong="softmax_ce_backward"
# `p[:, y] -= 1` subtracts 1 in the columns of ALL labels, in every row. Pair each row
# with its own label: p[np.arange(len(y)), y].
# - p[np.arange(len(y)), y] -= 1
# + p[:, y] -= 1

# %% wrong="softmax_ce_backward"
# Only the right class has an entry. The shares of the wrong classes depend on their own
# logits, and each of these is pushed down by p.
# - return p / len(y)
# + return p * np.eye(z.shape[1])[y] / len(y)

# %% wrong="softmax_ce_backward"
# The one-hot label is missing: nothing tells the right class from the others.
# - p[np.arange(len(y)), y] -= 1
# + pass

# %% wrong="softmax_ce_backward"
# The factor p(1 − p) belongs to squared error on top of a sigmoid. In cross-entropy the
# logarithm's 1/p cancels it.
# - p[np.arange(len(y)), y] -= 1
# + slope = p * (1 - p)
# + p[np.arange(len(y)), y] -= 1
# + p *= slope

# %% wrong="softmax_ce_backward"
# Right for small logits. For large ones the exponential is inf and the gradient nan:
# subtract the largest logit of each row first.
# - shifted = z - z.max(axis=1, keepdims=True)
# + shifted = z

# %% [markdown]
# **See what it does.** A derivative can be checked without knowing the formula: change
# one logit by a hair, and see how the loss changes.

# %% demo=true
try:
    own = np.random.default_rng(1)
    z, y = own.normal(size=(3, 4)), np.array([2, 0, 3])
    by_hand, nudged = softmax_ce_backward(z, y), np.zeros((3, 4))
    for place in np.ndindex(3, 4):
        hair = np.zeros((3, 4))
        hair[place] = 1e-5
        above, below = cross_entropy(z + hair, y), cross_entropy(z - hair, y)
        nudged[place] = (above - below) / 2e-5
    print(
        "your gradient and the differences of your loss differ by at most",
        f"{np.abs(by_hand - nudged).max():.1e}",
    )
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 4 · Mini-batches
#
# Line 1 of the loop: sample. Nearly everyone does it in *epochs*. Put all examples into
# a new random order, cut the order into pieces of `batch_size`, and take one step for
# each piece. After an epoch each example has been seen once.
#
# Return a list of index arrays. Draw the order with one call of `rng.permutation(n)`.
# If `n` is not a multiple of the batch size, the last piece is smaller.
#
# *Guess first:* 10 examples, batches of 4. How many pieces, and how long are they?
#
# <details><summary>Answer</summary>Three: 4, 4 and 2. Who leaves the last two out
# wastes them; with a new order in each epoch they are at least different ones each
# time.</details>


# %% answer="minibatches" flag="nnlib"
def minibatches(n, batch_size, rng):
    """Return the indices 0 … n-1 in a new random order, cut into mini-batches.

    rng: a NumPy generator
    """
    ### BEGIN SOLUTION
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]
    ### END SOLUTION


# %% check="minibatches" points=2
def epochs(n, batch_size, seed, count=2):
    """The order of the examples in some epochs."""
    own = np.random.default_rng(seed)
    return [
        np.concatenate(minibatches(n, batch_size, own)).tolist() for _ in range(count)
    ]


def sizes(n, batch_size):
    """How long the pieces are."""
    own = np.random.default_rng(3)
    return [len(piece) for piece in minibatches(n, batch_size, own)]


def seen(n, batch_size):
    """Which examples an epoch has seen, in order."""
    own = np.random.default_rng(4)
    return sorted(np.concatenate(minibatches(n, batch_size, own)).tolist())


emit("10 examples in batches of 4", lambda: sizes(10, 4))
emit("12 examples in batches of 4", lambda: sizes(12, 4))
emit("each example once", lambda: seen(10, 4))
emit("the order in two epochs", lambda: epochs(10, 4, seed=5))
### BEGIN HIDDEN TESTS
batch, pieces = int(rng.integers(5, 9)), int(rng.integers(9, 13))
n = batch * pieces + int(rng.integers(1, batch))
seed = int(rng.integers(1, 10**6))
emit("any sizes", lambda: sizes(n, batch))
emit("every example is there", lambda: seen(n, batch))
emit("the order in three epochs", lambda: epochs(n, batch, seed, 3))
### END HIDDEN TESTS

# %% wrong="minibatches"
# The examples come in the order in which they are stored, often sorted by class: then a
# batch holds a single class. Use rng.permutation(n).
# - order = rng.permutation(n)
# + order = np.arange(n)

# %% wrong="minibatches"
# You draw with replacement: in an epoch some examples come twice and a third of them
# not at all. Use rng.permutation(n).
# - order = rng.permutation(n)
# + order = rng.integers(0, n, size=n)

# %% wrong="minibatches"
# A generator with a fixed seed inside the function gives the same order in each epoch.
# Use the rng that you are given.
# - order = rng.permutation(n)
# + order = np.random.default_rng(0).permutation(n)

# %% wrong="minibatches"
# The last examples of the order are missing. The last piece may be smaller than the
# others.
# - return [order[i : i + batch_size] for i in range(0, n, batch_size)]
# + return [order[i : i + batch_size] for i in range(0, n - batch_size + 1, batch_size)]

# %% wrong="minibatches"
# You have made batch_size pieces. batch_size is how LONG a piece is.
# - return [order[i : i + batch_size] for i in range(0, n, batch_size)]
# + return np.array_split(order, batch_size)

# %% [markdown]
# ## Exercise 5 · One training step
#
# Lines 2, 3 and 4, for a network with one hidden ReLU layer:
#
# $$h = xW_1 + b_1, \qquad a = \max(0, h), \qquad z = aW_2 + b_2$$
#
# and back again, each line from the one before:
#
# $$dz = \tfrac{p - y}{N}, \quad dW_2 = a^\top dz, \quad da = dz\,W_2^\top, \quad
# dh = da \odot [h > 0], \quad dW_1 = x^\top dh$$
#
# The gradients of `b2` and `b1` are the sums of the rows of $dz$ and $dh$. Then every
# parameter moves against its gradient, by `lr` times it, **in place**: the dictionary's
# own arrays change, since others hold them, too.
#
# So that no earlier exercise gets in your way, use nnlib's loss here:
# `softmax_cross_entropy(z, y)` returns the mean loss and its gradient $dz$, already
# divided by $N$.
#
# *Guess first:* which gradients need `W2`? What happens if `W2` is updated before they
# are computed?
#
# <details><summary>Answer</summary>Those of `W1` and `b1`. They would be computed with
# weights that the forward pass has not seen: a wrong gradient, by a little, so that
# nobody notices.</details>


# %% answer="train_step" flag="nnlib.model nnlib.train nnlib.optim torch"
def train_step(params, x, y, lr):
    """Do one step of gradient descent in place; return the loss before it.

    params: dictionary of arrays W1 (D, H), b1 (H,), W2 (H, C), b2 (C,)
    x: array of shape (N, D);  y: integer array of shape (N,)
    """
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    ### BEGIN SOLUTION
    h = x @ W1 + b1
    a = np.maximum(0, h)
    loss, dz = softmax_cross_entropy(a @ W2 + b2, y)
    dh = (dz @ W2.T) * (h > 0)
    dW1, db1 = x.T @ dh, dh.sum(axis=0)
    dW2, db2 = a.T @ dz, dz.sum(axis=0)
    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
    return loss
    ### END SOLUTION


# %% check="train_step" points=4
def start(d, h, c, seed):
    """The parameters of a network, the same for the same seed."""
    own = np.random.default_rng(seed)
    shapes = {"W1": (d, h), "b1": (h,), "W2": (h, c), "b2": (c,)}
    return {name: own.normal(0, 0.7, size=s) for name, s in shapes.items()}


def after(name, shape, x, y, lr, steps=1):
    """One parameter after some steps, as somebody sees it who holds the array."""
    params = start(*shape)
    mine = params[name]
    for _ in range(steps):
        train_step(params, x, y, lr)
    return mine


def losses(shape, x, y, lr, steps):
    """The losses that the steps return."""
    params = start(*shape)
    return [float(train_step(params, x, y, lr)) for _ in range(steps)]


shape = (3, 6, 4, 1)
x, y = rng.normal(size=(8, 3)), np.array([0, 1, 2, 3, 0, 1, 2, 3])
for name in ("W2", "b2", "W1", "b1"):
    emit(f"{name} after one step", lambda name=name: after(name, shape, x, y, 0.5))
emit("the losses of three steps", lambda: losses(shape, x, y, 0.5, 3))
### BEGIN HIDDEN TESTS
d, h, c = (int(n) for n in rng.permutation([3, 5, 8]) + 2)
shape, n = (d, h, c, int(rng.integers(10**6))), int(rng.integers(15, 25))
x, y = rng.normal(size=(n, d)), rng.integers(0, c, size=n)
lr = float(rng.uniform(0.3, 0.8))
emit("the last weights", lambda: after("W2", shape, x, y, lr))
emit("the last biases", lambda: after("b2", shape, x, y, lr))
emit("the first weights", lambda: after("W1", shape, x, y, lr))
emit("the first biases", lambda: after("b1", shape, x, y, lr))
emit("the first weights after four steps", lambda: after("W1", shape, x, y, lr, 4))
emit("the losses of four steps", lambda: losses(shape, x, y, lr, 4))
### END HIDDEN TESTS

# %% wrong="train_step"
# You add the gradient: it points to where the loss grows. Subtract it.
# - W1 -= lr * dW1
# - b1 -= lr * db1
# - W2 -= lr * dW2
# - b2 -= lr * db2
# + W1 += lr * dW1
# + b1 += lr * db1
# + W2 += lr * dW2
# + b2 += lr * db2

# %% wrong="train_step"
# Where h is negative the ReLU was flat, and no gradient passes: multiply by (h > 0).
# - dh = (dz @ W2.T) * (h > 0)
# + dh = dz @ W2.T

# %% wrong="train_step"
# The slope of the ReLU is 1 where h is positive, not h: you multiply by its value.
# - dh = (dz @ W2.T) * (h > 0)
# + dh = (dz @ W2.T) * a

# %% wrong="train_step"
# W2 was updated before dh was computed from it. First all gradients, then all updates.
# - dh = (dz @ W2.T) * (h > 0)
# - dW1, db1 = x.T @ dh, dh.sum(axis=0)
# - dW2, db2 = a.T @ dz, dz.sum(axis=0)
# - W1 -= lr * dW1
# - b1 -= lr * db1
# - W2 -= lr * dW2
# - b2 -= lr * db2
# + W2 -= lr * a.T @ dz
# + b2 -= lr * dz.sum(axis=0)
# + dh = (dz @ W2.T) * (h > 0)
# + W1 -= lr * x.T @ dh
# + b1 -= lr * dh.sum(axis=0)

# %% wrong="train_step"
# The weights move, the biases do not: they have gradients, too.
# - b1 -= lr * db1
# - W2 -= lr * dW2
# - b2 -= lr * db2
# + W2 -= lr * dW2

# %% wrong="train_step"
# The gradient of a bias is the SUM of the rows of dz or dh. The 1/N is already in dz.
# - dW1, db1 = x.T @ dh, dh.sum(axis=0)
# - dW2, db2 = a.T @ dz, dz.sum(axis=0)
# + dW1, db1 = x.T @ dh, dh.mean(axis=0)
# + dW2, db2 = a.T @ dz, dz.mean(axis=0)

# %% wrong="train_step"
# You divide by N once more: dz has its 1/N already. Your steps are N times too short.
# - loss, dz = softmax_cross_entropy(a @ W2 + b2, y)
# + loss, dz = softmax_cross_entropy(a @ W2 + b2, y)
# + dz = dz / len(y)

# %% wrong="train_step"
# Your updates make new arrays, and the dictionary keeps the old ones. Change them in
# place: `W1 -= …`.
# - W1 -= lr * dW1
# - b1 -= lr * db1
# - W2 -= lr * dW2
# - b2 -= lr * db2
# + W1 = W1 - lr * dW1
# + b1 = b1 - lr * db1
# + W2 = W2 - lr * dW2
# + b2 = b2 - lr * db2

# %% wrong="train_step"
# The dictionary has got new arrays; whoever held the old ones no longer sees the model
# learn. Change the arrays in place: `W1 -= …`.
# - W1 -= lr * dW1
# - b1 -= lr * db1
# - W2 -= lr * dW2
# - b2 -= lr * db2
# + params["W1"] = W1 - lr * dW1
# + params["b1"] = b1 - lr * db1
# + params["W2"] = W2 - lr * dW2
# + params["b2"] = b2 - lr * db2

# %% wrong="train_step"
# The steps are right. But you return the loss after the step: the one before it was
# asked for, which costs no second forward pass.
# - return loss
# + return softmax_cross_entropy(np.maximum(0, x @ W1 + b1) @ W2 + b2, y)[0]

# %% [markdown]
# **See what it does.** All four lines together, on the two spirals. *Guess first:* what
# is the loss before the first step, about? And what would the picture look like without
# the ReLU?
#
# <details><summary>Answer</summary>Near log 2 = 0.69: the last layer starts small, so
# the first logits are near 0. Without the ReLU the two layers are one linear layer, and
# the boundary is a straight line.</details>

# %% demo=true
import matplotlib.pyplot as plt

from nnlib.backend import to_numpy
from nnlib.plotting import use_style
from nnlib.toys import spirals

use_style()
own = np.random.default_rng(1)
points, labels = (to_numpy(v) for v in spirals(300, turns=0.75, rng=own))
net = {
    "W1": own.normal(0, 1, size=(2, 40)),
    "b1": np.zeros(40),
    "W2": own.normal(0, 0.2, size=(40, 2)),
    "b2": np.zeros(2),
}
try:
    curve = []
    for _ in range(150):
        for i in minibatches(300, 20, own):
            curve.append(train_step(net, points[i], labels[i], lr=0.3))
    side = np.linspace(-1.3, 1.3, 120)
    plane = np.stack(np.meshgrid(side, side), axis=-1)
    z = np.maximum(0, plane @ net["W1"] + net["b1"]) @ net["W2"] + net["b2"]
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0))
    axes[0].plot(curve, lw=0.8)
    axes[0].set(xlabel="step", ylabel="loss of the batch (nats)")
    axes[1].contourf(
        side,
        side,
        z[..., 1] - z[..., 0],
        levels=[-1e9, 0, 1e9],
        colors=["#0072B2", "#E69F00"],
        alpha=0.25,
    )
    for c, marker in enumerate("os"):
        axes[1].plot(*points[labels == c].T, marker, ms=3)
    axes[1].set(xlabel="x₁", ylabel="x₂", aspect="equal")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## What you have now
#
# A classifier from nothing but NumPy: five functions of a few lines. A check before
# training (log C), a check of the gradient (differences), and a network that does what
# no line can do. Chapter 2 makes the second check sharp, and the rest of the course
# makes each of the four lines better.

# %% [markdown]
# # Lab 13 · Batch size
#
# How many examples should one step look at? In this lab you write the tools that
# answer it: cut an epoch into batches, compute how noisy a batch is, carry a learning
# rate from one batch size to another, measure the noise scale from two numbers, and
# take a large batch in small parts.
#
# Each of the five exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell: cells that you add are for you alone and are not graded.
#
# You need: chapter 13, NumPy, about 50 minutes.

# %%
import numpy as np

from nnlib.backend import to_numpy
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp

# %% [markdown]
# ## Exercise 1 · Cut an epoch
#
# An epoch visits every example once, in a new random order, in batches of B. If B does
# not divide n, the last batch is smaller. `drop_last` leaves it out.
#
# *Guess first:* 1000 examples in batches of 64: how many batches, and how large is the
# last one?
#
# <details><summary>Answer</summary>16 batches. Fifteen hold 960 examples, so 40 are
# left for the last.</details>


# %% answer="minibatches" flag="nnlib.data"
def minibatches(n, B, rng, drop_last):
    """Return one epoch as a list of integer arrays: the indices of each batch.

    rng: a NumPy generator; rng.permutation(n) is a random order of 0 … n-1
    drop_last: leave out a last batch of fewer than B examples
    """
    ### BEGIN SOLUTION
    order = rng.permutation(n)
    stop = n - n % B if drop_last else n
    return [order[i : i + B] for i in range(0, stop, B)]
    ### END SOLUTION


# %% check="minibatches" points=2
def sizes(n, B, drop_last):
    """How many examples each batch holds."""
    return [len(b) for b in minibatches(n, B, rng, drop_last)]


def visited(n, B, drop_last=False):
    """How often each example is visited."""
    found = np.concatenate(minibatches(n, B, rng, drop_last))
    return np.bincount(found, minlength=n)


def resemblance(n, B):
    """Correlation of the order of one epoch with 0, 1, 2, … and with the next one."""
    own = np.random.default_rng(int(rng.integers(10**6)))
    one, two = (np.concatenate(minibatches(n, B, own, False)) for _ in range(2))
    return [np.corrcoef(one, np.arange(n))[0, 1], np.corrcoef(one, two)[0, 1]]


emit("sizes", lambda: sizes(103, 10, False))
emit("sizes with drop_last", lambda: sizes(103, 10, True))
emit("sizes where B divides n", lambda: sizes(60, 20, True))
emit("visits of each example", lambda: visited(103, 10))
emit("a new order each time", lambda: resemblance(2000, 7), rtol=0, atol=0.15)
### BEGIN HIDDEN TESTS
n, B = (int(rng.integers(200, 400)), int(rng.integers(17, 40)))
n += n % B == 0
emit("other sizes", lambda: sizes(n, B, False))
emit("other sizes with drop_last", lambda: sizes(n, B, True))
emit("visits", lambda: visited(n, B))
emit("visits with drop_last", lambda: int(visited(n, B, True).sum()))
emit("the order again", lambda: resemblance(3000, B), rtol=0, atol=0.15)
### END HIDDEN TESTS

# %% wrong="minibatches"
# The examples come in the order in which they are stored. Data files are often sorted
# by class: shuffle, with rng.permutation.
# - order = rng.permutation(n)
# + order = np.arange(n)

# %% wrong="minibatches"
# You draw with replacement: some examples come twice and about a third never. An epoch
# visits each once.
# - order = rng.permutation(n)
# + order = rng.integers(n, size=n)

# %% wrong="minibatches"
# Every epoch has the same order, since the generator is made anew each time. Use the
# rng that is handed in.
# - order = rng.permutation(n)
# + order = np.random.default_rng(0).permutation(n)

# %% wrong="minibatches"
# The smaller last batch is always left out. Those examples are still to be visited,
# unless drop_last is true.
# - stop = n - n % B if drop_last else n
# + stop = n - n % B

# %% wrong="minibatches"
# drop_last works the wrong way round.
# - stop = n - n % B if drop_last else n
# + stop = n if drop_last else n - n % B

# %% wrong="minibatches"
# drop_last is ignored: the smaller last batch is always there.
# - stop = n - n % B if drop_last else n
# + stop = n


# %% wrong="minibatches"
# np.array_split makes batches of nearly equal sizes. Asked for are batches of exactly B
# and a rest.
def minibatches(n, B, rng, drop_last):
    return np.array_split(rng.permutation(n), -(-n // B))


# %% [markdown]
# ## Exercise 2 · How noisy is a batch?
#
# `g` holds the gradient of each of the n training examples, one per row, and G is
# their mean. A batch of B random rows has a mean that misses G. Compute the expected
# squared distance E|g_B − G|² exactly:
#
# - with replacement it is S / B, where S = (1/n) Σᵢ |gᵢ − G|²;
# - without, there is the factor (n − B) / (n − 1) as well.
#
# |·|² is the squared length of a vector: a sum over all weights.
#
# *Guess first:* what must come out for B = n without replacement?
#
# <details><summary>Answer</summary>0: the batch is the whole training set, and nothing
# is left to chance.</details>


# %% answer="batch_variance"
def batch_variance(g, B, replace):
    """Return E|g_B - G|² for batches of B rows of g, an array of shape (n, P)."""
    ### BEGIN SOLUTION
    n = g.shape[0]
    d = g - g.mean(axis=0)
    S = (d**2).sum(axis=1).mean()
    factor = 1.0 if replace else (n - B) / (n - 1)
    return S / B * factor
    ### END SOLUTION


# %% check="batch_variance" points=2
def made(n, P):
    """Random gradients with a mean that is not zero."""
    return rng.standard_normal((n, P)) + rng.standard_normal(P)


few, more = made(6, 3), made(50, 8)
emit("B = 2 with replacement", lambda: batch_variance(few, 2, True))
emit("B = 2 without", lambda: batch_variance(few, 2, False))
emit("B = 1, both ways", lambda: [batch_variance(more, 1, r) for r in (True, False)])
emit("B = n without replacement", lambda: batch_variance(more, 50, False), atol=1e-9)
### BEGIN HIDDEN TESTS
n, P = (int(k) for k in rng.integers(20, 60, size=2))
B = int(rng.integers(3, 15))
g = made(n, P)
emit("with replacement", lambda: batch_variance(g, B, True))
emit("without replacement", lambda: batch_variance(g, B, False))
emit("half of the data", lambda: batch_variance(g[: 2 * B], B, False))
### END HIDDEN TESTS

# %% wrong="batch_variance"
# You divide by n − 1. Here nothing is estimated: the n examples are the whole
# population, so S divides by n.
# - S = (d**2).sum(axis=1).mean()
# + S = (d**2).sum() / (n - 1)

# %% wrong="batch_variance"
# You average over the weights. The squared length of a vector is the SUM over them.
# - S = (d**2).sum(axis=1).mean()
# + S = (d**2).mean()

# %% wrong="batch_variance"
# The mean gradient was not subtracted: this is the mean of |gᵢ|², not of |gᵢ − G|².
# - d = g - g.mean(axis=0)
# + d = g

# %% wrong="batch_variance"
# This is the variance of a SUM over B rows: it grows with B. The batch gradient is a
# mean, so divide by B.
# - return S / B * factor
# + return S * B * factor

# %% wrong="batch_variance"
# The typical distance falls as 1/√B, but its square, the variance, as 1/B.
# - return S / B * factor
# + return S / np.sqrt(B) * factor

# %% wrong="batch_variance"
# Without replacement you get the same as with it: the factor (n − B)/(n − 1) is
# missing.
# - factor = 1.0 if replace else (n - B) / (n - 1)
# + factor = 1.0

# %% wrong="batch_variance"
# The factor belongs to drawing WITHOUT replacement: you have it the other way round.
# - factor = 1.0 if replace else (n - B) / (n - 1)
# + factor = (n - B) / (n - 1) if replace else 1.0

# %% wrong="batch_variance"
# Your factor is (n − B)/n. With B = 1 the two ways of drawing are the same, so it must
# be 1 there: divide by n − 1.
# - factor = 1.0 if replace else (n - B) / (n - 1)
# + factor = 1.0 if replace else (n - B) / n

# %% [markdown]
# ## Exercise 3 · Carry a rate to another batch size
#
# A rate `lr` works with batches of B0. What is it with batches of B, so k = B/B0 times
# as many? `"linear"` multiplies it by k (the same drift and noise per example),
# `"sqrt"` by √k (the same noise per step), `"constant"` leaves it. Then comes the
# warm-up: in the first `ramp` steps the rate is multiplied by (step + 1) / ramp. The
# first step has number 0. With `ramp=0` there is no warm-up.
#
# *Guess first:* lr = 0.1 at 32 examples, the linear rule, 512 examples, ramp = 10. What
# is the rate of the very first step?
#
# <details><summary>Answer</summary>0.1 · 16 = 1.6, and a tenth of it: 0.16.</details>


# %% answer="scaled_rate" flag="nnlib.schedules"
def scaled_rate(lr, B0, B, rule, step, ramp):
    """Return the learning rate at this step, for batches of B instead of B0.

    rule: "constant", "sqrt" or "linear"
    ramp: number of warm-up steps
    """
    ### BEGIN SOLUTION
    k = B / B0
    factor = {"constant": 1.0, "sqrt": np.sqrt(k), "linear": k}[rule]
    full = lr * factor
    if step < ramp:
        return full * (step + 1) / ramp
    return full
    ### END SOLUTION


# %% check="scaled_rate" points=2
def rates(lr, B0, B, rule, ramp, steps=6):
    """The rates of the first steps."""
    return [float(scaled_rate(lr, B0, B, rule, t, ramp)) for t in range(steps)]


emit("linear, 32 to 512", lambda: rates(0.1, 32, 512, "linear", 0))
emit("square root, 32 to 512", lambda: rates(0.1, 32, 512, "sqrt", 0))
emit("constant", lambda: rates(0.1, 32, 512, "constant", 0))
emit("warm-up over 4 steps", lambda: rates(0.1, 32, 512, "linear", 4))
emit("to a smaller batch", lambda: rates(0.1, 64, 16, "sqrt", 0))
### BEGIN HIDDEN TESTS
lr, ramp = float(rng.uniform(0.01, 1)), int(rng.integers(3, 9))
B0, B = (int(b) for b in rng.integers(3, 200, size=2))
for rule in ("constant", "sqrt", "linear"):
    emit(f"{rule}, other sizes", lambda rule=rule: rates(lr, B0, B, rule, 0))
    emit(f"{rule}, with ramp", lambda rule=rule: rates(lr, B0, B, rule, ramp, 12))
### END HIDDEN TESTS

# %% wrong="scaled_rate"
# Your k is B0/B: a larger batch gets a smaller rate. It may have a larger one.
# - k = B / B0
# + k = B0 / B

# %% wrong="scaled_rate"
# The two rules are exchanged: linear multiplies by k, the square root by √k.
# - factor = {"constant": 1.0, "sqrt": np.sqrt(k), "linear": k}[rule]
# + factor = {"constant": 1.0, "linear": np.sqrt(k), "sqrt": k}[rule]

# %% wrong="scaled_rate"
# k is a whole number only where B0 divides B. Use B / B0, not B // B0.
# - k = B / B0
# + k = B // B0

# %% wrong="scaled_rate"
# Your first rate is 0, so the first step does nothing: the ramp is (step + 1) / ramp.
# - return full * (step + 1) / ramp
# + return full * step / ramp

# %% wrong="scaled_rate"
# Your warm-up climbs from the old rate. Here it starts at 1/ramp of the new one.
# - return full * (step + 1) / ramp
# + return lr + (full - lr) * (step + 1) / ramp

# %% wrong="scaled_rate"
# There is no warm-up: for step < ramp the rate is multiplied by (step + 1) / ramp.
# - if step < ramp:
# + if False:

# %% wrong="scaled_rate"
# The rate goes on rising after the warm-up: from step number ramp on it stays full.
# - if step < ramp:
# + if ramp:

# %% [markdown]
# ## Exercise 4 · The noise scale from two numbers
#
# The noise scale S/|G|² says up to which batch size more examples pay. Neither S nor
# |G|² need the gradient of each example. The mean squared length of a batch gradient is
# |G|² + S/B. Measure it for a small and for a large batch: that makes two equations
# for two unknowns. (With several machines both come for free: each machine's gradient,
# and their average.)
#
# *Guess first:* |g|² is 5 with B = 10 and 2 with B = 40. What is |G|²: 2, or less?
#
# <details><summary>Answer</summary>Less. Noise makes every batch gradient longer, on
# average. Here S/10 − S/40 = 3, so S = 40 and |G|² = 1.</details>


# %% answer="noise_scale"
def noise_scale(small, B_small, large, B_large):
    """Return (S, |G|², S/|G|²).

    small, large: mean of |g|² over batches of B_small and of B_large examples
    """
    ### BEGIN SOLUTION
    S = (small - large) / (1 / B_small - 1 / B_large)
    G2 = (B_large * large - B_small * small) / (B_large - B_small)
    return S, G2, S / G2
    ### END SOLUTION


# %% check="noise_scale" points=3
emit("the example", lambda: noise_scale(5.0, 10, 2.0, 40))
emit("a batch of one", lambda: noise_scale(9.0, 1, 6.0, 2))
emit("almost no noise", lambda: noise_scale(1.01, 8, 1.005, 16), rtol=1e-4)
### BEGIN HIDDEN TESTS
S, G2 = (float(v) for v in rng.uniform(0.5, 30, size=2))
b = int(rng.integers(1, 20))
c = b + int(rng.integers(5, 200))
emit("other numbers", lambda: noise_scale(G2 + S / b, b, G2 + S / c, c), rtol=1e-4)
emit("twice the batch", lambda: noise_scale(G2 + S / b, b, G2 + S / 2 / b, 2 * b))
emit("a strong signal", lambda: noise_scale(50 + S / b, b, 50 + S / c, c), rtol=1e-4)
### END HIDDEN TESTS

# %% wrong="noise_scale"
# You take the large batch's |g|² for |G|². It still holds S/B_large: solve the two
# equations.
# - G2 = (B_large * large - B_small * small) / (B_large - B_small)
# + G2 = large

# %% wrong="noise_scale"
# You take small − large for S. The difference is S · (1/B_small − 1/B_large).
# - S = (small - large) / (1 / B_small - 1 / B_large)
# + S = small - large

# %% wrong="noise_scale"
# small − large = S · (1/B_small − 1/B_large): divide by the bracket, not by the
# difference of the batch sizes.
# - S = (small - large) / (1 / B_small - 1 / B_large)
# + S = (small - large) * (B_large - B_small)

# %% wrong="noise_scale"
# Your S is negative: the sign of 1/B_small − 1/B_large is the other one.
# - S = (small - large) / (1 / B_small - 1 / B_large)
# + S = (small - large) / (1 / B_large - 1 / B_small)

# %% wrong="noise_scale"
# The weights of |G|² are exchanged: to cancel S, multiply each |g|² by its OWN batch
# size.
# - G2 = (B_large * large - B_small * small) / (B_large - B_small)
# + G2 = (B_small * large - B_large * small) / (B_small - B_large)

# %% wrong="noise_scale"
# The third number is S/|G|², and yours is |G|²/S.
# - return S, G2, S / G2
# + return S, G2, G2 / S

# %% wrong="noise_scale"
# |G|² is already a square: do not square it again in S/|G|².
# - return S, G2, S / G2
# + return S, G2, S / G2**2

# %% [markdown]
# ## Exercise 5 · A large batch in small parts
#
# The memory holds `size` examples, and the step wants them all. Run the parts one after
# the other and combine their gradients into that of the mean loss over **all** N
# examples. The last part may be smaller.
#
# One pass is `logits = model.forward(x, train=True)`, `value, dlogits = loss(logits,
# y)`, `model.backward(dlogits)`. Then `model.grads` holds the gradient, until the next
# pass overwrites it.
#
# *Guess first:* 100 examples in parts of 40: is the answer the mean of the three
# gradients?
#
# <details><summary>Answer</summary>No. The parts have 40, 40 and 20 examples, and each
# gradient is a mean over its own part. The last one counts half.</details>


# %% answer="accumulate"
def accumulate(model, loss, x, y, size):
    """Return the gradient of the mean loss over x, y, with parts of `size` examples."""
    ### BEGIN SOLUTION
    N = len(x)
    total = 0.0
    for i in range(0, N, size):
        part = slice(i, i + size)
        logits = model.forward(x[part], train=True)
        _, dlogits = loss(logits, y[part])
        model.backward(dlogits)
        share = len(x[part]) / N
        total = total + share * model.grads
    return total
    ### END SOLUTION


# %% check="accumulate" points=3
def problem(N, seed):
    """A small network in double precision, with examples."""
    own = np.random.default_rng(seed)
    net = mlp([5, 7, 3], rng=own, dtype=np.float64, device="cpu")
    return net, own.standard_normal((N, 5)), own.integers(3, size=N)


def gradient(N, size, seed=3):
    """The accumulated gradient as a plain array."""
    net, x, y = problem(N, seed)
    return to_numpy(accumulate(net, softmax_cross_entropy, x, y, size))


emit("equal parts", lambda: gradient(40, 10))
emit("a smaller last part", lambda: gradient(50, 20))
emit("one part holds all", lambda: gradient(12, 12))
### BEGIN HIDDEN TESTS
N, size, seed = 60 + int(rng.integers(30)), int(rng.integers(7, 20)), 100
seed += int(rng.integers(1000))
N += N % size == 0
emit("other parts", lambda: gradient(N, size, seed))
emit("parts of one", lambda: gradient(9, 1, seed))
emit("a last part of one", lambda: gradient(3 * size + 1, size, seed))
### END HIDDEN TESTS

# %% wrong="accumulate"
# You add the gradients up without dividing. Each is a mean already, so the sum is too
# large, by the number of parts.
# - share = len(x[part]) / N
# + share = 1.0

# %% wrong="accumulate"
# Each part has the same weight, although the last one is smaller. A part of m examples
# counts m/N.
# - share = len(x[part]) / N
# + share = 1 / len(range(0, N, size))

# %% wrong="accumulate"
# Every part has the weight size/N. The last part has fewer examples and counts less.
# - share = len(x[part]) / N
# + share = size / N

# %% wrong="accumulate"
# Only the last part's gradient is left: backward overwrites model.grads, it does not
# add.
# - return total
# + return model.grads

# %% wrong="accumulate"
# The smaller last part is left out.
# - for i in range(0, N, size):
# + for i in range(0, N - size + 1, size):

# %% [markdown]
# **See what it does.** The noise scale of a network on digits, measured with your
# `noise_scale` while it learns. *Guess first:* does it rise or fall?
#
# <details><summary>Answer</summary>It rises: what all examples agree on is learned
# first, and noise is left. The last numbers jump about: |G|² is so small by then that
# 300 batches hardly measure it.</details>

# %% demo=true
from nnlib.data import digits
from nnlib.optim import SGD
from nnlib.train import evaluate, fit

own = np.random.default_rng(13)
d = digits(rng=own)
net = mlp([64, 32, 10], rng=own)


def mean_square(B, batches=300):
    """Mean of |g|² over random batches."""
    found = []
    for _ in range(batches):
        i = own.integers(len(d.x_train), size=B)
        logits = net.forward(d.x_train[i], train=True)
        net.backward(softmax_cross_entropy(logits, d.y_train[i])[1])
        found.append(float((net.grads**2).sum()))
    return np.mean(found)


for epoch in range(0, 9, 2):
    loss = float(evaluate(net, softmax_cross_entropy, d.x_val, d.y_val)[0])
    try:
        scale = noise_scale(mean_square(4), 4, mean_square(400), 400)[2]
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break
    print(f"epoch {epoch}: validation loss {loss:.2f}, noise scale {scale:.0f}")
    fit(net, softmax_cross_entropy, SGD(lr=0.1), d, epochs=2, batch_size=16, rng=own)

# %% [markdown]
# ## What you have now
#
# An epoch that forgets nobody, the price of a small batch in one formula, two rules for
# the rate and the reason why there are two, and a way to ask a network how large
# its batches should be. Chapter 14 turns from how fast a network learns to what it
# learns: penalties on its weights.

# %% [markdown]
# # Lab 8 · Batch normalization
#
# Normalize the pre-activations of every unit over the mini-batch, and a deep network
# trains at many more learning rates. The price is a layer that does one thing in
# training and another in evaluation, and this is where most of its bugs come from. In
# this lab you write both directions, both modes, and a relative without a batch.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell: cells that you add are for you alone and are not graded.
#
# You need: chapter 8, NumPy, about 60 minutes.

# %%
import numpy as np

from nnlib.backend import to_numpy
from nnlib.layers import Activation, Linear
from nnlib.model import Sequential
from nnlib.norm import BatchNorm1d

# %% [markdown]
# ## Exercise 1 · Forward
#
# For N examples (rows) with D features (columns), each **feature** gets its own mean μ
# and biased variance σ² (divided by N) over the batch:
#
# x̂ = (x − μ) / √(σ² + ε),  y = γ x̂ + β.
#
# *Guess first:* a batch holds two examples, 3 and 5, of one feature. What is x̂? And for
# 3 and 5000?
#
# <details><summary>Answer</summary>−1 and +1, both times (up to ε). With two examples,
# only the order is left.</details>


# %% answer="batchnorm_forward" flag="nnlib.norm normalize_forward BatchNorm1d"
def batchnorm_forward(x, gamma, beta, eps=1e-5):
    """Return (y, cache) for x of shape (N, D); gamma and beta have shape (D,).

    cache = (xhat, s, gamma) with s = √(σ² + ε) of shape (D,): the way back needs it.
    """
    ### BEGIN SOLUTION
    mean = x.mean(axis=0)
    variance = ((x - mean) ** 2).mean(axis=0)
    s = np.sqrt(variance + eps)
    xhat = (x - mean) / s
    y = gamma * xhat + beta
    return y, (xhat, s, gamma)
    ### END SOLUTION


# %% check="batchnorm_forward" points=3
x = np.array([[1.0, 10.0, 0.3], [2.0, 10.5, 0.1], [6.0, 14.0, 0.2], [3.0, 9.0, 0.1]])
gamma, beta = np.array([1.0, 2.0, 0.5]), np.array([0.0, 1.0, -3.0])
emit("the output", lambda: batchnorm_forward(x, gamma, beta)[0])
emit("x̂ in the cache", lambda: batchnorm_forward(x, gamma, beta)[1][0])
emit("s in the cache", lambda: batchnorm_forward(x, gamma, beta)[1][1])
emit("a large ε", lambda: batchnorm_forward(x, gamma, beta, eps=0.5)[0])
emit("a constant feature", lambda: batchnorm_forward(0 * x + 7, gamma, beta)[0])
### BEGIN HIDDEN TESTS
n, d = (int(k) for k in rng.permutation(np.arange(3, 12))[:2])
x = 3 * rng.standard_normal((n, d)) + rng.standard_normal(d)
gamma, beta = rng.uniform(0.5, 2, d), rng.standard_normal(d)
eps = float(rng.uniform(0.01, 0.5))
emit("any output", lambda: batchnorm_forward(x, gamma, beta, eps)[0])
emit("any x̂", lambda: batchnorm_forward(x, gamma, beta, eps)[1][0])
emit("any s", lambda: batchnorm_forward(x, gamma, beta, eps)[1][1])
### END HIDDEN TESTS


# %% wrong="batchnorm_forward"
# You average over the features of each example (axis 1): that is layer normalization.
# Batch normalization averages over the examples, axis 0.
def batchnorm_forward(x, gamma, beta, eps=1e-5):
    mean = x.mean(axis=1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=1, keepdims=True)
    s = np.sqrt(variance + eps)
    xhat = (x - mean) / s
    return gamma * xhat + beta, (xhat, s, gamma)


# %% wrong="batchnorm_forward"
# One mean for the whole array: every feature needs its own, over axis 0.
def batchnorm_forward(x, gamma, beta, eps=1e-5):
    s = np.sqrt(x.var() + eps)
    xhat = (x - x.mean()) / s
    return gamma * xhat + beta, (xhat, s, gamma)


# %% wrong="batchnorm_forward"
# You divide by the variance; divide by its root, the standard deviation.
# - s = np.sqrt(variance + eps)
# + s = variance + eps

# %% wrong="batchnorm_forward"
# ε stands inside the root, beside the variance.
# - s = np.sqrt(variance + eps)
# + s = np.sqrt(variance) + eps

# %% wrong="batchnorm_forward"
# ε is missing: a constant feature is divided by zero.
# - s = np.sqrt(variance + eps)
# + s = np.sqrt(variance)

# %% wrong="batchnorm_forward"
# You divide the sum of squares by N − 1. The biased variance (divided by N) normalizes;
# the unbiased one goes into the running estimate.
# - variance = ((x - mean) ** 2).mean(axis=0)
# + variance = ((x - mean) ** 2).sum(axis=0) / (len(x) - 1)

# %% wrong="batchnorm_forward"
# γ and β are missing in your output: y = γ x̂ + β.
# - y = gamma * xhat + beta
# + y = xhat

# %% wrong="batchnorm_forward"
# γ multiplies x̂ only, not β.
# - y = gamma * xhat + beta
# + y = gamma * (xhat + beta)

# %% [markdown]
# ## Exercise 2 · Backward
#
# With dx̂ = γ dy and bars for means over the batch,
#
# dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / s,  dγ = Σ dy x̂,  dβ = Σ dy.
#
# *Guess first:* all examples get the same gradient, dy = 1. What is dx?
#
# <details><summary>Answer</summary>Zero. Moving all outputs of a feature together is
# what no change of x can do.</details>


# %% answer="batchnorm_backward" flag="nnlib.norm normalize_backward"
def batchnorm_backward(dy, cache):
    """Return (dx, dgamma, dbeta); dy is (N, D), cache is (xhat, s, gamma)."""
    ### BEGIN SOLUTION
    xhat, s, gamma = cache
    dgamma = (dy * xhat).sum(axis=0)
    dbeta = dy.sum(axis=0)
    dxhat = gamma * dy
    along = (dxhat * xhat).mean(axis=0)
    dx = (dxhat - dxhat.mean(axis=0) - xhat * along) / s
    return dx, dgamma, dbeta
    ### END SOLUTION


# %% check="batchnorm_backward" points=4
def made(x, gamma, eps=1e-5):
    """The cache of exercise 1, made here so that this exercise stands alone."""
    s = np.sqrt(x.var(axis=0) + eps)
    return (x - x.mean(axis=0)) / s, s, gamma


x = np.array([[0.0, 1.0], [0.0, 2.0], [3.0, 7.0], [3.0, 4.0]])
gamma = np.array([1.0, 2.0])
dy = np.array([[4.0, 1.0], [0.0, -1.0], [0.0, 2.0], [0.0, 0.5]])
emit("dx", lambda: batchnorm_backward(dy, made(x, gamma))[0])
emit("dγ", lambda: batchnorm_backward(dy, made(x, gamma))[1])
emit("dβ", lambda: batchnorm_backward(dy, made(x, gamma))[2])
### BEGIN HIDDEN TESTS
n, d = (int(k) for k in rng.permutation(np.arange(4, 12))[:2])
x, dy = rng.standard_normal((2, n, d))
gamma, eps = rng.uniform(0.5, 2, d), float(rng.uniform(0.01, 0.3))
emit("any dx", lambda: batchnorm_backward(dy, made(3 * x, gamma, eps))[0])
emit("any dγ", lambda: batchnorm_backward(dy, made(3 * x, gamma, eps))[1])
emit("any dβ", lambda: batchnorm_backward(dy, made(3 * x, gamma, eps))[2])
### END HIDDEN TESTS

# %% wrong="batchnorm_backward"
# You treat μ and σ as constants. They depend on x: two terms are missing, the mean of
# dx̂ and the part along x̂.
# - dx = (dxhat - dxhat.mean(axis=0) - xhat * along) / s
# + dx = dxhat / s

# %% wrong="batchnorm_backward"
# The way through the variance is missing: the part of dx̂ along x̂.
# - dx = (dxhat - dxhat.mean(axis=0) - xhat * along) / s
# + dx = (dxhat - dxhat.mean(axis=0)) / s

# %% wrong="batchnorm_backward"
# The way through the mean is missing: subtract the mean of dx̂.
# - dx = (dxhat - dxhat.mean(axis=0) - xhat * along) / s
# + dx = (dxhat - xhat * along) / s

# %% wrong="batchnorm_backward"
# γ is missing on the way back: dx̂ = γ dy.
# - dxhat = gamma * dy
# + dxhat = dy

# %% wrong="batchnorm_backward"
# You forgot to divide by s, the derivative of (x − μ)/s.
# - dx = (dxhat - dxhat.mean(axis=0) - xhat * along) / s
# + dx = dxhat - dxhat.mean(axis=0) - xhat * along

# %% wrong="batchnorm_backward"
# Sums where means are needed: each of the N examples moves μ and σ by 1/N.
# - along = (dxhat * xhat).mean(axis=0)
# - dx = (dxhat - dxhat.mean(axis=0) - xhat * along) / s
# + along = (dxhat * xhat).sum(axis=0)
# + dx = (dxhat - dxhat.sum(axis=0) - xhat * along) / s

# %% wrong="batchnorm_backward"
# dγ and dβ are sums over the batch, not means: the loss has been averaged already, in
# dy.
# - dgamma = (dy * xhat).sum(axis=0)
# - dbeta = dy.sum(axis=0)
# + dgamma = (dy * xhat).mean(axis=0)
# + dbeta = dy.mean(axis=0)

# %% wrong="batchnorm_backward"
# dγ is a sum over the batch, and each dy meets its own x̂: dγ = Σ dy x̂. Yours uses dx̂,
# which has γ in it already.
# - dgamma = (dy * xhat).sum(axis=0)
# + dgamma = (gamma * dy * xhat).sum(axis=0)

# %% [markdown]
# ## Exercise 3 · Two modes
#
# In training the layer uses the batch's μ and σ², and moves its running estimates:
# r ← (1 − m) r + m μ, and the same for the variance, with the **unbiased** variance
# (divided by N − 1). In evaluation it uses the running estimates and changes nothing.
#
# `state` is a dictionary with the arrays `"mean"` and `"var"`. Put new arrays into it.
#
# *Guess first:* the first batch has mean 10, the running mean starts at 0, and m = 0.1.
# In evaluation, right after this step, what does the layer subtract?
#
# <details><summary>Answer</summary>1, far from the 10 that it subtracted in
# training.</details>


# %% answer="normalize" flag="nnlib.norm BatchNorm1d"
def normalize(x, state, train, momentum=0.1, eps=1e-5):
    """Return x̂ for x of shape (N, D); in training, update state."""
    ### BEGIN SOLUTION
    if train:
        mean, var = x.mean(axis=0), x.var(axis=0)
        unbiased = var * len(x) / (len(x) - 1)
        state["mean"] = (1 - momentum) * state["mean"] + momentum * mean
        state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
    else:
        mean, var = state["mean"], state["var"]
    return (x - mean) / np.sqrt(var + eps)
    ### END SOLUTION


# %% check="normalize" points=4
def story(batches, momentum, last, what, eps=1e-5):
    """Train on batches, evaluate on `last`; give the output or an entry of state."""
    d = batches[0].shape[1]
    state = {"mean": np.zeros(d), "var": np.ones(d)}
    for x in batches:
        out = normalize(x, state, True, momentum, eps)
    if what == "training output":
        return out
    evaluated = normalize(last, state, False, momentum, eps)
    return evaluated if what == "evaluation output" else state[what]


batches = [np.array([[1.0, 2.0], [3.0, 8.0], [8.0, 2.0]]), np.eye(3)[:, :2] * 5]
last = np.array([[1.0, 1.0]])
emit("training output", lambda: story(batches, 0.1, last, "training output"))
emit("running mean", lambda: story(batches, 0.1, last, "mean"))
emit("running variance", lambda: story(batches, 0.1, last, "var"))
emit("evaluation of one", lambda: story(batches, 0.1, last, "evaluation output"))
### BEGIN HIDDEN TESTS
n, d = (int(k) for k in rng.permutation(np.arange(3, 9))[:2])
batches = list(2 * rng.standard_normal((4, n, d)) + 1)
last, m = rng.standard_normal((5, d)), float(rng.uniform(0.15, 0.4))
emit("any training output", lambda: story(batches, m, last, "training output", 0.1))
emit("any running mean", lambda: story(batches, m, last, "mean"))
emit("any running variance", lambda: story(batches, m, last, "var"))
emit("any evaluation", lambda: story(batches, m, last, "evaluation output", 0.1))
### END HIDDEN TESTS

# %% wrong="normalize"
# You weigh the OLD value with momentum, as TensorFlow does. Here, as in PyTorch,
# momentum is the weight of the NEW value.
# - state["mean"] = (1 - momentum) * state["mean"] + momentum * mean
# - state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + state["mean"] = momentum * state["mean"] + (1 - momentum) * mean
# + state["var"] = momentum * state["var"] + (1 - momentum) * unbiased

# %% wrong="normalize"
# Two things: momentum is the weight of the NEW value here, as in PyTorch (TensorFlow's
# is that of the old one), and the running variance takes the unbiased variance.
# - state["mean"] = (1 - momentum) * state["mean"] + momentum * mean
# - state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + state["mean"] = momentum * state["mean"] + (1 - momentum) * mean
# + state["var"] = momentum * state["var"] + (1 - momentum) * var

# %% wrong="normalize"
# The running variance takes the unbiased variance, divided by N − 1.
# - state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + state["var"] = (1 - momentum) * state["var"] + momentum * var

# %% wrong="normalize"
# The batch is normalized with its biased variance (divided by N); the unbiased one is
# for the running estimate.
# - state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + var = unbiased

# %% wrong="normalize"
# In evaluation you still use the batch's own statistics: an answer then depends on the
# other examples of the batch. Use state.
# - mean, var = state["mean"], state["var"]
# + mean, var = x.mean(axis=0), x.var(axis=0)

# %% wrong="normalize"
# In training you normalize with the running estimates. Training uses the batch's own
# statistics; the running ones are for evaluation.
# - unbiased = var * len(x) / (len(x) - 1)
# - state["mean"] = (1 - momentum) * state["mean"] + momentum * mean
# - state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + unbiased = var * len(x) / (len(x) - 1)
# + state["mean"] = (1 - momentum) * state["mean"] + momentum * mean
# + state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + mean, var = state["mean"], state["var"]

# %% wrong="normalize"
# The running estimates keep only the last batch: mix with the weight momentum.
# - state["mean"] = (1 - momentum) * state["mean"] + momentum * mean
# - state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + state["mean"] = mean
# + state["var"] = unbiased

# %% wrong="normalize"
# Your state never changes: put the new averages into the dictionary.
# - state["mean"] = (1 - momentum) * state["mean"] + momentum * mean
# - state["var"] = (1 - momentum) * state["var"] + momentum * unbiased
# + pass


# %% wrong="normalize"
# Evaluation must not change the state: a model that learns from its test set gives
# answers that depend on the order of the questions.
def normalize(x, state, train, momentum=0.1, eps=1e-5):
    mean, var = (x.mean(axis=0), x.var(axis=0)) if train else state.values()
    new_mean, new_var = x.mean(axis=0), x.var(axis=0) * len(x) / max(len(x) - 1, 1)
    state["mean"] = (1 - momentum) * state["mean"] + momentum * new_mean
    state["var"] = (1 - momentum) * state["var"] + momentum * new_var
    return (x - mean) / np.sqrt(var + eps)


# %% [markdown]
# ## Exercise 4 · How long do averages remember their start?
#
# A running estimate starts at r₀, and every batch has the same mean μ. What is it after
# t steps with the weight m of the new value? You are given the momentum of Keras, which
# is the weight of the *old* value: first turn it into m.
#
# *Guess first:* Keras's default is 0.99. How much of the start is left after 100 steps?
#
# <details><summary>Answer</summary>0.99¹⁰⁰ ≈ 0.37, more than a third.</details>


# %% answer="running_after"
def running_after(start, mu, keras_momentum, steps):
    """Return the running estimate after so many steps with batches of mean mu."""
    ### BEGIN SOLUTION
    m = 1 - keras_momentum
    left = (1 - m) ** steps
    return left * start + (1 - left) * mu
    ### END SOLUTION


# %% check="running_after" points=1
emit("from 0 towards 1", lambda: running_after(0.0, 1.0, 0.99, 100))
emit("from 1 towards 5", lambda: running_after(1.0, 5.0, 0.9, 7))
### BEGIN HIDDEN TESTS
start, mu = (float(v) for v in rng.uniform(-5, 5, 2))
m, t = float(rng.uniform(0.6, 0.95)), int(rng.integers(3, 12))
emit("anywhere", lambda: running_after(start, mu, m, t))
emit("before the first step", lambda: running_after(start, mu, m, 0))
### END HIDDEN TESTS

# %% wrong="running_after"
# Keras's momentum is the weight of the OLD value: m = 1 − momentum.
# - m = 1 - keras_momentum
# + m = keras_momentum

# %% wrong="running_after"
# This is the share of the start that is left after ONE step; each step multiplies it
# again.
# - left = (1 - m) ** steps
# + left = 1 - m

# %% wrong="running_after"
# The start has the weight (1 − m)ᵗ, and what is missing to 1 belongs to μ: you have
# them the other way round.
# - return left * start + (1 - left) * mu
# + return left * mu + (1 - left) * start

# %% wrong="running_after"
# You let the start lose the same amount at each step. It loses the same FACTOR.
# - left = (1 - m) ** steps
# + left = max(1 - m * steps, 0)

# %% [markdown]
# ## Exercise 5 · Save everything
#
# A colleague saves a network's parameters, loads them elsewhere, and gets half of the
# digits wrong. What is missing? In nnlib each layer has two dictionaries:
# `layer.params` (learned) and `layer.buffers` (not learned, but part of the model).
# Return copies of all arrays under names like `"1.gamma"`: the position of the layer, a
# dot, the name.
#
# *Guess first:* why copies?
#
# <details><summary>Answer</summary>Training goes on and changes the arrays in place. A
# view would change with them.</details>


# %% answer="save" flag="state"
def save(model):
    """Return a dictionary of copies of all arrays that the model needs again."""
    saved = {}
    for position, layer in enumerate(model.layers):
        ### BEGIN SOLUTION
        arrays = {**layer.params, **layer.buffers}
        for name, value in arrays.items():
            saved[f"{position}.{name}"] = np.array(to_numpy(value))
        ### END SOLUTION
    return saved


# %% check="save" points=2
def small(width, seed):
    """A small network with batch norm that has seen five batches."""
    own = np.random.default_rng(seed)
    model = Sequential(
        [
            Linear(3, width, rng=own, device="cpu"),
            BatchNorm1d(width, device="cpu"),
            Activation("relu"),
            Linear(width, 2, rng=own, device="cpu"),
        ]
    )
    for _ in range(5):
        model.forward(own.standard_normal((8, 3)).astype(np.float32) + 2, train=True)
    return model


def total(saved):
    """The sum of the absolute values of every saved array, by name."""
    return [float(np.abs(np.asarray(saved[name])).sum()) for name in sorted(saved)]


def changed_later(width, seed):
    """The same sums, when the model is changed after saving."""
    model = small(width, seed)
    saved = save(model)
    model.params[...] *= 2
    for layer in model.layers:
        for buffer in layer.buffers.values():
            buffer[...] += 1
    return total(saved)


emit("the names", lambda: " ".join(sorted(save(small(4, 0)))))
emit("the values", lambda: total(save(small(4, 0))), rtol=1e-4)
emit("after more training", lambda: changed_later(4, 0), rtol=1e-4)
### BEGIN HIDDEN TESTS
width, seed = int(rng.integers(5, 15)), int(rng.integers(10**6))
emit("any values", lambda: total(save(small(width, seed))), rtol=1e-4)
emit("any changed later", lambda: changed_later(width, seed), rtol=1e-4)
### END HIDDEN TESTS

# %% wrong="save"
# The running statistics are missing. They are not parameters, but evaluation needs
# them: save layer.buffers, too.
# - arrays = {**layer.params, **layer.buffers}
# + arrays = layer.params

# %% wrong="save"
# You have saved the buffers only: the learned parameters belong to the model as well.
# - arrays = {**layer.params, **layer.buffers}
# + arrays = layer.buffers

# %% wrong="save"
# You have saved views, not copies: the next training step changes what you saved. Copy
# with np.array(…).
# - saved[f"{position}.{name}"] = np.array(to_numpy(value))
# + saved[f"{position}.{name}"] = to_numpy(value)

# %% wrong="save"
# Names without the position collide: the last layer's W overwrites the first one's.
# - saved[f"{position}.{name}"] = np.array(to_numpy(value))
# + saved[name] = np.array(to_numpy(value))

# %% [markdown]
# ## Exercise 6 · Without the batch
#
# Group normalization splits the C channels of **each image** into G groups of
# neighbors, and takes one mean and one variance over the channels of a group and all
# pixels. (γ and β are left out here.) With G = 1 it is layer normalization of the
# image, with G = C instance normalization.
#
# *Guess first:* how many means does it compute for a batch of 8 images with 32 channels
# and G = 4?
#
# <details><summary>Answer</summary>8 · 4 = 32. Batch normalization would compute 32 as
# well, one for each channel, but from other numbers.</details>


# %% answer="groupnorm" flag="nnlib.norm GroupNorm normalize_forward"
def groupnorm(x, groups, eps=1e-5):
    """Normalize x of shape (N, C, H, W) by groups of channels of each image."""
    ### BEGIN SOLUTION
    n, c, h, w = x.shape
    split = x.reshape(n, groups, c // groups, h, w)
    mean = split.mean(axis=(2, 3, 4), keepdims=True)
    var = split.var(axis=(2, 3, 4), keepdims=True)
    out = (split - mean) / np.sqrt(var + eps)
    return out.reshape(x.shape)
    ### END SOLUTION


# %% check="groupnorm" points=3
x = np.sin(np.arange(2 * 6 * 2 * 3.0) ** 1.3).reshape(2, 6, 2, 3) * 3 + 1
emit("three groups", lambda: groupnorm(x, 3))
emit("one group", lambda: groupnorm(x, 1))
emit("a group for each channel", lambda: groupnorm(x, 6))
emit("one image alone", lambda: groupnorm(x[:1], 2))
emit("ε = 1", lambda: groupnorm(x, 2, eps=1.0))
### BEGIN HIDDEN TESTS
g, k = (int(v) for v in rng.permutation(np.arange(2, 5))[:2])
x = 2 * rng.standard_normal((3, g * k, 3, 2)) + rng.standard_normal((1, g * k, 1, 1))
emit("any groups", lambda: groupnorm(x, g))
emit("a large ε", lambda: groupnorm(x, k, eps=0.5))
### END HIDDEN TESTS

# %% wrong="groupnorm"
# You average over the images as well: group normalization must not look at the rest of
# the batch. Leave axis 0 out.
# - mean = split.mean(axis=(2, 3, 4), keepdims=True)
# - var = split.var(axis=(2, 3, 4), keepdims=True)
# + mean = split.mean(axis=(0, 2, 3, 4), keepdims=True)
# + var = split.var(axis=(0, 2, 3, 4), keepdims=True)

# %% wrong="groupnorm"
# You average over the pixels but not over the channels of a group: that is instance
# normalization, whatever G is.
# - mean = split.mean(axis=(2, 3, 4), keepdims=True)
# - var = split.var(axis=(2, 3, 4), keepdims=True)
# + mean = split.mean(axis=(3, 4), keepdims=True)
# + var = split.var(axis=(3, 4), keepdims=True)

# %% wrong="groupnorm"
# You average over the channels of a group at each pixel: the pixels belong to the mean,
# too.
# - mean = split.mean(axis=(2, 3, 4), keepdims=True)
# - var = split.var(axis=(2, 3, 4), keepdims=True)
# + mean = split.mean(axis=2, keepdims=True)
# + var = split.var(axis=2, keepdims=True)

# %% wrong="groupnorm"
# Your groups have G channels each; there must be G groups of C / G channels.
# - split = x.reshape(n, groups, c // groups, h, w)
# + split = x.reshape(n, c // groups, groups, h, w)


# %% wrong="groupnorm"
# Your groups hold every G-th channel; a group holds neighbors: reshape to
# (N, G, C / G, H, W).
def groupnorm(x, groups, eps=1e-5):
    n, c, h, w = x.shape
    split = x.reshape(n, c // groups, groups, h, w)
    mean = split.mean(axis=(1, 3, 4), keepdims=True)
    var = split.var(axis=(1, 3, 4), keepdims=True)
    return ((split - mean) / np.sqrt(var + eps)).reshape(x.shape)


# %% wrong="groupnorm"
# ε belongs inside the root, added to the variance.
# - out = (split - mean) / np.sqrt(var + eps)
# + out = (split - mean) / (np.sqrt(var) + eps)

# %% [markdown]
# **See what it does.** Your layer in both modes, on a stream of numbers whose mean is
# 10: how fast do evaluation and training agree?

# %% demo=true
own = np.random.default_rng(8)
state = {"mean": np.zeros(1), "var": np.ones(1)}
try:
    for step in range(1, 41):
        batch = 10 + 2 * own.standard_normal((32, 1))
        normalize(batch, state, True)
        if step in (1, 5, 10, 20, 40):
            out = normalize(batch, state, False)
            print(f"step {step:2d}: mean in evaluation {out.mean():5.2f}, not 0")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## What you have now
#
# A layer that is two functions, and the three habits that go with it: switch the mode,
# save the buffers, and ask whose statistics an answer depends on. Chapter 9 makes
# networks deep in another way: it lets the signal go around the layers.

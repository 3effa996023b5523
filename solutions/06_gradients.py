# %% [markdown]
# # Lab 6 · Vanishing and exploding gradients
#
# A gradient on its way down meets one factor per layer. In this lab you carry it down
# yourself, measure it layer by layer, put up a fence against explosions, and find out
# from a few numbers what ails a run.
#
# Each of the five exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell: cells that you add are for you alone and are not graded.
#
# You need: chapter 6, NumPy, about an hour.

# %%
from itertools import pairwise

import numpy as np

from nnlib.backend import to_numpy
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp

# %% [markdown]
# ## Exercise 1 · Carry the gradient down
#
# Layer ℓ computes z = a W and then f(z), where a are the outputs of the layer below.
# You get `delta`, the gradient of the loss with respect to the pre-activations of the
# **last** layer, and for every layer its weights and the slopes f′(z) at its
# pre-activations. Go down to the first layer: the gradient with respect to the
# pre-activations one layer below is (delta Wᵀ) times the slopes **there**.
#
# Return the Euclidean norms of all these gradients, first layer first.
#
# *Guess first:* the slopes of the last layer are in the list as well. Are they used?
#
# <details><summary>Answer</summary>No: `delta` belongs to the last pre-activations
# already. And the weights of the first layer are not used either: below them is only
# the input.</details>


# %% answer="delta_norms"
def delta_norms(delta, weights, slopes):
    """Norms of ∂L/∂z of all layers, first to last.

    delta:   ∂L/∂z of the last layer, shape (N, H)
    weights: one matrix per layer, (inputs, outputs), first to last
    slopes:  f′(z) of every layer, each of shape (N, H), first to last
    """
    ### BEGIN SOLUTION
    norms = [float(np.linalg.norm(delta))]
    for layer in range(len(weights) - 2, -1, -1):
        delta = (delta @ weights[layer + 1].T) * slopes[layer]
        norms.append(float(np.linalg.norm(delta)))
    return norms[::-1]
    ### END SOLUTION


# %% check="delta_norms" points=3
def stack(sizes, n, rng, scale=1.0):
    """Weights, slopes of sigmoid units, and a gradient at the top."""
    pairs = list(pairwise(sizes))
    weights = [scale * rng.standard_normal(p) / np.sqrt(p[0]) for p in pairs]
    slopes = [rng.uniform(0.02, 0.25, size=(n, h)) for _, h in pairs]
    return rng.standard_normal((n, sizes[-1])), weights, slopes


fixed = np.random.default_rng(6)
three = stack([5, 4, 3, 2], 6, fixed)
square = stack([4, 4, 4, 4, 4], 3, fixed, scale=3.0)
emit("three layers", lambda: delta_norms(*three))
emit("four layers of equal width", lambda: delta_norms(*square))
### BEGIN HIDDEN TESTS
sizes = [int(k) for k in rng.integers(3, 12, size=7)]
emit("six layers", lambda: delta_norms(*stack(sizes, 8, rng, scale=2.0)))
### END HIDDEN TESTS

# %% wrong="delta_norms"
# You use the slopes of the layer above. δ Wᵀ is a gradient with respect to OUTPUTS of
# the layer below: the slopes of that layer turn it into one of its pre-activations.
# - delta = (delta @ weights[layer + 1].T) * slopes[layer]
# + delta = (delta * slopes[layer + 1]) @ weights[layer + 1].T

# %% wrong="delta_norms"
# The slopes are missing: on the way down the gradient passes the activation, too.
# - delta = (delta @ weights[layer + 1].T) * slopes[layer]
# + delta = delta @ weights[layer + 1].T

# %% wrong="delta_norms"
# The norms are right, but in the order in which you met them. First layer first.
# - return norms[::-1]
# + return norms

# %% wrong="delta_norms"
# You carry the norm, not the gradient: the norm of a product is not the product of
# norms.
# - delta = (delta @ weights[layer + 1].T) * slopes[layer]
# - norms.append(float(np.linalg.norm(delta)))
# + norms.append(norms[-1] * np.linalg.norm(weights[layer + 1])
# +     * np.linalg.norm(slopes[layer]))

# %% wrong="delta_norms"
# The last layer's own gradient belongs into the list as well.
# - return norms[::-1]
# + return norms[:0:-1]

# %% wrong="delta_norms"
# You take the largest entry. Asked for is the Euclidean norm, the root of the sum of
# all squares.
# - norms = [float(np.linalg.norm(delta))]
# + norms = [float(np.abs(delta).max())]
# - norms.append(float(np.linalg.norm(delta)))
# + norms.append(float(np.abs(delta).max()))

# %% [markdown]
# ## Exercise 2 · Norms by layer
#
# The first thing to look at when a deep network does not learn. Run a batch through a
# model of nnlib, forward with `train=True`, loss, backward, and return for each
# **dense** layer the norm of its weight gradient, first layer first. `layer.grads["W"]`
# holds it after the backward pass.
#
# *Guess first:* for ten sigmoid layers with Xavier weights, by which factor is the
# first norm smaller than the last: 10, 1000, a million?
#
# <details><summary>Answer</summary>About a million: 0.24 per layer.</details>


# %% answer="layer_grad_norms" flag="torch"
def layer_grad_norms(model, x, y):
    """Norm of the weight gradient of each dense layer, as a list of numbers.

    The loss is softmax_cross_entropy(logits, y) -> (loss, gradient of the logits).
    """
    ### BEGIN SOLUTION
    logits = model.forward(x, train=True)
    _, dlogits = softmax_cross_entropy(logits, y)
    model.backward(dlogits)
    dense = [layer for layer in model.layers if "W" in layer.params]
    return [float(np.linalg.norm(to_numpy(layer.grads["W"]))) for layer in dense]
    ### END SOLUTION


# %% check="layer_grad_norms" points=3
def case(sizes, activation, rng, n=30):
    """A float64 network and a batch."""
    net = mlp(sizes, activation=activation, rng=rng, dtype=np.float64, device="cpu")
    net.params[...] += 0.1 * rng.standard_normal(net.params.shape)
    x = rng.standard_normal((n, sizes[0]))
    return net, x, rng.integers(0, sizes[-1], size=n)


sigmoid_case = case([8, 10, 10, 10, 4], "sigmoid", np.random.default_rng(1))
relu_case = case([8, 20, 5], "relu", np.random.default_rng(2))
emit("sigmoid layers", lambda: layer_grad_norms(*sigmoid_case))
emit("ReLU layers", lambda: layer_grad_norms(*relu_case))
### BEGIN HIDDEN TESTS
sizes = [int(k) for k in rng.integers(5, 15, size=6)]
emit("other layers", lambda: layer_grad_norms(*case(sizes, "tanh", rng)))
### END HIDDEN TESTS

# %% wrong="layer_grad_norms"
# These are the norms of the weights. The gradients are in layer.grads.
# - return [float(np.linalg.norm(to_numpy(layer.grads["W"]))) for layer in dense]
# + return [float(np.linalg.norm(to_numpy(layer.params["W"]))) for layer in dense]

# %% wrong="layer_grad_norms"
# You hand the logits to backward. It takes the gradient of the loss with respect to
# them, the second result of the loss.
# - model.backward(dlogits)
# + model.backward(logits)

# %% wrong="layer_grad_norms"
# Root mean square, not norm: you divide by the number of weights, and layers of
# different sizes get different divisors.
# - return [float(np.linalg.norm(to_numpy(layer.grads["W"]))) for layer in dense]
# + return [float(np.sqrt((layer.grads["W"] ** 2).mean())) for layer in dense]

# %% wrong="layer_grad_norms"
# The square root is missing: this is the squared norm.
# - return [float(np.linalg.norm(to_numpy(layer.grads["W"]))) for layer in dense]
# + return [float((layer.grads["W"] ** 2).sum()) for layer in dense]

# %% wrong="layer_grad_norms"
# The biases' gradients are in your norms; asked for are those of the weights.
# - return [float(np.linalg.norm(to_numpy(layer.grads["W"]))) for layer in dense]
# + return [float(np.hypot(np.linalg.norm(layer.grads["W"]),
# +     np.linalg.norm(layer.grads["b"]))) for layer in dense]

# %% wrong="layer_grad_norms"
# Last layer first: turn the list round.
# - dense = [layer for layer in model.layers if "W" in layer.params]
# + dense = [layer for layer in model.layers[::-1] if "W" in layer.params]

# %% [markdown]
# ## Exercise 3 · A fence
#
# Clip the gradient by its **global** norm: if the norm of all arrays taken together
# exceeds `max_norm`, shrink all of them by one common factor so that it becomes
# `max_norm`. Change the arrays **in place** and return the norm from **before**, which
# is the number to log.
#
# *Guess first:* two arrays with norms 3 and 4, max_norm = 1. What are their norms
# afterwards?
#
# <details><summary>Answer</summary>The global norm is 5, so the factor is 1/5: 0.6 and
# 0.8.</details>


# %% answer="clip_grad_norm" flag="nnlib.clipping torch clip_norm"
def clip_grad_norm(grads, max_norm):
    """Shrink a list of arrays in place to a global norm of at most max_norm.

    Return the global norm before clipping.
    """
    ### BEGIN SOLUTION
    norm = float(np.sqrt(sum((g**2).sum() for g in grads)))
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm
    ### END SOLUTION


# %% check="clip_grad_norm" points=3
def clipped(grads, max_norm):
    """The returned norm and the arrays after the call."""
    grads = [np.array(g, dtype=float) for g in grads]
    norm = clip_grad_norm(grads, max_norm)
    return [norm, *[float(v) for g in grads for v in g.ravel()]]


emit("norms 3 and 4, limit 1", lambda: clipped([[3.0, 0.0], [[0.0], [-4.0]]], 1.0))
emit("below the limit", lambda: clipped([[0.3, 0.1], [0.2]], 1.0))
emit("a zero gradient", lambda: clipped([[0.0, 0.0], [0.0]], 1.0))
emit("a limit that is not 1", lambda: clipped([[3.0, 4.0], [12.0]], 2.0))
### BEGIN HIDDEN TESTS
many = [rng.standard_normal((3, 2)), rng.standard_normal(4), 5 * rng.standard_normal(1)]
limit = float(rng.uniform(0.5, 1.5))
emit("three arrays", lambda: clipped(many, limit))
emit("three small arrays", lambda: clipped([0.01 * g for g in many], limit))
### END HIDDEN TESTS


# %% wrong="clip_grad_norm"
# You clip every array by itself: the common direction is lost. There is one norm for
# all arrays together, and one factor.
def clip_grad_norm(grads, max_norm):
    norm = float(np.sqrt(sum((g**2).sum() for g in grads)))
    for g in grads:
        own = np.linalg.norm(g)
        if own > max_norm:
            g *= max_norm / own
    return norm


# %% wrong="clip_grad_norm"
# This clips each value to ±max_norm; the direction changes. Shrink all arrays by one
# factor.
def clip_grad_norm(grads, max_norm):
    norm = float(np.sqrt(sum((g**2).sum() for g in grads)))
    for g in grads:
        g[...] = np.clip(g, -max_norm, max_norm)
    return norm


# %% wrong="clip_grad_norm"
# You scale to max_norm always, also gradients that were shorter: these get longer. A
# fence does not pull.
# - if norm > max_norm:
# + if norm > 0:

# %% wrong="clip_grad_norm"
# You return the norm after clipping: the one from before tells how often the fence is
# needed.
# - return norm
# + return min(norm, max_norm)

# %% wrong="clip_grad_norm"
# The arrays have not changed: `g = …` makes a new array. Write `g *= …`.
# - g *= max_norm / norm
# + g = g * max_norm / norm

# %% wrong="clip_grad_norm"
# The norms of the arrays do not add up; their squares do: 3 and 4 make 5.
# - norm = float(np.sqrt(sum((g**2).sum() for g in grads)))
# + norm = float(sum(np.linalg.norm(g) for g in grads))

# %% wrong="clip_grad_norm"
# You divide by the norm and forget the limit: the norm becomes 1, whatever max_norm is.
# - g *= max_norm / norm
# + g /= norm

# %% wrong="clip_grad_norm"
# The square root is missing: you compare the squared norm with the limit.
# - norm = float(np.sqrt(sum((g**2).sum() for g in grads)))
# + norm = float(sum((g**2).sum() for g in grads))

# %% [markdown]
# **See what it does.** A network that starts with weights three times too large, with
# and without your fence. *Guess first:* does the fence repair the start?
#
# <details><summary>Answer</summary>It keeps the run from blowing up, so that training
# can repair the start. It does not make the start good.</details>

# %% demo=true
from nnlib.data import digits
from nnlib.optim import SGD
from nnlib.train import fit

d = digits(rng=np.random.default_rng(6), device="cpu")


def fence(flat):
    """Your function, in the form that fit wants."""
    box = [flat.copy()]
    norm = clip_grad_norm(box, 1.0)
    return box[0], norm


for name, clip in (("without", None), ("with", fence)):
    own = np.random.default_rng(6)
    net = mlp([64, 50, 50, 50, 10], rng=own, device="cpu")
    net.params[...] *= 3
    try:
        h = fit(
            net,
            softmax_cross_entropy,
            SGD(lr=0.1),
            d,
            epochs=10,
            batch_size=32,
            rng=own,
            clip=clip,
        )
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break
    print(f"{name} the fence: validation error {float(h['val_error'][-1]):.0%}")

# %% [markdown]
# ## Exercise 4 · The rate of growth
#
# Multiply a vector by matrix after matrix and its length grows or shrinks like
# exp(λ · steps). λ, the *Lyapunov exponent*, is the mean of the logarithms of the
# growth in each step. Measure it: start with `v`, go through the matrices (v becomes v
# @ M), and return λ.
#
# After some hundred steps the vector itself is too large or too small for any float.
# Divide it by its length after every step: only the direction matters for the next one.
#
# *Guess first:* what is λ for matrices that halve every vector? And if every second one
# doubles it instead?
#
# <details><summary>Answer</summary>log ½ ≈ −0.69, and 0.</details>


# %% answer="growth_rate"
def growth_rate(v, matrices):
    """Mean growth of log‖v‖ per step.  v: (n,), matrices: a list of (n, n)."""
    ### BEGIN SOLUTION
    v = v / np.linalg.norm(v)
    total = 0.0
    for M in matrices:
        v = v @ M
        length = np.linalg.norm(v)
        total += np.log(length)
        v = v / length
    return total / len(matrices)
    ### END SOLUTION


# %% check="growth_rate" points=3
fixed = np.random.default_rng(8)
few = [fixed.standard_normal((4, 4)) for _ in range(6)]
shrinking = [0.01 * fixed.standard_normal((3, 3)) for _ in range(400)]
start = np.array([2.0, -1.0, 0.5, 3.0])
emit("six matrices", lambda: growth_rate(start, few), rtol=1e-6)
emit("400 that shrink", lambda: growth_rate(start[:3], shrinking), rtol=1e-6)
emit("2000 that double", lambda: growth_rate(start, [2 * np.eye(4)] * 2000), rtol=1e-6)
### BEGIN HIDDEN TESTS
n = int(rng.integers(3, 8))
v = 10 * rng.standard_normal(n)
growing = [3 * rng.standard_normal((n, n)) for _ in range(1500)]
emit("1500 that grow", lambda: growth_rate(v, growing), rtol=1e-6)
emit("three of them", lambda: growth_rate(v, growing[:3]), rtol=1e-6)
### END HIDDEN TESTS


# %% wrong="growth_rate"
# The vector is never divided by its length, so that it over- or underflows, and its
# logarithm with it.
def growth_rate(v, matrices):
    first = np.linalg.norm(v)
    with np.errstate(all="ignore"):
        for M in matrices:
            v = v @ M
        return np.log(np.linalg.norm(v) / first) / len(matrices)


# %% wrong="growth_rate"
# The first length counts as growth here: divide the vector by its length before the
# first step.
# - v = v / np.linalg.norm(v)
# + v = 1.0 * v

# %% wrong="growth_rate"
# This is the logarithm of the mean growth. The mean of the logarithms is what adds up.
# - total += np.log(length)
# + total += length
# - return total / len(matrices)
# + return np.log(total / len(matrices))

# %% wrong="growth_rate"
# You return the sum: divide it by the number of steps.
# - return total / len(matrices)
# + return total

# %% wrong="growth_rate"
# M @ v multiplies from the other side. Vectors are rows here: v @ M.
# - v = v @ M
# + v = M @ v

# %% wrong="growth_rate"
# log10 or log2? The natural logarithm is meant.
# - total += np.log(length)
# + total += np.log10(length)

# %% wrong="growth_rate"
# The vector starts anew at every step: carry the direction on.
# - v = v @ M
# - length = np.linalg.norm(v)
# + length = np.linalg.norm(v @ M)
# - v = v / length
# + pass

# %% [markdown]
# ## Exercise 5 · Four runs
#
# For a run you get the losses of its steps, and, measured at its start, the norm of
# every layer's weight gradient (first layer first). Return the first diagnosis that
# fits:
#
# - `"exploded"`: a loss is not a number or infinite, or the last loss is more than ten
#   times the first;
# - `"vanishing"`: the first layer's gradient norm is less than a thousandth of the last
#   layer's;
# - `"weights too small"`: **all** norms are below 10⁻⁵;
# - `"growing"`: the first layer's norm is more than a thousand times the last layer's;
# - `"fine"`: none of these.
#
# *Guess first:* all norms are between 20 and 60, and the loss falls from 40 to 3. What
# is your diagnosis?
#
# <details><summary>Answer</summary>"fine". No absolute size is a sign of explosion:
# this loss may be a sum over the batch.</details>


# %% answer="diagnose"
def diagnose(losses, norms):
    """Return the diagnosis of a run in a word or two."""
    ### BEGIN SOLUTION
    losses, norms = np.asarray(losses, dtype=float), np.asarray(norms, dtype=float)
    if not np.isfinite(losses).all() or losses[-1] > 10 * losses[0]:
        return "exploded"
    if norms[0] < 1e-3 * norms[-1]:
        return "vanishing"
    if (norms < 1e-5).all():
        return "weights too small"
    if norms[0] > 1e3 * norms[-1]:
        return "growing"
    return "fine"
    ### END SOLUTION


# %% check="diagnose" points=4
runs = [
    ([2.3, 1.9, 1.1, 0.6], [0.5, 0.8, 0.7, 1.1]),
    ([2.3, 2.3, 2.3, 2.3], [1e-7, 1e-5, 1e-3, 0.2]),
    ([2.3, 2.3, 2.3, 2.3], [3e-8, 3e-8, 3e-8, 3e-8]),
    ([9.5, 8.0, 9.1, 8.8], [8e4, 3e3, 90.0, 2.0]),
    ([2.3, 1.8, float("nan"), float("nan")], [0.5, 0.8, 0.7, 1.1]),
    ([2.3, 5.0, 400.0, 90.0], [2.0, 3.0, 2.0, 1.0]),
    ([2.3, float("inf"), 2.2, 2.1], [2.0, 3.0, 2.0, 1.0]),
    ([40.0, 20.0, 7.0, 3.0], [22.0, 35.0, 60.0, 41.0]),
    ([2.3, 1.7, 0.9, 0.4], [1e-6, 5e-6, 1e-4, 2e-4]),
    ([2.3, 30.0, 12.0, 1.9], [2.0, 3.0, 2.0, 1.0]),
]
emit("ten runs", lambda: [diagnose(*run) for run in runs])
### BEGIN HIDDEN TESTS
k = float(rng.uniform(0.5, 2))
unseen = [
    ([3 * k, 50 * k, 1 * k], [k, k, k]),
    ([3 * k, 2 * k, 31 * k], [k, k, k]),
    ([3 * k, 2 * k, 29 * k], [k, k, k]),
    ([3 * k, float("nan"), 1.0], [1e-9, 1e-6, 1.0]),
    ([2.3, 2.3, 2.3], [1e-9 * k, 1e-5 * k, 2e-6 * k]),
    ([2.3, 2.3, 2.3], [2e-6 * k, 1e-6 * k, 2e-6 * k]),
    ([2.3, 2.3, 2.3], [2e-6 * k, 1e-4 * k, 2e-6 * k]),
    ([2.3, 2.3, 2.3], [1500 * k, k, k]),
    ([500 * k, 90 * k, 70 * k], [500 * k, 700 * k, 600 * k]),
]
emit("nine more", lambda: [diagnose(*run) for run in unseen])
### END HIDDEN TESTS

# %% wrong="diagnose"
# A gradient norm above 1 is no sign of explosion: it depends on the loss and its units.
# - if not np.isfinite(losses).all() or losses[-1] > 10 * losses[0]:
# + if not np.isfinite(losses).all() or (norms > 1).all():

# %% wrong="diagnose"
# You look for nan in the last loss only: a run can show inf for a step and look normal
# again.
# - if not np.isfinite(losses).all() or losses[-1] > 10 * losses[0]:
# + if not np.isfinite(losses[-1]) or losses[-1] > 10 * losses[0]:

# %% wrong="diagnose"
# `nan > x` is never true: a comparison cannot find nan. Use np.isfinite.
# - if not np.isfinite(losses).all() or losses[-1] > 10 * losses[0]:
# + if losses[-1] > 10 * losses[0]:

# %% wrong="diagnose"
# You compare with the largest loss on the way; asked for is the last one. A peak that
# passes is no explosion.
# - if not np.isfinite(losses).all() or losses[-1] > 10 * losses[0]:
# + if not np.isfinite(losses).all() or losses.max() > 10 * losses[0]:

# %% wrong="diagnose"
# First and last have changed places: vanishing means that the FIRST layer gets little.
# - if norms[0] < 1e-3 * norms[-1]:
# + if norms[-1] < 1e-3 * norms[0]:

# %% wrong="diagnose"
# "Weights too small" needs ALL norms below 10⁻⁵; you ask for any.
# - if (norms < 1e-5).all():
# + if (norms < 1e-5).any():

# %% wrong="diagnose"
# An absolute size cannot tell that a gradient vanishes on its way down: compare the
# first layer with the last.
# - if norms[0] < 1e-3 * norms[-1]:
# + if norms[0] < 1e-5:

# %% [markdown]
# ## What you have now
#
# The chain rule as a loop, the two numbers to log in every deep run (norms by layer,
# and the norm before clipping), and a fence. What the fence cannot do, chapters 7 and 8
# do: start the product near 1, and keep it there.

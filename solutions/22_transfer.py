# %% [markdown]
# # Lab 22 · Transfer learning
#
# Most mistakes in transfer learning raise no exception. The body that should be frozen
# moves a little, the images have the wrong margin, the head has the rate of the body,
# and all that one sees is an error that is higher than it need be. In this lab you
# write each step, and a test that says whether the transfer was worth it.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 22, NumPy, about 60 minutes.

# %%
import copy
import itertools

import numpy as np

from nnlib.backend import asarray, to_numpy
from nnlib.layers import Activation, Linear
from nnlib.model import Sequential, mlp
from nnlib.norm import BatchNorm1d


def with_batchnorm(sizes, rng):
    """A network with batch normalization before each activation."""
    layers = []
    for d_in, d_out in itertools.pairwise(sizes[:-1]):
        layers += [Linear(d_in, d_out, rng=rng), BatchNorm1d(d_out), Activation("relu")]
    return Sequential([*layers, Linear(sizes[-2], sizes[-1], rng=rng)])


# %% [markdown]
# ## Exercise 1 · Freeze by position
#
# nnlib's optimizers take `lr_scale`, an array with one number for each parameter that
# multiplies its learning rate: 0 freezes. `model.named_parameters()` yields the pairs
# `("0.W", array), ("0.b", array), ("2.W", array), …` in the order of the flat buffer
# `model.params`. The number before the first dot is the position in `model.layers`.
#
# Return the array that fixes **all layers before position `upto`** and lets all others
# learn.
#
# *Guess first:* in `mlp([64, 32, 10])`, which positions have the two dense layers?
#
# <details><summary>Answer</summary>0 and 2. Position 1 is the activation, which has no
# parameters but counts.</details>


# %% answer="freeze"
def freeze(model, upto):
    """Return an array of shape (P,): 0 for layers before position upto, else 1."""
    ### BEGIN SOLUTION
    parts = []
    for name, p in model.named_parameters():
        position = int(name.split(".")[0])
        parts.append(np.full(p.size, float(position >= upto)))
    return np.concatenate(parts)
    ### END SOLUTION


# %% check="freeze" points=2
def net(sizes):
    """A plain network."""
    return mlp(sizes, rng=np.random.default_rng(1), device="cpu")


emit("two layers, the first fixed", lambda: freeze(net([3, 2, 2]), 2))
emit("nothing fixed", lambda: freeze(net([2, 2]), 0))
### BEGIN HIDDEN TESTS
a, b, c, d = (int(n) for n in rng.permutation(np.arange(2, 12))[:4])
emit("the first of three", lambda: freeze(net([a, b, c, d]), 1))
emit("two of three", lambda: freeze(net([a, b, c, d]), 3))
emit("everything", lambda: freeze(net([a, b, c, d]), 5))
deep = with_batchnorm([a, b, c, d], np.random.default_rng(2))
emit("with batch normalization", lambda: freeze(deep, 3))
### END HIDDEN TESTS

# %% wrong="freeze"
# Zero and one are exchanged: 0 stops a parameter, and the FIRST layers are to be
# stopped.
# - parts.append(np.full(p.size, float(position >= upto)))
# + parts.append(np.full(p.size, float(position < upto)))

# %% wrong="freeze"
# Layers before position upto are fixed; the one at upto itself learns.
# - parts.append(np.full(p.size, float(position >= upto)))
# + parts.append(np.full(p.size, float(position > upto)))

# %% wrong="freeze"
# upto is a position in model.layers, where activations count: you have counted only
# layers with weights.
# - parts.append(np.full(p.size, float(position >= upto)))
# + parts.append(np.full(p.size, float(position // 2 >= upto)))

# %% wrong="freeze"
# You have one number per array. The optimizer wants one per parameter, in the order of
# the flat buffer.
# - parts.append(np.full(p.size, float(position >= upto)))
# + parts.append(np.full(1, float(position >= upto)))

# %% wrong="freeze"
# The biases (and whatever else a layer learns) belong to a layer as its weights do: you
# have fixed only those called W.
# - parts.append(np.full(p.size, float(position >= upto)))
# + fixed = position < upto and name.endswith("W")
# + parts.append(np.full(p.size, float(not fixed)))

# %% [markdown]
# ## Exercise 2 · A new head
#
# The last layer of the source has one output per class of the source. Put a new
# `Linear` layer for `classes` classes in its place: the same number of inputs, fresh
# random weights (the default initialization of `Linear`). The model must stay **one**
# model: `model.replace(position, layer)` exchanges a layer and rebuilds the flat
# buffers. Leave everything else as it is. Return the model.
#
# *Guess first:* the target has ten classes, as the source had. Can you keep the head?
#
# <details><summary>Answer</summary>The shapes fit, but class 3 of the one is not class
# 3 of the other. Only if the classes are the same is the old head a good
# start.</details>


# %% answer="replace_head"
def replace_head(model, classes, rng):
    """Give the model a new last layer for `classes` classes; return the model."""
    ### BEGIN SOLUTION
    old = model.layers[-1]
    inputs = old.params["W"].shape[0]
    model.replace(-1, Linear(inputs, classes, rng=rng))
    return model
    ### END SOLUTION


# %% check="replace_head" points=2
def source_net(sizes, seed=3):
    """A network whose biases are not 0, as after training."""
    model = mlp(sizes, rng=np.random.default_rng(seed))
    model.params[...] += 0.3
    return model


def renewed(sizes, classes, seed=3):
    """The same network with your head."""
    return replace_head(source_net(sizes, seed), classes, np.random.default_rng(7))


def facts(model):
    """The shapes of all parameters."""
    return [list(p.shape) for _, p in model.named_parameters()]


def body_sum(model):
    """Sum of the squares of all weights but those of the head."""
    named = list(model.named_parameters())[:-2]
    return float(sum((to_numpy(p) ** 2).sum() for _, p in named))


def head_stats(model):
    """Mean and standard deviation of the head's weights, largest bias."""
    W, b = (to_numpy(model.layers[-1].params[k]) for k in "Wb")
    return [float(W.mean()), float(W.std()), float(abs(b).max())]


sizes = [20, 40, 30, 10]
emit("the shapes", lambda: facts(renewed(sizes, 4)))
emit("the body", lambda: body_sum(renewed(sizes, 4)), rtol=1e-4)
emit(
    "as many classes as before",
    lambda: head_stats(renewed([30, 200, 200], 200))[0],
    rtol=0,
    atol=0.02,
)
emit("the size of the flat buffer", lambda: int(renewed(sizes, 4).params.size))
### BEGIN HIDDEN TESTS
sizes = [int(n) for n in rng.permutation(np.arange(20, 60))[:3]] + [9]
k = int(rng.integers(60, 90))
emit("the other shapes", lambda: facts(renewed(sizes, k)))
emit("another body", lambda: body_sum(renewed(sizes, k)), rtol=1e-4)
emit("the flat buffer", lambda: int(renewed(sizes, k).params.size))
emit("fresh weights", lambda: head_stats(renewed(sizes, k))[1], rtol=0.1)
emit("fresh biases", lambda: head_stats(renewed(sizes, k))[2], atol=1e-6)
same = [30, 180, 180]
emit(
    "no change in number", lambda: head_stats(renewed(same, 180))[0], rtol=0, atol=0.02
)
### END HIDDEN TESTS

# %% wrong="replace_head"
# A weight of nnlib has the shape (inputs, outputs): you have taken the number of old
# classes for the number of features.
# - inputs = old.params["W"].shape[0]
# + inputs = old.params["W"].shape[1]

# %% wrong="replace_head"
# You have put the layer into the list, but the model's flat buffer does not know it: an
# optimizer would go on training the old head. There is a method for it.
# - model.replace(-1, Linear(inputs, classes, rng=rng))
# + model.layers[-1] = Linear(inputs, classes, rng=rng)

# %% wrong="replace_head"
# The new head does not replace the old one: it stands behind it and sees its logits.
# - model.replace(-1, Linear(inputs, classes, rng=rng))
# + width = old.params["W"].shape[1]
# + model = Sequential([*model.layers, Linear(width, classes, rng=rng)])

# %% wrong="replace_head"
# You have built a whole new network: the body of the source is lost.
# - model.replace(-1, Linear(inputs, classes, rng=rng))
# + first = model.layers[0].params["W"].shape[0]
# + widths = [x.params["W"].shape[1] for x in model.layers[:-1] if "W" in x.params]
# + model = mlp([first, *widths, classes], rng=rng)

# %% wrong="replace_head"
# You have kept the old head where the numbers of classes agree. Its outputs mean other
# classes: draw it anew in any case.
# - model.replace(-1, Linear(inputs, classes, rng=rng))
# + if classes != old.params["W"].shape[1]:
# +     model.replace(-1, Linear(inputs, classes, rng=rng))

# %% [markdown]
# ## Exercise 3 · Two rates
#
# A new head needs a large learning rate, a good body a small one. Return the learning
# rate of **each parameter**: `lr_head` for the last layer, `lr_body` for all others,
# and 0 for the layers before position `upto`. With `SGD(lr=1.0, lr_scale=…)` they are
# used as they are.
#
# *Guess first:* what happens to a head that gets the rate of the body, a tenth of its
# own?
#
# <details><summary>Answer</summary>It needs ten times as many steps. Meanwhile the body
# is changed by the error signals of a head that knows nothing yet.</details>


# %% answer="rates"
def rates(model, lr_head, lr_body, upto):
    """Return the learning rate of each parameter: shape (P,)."""
    ### BEGIN SOLUTION
    head = len(model.layers) - 1
    parts = []
    for name, p in model.named_parameters():
        position = int(name.split(".")[0])
        lr = lr_head if position == head else lr_body
        lr = 0.0 if position < upto else lr
        parts.append(np.full(p.size, lr))
    return np.concatenate(parts)
    ### END SOLUTION


# %% check="rates" points=2
emit("two layers", lambda: rates(net([2, 2, 1]), 0.5, 0.125, 0))
emit("one fixed, three layers", lambda: rates(net([1, 2, 1, 2]), 0.5, 0.125, 1))
### BEGIN HIDDEN TESTS
a, b, c, d = (int(n) for n in rng.permutation(np.arange(2, 12))[:4])
fast, slow = (float(v) for v in rng.uniform(0.01, 1, size=2))
emit("any network", lambda: rates(net([a, b, c, d]), fast, slow, 0))
emit("the first fixed", lambda: rates(net([a, b, c, d]), fast, slow, 2))
emit("the whole body fixed", lambda: rates(net([a, b, c, d]), fast, slow, 4))
deep = with_batchnorm([a, b, c, d], np.random.default_rng(2))
emit("with normalization", lambda: rates(deep, fast, slow, 3))
### END HIDDEN TESTS

# %% wrong="rates"
# The two rates are exchanged.
# - lr = lr_head if position == head else lr_body
# + lr = lr_body if position == head else lr_head

# %% wrong="rates"
# The layers before upto still learn.
# - lr = 0.0 if position < upto else lr
# + lr = lr

# %% wrong="rates"
# Only the body's layers are told apart correctly: the head is the LAST layer, and you
# treat everything from upto on as the head.
# - lr = lr_head if position == head else lr_body
# + lr = lr_head if position >= max(upto, 1) else lr_body

# %% wrong="rates"
# The head's bias has got the rate of the body.
# - lr = lr_head if position == head else lr_body
# + lr = lr_head if name == f"{head}.W" else lr_body

# %% wrong="rates"
# You multiply the body's rate by the head's: lr_body is a rate, not a factor.
# - lr = lr_head if position == head else lr_body
# + lr = lr_head if position == head else lr_head * lr_body

# %% [markdown]
# ## Exercise 4 · Images as the source knew them
#
# A network was trained on images of `frame` × `frame` pixels. Its digits stood in a box
# of `box` × `box` pixels in the middle, white (1) on black (0), and it got
# `(pixel - mean) / std`. Prepare small images for it:
#
# 1. bring the pixels from 0 … `top` to 0 … 1;
# 2. enlarge each image to the box with `resize(x, (box, box))`;
# 3. add a black margin on all sides with `pad(x, width)`; the new pixels are 0;
# 4. normalize.
#
# `resize` and `pad` want images of shape (N, 1, H, W). The difference of `frame` and
# `box` is even.
#
# *Guess first:* whose mean and standard deviation are these, the source's or the
# target's?
#
# <details><summary>Answer</summary>The source's: the weights of the first layer were
# learned for numbers that had been made with them.</details>


# %%
from nnlib.warp import pad, resize


# %% answer="match"
def match(images, top, box, frame, mean, std):
    """Images (N, h, w) as the source network expects them: (N, 1, frame, frame)."""
    ### BEGIN SOLUTION
    x = images[:, None] / top
    x = resize(x, (box, box))
    x = pad(x, (frame - box) // 2)
    return (x - mean) / std
    ### END SOLUTION


# %% check="match" points=2
def some(n, side, top, seed):
    """Random images with pixels from 0 to top."""
    return np.random.default_rng(seed).uniform(0, top, (n, side, side))


def look(v):
    """Shape, corner, middle, mean and standard deviation."""
    v = to_numpy(v)
    h = v.shape[-1] // 2
    return [*v.shape, v[0, 0, 0, 0], v[0, 0, h, h], v.mean(), v.std()]


emit("8 × 8 to 28 × 28", lambda: look(match(some(3, 8, 16, 1), 16, 20, 28, 0.1, 0.3)))
emit("no margin", lambda: look(match(some(2, 4, 1, 2), 1, 8, 8, 0.5, 0.5)))
### BEGIN HIDDEN TESTS
m, s = (float(v) for v in rng.uniform(0.1, 0.6, size=2))
size = int(rng.integers(5, 9))
box, margin = int(rng.integers(12, 20)), int(rng.integers(2, 6))
images = some(4, size, 255, int(rng.integers(10**6)))
full = (images, 255, box, box + 2 * margin, m, s)
emit("any sizes", lambda: look(match(*full)))
emit("every pixel", lambda: to_numpy(match(*full))[1, 0])
### END HIDDEN TESTS

# %% wrong="match"
# You pad after the normalization. The margin is then 0, which is the value of a pixel
# of MEAN brightness: a gray frame instead of a black one.
# - x = pad(x, (frame - box) // 2)
# - return (x - mean) / std
# + return pad((x - mean) / std, (frame - box) // 2)

# %% wrong="match"
# You have used the mean and the standard deviation of the target's images. The source's
# were given.
# - return (x - mean) / std
# + return (x - x.mean()) / x.std()

# %% wrong="match"
# The pixels still run from 0 to top: the mean and the standard deviation of the source
# belong to pixels from 0 to 1.
# - x = images[:, None] / top
# + x = images[:, None]

# %% wrong="match"
# The digit fills the whole frame: it should fill the box, with a margin around it.
# - x = resize(x, (box, box))
# - x = pad(x, (frame - box) // 2)
# + x = resize(x, (frame, frame))

# %% wrong="match"
# You multiply by the standard deviation.
# - return (x - mean) / std
# + return (x - mean) * std

# %% wrong="match"
# The normalization is missing.
# - return (x - mean) / std
# + return x

# %% wrong="match"
# You divide by the largest pixel that you found in these images. Another batch would be
# scaled differently: the scale is `top`.
# - x = images[:, None] / top
# + x = images[:, None] / images.max()

# %% [markdown]
# ## Exercise 5 · Features from a body that stays as it is
#
# With a frozen body one can compute the features once and train only a softmax
# regression on them. Return what the layers **before the head** make of `x`, and leave
# the network exactly as it was: batch normalization changes its running statistics in
# each forward pass with `train=True`.
#
# *Guess first:* all weights have the learning rate 0. What can still change?
#
# <details><summary>Answer</summary>The running mean and variance of every batch
# normalization. They are no parameters: no learning rate reaches them.</details>


# %% answer="features"
def features(model, x):
    """Return the input of the model's last layer, shape (N, H)."""
    ### BEGIN SOLUTION
    for layer in model.layers[:-1]:
        x = layer.forward(x, train=False)
    return x
    ### END SOLUTION


# %% check="features" points=2
def trained(sizes, seed):
    """A network whose running statistics have seen some data."""
    own = np.random.default_rng(seed)
    model = with_batchnorm(sizes, own)
    for _ in range(5):
        batch = 2 + 3 * own.standard_normal((50, sizes[0]))
        model.forward(asarray(batch, dtype=np.float32), train=True)
    return model


def probe(sizes, seed, n=6):
    """Your features of some images: shape, and numbers of the first."""
    own = np.random.default_rng(seed + 1)
    x = asarray(own.standard_normal((n, sizes[0])), dtype=np.float32)
    f = to_numpy(features(trained(sizes, seed), x))
    return [*f.shape, *f[0, :6].tolist()]


def statistics(sizes, seed):
    """The running means and variances after a call of your function."""
    model = trained(sizes, seed)
    own = np.random.default_rng(seed + 2)
    x = asarray(9 + own.standard_normal((40, sizes[0])), dtype=np.float32)
    features(model, x)
    found = [to_numpy(v) for layer in model.layers for v in layer.buffers.values()]
    return [float(v.mean()) for v in found]


sizes = [12, 20, 15, 4]
emit("the features", lambda: probe(sizes, 4), rtol=1e-3, atol=1e-4)
emit("the statistics afterwards", lambda: statistics(sizes, 4), rtol=1e-3)
### BEGIN HIDDEN TESTS
sizes = [int(n) for n in rng.permutation(np.arange(10, 30))[:3]] + [5]
seed = int(rng.integers(10**6))
emit("other features", lambda: probe(sizes, seed), rtol=1e-3, atol=1e-4)
emit("other statistics", lambda: statistics(sizes, seed), rtol=1e-3)
### END HIDDEN TESTS

# %% wrong="features"
# You run the body in training mode. Each batch is then normalized with its own
# statistics, and the running ones of the source are overwritten.
# - x = layer.forward(x, train=False)
# + x = layer.forward(x, train=True)


# %% wrong="features"
# Your features are right, but a pass in training mode before has already overwritten
# the running statistics.
def features(model, x):
    model.forward(x, train=True)
    for layer in model.layers[:-1]:
        x = layer.forward(x, train=False)
    return x


# %% wrong="features"
# These are the logits of the old head: the features are what comes in.
# - for layer in model.layers[:-1]:
# + for layer in model.layers:

# %% wrong="features"
# You stop one layer too early: the activation before the head belongs to the body.
# - for layer in model.layers[:-1]:
# + for layer in model.layers[:-2]:

# %% [markdown]
# ## Exercise 6 · Did it help?
#
# Two arrays hold the test errors of the same random seeds: once with transfer, once
# from scratch. Chance moves both. Form the differences **in pairs**, transfer minus
# scratch, their mean and their standard error (sample standard deviation over √n), and
# return
#
# - `"helps"` if the mean is below −2 standard errors,
# - `"harms"` if it is above +2 standard errors,
# - `"unclear"` otherwise.
#
# *Guess first:* why in pairs, and not the difference of the two means with the spread
# of each?
#
# <details><summary>Answer</summary>A hard draw of training images is hard for both. In
# the difference this common part drops out, and a much smaller effect can be
# seen.</details>


# %% answer="verdict"
def verdict(transfer, scratch):
    """Return "helps", "harms" or "unclear" for two arrays of errors, in pairs."""
    ### BEGIN SOLUTION
    d = np.asarray(transfer) - np.asarray(scratch)
    mean, se = d.mean(), d.std(ddof=1) / np.sqrt(len(d))
    if mean < -2 * se:
        return "helps"
    if mean > 2 * se:
        return "harms"
    return "unclear"
    ### END SOLUTION


# %% check="verdict" points=2
HARD = np.array([10.0, 30.0, 20.0, 45.0, 5.0])  # some draws are harder than others
STEP = np.array([1.0, 2.5, -0.3, 1.2, 0.8])
FOUR = np.array([0.1, -3.0, -0.3, -2.6])
WILD = np.array([6.0, -1.0, 5.0, -3.0, 4.0])
EVEN = np.array([20.0, 21.0, 19.0, 20.5, 19.5])  # draws that are all alike
DROP = np.array([2.4, 1.5, 0.5, 1.0, 2.1])
emit("draws that are alike", lambda: verdict(EVEN - DROP, EVEN))
emit("a small gain in most pairs", lambda: verdict(HARD - STEP, HARD))
emit("a small loss in most pairs", lambda: verdict(HARD + STEP, HARD))
emit("four draws", lambda: verdict(HARD[:4] + FOUR, HARD[:4]))
emit("up and down", lambda: verdict(HARD + WILD, HARD))
### BEGIN HIDDEN TESTS


def judged(effect, spread, n, own):
    """The verdict for differences of a given mean and spread, in units of one se."""
    z = own.standard_normal(n)
    z = (z - z.mean()) / z.std(ddof=1)
    base = own.uniform(0, 100, n)
    return verdict(base + spread * (z + effect / np.sqrt(n)), base)


own = np.random.default_rng(int(rng.integers(10**6)))
cases = [(e, n) for e in (-2.4, -1.8, -0.5, 0.5, 1.8, 2.4) for n in (4, 9, 25)]
emit("eighteen cases", lambda: [judged(e, 1.5, n, own) for e, n in cases])
### END HIDDEN TESTS

# %% wrong="verdict"
# A negative difference means fewer errors with transfer: it helps.
# - d = np.asarray(transfer) - np.asarray(scratch)
# + d = np.asarray(scratch) - np.asarray(transfer)

# %% wrong="verdict"
# You compare with the standard DEVIATION of the differences. The mean of n numbers is
# known √n times more precisely.
# - mean, se = d.mean(), d.std(ddof=1) / np.sqrt(len(d))
# + mean, se = d.mean(), d.std(ddof=1)

# %% wrong="verdict"
# You divide by n: the standard error is the standard deviation over the ROOT of n.
# - mean, se = d.mean(), d.std(ddof=1) / np.sqrt(len(d))
# + mean, se = d.mean(), d.std(ddof=1) / len(d)

# %% wrong="verdict"
# You divide the squares by n. The SAMPLE standard deviation divides them by n - 1
# (`ddof=1`), since the mean was found from the same n numbers.
# - mean, se = d.mean(), d.std(ddof=1) / np.sqrt(len(d))
# + mean, se = d.mean(), d.std() / np.sqrt(len(d))

# %% wrong="verdict"
# Two standard errors are asked for, not one.
# - mean, se = d.mean(), d.std(ddof=1) / np.sqrt(len(d))
# + mean, se = d.mean(), 0.5 * d.std(ddof=1) / np.sqrt(len(d))


# %% wrong="verdict"
# You have not formed pairs: the spread of easy and hard draws is the same on both sides
# and hides the difference.
def verdict(transfer, scratch):
    a, b = np.asarray(transfer), np.asarray(scratch)
    mean = a.mean() - b.mean()
    se = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    if mean < -2 * se:
        return "helps"
    if mean > 2 * se:
        return "harms"
    return "unclear"


# %% wrong="verdict"
# The sign of the mean alone says nothing: chance gives one, too.
def verdict(transfer, scratch):
    d = np.asarray(transfer) - np.asarray(scratch)
    return "helps" if d.mean() < 0 else "harms"


# %% [markdown]
# **See what it does.** Your functions on the digits: a source that has seen the digits
# 0 to 4, and two targets with four images of each digit. *Guess first:* for which of
# them does the frozen body help: the same digits with less contrast, or 5 to 9?
#
# <details><summary>Answer</summary>The faint ones. For 5 to 9 it harms: a network that
# only tells 0 to 4 apart has thrown away what 5 to 9 differ in.</details>

# %% demo=true
from types import SimpleNamespace

from sklearn.datasets import load_digits

from nnlib.losses import softmax_cross_entropy
from nnlib.optim import Momentum
from nnlib.train import evaluate, fit

pixels, labels = load_digits(return_X_y=True)
x_all = ((pixels - 5) / 6).astype(np.float32)
targets = {
    "faint 0 to 4": (0.6 * x_all + 0.4, labels < 5, 0),
    "5 to 9": (x_all, labels > 4, 5),
}


def train(model, x, y, epochs, scale=None):
    """Train in place and return the model."""
    data = SimpleNamespace(x_train=asarray(x), y_train=asarray(y))
    opt = Momentum(lr=0.03, lr_scale=scale)
    own = np.random.default_rng(0)
    fit(model, softmax_cross_entropy, opt, data, epochs=epochs, batch_size=20, rng=own)
    return model


try:
    for name, (x, allowed, first) in targets.items():
        errors = {"transfer": [], "scratch": []}
        for seed in range(6):
            own = np.random.default_rng(seed)
            order = own.permutation(len(labels))
            low = order[:800][labels[order[:800]] < 5]
            start = mlp([64, 64, 32, 5], rng=own)
            train(start, x_all[low], labels[low], 20)
            rest = order[800:][allowed[order[800:]]]
            y = labels[rest] - first
            few = np.concatenate([np.flatnonzero(y == c)[:4] for c in range(5)])
            test = np.setdiff1d(np.arange(len(rest)), few)
            for kind, scores in errors.items():
                model, scale = mlp([64, 64, 32, 5], rng=own), None
                if kind == "transfer":
                    model = replace_head(copy.deepcopy(start), 5, own)
                    scale = freeze(model, 4)
                train(model, x[rest][few], y[few], 100, scale)
                held = asarray(x[rest][test]), asarray(y[test])
                scores.append(
                    100 * float(evaluate(model, softmax_cross_entropy, *held)[1])
                )
        means = {kind: round(float(np.mean(v)), 1) for kind, v in errors.items()}
        print(f"{name}: error {means} % → {verdict(*errors.values())}")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## What you have now
#
# The steps of a transfer as five short functions, each with the mistake that it is
# known for, and a verdict that does not take chance for an effect. Use the last one
# first: run scratch beside every transfer.

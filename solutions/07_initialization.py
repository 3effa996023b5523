# %% [markdown]
# # Lab 7 · Weight initialization
#
# Draw the weights of a ten-layer tanh network with a standard deviation of 0.01, and
# hardly anything of the input reaches the end: the last layer's outputs have a standard
# deviation of about 0.0000003. A network that cannot see its input cannot learn.
# In this lab you write the few lines that prevent this.
#
# Each of the four exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell: cells that you add are for you alone and are not graded.
#
# You need: chapter 7, NumPy, about 45 minutes.

# %%
import numpy as np

from nnlib.backend import asarray, to_numpy
from nnlib.init import he_normal, normal
from nnlib.model import mlp


def std(x):
    """The standard deviation of an array as a plain number."""
    return float(to_numpy(x).std())


# %% [markdown]
# ## Exercise 1 · Count the fans
#
# How many terms does one output add up? That number is called **fan_in**: it decides
# how large a sum gets, so every scheme divides by it. **fan_out** is the same count
# backwards: how many outputs does one input feed?
#
# *Guess first:* a dense layer from 300 inputs to 100 outputs, and a 5 × 5 convolution
# from 3 to 16 channels. Which of the two adds up more terms for one output?
#
# <details><summary>Answer</summary>The dense layer: 300 terms. The convolution adds up
# 3 · 5 · 5 = 75, one for each input channel and each place in its window.</details>
#
# The shapes of nnlib: a dense weight is `(inputs, outputs)`, a convolution weight is
# `(output channels, input channels, kernel height, kernel width)`.


# %% answer="fans"
def fans(shape):
    """Return (fan_in, fan_out) of a weight with this shape.

    shape: (inputs, outputs), or (output channels, input channels, height, width)
    """
    ### BEGIN SOLUTION
    if len(shape) == 2:
        return shape[0], shape[1]
    outputs, inputs, height, width = shape
    area = height * width
    return inputs * area, outputs * area
    ### END SOLUTION


# %% check="fans" points=2
emit("a dense layer", lambda: fans((300, 100)))
emit("a 5 × 5 convolution", lambda: fans((16, 3, 5, 5)))
emit("a kernel that is not square", lambda: fans((8, 4, 3, 1)))
### BEGIN HIDDEN TESTS
a, b, c, d, e, f = (int(n) for n in rng.permutation(np.arange(2, 60))[:6])
emit("any dense layer", lambda: fans((a, b)))
emit("any convolution", lambda: fans((c, d, e, f)))
emit("any 1 × 1 convolution", lambda: fans((f, a, 1, 1)))
### END HIDDEN TESTS

# %% wrong="fans"
# These are the right two numbers in the wrong order. A dense weight of nnlib has the
# shape (inputs, outputs); torch stores the transpose.
# - return shape[0], shape[1]
# + return shape[1], shape[0]

# %% wrong="fans"
# A convolution's shape starts with the OUTPUT channels: your fan_in counts them.
# - return inputs * area, outputs * area
# + return outputs * area, inputs * area

# %% wrong="fans"
# One output of a convolution adds up a whole window, height × width terms from every
# input channel, not one term per channel.
# - return inputs * area, outputs * area
# + return inputs, outputs

# %% wrong="fans"
# fan_in counts the window, fan_out must as well: backwards, one input pixel feeds
# height × width places in every output channel.
# - return inputs * area, outputs * area
# + return inputs * area, outputs

# %% wrong="fans"
# You count the window of one channel only: it is read in every input channel.
# - return inputs * area, outputs * area
# + return area, area

# %% wrong="fans"
# The kernel has a height and a width: they need not be equal.
# - area = height * width
# + area = height * height

# %% wrong="fans"
# The first two numbers of a convolution's shape are (outputs, inputs), the other way
# round than in a dense layer, and its kernel size multiplies both.
# - if len(shape) == 2:
# + if len(shape) >= 2:

# %% [markdown]
# ## Exercise 2 · Draw the weights
#
# One output is a sum of fan_in products. If the products are independent, variances
# add: Var(output) = fan_in · Var(w) · (mean square of an input). To keep the scale, the
# variance of a weight must be about one over the number of terms:
#
# | scheme | Var(w) | made for |
# |---|---|---|
# | `"lecun"` | 1 / fan | linear units, SELU |
# | `"xavier"` | 2 / (fan_in + fan_out) | tanh: forward and backward at once |
# | `"he"` | 2 / fan | ReLU, which sets half of its inputs to zero |
#
# Here *fan* is fan_in for `mode="fan_in"` (keep the signal) and fan_out for
# `mode="fan_out"` (keep the gradient). `gain` multiplies the **standard deviation**.
#
# *Guess first:* what is He's standard deviation for 800 inputs?
#
# <details><summary>Answer</summary>√(2 / 800) = 0.05: the root of the variance, not
# 2 / 800 = 0.0025.</details>


# %% answer="init_weights" flag="he_normal xavier_normal lecun_normal nnlib.init"
def init_weights(fan_in, fan_out, scheme, gain, mode, rng):
    """Draw a dense weight of shape (fan_in, fan_out) from a Gaussian with mean 0.

    scheme: "lecun", "xavier" or "he"
    mode:   "fan_in" or "fan_out" (makes no difference for "xavier")
    rng:    a NumPy generator; rng.standard_normal(shape) draws with variance 1
    """
    ### BEGIN SOLUTION
    fan = fan_in if mode == "fan_in" else fan_out
    if scheme == "lecun":
        variance = 1 / fan
    elif scheme == "xavier":
        variance = 2 / (fan_in + fan_out)
    else:
        variance = 2 / fan
    scale = gain * np.sqrt(variance)
    return scale * rng.standard_normal((fan_in, fan_out))
    ### END SOLUTION


# %% check="init_weights" points=4
def draw(scheme, gain=1.0, mode="fan_in", sizes=(400, 600)):
    return init_weights(*sizes, scheme, gain, mode, rng)


def centre(w):
    """How large the middle of the distribution is: share within one std."""
    return float((np.abs(w) < np.std(w)).mean())


emit("the shape", lambda: draw("he").shape)
emit("the mean", lambda: draw("he").mean(), rtol=0, atol=0.002)
emit("std of He", lambda: std(draw("he")), rtol=0.02)
emit("std of He for the gradient", lambda: std(draw("he", mode="fan_out")), rtol=0.02)
emit("std of Xavier", lambda: std(draw("xavier")), rtol=0.02)
emit("std of LeCun with gain 3", lambda: std(draw("lecun", gain=3.0)), rtol=0.02)
emit("a Gaussian", lambda: centre(draw("he")), rtol=0, atol=0.02)
### BEGIN HIDDEN TESTS
few, many = int(rng.integers(300, 450)), int(rng.integers(600, 900))
sizes = (few, many) if rng.random() < 0.5 else (many, few)
gain = float(rng.uniform(1.5, 3.0))
emit("the shape again", lambda: draw("lecun", sizes=sizes).shape)
emit("the mean again", lambda: draw("he", sizes=sizes).mean(), rtol=0, atol=0.002)
emit("He, fan_in", lambda: std(draw("he", sizes=sizes)), rtol=0.02)
emit("He, fan_out", lambda: std(draw("he", 1.0, "fan_out", sizes)), rtol=0.02)
emit("LeCun, fan_in", lambda: std(draw("lecun", sizes=sizes)), rtol=0.02)
emit("LeCun, fan_out", lambda: std(draw("lecun", 1.0, "fan_out", sizes)), rtol=0.02)
emit("Xavier", lambda: std(draw("xavier", sizes=sizes)), rtol=0.02)
emit("any gain", lambda: std(draw("xavier", gain, sizes=sizes)), rtol=0.02)
emit("a Gaussian again", lambda: centre(draw("he", sizes=sizes)), rtol=0, atol=0.02)
### END HIDDEN TESTS

# %% wrong="init_weights"
# rng.random draws from [0, 1): every weight is positive and the mean is 0.5, not 0.
# Use rng.standard_normal.
# - return scale * rng.standard_normal((fan_in, fan_out))
# + return scale * rng.random((fan_in, fan_out))

# %% wrong="init_weights"
# A uniform draw from [-1, 1) has variance 1/3, not 1, so your weights are too small by
# √3. Use rng.standard_normal.
# - return scale * rng.standard_normal((fan_in, fan_out))
# + return scale * rng.uniform(-1, 1, (fan_in, fan_out))

# %% wrong="init_weights"
# The spread is right, but this is a uniform distribution: a Gaussian was asked for.
# Use rng.standard_normal.
# - return scale * rng.standard_normal((fan_in, fan_out))
# + return scale * np.sqrt(3) * rng.uniform(-1, 1, (fan_in, fan_out))

# %% wrong="init_weights"
# You scale by the variance. A number drawn with standard deviation 1 must be multiplied
# by the standard deviation, the square root of the variance.
# - scale = gain * np.sqrt(variance)
# + scale = gain * variance

# %% wrong="init_weights"
# The gain is missing: it multiplies the standard deviation.
# - scale = gain * np.sqrt(variance)
# + scale = np.sqrt(variance)

# %% wrong="init_weights"
# Your gain multiplies the variance, so only its root arrives. Multiply after taking
# the root.
# - scale = gain * np.sqrt(variance)
# + scale = np.sqrt(gain * variance)

# %% wrong="init_weights"
# You divide by fan_out where fan_in was asked for, and the other way round: mode names
# the fan that keeps its scale.
# - fan = fan_in if mode == "fan_in" else fan_out
# + fan = fan_out if mode == "fan_in" else fan_in

# %% wrong="init_weights"
# You divide by fan_in whatever the mode says.
# - fan = fan_in if mode == "fan_in" else fan_out
# + fan = fan_in

# %% wrong="init_weights"
# You divide by fan_out whatever the mode says.
# - fan = fan_in if mode == "fan_in" else fan_out
# + fan = fan_out

# %% wrong="init_weights"
# He's 2 is missing: ReLU throws half of the signal away, the 2 makes up for it.
# - variance = 2 / fan
# + variance = 1 / fan

# %% wrong="init_weights"
# Xavier divides by the MEAN of the two fans: 2 / (fan_in + fan_out).
# - variance = 2 / (fan_in + fan_out)
# + variance = 1 / (fan_in + fan_out)

# %% wrong="init_weights"
# 6 / (fan_in + fan_out) belongs to Xavier's UNIFORM draw from [-a, a], where it is a²:
# it is not the variance.
# - variance = 2 / (fan_in + fan_out)
# + variance = 6 / (fan_in + fan_out)

# %% wrong="init_weights"
# The shape is transposed: rows are inputs, columns are outputs.
# - return scale * rng.standard_normal((fan_in, fan_out))
# + return scale * rng.standard_normal((fan_out, fan_in))

# %% [markdown]
# **See what it does.** Your weights in a network of ten tanh layers, against two that
# are far off. *Guess first:* which line falls, which one stays near 1 and why is that
# bad as well?
#
# <details><summary>Answer</summary>Std 0.01 falls by a factor of five in each layer.
# Std 1 drives nearly every tanh to ±1, where its slope is 0: no gradient comes
# back.</details>

# %% demo=true
from nnlib.plotting import plot_layer_profile, use_style

use_style()


def profile(draw_layer, depth=10, width=500):
    """The standard deviation after each of `depth` tanh layers."""
    own = np.random.default_rng(7)
    x = own.standard_normal((1000, width))
    stds = []
    for _ in range(depth):
        x = np.tanh(x @ draw_layer(width, own))
        stds.append(x.std())
    return np.array(stds)


lines = {
    "std 0.01": profile(lambda n, r: 0.01 * r.standard_normal((n, n))),
    "std 1": profile(lambda n, r: r.standard_normal((n, n))),
}
try:
    lines["your Xavier"] = profile(
        lambda n, r: init_weights(n, n, "xavier", 1.0, "fan_in", r)
    )
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first: then your own line is drawn too.")
legend = plot_layer_profile(lines).legend()

# %% [markdown]
# ## Exercise 3 · Measure instead of assuming
#
# The formulas assume independent inputs with a known mean square. **LSUV** (layer-
# sequential unit variance) assumes nothing: it sends one batch through the network and,
# layer by layer, divides the weights of a dense layer by the standard deviation that
# its outputs have. The biases are 0 here, so one division per layer is enough.
#
# `model.layers` holds the layers; `layer.forward(x)` gives a layer's output. Dense
# layers have a weight, `layer.params["W"]`. It is a view into one buffer that belongs
# to the whole model: change it **in place**.
#
# *Guess first:* why layer by layer, and not all layers from one forward pass?
#
# <details><summary>Answer</summary>Scaling the first layer changes what the second one
# receives. What was measured before is then no longer true.</details>


# %% answer="lsuv" flag="nnlib.init"
def lsuv(model, batch):
    """Scale the dense layers in place: each one's output has std 1 on the batch."""
    ### BEGIN SOLUTION
    x = batch
    for layer in model.layers:
        y = layer.forward(x)
        if "W" in layer.params:
            W = layer.params["W"]
            W /= y.std()
            y = layer.forward(x)
        x = y
    ### END SOLUTION


# %% check="lsuv" points=2
def dense_stds(model, x):
    """The standard deviation of each dense layer's output."""
    outputs = zip(model.layers, model.activations(x), strict=True)
    return [std(y) for layer, y in outputs if "W" in layer.params]


def tiny(sizes, rng, std=0.03):
    """A network with weights that are too small."""
    return mlp(sizes, rng=rng, init=lambda shape, **kw: normal(shape, std, **kw))


def scaled(sizes, batch, seed, scale=0.03):
    """A fresh network after your lsuv."""
    net = tiny(sizes, np.random.default_rng(seed), scale)
    lsuv(net, batch)
    return net


batch = asarray(rng.standard_normal((200, 30)), dtype=np.float32)
sizes = [30, 80, 50, 60, 10]
emit(
    "std of every dense layer",
    lambda: dense_stds(scaled(sizes, batch, 3), batch),
    rtol=0.01,
)
emit("the model's own buffer", lambda: std(scaled(sizes, batch, 3).params), rtol=0.01)
### BEGIN HIDDEN TESTS
sizes = [int(n) for n in rng.integers(20, 90, size=5)]
scale, seed = float(rng.uniform(0.02, 0.3)), int(rng.integers(10**6))
batch = asarray(rng.standard_normal((150, sizes[0])) * 1.7 + 0.3, dtype=np.float32)
fresh = asarray(rng.standard_normal((90, sizes[0])), dtype=np.float32)
own = (sizes, batch, seed, scale)


def weights(model):
    """The standard deviation of each layer's weights."""
    return [std(layer.params["W"]) for layer in model.layers if "W" in layer.params]


emit("the weights of every layer", lambda: weights(scaled(*own)), rtol=0.01)
emit("outputs for other data", lambda: dense_stds(scaled(*own), fresh), rtol=0.01)
emit("the buffer of the model", lambda: std(scaled(*own).params), rtol=0.01)
### END HIDDEN TESTS

# %% wrong="lsuv"
# You divide by the variance: the standard deviation of the outputs is what has to
# become 1.
# - W /= y.std()
# + W /= y.std() ** 2

# %% wrong="lsuv"
# You multiply where you should divide: outputs that are too small need larger weights.
# - W /= y.std()
# + W *= y.std()

# %% wrong="lsuv"
# Your division makes a new array, and the model keeps its old weights. Change the
# weights in place: `layer.params["W"] /= …`.
# - W /= y.std()
# + W = W / y.std()

# %% wrong="lsuv"
# The layer has got a new array, but `model.params`, the buffer that an optimizer
# changes, has kept the old weights. Change them in place: `layer.params["W"] /= …`.
# - W /= y.std()
# + layer.params["W"] = W / y.std()

# %% wrong="lsuv"
# What a layer receives was measured before the layers in front of it were scaled. Scale
# a layer, run it again, and pass THAT output on to the next one.
# - W /= y.std()
# - y = layer.forward(x)
# + W /= y.std()


# %% wrong="lsuv"
# You measure after the activation. LSUV gives the output of the DENSE layer unit
# variance, before ReLU cuts half of it off.
def lsuv(model, batch):
    x = batch
    for i, layer in enumerate(model.layers):
        if "W" in layer.params:
            y = layer.forward(x)
            if i + 1 < len(model.layers):
                y = model.layers[i + 1].forward(y)
            W = layer.params["W"]
            W /= y.std()
        x = layer.forward(x)


# %% wrong="lsuv"
# All layers were divided by one number, the standard deviation of the last output. Each
# layer needs its own.
def lsuv(model, batch):
    scale = model(batch).std()
    for layer in model.layers:
        if "W" in layer.params:
            W = layer.params["W"]
            W /= scale


# %% [markdown]
# ## Exercise 4 · The patient
#
# A colleague's classifier does not learn: its loss starts far above ln 10 = 2.30, which
# is what a network says that knows nothing about ten classes. Some of its layers were
# drawn wrongly; others are fine and have been trained for days. Find the broken ones
# and draw **only them** again.
#
# A dense layer is **fine** if its weights look like He's: with s = √(2 / fan_in),
#
# - their mean lies between −0.2 s and 0.2 s, and
# - their standard deviation lies between 0.7 s and 1.4 s.
#
# A layer that you draw again gets new weights from `he_normal(shape, rng=rng)` and
# biases of 0. Return the positions of these layers among the dense layers: 0 is the
# first one.
#
# *Guess first:* what would you not see if you looked at the standard deviations only?
#
# <details><summary>Answer</summary>A mean that is far from 0: every output then gets
# the same large number added.</details>


# %%
def patient(widths, faults, rng):
    """A ReLU network with some layers drawn wrongly: {position: kind of fault}."""
    model = mlp(widths, rng=rng)
    dense = [layer for layer in model.layers if "W" in layer.params]
    for position, layer in enumerate(dense):
        W, b = layer.params["W"], layer.params["b"]
        b += 0.5
        s = float(np.sqrt(2 / W.shape[0]))
        fault = faults.get(position)
        if fault == "large":
            W *= 30
        elif fault == "small":
            W *= s
        elif fault == "shifted":
            W += 2 * s
    return model


# %% answer="repair"
def repair(model, rng):
    """Draw the broken dense layers again, in place; return the list of positions."""
    dense = [layer for layer in model.layers if "W" in layer.params]
    ### BEGIN SOLUTION
    broken = []
    for position, layer in enumerate(dense):
        W, b = layer.params["W"], layer.params["b"]
        s = np.sqrt(2 / W.shape[0])
        fine = abs(float(W.mean())) < 0.2 * s and 0.7 * s < std(W) < 1.4 * s
        if not fine:
            W[...] = he_normal(W.shape, rng=rng)
            b[...] = 0
            broken.append(position)
    return broken
    ### END SOLUTION


# %% check="repair" points=2
sizes = [64, 300, 240, 200, 10]
faults = {0: "small", 2: "shifted"}


def sick():
    """The same patient each time."""
    return patient(sizes, faults, np.random.default_rng(5))


def repaired():
    """The patient after your repair."""
    model = sick()
    repair(model, rng)
    return model


def weight_stds(model):
    """The standard deviation of each layer's weights."""
    return [std(layer.params["W"]) for layer in model.layers if "W" in layer.params]


def bias_sums(model):
    """The sum of each layer's biases."""
    return [float(x.params["b"].sum()) for x in model.layers if "b" in x.params]


emit("which layers are broken", lambda: repair(sick(), rng))
emit("the weights afterwards", lambda: weight_stds(repaired()), rtol=0.05)
emit("the biases afterwards", lambda: bias_sums(repaired()), rtol=1e-4)
emit("a healthy network", lambda: repair(patient(sizes, {}, rng), rng))
### BEGIN HIDDEN TESTS
sizes = [40, *(int(n) for n in rng.permutation([70, 110, 160, 240])), 10]
places = [int(n) for n in rng.permutation(4)]
faults = dict(zip(places, ["large", "small", "shifted"], strict=False))
emit("the positions", lambda: repair(sick(), rng))
emit("the weights after the repair", lambda: weight_stds(repaired()), rtol=0.1)
emit("the biases after the repair", lambda: bias_sums(repaired()), rtol=1e-4)
### END HIDDEN TESTS

# %% wrong="repair"
# A layer's standard deviation can be right while its mean is far off: check both.
# - fine = abs(float(W.mean())) < 0.2 * s and 0.7 * s < std(W) < 1.4 * s
# + fine = 0.7 * s < std(W) < 1.4 * s

# %% wrong="repair"
# The mean tells only half: a layer can be centered and much too large or too small.
# - fine = abs(float(W.mean())) < 0.2 * s and 0.7 * s < std(W) < 1.4 * s
# + fine = abs(float(W.mean())) < 0.2 * s

# %% wrong="repair"
# You have drawn every layer again, also those that were fine: days of training are
# lost.
# - if not fine:
# + if True:

# %% wrong="repair"
# s belongs to the fan_in, the number of rows of W: you have used its columns.
# - s = np.sqrt(2 / W.shape[0])
# + s = np.sqrt(2 / W.shape[1])

# %% wrong="repair"
# s is the standard deviation √(2 / fan_in); you compare with the variance.
# - s = np.sqrt(2 / W.shape[0])
# + s = 2 / W.shape[0]

# %% wrong="repair"
# Layers that you draw again also start with biases of 0: theirs are still the old ones.
# - b[...] = 0
# + pass

# %% wrong="repair"
# The positions are counted among the dense layers: you have counted the activations
# as well.
# - broken.append(position)
# + broken.append(2 * position)

# %% wrong="repair"
# You name the right layers but do not change them: write into their arrays, with
# `W[...] = …`.
# - W[...] = he_normal(W.shape, rng=rng)
# - b[...] = 0
# + W = he_normal(W.shape, rng=rng)

# %% [markdown]
# **See what it does.** The patient before and after, on the digits that come with
# scikit-learn.

# %% demo=true
from nnlib.data import digits
from nnlib.losses import softmax_cross_entropy
from nnlib.optim import SGD
from nnlib.train import fit

d = digits(rng=np.random.default_rng(7))
for name in ("before", "after"):
    own = np.random.default_rng(7)
    model = patient([64, 300, 80, 200, 10], {1: "large", 2: "shifted"}, own)
    if name == "after":
        try:
            repair(model, own)
        except NotImplementedError as unanswered:
            print(f"{unanswered} comes first.")
            break
    first = float(softmax_cross_entropy(model(d.x_val), d.y_val)[0])
    h = fit(
        model, softmax_cross_entropy, SGD(lr=0.05), d, epochs=5, batch_size=32, rng=own
    )
    error = float(h["val_error"][-1])
    print(f"{name}: loss at the start {first:.4g}, error after 5 epochs {error:.0%}")

# %% [markdown]
# ## What you have now
#
# A rule that needs only the shape of a weight, a method that needs only a batch, and an
# eye for the three ways in which a draw goes wrong: too small, too large, not centered.
# Chapter 8 asks the next question: why scale only once, before training, and not at
# every step?

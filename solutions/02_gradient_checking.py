# %% [markdown]
# # Lab 2 · Gradient checking
#
# A backward pass can be wrong and still train. In this lab you build the test that
# finds out: a numerical gradient, a relative error, and a check of a whole layer. Then
# you use your tools on a backward pass with four bugs, one of them small.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 2, NumPy, about 60 minutes.

# %%
import numpy as np

from nnlib.layers import Layer, Linear

# %% [markdown]
# ## Exercise 1 · The numerical gradient
#
# Move one entry of x up by eps, then down by eps, and see by how much f changes: the
# two-sided difference. All other entries stay where they are. At the end x must be what
# it was: somebody else is using it.
#
# *Guess first:* f(x) = x³ at x = 2 has the slope 12. What does the two-sided difference
# say with the large step eps = 1? And the one-sided one?
#
# <details><summary>Answer</summary>(27 − 1) / 2 = 13, off by eps². One-sided:
# 27 − 8 = 19.</details>


# %% answer="numeric_grad" flag="numerical_gradient nnlib.gradcheck"
def numeric_grad(f, x, eps=1e-5):
    """Return the two-sided difference of f at x, an array of the shape of x.

    f:   a function from an array to a number
    x:   a float64 array of any shape; the same after the call as before
    eps: how far each entry is moved to either side
    """
    ### BEGIN SOLUTION
    gradient = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + eps
        above = f(x)
        x[i] = kept - eps
        below = f(x)
        x[i] = kept
        gradient[i] = (above - below) / (2 * eps)
    return gradient
    ### END SOLUTION


# %% check="numeric_grad" points=3
def cube_of_sum(x):
    """A function in which every entry feels every other one."""
    return float(x.sum() ** 3)


def afterwards(f, x, eps):
    """What x is after the call."""
    x = x.copy()
    numeric_grad(f, x, eps)
    return x


one, table = np.array([2.0]), np.array([[1.0, -2.0, 0.5], [0.3, 2.0, 1.0]])
emit("x³ at 2 with the step 1", lambda: numeric_grad(cube_of_sum, one.copy(), 1.0))
emit("a table of numbers", lambda: numeric_grad(cube_of_sum, table.copy(), 0.5))
emit("x after the call", lambda: afterwards(cube_of_sum, table, 0.5))
### BEGIN HIDDEN TESTS
shape = tuple(int(n) for n in rng.integers(2, 5, size=2))
place, weight = rng.uniform(0.5, 2, shape), rng.uniform(1, 3, shape)


def curved(x):
    """Cubic in each entry, and all entries in one product."""
    return float((weight * x**3).sum() + x.sum() ** 3)


step = float(rng.uniform(0.2, 0.6))
emit("any function", lambda: numeric_grad(curved, place.copy(), step))
emit("a small step", lambda: numeric_grad(curved, place.copy()), rtol=1e-4)
emit("any x after the call", lambda: afterwards(curved, place, step))
### END HIDDEN TESTS

# %% wrong="numeric_grad"
# This is the one-sided difference: its error falls only like eps. Go down by eps as
# well, from the value you kept.
# - x[i] = kept - eps
# + x[i] = kept
# - gradient[i] = (above - below) / (2 * eps)
# + gradient[i] = (above - below) / eps

# %% wrong="numeric_grad"
# The two points are 2 · eps apart: divide by that, not by eps.
# - gradient[i] = (above - below) / (2 * eps)
# + gradient[i] = (above - below) / eps

# %% wrong="numeric_grad"
# Your second point is the middle, but you divide by 2 · eps: the result is half of a
# one-sided difference.
# - x[i] = kept - eps
# + x[i] = kept

# %% wrong="numeric_grad"
# An entry stays where the last step left it. The next entries are then differentiated
# at another place, and the caller's x has changed. Put the kept value back.
# - x[i] = kept
# + pass

# %% wrong="numeric_grad"
# The sign is reversed: subtract the value below from the value above.
# - gradient[i] = (above - below) / (2 * eps)
# + gradient[i] = (below - above) / (2 * eps)


# %% wrong="numeric_grad"
# You move all entries at once. What comes out is the sum of all partial derivatives, in
# every place. Move one entry at a time.
def numeric_grad(f, x, eps=1e-5):
    return np.full(x.shape, (f(x + eps) - f(x - eps)) / (2 * eps))


# %% wrong="numeric_grad"
# The numbers are right, the shape is not: the gradient has the shape of x.
# - return gradient
# + return gradient.ravel()

# %% [markdown]
# **See what it does.** The error of your difference for the sine at 1, against the
# step. *Guess first:* where is the lowest point, and what is left of it?
#
# <details><summary>Answer</summary>Near 0.00001. To its left rounding grows like one
# over the step, to its right the truncation error grows like its square.</details>

# %% demo=true
import matplotlib.pyplot as plt

from nnlib.plotting import use_style

use_style()
steps = 10.0 ** np.arange(-13, 0, 0.5)
try:
    slopes = [
        numeric_grad(lambda x: float(np.sin(x).sum()), np.array([1.0]), e)[0]
        for e in steps
    ]
    fig, ax = plt.subplots()
    ax.loglog(steps, np.abs(slopes - np.cos(1.0)), marker="o")
    ax.set(xlabel="step", ylabel="error of the slope")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 2 · Where the V is lowest
#
# The error of a difference quotient has two parts,
#
# error(eps) = T · eps^p + R / eps,
#
# truncation of order p (p = 2 for two-sided, p = 1 for one-sided) and rounding. Find
# the eps at which the *sum* is smallest.
#
# *Guess first:* is that where the two parts are equal?
#
# <details><summary>Answer</summary>Only for p = 1. Set the derivative to zero:
# p · T · eps^(p−1) = R / eps², so the rounding part is p times the truncation
# part.</details>


# %% answer="best_step"
def best_step(T, p, R):
    """Return the eps with the smallest T * eps**p + R / eps."""
    ### BEGIN SOLUTION
    return (R / (p * T)) ** (1 / (p + 1))
    ### END SOLUTION


# %% check="best_step" points=1
emit("two-sided, double precision", lambda: best_step(1 / 6, 2, 1.1e-16))
emit("one-sided, double precision", lambda: best_step(1 / 2, 1, 2.2e-16))
emit("two-sided, single precision", lambda: best_step(1 / 6, 2, 6e-8))
### BEGIN HIDDEN TESTS
T, R = float(rng.uniform(2, 9)), float(rng.uniform(1, 9)) * 1e-14
emit("any two-sided one", lambda: best_step(T, 2, R))
emit("any one-sided one", lambda: best_step(T, 1, R))
emit("a four-point rule, order 4", lambda: best_step(T, 4, R))
### END HIDDEN TESTS

# %% wrong="best_step"
# At this step the two parts are equal, but their sum is not smallest there: its
# derivative, p · T · eps^(p−1) − R / eps², must be zero.
# - return (R / (p * T)) ** (1 / (p + 1))
# + return (R / T) ** (1 / (p + 1))

# %% wrong="best_step"
# The exponent is 1 / (p + 1): one power of eps comes from the division by eps.
# - return (R / (p * T)) ** (1 / (p + 1))
# + return (R / (p * T)) ** (1 / p)

# %% wrong="best_step"
# The ratio is upside down: more rounding asks for a larger step.
# - return (R / (p * T)) ** (1 / (p + 1))
# + return (p * T / R) ** (1 / (p + 1))

# %% wrong="best_step"
# The cube root belongs to p = 2. For another order p the exponent is 1 / (p + 1).
# - return (R / (p * T)) ** (1 / (p + 1))
# + return (R / (p * T)) ** (1 / 3)

# %% [markdown]
# ## Exercise 3 · How close is close?
#
# Divide the length of the difference by the larger of the two lengths:
#
# ‖a − b‖ / max(‖a‖, ‖b‖), with the lengths taken over **all** entries.
#
# If both are exactly zero, the gradients agree: return 0.
#
# *Guess first:* a gradient is compared with twice itself. What is the error? And with
# the sum of the lengths below the line, as in the notes?
#
# <details><summary>Answer</summary>1/2, and 1/3.</details>


# %% answer="rel_error" flag="relative_error nnlib.gradcheck"
def rel_error(a, b):
    """Return the relative error of two arrays of the same shape as one number."""
    ### BEGIN SOLUTION
    difference = np.linalg.norm(np.ravel(a - b))
    scale = max(np.linalg.norm(np.ravel(a)), np.linalg.norm(np.ravel(b)))
    if scale == 0:
        return 0.0
    return difference / scale
    ### END SOLUTION


# %% check="rel_error" points=2
v = np.array([3.0, -4.0])
emit("a vector and its double", lambda: rel_error(v, 2 * v))
emit("the same two, exchanged", lambda: rel_error(2 * v, v))
emit("a vector and its opposite", lambda: rel_error(v, -v))
emit("one entry is off", lambda: rel_error(v, np.array([3.0, -2.0])))
emit("in small units", lambda: rel_error(1e-9 * v, 1.5e-9 * v))
emit("zeros and zeros", lambda: rel_error(np.zeros(3), np.zeros(3)))
### BEGIN HIDDEN TESTS
a = rng.standard_normal((4, 3))
b = a * rng.uniform(0.3, 0.7, (4, 3))
emit("any two matrices", lambda: rel_error(a, b))
emit("any two, exchanged", lambda: rel_error(b, a))
emit("opposite ones", lambda: rel_error(a, -b))
emit("any in small units", lambda: rel_error(1e-8 * a, 1e-8 * b))
emit("zeros against zeros", lambda: rel_error(0 * a, 0 * b))
### END HIDDEN TESTS

# %% wrong="rel_error"
# This is the absolute difference. A small gradient passes with it, however wrong it is:
# divide by the larger length.
# - return difference / scale
# + return difference

# %% wrong="rel_error"
# You divide by the SUM of the lengths. That form is in use, too, and is between half of
# the one asked for and all of it; here the larger length was asked for.
# - scale = max(np.linalg.norm(np.ravel(a)), np.linalg.norm(np.ravel(b)))
# + scale = np.linalg.norm(np.ravel(a)) + np.linalg.norm(np.ravel(b))

# %% wrong="rel_error"
# You divide by the length of the first one only: exchange the two and the answer
# changes.
# - scale = max(np.linalg.norm(np.ravel(a)), np.linalg.norm(np.ravel(b)))
# + scale = np.linalg.norm(np.ravel(a))

# %% wrong="rel_error"
# Zeros against zeros give 0/0, and nan is below no threshold: return 0 for them.
# - if scale == 0:
# -     return 0.0
# + if scale == 0:
# +     return float("nan")

# %% wrong="rel_error"
# A difference of zero is one thing, a length of zero another: you return 0 whenever the
# gradients are small.
# - if scale == 0:
# + if scale < 1e-6:

# %% wrong="rel_error"
# The difference of the lengths is not the length of the difference: a vector and its
# opposite would agree.
# - difference = np.linalg.norm(np.ravel(a - b))
# + difference = abs(np.linalg.norm(np.ravel(a)) - np.linalg.norm(np.ravel(b)))


# %% wrong="rel_error"
# This is the worst relative error of a single ENTRY. The norms run over the full
# vectors: one number for the whole array.
def rel_error(a, b):
    scale = np.maximum(np.abs(a), np.abs(b))
    return float(np.max(np.abs(a - b) / np.where(scale == 0, 1, scale)))


# %% [markdown]
# ## Exercise 4 · Stand still
#
# A function that draws random numbers cannot be differentiated: the two points belong
# to two different functions. Make it stand still. `f(x, rng)` is random; return a
# function of x alone that gives `f` the *same* random numbers at every call, those of
# `np.random.default_rng(seed)`.
#
# *Guess first:* why is it not enough to make one generator with a seed, once?
#
# <details><summary>Answer</summary>A generator moves on with each draw. The second call
# would get the next numbers.</details>


# %% answer="stand_still"
def stand_still(f, seed):
    """Return a function of x that calls f(x, rng) with the same draws each time."""

    ### BEGIN SOLUTION
    def still(x):
        own = np.random.default_rng(seed)
        return f(x, own)

    return still
    ### END SOLUTION


# %% check="stand_still" points=1
def dropped(x, rng):
    """A sum of squares with half of the entries dropped."""
    return float((x**2 * (rng.random(x.shape) < 0.5)).sum())


def calls(seed, *points):
    """The values of one still function at some points."""
    still = stand_still(dropped, seed)
    return [still(x) for x in points]


up = np.arange(1.0, 20.0)
emit("two calls", lambda: calls(3, up, up))
emit("another point", lambda: calls(3, up, up[::-1].copy()))
### BEGIN HIDDEN TESTS
seed, first = int(rng.integers(10, 10**6)), rng.uniform(1, 2, 40)
emit("many calls", lambda: calls(seed, *[first] * 5))
emit("other points", lambda: calls(seed, first, 2 * first, 3 * first[::-1]))
### END HIDDEN TESTS

# %% wrong="stand_still"
# You make the generator once. It moves on with every draw, so the second call gets
# other numbers. Make it anew inside the function.
# - def still(x):
# -     own = np.random.default_rng(seed)
# + own = np.random.default_rng(seed)
# +
# + def still(x):

# %% wrong="stand_still"
# Your seed is fixed, but it is not the one that was asked for.
# - own = np.random.default_rng(seed)
# + own = np.random.default_rng(0)


# %% wrong="stand_still"
# You keep the first RESULT and return it for every x: then the derivative is 0. The
# random numbers must stay, the function must still depend on x.
def stand_still(f, seed):
    kept = []

    def still(x):
        if not kept:
            kept.append(f(x, np.random.default_rng(seed)))
        return kept[0]

    return still


# %% [markdown]
# ## Exercise 5 · Check a layer
#
# A layer of nnlib has `forward(x, train=…)`, `backward(dy)` which returns dx, and the
# dictionaries `params` and `grads` with the same names. Compare every gradient with
# your numerical one:
#
# 1. run `forward` once and draw a random upstream gradient g in the shape of y,
# 2. run `backward(g)` and keep copies of dx and of all `grads`,
# 3. the number that is differentiated is the sum of g · forward(…), in x and in each
#    parameter. `numeric_grad` changes the very array that you give it, so give it the
#    layer's own parameter.
#
# *Guess first:* a colleague uses g = 1 everywhere. For which layers does that prove
# nothing?
#
# <details><summary>Answer</summary>For all whose outputs have a constant sum: softmax,
# and normalizations in training. The gradient of a constant is 0.</details>


# %% answer="check_layer" flag="nnlib.gradcheck"
def check_layer(layer, x, rng, train=True):
    """Return {"x": relative error, and the same for every name in layer.params}."""
    ### BEGIN SOLUTION
    y = layer.forward(x, train=train)
    g = rng.standard_normal(y.shape)
    dx = layer.backward(g).copy()
    grads = {name: layer.grads[name].copy() for name in layer.params}

    def objective(_):
        again = layer.forward(x, train=train)
        return float((g * again).sum())

    errors = {"x": rel_error(dx, numeric_grad(objective, x))}
    for name, p in layer.params.items():
        errors[name] = rel_error(grads[name], numeric_grad(objective, p))
    return errors
    ### END SOLUTION


# %% check="check_layer" points=3
class Skewed(Linear):
    """A linear layer whose gradients are multiplied by given factors."""

    def __init__(self, sizes, factors, rng):
        super().__init__(*sizes, rng=rng, dtype=np.float64, device="cpu")
        self.factors = factors

    def backward(self, dy):
        dx = super().backward(dy)
        for name in self.grads:
            self.grads[name] = self.grads[name] * self.factors[name]
        return dx * self.factors["x"]


class TrainOnly(Skewed):
    """Wrong only after a forward pass with train=True."""

    def forward(self, x, *, train=False):
        self.train = train
        return super().forward(x, train=train)

    def backward(self, dy):
        dx = super().backward(dy)
        return dx * 0.6 if self.train else dx


class SkewedSoftmax(Layer):
    """Softmax without parameters; dx is multiplied by a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x, *, train=False):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y

    def backward(self, dy):
        dx = self.y * (dy - (dy * self.y).sum(axis=-1, keepdims=True))
        return dx * self.factor


def report(layer, x, name, train=True, seed=5):
    """The error of one gradient, rounded; -1 if it is not among the answers."""
    errors = check_layer(layer, x.copy(), np.random.default_rng(seed), train)
    return round(float(errors.get(name, -1)), 4)


same = {"x": 1.0, "W": 1.0, "b": 1.0}
x4 = np.random.default_rng(4).standard_normal((5, 4))
halves = Skewed((4, 3), {"x": 1.0, "W": 0.5, "b": 0.8}, np.random.default_rng(4))
emit("a right gradient", lambda: report(halves, x4, "x"))
emit("half of a gradient", lambda: report(halves, x4, "W"))
emit("four fifths of one", lambda: report(halves, x4, "b"))
emit("softmax, half of the gradient", lambda: report(SkewedSoftmax(0.5), x4, "x"))
moody = TrainOnly((4, 3), same, np.random.default_rng(4))
emit("a layer that is wrong in training", lambda: report(moody, x4, "x"))
### BEGIN HIDDEN TESTS
n, d, h = (int(k) for k in rng.permutation([3, 4, 5, 6])[:3])
names = ("x", "W", "b")
factors = dict(zip(names, rng.uniform(0.2, 0.8, size=3).tolist(), strict=True))
points = rng.standard_normal((n, d))
layer = Skewed((d, h), factors, rng)
for name in names:
    emit(f"any layer, {name}", lambda name=name: report(layer, points, name))
odd = TrainOnly((d, h), same, rng)
emit("wrong in training only", lambda: report(odd, points, "x"))
emit("right in evaluation", lambda: report(odd, points, "x", train=False))
part = float(rng.uniform(0.2, 0.8))
emit("any part of softmax", lambda: report(SkewedSoftmax(part), points, "x"))
### END HIDDEN TESTS

# %% wrong="check_layer"
# You contract with ones, as y.sum() does. The outputs of softmax always add up to 1, so
# you compare with the gradient of a constant: draw g at random.
# - g = rng.standard_normal(y.shape)
# + g = np.ones(y.shape)

# %% wrong="check_layer"
# You draw g anew at each call: then the function does not stand still, and backward has
# seen another g. Draw it once.
# - return float((g * again).sum())
# + return float((rng.standard_normal(y.shape) * again).sum())

# %% wrong="check_layer"
# backward gets g, so the number that is differentiated must be the SUM of g · y. You
# take the mean.
# - return float((g * again).sum())
# + return float((g * again).mean())

# %% wrong="check_layer"
# backward gets g, but your number is the plain sum of the outputs: the two belong to
# different questions.
# - return float((g * again).sum())
# + return float(again.sum())

# %% wrong="check_layer"
# numeric_grad moves a copy here, and the layer never notices: the numerical gradient is
# 0. Give it the layer's own array.
# - errors[name] = rel_error(grads[name], numeric_grad(objective, p))
# + errors[name] = rel_error(grads[name], numeric_grad(objective, p.copy()))

# %% wrong="check_layer"
# The mode is not passed on: the layer is checked in evaluation whatever `train` says.
# - y = layer.forward(x, train=train)
# + y = layer.forward(x, train=False)
# - again = layer.forward(x, train=train)
# + again = layer.forward(x, train=False)

# %% wrong="check_layer"
# Only the gradient of the input is checked. Each parameter has one, too.
# - for name, p in layer.params.items():
# + for name, p in {}.items():

# %% wrong="check_layer"
# Back-propagation gives ones here, the objective uses g: pass g to backward.
# - dx = layer.backward(g).copy()
# + dx = layer.backward(np.ones(y.shape)).copy()

# %% [markdown]
# **See what it does.** Your check on layers of nnlib, in training mode. *Guess first:*
# ReLU has a kink. Will it fail?
#
# <details><summary>Answer</summary>Hardly ever: an input would have to lie within
# 0.00001 of zero. Dropout passes only because its mask is frozen.</details>

# %% demo=true
from nnlib.dropout import Dropout
from nnlib.layers import Activation
from nnlib.norm import BatchNorm1d

own = np.random.default_rng(2)
masked = Dropout(0.5, rng=own)
masked.frozen = True
shown = {
    "linear": Linear(4, 3, rng=own, dtype=np.float64, device="cpu"),
    "ReLU": Activation("relu"),
    "batch norm": BatchNorm1d(4, dtype=np.float64, device="cpu"),
    "dropout, frozen": masked,
    "dropout, fresh": Dropout(0.5, rng=own),
}
try:
    for name, shown_layer in shown.items():
        errors = check_layer(shown_layer, own.standard_normal((5, 4)), own)
        print(name, {k: f"{float(e):.0e}" for k, e in errors.items()})
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 6 · The patient
#
# A colleague has written this network by hand: a tanh layer with a skip connection, a
# linear layer, softmax cross-entropy averaged over the batch, and a penalty on both
# weights,
#
# h = tanh(x W1 + b1), r = x + h, z = r W2 + b2,
# loss = cross-entropy(z, y) + ½ lam (‖W1‖² + ‖W2‖²).
#
# `loss_of` is right. `broken` has four bugs. Find them with `numeric_grad` and
# `rel_error`, and write `gradients` without them.
#
# *Guess first:* suppose dW2 and db2 are right, and db1, dW1 and dx are wrong. In which
# lines do you look?
#
# <details><summary>Answer</summary>Between dz and da: the three wrong ones have da in
# common, and dz is right.</details>


# %%
def probabilities(z):
    """Softmax of each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss_of(x, y, params, lam):
    """The loss of the patient: right."""
    W1, b1, W2, b2 = params
    r = x + np.tanh(x @ W1 + b1)
    p = probabilities(r @ W2 + b2)
    penalty = 0.5 * lam * ((W1**2).sum() + (W2**2).sum())
    return float(-np.log(p[np.arange(len(y)), y]).mean() + penalty)


def broken(x, y, params, lam):
    """The gradients of the patient, with four bugs: dx, dW1, db1, dW2, db2."""
    W1, b1, W2, b2 = params
    h = np.tanh(x @ W1 + b1)
    r = x + h
    dz = probabilities(r @ W2 + b2)
    dz[np.arange(len(y)), y] -= 1
    dz /= len(y)
    dW2 = r.T @ dz + lam * W2
    db2 = dz.mean(axis=0)
    dr = dz @ W2.T
    da = dr * (1 - h)
    dW1 = x.T @ da
    db1 = da.sum(axis=0)
    dx = da @ W1.T
    return dx, dW1, db1, dW2, db2


# %% answer="gradients" flag="nnlib.gradcheck torch numeric_grad"
def gradients(x, y, params, lam):
    """Return dx, dW1, db1, dW2, db2: by back-propagation, not by differences."""
    ### BEGIN SOLUTION
    W1, b1, W2, b2 = params
    h = np.tanh(x @ W1 + b1)
    r = x + h
    dz = probabilities(r @ W2 + b2)
    dz[np.arange(len(y)), y] -= 1
    dz /= len(y)
    dW2 = r.T @ dz + lam * W2
    db2 = dz.sum(axis=0)
    dr = dz @ W2.T
    da = dr * (1 - h**2)
    dW1 = x.T @ da + lam * W1
    db1 = da.sum(axis=0)
    dx = dr + da @ W1.T
    return dx, dW1, db1, dW2, db2
    ### END SOLUTION


# %% check="gradients" points=3
def case(seed, n=6, d=4, c=3):
    """A network and a batch."""
    own = np.random.default_rng(seed)
    params = [0.8 * own.standard_normal(s) for s in ((d, d), d, (d, c), c)]
    return own.standard_normal((n, d)), own.integers(0, c, n), params


def gradient(k, seed, lam, **sizes):
    """One of the five gradients."""
    return gradients(*case(seed, **sizes), lam)[k]


order = ("dx", "dW1", "db1", "dW2", "db2")
for k, name in enumerate(order):
    emit(name, lambda k=k: gradient(k, 3, 0.01))
### BEGIN HIDDEN TESTS
seed, lam = int(rng.integers(10**6)), float(rng.uniform(0.1, 0.4))
sizes = {"n": int(rng.integers(3, 9)), "d": int(rng.integers(3, 7)), "c": 4}
for k, name in enumerate(order):
    emit(f"any {name}", lambda k=k: gradient(k, seed, lam, **sizes))
### END HIDDEN TESTS

# %% wrong="gradients"
# db2 is averaged over the batch. The average is already in dz: the bias gradient is
# the sum over the samples.
# - db2 = dz.sum(axis=0)
# + db2 = dz.mean(axis=0)

# %% wrong="gradients"
# The slope of tanh is 1 − h², not 1 − h.
# - da = dr * (1 - h**2)
# + da = dr * (1 - h)

# %% wrong="gradients"
# dW1 lacks the gradient of the penalty, lam · W1. With a small lam its error is small,
# and it does not go away with a smaller step.
# - dW1 = x.T @ da + lam * W1
# + dW1 = x.T @ da

# %% wrong="gradients"
# x reaches r on two ways, through the layer and past it: the gradients of both add up.
# Yours has only the one through the layer.
# - dx = dr + da @ W1.T
# + dx = da @ W1.T

# %% wrong="gradients"
# The loss is averaged over the batch: keep the division by the number of samples.
# - dz /= len(y)
# + dz /= 1

# %% wrong="gradients"
# The penalty is ½ lam ‖W‖²: the ½ and the 2 of the square cancel.
# - dW1 = x.T @ da + lam * W1
# + dW1 = x.T @ da + 2 * lam * W1

# %% wrong="gradients"
# The penalty has no biases: db1 must not get a part of it.
# - db1 = da.sum(axis=0)
# + db1 = da.sum(axis=0) + lam * b1

# %% wrong="gradients"
# Taken at a, not at h: the slope of tanh at its input is 1 − tanh², and h is already
# the tanh.
# - da = dr * (1 - h**2)
# + da = dr * (1 - np.tanh(h) ** 2)

# %% [markdown]
# **See what it does.** The patient trained on the digits with the broken gradients and
# with yours. Both learn: this is why one checks.

# %% demo=true
from nnlib.data import digits

split = digits(rng=np.random.default_rng(2), dtype=np.float64, device="cpu")
for name, function in (("broken", broken), ("yours", gradients)):
    own = np.random.default_rng(6)
    params = [0.1 * own.standard_normal(s) for s in ((64, 64), 64, (64, 10), 10)]
    try:
        for _ in range(100):
            found = function(split.x_train, split.y_train, params, 1e-4)[1:]
            params = [p - 0.2 * g for p, g in zip(params, found, strict=True)]
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break
    W1, b1, W2, b2 = params
    z = split.x_val + np.tanh(split.x_val @ W1 + b1)
    wrong_share = (np.argmax(z @ W2 + b2, axis=1) != split.y_val).mean()
    loss = loss_of(split.x_train, split.y_train, params, 1e-4)
    print(f"{name}: training loss {loss:.3f}, validation error {wrong_share:.1%}")

# %% [markdown]
# ## What you have now
#
# A numerical gradient with a step you can justify, an error that means the same in all
# units, and a check that no layer with a constant sum can fool. Use them on every
# backward pass that you write in the labs to come. nnlib's own versions are in
# `nnlib.gradcheck`.

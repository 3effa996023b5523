# %% [markdown]
# # Lab 4 · Activation functions
#
# A function that bends, and the slope that its gradient is multiplied by: that is all
# an activation is. Most of them fit on one line, and most mistakes fit there, too. In
# this lab you write six of them with their gradients, count dead units, and find out
# what ails a layer from its pre-activations.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell: cells that you add are for you alone and are not graded.
#
# You need: chapter 4, NumPy, about an hour.
#
# All backward functions take the gradient that arrives, `dy` = ∂L/∂y, and return
# `dx` = ∂L/∂x, an array of the same shape.

# %%
import numpy as np

# %% [markdown]
# ## Exercise 1 · Two that squash
#
# The slope of the sigmoid is σ(1 − σ), that of tanh is 1 − tanh². Both can be read off
# the **output** y, so the backward functions get y and not x: nothing has to be
# computed twice.
#
# *Guess first:* what is the largest number that `sigmoid_backward` can return for
# `dy` = 1, and at which y?
#
# <details><summary>Answer</summary>A quarter, at y = 0.5. For tanh it is 1, at
# y = 0.</details>


# %% answer="squash" flag="nnlib torch scipy"
def sigmoid(x):
    """1 / (1 + exp(−x)), elementwise."""
    ### BEGIN SOLUTION
    return 0.5 * (1 + np.tanh(0.5 * x))
    ### END SOLUTION


def sigmoid_backward(dy, y):
    """∂L/∂x for y = sigmoid(x)."""
    ### BEGIN SOLUTION
    return dy * y * (1 - y)
    ### END SOLUTION


def tanh_backward(dy, y):
    """∂L/∂x for y = tanh(x)."""
    ### BEGIN SOLUTION
    return dy * (1 - y**2)
    ### END SOLUTION


# %% check="squash" points=3
x = np.array([[-2.0, 0.0, 1.5], [4.0, -0.5, 3.0]])
dy = np.array([[1.0, 2.0, -1.0], [1.0, 0.5, 3.0]])
emit("sigmoid", lambda: sigmoid(x))
emit("slope of the sigmoid", lambda: sigmoid_backward(dy, sigmoid(x)))
emit("slope of tanh", lambda: tanh_backward(dy, np.tanh(x)))
### BEGIN HIDDEN TESTS
x = rng.standard_normal((7, 5)) * 3
dy = rng.standard_normal((7, 5))
emit("other numbers, sigmoid", lambda: sigmoid(x))
emit("other numbers, its slope", lambda: sigmoid_backward(dy, sigmoid(x)))
emit("other numbers, slope of tanh", lambda: tanh_backward(dy, np.tanh(x)))
### END HIDDEN TESTS

# %% wrong="squash"
# dy is missing: the chain rule multiplies the slope by the gradient that arrives.
# - return dy * y * (1 - y)
# + return y * (1 - y)
# - return dy * (1 - y**2)
# + return 1 - y**2

# %% wrong="squash"
# You apply the sigmoid to y once more. y is the OUTPUT already: the slope is y(1 − y).
# - return dy * y * (1 - y)
# + return dy * sigmoid(y) * (1 - sigmoid(y))

# %% wrong="squash"
# You apply tanh to y once more. y is the OUTPUT already: the slope is 1 − y².
# - return dy * (1 - y**2)
# + return dy * (1 - np.tanh(y) ** 2)

# %% wrong="squash"
# y(1 − y) is the slope of the sigmoid. That of tanh is 1 − y².
# - return dy * (1 - y**2)
# + return dy * y * (1 - y)

# %% wrong="squash"
# The square is missing: the slope of tanh is 1 − y².
# - return dy * (1 - y**2)
# + return dy * (1 - y)

# %% wrong="squash"
# This is the sigmoid of −x: the sign in the exponent is the other one.
# - return 0.5 * (1 + np.tanh(0.5 * x))
# + return 0.5 * (1 - np.tanh(0.5 * x))

# %% wrong="squash"
# tanh(x) goes from −1 to 1; the sigmoid is (1 + tanh(x/2)) / 2. You forgot to halve x.
# - return 0.5 * (1 + np.tanh(0.5 * x))
# + return 0.5 * (1 + np.tanh(x))

# %% [markdown]
# ## Exercise 2 · A slope that is learned
#
# PReLU multiplies negative inputs by a slope `a` that is trained like a weight: one for
# each of the D columns. It may be any number. Write the function, and both gradients:
# for the input, and for the slopes. All N rows share the slope of their column.
#
# *Guess first:* with a = 2 and x = −1, what are PReLU(x) and max(a·x, x)?
#
# <details><summary>Answer</summary>−2 and −1. The popular one-liner max(a·x, x) is
# PReLU only as long as a ≤ 1.</details>


# %% answer="prelu" flag="nnlib torch"
def prelu(x, a):
    """x where x > 0, a·x elsewhere.  x: (N, D), a: (D,)."""
    ### BEGIN SOLUTION
    return np.maximum(x, 0) + a * np.minimum(x, 0)
    ### END SOLUTION


def prelu_backward(dy, x, a):
    """Return dx of shape (N, D) and da of shape (D,)."""
    ### BEGIN SOLUTION
    dx = np.where(x > 0, dy, a * dy)
    da = (dy * np.minimum(x, 0)).sum(axis=0)
    return dx, da
    ### END SOLUTION


# %% check="prelu" points=4
x = np.array([[-2.0, -1.0, 3.0], [1.0, -4.0, -0.5], [-3.0, 2.0, 5.0]])
dy = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0], [4.0, -2.0, 1.0]])
small, large = np.array([0.25, 0.1, 0.01]), np.array([2.0, 1.5, -0.5])
emit("slopes below 1", lambda: prelu(x, small))
emit("slopes of any size", lambda: prelu(x, large))
emit("the gradient of the input", lambda: prelu_backward(dy, x, large)[0])
emit("the gradient of the slopes", lambda: prelu_backward(dy, x, large)[1])
### BEGIN HIDDEN TESTS
n, d = (int(k) for k in rng.integers(3, 9, size=2))
x, dy = rng.standard_normal((n, d)), rng.standard_normal((n, d))
a = rng.uniform(-1, 3, size=d)
emit("other slopes", lambda: prelu(x, a))
emit("dx for them", lambda: prelu_backward(dy, x, a)[0])
emit("da for them", lambda: prelu_backward(dy, x, a)[1])
### END HIDDEN TESTS

# %% wrong="prelu"
# max(a·x, x) picks the wrong piece as soon as a > 1. Use max(0, x) + a·min(0, x).
# - return np.maximum(x, 0) + a * np.minimum(x, 0)
# + return np.maximum(a * x, x)

# %% wrong="prelu"
# For negative x the output is a·x, a negative number for a > 0. You return −a·x.
# - return np.maximum(x, 0) + a * np.minimum(x, 0)
# + return np.maximum(x, 0) + a * np.maximum(-x, 0)

# %% wrong="prelu"
# All rows share the slope of their column, so their gradients add up: sum over the
# rows.
# - da = (dy * np.minimum(x, 0)).sum(axis=0)
# + da = dy * np.minimum(x, 0)

# %% wrong="prelu"
# You average over the rows. The rows' contributions to a shared number add up; where
# the loss is an average, dy contains the 1/N already.
# - da = (dy * np.minimum(x, 0)).sum(axis=0)
# + da = (dy * np.minimum(x, 0)).mean(axis=0)

# %% wrong="prelu"
# a multiplies only the negative inputs: where x > 0 it has no part in the output.
# - da = (dy * np.minimum(x, 0)).sum(axis=0)
# + da = (dy * x).sum(axis=0)

# %% wrong="prelu"
# The derivative of a·x by a is x, not a.
# - da = (dy * np.minimum(x, 0)).sum(axis=0)
# + da = (dy * np.where(x > 0, 0, a)).sum(axis=0)

# %% wrong="prelu"
# This sums over the columns. There is one slope for each column, so sum over the rows.
# - da = (dy * np.minimum(x, 0)).sum(axis=0)
# + da = (dy * np.minimum(x, 0)).sum(axis=1)

# %% wrong="prelu"
# This is the ReLU's gradient: for negative x the slope is a, not 0.
# - dx = np.where(x > 0, dy, a * dy)
# + dx = np.where(x > 0, dy, 0 * dy)

# %% wrong="prelu"
# dy is missing in dx where x > 0 or where it is not: the chain rule multiplies both
# slopes, 1 and a, by the gradient that arrives.
# - dx = np.where(x > 0, dy, a * dy)
# + dx = np.where(x > 0, 1.0, a * np.ones_like(dy))

# %% [markdown]
# ## Exercise 3 · The exponential family
#
# ELU is x for x > 0 and α(eˣ − 1) elsewhere; SELU is λ·ELU(x, α) with the two constants
# below. Write both, and the gradient of ELU **from its output** y.
#
# *Guess first:* for x ≤ 0 the slope is α·eˣ. How do you get it from y = α(eˣ − 1)?
#
# <details><summary>Answer</summary>y + α.</details>
#
# A trap: `np.where` computes both sides for all numbers, so `np.exp(1000)` overflows
# and warns although its result is thrown away. Give `exp` only what cannot overflow.

# %%
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


# %% answer="elu" flag="nnlib torch scipy"
def elu(x, alpha):
    """x for x > 0, alpha (exp(x) − 1) elsewhere; no warning for any size of x."""
    ### BEGIN SOLUTION
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    ### END SOLUTION


def elu_backward(dy, y, alpha):
    """∂L/∂x for y = elu(x, alpha)."""
    ### BEGIN SOLUTION
    return dy * np.where(y > 0, 1.0, y + alpha)
    ### END SOLUTION


def selu(x):
    """SCALE times elu with alpha = ALPHA."""
    ### BEGIN SOLUTION
    return SCALE * elu(x, ALPHA)
    ### END SOLUTION


# %% check="elu" points=3
def warned(function):
    """The names of the warnings that a call gives."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [w.category.__name__ for w in caught]


x = np.array([-3.0, -1.0, -0.1, 0.0, 0.5, 4.0])
dy = np.array([1.0, 2.0, -1.0, 1.0, 3.0, -2.0])
emit("ELU", lambda: elu(x, 1.5))
emit("its gradient", lambda: elu_backward(dy, elu(x, 1.5), 1.5))
emit("SELU", lambda: selu(x))
emit("warnings for x = 1000", lambda: warned(lambda: elu(np.array([1000.0]), 1.0)))
### BEGIN HIDDEN TESTS
x, dy = 3 * rng.standard_normal((6, 4)), rng.standard_normal((6, 4))
alpha = float(rng.uniform(0.3, 2.5))
emit("ELU for another α", lambda: elu(x, alpha))
emit("its gradient for another α", lambda: elu_backward(dy, elu(x, alpha), alpha))
emit("SELU for other numbers", lambda: selu(x))
emit("warnings for large numbers", lambda: warned(lambda: selu(1e4 * x)))
### END HIDDEN TESTS

# %% wrong="elu"
# The − 1 is missing: at x = 0 both pieces must meet at 0.
# - return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
# + return np.where(x > 0, x, alpha * np.exp(np.minimum(x, 0)))

# %% wrong="elu"
# α multiplies the whole bracket, α(eˣ − 1), not the exponential alone.
# - return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
# + return np.where(x > 0, x, alpha * np.exp(np.minimum(x, 0)) - 1)

# %% wrong="elu"
# The values are right, but exp is asked for numbers it cannot hold: cut x at 0 before.
# - return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
# + return np.where(x > 0, x, alpha * np.expm1(x))

# %% wrong="elu"
# The slope of the left piece is α·eˣ, and that is y + α: y alone is negative.
# - return dy * np.where(y > 0, 1.0, y + alpha)
# + return dy * np.where(y > 0, 1.0, y)

# %% wrong="elu"
# You take α·e to the power of the OUTPUT. The slope is α·eˣ = y + α.
# - return dy * np.where(y > 0, 1.0, y + alpha)
# + return dy * np.where(y > 0, 1.0, alpha * np.exp(y))

# %% wrong="elu"
# y + 1 is the slope for α = 1 only; in general it is y + α.
# - return dy * np.where(y > 0, 1.0, y + alpha)
# + return dy * np.where(y > 0, 1.0, y + 1)

# %% wrong="elu"
# dy is missing: multiply the slope by the gradient that arrives.
# - return dy * np.where(y > 0, 1.0, y + alpha)
# + return np.where(y > 0, 1.0, y + alpha)

# %% wrong="elu"
# λ multiplies both pieces of SELU, also the positive one: its slope there is 1.05.
# - return SCALE * elu(x, ALPHA)
# + return elu(x, SCALE * ALPHA)

# %% wrong="elu"
# λ (SCALE) is missing.
# - return SCALE * elu(x, ALPHA)
# + return elu(x, ALPHA)

# %% wrong="elu"
# The two constants have changed places: SELU is SCALE · ELU(x, ALPHA).
# - return SCALE * elu(x, ALPHA)
# + return ALPHA * elu(x, SCALE)

# %% [markdown]
# ## Exercise 4 · Maxout
#
# A maxout unit computes several sums of its inputs and hands on the largest one. The
# pre-activations `z` come as (N, H, pieces). On the way back the gradient of a unit
# goes to the piece that won, for each row by itself; the others get 0. In a tie it goes
# to the first one.
#
# *Guess first:* with two pieces z and −z, which function is a maxout unit?
#
# <details><summary>Answer</summary>|z|, the absolute value. With z and 0 it is the
# ReLU.</details>


# %% answer="maxout" flag="nnlib torch"
def maxout(z):
    """The largest piece of each unit: (N, H, pieces) -> (N, H)."""
    ### BEGIN SOLUTION
    return z.max(axis=-1)
    ### END SOLUTION


def maxout_backward(dy, z):
    """∂L/∂z of shape (N, H, pieces), for dy of shape (N, H)."""
    ### BEGIN SOLUTION
    winner = z.argmax(axis=-1)[..., None]
    return dy[..., None] * (np.arange(z.shape[-1]) == winner)
    ### END SOLUTION


# %% check="maxout" points=2
z = np.array([[[1.0, 4.0], [-3.0, -2.0]], [[5.0, -6.0], [0.5, 0.5]]])
dy = np.array([[1.0, 2.0], [3.0, -1.0]])
emit("the largest pieces", lambda: maxout(z))
emit("the gradient of the pieces", lambda: maxout_backward(dy, z))
### BEGIN HIDDEN TESTS
z, dy = rng.standard_normal((4, 3, 5)), rng.standard_normal((4, 3))
z[0, 0, 1] = z[0, 0, 3] = 9.0
emit("five pieces", lambda: maxout(z))
emit("their gradient", lambda: maxout_backward(dy, z))
### END HIDDEN TESTS


# %% wrong="maxout"
# The largest piece is meant, not the one with the largest absolute value.
def maxout(z):
    return np.take_along_axis(z, np.abs(z).argmax(-1)[..., None], -1)[..., 0]


def maxout_backward(dy, z):
    winner = np.abs(z).argmax(axis=-1)[..., None]
    return dy[..., None] * (np.arange(z.shape[-1]) == winner)


# %% wrong="maxout"
# You take the maximum over the units; the pieces are on the last axis.
# - return z.max(axis=-1)
# + return z.max(axis=1)

# %% wrong="maxout"
# All pieces get the gradient here. Only the piece that won has a part in the output.
# - return dy[..., None] * (np.arange(z.shape[-1]) == winner)
# + return dy[..., None] * np.ones(z.shape)

# %% wrong="maxout"
# In a tie you send the gradient to every piece that is largest, so that it counts
# twice. It goes to the first one.
# - return dy[..., None] * (np.arange(z.shape[-1]) == winner)
# + return dy[..., None] * (z == z.max(axis=-1)[..., None])

# %% wrong="maxout"
# The losing pieces get the gradient here, and the winner none: it is the other way
# round.
# - return dy[..., None] * (np.arange(z.shape[-1]) == winner)
# + return dy[..., None] * (np.arange(z.shape[-1]) != winner)

# %% wrong="maxout"
# dy is missing: this says only who won.
# - return dy[..., None] * (np.arange(z.shape[-1]) == winner)
# + return 1.0 * (np.arange(z.shape[-1]) == winner)

# %% wrong="maxout"
# You multiply the gradient by z. The slope of the winning piece is 1.
# - return dy[..., None] * (np.arange(z.shape[-1]) == winner)
# + return dy[..., None] * (np.arange(z.shape[-1]) == winner) * z

# %% [markdown]
# ## Exercise 5 · Count the dead
#
# A ReLU unit is **dead** if its output is 0 for every sample. You get the outputs of
# all hidden layers of a network, a list of arrays of shape (N, H), one for each layer,
# and return a list with the fraction of dead units in each.
#
# *Guess first:* in a fresh ReLU network with standard normal inputs, which fraction of
# all *outputs* is 0? And which fraction of *units* is dead?
#
# <details><summary>Answer</summary>About a half, and none or nearly none. A unit that
# is 0 for one sample is at work.</details>


# %% answer="dead_fraction"
def dead_fraction(outputs):
    """Fraction of dead units in each layer: a list of numbers."""
    ### BEGIN SOLUTION
    fractions = []
    for a in outputs:
        dead = (a <= 0).all(axis=0)
        fractions.append(float(dead.mean()))
    return fractions
    ### END SOLUTION


# %% check="dead_fraction" points=2
first = np.array([[0.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.5, 0.0], [0.0, 0.0, 3.0, 0.0]])
second = np.array([[1.0, 0.0], [0.0, 0.0], [2.0, 0.3]])
emit("two small layers", lambda: dead_fraction([first, second]))
### BEGIN HIDDEN TESTS
outputs = []
for width in (int(k) for k in rng.integers(20, 60, size=3)):
    bias = rng.uniform(-6, 0, size=width)
    outputs.append(np.maximum(rng.standard_normal((40, width)) + bias, 0))
emit("three larger layers", lambda: dead_fraction(outputs))
### END HIDDEN TESTS

# %% wrong="dead_fraction"
# You count zeros. A zero for one sample is normal: count the UNITS that are 0 for all
# samples.
# - dead = (a <= 0).all(axis=0)
# + dead = a <= 0

# %% wrong="dead_fraction"
# A unit that is 0 for SOME sample is not dead. It must be 0 for ALL of them.
# - dead = (a <= 0).all(axis=0)
# + dead = (a <= 0).any(axis=0)

# %% wrong="dead_fraction"
# These are samples for which the whole layer is silent. Units are columns: look along
# the rows.
# - dead = (a <= 0).all(axis=0)
# + dead = (a <= 0).all(axis=1)

# %% wrong="dead_fraction"
# This is the fraction of units that live.
# - fractions.append(float(dead.mean()))
# + fractions.append(1 - float(dead.mean()))

# %% wrong="dead_fraction"
# You return how many units are dead, not which fraction.
# - fractions.append(float(dead.mean()))
# + fractions.append(float(dead.sum()))

# %% wrong="dead_fraction"
# One number for each layer was asked for, not one for all.
# - return fractions
# + return float(np.mean(fractions))

# %% [markdown]
# **See what it does.** The digits, a ReLU network, and a learning rate that grows.
# *Guess first:* does death come before or after the error grows?

# %% demo=true
from nnlib.data import digits
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.optim import SGD
from nnlib.train import fit

d = digits(rng=np.random.default_rng(4), device="cpu")
for lr in (0.1, 0.3, 0.6, 1.0, 2.0):
    own = np.random.default_rng(4)
    net = mlp([64, 50, 50, 10], rng=own, device="cpu")
    h = fit(net, softmax_cross_entropy, SGD(lr=lr), d, epochs=5, batch_size=32, rng=own)
    try:
        dead = dead_fraction(net.activations(d.x_train)[1::2])
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break
    shares = ", ".join(f"{share:.0%}" for share in dead)
    print(f"rate {lr}: error {float(h['val_error'][-1]):.0%}, dead units {shares}")

# %% [markdown]
# ## Exercise 6 · What ails this layer?
#
# You see the pre-activations z of one layer, shape (N, H), and the name of its
# activation, `"sigmoid"`, `"tanh"` or `"relu"`. Return the first of these diagnoses
# that fits:
#
# - `"dead"`: a ReLU layer in which more than half of the **units** are not positive for
#   any sample;
# - `"saturated"`: a sigmoid or tanh layer in which more than half of all slopes are
#   below a twentieth of the function's largest slope (¼ for sigmoid, 1 for tanh);
# - `"shifted"`: the mean of the layer's **outputs** is more than half as large as their
#   standard deviation, in absolute value;
# - `"fine"`: none of these.
#
# *Guess first:* a healthy sigmoid layer, pre-activations with mean 0 and standard
# deviation 1. Which diagnosis does it get?
#
# <details><summary>Answer</summary>"shifted": its outputs have mean 0.5 and a standard
# deviation of 0.2. That is the sigmoid's own fault.</details>


# %% answer="diagnose"
def diagnose(activation, z):
    """Return "dead", "saturated", "shifted" or "fine"."""
    ### BEGIN SOLUTION
    if activation == "relu":
        y = np.maximum(z, 0)
        if (z <= 0).all(axis=0).mean() > 0.5:
            return "dead"
    else:
        if activation == "sigmoid":
            y = 0.5 * (1 + np.tanh(0.5 * z))
            slope, largest = y * (1 - y), 0.25
        else:
            y = np.tanh(z)
            slope, largest = 1 - y**2, 1.0
        if (slope < largest / 20).mean() > 0.5:
            return "saturated"
    if abs(y.mean()) > 0.5 * y.std():
        return "shifted"
    return "fine"
    ### END SOLUTION


# %% check="diagnose" points=4
def layer(mean, std, rng, spread=0.0, shape=(200, 40)):
    """Pre-activations; `spread` is the std between the units' own means."""
    own = mean + spread * rng.standard_normal(shape[1])
    return own + std * rng.standard_normal(shape)


fixed = np.random.default_rng(6)
cases = {
    "narrow tanh": ("tanh", layer(0, 0.8, fixed)),
    "wide tanh": ("tanh", layer(0, 8, fixed)),
    "sigmoid around 0": ("sigmoid", layer(0, 1, fixed)),
    "wide sigmoid": ("sigmoid", layer(0, 14, fixed)),
    "not quite so wide": ("sigmoid", layer(0, 5, fixed)),
    "ReLU far below 0": ("relu", layer(-7, 1, fixed)),
    "half of a ReLU's outputs 0": ("relu", layer(0, 1, fixed)),
    "tanh with a push": ("tanh", layer(1, 0.5, fixed)),
    "tanh pulled down": ("tanh", layer(-1, 0.5, fixed)),
    "ReLU, few samples active": ("relu", layer(-2, 1, fixed)),
    "ReLU, most samples active": ("relu", layer(1, 1, fixed)),
}
emit("the diagnoses", lambda: [diagnose(*case) for case in cases.values()])
### BEGIN HIDDEN TESTS
n = (150, 30)
unseen = [
    ("tanh", layer(0, rng.uniform(0.5, 1.0), rng, shape=n)),
    ("tanh", layer(0, rng.uniform(7, 12), rng, shape=n)),
    ("tanh", layer(rng.uniform(-1.2, -0.9), 0.5, rng, shape=n)),
    ("sigmoid", layer(0, rng.uniform(12, 20), rng, shape=n)),
    ("sigmoid", layer(0, rng.uniform(0.5, 2), rng, shape=n)),
    ("sigmoid", layer(0, 5, rng, shape=n)),
    ("relu", layer(rng.uniform(-9, -7), 1, rng, shape=n)),
    ("relu", layer(-2.2, 1, rng, shape=n)),
    ("relu", layer(0, 1, rng, shape=n)),
    ("relu", layer(1.2, 1, rng, shape=n)),
    ("relu", layer(-1.5, 1, rng, spread=0.3, shape=n)),
]
emit("eleven more layers", lambda: [diagnose(*case) for case in unseen])
### END HIDDEN TESTS

# %% wrong="diagnose"
# You call a ReLU layer dead when most of its OUTPUTS are 0. Dead are units that are not
# positive for any sample.
# - if (z <= 0).all(axis=0).mean() > 0.5:
# + if (z <= 0).mean() > 0.5:

# %% wrong="diagnose"
# A unit that is 0 for some sample is alive: it must be so for all of them.
# - if (z <= 0).all(axis=0).mean() > 0.5:
# + if (z <= 0).any(axis=0).mean() > 0.5:

# %% wrong="diagnose"
# The mean of the OUTPUTS counts, not that of the pre-activations: the next layer never
# sees z.
# - if abs(y.mean()) > 0.5 * y.std():
# + if abs(z.mean()) > 0.5 * z.std():

# %% wrong="diagnose"
# A layer can also be shifted downwards: compare the absolute value of the mean.
# - if abs(y.mean()) > 0.5 * y.std():
# + if y.mean() > 0.5 * y.std():

# %% wrong="diagnose"
# The sigmoid's largest slope is a quarter, not 1: a twentieth of it is 0.0125.
# - slope, largest = y * (1 - y), 0.25
# + slope, largest = y * (1 - y), 1.0

# %% wrong="diagnose"
# The slope of tanh is 1 − y².
# - slope, largest = 1 - y**2, 1.0
# + slope, largest = y * (1 - y), 1.0

# %% [markdown]
# ## What you have now
#
# Six functions with gradients that hold for every slope and every size of input, and
# two instruments: one counts the dead, the other reads a layer's pre-activations.
# Chapter 6 follows the gradient through many such layers; the lab there measures it.

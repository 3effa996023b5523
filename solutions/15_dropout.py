# %% [markdown]
# # Lab 15 · Dropout and DropConnect
#
# Dropout is one line of code, and the line has been written wrongly in many ways: with
# the wrong share, the wrong scale, a fresh mask on the way back, or masks left on at
# test time. Most of these mistakes still train. In this lab you write dropout and
# DropConnect, forward and back, and ask a network for its doubts.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 15, NumPy, about 60 minutes.

# %%
import numpy as np

from nnlib.activations import softmax
from nnlib.dropout import Dropout
from nnlib.layers import Activation, Linear
from nnlib.model import Sequential


def small_net(rng, p=0.4, sizes=(6, 30, 3)):
    """A network with dropout behind its hidden layer; it draws masks from rng."""
    d, h, c = sizes
    where = {"rng": rng, "dtype": np.float64, "device": "cpu"}
    return Sequential(
        [
            Linear(d, h, **where),
            Activation("relu"),
            Dropout(p, rng=rng),
            Linear(h, c, **where),
        ]
    )


# %% [markdown]
# ## Exercise 1 · Three conventions
#
# "Dropout of 0.3": three sources mean three different things.
#
# | source | the number is | while training | at test time |
# |---|---|---|---|
# | `"torch"` | the share dropped | survivors scaled up: the mean stays | as is |
# | `"keep_prob"` (TensorFlow 1) | the share kept | the same | as is |
# | `"paper"` (2014) | the share kept | survivors stay as they are | scaled down |
#
# Translate: given the number and the source, return the share that is dropped, the
# factor for survivors while training, and the factor at test time.
#
# *Guess first:* which of the three sources drops most with the number 0.3?
#
# <details><summary>Answer</summary>The two that keep: they drop 0.7.</details>


# %% answer="translate"
def translate(number, source):
    """Return (share dropped, factor while training, factor at test time)."""
    ### BEGIN SOLUTION
    keep = 1 - number if source == "torch" else number
    if source == "paper":
        return 1 - keep, 1.0, keep
    return 1 - keep, 1 / keep, 1.0
    ### END SOLUTION


# %% check="translate" points=2
emit("torch, 0.2", lambda: translate(0.2, "torch"))
emit("keep_prob, 0.8", lambda: translate(0.8, "keep_prob"))
emit("the paper, 0.8", lambda: translate(0.8, "paper"))
### BEGIN HIDDEN TESTS
number = float(np.round(rng.uniform(0.55, 0.95), 3))
emit("torch, any number", lambda: translate(number, "torch"))
emit("keep_prob, any number", lambda: translate(number, "keep_prob"))
emit("the paper, any number", lambda: translate(number, "paper"))
### END HIDDEN TESTS

# %% wrong="translate"
# torch's number is the share that is DROPPED: survivors are scaled by one over the
# share that is kept, 1 / (1 - number).
# - keep = 1 - number if source == "torch" else number
# + keep = number

# %% wrong="translate"
# You read keep_prob as the share that is dropped. Its name says what it is.
# - keep = 1 - number if source == "torch" else number
# + keep = number if source == "paper" else 1 - number

# %% wrong="translate"
# The paper corrects the scale at test time only. You correct it twice, so the test sees
# too little.
# - return 1 - keep, 1.0, keep
# + return 1 - keep, 1 / keep, keep

# %% wrong="translate"
# In the paper's form the sum is too SMALL while training, by the share kept. At test
# time multiply by that share, not by the share dropped.
# - return 1 - keep, 1.0, keep
# + return 1 - keep, 1.0, 1 - keep

# %% wrong="translate"
# The paper scales DOWN at test time: there all units are present.
# - return 1 - keep, 1.0, keep
# + return 1 - keep, 1.0, 1 / keep

# %% wrong="translate"
# Your survivors are scaled by one over the share dropped. It is one over the share
# kept; the two agree only at one half.
# - return 1 - keep, 1 / keep, 1.0
# + return 1 - keep, 1 / (1 - keep), 1.0

# %% [markdown]
# ## Exercise 2 · Dropout, forward
#
# From here on `p` is the share **dropped**. While training, each entry of `x` is set to
# zero with probability p, independently, and the others are scaled so that the mean
# stays. At evaluation nothing happens. Return the output and the mask, which is what
# `x` was multiplied with (ones at evaluation).
#
# *Guess first:* 32 examples, 100 units. How many random numbers do you draw?
#
# <details><summary>Answer</summary>3200: every example has its own mask.</details>


# %% answer="dropout_forward" flag="nnlib.dropout Dropout keep_mask"
def dropout_forward(x, p, train, rng):
    """Return (y, mask), both of the shape of x; y = x * mask.

    x: (N, H); p: probability to drop; train: True or False; rng: a NumPy generator
    """
    ### BEGIN SOLUTION
    if not train:
        return x, np.ones_like(x)
    kept = rng.random(x.shape) >= p
    mask = kept / (1 - p)
    return x * mask, mask
    ### END SOLUTION


# %% check="dropout_forward" points=3
X = np.linspace(1.0, 2.0, 400 * 100).reshape(400, 100)


def forward(p, train=True, x=X):
    """Output and mask of the learner's dropout."""
    return dropout_forward(x, p, train, rng)


def differing(p):
    """How many different rows the mask has: one number for each example?"""
    return len(np.unique(np.asarray(forward(p)[1]) > 0, axis=0))


def consistent(p):
    """Largest difference between the output and x times the mask."""
    y, mask = forward(p)
    return float(np.abs(np.asarray(y) - X * mask).max())


emit("share of zeros", lambda: (forward(0.2)[0] == 0).mean(), rtol=0, atol=0.02)
emit("the largest factor", lambda: (forward(0.2)[0] / X).max(), rtol=1e-6)
emit("the mean", lambda: forward(0.2)[0].mean(), rtol=0.02)
emit("evaluation", lambda: forward(0.2, train=False)[0].sum(), rtol=1e-9)
emit("masks that differ", lambda: differing(0.2))
emit("the mean of a mask", lambda: np.mean(forward(0.2)[1]), rtol=0.02)
### BEGIN HIDDEN TESTS
q = float(rng.uniform(0.6, 0.7))
emit("any share of zeros", lambda: (forward(q)[0] == 0).mean(), rtol=0, atol=0.02)
emit("the factor for any p", lambda: (forward(q)[0] / X).max(), rtol=1e-6)
emit("the mean for any p", lambda: forward(q)[0].mean(), rtol=0.04)
emit("the mean of the mask", lambda: np.mean(forward(q)[1]), rtol=0.04)
emit("the output and the mask", lambda: consistent(q), rtol=0, atol=1e-9)
emit("evaluation, any p", lambda: forward(q, train=False)[0].sum(), rtol=1e-9)
emit("mask at evaluation", lambda: np.mean(forward(q, train=False)[1]), rtol=1e-9)
emit("as many masks as examples", lambda: differing(q))
### END HIDDEN TESTS

# %% wrong="dropout_forward"
# You scale by 1 / p. p is the share dropped: the scale is one over the share kept. At
# p = 0.5 the two agree, so this slip is found late.
# - mask = kept / (1 - p)
# + mask = kept / p

# %% wrong="dropout_forward"
# Survivors are not scaled, so the next layer receives less while training than at
# evaluation.
# - mask = kept / (1 - p)
# + mask = kept * 1.0

# %% wrong="dropout_forward"
# p is the probability to DROP: you keep this share instead.
# - kept = rng.random(x.shape) >= p
# + kept = rng.random(x.shape) < p

# %% wrong="dropout_forward"
# All examples of your batch share one mask. Draw an entry for each example and unit.
# - kept = rng.random(x.shape) >= p
# + kept = np.broadcast_to(rng.random(x.shape[-1]) >= p, x.shape)

# %% wrong="dropout_forward"
# Your masks drop whole examples. Draw an entry for each example and unit.
# - kept = rng.random(x.shape) >= p
# + kept = np.broadcast_to(rng.random((len(x), 1)) >= p, x.shape)

# %% wrong="dropout_forward"
# Evaluation must not drop anything: its answer would be random.
# - if not train:
# - return x, np.ones_like(x)
# + pass

# %% wrong="dropout_forward"
# The scale was corrected while training. At evaluation you correct it once more.
# - return x, np.ones_like(x)
# + return x * (1 - p), np.ones_like(x) * (1 - p)

# %% wrong="dropout_forward"
# The output is scaled, but your mask is not: the way back needs what x was multiplied
# with.
# - return x * mask, mask
# + return x * mask, kept * 1.0

# %% wrong="dropout_forward"
# rng.normal is no coin: you drop entries below p on a normal scale, and that is a much
# larger share. Use rng.random.
# - kept = rng.random(x.shape) >= p
# + kept = rng.standard_normal(x.shape) >= p

# %% [markdown]
# ## Exercise 3 · Dropout, backward
#
# y = x · mask, entry by entry. What is the gradient with respect to x?
#
# *Guess first:* what does a unit learn from an example for which it was dropped?
#
# <details><summary>Answer</summary>Nothing: its gradient is 0 for this
# example.</details>


# %% answer="dropout_backward" flag="nnlib.dropout Dropout"
def dropout_backward(dy, mask):
    """Return dx from dy and the mask of the forward pass."""
    ### BEGIN SOLUTION
    return dy * mask
    ### END SOLUTION


# %% check="dropout_backward" points=1
dy = np.arange(12.0).reshape(3, 4) + 1
mask = np.array([[0, 1.25, 1.25, 0], [1.25, 1.25, 0, 1.25], [1.25, 0, 0, 1.25]])
emit("the gradient", lambda: dropout_backward(dy, mask))
### BEGIN HIDDEN TESTS
keep = float(rng.uniform(0.2, 0.9))
dy2 = rng.standard_normal((7, 5))
mask2 = (rng.random((7, 5)) < keep) / keep
emit("any gradient", lambda: dropout_backward(dy2, mask2))
emit("evaluation", lambda: dropout_backward(dy2, np.ones((7, 5))))
### END HIDDEN TESTS

# %% wrong="dropout_backward"
# The scale of the survivors is missing: x was multiplied by the whole mask, so dy must
# be, too.
# - return dy * mask
# + return dy * (mask > 0)

# %% wrong="dropout_backward"
# The mask is not part of your gradient: dropped units would learn from errors that they
# had no part in.
# - return dy * mask
# + return dy

# %% wrong="dropout_backward"
# You divide where the chain rule multiplies.
# - return dy * mask
# + return np.where(mask > 0, dy / np.maximum(mask, 1e-9), 0)

# %% [markdown]
# ## Exercise 4 · DropConnect
#
# Now the **weights** are dropped: z = x (M ⊙ W) + b with a mask of the shape of W,
# scaled like before, one mask for the batch. Return z, and the gradients for a given
# dz.
#
# *Guess first:* `W` is (100, 50), p = 0.5. Roughly how many entries of z are exactly 0?
#
# <details><summary>Answer</summary>None. Each unit still adds up about 50
# terms.</details>


# %% answer="dropconnect" flag="nnlib.dropout DropConnect"
def dropconnect(x, W, b, dz, p, rng):
    """One training pass. Return (z, dx, dW, db).

    x: (N, D); W: (D, H); b: (H,); dz: (N, H), the gradient that comes from above
    """
    ### BEGIN SOLUTION
    M = (rng.random(W.shape) >= p) / (1 - p)
    z = x @ (M * W) + b
    dx = dz @ (M * W).T
    dW = M * (x.T @ dz)
    db = dz.sum(axis=0)
    return z, dx, dW, db
    ### END SOLUTION


# %% check="dropconnect" points=4
def sample(n, d, h):
    """x, W, b, dz with positive numbers, so that no sum is zero by chance."""
    return (
        rng.uniform(1, 2, (n, d)),
        rng.uniform(1, 2, (d, h)),
        rng.uniform(1, 2, h),
        rng.uniform(1, 2, (n, h)),
    )


def passed(args, p):
    """The four results as arrays."""
    return [np.asarray(v) for v in dropconnect(*args, p, rng)]


def dropped(args, p):
    """Share of weights without a gradient."""
    return (passed(args, p)[2] == 0).mean()


def whole_rows(args, p):
    """Share of inputs that lose all their weights at once."""
    return (passed(args, p)[2] == 0).all(axis=1).mean()


def scale(args, p):
    """How much larger a surviving weight's gradient is than without a mask."""
    return (passed(args, p)[2] / (args[0].T @ args[3])).max()


def agreement(args, p):
    """The mask seen in dW, put into z and dx: largest differences."""
    x, W, b, dz = args
    z, dx, dW, _ = passed(args, p)
    M = dW / (x.T @ dz)
    return [np.abs(z - x @ (M * W) - b).max(), np.abs(dx - dz @ (M * W).T).max()]


args = sample(6, 200, 100)
emit("the mean of z", lambda: passed(args, 0.2)[0].mean(), rtol=0.02)
emit("share of dropped weights", lambda: dropped(args, 0.2), rtol=0, atol=0.02)
emit("inputs without any weight", lambda: whole_rows(args, 0.5), rtol=0, atol=0.02)
emit("the scale of a survivor", lambda: scale(args, 0.2), rtol=1e-6)
emit("one mask for z, dx and dW", lambda: agreement(args, 0.2), rtol=0, atol=1e-6)
emit("the bias", lambda: passed(args, 0.2)[3])
### BEGIN HIDDEN TESTS
q = float(rng.uniform(0.6, 0.75))
other = sample(5, 150, 120)
emit("the mean of z, any p", lambda: passed(other, q)[0].mean(), rtol=0.03)
emit("the mean of dx", lambda: passed(other, q)[1].mean(), rtol=0.03)
emit("the mean of dW", lambda: passed(other, q)[2].mean(), rtol=0.05)
emit("any share of weights", lambda: dropped(other, q), rtol=0, atol=0.02)
emit("the scale, any p", lambda: scale(other, q), rtol=1e-6)
emit("the same mask three times", lambda: agreement(other, q), rtol=0, atol=1e-6)
emit("the gradient of the bias", lambda: passed(other, q)[3])
### END HIDDEN TESTS

# %% wrong="dropconnect"
# This is dropout on the inputs: whole rows of W are dropped. Every weight needs its own
# coin.
# - M = (rng.random(W.shape) >= p) / (1 - p)
# + M = np.broadcast_to((rng.random((len(W), 1)) >= p) / (1 - p), W.shape)

# %% wrong="dropconnect"
# You scale by 1 / p; the scale is one over the share KEPT.
# - M = (rng.random(W.shape) >= p) / (1 - p)
# + M = (rng.random(W.shape) >= p) / p

# %% wrong="dropconnect"
# A scale is missing: survivors are multiplied by 1 / (1 - p), in z, dx and dW alike.
# - M = (rng.random(W.shape) >= p) / (1 - p)
# + M = (rng.random(W.shape) >= p) * 1.0

# %% wrong="dropconnect"
# p is the share dropped: you keep it.
# - M = (rng.random(W.shape) >= p) / (1 - p)
# + M = (rng.random(W.shape) < p) / (1 - p)

# %% wrong="dropconnect"
# A weight that took no part gets no gradient: dW needs the mask.
# - dW = M * (x.T @ dz)
# + dW = x.T @ dz

# %% wrong="dropconnect"
# Survivors are multiplied by 1 / (1 - p) in z, so the gradient of a weight has this
# factor, too: dW needs the whole mask, not only its zeros.
# - dW = M * (x.T @ dz)
# + dW = (M > 0) * (x.T @ dz)

# %% wrong="dropconnect"
# On the way back the error must go through the weights that were there: dx needs the
# mask.
# - dx = dz @ (M * W).T
# + dx = dz @ W.T

# %% wrong="dropconnect"
# You draw a new mask for the way back. Then the gradient belongs to another network.
# - dx = dz @ (M * W).T
# + M = (rng.random(W.shape) >= p) / (1 - p)
# + dx = dz @ (M * W).T

# %% wrong="dropconnect"
# The bias has no mask here: its gradient is the sum over the examples, not the mean.
# - db = dz.sum(axis=0)
# + db = dz.mean(axis=0)

# %% wrong="dropconnect"
# You mask the pre-activations. That is dropout; DropConnect masks the weights.
# - z = x @ (M * W) + b
# + z = (x @ W) * ((rng.random((len(x), W.shape[1])) >= p) / (1 - p)) + b

# %% [markdown]
# ## Exercise 5 · Ask twice, and a hundred times more
#
# *Monte Carlo dropout:* leave the masks on at test time, ask k times, and look at the
# answers. Their mean is a prediction, and their spread a measure of doubt. Return, for
# each example and class, the mean and the standard deviation of the **probabilities**
# over the k answers. `model.forward(x, train=True)` gives logits with masks.
#
# *Guess first:* what is the standard deviation if you call `model(x)` instead?
#
# <details><summary>Answer</summary>Exactly 0: without masks all answers are
# equal.</details>


# %% answer="mc_dropout"
def mc_dropout(model, x, k):
    """Return (mean, standard deviation) of the probabilities, both (N, C)."""
    ### BEGIN SOLUTION
    answers = np.stack([softmax(model.forward(x, train=True)) for _ in range(k)])
    return answers.mean(axis=0), answers.std(axis=0)
    ### END SOLUTION


# %% check="mc_dropout" points=3
def asked(seed, k=1500, n=4):
    """Mean and standard deviation of a network's answers, in one array."""
    own = np.random.default_rng(seed)
    model, x = small_net(own), 2 * own.standard_normal((n, 6))
    return [np.asarray(v) for v in mc_dropout(model, x, k)]


def largest(seed):
    """The largest sum of a row of mean probabilities."""
    return asked(seed, k=20)[0].sum(axis=-1).max()


emit("the shapes", lambda: [v.shape for v in asked(1, k=20)])
emit("the mean", lambda: asked(1)[0], rtol=0, atol=0.03)
emit("the doubt", lambda: asked(1)[1], rtol=0, atol=0.03)
### BEGIN HIDDEN TESTS
seed = int(rng.integers(10**6))
emit("any mean", lambda: asked(seed)[0], rtol=0, atol=0.03)
emit("any doubt", lambda: asked(seed)[1], rtol=0, atol=0.03)
emit("sums of probabilities", lambda: largest(seed), rtol=1e-6)
### END HIDDEN TESTS

# %% wrong="mc_dropout"
# You ask without masks: all k answers are equal and nothing is in doubt. Use
# model.forward(x, train=True).
# - answers = np.stack([softmax(model.forward(x, train=True)) for _ in range(k)])
# + answers = np.stack([softmax(model(x)) for _ in range(k)])

# %% wrong="mc_dropout"
# You average the logits and take the softmax then. That is the geometric mean of the
# answers, and the spread is that of logits: turn each answer into probabilities first.
# - answers = np.stack([softmax(model.forward(x, train=True)) for _ in range(k)])
# - return answers.mean(axis=0), answers.std(axis=0)
# + answers = np.stack([model.forward(x, train=True) for _ in range(k)])
# + return softmax(answers.mean(axis=0)), answers.std(axis=0)

# %% wrong="mc_dropout"
# The variance was not asked for: the standard deviation is its root.
# - return answers.mean(axis=0), answers.std(axis=0)
# + return answers.mean(axis=0), answers.var(axis=0)

# %% wrong="mc_dropout"
# The doubt of a mean shrinks with k; the doubt of the network does not. Do not divide
# by the root of k.
# - return answers.mean(axis=0), answers.std(axis=0)
# + return answers.mean(axis=0), answers.std(axis=0) / np.sqrt(k)

# %% wrong="mc_dropout"
# You have asked once and copied the answer k times: call the model k times.
# - answers = np.stack([softmax(model.forward(x, train=True)) for _ in range(k)])
# + answers = np.stack([softmax(model.forward(x, train=True))] * k)

# %% [markdown]
# ## Exercise 6 · What dropout minimizes
#
# Linear regression with dropout on its inputs: the prediction is Σ wᵢ mᵢ xᵢ. Compute
# the **expected** loss, the mean over the examples of E[(prediction − t)²], in closed
# form: the squared error without masks plus the variance that the masks add. No random
# numbers.
#
# *Guess first:* two weights of 1, or one of 2: which does dropout prefer if both inputs
# are always 1?
#
# <details><summary>Answer</summary>Two of 1: the sum of squares is 2 instead of
# 4.</details>


# %% answer="expected_loss"
def expected_loss(w, x, t, p):
    """Mean over examples of the expected squared error.

    w: (D,); x: (N, D); t: (N,); p: probability to drop
    """
    ### BEGIN SOLUTION
    error = (x @ w - t) ** 2
    variance = p / (1 - p) * (x**2 @ w**2)
    return float((error + variance).mean())
    ### END SOLUTION


# %% check="expected_loss" points=3
w, x = np.array([1.0, -2.0, 1.5]), np.array([[1.0, 0.5, 2.0], [0.0, 1.0, -1.0]])
t = np.array([0.5, -1.0])
emit("without dropout", lambda: expected_loss(w, x, t, 0.0))
emit("p = 0.2", lambda: expected_loss(w, x, t, 0.2))
### BEGIN HIDDEN TESTS
n, d = int(rng.integers(4, 9)), int(rng.integers(3, 7))
w2, x2 = rng.standard_normal(d), rng.standard_normal((n, d)) + 0.7
t2, p2 = rng.standard_normal(n), float(rng.uniform(0.1, 0.45))
emit("any problem", lambda: expected_loss(w2, x2, t2, p2))
emit("any large p", lambda: expected_loss(w2, x2, t2, p2 + 0.5))
emit("no dropout", lambda: expected_loss(w2, x2, t2, 0.0))
### END HIDDEN TESTS

# %% wrong="expected_loss"
# The variance of a mask is p / (1 - p): survivors are scaled up, which makes them
# noisier than p (1 - p).
# - variance = p / (1 - p) * (x**2 @ w**2)
# + variance = p * (1 - p) * (x**2 @ w**2)

# %% wrong="expected_loss"
# You have the odds upside down: with p near 0 there is hardly any noise.
# - variance = p / (1 - p) * (x**2 @ w**2)
# + variance = (1 - p) / max(p, 1e-12) * (x**2 @ w**2)

# %% wrong="expected_loss"
# This is a plain L2 penalty. An input that is larger makes its weight's noise larger:
# every weight is multiplied by its input.
# - variance = p / (1 - p) * (x**2 @ w**2)
# + variance = p / (1 - p) * (w**2).sum()

# %% wrong="expected_loss"
# The noise of the terms is independent, so their VARIANCES add up: square each term,
# then add.
# - variance = p / (1 - p) * (x**2 @ w**2)
# + variance = p / (1 - p) * (x @ w) ** 2

# %% wrong="expected_loss"
# The mean over the examples was asked for, not the sum.
# - return float((error + variance).mean())
# + return float((error + variance).sum())

# %% wrong="expected_loss"
# The penalty for the noise is missing: this is the loss without dropout.
# - return float((error + variance).mean())
# + return float(error.mean())

# %% [markdown]
# **See what it does.** Your closed form beside the average over many masks, for one
# weight vector.

# %% demo=true
own = np.random.default_rng(15)
x_demo, w_demo = own.standard_normal((50, 8)), own.standard_normal(8)
t_demo = x_demo @ np.ones(8)
for p in (0.1, 0.3, 0.5):
    masks = (own.random((4000, *x_demo.shape)) >= p) / (1 - p)
    measured = (((x_demo * masks) @ w_demo - t_demo) ** 2).mean()
    try:
        formula = expected_loss(w_demo, x_demo, t_demo, p)
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break
    print(f"p = {p}: 4000 masks {measured:.2f}, your formula {formula:.2f}")

# %% [markdown]
# ## What you have now
#
# Dropout and DropConnect in both directions, a translation between the conventions, a
# way to ask a network for its doubts, and the penalty that hides behind the noise. What
# you do not have is a promise that the error falls: chapter 15 shows when it does.

# %% [markdown]
# # Lab 21 · Ensembles
#
# Ten networks in a row of files are not an ensemble yet. Somebody has to combine their
# answers, and the code that does it is short and easy to get wrong: it averages the
# wrong thing, breaks ties by accident, leaves the model with another one's weights. In
# this lab you write it, and the two ways to get more than one answer from one run.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 21, NumPy, about 60 minutes.

# %%
import numpy as np

from nnlib.layers import Activation, Linear
from nnlib.model import Sequential, mlp
from nnlib.norm import BatchNorm1d


def some_logits(rng, members=5, images=8, classes=4, scale=2.0):
    """Logits of an ensemble: (members, images, classes)."""
    return scale * rng.standard_normal((members, images, classes))


def probabilities(rng, members=5, images=8, classes=4):
    """Probabilities of an ensemble, without a tie in the mean."""
    return rng.dirichlet(np.ones(classes), size=(members, images))


# %% [markdown]
# ## Exercise 1 · Average
#
# The members' logits come as an array `(K, N, C)`: members, images, classes. Return the
# mean of their **probabilities**, `(N, C)`. Logits may be large, such as 1000.
#
# *Guess first:* one member is certain of class 0 (logits 100 and 0), another cannot
# decide (0 and 0). What is the mean probability of class 0? And what would the softmax
# of the mean logits be?
#
# <details><summary>Answer</summary>0.75. The mean logits are 50 and 0, and their
# softmax is 1.00: one certain member would outvote everybody.</details>


# %% answer="average_probs" flag="average_probabilities nnlib.ensemble"
def average_probs(logits):
    """Mean probabilities (N, C) of an ensemble with logits (K, N, C)."""
    ### BEGIN SOLUTION
    z = logits - logits.max(axis=-1, keepdims=True)
    e = np.exp(z)
    p = e / e.sum(axis=-1, keepdims=True)
    return p.mean(axis=0)
    ### END SOLUTION


# %% check="average_probs" points=2
quiet = np.random.default_rng(1)
emit("three members, two classes", lambda: average_probs(some_logits(quiet, 3, 2, 2)))
emit("the shape", lambda: average_probs(some_logits(quiet, 3, 5, 4)).shape)
emit("large logits", lambda: average_probs(np.array([[[1e3, 0.0]], [[1.0, 0.0]]])))
### BEGIN HIDDEN TESTS
z = some_logits(rng)
emit("any ensemble", lambda: average_probs(z))
emit("as many members as classes", lambda: average_probs(some_logits(rng, 4, 4, 4)))
emit("very large logits", lambda: average_probs(800 * z))
### END HIDDEN TESTS

# %% wrong="average_probs"
# You average the logits and take the softmax of the mean. That is a geometric mean of
# the probabilities: average after the softmax.
# - return p.mean(axis=0)
# + m = np.exp(z.mean(axis=0))
# + return m / m.sum(axis=-1, keepdims=True)

# %% wrong="average_probs"
# Your mean runs over the images. The members are the first axis.
# - return p.mean(axis=0)
# + return p.mean(axis=1)

# %% wrong="average_probs"
# exp(1000) overflows, and inf / inf is nan: subtract each row's largest logit first.
# - z = logits - logits.max(axis=-1, keepdims=True)
# + z = logits

# %% wrong="average_probs"
# Your softmax is normalized over the members. Over the classes, the last axis, the
# probabilities must sum to one.
# - p = e / e.sum(axis=-1, keepdims=True)
# + p = e / e.sum(axis=0, keepdims=True)

# %% wrong="average_probs"
# You add the members' probabilities: divide by their number.
# - return p.mean(axis=0)
# + return p.sum(axis=0)

# %% [markdown]
# ## Exercise 2 · Vote
#
# Each member names its most probable class; the class with the most votes wins. In a
# **tie**, take the one of the tied classes that has the largest mean probability over
# all members.
#
# *Guess first:* five members, three classes. Two vote for A, two for B, one for C. The
# mean probabilities are 0.30, 0.25 and 0.45. Who wins?
#
# <details><summary>Answer</summary>A. C has the largest mean but only one vote: it is
# not among the tied classes.</details>


# %% answer="majority_vote" flag="nnlib.ensemble"
def majority_vote(p):
    """Winning class of each image, (N,), from probabilities (K, N, C)."""
    ### BEGIN SOLUTION
    classes = np.arange(p.shape[-1])
    choices = p.argmax(axis=-1)
    votes = (choices[..., None] == classes).sum(axis=0)
    tied = votes == votes.max(axis=-1, keepdims=True)
    mean = p.mean(axis=0)
    return np.where(tied, mean, -1.0).argmax(axis=-1)
    ### END SOLUTION


# %% check="majority_vote" points=3
quiet = np.random.default_rng(5)
few = probabilities(quiet, 4, 30, 3)  # many ties
split = np.array(
    [[0.5, 0.05, 0.45], [0.5, 0.05, 0.45], [0.1, 0.5, 0.4], [0.05, 0.53, 0.42]]
)
emit("four members, thirty images", lambda: majority_vote(few))
emit("two against two", lambda: majority_vote(split[:, None]))
emit("the shape", lambda: majority_vote(few).shape)
emit("one member", lambda: majority_vote(few[:1]))
### BEGIN HIDDEN TESTS
p = probabilities(rng, 4, 60, 3)
q = probabilities(rng, 5, 60, 4)
emit("an even number of members", lambda: majority_vote(p))
emit("an odd number of members", lambda: majority_vote(q))
emit("two members", lambda: majority_vote(q[:2]))
### END HIDDEN TESTS

# %% wrong="majority_vote"
# Your ties go to the class with the smallest number: argmax takes the first of equal
# values. Ask the mean probability.
# - return np.where(tied, mean, -1.0).argmax(axis=-1)
# + return votes.argmax(axis=-1)

# %% wrong="majority_vote"
# This is the average, not a vote: each member has one vote, however sure it is.
# - return np.where(tied, mean, -1.0).argmax(axis=-1)
# + return mean.argmax(axis=-1)

# %% wrong="majority_vote"
# In a tie you take the largest mean of ALL classes: only the tied ones may win.
# - return np.where(tied, mean, -1.0).argmax(axis=-1)
# + ties = tied.sum(axis=-1) > 1
# + return np.where(ties, mean.argmax(axis=-1), votes.argmax(axis=-1))

# %% wrong="majority_vote"
# You break ties by the surest single member: take the mean over all members.
# - mean = p.mean(axis=0)
# + mean = p.max(axis=0)

# %% wrong="majority_vote"
# You count the votes over the images instead of the members.
# - votes = (choices[..., None] == classes).sum(axis=0)
# + votes = (choices[..., None] == classes).sum(axis=1)

# %% [markdown]
# ## Exercise 3 · Where the gain comes from
#
# For squared errors, exactly: ensemble = members − ambiguity. Given probabilities
# `(K, N, C)` and one-hot targets `(N, C)`, return the three numbers. Each is a squared
# distance **summed over the classes** and averaged over the images (and, where there
# are members, over the members).
#
# *Guess first:* all members give the same answer. What is the ambiguity, and what does
# the ensemble gain?
#
# <details><summary>Answer</summary>0, and nothing.</details>


# %% answer="ambiguity" flag="nnlib.ensemble"
def ambiguity(p, target):
    """Return (ensemble, members, ambiguity) of p (K, N, C) for targets (N, C)."""
    ### BEGIN SOLUTION
    mean = p.mean(axis=0)
    ensemble = ((mean - target) ** 2).sum(axis=-1).mean()
    members = ((p - target) ** 2).sum(axis=-1).mean()
    spread = ((p - mean) ** 2).sum(axis=-1).mean()
    return float(ensemble), float(members), float(spread)
    ### END SOLUTION


# %% check="ambiguity" points=2
quiet = np.random.default_rng(3)
p = probabilities(quiet)
target = np.eye(4)[quiet.integers(0, 4, 8)]
emit("five members", lambda: ambiguity(p, target))
emit("members that agree", lambda: ambiguity(p[[0, 0, 0]], target))
### BEGIN HIDDEN TESTS
p = probabilities(rng, 7, 20, 5)
target = np.eye(5)[rng.integers(0, 5, 20)]
emit("seven members", lambda: ambiguity(p, target))
emit("two members", lambda: ambiguity(p[:2], target))
emit("only the ambiguity", lambda: ambiguity(p[2:5], target)[2])
### END HIDDEN TESTS

# %% wrong="ambiguity"
# Your members' error is the error of the mean, squared last. Square each member's error
# first, then average.
# - members = ((p - target) ** 2).sum(axis=-1).mean()
# + members = ((p - target).mean(axis=0) ** 2).sum(axis=-1).mean()

# %% wrong="ambiguity"
# You divide the ambiguity by K - 1, as for an unbiased variance. The identity is exact
# only with K.
# - spread = ((p - mean) ** 2).sum(axis=-1).mean()
# + spread = p.var(axis=0, ddof=min(1, len(p) - 1)).sum(axis=-1).mean()

# %% wrong="ambiguity"
# You average over the classes: sum over them, and average over images and members.
# - ensemble = ((mean - target) ** 2).sum(axis=-1).mean()
# - members = ((p - target) ** 2).sum(axis=-1).mean()
# - spread = ((p - mean) ** 2).sum(axis=-1).mean()
# + ensemble = ((mean - target) ** 2).mean()
# + members = ((p - target) ** 2).mean()
# + spread = ((p - mean) ** 2).mean()

# %% wrong="ambiguity"
# The order is (ensemble, members, ambiguity).
# - return float(ensemble), float(members), float(spread)
# + return float(members), float(ensemble), float(spread)

# %% wrong="ambiguity"
# Your ambiguity is a standard deviation: leave it squared.
# - spread = ((p - mean) ** 2).sum(axis=-1).mean()
# + spread = ((p - mean) ** 2).sum(axis=-1).mean() ** 0.5

# %% [markdown]
# ## Exercise 4 · Snapshots
#
# `states` is a list of what `model.state()` returned at several moments of one run.
# Give the model each of them in turn (`model.load_state(state)`), compute `model(x)`,
# and average the probabilities. **Afterwards the model must be as it was before**: it
# may be in the middle of its training.
#
# *Guess first:* what is the sign that you forgot the last sentence?
#
# <details><summary>Answer</summary>Training goes on from an old snapshot: the loss
# jumps back after each evaluation, and nobody looks for the reason there.</details>


# %% answer="snapshot_ensemble" flag="Snapshots preserved nnlib.ensemble"
def snapshot_ensemble(model, states, x):
    """Mean probabilities (N, C) of the model in all the states; it stays as it is."""
    ### BEGIN SOLUTION
    kept = model.state()
    answers = []
    for state in states:
        model.load_state(state)
        answers.append(model(x))
    model.load_state(kept)
    return average_probs(np.stack(answers))
    ### END SOLUTION


# %% check="snapshot_ensemble" points=3
def a_run(rng, copies=4):
    """A model, states of its past, and inputs."""
    model = mlp([6, 7, 3], rng=rng, dtype=np.float64, device="cpu")
    states = []
    for _ in range(copies):
        model.params[...] += 0.7 * rng.standard_normal(model.params.shape)
        states.append(model.state())
    model.params[...] += 0.7 * rng.standard_normal(model.params.shape)
    return model, states, rng.standard_normal((5, 6))


def left_behind(model, states, x):
    """The model's own answer after your function."""
    snapshot_ensemble(model, states, x)
    return model(x)


quiet = np.random.default_rng(4)
run = a_run(quiet)
now = run[0].state()
emit("four snapshots", lambda: snapshot_ensemble(*run))
run[0].load_state(now)
emit("the model afterwards", lambda: left_behind(*run))
### BEGIN HIDDEN TESTS
run = a_run(rng, 3)
now = run[0].state()
emit("any snapshots", lambda: snapshot_ensemble(*run))
run[0].load_state(now)
emit("afterwards", lambda: left_behind(*run))
run[0].load_state(now)
emit("a single snapshot", lambda: snapshot_ensemble(run[0], run[1][:1], run[2]))
### END HIDDEN TESTS

# %% wrong="snapshot_ensemble"
# The model is left with the weights of the last snapshot: keep model.state() first and
# load it at the end.
# - model.load_state(kept)
# + pass

# %% wrong="snapshot_ensemble"
# You average the weights and ask once. A snapshot ensemble averages the answers.
# - for state in states:
# - model.load_state(state)
# - answers.append(model(x))
# + mean = {k: np.mean([s[k] for s in states], axis=0) for k in kept}
# + model.load_state(mean)
# + answers.append(model(x))

# %% wrong="snapshot_ensemble"
# You average the logits: average the probabilities, as in exercise 1.
# - return average_probs(np.stack(answers))
# + return average_probs(np.mean(answers, axis=0)[None])

# %% wrong="snapshot_ensemble"
# The model as it is now is not one of the snapshots: leave its own answer out.
# - answers = []
# + answers = [model(x)]

# %% wrong="snapshot_ensemble"
# All your answers are those of the model as it is now: load a state before each.
# - model.load_state(state)
# + pass

# %% [markdown]
# ## Exercise 5 · A running mean of weights
#
# SWA needs the mean of the weights along a run, without keeping them all. `mean` is the
# mean of the first `n` weight vectors, `weights` the next one. Return the mean of all
# n + 1. At the start, n is 0 and `mean` is None.
#
# *Guess first:* after 99 weight vectors, how much does the hundredth move the mean? And
# in an exponential moving average with decay 0.9?
#
# <details><summary>Answer</summary>By 1/100 of its distance from the mean; with the
# decay always by 1/10.</details>


# %% answer="swa_update" flag="SWA nnlib.snapshots nnlib.ensemble"
def swa_update(mean, n, weights):
    """Mean of n + 1 weight vectors, from the mean of the first n; a new array."""
    ### BEGIN SOLUTION
    if n == 0:
        return weights.copy()
    share = 1 / (n + 1)
    return mean + (weights - mean) * share
    ### END SOLUTION


# %% check="swa_update" points=2
def along(path):
    """The running mean after the whole path."""
    mean = None
    for n, weights in enumerate(path):
        mean = swa_update(mean, n, weights)
    return mean


def in_one_array(path):
    """The same, where the run changes its weights in place."""
    mean, weights = None, np.zeros(path.shape[1])
    for n, point in enumerate(path):
        weights[...] = point
        mean = swa_update(mean, n, weights)
    return mean


quiet = np.random.default_rng(6)
path = quiet.standard_normal((4, 3)).cumsum(axis=0)
emit("four weight vectors", lambda: along(path))
emit("one weight vector", lambda: along(path[:1]))
emit("weights changed in place", lambda: in_one_array(path))
### BEGIN HIDDEN TESTS
path = rng.standard_normal((6, 5)).cumsum(axis=0)
emit("six weight vectors", lambda: along(path))
emit("two weight vectors", lambda: along(path[:2]))
emit("in place", lambda: in_one_array(path))
### END HIDDEN TESTS

# %% wrong="swa_update"
# The new one is number n + 1: it counts 1 / (n + 1), not 1 / n.
# - share = 1 / (n + 1)
# + share = 1 / n

# %% wrong="swa_update"
# You take the middle of the mean and the new weights: the last ones then count far more
# than the first ones. This is an exponential average.
# - share = 1 / (n + 1)
# + share = 1 / 2

# %% wrong="swa_update"
# You have the two shares the wrong way round: the old mean stands for n vectors, the
# new weights for one.
# - return mean + (weights - mean) * share
# + return weights + (mean - weights) * share

# %% wrong="swa_update"
# You return the run's own array at the start, and the run changes it under your hands:
# return a copy.
# - return weights.copy()
# + return weights

# %% wrong="swa_update"
# You add up without dividing: this is the sum of the weights.
# - return mean + (weights - mean) * share
# + return mean + weights

# %% [markdown]
# ## Exercise 6 · New statistics
#
# Averaged weights have activations of their own, so the running mean and variance of
# every BatchNorm layer must be measured again. A forward pass with `train=True` does
#
# running ← (1 − m) · running + m · (statistics of this batch), with m =
# `layer.momentum`.
#
# Write `renew(model, batches)`: afterwards the running statistics are the plain mean
# over the batches, and `layer.momentum` is what it was. BatchNorm layers are those with
# `"running_mean" in layer.buffers`.
#
# *Guess first:* which m do the first, the second and the third batch need?
#
# <details><summary>Answer</summary>1, 1/2, 1/3: the running mean of exercise 5. The
# first forgets all that was there before.</details>


# %% answer="renew" flag="update_batchnorm nnlib.snapshots nnlib.ensemble"
def renew(model, batches):
    """Set the running statistics to their plain mean over the batches, in place."""
    norms = [layer for layer in model.layers if "running_mean" in layer.buffers]
    ### BEGIN SOLUTION
    kept = [norm.momentum for norm in norms]
    for i, batch in enumerate(batches):
        for norm in norms:
            norm.momentum = 1 / (i + 1)
        model.forward(batch, train=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    ### END SOLUTION


# %% check="renew" points=3
def normed(rng):
    """A network with two BatchNorm layers and statistics that do not fit."""
    layers = []
    for d_in, d_out in ((4, 5), (5, 3)):
        layers += [
            Linear(d_in, d_out, rng=rng, dtype=np.float64, device="cpu"),
            BatchNorm1d(d_out, dtype=np.float64, device="cpu"),
            Activation("relu"),
        ]
    model = Sequential(layers)
    for layer in model.layers:
        for value in layer.buffers.values():
            value[...] = 5.0
    return model


def statistics(model, batches):
    """All running statistics after your function, in one row."""
    renew(model, batches)
    buffers = [layer.buffers for layer in model.layers]
    return np.concatenate([v.ravel() for b in buffers for v in b.values()])


def momenta(model, batches):
    """The momentum of each BatchNorm layer after your function."""
    norms = [layer for layer in model.layers if "running_mean" in layer.buffers]
    for i, norm in enumerate(norms):
        norm.momentum = 0.2 + 0.1 * i
    renew(model, batches)
    return [norm.momentum for norm in norms]


quiet = np.random.default_rng(8)
batches = quiet.standard_normal((3, 20, 4)) + quiet.standard_normal((3, 1, 4))
emit("three batches", lambda: statistics(normed(np.random.default_rng(9)), batches))
emit("the momentum", lambda: momenta(normed(np.random.default_rng(9)), batches))
### BEGIN HIDDEN TESTS
seed = int(rng.integers(10**6))
batches = rng.standard_normal((4, 15, 4)) + 2 * rng.standard_normal((4, 1, 4))
emit("four batches", lambda: statistics(normed(np.random.default_rng(seed)), batches))
emit("one", lambda: statistics(normed(np.random.default_rng(seed)), batches[:1]))
emit("each momentum", lambda: momenta(normed(np.random.default_rng(seed)), batches))
### END HIDDEN TESTS

# %% wrong="renew"
# The layers keep their usual momentum: a tenth of each batch is mixed into the old
# statistics, which do not fit. Set norm.momentum before each pass.
# - norm.momentum = 1 / (i + 1)
# + pass

# %% wrong="renew"
# With momentum 1 only the last batch counts.
# - norm.momentum = 1 / (i + 1)
# + norm.momentum = 1.0

# %% wrong="renew"
# The first batch must replace the old statistics (m = 1): you mix them in with 1/2.
# - norm.momentum = 1 / (i + 1)
# + norm.momentum = 1 / (i + 2)

# %% wrong="renew"
# With train=False the running statistics are used, not measured.
# - model.forward(batch, train=True)
# + model.forward(batch, train=False)

# %% wrong="renew"
# Training that goes on would find another momentum: put it back at the end.
# - norm.momentum = momentum
# + pass

# %% wrong="renew"
# Each layer has a momentum of its own: keep one for each.
# - norm.momentum = momentum
# + norm.momentum = kept[0]

# %% [markdown]
# **See what it does.** Five networks on the digits, alone and together.

# %% demo=true
from nnlib.data import digits
from nnlib.losses import softmax_cross_entropy
from nnlib.optim import SGD
from nnlib.train import fit

own = np.random.default_rng(21)
d = digits(rng=own, n_train=300, device="cpu")
five = mlp([64, 50, 10], rng=own, lead=(5,), device="cpu")
fit(five, softmax_cross_entropy, SGD(lr=0.3), d, epochs=30, batch_size=32, rng=own)
z = five(d.x_test)
print("alone:   ", (100 * (z.argmax(axis=-1) != d.y_test).mean(axis=-1)).round(1))
try:
    p = average_probs(z)
    print(f"together: {100 * (p.argmax(axis=-1) != d.y_test).mean():.1f} %")
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## What you have now
#
# The code that turns members into one answer, the identity that says what their
# disagreement is worth, and two ways to get more from one run: average its answers, or
# its weights with new statistics. Chapter 22 asks what to do with a network that
# somebody else has trained.

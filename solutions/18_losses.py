# %% [markdown]
# # Lab 18 · Loss functions, metric learning and hard examples
#
# A loss is a few lines, and most slips in it still train: a forgotten hinge, a gradient
# with half of its terms, a mask over the wrong examples. The loss goes down, and the
# result is worse for no visible reason. In this lab you write the losses of chapter 18
# with their gradients, pick triplets, and re-weight rare classes.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# Losses average over the batch, gradients have the shape of what they belong to.
#
# You need: chapter 18, NumPy, about 70 minutes.

# %%
import numpy as np


def embeddings(rng, n, classes, dim=3, scale=1.0):
    """Random embeddings (n, dim) and labels (n,) in which every class occurs."""
    y = rng.permutation(np.arange(n) % classes)
    return scale * rng.standard_normal((n, dim)), y


# %% [markdown]
# ## Exercise 1 · Pairs
#
# The contrastive loss of a batch is the mean over its N(N − 1)/2 pairs of
#
# - ½ d² for two examples with the same label,
# - ½ max(0, m − d)² for two examples with different labels,
#
# where d is the distance of their embeddings and m the margin. Return the loss and its
# gradient `de`. The derivative of d by the first point is (first − second) / d. Two
# equal points have no direction: give them a gradient of 0.
#
# *Guess first:* two examples with different labels stand 3 m apart. What is their
# gradient?
#
# <details><summary>Answer</summary>Exactly 0: beyond the margin they cost nothing.
# Without the max they would be pulled back together.</details>


# %% answer="contrastive" flag="nnlib.metric_losses torch"
def contrastive(e, y, margin):
    """Return the contrastive loss of a batch and its gradient.

    e: embeddings of shape (N, D);  y: labels of shape (N,)
    """
    ### BEGIN SOLUTION
    n = len(e)
    difference = e[:, None, :] - e[None, :, :]  # (N, N, D)
    d = np.sqrt((difference**2).sum(axis=-1))
    same = y[:, None] == y[None, :]
    gap = np.maximum(0, margin - d)
    term = np.where(same, d**2, gap**2) / 2
    pairs = n * (n - 1)  # (i, j) and (j, i); on the diagonal d = 0
    loss = term.sum() / pairs
    force = np.where(same, d, -gap)
    direction = difference / np.where(d == 0, 1, d)[..., None]
    de = 2 * (force[..., None] * direction).sum(axis=1) / pairs
    return loss, de
    ### END SOLUTION


# %% check="contrastive" points=3
triangle = np.array([[0.0, 0.0], [0.6, 0.8], [3.0, 0.0]])
same_two = np.array([0, 0, 1])
emit("a pair that pulls: loss", lambda: contrastive(triangle[:2], same_two[:2], 2.0)[0])
emit(
    "a pair that pulls: gradient", lambda: contrastive(triangle[:2], same_two[:2], 2)[1]
)
emit("a pair that pushes", lambda: contrastive(triangle[:2], np.array([0, 1]), 2.0)[1])
emit("three points: loss", lambda: contrastive(triangle, same_two, 3.5)[0])
emit("three points: gradient", lambda: contrastive(triangle, same_two, 3.5)[1])
emit("beyond the margin", lambda: contrastive(triangle, np.array([0, 1, 2]), 0.5)[1])
### BEGIN HIDDEN TESTS
e, y = embeddings(rng, int(rng.integers(8, 12)), 3)
margin = float(rng.uniform(1.6, 2.2))
emit("the loss of any batch", lambda: contrastive(e, y, margin)[0])
emit("the gradient of any batch", lambda: contrastive(e, y, margin)[1])
twice = np.concatenate([e, e[:2]])
labels = np.concatenate([y, y[:2]])
emit("with two equal points", lambda: contrastive(twice, labels, margin)[1])
### END HIDDEN TESTS

# %% wrong="contrastive"
# The hinge is missing: pairs with different labels beyond the margin are pulled back
# together. Beyond the margin the loss and the gradient are 0.
# - gap = np.maximum(0, margin - d)
# + gap = margin - d

# %% wrong="contrastive"
# Equal and different labels have changed places: the same label pulls together.
# - same = y[:, None] == y[None, :]
# + same = y[:, None] != y[None, :]

# %% wrong="contrastive"
# The margin is held against the distance d, not against its square.
# - gap = np.maximum(0, margin - d)
# + gap = np.sqrt(np.maximum(0, margin - d**2))

# %% wrong="contrastive"
# You divide by N²: an example is no pair with itself. There are N(N − 1)/2 pairs.
# - pairs = n * (n - 1)  # (i, j) and (j, i); on the diagonal d = 0
# + pairs = n * n

# %% wrong="contrastive"
# Your gradient is half of the right one: a distance moves BOTH of its points, and each
# point has pairs in its row and in its column.
# - de = 2 * (force[..., None] * direction).sum(axis=1) / pairs
# + de = (force[..., None] * direction).sum(axis=1) / pairs

# %% wrong="contrastive"
# The loss is twice too large: each pair has a factor ½ (or is counted twice).
# - term = np.where(same, d**2, gap**2) / 2
# + term = np.where(same, d**2, gap**2)

# %% wrong="contrastive"
# Different labels must push APART: the derivative of ½(m − d)² by d is −(m − d).
# - force = np.where(same, d, -gap)
# + force = np.where(same, d, gap)

# %% [markdown]
# **See what it does.** Your loss moves 42 free points, without any network, for 150
# steps. *Guess first:* how far apart will the three groups be?
#
# <details><summary>Answer</summary>Neighbors about one margin. The pushing stops there,
# and the pull only acts inside a group.</details>

# %% demo=true
import matplotlib.pyplot as plt

from nnlib.plotting import use_style

use_style()
points, groups = embeddings(np.random.default_rng(18), 42, 3, dim=2, scale=0.7)
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), sharex=True, sharey=True)
try:
    for ax, title in zip(axes, ("start", "after 150 steps"), strict=True):
        for c in range(3):
            ax.plot(*points[groups == c].T, "os^"[c], ls="", label=f"class {c}")
        ax.set(title=title, xlabel="first coordinate")
        for _ in range(150):
            points = points - 5 * contrastive(points, groups, 2.0)[1]
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")
axes[0].set_ylabel("second coordinate")
legend = axes[0].legend()

# %% [markdown]
# ## Exercise 2 · Triplets
#
# Row t of `a`, `p` and `n` holds anchor, positive and negative of triplet t. The loss
# is the mean over the T triplets of max(0, d(a, p) − d(a, n) + m) with Euclidean
# distances. Return the loss and the three gradients.
#
# *Guess first:* all three points of every triplet are the same point. What is the loss?
#
# <details><summary>Answer</summary>The margin m. This is how a collapsed embedding
# shows itself.</details>


# %% answer="triplet" flag="nnlib.metric_losses torch"
def triplet(a, p, n, margin):
    """Return (loss, da, dp, dn) of T triplets; a, p, n have the shape (T, D)."""
    ### BEGIN SOLUTION
    to_p, to_n = a - p, a - n
    d_ap = np.sqrt((to_p**2).sum(axis=1))
    d_an = np.sqrt((to_n**2).sum(axis=1))
    violation = d_ap - d_an + margin
    loss = np.maximum(0, violation).mean()
    weight = (violation > 0)[:, None] / len(a)
    from_p = to_p / d_ap[:, None]
    from_n = to_n / d_an[:, None]
    da = weight * (from_p - from_n)
    dp = -weight * from_p
    dn = weight * from_n
    return loss, da, dp, dn
    ### END SOLUTION


# %% check="triplet" points=2
a = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
p = np.array([[3.0, 4.0], [1.0, 2.0], [0.5, 0.0]])
n = np.array([[0.0, 2.0], [4.0, 5.0], [0.0, 1.0]])
emit("the loss", lambda: triplet(a, p, n, 0.7)[0])
emit("the gradient of the anchors", lambda: triplet(a, p, n, 0.7)[1])
emit("the gradient of the positives", lambda: triplet(a, p, n, 0.7)[2])
emit("the gradient of the negatives", lambda: triplet(a, p, n, 0.7)[3])
### BEGIN HIDDEN TESTS
size, margin = int(rng.integers(20, 30)), float(rng.uniform(0.6, 1.2))
a, p = rng.standard_normal((2, size, 4))
n = a + rng.standard_normal((size, 4)) * np.linspace(0.2, 4, size)[:, None]
emit("the loss of any triplets", lambda: triplet(a, p, n, margin)[0])
emit("any anchors", lambda: triplet(a, p, n, margin)[1])
emit("any positives", lambda: triplet(a, p, n, margin)[2])
emit("any negatives", lambda: triplet(a, p, n, margin)[3])
### END HIDDEN TESTS

# %% wrong="triplet"
# The sign is turned around: the POSITIVE distance should be the smaller one, so the
# violation is d(a, p) − d(a, n) + m.
# - violation = d_ap - d_an + margin
# + violation = d_an - d_ap + margin

# %% wrong="triplet"
# The margin must be ADDED: the negative should be farther by m. You let it be nearer.
# - violation = d_ap - d_an + margin
# + violation = d_ap - d_an - margin

# %% wrong="triplet"
# Not the size of the difference should be small: the negative must be farther than the
# positive. Your loss is 0 when all points coincide.
# - violation = d_ap - d_an + margin
# + violation = np.abs(d_ap - d_an)

# %% wrong="triplet"
# Solved triplets get a gradient in your version: where the max takes the 0, the
# gradient is 0 as well.
# - weight = (violation > 0)[:, None] / len(a)
# + weight = np.ones((len(a), 1)) / len(a)

# %% wrong="triplet"
# The direction from the anchor to the NEGATIVE is a − n: you have used the positive
# twice.
# - from_n = to_n / d_an[:, None]
# + from_n = to_p / d_ap[:, None]

# %% wrong="triplet"
# These are squared distances. Here the plain ones are asked for.
# - d_ap = np.sqrt((to_p**2).sum(axis=1))
# - d_an = np.sqrt((to_n**2).sum(axis=1))
# + d_ap = (to_p**2).sum(axis=1)
# + d_an = (to_n**2).sum(axis=1)

# %% wrong="triplet"
# The anchor is moved by both distances: away from the negative, too.
# - da = weight * (from_p - from_n)
# + da = weight * from_p

# %% wrong="triplet"
# The mean runs over ALL triplets, also over the solved ones.
# - weight = (violation > 0)[:, None] / len(a)
# + weight = (violation > 0)[:, None] / (violation > 0).sum()

# %% [markdown]
# ## Exercise 3 · Which triplets?
#
# From the distances `d` (N, N) and the labels `y` of a batch, list triplets (anchor,
# positive, negative) as tuples of indices, in rising order. A positive has the label of
# the anchor and is another example.
#
# | strategy | which |
# |---|---|
# | `"all"` | every anchor with every positive and every negative |
# | `"semi-hard"` | of these, the ones with d(a, p) < d(a, n) < d(a, p) + margin |
# | `"hardest"` | per anchor one: its farthest positive and its nearest negative |
#
# An anchor without a positive or without a negative has no triplet.
#
# *Guess first:* a batch has 4 examples of each of 8 classes. How many triplets are
# there in all?
#
# <details><summary>Answer</summary>32 anchors, 3 positives and 28 negatives for each:
# 2688.</details>


# %% answer="mine" flag="nnlib.metric_losses torch"
def mine(d, y, margin, strategy):
    """Return the list of triplets (a, p, n) that a strategy chooses."""
    ### BEGIN SOLUTION
    n = len(y)
    found = []
    for a in range(n):
        positives = [i for i in range(n) if y[i] == y[a] and i != a]
        negatives = [i for i in range(n) if y[i] != y[a]]
        if strategy == "hardest":
            if positives and negatives:
                far = max(positives, key=lambda i: d[a, i])
                near = min(negatives, key=lambda i: d[a, i])
                found.append((a, far, near))
            continue
        for p in positives:
            for q in negatives:
                semi = d[a, p] < d[a, q] < d[a, p] + margin
                if strategy == "all" or semi:
                    found.append((a, p, q))
    return found
    ### END SOLUTION


# %% check="mine" points=2
def listed(d, y, margin, strategy):
    """The triplets as lists of plain integers."""
    return [[int(i) for i in t] for t in mine(d, y, margin, strategy)]


def table(e):
    """The distances of all pairs."""
    return np.sqrt(((e[:, None] - e[None]) ** 2).sum(axis=-1))


line = table(np.array([[0.0], [1.0], [1.6], [9.0], [3.1], [5.0]]))
kinds = np.array([0, 0, 1, 1, 0, 2])
emit("all on a line", lambda: listed(line, kinds, 1.0, "all"))
emit("semi-hard on a line", lambda: listed(line, kinds, 1.0, "semi-hard"))
emit("hardest on a line", lambda: listed(line, kinds, 1.0, "hardest"))
### BEGIN HIDDEN TESTS
e, y = embeddings(rng, 12, 3)
y = np.where(np.arange(12) == 5, 7, y)  # one example without a partner
d, margin = table(e), float(rng.uniform(0.5, 0.9))
emit("all of a batch", lambda: listed(d, y, margin, "all"))
emit("semi-hard of a batch", lambda: listed(d, y, margin, "semi-hard"))
emit("hardest of a batch", lambda: listed(d, y, margin, "hardest"))
### END HIDDEN TESTS

# %% wrong="mine"
# An anchor is not its own positive: d(a, a) = 0 teaches nothing.
# - positives = [i for i in range(n) if y[i] == y[a] and i != a]
# + positives = [i for i in range(n) if y[i] == y[a]]

# %% wrong="mine"
# The hardest positive is the FARTHEST one: you have taken the nearest.
# - far = max(positives, key=lambda i: d[a, i])
# + far = min(positives, key=lambda i: d[a, i])

# %% wrong="mine"
# The hardest negative is the NEAREST one: you have taken the farthest.
# - near = min(negatives, key=lambda i: d[a, i])
# + near = max(negatives, key=lambda i: d[a, i])

# %% wrong="mine"
# Semi-hard negatives are farther than the positive. Yours include the hard ones, which
# are nearer: they can make the embedding collapse.
# - semi = d[a, p] < d[a, q] < d[a, p] + margin
# + semi = d[a, q] < d[a, p] + margin

# %% wrong="mine"
# The upper end is missing: beyond d(a, p) + margin a triplet is solved and gives no
# gradient.
# - semi = d[a, p] < d[a, q] < d[a, p] + margin
# + semi = d[a, p] < d[a, q]

# %% wrong="mine"
# The negative's distance is measured from the ANCHOR: you have measured it from the
# positive.
# - semi = d[a, p] < d[a, q] < d[a, p] + margin
# + semi = d[a, p] < d[p, q] < d[a, p] + margin


# %% wrong="mine"
# Hardest means one triplet per ANCHOR: you have kept only the hardest of the batch.
def mine(d, y, margin, strategy):
    n = len(y)
    triplets = [
        (a, p, q)
        for a in range(n)
        for p in range(n)
        for q in range(n)
        if y[a] == y[p] and a != p and y[a] != y[q]
    ]
    if strategy == "hardest":
        return [max(triplets, key=lambda t: d[t[0], t[1]] - d[t[0], t[2]])]
    if strategy == "all":
        return triplets
    return [t for t in triplets if 0 < d[t[0], t[2]] - d[t[0], t[1]] < margin]


# %% [markdown]
# **See what it does.** Take a fresh network and the digits. The mean of
# d(a, p) − d(a, n) over the chosen triplets tells whether growing or shrinking the
# embedding lowers the loss. *Guess first:* for which strategy is it positive?
#
# <details><summary>Answer</summary>For the hardest. Shrinking everything is downhill
# there: the way into the collapse.</details>

# %% demo=true
from nnlib.backend import to_numpy
from nnlib.data import digits
from nnlib.model import mlp

split = digits(rng=np.random.default_rng(18))
net = mlp([64, 32, 8], rng=np.random.default_rng(18))
fresh, marks = to_numpy(net(split.x_train[:40])), to_numpy(split.y_train[:40])
between = np.sqrt(((fresh[:, None] - fresh[None]) ** 2).sum(axis=-1))
for strategy in ("all", "semi-hard", "hardest"):
    try:
        i, j, k = np.array(mine(between, marks, 1.0, strategy)).T
        print(f"{strategy:10}{(between[i, j] - between[i, k]).mean():+.2f}")
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break

# %% [markdown]
# ## Exercise 4 · OHEM
#
# Online hard example mining keeps the k examples of a batch with the largest losses.
# Return a mask of shape (N,): 1.0 for the kept, 0.0 for the others. With `ratio`, class
# c keeps its `round(ratio[c] · k)` hardest examples, or all it has if these are fewer.
#
# *Guess first:* a batch of 64 has 13 wrong labels, and k = 16. After some training, how
# many of the 16 will be wrongly labeled?
#
# <details><summary>Answer</summary>Nearly all 13. A wrong label looks exactly like a
# hard example.</details>


# %% answer="ohem" flag="nnlib.hard_examples torch"
def ohem_mask(losses, k, y=None, ratio=None):
    """Return the mask of the hardest examples.

    losses: (N,), one per example;  y: labels (N,);  ratio: one share per class
    """
    ### BEGIN SOLUTION
    mask = np.zeros(len(losses))
    if ratio is None:
        mask[np.argsort(-losses)[:k]] = 1
        return mask
    for label, share in enumerate(ratio):
        members = np.flatnonzero(y == label)
        order = np.argsort(-losses[members])
        keep = round(share * k)
        mask[members[order[:keep]]] = 1
    return mask
    ### END SOLUTION


# %% check="ohem" points=2
some = np.array([0.1, 2.0, 0.3, 1.0, 0.2, 0.9, 0.05, 1.5])
kind = np.array([1, 0, 0, 0, 1, 0, 0, 0])
emit("without a ratio", lambda: ohem_mask(some, 3))
emit("one positive in four", lambda: ohem_mask(some, 4, kind, (0.75, 0.25)))
emit("half and half, too few", lambda: ohem_mask(some, 6, kind, (0.5, 0.5)))
### BEGIN HIDDEN TESTS
size, k = 40, 12
some = rng.permutation(np.concatenate([rng.uniform(0, 0.2, 30), rng.uniform(1, 6, 10)]))
kind = rng.permutation(np.repeat([0, 1, 2], [26, 12, 2]))
some = np.where(kind == 1, some / 50, some)  # class 1 is easy
emit("any losses", lambda: ohem_mask(some, k))
emit("any ratio", lambda: ohem_mask(some, k, kind, (0.5, 0.5, 0.0)))
emit("a class with too few", lambda: ohem_mask(some, k, kind, (0.25, 0.25, 0.5)))
### END HIDDEN TESTS

# %% wrong="ohem"
# You keep the EASIEST examples: argsort rises, so sort the negative losses.
# - mask[np.argsort(-losses)[:k]] = 1
# + mask[np.argsort(losses)[:k]] = 1

# %% wrong="ohem"
# The ratio gives shares of the k that are kept, not of the members of a class.
# - keep = round(share * k)
# + keep = round(share * len(members))

# %% wrong="ohem"
# Positions among the members of a class are not positions in the batch: look them up
# in `members`.
# - mask[members[order[:keep]]] = 1
# + mask[order[:keep]] = 1

# %% wrong="ohem"
# The ratio is ignored: each class keeps its own share of the k.
# - if ratio is None:
# + if True:

# %% wrong="ohem"
# Within a class you take its first examples, whatever their loss: sort by loss first.
# - order = np.argsort(-losses[members])
# + order = np.arange(len(members))

# %% wrong="ohem"
# A mask holds 1 for a kept example, not its loss.
# - mask[np.argsort(-losses)[:k]] = 1
# + mask[np.argsort(-losses)[:k]] = np.sort(losses)[::-1][:k]

# %% [markdown]
# ## Exercise 5 · Focal loss
#
# For a binary answer with logit z let p_t be the probability of the RIGHT answer: σ(z)
# if y = 1, else 1 − σ(z). The focal loss is the mean of
# −α_t (1 − p_t)^γ log p_t, where α_t is α if y = 1, else 1 − α. Return it and its
# gradient by z. The chapter derives the slope by the signed logit:
# (1 − p_t)^γ (γ p_t log p_t − (1 − p_t)).
#
# *Guess first:* γ = 2. Which share of its cross-entropy keeps an example with
# p_t = 0.9?
#
# <details><summary>Answer</summary>(1 − 0.9)² = 0.01: a hundredth.</details>


# %% answer="focal" flag="nnlib.losses torch"
def focal(z, y, gamma, alpha):
    """Return the focal loss and its gradient; z and y have the shape (N,)."""
    ### BEGIN SOLUTION
    p = 1 / (1 + np.exp(-z))
    right = np.where(y == 1, p, 1 - p)
    weight = np.where(y == 1, alpha, 1 - alpha)
    fade = (1 - right) ** gamma
    loss = -(weight * fade * np.log(right)).mean()
    slope = fade * (gamma * right * np.log(right) - (1 - right))
    sign = np.where(y == 1, 1, -1)
    dz = weight * slope * sign / len(z)
    return loss, dz
    ### END SOLUTION


# %% check="focal" points=3
z = np.array([-2.0, 0.5, 3.0, -1.0])
y = np.array([1, 1, 0, 0])
emit("the loss", lambda: focal(z, y, 2.0, 0.25)[0])
emit("the gradient", lambda: focal(z, y, 2.0, 0.25)[1])
emit("with γ = 0: half of the cross-entropy", lambda: focal(z, y, 0.0, 0.5)[0])
emit("and half of its gradient", lambda: focal(z, y, 0.0, 0.5)[1])
### BEGIN HIDDEN TESTS
z = rng.normal(0, 2, 15)
y = rng.permutation(np.arange(15) % 2)
gamma, alpha = float(rng.uniform(1.2, 3.0)), float(rng.uniform(0.1, 0.4))
emit("any loss", lambda: focal(z, y, gamma, alpha)[0])
emit("any gradient", lambda: focal(z, y, gamma, alpha)[1])
emit("cross-entropy, weighted", lambda: focal(z, y, 0.0, alpha)[1])
### END HIDDEN TESTS

# %% wrong="focal"
# The factor fades the HARD examples: it must be small where p_t is large, (1 − p_t)^γ.
# - fade = (1 - right) ** gamma
# + fade = right**gamma

# %% wrong="focal"
# The factor depends on the logit, too: the product rule gives a second part,
# γ p_t log p_t.
# - slope = fade * (gamma * right * np.log(right) - (1 - right))
# + slope = -fade * (1 - right)

# %% wrong="focal"
# p_t is the probability of the RIGHT answer: for y = 0 it is 1 − σ(z).
# - right = np.where(y == 1, p, 1 - p)
# + right = p

# %% wrong="focal"
# α belongs to y = 1; the other class has 1 − α.
# - weight = np.where(y == 1, alpha, 1 - alpha)
# + weight = alpha

# %% wrong="focal"
# α and 1 − α have changed places: α is the weight of y = 1.
# - weight = np.where(y == 1, alpha, 1 - alpha)
# + weight = np.where(y == 1, 1 - alpha, alpha)

# %% wrong="focal"
# For y = 0 the signed logit is −z, so the gradient by z changes its sign.
# - sign = np.where(y == 1, 1, -1)
# + sign = 1

# %% wrong="focal"
# The loss is a mean over the batch, so its gradient is divided by N.
# - dz = weight * slope * sign / len(z)
# + dz = weight * slope * sign

# %% [markdown]
# **See what it does.** The size of your gradient for one example with y = 1, against
# the probability it has already got. *Guess first:* is a hard example (p near 0) pushed
# harder with γ = 2 than with γ = 0?
#
# <details><summary>Answer</summary>Near p = 0 both are close to 1, and around
# p = 0.2 the focal loss even pushes a little harder. What it takes away, it takes from
# the easy half.</details>

# %% demo=true
p = np.linspace(0.01, 0.99, 99)
fig, ax = plt.subplots()
try:
    for gamma in (0, 1, 2, 5):
        force = [
            2 * abs(focal(np.log([q / (1 - q)]), np.ones(1), gamma, 0.5)[1][0])
            for q in p
        ]
        ax.plot(p, force, label=f"γ = {gamma}")
    legend = ax.legend()
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first.")
labels = ax.set(xlabel="probability of the right answer", ylabel="size of the gradient")

# %% [markdown]
# ## Exercise 6 · Rare classes
#
# Three one-liners that are often wrong by a factor.
#
# - `class_weights(y, C)`: weights in inverse proportion to how often a class occurs,
#   scaled so that the mean weight over the *examples* is 1.
# - `prior_logit(share)`: the logit with which a network starts that knows only that a
#   share of the examples is positive: σ of it gives the share.
# - `unweighted(p, w)`: a network was trained with weight w on the positives and says p.
#   The weights have multiplied its odds p / (1 − p) by w. Which probability is right?
#
# *Guess first:* 50 times as many negatives as positives, w = 50, and the network says
# 0.5. How probable is a positive really?
#
# <details><summary>Answer</summary>Odds of 1 divided by 50: p = 1 / 51, about 2
# %.</details>


# %% answer="rare" flag="sklearn torch"
def class_weights(y, C):
    """Return the weight of each of the C classes; every class occurs in y."""
    ### BEGIN SOLUTION
    counts = np.bincount(y, minlength=C)
    return len(y) / (C * counts)
    ### END SOLUTION


def prior_logit(share):
    """Return the logit whose sigmoid is the share."""
    ### BEGIN SOLUTION
    return np.log(share / (1 - share))
    ### END SOLUTION


def unweighted(p, w):
    """Return the probability without the effect of the weight w."""
    ### BEGIN SOLUTION
    odds = p / (1 - p) / w
    return odds / (1 + odds)
    ### END SOLUTION


# %% check="rare" points=2
emit("weights of two classes", lambda: class_weights(np.array([0, 0, 0, 1]), 2))
emit("the logit of one in ten", lambda: prior_logit(0.1))
emit("says 0.9, weight 50", lambda: unweighted(0.9, 50.0))
### BEGIN HIDDEN TESTS
C = int(rng.integers(3, 6))
y = np.repeat(np.arange(C), 2 + 3 * rng.permutation(C) + rng.integers(1, 3))
share, w = float(rng.uniform(0.01, 0.3)), float(rng.uniform(5, 80))
said = rng.uniform(0.2, 0.95, size=4)
emit("weights of any classes", lambda: class_weights(rng.permutation(y), C))
emit("the logit of any share", lambda: prior_logit(share))
emit("any probabilities", lambda: unweighted(said, w))
### END HIDDEN TESTS

# %% wrong="rare"
# Your weights grow with the count: rare classes should get the LARGER ones.
# - return len(y) / (C * counts)
# + return C * counts / len(y)

# %% wrong="rare"
# In the right proportion, but not scaled: the mean weight over the examples is C.
# - return len(y) / (C * counts)
# + return len(y) / counts

# %% wrong="rare"
# You scaled the mean over the CLASSES to 1. Over the examples, where the frequent
# classes count more often, it is now below 1.
# - return len(y) / (C * counts)
# + return (1 / counts) / (1 / counts).mean()

# %% wrong="rare"
# The logit is the logarithm of the ODDS, share / (1 − share), not of the share.
# - return np.log(share / (1 - share))
# + return np.log(share)

# %% wrong="rare"
# The sign is turned around: a rare class starts with a NEGATIVE logit.
# - return np.log(share / (1 - share))
# + return np.log((1 - share) / share)

# %% wrong="rare"
# The weight multiplies the odds, not the probability: divide p / (1 − p) by w, then go
# back to a probability.
# - return odds / (1 + odds)
# + return p / w

# %% wrong="rare"
# You multiply by w once more: to take the weight out, DIVIDE the odds by it.
# - odds = p / (1 - p) / w
# + odds = p / (1 - p) * w

# %% wrong="rare"
# These are the odds. A probability is odds / (1 + odds).
# - return odds / (1 + odds)
# + return odds

# %% [markdown]
# ## What you have now
#
# Two losses for distances with their gradients, three ways to pick triplets, and four
# ways to make some examples count more. You also know what each of them does when it
# goes wrong: the loss at the margin, the mask full of wrong labels, the probabilities
# that are too high. The next chapter makes a method of such looking.

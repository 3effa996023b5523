# %% [markdown]
# # Lab 5 · Data preprocessing
#
# Ten digits, a little noise that you hardly see, and a network that was 95 % right is
# wrong four times out of five. Nothing is wrong with the network: its data were divided
# by numbers close to zero before it saw them. In this lab you write the steps between
# the data and the first layer, so that this does not happen to you.
#
# Each of the five exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell: cells that you add are for you alone and are not graded.
#
# You need: chapter 5, NumPy, about 50 minutes. Samples are rows: `x` has the shape
# `(N, D)`.

# %%
import numpy as np


def cloud(rng, n=60, d=4):
    """Correlated features with different scales and means."""
    x = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
    return x * np.linspace(0.5, 3.0, d) + rng.uniform(-3, 3, d)


# %% [markdown]
# ## Exercise 1 · Standardize
#
# Give every feature mean 0 and standard deviation 1, with two rules:
#
# - mean and deviation are those of the **training** data, also for new data;
# - a feature that is **constant** in the training data is centered; its scale is 1.
#
# Use the standard deviation that divides by N.
#
# *Guess first:* after this, what is the mean of the *new* data?
#
# <details><summary>Answer</summary>Near 0 if the new data are like the old ones, and
# something else if they are not. That is information: it must not be taken
# away.</details>


# %% answer="standardize" flag="nnlib.preprocess StandardScaler sklearn"
def standardize(x_train, x_new):
    """Return both arrays, standardized with the statistics of x_train."""
    ### BEGIN SOLUTION
    mean = x_train.mean(axis=0)
    scale = x_train.std(axis=0)
    scale = np.where(np.ptp(x_train, axis=0) == 0, 1.0, scale)
    return (x_train - mean) / scale, (x_new - mean) / scale
    ### END SOLUTION


# %% check="standardize" points=3
old = np.array([[1.0, 20.0], [3.0, 60.0], [5.0, 70.0]])
new = np.array([[3.0, 50.0], [9.0, 10.0]])
flat = np.array([[1.0, 7.0], [2.0, 7.0], [6.0, 7.0]])
emit("the training data", lambda: standardize(old, new)[0])
emit("the new data", lambda: standardize(old, new)[1])
emit("a constant feature", lambda: standardize(flat, new)[1])
### BEGIN HIDDEN TESTS
a, b = cloud(rng), cloud(rng, n=25)
c = a.copy()
c[:, 2] = 1.5
emit("any training data", lambda: standardize(a, b)[0])
emit("any new data", lambda: standardize(a, b)[1])
emit("one new sample", lambda: standardize(a, b[:1])[1])
emit("any constant feature", lambda: standardize(c, b)[1])
### END HIDDEN TESTS


# %% wrong="standardize"
# The new data were standardized with their own mean and deviation. Whatever they have
# in common is gone then, and one sample alone becomes 0. Use those of x_train.
def standardize(x_train, x_new):
    def one(x):
        scale = np.where(np.ptp(x, axis=0) == 0, 1.0, x.std(axis=0))
        return (x - x.mean(axis=0)) / scale

    return one(x_train), one(x_new)


# %% wrong="standardize"
# Your statistics are those of both parts together: the new data have leaked into them.
# Measure on x_train alone.
def standardize(x_train, x_new):
    both = np.concatenate([x_train, x_new])
    scale = np.where(np.ptp(both, axis=0) == 0, 1.0, both.std(axis=0))
    return (x_train - both.mean(axis=0)) / scale, (x_new - both.mean(axis=0)) / scale


# %% wrong="standardize"
# The new data were moved by their own mean: use that of x_train.
# - return (x_train - mean) / scale, (x_new - mean) / scale
# + return (x_train - mean) / scale, (x_new - x_new.mean(axis=0)) / scale

# %% wrong="standardize"
# You divide by the variance. The standard deviation is its root.
# - scale = x_train.std(axis=0)
# + scale = x_train.var(axis=0)

# %% wrong="standardize"
# This is one mean and one deviation for all features together. Average over the
# samples only: axis=0.
# - mean = x_train.mean(axis=0)
# - scale = x_train.std(axis=0)
# + mean = x_train.mean()
# + scale = x_train.std()


# %% wrong="standardize"
# You average over the features of a sample (axis=1). Average over the samples: axis=0.
def standardize(x_train, x_new):
    def one(x):
        scale = x.std(axis=1, keepdims=True)
        return (x - x.mean(axis=1, keepdims=True)) / np.where(scale == 0, 1, scale)

    return one(x_train), one(x_new)


# %% wrong="standardize"
# A constant feature has deviation 0, and 0 / 0 is nan. Its scale must be 1.
# - scale = np.where(np.ptp(x_train, axis=0) == 0, 1.0, scale)
# + scale = scale + 0.0

# %% wrong="standardize"
# A tiny number in the denominator turns a constant feature into a bomb: the first new
# value that differs is divided by it. Give such a feature the scale 1.
# - scale = np.where(np.ptp(x_train, axis=0) == 0, 1.0, scale)
# + scale = scale + 1e-8

# %% wrong="standardize"
# Your deviation divides by N - 1; here it divides by N, as np.std does by default.
# - scale = x_train.std(axis=0)
# + scale = x_train.std(axis=0, ddof=1)

# %% wrong="standardize"
# This maps each feature to 0..1 (min-max scaling). Subtract the mean and divide by the
# standard deviation.
# - mean = x_train.mean(axis=0)
# - scale = x_train.std(axis=0)
# + mean = x_train.min(axis=0)
# + scale = np.ptp(x_train, axis=0)

# %% [markdown]
# ## Exercise 2 · How long is the valley?
#
# Gradient descent on a linear unit **with a bias** walks in a valley whose shape is the
# matrix M = XᵀX / N, where X has a column of ones for the bias. Its condition number
# κ = λmax / λmin is about the number of steps that the slowest error needs to shrink by
# a factor e.
#
# `np.linalg.eigvalsh(M)` gives the eigenvalues of a symmetric matrix, smallest first.
#
# *Guess first:* one feature with mean 3 and variance 1. Is κ about 1, 10 or 100?
#
# <details><summary>Answer</summary>About 120. M is [[10, 3], [3, 1]]: its eigenvalues
# add up to 11 and their product is 1. After centering κ is 1.</details>


# %% answer="condition" flag="np.linalg.cond"
def condition(x):
    """Return the condition number of the second moments of (x, 1)."""
    ### BEGIN SOLUTION
    ones = np.ones((len(x), 1))
    inputs = np.concatenate([x, ones], axis=1)
    M = inputs.T @ inputs / len(x)
    eigenvalues = np.linalg.eigvalsh(M)
    return float(eigenvalues[-1] / eigenvalues[0])
    ### END SOLUTION


# %% check="condition" points=2
one = np.array([[2.0], [4.0], [3.5], [2.5]])
two = np.array([[1.0, 10.0], [2.0, 30.0], [4.0, 20.0], [5.0, 50.0]])
emit("one feature", lambda: condition(one), rtol=1e-4)
emit("the same, centered", lambda: condition(one - one.mean()), rtol=1e-4)
emit("two features", lambda: condition(two), rtol=1e-4)
### BEGIN HIDDEN TESTS
a = cloud(rng, n=80, d=3)
emit("any cloud", lambda: condition(a), rtol=1e-4)
emit("the cloud centered", lambda: condition(a - a.mean(axis=0)), rtol=1e-4)
emit("the cloud scaled", lambda: condition(a / a.std(axis=0)), rtol=1e-4)
### END HIDDEN TESTS

# %% wrong="condition"
# The column of ones is missing: the unit has a bias, and that is one more weight.
# - inputs = np.concatenate([x, ones], axis=1)
# + inputs = x

# %% wrong="condition"
# You centered the data first. M describes the data as they are: their mean is a part of
# the valley.
# - inputs = np.concatenate([x, ones], axis=1)
# + inputs = np.concatenate([x - x.mean(axis=0), ones], axis=1)

# %% wrong="condition"
# This is the condition number of the covariance: the mean and the bias are missing.
# - M = inputs.T @ inputs / len(x)
# + M = np.atleast_2d(np.cov(x.T))

# %% wrong="condition"
# This is smallest over largest. The condition number is at least 1.
# - return float(eigenvalues[-1] / eigenvalues[0])
# + return float(eigenvalues[0] / eigenvalues[-1])

# %% wrong="condition"
# This is the root of κ: the condition number of X instead of XᵀX (singular values are
# the roots of these eigenvalues).
# - return float(eigenvalues[-1] / eigenvalues[0])
# + return float(np.sqrt(eigenvalues[-1] / eigenvalues[0]))

# %% wrong="condition"
# This is the largest eigenvalue alone, which limits the learning rate. Divide it by the
# smallest one.
# - return float(eigenvalues[-1] / eigenvalues[0])
# + return float(eigenvalues[-1])

# %% [markdown]
# ## Exercise 3 · Principal components
#
# The principal axes are the eigenvectors of the covariance of the **centered** data;
# the eigenvalue is the variance along the axis. `np.linalg.eigh(S)` returns the
# eigenvalues, **smallest first**, and the eigenvectors as the **columns** of a matrix.
#
# *Guess first:* you forget to center, and the data lie far from the origin. Where does
# the first axis point?
#
# <details><summary>Answer</summary>From the origin to the mean: that is where the
# second moment is largest.</details>


# %% answer="pca" flag="sklearn nnlib.preprocess"
def pca(x, k):
    """Return (axes, kept): the first k axes as columns (D, k), largest variance
    first, and the share of the total variance that they keep."""
    ### BEGIN SOLUTION
    centered = x - x.mean(axis=0)
    covariance = centered.T @ centered / len(x)
    variances, U = np.linalg.eigh(covariance)
    variances, U = variances[::-1], U[:, ::-1]
    axes = U[:, :k]
    kept = variances[:k].sum() / variances.sum()
    return axes, float(kept)
    ### END SOLUTION


# %% check="pca" points=3
def projection(x, k):
    """What the axes span, whatever their signs."""
    axes = pca(x, k)[0]
    return axes @ axes.T


def score_variances(x, k):
    """The variance of each new feature."""
    return ((x - x.mean(axis=0)) @ pca(x, k)[0]).var(axis=0)


fixed = cloud(np.random.default_rng(5), n=40, d=3) + 4
emit("the shape", lambda: pca(fixed, 2)[0].shape)
emit("the first axis", lambda: projection(fixed, 1))
emit("the variances along two axes", lambda: score_variances(fixed, 2))
emit("the share that two axes keep", lambda: pca(fixed, 2)[1])
### BEGIN HIDDEN TESTS
a = cloud(rng, n=70, d=6)
emit("any three axes", lambda: projection(a, 3))
emit("their variances", lambda: score_variances(a, 4))
emit("any share", lambda: pca(a, 2)[1])
emit("all of it", lambda: pca(a, 6)[1])
### END HIDDEN TESTS

# %% wrong="pca"
# Subtract the mean first: without it the first axis points to the mean.
# - centered = x - x.mean(axis=0)
# + centered = x

# %% wrong="pca"
# eigh returns the smallest eigenvalue first: these are the axes of least variance.
# - variances, U = variances[::-1], U[:, ::-1]
# + pass

# %% wrong="pca"
# The right axes in the wrong order: the largest variance comes first.
# - axes = U[:, :k]
# + axes = U[:, :k][:, ::-1]

# %% wrong="pca"
# The eigenvectors are the COLUMNS of the matrix from eigh: you have taken rows.
# - axes = U[:, :k]
# + axes = U[:k].T

# %% wrong="pca"
# You have reversed the rows of U; the eigenvectors are its columns: U[:, ::-1].
# - variances, U = variances[::-1], U[:, ::-1]
# + variances, U = variances[::-1], U[::-1]

# %% wrong="pca"
# The share is about variances, which are the eigenvalues themselves, not their roots.
# - kept = variances[:k].sum() / variances.sum()
# + kept = np.sqrt(variances[:k]).sum() / np.sqrt(variances).sum()

# %% wrong="pca"
# This is the share of the last of the k axes alone: add up all k.
# - kept = variances[:k].sum() / variances.sum()
# + kept = variances[k - 1] / variances.sum()

# %% wrong="pca"
# This is the share that is LOST: what you keep is the rest.
# - kept = variances[:k].sum() / variances.sum()
# + kept = variances[k:].sum() / variances.sum()

# %% wrong="pca"
# You standardized the features as well: then the axes are those of the correlations.
# Only subtract the mean.
# - centered = x - x.mean(axis=0)
# + centered = (x - x.mean(axis=0)) / x.std(axis=0)

# %% [markdown]
# ## Exercise 4 · Whiten
#
# With the covariance of the training data, Σ = U Λ Uᵀ:
#
# | method | y |
# |---|---|
# | `"pca"` | (x − μ) U (Λ + ε)^(−1/2), largest variance first |
# | `"zca"` | the same, times Uᵀ |
#
# μ, U and Λ come from the training data.
#
# *Guess first:* which of the two has a symmetric matrix, and what does that mean for an
# image?
#
# <details><summary>Answer</summary>ZCA: U (Λ + ε)^(−1/2) Uᵀ is its own transpose. Each
# output stays with its pixel, so the result still looks like the image.</details>


# %% answer="whiten" flag="sklearn nnlib.preprocess"
def whiten(x_train, x, method, eps):
    """Return x whitened with the statistics of x_train."""
    ### BEGIN SOLUTION
    mean = x_train.mean(axis=0)
    centered = x_train - mean
    variances, U = np.linalg.eigh(centered.T @ centered / len(x_train))
    variances, U = variances[::-1], U[:, ::-1]
    y = (x - mean) @ U
    y = y / np.sqrt(variances + eps)
    if method == "zca":
        y = y @ U.T
    return y
    ### END SOLUTION


# %% check="whiten" points=4
def covariance(y):
    """The covariance of the features of y."""
    y = y - y.mean(axis=0)
    return y.T @ y / len(y)


fixed = cloud(np.random.default_rng(6), n=50, d=3)
fresh = cloud(np.random.default_rng(7), n=4, d=3)
emit(
    "covariance after PCA",
    lambda: covariance(whiten(fixed, fixed, "pca", 0)),
    atol=1e-6,
)
emit(
    "covariance after ZCA",
    lambda: covariance(whiten(fixed, fixed, "zca", 0)),
    atol=1e-6,
)
emit("ZCA of new data", lambda: whiten(fixed, fresh, "zca", 0.1))
emit("PCA of new data", lambda: np.abs(whiten(fixed, fresh, "pca", 0.1)))
### BEGIN HIDDEN TESTS
a, b = cloud(rng, n=80, d=5), cloud(rng, n=6, d=5)
e = float(rng.uniform(0.05, 0.5))
emit("any covariance", lambda: covariance(whiten(a, a, "zca", 0)), atol=1e-6)
emit("any covariance, PCA", lambda: covariance(whiten(a, a, "pca", 0)), atol=1e-6)
emit("any covariance with eps", lambda: covariance(whiten(a, a, "pca", e)), atol=1e-6)
emit("any new data, ZCA", lambda: whiten(a, b, "zca", e))
emit("any new data, PCA", lambda: np.abs(whiten(a, b, "pca", e)))
emit("one new sample", lambda: whiten(a, b[:1], "zca", e))
### END HIDDEN TESTS

# %% wrong="whiten"
# You divide by the variances, not by their roots: the covariance becomes Λ⁻¹ instead of
# the identity.
# - y = y / np.sqrt(variances + eps)
# + y = y / (variances + eps)

# %% wrong="whiten"
# ε belongs under the root, with the variance.
# - y = y / np.sqrt(variances + eps)
# + y = y / (np.sqrt(variances) + eps)

# %% wrong="whiten"
# ε is missing: directions of tiny variance are blown up.
# - y = y / np.sqrt(variances + eps)
# + y = y / np.sqrt(variances)

# %% wrong="whiten"
# This is PCA: it decorrelates. Whitening also divides by the root of the variances.
# - y = y / np.sqrt(variances + eps)
# + pass

# %% wrong="whiten"
# ZCA turns BACK, with Uᵀ: you have turned further, with U.
# - y = y @ U.T
# + y = y @ U

# %% wrong="whiten"
# You turn back for both methods: PCA whitening stays on the principal axes.
# - if method == "zca":
# + if True:

# %% wrong="whiten"
# ZCA is missing: it turns the PCA-whitened data back with Uᵀ.
# - if method == "zca":
# + if False:

# %% wrong="whiten"
# The largest variance comes first; eigh gives the smallest first.
# - variances, U = variances[::-1], U[:, ::-1]
# + pass

# %% wrong="whiten"
# You subtract the mean of x: new data must be moved by the training mean.
# - y = (x - mean) @ U
# + y = (x - x.mean(axis=0)) @ U

# %% wrong="whiten"
# The mean was not subtracted from x. Data that are not centered are not white.
# - y = (x - mean) @ U
# + y = x @ U

# %% wrong="whiten"
# The covariance was computed from data that are not centered.
# - centered = x_train - mean
# + centered = x_train

# %% wrong="whiten"
# U and Λ come from x, not from the training data: one new sample has no covariance at
# all.
# - centered = x_train - mean
# - variances, U = np.linalg.eigh(centered.T @ centered / len(x_train))
# + centered = x - x.mean(axis=0)
# + variances, U = np.linalg.eigh(centered.T @ centered / len(x))

# %% [markdown]
# **See what it does.** Ten digits, ZCA-whitened with two values of ε by your function.
# *Guess first:* in which pixels will the tiny ε show?
#
# <details><summary>Answer</summary>At the border, where training images hardly vary:
# there the variances are tiny, and only ε keeps the result small.</details>

# %% demo=true
import matplotlib.pyplot as plt

from nnlib.data import digits
from nnlib.plotting import use_style

use_style()
d = digits(rng=np.random.default_rng(5), dtype=np.float64, device="cpu")
figure, axes = plt.subplots(3, 10, figsize=(8, 2.6))
try:
    rows = {"original": d.x_val[:10]}
    for eps in (1e-6, 0.1):
        rows[f"eps {eps:g}"] = whiten(d.x_train, d.x_val[:10], "zca", eps)
    for row, (name, images) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(name)
        for ax, image in zip(row, images, strict=True):
            ax.imshow(image.reshape(8, 8), cmap="gray", vmin=-2.5, vmax=2.5)
            ax.set(xticks=[], yticks=[])
except NotImplementedError as unanswered:
    print(f"{unanswered} comes first: then the digits are drawn.")

# %% [markdown]
# ## Exercise 5 · Three colleagues
#
# Three colleagues have written a function `pipeline(x_train, x_new)` that returns both
# parts preprocessed. You cannot read their code, but you can run it with data of your
# choice. Find out which statistics each one uses:
#
# - `"leak"`: the **training** part comes out different when you change `x_new`. The
#   new data have leaked into the statistics.
# - `"own"`: the training part does not depend on `x_new`, but a new sample comes out
#   different when you change the **other** new samples.
# - `"fine"`: neither.
#
# *Guess first:* with a leak, does a new sample also depend on the other new samples?
#
# <details><summary>Answer</summary>Yes. So ask about the training part
# first.</details>


# %% answer="diagnose"
def diagnose(pipeline, x_train, x_new):
    """Return "leak", "own" or "fine"."""
    ### BEGIN SOLUTION
    other = x_new.copy()
    other[1:] = 2 * other[1:] + 5  # all but the first sample
    train, new = pipeline(x_train, x_new)
    changed_train, changed_new = pipeline(x_train, other)
    if not np.allclose(train, changed_train):
        return "leak"
    if not np.allclose(new[0], changed_new[0]):
        return "own"
    return "fine"
    ### END SOLUTION


# %% check="diagnose" points=2
def colleague(kind, step):
    """A pipeline that takes its statistics from the wrong place, or the right one."""

    def constants(x):
        mean = x.mean(axis=0)
        if step == "center":
            return mean, np.eye(x.shape[1])
        if step == "spread":  # does not center
            return 0 * mean, np.diag(1 / x.std(axis=0))
        if step == "scale":
            return mean, np.diag(1 / x.std(axis=0))
        return mean, np.linalg.eigh((x - mean).T @ (x - mean) / len(x))[1]

    def pipeline(x_train, x_new):
        both = np.concatenate([x_train, x_new])
        measured = both if kind == "leak" else x_train
        mean, matrix = constants(measured)
        train = (x_train - mean) @ matrix
        if kind == "own":
            mean, matrix = constants(x_new)
        return train, (x_new - mean) @ matrix

    return pipeline


def verdicts(order, data):
    """What diagnose says about pipelines of these kinds."""
    return [diagnose(colleague(*pair), *data) for pair in order]


old, new = cloud(np.random.default_rng(1)), cloud(np.random.default_rng(2), n=20)
kinds = [("own", "center"), ("fine", "scale"), ("leak", "scale")]
emit("the three colleagues", lambda: verdicts(kinds, (old, new)))
plain = [("fine", "spread"), ("leak", "spread"), ("own", "spread")]
emit("three who do not center", lambda: verdicts(plain, (old, new)))
### BEGIN HIDDEN TESTS
steps = ("center", "scale", "turn", "spread")
pairs = [(k, s) for k in ("own", "fine", "leak") for s in steps]
order = [pairs[i] for i in rng.permutation(12)]
old, new = cloud(rng, n=50), cloud(rng, n=15)
emit("twelve colleagues", lambda: verdicts(order, (old, new)))
before = new.copy()
emit("your data afterwards", lambda: (verdicts(order, (old, new)), new - before)[1])
### END HIDDEN TESTS

# %% wrong="diagnose"
# With a leak a new sample also depends on the others, so this answers "own" for both.
# Look at the training part first.
# - if not np.allclose(train, changed_train):
# + if False:

# %% wrong="diagnose"
# "own" is never found: compare one new sample that you did not change, among different
# others.
# - if not np.allclose(new[0], changed_new[0]):
# + if False:

# %% wrong="diagnose"
# You changed every new sample: of course the result is different then. Keep one as it
# is and look at that one.
# - other[1:] = 2 * other[1:] + 5  # all but the first sample
# + other = 2 * other + 5

# %% wrong="diagnose"
# You look at samples that you have changed yourself: compare only the one that stayed
# as it was.
# - if not np.allclose(new[0], changed_new[0]):
# + if not np.allclose(new, changed_new):


# %% wrong="diagnose"
# You look at the means of what comes out. A pipeline that does not center can leak as
# well: change the new data, run it again, and compare.
def diagnose(pipeline, x_train, x_new):
    train, new = pipeline(x_train, x_new)
    if np.allclose(new.mean(axis=0), 0):
        return "own"
    return "fine" if np.allclose(train.mean(axis=0), 0) else "leak"


# %% wrong="diagnose"
# You write into x_new itself: copy it first.
# - other = x_new.copy()
# + x_new = np.asarray(x_new)
# + kept_new = pipeline(x_train, x_new)[1].copy()
# + other = x_new

# %% [markdown]
# ## What you have now
#
# Standardization that survives a constant feature, the number that says how long the
# valley is, two kinds of whitening, and a test that finds a leak in code you cannot
# read. Chapter 8 takes the same step inside the network: there the statistics move
# while it trains.

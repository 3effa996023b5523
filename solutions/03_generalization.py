# %% [markdown]
# # Lab 3 · Data splits, bias, variance and generalization
#
# A number that says how good a model is can be wrong in more ways than the model. In
# this lab you write the tools that keep it right: a split, a preparation without a
# leak, the uncertainty of an error, a diagnosis, the decomposition into bias and
# variance, and a cross-validation into which nothing leaks.
#
# Each of the six exercises has a question to think about, a cell to complete, and a
# check that answers at once. **Guess before you run.** Put everything an answer needs
# into its own cell (you may call your functions from earlier exercises): cells that you
# add are for you alone and are not graded.
#
# You need: chapter 3, NumPy, about 60 minutes.

# %%
import numpy as np

# %% [markdown]
# ## Exercise 1 · Split
#
# Cut a data set into parts whose sizes are given as fractions, such as
# `[0.6, 0.2, 0.2]`.
#
# - **Shuffle first**, with the generator `rng` that you are given and nothing else.
# - The cuts are at `np.round(np.cumsum(fractions)[:-1] * n)`.
# - With `stratify=True` each **class** is shuffled and cut by itself, by the same rule,
#   and the pieces are put together. The order within a part does not matter.
# - Return a list with a pair `(x, y)` for each part.
#
# *Guess first:* a file is sorted by class: 500 zeros, then 500 ones. Without shuffling,
# what is in the last fifth? And what error has a network on it that was trained on the
# first half?
#
# <details><summary>Answer</summary>Only ones, and the network has never seen a one: it
# is always wrong, 100 %.</details>


# %% answer="split" flag="nnlib.data sklearn train_test_split"
def split(x, y, fractions, rng, stratify=False):
    """Return [(x, y), ...], one pair for each fraction."""
    ### BEGIN SOLUTION
    order = rng.permutation(len(y))
    groups = [order[y[order] == c] for c in np.unique(y)] if stratify else [order]
    pieces = [[] for _ in fractions]
    for group in groups:
        cuts = np.round(np.cumsum(fractions)[:-1] * len(group)).astype(int)
        for piece, index in zip(pieces, np.split(group, cuts), strict=True):
            piece.append(index)
    parts = [np.concatenate(piece) for piece in pieces]
    return [(x[i], y[i]) for i in parts]
    ### END SOLUTION


# %% check="split" points=3
def sorted_file(counts):
    """x is the line number, y the class; sorted by class."""
    y = np.repeat(np.arange(len(counts)), counts)
    return np.arange(len(y)), y


def cut(counts, fractions, seed, stratify=False):
    """Your parts of a sorted file."""
    own = np.random.default_rng(seed)
    return split(*sorted_file(counts), fractions, own, stratify)


def sizes(parts):
    return [len(x) for x, _ in parts]


def everyone(parts):
    """All line numbers, sorted: each must be there once."""
    return np.sort(np.concatenate([x for x, _ in parts]))


def mispaired(counts, parts):
    """How many examples have lost their label."""
    y = sorted_file(counts)[1]
    return int(sum((y[x] != own).sum() for x, own in parts))


def members(parts):
    """How many of each class are in each part."""
    return [np.bincount(y, minlength=3).tolist() for _, y in parts]


def shared(a, b):
    """How many examples the second parts of two splits have in common."""
    return len(set(a[1][0].tolist()) & set(b[1][0].tolist()))


thirds = [0.6, 0.2, 0.2]
emit("sizes", lambda: sizes(cut([500, 500], thirds, 1)))
emit("everyone once", lambda: everyone(cut([500, 500], thirds, 1)))
emit("labels that got lost", lambda: mispaired([500, 500], cut([500, 500], thirds, 1)))
emit(
    "middle of the first part",
    lambda: float(np.mean(cut([500, 500], thirds, 1)[0][0])),
    rtol=0,
    atol=60,
)
emit("classes when stratified", lambda: members(cut([800, 150, 50], thirds, 1, True)))
emit(
    "the same generator, the same split",
    lambda: shared(cut([1000], thirds, 1), cut([1000], thirds, 1)),
)
emit(
    "another generator, another split",
    lambda: shared(cut([1000], thirds, 1), cut([1000], thirds, 2)),
    rtol=0,
    atol=30,
)
emit(
    "shuffled within a class",
    lambda: float(np.mean(cut([1000], [0.5, 0.5], 1, True)[0][0])),
    rtol=0,
    atol=70,
)
### BEGIN HIDDEN TESTS
seed = int(rng.integers(10**6))
counts = (10 * rng.integers(8, 60, size=3)).tolist()
fractions = [0.5, 0.2, 0.2, 0.1]
emit("sizes of four parts", lambda: sizes(cut(counts, fractions, seed)))
emit("everyone once again", lambda: everyone(cut(counts, fractions, seed)))
emit("lost labels", lambda: mispaired(counts, cut(counts, fractions, seed)))
emit("classes of four parts", lambda: members(cut(counts, fractions, seed, True)))
emit("everyone, stratified", lambda: everyone(cut(counts, fractions, seed, True)))
emit(
    "middle of the parts",
    lambda: float(np.mean(cut([600, 400], [0.5, 0.5], seed)[0][0])),
    rtol=0,
    atol=70,
)
emit(
    "order within a class",
    lambda: float(np.mean(cut([1000], [0.5, 0.5], seed, True)[0][0])),
    rtol=0,
    atol=70,
)
emit(
    "the same split again",
    lambda: shared(cut([1000], thirds, seed), cut([1000], thirds, seed)),
)
emit(
    "a different split",
    lambda: shared(cut([1000], thirds, seed), cut([1000], thirds, seed + 1)),
    rtol=0,
    atol=30,
)
### END HIDDEN TESTS

# %% wrong="split"
# You cut without shuffling: in a sorted file each part has classes of its own.
# - order = rng.permutation(len(y))
# + order = np.arange(len(y))

# %% wrong="split"
# You have a seed of your own and ignore the generator that you are given: every split
# is then the same.
# - order = rng.permutation(len(y))
# + order = np.random.default_rng(0).permutation(len(y))

# %% wrong="split"
# You draw from NumPy's global generator instead of the one that you are given: the same
# seed no longer gives the same split.
# - order = rng.permutation(len(y))
# + order = np.random.permutation(len(y))

# %% wrong="split"
# Drawing WITH replacement puts some examples into several parts, or twice into one, and
# leaves others out: a leak. A permutation has each one exactly once.
# - order = rng.permutation(len(y))
# + order = rng.integers(0, len(y), len(y))

# %% wrong="split"
# Images and labels are shuffled separately, and no image has its own label any more.
# Take both with the same index.
# - return [(x[i], y[i]) for i in parts]
# + return [(x[i], y[rng.permutation(i)]) for i in parts]

# %% wrong="split"
# The cuts have to be ADDED up: the second cut is at 0.6 + 0.2, not at 0.2.
# - cuts = np.round(np.cumsum(fractions)[:-1] * len(group)).astype(int)
# + cuts = np.sort(np.round(np.array(fractions)[:-1] * len(group)).astype(int))

# %% wrong="split"
# `stratify` is ignored: the classes then have slightly different shares in each part.
# - groups = [order[y[order] == c] for c in np.unique(y)] if stratify else [order]
# + groups = [order]

# %% wrong="split"
# Each class is cut in the order of the file: within a class it still has to be
# shuffled.
# - groups = [order[y[order] == c] for c in np.unique(y)] if stratify else [order]
# + groups = [np.flatnonzero(y == c) for c in np.unique(y)] if stratify else [order]

# %% [markdown]
# **See what it does.** How often does a dev set of 40 from 400 examples miss a class
# that has only 8? *Guess first* for both kinds of split.
#
# <details><summary>Answer</summary>Plain: in about 0.9⁸ = 43 % of the splits.
# Stratified: never; there is exactly one in each.</details>

# %% demo=true
y = np.repeat([0, 1], [392, 8])
for stratify in (False, True):
    own, missing = np.random.default_rng(3), 0
    try:
        for _ in range(500):
            dev = split(np.arange(400), y, [0.85, 0.1, 0.05], own, stratify)[1][1]
            missing += int(dev.sum() == 0)
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break
    print(f"stratify={stratify}: {missing / 5:.0f} % of the dev sets miss the class")

# %% [markdown]
# ## Exercise 2 · Prepare without a leak
#
# Standardize each feature: subtract a mean, divide by a standard deviation. Both are
# measured **on the training part** and used on all parts. A feature that is constant in
# the training part has the standard deviation 0: divide it by 1 instead.
#
# *Guess first:* after this, has the dev part the mean 0 and the standard deviation 1?
#
# <details><summary>Answer</summary>Not exactly, and it should not. If it had, it would
# have been standardized with numbers of its own, and the same image would get another
# answer in another file.</details>


# %% answer="prepare" flag="StandardScaler nnlib.preprocess"
def standardize(train, *others):
    """Return a list: train and all others, standardized. Shapes (N, D)."""
    ### BEGIN SOLUTION
    mean = train.mean(axis=0)
    std = train.std(axis=0)
    std = np.where(std == 0, 1, std)
    return [(part - mean) / std for part in (train, *others)]
    ### END SOLUTION


# %% check="prepare" points=2
first = np.array([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]])
second = np.array([[2.0, 0.0, 6.0], [5.0, 20.0, 5.0], [1.0, 7.0, 4.0]])
emit("the training part", lambda: standardize(first, second)[0])
emit("the dev part", lambda: standardize(first, second)[1])
emit("three parts", lambda: len(standardize(first, second, second)))
### BEGIN HIDDEN TESTS
scale = rng.uniform(0.5, 20, size=5)
a, b, c = (rng.normal(m, 1, (n, 5)) * scale for m, n in ((1, 40), (2, 15), (-1, 9)))
a[:, 2] = 3.25
emit("another training part", lambda: standardize(a, b, c)[0])
emit("another dev part", lambda: standardize(a, b, c)[1])
emit("another test part", lambda: standardize(a, b, c)[2])
emit("one image alone", lambda: standardize(a, c[:1])[1])
### END HIDDEN TESTS

# %% wrong="prepare"
# Each part gets a mean and a standard deviation of its own. Then the answer for an
# image depends on which others are in its file. Use those of the training part.
# - mean = train.mean(axis=0)
# - std = train.std(axis=0)
# - std = np.where(std == 0, 1, std)
# - return [(part - mean) / std for part in (train, *others)]
# + parts = (train, *others)
# + safe = [np.where(p.std(axis=0) == 0, 1, p.std(axis=0)) for p in parts]
# + return [(p - p.mean(axis=0)) / s for p, s in zip(parts, safe, strict=True)]

# %% wrong="prepare"
# The mean comes from all parts together: dev and test data have helped to prepare
# themselves. That is the leak. Measure on `train` only.
# - mean = train.mean(axis=0)
# + mean = np.concatenate([train, *others]).mean(axis=0)

# %% wrong="prepare"
# The standard deviation comes from all parts together. Measure on `train` only.
# - std = train.std(axis=0)
# + std = np.concatenate([train, *others]).std(axis=0)

# %% wrong="prepare"
# You divide by the variance: divide by its root, the standard deviation.
# - std = train.std(axis=0)
# + std = train.var(axis=0)

# %% wrong="prepare"
# One number for all features: each feature has a unit of its own here, so measure along
# axis 0.
# - std = train.std(axis=0)
# + std = train.std()

# %% wrong="prepare"
# A constant feature has the standard deviation 0: dividing by it gives nan or inf.
# - std = np.where(std == 0, 1, std)
# + std = std * 1

# %% wrong="prepare"
# A small number added to every standard deviation changes all features a little, and a
# constant feature, once it varies in the dev part, becomes huge. Replace the zeros.
# - std = np.where(std == 0, 1, std)
# + std = std + 1e-3

# %% wrong="prepare"
# You prepare the training part only; the network would see dev data in other units.
# - return [(part - mean) / std for part in (train, *others)]
# + return [(train - mean) / std, *others]

# %% [markdown]
# ## Exercise 3 · How sure is an error?
#
# `wrong` is an array of booleans, one for each image: True where the network is wrong.
#
# - `error_se(wrong)`: the standard error of the error rate, √(e(1 − e)/N).
# - `images_needed(e, se)`: the smallest whole number of images with which an error rate
#   e is known to within a standard error of se.
# - `difference(wrong_a, wrong_b)`: the difference of two error rates on the **same**
#   images, a minus b, and its standard error √((d − Δ²)/N). Here d is the share of
#   images on which exactly one of the two is wrong.
#
# All as fractions, not percent.
#
# *Guess first:* half the standard error: how many times as many images?
#
# <details><summary>Answer</summary>Four times. The standard error falls with the root
# of the number.</details>


# %% answer="sure" flag="binomial_se paired_difference"
def error_se(wrong):
    """Return the standard error of the error rate."""
    ### BEGIN SOLUTION
    e = np.mean(wrong)
    return np.sqrt(e * (1 - e) / len(wrong))
    ### END SOLUTION


def images_needed(e, se):
    """Return how many images give this standard error, rounded up."""
    ### BEGIN SOLUTION
    return int(np.ceil(e * (1 - e) / se**2))
    ### END SOLUTION


def difference(wrong_a, wrong_b):
    """Return (difference of the error rates, its standard error)."""
    ### BEGIN SOLUTION
    delta = np.mean(wrong_a) - np.mean(wrong_b)
    d = np.mean(wrong_a != wrong_b)
    return delta, np.sqrt((d - delta**2) / len(wrong_a))
    ### END SOLUTION


# %% check="sure" points=3
a = np.array([True, False, False, True, False, False, False, True, False, False])
b = np.array([True, False, False, False, False, False, True, False, False, False])
emit("standard error", lambda: error_se(a))
emit("images needed", lambda: images_needed(0.08, 0.007))
emit("difference", lambda: difference(a, b)[0])
emit("its standard error", lambda: difference(a, b)[1])
### BEGIN HIDDEN TESTS
n = int(rng.integers(200, 500))
a = rng.random(n) < rng.uniform(0.2, 0.3)
b = np.where(rng.random(n) < 0.7, a, rng.random(n) < 0.05)
e, se = float(rng.uniform(0.02, 0.2)), float(rng.uniform(0.004, 0.009))
emit("another standard error", lambda: error_se(a))
emit("another number of images", lambda: images_needed(e, se))
emit("another difference", lambda: difference(a, b)[0])
emit("the standard error of that", lambda: difference(a, b)[1])
### END HIDDEN TESTS

# %% wrong="sure"
# This is the variance: the standard error is its root.
# - return np.sqrt(e * (1 - e) / len(wrong))
# + return e * (1 - e) / len(wrong)

# %% wrong="sure"
# √(e/N) leaves out the factor 1 − e. For small errors this hardly matters, for a blind
# guess it does.
# - return np.sqrt(e * (1 - e) / len(wrong))
# + return np.sqrt(e / len(wrong))

# %% wrong="sure"
# This is the spread of ONE answer: the mean of N answers varies less, by the root of N.
# - return np.sqrt(e * (1 - e) / len(wrong))
# + return np.sqrt(e * (1 - e))

# %% wrong="sure"
# The standard error enters squared: half of it takes four times the images.
# - return int(np.ceil(e * (1 - e) / se**2))
# + return int(np.ceil(e * (1 - e) / se))

# %% wrong="sure"
# Rounded down, the standard error is a little too large: one image is missing.
# - return int(np.ceil(e * (1 - e) / se**2))
# + return int(e * (1 - e) / se**2)

# %% wrong="sure"
# The two variances are added, as for two separate sets. Here both networks see the SAME
# images: what both get right or wrong cancels.
# - return delta, np.sqrt((d - delta**2) / len(wrong_a))
# + return delta, np.sqrt(error_se(wrong_a) ** 2 + error_se(wrong_b) ** 2)

# %% wrong="sure"
# d is the share of images on which EXACTLY ONE is wrong: you count those on which at
# least one is.
# - d = np.mean(wrong_a != wrong_b)
# + d = np.mean(wrong_a | wrong_b)

# %% wrong="sure"
# d alone is the mean of the squared differences: the variance is that minus the square
# of the mean, d − Δ².
# - return delta, np.sqrt((d - delta**2) / len(wrong_a))
# + return delta, np.sqrt(d / len(wrong_a))

# %% wrong="sure"
# The sign is the other way round: a minus b.
# - delta = np.mean(wrong_a) - np.mean(wrong_b)
# + delta = np.mean(wrong_b) - np.mean(wrong_a)

# %% [markdown]
# ## Exercise 4 · Diagnose
#
# Four errors in percent, three gaps:
#
# | gap | is | what to do |
# |---|---|---|
# | `"bias"` | training − target | larger model, train longer |
# | `"variance"` | train-dev − training | more data, regularization |
# | `"mismatch"` | dev − train-dev | data of the right kind |
#
# Return the names of all gaps that are **larger than** `large`, the largest gap first.
# An empty list means: fine.
#
# *Guess first:* humans miss 14 % of these blurred digits, a network misses 15 % in
# training, 16 % on train-dev and 16 % on dev. Is this under-fitting?
#
# <details><summary>Answer</summary>No. Its bias is 1 point. Compared with 0 instead of
# with the target it would have looked like 15.</details>


# %% answer="diagnose"
def diagnose(target, training, train_dev, dev, large=2.0):
    """Return the names of the large gaps, the largest first."""
    ### BEGIN SOLUTION
    gaps = {
        "bias": training - target,
        "variance": train_dev - training,
        "mismatch": dev - train_dev,
    }
    found = [name for name in gaps if gaps[name] > large]
    return sorted(found, key=gaps.get, reverse=True)
    ### END SOLUTION


# %% check="diagnose" points=2
emit("blurred digits", lambda: diagnose(14, 15, 16, 16))
emit("learned by heart", lambda: diagnose(1, 0, 9, 10))
emit("too small", lambda: diagnose(1, 12, 13, 14))
emit("another camera", lambda: diagnose(1, 0, 4, 60))
emit("everything", lambda: diagnose(1, 9, 12, 17))
emit("below the target", lambda: diagnose(10, 4, 5, 6))
emit("another limit", lambda: diagnose(10, 13, 17, 22, large=3))
### BEGIN HIDDEN TESTS
three = [float(rng.uniform(low, low + 2)) for low in (4, 8, 12)]
step = [three[i] for i in rng.permutation(3)]
start = float(rng.uniform(10, 20))
case = np.cumsum([start, *step]).tolist()
emit("three gaps", lambda: diagnose(*case))
small, big = (float(v) for v in rng.uniform([0.2, 5], [1.5, 9]))
emit("no gap", lambda: diagnose(start, *(start + small * np.arange(1, 4) / 2).tolist()))
emit("variance only", lambda: diagnose(start, start, start + big, start + big + small))
emit(
    "mismatch only", lambda: diagnose(start, start, start + small, start + small + big)
)
emit("far below the target", lambda: diagnose(start, start - big, start - big, start))
emit("at the limit", lambda: diagnose(10, 13, 16, 20, large=3))
emit("a wider limit", lambda: diagnose(*case, large=7.0))
### END HIDDEN TESTS

# %% wrong="diagnose"
# You compare the training error with 0. Compare it with the target: some errors nobody
# can avoid.
# - "bias": training - target,
# + "bias": training,

# %% wrong="diagnose"
# Your variance is dev − training: it contains the mismatch. The train-dev set is there
# to separate the two.
# - "variance": train_dev - training,
# + "variance": dev - training,

# %% wrong="diagnose"
# Your mismatch is dev − training: it contains the variance. Start from the train-dev
# error.
# - "mismatch": dev - train_dev,
# + "mismatch": dev - training,

# %% wrong="diagnose"
# Your variance is measured from the target: it contains the bias.
# - "variance": train_dev - training,
# + "variance": train_dev - target,

# %% wrong="diagnose"
# The largest gap comes first: it promises most.
# - return sorted(found, key=gaps.get, reverse=True)
# + return sorted(found, key=gaps.get)

# %% wrong="diagnose"
# You return the largest gap only: the others may be large, too.
# - return sorted(found, key=gaps.get, reverse=True)
# + return sorted(found, key=gaps.get, reverse=True)[:1]

# %% wrong="diagnose"
# A gap must be larger than the limit, not equal to it.
# - found = [name for name in gaps if gaps[name] > large]
# + found = [name for name in gaps if gaps[name] >= large]

# %% wrong="diagnose"
# A negative gap is no trouble of this kind: do not take its absolute value.
# - found = [name for name in gaps if gaps[name] > large]
# + found = [name for name in gaps if abs(gaps[name]) > large]

# %% wrong="diagnose"
# `large` is given: you have a limit of your own.
# - found = [name for name in gaps if gaps[name] > large]
# + found = [name for name in gaps if gaps[name] > 2]

# %% [markdown]
# ## Exercise 5 · Bias and variance
#
# `predictions[r, i]` is what the model trained on training set r says at point i;
# `truth[i]` is right. Return two numbers, each a mean over the points:
#
# - **bias²**: the squared distance of the **mean** prediction from the truth;
# - **variance**: the mean squared distance of the predictions from their mean, divided
#   by R, the number of training sets.
#
# *Guess first:* what is the sum of the two?
#
# <details><summary>Answer</summary>The mean squared error of all predictions, exactly.
# This is the decomposition.</details>


# %% answer="bias_variance"
def bias_variance(predictions, truth):
    """Return (bias², variance). Shapes (R, N) and (N,)."""
    ### BEGIN SOLUTION
    mean = predictions.mean(axis=0)
    bias2 = np.mean((mean - truth) ** 2)
    variance = np.mean((predictions - mean) ** 2)
    return bias2, variance
    ### END SOLUTION


# %% check="bias_variance" points=2
p = np.array([[1.0, 2.0, 6.0], [3.0, 2.0, 3.0]])
t = np.array([1.0, 3.0, 5.0])
emit("bias²", lambda: bias_variance(p, t)[0])
emit("variance", lambda: bias_variance(p, t)[1])
emit("their sum", lambda: sum(bias_variance(p, t)))
### BEGIN HIDDEN TESTS
R, N = int(rng.integers(6, 12)), int(rng.integers(20, 40))
t = np.sin(np.linspace(0, 6, N)) + float(rng.uniform(1, 3))
spread = rng.uniform(0.5, 2, size=N)
p = t + rng.normal(0, 1, N) + spread * rng.standard_normal((R, N))
emit("another bias²", lambda: bias_variance(p, t)[0])
emit("another variance", lambda: bias_variance(p, t)[1])
### END HIDDEN TESTS

# %% wrong="bias_variance"
# You square first and take the mean over training sets afterwards: that is the whole
# error, bias² + variance. Bias is about the MEAN prediction.
# - bias2 = np.mean((mean - truth) ** 2)
# + bias2 = np.mean((predictions - truth) ** 2)

# %% wrong="bias_variance"
# Averaged over the points before squaring, errors of opposite sign cancel. Square at
# each point.
# - bias2 = np.mean((mean - truth) ** 2)
# + bias2 = np.mean(mean - truth) ** 2

# %% wrong="bias_variance"
# This is the mean absolute bias: square it.
# - bias2 = np.mean((mean - truth) ** 2)
# + bias2 = np.mean(np.abs(mean - truth))

# %% wrong="bias_variance"
# Your mean runs over the points; it should run over the training sets, axis 0.
# - mean = predictions.mean(axis=0)
# + mean = predictions.mean(axis=1, keepdims=True)

# %% wrong="bias_variance"
# One mean of all predictions: what varies from point to point is no variance of the
# model. Take the mean at each point, over the training sets.
# - variance = np.mean((predictions - mean) ** 2)
# + variance = np.var(predictions)

# %% wrong="bias_variance"
# This is a standard deviation: the decomposition adds squares.
# - variance = np.mean((predictions - mean) ** 2)
# + variance = np.mean(predictions.std(axis=0))

# %% wrong="bias_variance"
# Variance is measured from the mean prediction, not from the truth: otherwise bias² is
# counted twice.
# - variance = np.mean((predictions - mean) ** 2)
# + variance = np.mean((predictions - truth) ** 2)

# %% wrong="bias_variance"
# Divided by R − 1, bias² and variance no longer add up to the error of these
# predictions. Here R was asked for.
# - variance = np.mean((predictions - mean) ** 2)
# + variance = np.mean(predictions.var(axis=0, ddof=1))

# %% [markdown]
# **See what it does.** Polynomials on 20 noisy points of a sine, 200 training sets.
# *Guess first:* at which degree is the sum smallest?
#
# <details><summary>Answer</summary>At degree 3: a degree that is too low costs bias, a
# higher one costs variance.</details>

# %% demo=true
own = np.random.default_rng(3)
grid = np.linspace(-0.9, 0.9, 40)
x = np.linspace(-1, 1, 20)
for degree in (0, 1, 3, 5, 8, 12):
    fits = np.array(
        [
            np.polyval(
                np.polyfit(x, np.sin(3 * x) + 0.4 * own.standard_normal(20), degree),
                grid,
            )
            for _ in range(200)
        ]
    )
    try:
        b, v = bias_variance(fits, np.sin(3 * grid))
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break
    print(f"degree {degree:2d}: bias² {b:.3f}  variance {v:.3f}  sum {b + v:.3f}")

# %% [markdown]
# ## Exercise 6 · Cross-validation without a leak
#
# There are few examples, so each one serves once in a dev set. `folds` is a list of
# arrays of indices. For each fold: **choose** the k strongest features, **train**, both
# on the examples that are not in the fold, and count the errors on the fold. Return the
# error in percent: all errors over all examples (the folds may differ in size).
#
# Two functions are given. `strongest(x, t, k)` returns the positions of the k features
# that correlate most with the labels t (−1 or +1). `fit_predict(x, t, x_new)` trains a
# linear classifier and returns its answers for `x_new`, −1 or +1.
#
# *Guess first:* 60 examples with 500 features of pure noise, labels by coin toss. What
# error do you find if the features are chosen first, with all 60 examples?
#
# <details><summary>Answer</summary>About 10 to 20 %, where the truth is 50 %. The
# demonstration below shows it.</details>


# %%
def strongest(x, t, k):
    """Positions of the k features that correlate most with the labels."""
    centered = x - x.mean(axis=0)
    score = np.abs(centered.T @ (t - t.mean())) / np.linalg.norm(centered, axis=0)
    return np.argsort(-score)[:k]


def fit_predict(x, t, x_new):
    """Train a ridge classifier on (x, t); its answers for x_new, -1 or +1."""
    mean, shift = x.mean(axis=0), t.mean()
    G = (x - mean).T @ (x - mean) + np.eye(x.shape[1])
    w = np.linalg.solve(G, (x - mean).T @ (t - shift))
    return np.where((x_new - mean) @ w + shift > 0, 1, -1)


# %% answer="cross_validate" flag="sklearn"
def cross_validate(x, t, k, folds):
    """Return the cross-validated error in percent."""
    ### BEGIN SOLUTION
    missed = 0
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(t)), fold)
        chosen = strongest(x[rest], t[rest], k)
        answers = fit_predict(x[rest][:, chosen], t[rest], x[fold][:, chosen])
        missed += np.sum(answers != t[fold])
    return 100 * missed / len(t)
    ### END SOLUTION


# %% check="cross_validate" points=3
def study(seed, n=60, features=300, real=0.0):
    """Noise, labels by coin toss; `real` lets ten features know something."""
    own = np.random.default_rng(seed)
    t = np.where(own.random(n) < 0.5, -1, 1)
    x = own.standard_normal((n, features))
    x[:, :10] += real * t[:, None]
    order = own.permutation(n)
    return x, t, np.split(order, [n // 2, n // 2 + n // 3])  # a half, a third, a sixth


def errors(seeds, k, **kw):
    """Your cross-validated error on several studies."""
    found = []
    for seed in seeds:
        x, t, folds = study(int(seed), **kw)
        found.append(float(cross_validate(x, t, k, folds)))
    return found


emit("three studies of noise", lambda: errors([1, 2, 3], 10))
emit("three studies with something in them", lambda: errors([1, 2, 3], 10, real=0.5))
### BEGIN HIDDEN TESTS
seeds = rng.integers(10**6, size=8)
emit("eight studies of noise", lambda: errors(seeds, 12))
emit("eight real ones", lambda: errors(seeds, 7, real=0.4, n=72))
### END HIDDEN TESTS

# %% wrong="cross_validate"
# The features are chosen with ALL examples: those of the fold have helped to choose
# what fits them. On pure noise this finds errors far below 50 %. Choose on the rest.
# - chosen = strongest(x[rest], t[rest], k)
# + chosen = strongest(x, t, k)

# %% wrong="cross_validate"
# The features are chosen on the fold itself, which is there to judge only.
# - chosen = strongest(x[rest], t[rest], k)
# + chosen = strongest(x[fold], t[fold], k)

# %% wrong="cross_validate"
# Training and fold are swapped: train on the rest, count on the fold.
# - answers = fit_predict(x[rest][:, chosen], t[rest], x[fold][:, chosen])
# + answers = fit_predict(x[fold][:, chosen], t[fold], x[fold][:, chosen])

# %% wrong="cross_validate"
# The classifier is trained on all examples, those of the fold included.
# - answers = fit_predict(x[rest][:, chosen], t[rest], x[fold][:, chosen])
# + answers = fit_predict(x[:, chosen], t, x[fold][:, chosen])

# %% wrong="cross_validate"
# Nothing is chosen: you train with all features.
# - chosen = strongest(x[rest], t[rest], k)
# + chosen = np.arange(x.shape[1])

# %% wrong="cross_validate"
# The mean of the folds' errors gives an example of a small fold more weight. Divide all
# errors by all examples.
# - missed += np.sum(answers != t[fold])
# - return 100 * missed / len(t)
# + missed += np.mean(answers != t[fold])
# + return 100 * missed / len(folds)

# %% wrong="cross_validate"
# You count the right answers: the error was asked for.
# - missed += np.sum(answers != t[fold])
# + missed += np.sum(answers == t[fold])

# %% wrong="cross_validate"
# A fraction: percent was asked for.
# - return 100 * missed / len(t)
# + return missed / len(t)

# %% [markdown]
# **See what it does.** Twenty studies of pure noise, chosen inside and chosen first.

# %% demo=true
inside, first = [], []
for seed in range(20):
    x, t, folds = study(seed, features=500)
    try:
        inside.append(cross_validate(x, t, 10, folds))
    except NotImplementedError as unanswered:
        print(f"{unanswered} comes first.")
        break
    lucky = x[:, strongest(x, t, 10)]
    first.append(cross_validate(lucky, t, 10, folds))
else:
    print(f"chosen inside: {np.mean(inside):.0f} %, the truth is 50 %")
    print(f"chosen first:  {np.mean(first):.0f} %")

# %% [markdown]
# ## What you have now
#
# A split that loses nobody and repeats itself, numbers with their uncertainty, a
# diagnosis that names the remedy, and an ear for leaks: whatever is computed from data
# belongs inside the split. From here on every chapter of the course relies on these.

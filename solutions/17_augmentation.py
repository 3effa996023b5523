# %% [markdown]
# # Lab 17 · Data augmentation
#
# Augmentation code seldom crashes. A square that wraps around the border, a crop that
# never reaches the last column, a label that was not mixed: the images look nearly
# right, the training runs, and the error is a little worse than it should be. In this
# lab you write six transformations and check them to the last pixel.
#
# Each exercise has a question to think about, a cell to complete, and a check that
# answers at once. **Guess before you run.** Put everything an answer needs into its own
# cell (you may call your functions from earlier exercises): cells that you add are for
# you alone and are not graded.
#
# You need: chapter 17, NumPy, about 60 minutes. Images are arrays `(N, C, H, W)`;
# points are `(row, column)` in pixels, and rows are counted **downwards**.

# %%
import numpy as np


def numbered(n, channels, height, width):
    """Images in which every pixel has a value of its own."""
    size = n * channels * height * width
    return np.arange(1.0, size + 1).reshape(n, channels, height, width)


# %% [markdown]
# ## Exercise 1 · Where does a pixel come from?
#
# An image is turned by `angle` degrees (counter-clockwise as one sees it), scaled by
# `scale` about its middle m, and then moved by `shift` = (rows down, columns right).
# A point p of the old image goes to p' = m + t + A (p − m). To draw the new image you
# need the way **back**: for each pixel p' of the new image the point p of the old one.
#
# With rows counted downwards, the matrix that acts on (row, column) is
# A = scale · [[cos, −sin], [sin, cos]]: it sends a point on the right, (0, 1), upwards.
# The middle of an image with H rows is the row (H − 1) / 2.
#
# *Guess first:* an image is enlarged by 2. How far from the middle lies the point that
# is read for a pixel 3 columns to the right of the middle?
#
# <details><summary>Answer</summary>1.5 columns. What grows must be read from nearer
# the middle: the map back is the inverse.</details>


# %% answer="read_points" flag="nnlib.warp nnlib.augment"
def read_points(height, width, angle, scale, shift):
    """The point of the old image for each pixel of the new one, (height, width, 2)."""
    ### BEGIN SOLUTION
    a = np.deg2rad(angle)
    A = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    back = np.linalg.inv(A)
    middle = (np.array([height, width]) - 1) / 2
    rows, columns = np.mgrid[:height, :width]
    new = np.stack([rows, columns], axis=-1) - middle - np.array(shift)
    return new @ back.T + middle
    ### END SOLUTION


# %% check="read_points" points=3
emit("the shape", lambda: read_points(4, 6, 0, 1, (0, 0)).shape)
emit("no change", lambda: read_points(3, 4, 0, 1, (0, 0)), atol=1e-9)
emit("a shift", lambda: read_points(3, 3, 0, 1, (1, -0.5)), atol=1e-9)
emit("enlarged by 2", lambda: read_points(5, 5, 0, 2, (0, 0)), atol=1e-9)
emit("a quarter turn", lambda: read_points(3, 3, 90, 1, (0, 0)), atol=1e-9)
emit("turned and moved", lambda: read_points(3, 3, 30, 1, (0, 1)), atol=1e-9)
### BEGIN HIDDEN TESTS
height, width = int(rng.integers(4, 9)), int(rng.integers(10, 15))
angle, scale = float(rng.uniform(10, 80)), float(rng.uniform(1.2, 2.0))
shift = tuple(rng.uniform(0.5, 3, 2))
emit("only turned", lambda: read_points(height, width, angle, 1, (0, 0)), atol=1e-9)
emit("only scaled", lambda: read_points(height, width, 0, scale, (0, 0)), atol=1e-9)
emit("all at once", lambda: read_points(height, width, angle, scale, shift), atol=1e-9)
### END HIDDEN TESTS

# %% wrong="read_points"
# This is the way forward. For a pixel of the new image you need the inverse map.
# - new = np.stack([rows, columns], axis=-1) - middle - np.array(shift)
# - return new @ back.T + middle
# + new = np.stack([rows, columns], axis=-1) - middle
# + return new @ A.T + middle + np.array(shift)

# %% wrong="read_points"
# The matrix is not inverted: your image shrinks where it should grow.
# - back = np.linalg.inv(A)
# + back = A

# %% wrong="read_points"
# You turn about the first pixel, not about the middle.
# - middle = (np.array([height, width]) - 1) / 2
# + middle = np.zeros(2)

# %% wrong="read_points"
# The middle of H rows is the row (H − 1) / 2: rows are counted from 0.
# - middle = (np.array([height, width]) - 1) / 2
# + middle = np.array([height, width]) / 2

# %% wrong="read_points"
# You undo the shift after the turn. The image was turned first and moved last, so on
# the way back the shift goes first.
# - new = np.stack([rows, columns], axis=-1) - middle - np.array(shift)
# - return new @ back.T + middle
# + new = np.stack([rows, columns], axis=-1) - middle
# + return new @ back.T + middle - np.array(shift)

# %% wrong="read_points"
# The shift has the wrong sign: what is moved down must be read from further up.
# - new = np.stack([rows, columns], axis=-1) - middle - np.array(shift)
# + new = np.stack([rows, columns], axis=-1) - middle + np.array(shift)

# %% wrong="read_points"
# Points are rows of your array, so the matrix must be transposed: as it is, the image
# turns the other way.
# - return new @ back.T + middle
# + return new @ back + middle

# %% [markdown]
# ## Exercise 2 · Bend
#
# A **thin-plate spline** moves control points p_i to places q_i and bends as little as
# possible in between:
#
# f(p) = a₀ + A p + Σ w_i U(‖p − p_i‖), with U(r) = r² log r² and U(0) = 0.
#
# The unknowns solve one linear system, for both coordinates at once. With K_ij =
# U(‖p_i − p_j‖) and Q the rows (1, row, column) of the points p_i, the matrix is
# [[K, Q], [Qᵀ, 0]], and the right side is q with three rows of zeros below.
#
# *Guess first:* the q_i are the p_i turned by 30°. Which of the unknowns are zero?
#
# <details><summary>Answer</summary>All w_i: a turn is affine and needs no
# bending.</details>


# %%
def U(p, q):
    """r² log r² for all pairs of points: (M, 2), (P, 2) -> (M, P)."""
    r2 = ((p[:, None] - q[None]) ** 2).sum(axis=-1)
    return r2 * np.log(np.where(r2 > 0, r2, 1.0))


# %% answer="tps" flag="ThinPlateSpline RBFInterpolator tps_warp"
def tps(source, target, points):
    """Where the spline that takes source (P, 2) to target takes points (M, 2)."""
    ### BEGIN SOLUTION
    P = len(source)
    Q = np.hstack([np.ones((P, 1)), source])
    system = np.zeros((P + 3, P + 3))
    system[:P, :P] = U(source, source)
    system[:P, P:] = Q
    system[P:, :P] = Q.T
    right = np.vstack([target, np.zeros((3, 2))])
    solution = np.linalg.solve(system, right)
    w, a = solution[:P], solution[P:]
    return a[0] + points @ a[1:] + U(points, source) @ w
    ### END SOLUTION


# %% check="tps" points=3
SQUARE = np.array([[0.0, 0], [0, 8], [8, 0], [8, 8], [4, 4]])
MOVED = SQUARE + np.array([[0, 0], [0, 0], [0, 0], [0, 0], [1.5, -1.0]])
BETWEEN = np.array([[2.0, 2.0], [4.0, 6.0], [7.0, 3.0]])
emit("at the control points", lambda: tps(SQUARE, MOVED, SQUARE), atol=1e-7)
emit("in between", lambda: tps(SQUARE, MOVED, BETWEEN), atol=1e-7)
emit("nothing moved", lambda: tps(SQUARE, SQUARE, BETWEEN), atol=1e-7)
emit("far away", lambda: tps(SQUARE, MOVED, 5 * BETWEEN), atol=1e-6)
### BEGIN HIDDEN TESTS
source = rng.uniform(0, 10, (9, 2))
target = source + rng.standard_normal((9, 2))
points = rng.uniform(-3, 13, (6, 2))
matrix = rng.standard_normal((2, 2))
emit("through the points", lambda: tps(source, target, source), atol=1e-6)
emit("anywhere", lambda: tps(source, target, points), atol=1e-6)
emit("an affine map", lambda: tps(source, source @ matrix + 1, points), atol=1e-6)
### END HIDDEN TESTS

# %% wrong="tps"
# Source and target have changed places: your spline brings the points back.
# - P = len(source)
# + source, target = target, source
# + P = len(source)

# %% wrong="tps"
# In between, distances are taken to the control points where they ARE (source), not to
# where they go.
# - return a[0] + points @ a[1:] + U(points, source) @ w
# + return a[0] + points @ a[1:] + U(points, target) @ w

# %% wrong="tps"
# The constant a₀ is missing: the first of the three rows below the w.
# - return a[0] + points @ a[1:] + U(points, source) @ w
# + return points @ a[1:] + U(points, source) @ w

# %% wrong="tps"
# Without the affine part the spline cannot even leave things where they are.
# - solution = np.linalg.solve(system, right)
# + solution = np.zeros((P + 3, 2))
# + solution[:P] = np.linalg.lstsq(U(source, source), target)[0]

# %% wrong="tps"
# The bending part is missing: this is the best affine map, and it misses the points.
# - return a[0] + points @ a[1:] + U(points, source) @ w
# + best = np.linalg.lstsq(Q, target)[0]
# + return best[0] + points @ best[1:]

# %% wrong="tps"
# The side conditions are missing: without Qᵀ below K the system has no single solution,
# and w takes over what belongs to the affine part.
# - system[P:, :P] = Q.T
# - right = np.vstack([target, np.zeros((3, 2))])
# - solution = np.linalg.solve(system, right)
# + solution = np.linalg.lstsq(system[:P], target)[0]

# %% [markdown]
# **See what it does.** Your spline bends a board: where does each pixel come from?

# %% demo=true
import matplotlib.pyplot as plt

from nnlib.plotting import use_style
from nnlib.warp import pixel_grid, sample_at

use_style()
board = ((pixel_grid(48, 48) // 6).sum(axis=1) % 2).reshape(1, 1, 48, 48)
grid = pixel_grid(4, 4) * (47 / 3)
jolt = np.random.default_rng(17).standard_normal(grid.shape)
try:
    fig, axes = plt.subplots(1, 4, figsize=(6.8, 1.8))
    for ax, strength in zip(axes, (0, 1, 3, 6), strict=True):
        read = tps(grid, grid + strength * jolt, pixel_grid(48, 48))
        ax.imshow(sample_at(board, read, (48, 48), fill=None)[0, 0], cmap="gray")
        ax.set(xticks=[], yticks=[], title=f"{strength} pixels")
except NotImplementedError as unanswered:
    plt.close(fig)
    print(f"{unanswered} comes first.")

# %% [markdown]
# ## Exercise 3 · Cover
#
# Cutout covers a square of each image with the color `fill`. The square of image i has
# its middle at `rows[i], columns[i]`: it starts at the row `rows[i] − size // 2` and
# has `size` rows, and the same for the columns. Where it reaches beyond the image, only
# the part inside is covered. All channels are covered; the images that came in stay as
# they were.
#
# *Guess first:* what does `x[-1:2]` select from an array with 8 rows?
#
# <details><summary>Answer</summary>Nothing: −1 means the last row, which comes after
# row 2. A square at the border that is cut like this covers nothing at all.</details>


# %% answer="cutout" flag="nnlib.augment box_mask"
def cutout(x, size, rows, columns, fill=0.0):
    """Cover a square of each image; x has the shape (N, C, H, W)."""
    ### BEGIN SOLUTION
    y = x.copy()
    for i in range(len(x)):
        top, left = rows[i] - size // 2, columns[i] - size // 2
        bottom, right = top + size, left + size
        y[i, :, max(top, 0) : bottom, max(left, 0) : right] = fill
    return y
    ### END SOLUTION


# %% check="cutout" points=2
def untouched(size, rows, columns):
    """The images that went in, after the call."""
    x = numbered(2, 1, 4, 4)
    cutout(x, size, rows, columns)
    return x


emit("in the middle", lambda: cutout(numbered(1, 1, 6, 6), 3, [3], [2]))
emit("two color images", lambda: cutout(numbered(2, 3, 5, 5), 2, [1, 3], [3, 2], 9.0))
emit("in a corner", lambda: cutout(numbered(1, 1, 5, 5), 3, [0], [0]))
emit("what came in", lambda: untouched(3, [1, 2], [2, 1]))
### BEGIN HIDDEN TESTS
x = rng.standard_normal((6, 3, 7, 9))
size = int(rng.choice([3, 5]))
rows, columns = rng.integers(0, 7, 6), rng.integers(0, 9, 6)
rows[:2], columns[:2] = [0, 6], [8, 0]
emit("anywhere, three channels", lambda: cutout(x, size, rows, columns, -1.5))
emit("an even size", lambda: cutout(x, 4, rows, columns))
emit("nothing to cover", lambda: cutout(x, 0, rows, columns))
emit("the images afterwards", lambda: untouched(2, [0, 3], [3, 0]))
### END HIDDEN TESTS

# %% wrong="cutout"
# Your square disappears at the upper and the left border: a slice that starts at −1
# starts at the LAST row. Start at 0 at the earliest.
# - y[i, :, max(top, 0) : bottom, max(left, 0) : right] = fill
# + y[i, :, top:bottom, left:right] = fill

# %% wrong="cutout"
# You have changed the images that came in: the training set now has holes for good.
# - y = x.copy()
# + y = x

# %% wrong="cutout"
# Only the first channel is covered: a colored ghost remains.
# - y[i, :, max(top, 0) : bottom, max(left, 0) : right] = fill
# + y[i, 0, max(top, 0) : bottom, max(left, 0) : right] = fill

# %% wrong="cutout"
# All images get the square of the first one.
# - top, left = rows[i] - size // 2, columns[i] - size // 2
# + top, left = rows[0] - size // 2, columns[0] - size // 2

# %% wrong="cutout"
# The square is moved into the image at the border. It should be cut off there: moved
# squares never leave the middle alone, and cover it more often than the rim.
# - top, left = rows[i] - size // 2, columns[i] - size // 2
# + top = min(max(rows[i] - size // 2, 0), x.shape[2] - size)
# + left = min(max(columns[i] - size // 2, 0), x.shape[3] - size)

# %% wrong="cutout"
# `rows[i], columns[i]` is the MIDDLE of the square, not its first corner.
# - top, left = rows[i] - size // 2, columns[i] - size // 2
# + top, left = rows[i], columns[i]

# %% wrong="cutout"
# Half a size to either side gives an odd number of rows less one: the square must have
# exactly `size` rows.
# - bottom, right = top + size, left + size
# + bottom, right = rows[i] + size // 2, columns[i] + size // 2

# %% wrong="cutout"
# The color is always 0: use `fill`.
# - y[i, :, max(top, 0) : bottom, max(left, 0) : right] = fill
# + y[i, :, max(top, 0) : bottom, max(left, 0) : right] = 0.0

# %% [markdown]
# ## Exercise 4 · Mix
#
# Mixup blends each example with a partner: x̃_i = λ_i x_i + (1 − λ_i) x_j with
# j = `partner[i]`, and the labels in the same way. `y` holds class numbers; return the
# blended images and the blended labels as rows of shares, `(N, classes)`.
#
# *Guess first:* an image of class 2 is blended with one of class 2. What is its label?
#
# <details><summary>Answer</summary>All of class 2: the two shares add up in one
# place. Code that writes λ first and 1 − λ second into the row loses one of
# them.</details>


# %% answer="mixup" flag="nnlib.augment nnlib.mixing"
def mixup(x, y, share, partner, classes):
    """Blend images (N, …) and labels (N,); share holds λ, partner the index j."""
    ### BEGIN SOLUTION
    t = np.eye(classes)[y]
    a = share.reshape(-1, *[1] * (x.ndim - 1))
    b = share[:, None]
    return a * x + (1 - a) * x[partner], b * t + (1 - b) * t[partner]
    ### END SOLUTION


# %% check="mixup" points=2
X, Y = numbered(3, 1, 2, 2), np.array([0, 2, 2])
SHARE, PARTNER = np.array([0.9, 0.3, 0.6]), np.array([1, 2, 0])


def mixed_images(*args):
    """The first of the two results."""
    return mixup(*args)[0]


def mixed_labels(*args):
    """The second of the two results."""
    return mixup(*args)[1]


emit("the images", lambda: mixed_images(X, Y, SHARE, PARTNER, 3), atol=1e-9)
emit("the labels", lambda: mixed_labels(X, Y, SHARE, PARTNER, 3), atol=1e-9)
emit(
    "each label sums to",
    lambda: mixed_labels(X, Y, SHARE, PARTNER, 3).sum(axis=1),
    atol=1e-9,
)
### BEGIN HIDDEN TESTS
n = 7
x, y = rng.standard_normal((n, 2, 3, 4)), rng.integers(0, 3, n)
share, partner = rng.uniform(0, 1, n), np.roll(rng.permutation(n), 1)
y[partner[0]] = y[0]  # two of one class
emit("other images", lambda: mixed_images(x, y, share, partner, 5), atol=1e-9)
emit("other labels", lambda: mixed_labels(x, y, share, partner, 5), atol=1e-9)
emit(
    "vectors instead of images",
    lambda: mixed_images(x[:, 0, 0], y, share, partner, 5),
    atol=1e-9,
)
### END HIDDEN TESTS

# %% wrong="mixup"
# The labels are not mixed: an image that is half a 3 is taught to be a whole 7.
# - return a * x + (1 - a) * x[partner], b * t + (1 - b) * t[partner]
# + return a * x + (1 - a) * x[partner], t

# %% wrong="mixup"
# Image and label use opposite shares: λ of the first image, but λ of the SECOND label.
# - return a * x + (1 - a) * x[partner], b * t + (1 - b) * t[partner]
# + return a * x + (1 - a) * x[partner], (1 - b) * t + b * t[partner]

# %% wrong="mixup"
# One λ for the whole batch: `share` has one for each example.
# - a = share.reshape(-1, *[1] * (x.ndim - 1))
# - b = share[:, None]
# + a = b = share[0]

# %% wrong="mixup"
# When both classes are equal, the second share overwrites the first. Add them.
# - return a * x + (1 - a) * x[partner], b * t + (1 - b) * t[partner]
# + t = np.zeros((len(y), classes))
# + t[np.arange(len(y)), y] = share
# + t[np.arange(len(y)), y[partner]] = 1 - share
# + return a * x + (1 - a) * x[partner], t

# %% wrong="mixup"
# The weights of the two labels must add up to 1, and (1 − λ) belongs to the partner.
# - return a * x + (1 - a) * x[partner], b * t + (1 - b) * t[partner]
# + return a * x + (1 - a) * x[partner], b * t + b * t[partner]

# %% [markdown]
# ## Exercise 5 · Crop at random
#
# Cut a window of `size` = (rows, columns) out of each image, each image at a place of
# its own, all places equally likely: the first and the last one, too.
#
# *Guess first:* at how many places does a window of 4 columns fit into 6 columns?
#
# <details><summary>Answer</summary>At 3: it may start at column 0, 1 or 2.</details>


# %% answer="random_crop" flag="nnlib.augment nnlib.warp"
def random_crop(x, size, rng):
    """Windows (N, C, *size) of images (N, C, H, W); rng is a NumPy generator."""
    ### BEGIN SOLUTION
    height, width = size
    windows = []
    for image in x:
        top = rng.integers(0, x.shape[2] - height + 1)
        left = rng.integers(0, x.shape[3] - width + 1)
        windows.append(image[:, top : top + height, left : left + width])
    return np.stack(windows)
    ### END SOLUTION


# %% check="random_crop" points=2
def corners(n, shape, size):
    """How often each pixel of the image was a window's first, as shares."""
    x = np.tile(np.arange(np.prod(shape)).reshape(1, 1, *shape), (n, 1, 1, 1))
    first = random_crop(x, size, rng)[:, 0, 0, 0]
    return np.bincount(first, minlength=np.prod(shape)) / n


def different(calls):
    """How many different windows many calls with one image cut."""
    x = numbered(1, 1, 5, 6)
    return len({float(random_crop(x, (4, 4), rng)[0, 0, 0, 0]) for _ in range(calls)})


def neighbors(n, size):
    """Steps between the pixels of one window, right and down."""
    window = random_crop(numbered(n, 1, 9, 11), size, rng)[0, 0]
    return [float(window[0, 1] - window[0, 0]), float(window[1, 0] - window[0, 0])]


emit("the shape", lambda: random_crop(numbered(5, 2, 8, 9), (4, 6), rng).shape)
emit("places", lambda: corners(4000, (5, 6), (4, 4)), rtol=0, atol=0.05)
emit("one place only", lambda: random_crop(numbered(2, 1, 3, 3), (3, 3), rng))
emit("different places in 200 calls", lambda: different(200))
emit("whole rows and columns", lambda: neighbors(1, (3, 4)))
### BEGIN HIDDEN TESTS
height, width = int(rng.integers(5, 7)), int(rng.integers(7, 9))
emit(
    "other places",
    lambda: corners(4000, (height, width), (4, 6)),
    rtol=0,
    atol=0.05,
)
emit("all channels", lambda: np.ptp(random_crop(numbered(1, 3, 9, 9), (2, 2), rng)))
emit("other windows", lambda: random_crop(numbered(4, 2, 8, 9), (3, 5), rng).shape)
### END HIDDEN TESTS

# %% wrong="random_crop"
# Your windows never reach the last row and column: the upper end of `rng.integers` is
# left out.
# - top = rng.integers(0, x.shape[2] - height + 1)
# - left = rng.integers(0, x.shape[3] - width + 1)
# + top = rng.integers(0, max(x.shape[2] - height, 1))
# + left = rng.integers(0, max(x.shape[3] - width, 1))

# %% wrong="random_crop"
# All images of a batch are cut at the same place: draw inside the loop.
# - windows = []
# - for image in x:
# - top = rng.integers(0, x.shape[2] - height + 1)
# - left = rng.integers(0, x.shape[3] - width + 1)
# + windows = []
# + top = rng.integers(0, x.shape[2] - height + 1)
# + left = rng.integers(0, x.shape[3] - width + 1)
# + for image in x:

# %% wrong="random_crop"
# Always the same place: this is a crop of the corner, not a random one.
# - top = rng.integers(0, x.shape[2] - height + 1)
# - left = rng.integers(0, x.shape[3] - width + 1)
# + top = left = 0

# %% wrong="random_crop"
# Row and column use the same draw: only the places on the diagonal are reached.
# - left = rng.integers(0, x.shape[3] - width + 1)
# + left = min(top, x.shape[3] - width)

# %% wrong="random_crop"
# Size is (rows, columns), as everywhere in this lab: yours is the other way round.
# - height, width = size
# + width, height = size

# %% [markdown]
# ## Exercise 6 · Crop where the network looks
#
# A network ends in global average pooling and one linear layer with weights `W` of
# shape (channels, classes). Its last feature maps `features` have the shape (N,
# channels, H, W), here the size of the image. The class activation map of class y is
# M(i, j) = Σ_c W[c, y] · features[c, i, j].
#
# Return the map of class `y[n]` for each image, and the first row and column of the
# window of `size` that holds the most heat. Places that speak *against* the class count
# as 0, not as negative heat.
#
# *Guess first:* why not simply center the window on the hottest pixel?
#
# <details><summary>Answer</summary>The hottest pixel is one detail, often at the edge
# of the object, and near the border such a window would reach outside. The sum over the
# window finds the place that holds all of it.</details>


# %% answer="cam_window" flag="nnlib.cam nnlib.augment"
def cam_window(features, W, y, size):
    """Return the maps (N, H, W) and, as a list of pairs, the corner of each window."""
    ### BEGIN SOLUTION
    maps = np.einsum("nchw,nc->nhw", features, W.T[y])
    height, width = size
    corners = []
    down, across = maps.shape[1] - height + 1, maps.shape[2] - width + 1
    for heat in np.maximum(maps, 0):
        best, place = -1.0, (0, 0)
        for top in range(down):
            for left in range(across):
                total = heat[top : top + height, left : left + width].sum()
                if total > best:
                    best, place = total, (top, left)
        corners.append(place)
    return maps, corners
    ### END SOLUTION


# %% check="cam_window" points=3
def scene(rng, n=3, channels=4, shape=(9, 11), classes=5):
    """Feature maps with a warm spot of 3 × 3 pixels and cold surroundings."""
    features = 0.3 * rng.random((n, channels, *shape))
    for maps in features:
        top, left = rng.integers(0, shape[0] - 2), rng.integers(0, shape[1] - 2)
        maps[:, top : top + 3, left : left + 3] += rng.random((channels, 3, 3))
    return features, rng.standard_normal((channels, classes)), rng.integers(0, 5, n)


def cam_maps(seed):
    """The maps of a scene."""
    return cam_window(*scene(np.random.default_rng(seed)), (4, 5))[0]


def places(seed, size=(4, 5)):
    """The corners of a scene's windows, as one list of numbers."""
    found = cam_window(*scene(np.random.default_rng(seed), n=6), size)[1]
    return [int(v) for corner in found for v in corner]


emit("the maps", lambda: cam_maps(3), atol=1e-9)
emit("the windows", lambda: places(3))
emit("windows of one pixel", lambda: places(4, (1, 1)))
### BEGIN HIDDEN TESTS
seed = int(rng.integers(1000, 10**6))
emit("other maps", lambda: cam_maps(seed), atol=1e-9)
emit("other windows", lambda: places(seed))
emit("wide windows", lambda: places(seed + 1, (2, 8)))
emit("the largest window", lambda: places(seed + 2, (9, 11)))
### END HIDDEN TESTS

# %% wrong="cam_window"
# Negative heat is counted: one cold place in a window cancels a warm one.
# - for heat in np.maximum(maps, 0):
# + for heat in maps:

# %% wrong="cam_window"
# This sums the features without their weights: it shows where anything is, not where
# the class y is.
# - maps = np.einsum("nchw,nc->nhw", features, W.T[y])
# + maps = features.sum(axis=1)

# %% wrong="cam_window"
# All images use the class of the first one.
# - maps = np.einsum("nchw,nc->nhw", features, W.T[y])
# + maps = np.einsum("nchw,c->nhw", features, W[:, y[0]])

# %% wrong="cam_window"
# The last row and column of places are missing: a window of h rows fits at
# H − h + 1 places.
# - down, across = maps.shape[1] - height + 1, maps.shape[2] - width + 1
# + down, across = max(maps.shape[1] - height, 1), max(maps.shape[2] - width, 1)

# %% wrong="cam_window"
# You start the window at the hottest pixel. Look for the window with the largest SUM.
# - total = heat[top : top + height, left : left + width].sum()
# + total = heat[top, left]

# %% [markdown]
# **See what it does.** The price of a flip on digits, with and without the label in
# mind: 200 digits, three networks each.

# %% demo=true
from nnlib.augment import random_affine, random_flip
from nnlib.backend import asarray
from nnlib.data import digits
from nnlib.losses import softmax_cross_entropy
from nnlib.model import mlp
from nnlib.optim import SGD
from nnlib.train import evaluate, fit

d = digits(rng=np.random.default_rng(17), n_train=200)
fill = float(d.x_train.min())
ways = {
    "none": lambda x, rng: x,
    "flip": lambda x, rng: random_flip(x, rng=rng),
    "turn": lambda x, rng: random_affine(x, rng=rng, angle=15, fill=fill),
}
for name, way in ways.items():
    own = np.random.default_rng(17)

    def change(x, y, rng, way=way):
        """Give `fit` what it expects: rows in, rows out."""
        return way(x.reshape(-1, 1, 8, 8), rng).reshape(x.shape), y

    model = mlp([64, 64, 10], rng=own, lead=(3,))
    fit(
        model,
        softmax_cross_entropy,
        SGD(lr=0.3),
        d,
        epochs=40,
        batch_size=32,
        rng=own,
        augment=change,
    )
    x = asarray(d.x_test).reshape(-1, 1, 8, 8)
    turned = random_affine(x, rng=np.random.default_rng(1), angle=15, fill=fill)
    both = [
        evaluate(model, softmax_cross_entropy, v.reshape(-1, 64), d.y_test)[1].mean()
        for v in (x, turned)
    ]
    print(f"{name}: test error {both[0]:.1%}, on turned digits {both[1]:.1%}")

# %% [markdown]
# ## What you have now
#
# Six transformations that are right at the border, in the last column and in the label.
# They change images; whether they may is for you to know. Before you train with any
# of them, draw a grid of fifty augmented examples and read the labels aloud.

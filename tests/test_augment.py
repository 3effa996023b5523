"""Augmentation: SciPy and torch as oracles for the geometry, sums for the labels."""

import numpy as np
import pytest
from backends import close, each_backend, needs_torch, put, same
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

from nnlib import augment as aug
from nnlib import warp
from nnlib.backend import device_of, one_hot, to_numpy
from nnlib.data import objects_on_canvas


def rng(seed=0):
    return np.random.default_rng(seed)


def images(n=4, c=3, h=9, w=7, seed=0):
    return rng(seed).standard_normal((n, c, h, w))


def labels(n=4, classes=5):
    return one_hot(np.arange(n) % classes, classes, like=np.ones(1))


# ---- reading between pixels ---------------------------------------------------------


@each_backend
@pytest.mark.parametrize(
    ("fill", "mode"),
    [(0.0, "grid-constant"), (-2.5, "grid-constant"), (None, "nearest")],
)
def test_bilinear_equals_scipy(device, fill, mode):
    x = images()
    rows, columns = rng(1).uniform(-3, 12, (2, 4, 5, 6))
    y = warp.bilinear(
        put(x, device), put(rows, device), put(columns, device), fill=fill
    )
    for n in range(4):
        for c in range(3):
            expected = ndimage.map_coordinates(
                x[n, c], [rows[n], columns[n]], order=1, mode=mode, cval=fill or 0
            )
            close(y[n, c, :, :], expected, atol=1e-12)


@needs_torch
@pytest.mark.parametrize(("fill", "mode"), [(0.0, "zeros"), (None, "border")])
def test_bilinear_equals_torch(fill, mode):
    import torch

    x = images()
    grid = rng(1).uniform(-1.5, 1.5, (4, 5, 6, 2))  # torch: (x, y) in -1..1
    rows, columns = (grid[..., 1] + 1) * (9 - 1) / 2, (grid[..., 0] + 1) * (7 - 1) / 2
    theirs = torch.nn.functional.grid_sample(
        torch.tensor(x),
        torch.tensor(grid),
        mode="bilinear",
        padding_mode=mode,
        align_corners=True,
    )
    close(warp.bilinear(x, rows, columns, fill=fill), theirs, atol=1e-12)


@needs_torch
@pytest.mark.parametrize("size", [(18, 14), (9, 7), (5, 4), (1, 1), (20, 3)])
def test_resize_equals_torch(size):
    import torch

    theirs = torch.nn.functional.interpolate(
        torch.tensor(images()), size=size, mode="bilinear", align_corners=False
    )
    close(aug.resize(images(), size), theirs, atol=1e-12)


@given(
    shape=st.tuples(*[st.integers(1, 5)] * 4),
    out=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_bilinear_of_any_shape(shape, out, seed):
    """Between the smallest and the largest pixel; exact on the pixels."""
    x = rng(seed).standard_normal(shape)
    place = rng(seed).uniform(-2, 7, (2, shape[0], *out))
    y = warp.bilinear(x, *place, fill=None)
    assert y.shape == (*shape[:2], *out)
    assert y.min() >= x.min() - 1e-12
    assert y.max() <= x.max() + 1e-12
    same(warp.sample_at(x, warp.pixel_grid(*shape[2:]), shape[2:]), x)


# ---- affine maps --------------------------------------------------------------------


def forward_matrix(angle, scale, shear):
    """Turn counter-clockwise on the screen: rows count downwards."""
    a = np.deg2rad(angle)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return scale * turn @ np.array([[1, 0], [-shear, 1]])


@each_backend
@pytest.mark.parametrize("fill", [0.0, 1.5])
def test_affine_equals_scipy(device, fill):
    x, r = images(), rng(1)
    angle, scale, shear = (
        r.uniform(-90, 90, 4),
        r.uniform(0.6, 1.5, 4),
        r.uniform(-1, 1, 4),
    )
    shift = r.uniform(-2, 2, (4, 2))
    y = aug.affine(
        put(x, device), angle=angle, scale=scale, shear=shear, shift=shift, fill=fill
    )
    middle = np.array([4.0, 3.0])
    for n in range(4):
        back = np.linalg.inv(forward_matrix(angle[n], scale[n], shear[n]))
        offset = middle - back @ (middle + shift[n])
        for c in range(3):
            expected = ndimage.affine_transform(
                x[n, c], back, offset, order=1, mode="grid-constant", cval=fill
            )
            close(y[n, c, :, :], expected, atol=1e-10)


@each_backend
def test_affine_by_hand(device):
    x = put(images(h=7), device)
    host = to_numpy(x)
    close(aug.affine(x), host)
    close(aug.affine(x, angle=90), np.rot90(host, axes=(2, 3)), atol=1e-12)
    close(aug.affine(x, angle=-180), np.rot90(host, 2, axes=(2, 3)), atol=1e-12)
    moved = to_numpy(aug.affine(x, shift=(1, -2), fill=9.0))
    close(moved[:, :, 1:, :-2], host[:, :, :-1, 2:])
    assert np.all(moved[:, :, 0] == 9)
    assert np.all(moved[:, :, :, -2:] == 9)
    sheared = to_numpy(aug.affine(x, shear=1))
    close(sheared[:, :, 3], host[:, :, 3])
    close(sheared[:, :, 2, 1:], host[:, :, 2, :-1])  # one row up: one column right
    close(sheared[:, :, 4, :-1], host[:, :, 4, 1:])
    dot = np.zeros((1, 1, 9, 9))
    dot[0, 0, 2, 4] = 1.0
    doubled = to_numpy(aug.affine(put(dot, device), scale=2.0))
    assert np.argmax(doubled) == 0 * 9 + 4


def test_random_affine_draws_within_its_limits():
    dot = np.zeros((500, 1, 21, 21))
    dot[:, 0, 10, 10] = 1.0
    y = aug.random_affine(dot, rng=rng(), shift=3.0)
    place = np.arange(21)
    rows = (y.sum(axis=(1, 3)) * place).sum(axis=1) - 10
    columns = (y.sum(axis=(1, 2)) * place).sum(axis=1) - 10
    for moves in (rows, columns):
        assert np.abs(moves).max() <= 3 + 1e-9
        assert moves.min() < -2.9
        assert moves.max() > 2.9
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.2
    x = images()
    close(aug.random_affine(x, rng=rng()), x)
    for limit in ({"angle": 10}, {"scale": 0.2}, {"shear": 0.3}):
        y = aug.random_affine(x, rng=rng(), **limit)
        assert not np.allclose(y, x)
        assert np.allclose(y[:, :, 4, 3], x[:, :, 4, 3])  # the middle stays


# ---- thin-plate splines -------------------------------------------------------------


def control(p=8, seed=0, lead=()):
    r = rng(seed)
    source = r.uniform(0, 20, (*lead, p, 2))
    return source, source + r.standard_normal((*lead, p, 2))


@each_backend
def test_tps_interpolates_its_control_points(device):
    source, target = control()
    f = aug.ThinPlateSpline(put(source, device), put(target, device))
    close(f(put(source, device)), target, atol=1e-9)
    assert float(f.energy) > 1e-4


@each_backend
def test_tps_reproduces_affine_maps(device):
    source, points = control()[0], rng(3).uniform(-50, 50, (40, 2))
    for seed in range(5):
        A, a = rng(seed).standard_normal((2, 2)), 5 * rng(seed).standard_normal(2)
        f = aug.ThinPlateSpline(put(source, device), put(source @ A.T + a, device))
        close(f(put(points, device)), points @ A.T + a, atol=1e-8)
        close(f.weights, np.zeros((8, 2)), atol=1e-10)
        close(f.affine, np.vstack([a, A.T]), atol=1e-8)
        assert abs(float(f.energy)) < 1e-10


@each_backend
def test_tps_equals_scipy(device):
    source, target = control(12)
    points = rng(3).uniform(-5, 25, (40, 2))
    theirs = RBFInterpolator(source, target, kernel="thin_plate_spline", degree=1)
    ours = aug.ThinPlateSpline(put(source, device), put(target, device))
    close(ours(put(points, device)), theirs(points), atol=1e-8)


def test_tps_obeys_the_side_conditions():
    source, target = control()
    w = aug.ThinPlateSpline(source, target).weights
    close(w.sum(axis=0), np.zeros(2), atol=1e-12)
    close(w.T @ source, np.zeros((2, 2)), atol=1e-10)


def test_tps_by_hand():
    """Four corners of a square, two lifted: w = ±1 / (4 U(√2) − 8 U(1)) (Bookstein)."""
    source = np.array([[1.0, 1], [1, -1], [-1, -1], [-1, 1]])
    signs = np.array([1.0, -1, 1, -1])
    f = aug.ThinPlateSpline(source, source + np.outer(signs, [1.0, 0.0]))
    u = lambda r: r**2 * np.log(r**2)
    close(f.weights[:, 0], signs / (u(np.sqrt(8)) - 2 * u(2)), atol=1e-12)
    close(f.weights[:, 1], np.zeros(4), atol=1e-12)
    close(f.energy, 4 / (u(np.sqrt(8)) - 2 * u(2)))


@each_backend
def test_tps_stack_equals_loop(device):
    source, target = control(lead=(3,))
    points = rng(1).uniform(0, 20, (3, 5, 2))
    stack = aug.ThinPlateSpline(put(source, device), put(target, device))
    for k in range(3):
        one = aug.ThinPlateSpline(put(source[k], device), put(target[k], device))
        close(
            stack(put(points, device))[k, ...], one(put(points[k], device)), atol=1e-9
        )
        close(stack.energy[k, ...], one.energy, atol=1e-12)


@each_backend
def test_tps_warp_of_an_affine_map_is_the_affine_warp(device):
    x = put(images(), device)
    source = warp.pixel_grid(3, 3) * [4, 3]
    middle = np.array([4.0, 3.0])
    forward = forward_matrix(20, 1.2, 0.1)
    target = (source - middle) @ forward.T + middle + [0.5, -1]
    bent = aug.tps_warp(x, source, target)
    straight = aug.affine(x, angle=20, scale=1.2, shear=0.1, shift=(0.5, -1))
    close(bent, straight, atol=1e-8)


def test_tps_warp_moves_a_dot_to_its_target():
    dot = np.zeros((1, 1, 15, 15))
    dot[0, 0, 5, 6] = 1.0
    corners = np.array([[0.0, 0], [0, 14], [14, 0], [14, 14]])
    source = np.vstack([corners, [[5, 6]]])
    target = np.vstack([corners, [[8, 9]]])
    y = aug.tps_warp(dot, source, target)
    assert y[0, 0, 8, 9] == pytest.approx(1.0)
    close(y[0, 0, [0, 0, 14, 14], [0, 14, 0, 14]], np.zeros(4))


@each_backend
def test_random_tps(device):
    x = put(images(), device)
    close(aug.random_tps(x, rng=rng(), strength=0.0), x, atol=1e-9)
    y = aug.random_tps(x, rng=rng(), strength=1.0)
    assert device_of(y) == device
    assert not np.allclose(to_numpy(y), to_numpy(x))
    twice = aug.random_tps(put(np.stack([images()[0]] * 2), device), rng=rng())
    assert not np.allclose(to_numpy(twice)[0], to_numpy(twice)[1])


@each_backend
def test_random_tps_reads_at_the_jolted_points(device):
    x = images(3, 1, 7, 7)
    y = aug.random_tps(put(x, device), rng=rng(1), strength=0.4, grid=2, fill=None)
    corners = np.array([[0, 0], [0, 6], [6, 0], [6, 6]])
    jolted = corners + 0.4 * rng(1).standard_normal((3, 4, 2))
    expected = warp.bilinear(x, jolted[..., :1], jolted[..., 1:], fill=None)
    for k, (row, column) in enumerate(corners):
        close(y[:, 0, row, column], expected[:, 0, k, 0], atol=1e-9)


# ---- crops and flips ----------------------------------------------------------------


@each_backend
def test_crop(device):
    x = images()
    top, left = np.array([0, 5, 2, 1]), np.array([3, 0, 1, 2])
    y = aug.crop(put(x, device), top, left, (4, 3))
    for n in range(4):
        expected = x[n, :, top[n] : top[n] + 4, left[n] : left[n] + 3]
        same(to_numpy(y)[n], expected)


def test_random_crop_reaches_every_place():
    x = np.broadcast_to(np.arange(12.0).reshape(1, 1, 3, 4), (300, 1, 3, 4))
    y = aug.random_crop(x, (2, 2), rng=rng())
    corners, counts = np.unique(y[:, 0, 0, 0], return_counts=True)
    same(corners, np.array([0.0, 1, 2, 4, 5, 6]))
    assert counts.min() > 25
    padded = aug.random_crop(x, (3, 4), rng=rng(), padding=1, fill=-1.0)
    assert padded.shape == x.shape
    assert np.any(padded == -1)
    same(aug.random_crop(x, (3, 4), rng=rng()), np.array(x))


@each_backend
@pytest.mark.parametrize("axis", [-1, -2])
def test_random_flip(device, axis):
    x = images(n=200)
    y = to_numpy(aug.random_flip(put(x, device), rng=rng(), axis=axis))
    flipped = np.array(
        [np.array_equal(a, np.flip(b, axis)) for a, b in zip(y, x, strict=True)]
    )
    kept = np.array([np.array_equal(a, b) for a, b in zip(y, x, strict=True)])
    assert np.all(flipped != kept)
    assert 70 < flipped.sum() < 130
    same(aug.random_flip(x, rng=rng(), p=0.0), x)
    same(aug.random_flip(x, rng=rng(), p=1.0, axis=axis), np.flip(x, axis))


# ---- class activation maps ----------------------------------------------------------


@each_backend
def test_class_activation_map(device):
    f, W, y = images(c=6), rng(1).standard_normal((6, 5)), np.array([4, 0, 2, 2])
    heat = aug.class_activation_map(put(f, device), put(W, device), put(y, device))
    close(heat, np.einsum("nchw,cn->nhw", f, W[:, y]))
    logits = f.mean(axis=(2, 3)) @ W  # the map's mean is the class's logit
    close(to_numpy(heat).mean(axis=(1, 2)), logits[np.arange(4), y])


def test_cam_corners_follow_their_formula():
    heat = np.maximum(rng().standard_normal((1, 4, 4)), -0.5)
    n = 20000
    top, left = aug.cam_corners(
        np.broadcast_to(heat, (n, 4, 4)), (2, 3), rng=rng(), sharpness=2.0
    )
    warm = np.maximum(heat[0], 0)
    mass = np.array(
        [[warm[i : i + 2, j : j + 3].sum() for j in range(2)] for i in range(3)]
    )
    expected = mass**2 / (mass**2).sum()
    counts = np.zeros((3, 2))
    np.add.at(counts, (top, left), 1)
    close(counts / n, expected, rtol=0, atol=0.015)


def test_sharp_cam_corners_are_the_warmest_window():
    heat = rng().standard_normal((50, 6, 5))
    top, left = aug.cam_corners(heat, (3, 2), rng=rng(), sharpness=1e5)
    warm = np.maximum(heat, 0)
    mass = {
        (i, j): warm[:, i : i + 3, j : j + 2].sum(axis=(1, 2))
        for i in range(4)
        for j in range(4)
    }
    best = np.max(list(mass.values()), axis=0)
    for n in range(50):
        assert mass[top[n], left[n]][n] == pytest.approx(best[n], rel=1e-3)


def test_cam_corners_without_heat_are_even():
    for heat, sharpness in (
        (np.zeros((3000, 3, 3)), 4.0),
        (rng().uniform(size=(3000, 3, 3)), 0),
    ):
        top, left = aug.cam_corners(heat, (2, 2), rng=rng(), sharpness=sharpness)
        counts = np.bincount(2 * top + left, minlength=4)
        assert counts.min() > 650


@each_backend
def test_cam_crops_hold_the_object(device):
    x, _, boxes = objects_on_canvas(200, rng=rng(), device=device)
    heat = put(to_numpy(x).mean(axis=1) ** 2, device)
    size = (16, 16)

    def whole(top, left):
        return np.mean(
            (top <= boxes[:, 0])
            & (left <= boxes[:, 1])
            & (top + 16 >= boxes[:, 2])
            & (left + 16 >= boxes[:, 3])
        )

    guided = whole(*aug.cam_corners(heat, size, rng=rng(), sharpness=200))
    chance = whole(*aug.random_corners(200, (32, 32), size, rng=rng()))
    assert guided > 0.9 > 0.5 > chance
    crops = aug.cam_crop(x, heat, size, rng=rng(), sharpness=200)
    assert tuple(crops.shape) == (200, 3, 16, 16)
    same(
        crops, aug.crop(x, *aug.cam_corners(heat, size, rng=rng(), sharpness=200), size)
    )


# ---- noise and color ----------------------------------------------------------------


@each_backend
def test_add_noise(device):
    x = put(images(h=40, w=40), device)
    added = to_numpy(aug.add_noise(x, 0.3, rng=rng())) - to_numpy(x)
    assert added.std() == pytest.approx(0.3, rel=0.03)
    assert abs(added.mean()) < 0.01
    close(aug.add_noise(x, 0.0, rng=rng()), x)


@each_backend
def test_color_jitter(device):
    x = images(n=300)
    y = to_numpy(aug.color_jitter(put(x, device), rng=rng(), factor=0.05))
    f = y / x
    close(f.min(axis=(2, 3)), f.max(axis=(2, 3)), rtol=1e-9)
    f = f[:, :, 0, 0]
    assert 0.95 <= f.min() < 0.951 < 1.049 < f.max() <= 1.05
    assert abs(np.corrcoef(f[:, 0], f[:, 1])[0, 1]) < 0.2  # each channel its own

    y = to_numpy(aug.color_jitter(put(x, device), rng=rng(), factor=0, brightness=0.5))
    close((y - x).std(axis=(1, 2, 3)), np.zeros(300), atol=1e-12)
    assert 0.45 < np.abs(y - x).max() <= 0.5

    y = to_numpy(aug.color_jitter(put(x, device), rng=rng(), factor=0, contrast=0.5))
    close(y.mean(axis=(2, 3)), x.mean(axis=(2, 3)), atol=1e-12)
    k = y.std(axis=(1, 2, 3)) / x.std(axis=(1, 2, 3))
    assert 0.45 < k.min() < 0.7 < 1.3 < k.max() < 1.55


@each_backend
@pytest.mark.parametrize("size", [0, 1, 3, 4, 50])
def test_cutout(device, size):
    x = np.abs(images(n=100)) + 1
    y = to_numpy(aug.cutout(put(x, device), size, rng=rng(), fill=-1.0))
    covered = y == -1
    same(y[~covered], x[~covered])
    same(covered.all(axis=1), covered.any(axis=1))  # all channels alike
    area = covered[:, 0].sum(axis=(1, 2))
    assert area.max() == min(size, 9) * min(size, 7)
    assert area.min() >= (size // 2) ** 2 if size < 7 else area.min() > 0
    for one in covered[:, 0]:  # a rectangle
        assert one.sum() == one.any(axis=0).sum() * one.any(axis=1).sum()
    assert (area == 0).all() == (size == 0)


# ---- mixing -------------------------------------------------------------------------


@each_backend
@pytest.mark.parametrize("mix", [aug.mixup, aug.cutmix])
def test_labels_are_mixed_as_the_images_are(mix, device):
    """Image n is the constant n: its mean tells who is in it, and how much."""
    n = 50
    x = np.broadcast_to(np.arange(n)[:, None, None, None], (n, 2, 9, 7)).astype(float)
    y, t = mix(put(x, device), put(np.eye(n), device), rng=rng(), alpha=1.0)
    t = to_numpy(t)
    close(t.sum(axis=1), np.ones(n))
    assert t.min() >= 0
    assert (t > 0).sum(axis=1).max() == 2
    close(to_numpy(y).mean(axis=(1, 2, 3)), t @ np.arange(n), atol=1e-9)
    assert 0.2 < t[np.arange(n), np.arange(n)].mean() < 0.8


def test_mixup_draws_from_beta():
    n = 20000
    t = aug.mixup(np.zeros((n, 1)), labels(n, 100), rng=rng(), alpha=0.3)[1]
    expected = rng(1).beta(0.3, 0.3, n)
    expected = np.maximum(expected, 1 - expected)
    assert t.max(axis=1).mean() == pytest.approx(expected.mean(), abs=0.01)


def test_cutmix_pastes_boxes_of_about_the_right_area():
    n = 3000
    x = np.broadcast_to(np.arange(n)[:, None, None, None], (n, 1, 16, 16)).astype(float)
    y, _ = aug.cutmix(x, labels(n), rng=rng(), alpha=1.0)
    pasted = y[:, 0] != x[:, 0]
    for one in pasted[:100]:
        assert one.sum() == one.any(axis=0).sum() * one.any(axis=1).sum()
    # a box of area a about a random middle keeps (1 - √a/4)² of itself on average
    a = rng(1).uniform(size=100000)
    expected = np.mean(a * (1 - np.sqrt(a) / 4) ** 2)
    assert pasted.mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("mix", [aug.mixup, aug.cutmix])
def test_alpha_0_changes_nothing(mix):
    x, t = mix(images(), labels(), rng=rng(), alpha=0)
    same(x, images())
    same(t, labels())


# ---- all of them --------------------------------------------------------------------

ALL = {
    "affine": lambda x, r: aug.random_affine(x, rng=r, angle=9, scale=0.1, shift=1),
    "tps": lambda x, r: aug.random_tps(x, rng=r),
    "flip": lambda x, r: aug.random_flip(x, rng=r),
    "crop": lambda x, r: aug.random_crop(x, (5, 5), rng=r, padding=2),
    "cam": lambda x, r: aug.cam_crop(x, x[:, 0, :, :], (5, 5), rng=r),
    "noise": lambda x, r: aug.add_noise(x, 0.1, rng=r),
    "color": lambda x, r: aug.color_jitter(x, rng=r, brightness=0.1, contrast=0.1),
    "cutout": lambda x, r: aug.cutout(x, 3, rng=r),
    "mixup": lambda x, r: aug.mixup(x, _targets(x), rng=r)[0],
    "cutmix": lambda x, r: aug.cutmix(x, _targets(x), rng=r)[0],
}
each_augmentation = pytest.mark.parametrize("change", ALL.values(), ids=ALL.keys())


def _targets(x):
    return put(labels(x.shape[0]), device_of(x), dtype=to_numpy(x).dtype)


@each_augmentation
@each_backend
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_seed_same_images_on_every_backend(change, device, dtype):
    x = images(n=8).astype(dtype)
    y = change(put(x, device, dtype=dtype), rng())
    assert device_of(y) == device
    assert to_numpy(y).dtype == dtype
    close(y, change(x, rng()), rtol=1e-5, atol=1e-5 if dtype == np.float32 else 1e-9)
    assert not np.array_equal(
        to_numpy(y), to_numpy(change(put(x, device, dtype), rng(1)))
    )


@each_augmentation
def test_the_input_stays_as_it_is(change):
    x = images()
    change(x, rng())
    same(x, images())


@each_augmentation
def test_small_and_strided_batches(change):
    wide = images(n=2, h=18, w=14)[:, :, ::2, ::2]
    same(change(wide, rng()), change(wide.copy(), rng()))
    assert change(images(n=1, c=1), rng()).shape[0] == 1


# ---- bad input ----------------------------------------------------------------------

X, T = images(), labels()
LINE = np.array([[0.0, 0], [1, 1], [2, 2], [3, 3]])
SQUARE = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
MISTAKES = {
    "rows": (
        lambda: aug.random_affine(X[0], rng=rng()),
        r"\(N, C, H, W\), not \(3, 9, 7\)",
    ),
    "scale": (lambda: aug.affine(X, scale=0), "positive, not 0.0"),
    "grid": (lambda: aug.random_tps(X, rng=rng(), grid=1), "at least 2 .* not 1"),
    "line": (lambda: aug.ThinPlateSpline(LINE, LINE), "on one line"),
    "two points": (lambda: aug.ThinPlateSpline(LINE[:2], LINE[:2]), "on one line"),
    "twice": (
        lambda: aug.ThinPlateSpline(SQUARE[[0, 1, 2, 2]], SQUARE),
        "at the same place",
    ),
    "points": (
        lambda: aug.ThinPlateSpline(SQUARE, SQUARE[:3]),
        r"not \(4, 2\) and \(3, 2\)",
    ),
    "flip": (lambda: aug.random_flip(X, rng=rng(), p=1.5), "between 0 and 1, not 1.5"),
    "crop": (
        lambda: aug.random_crop(X, (10, 3), rng=rng()),
        r"windows of \(10, 3\) pixels in images of \(9, 7\)",
    ),
    "window": (
        lambda: aug.crop(X, np.full(4, 6), np.zeros(4, int), (4, 4)),
        r"beyond images of \(9, 7\)",
    ),
    "heat": (
        lambda: aug.cam_crop(X, X[:, 0, :5], (3, 3), rng=rng()),
        r"\(4, 5, 7\) for images of \(9, 7\)",
    ),
    "cam window": (
        lambda: aug.cam_corners(X[:, 0], (10, 3), rng=rng()),
        r"windows of \(10, 3\) pixels in heat maps of \(4, 9, 7\)",
    ),
    "noise": (lambda: aug.add_noise(X, np.nan, rng=rng()), "at least 0, not nan"),
    "cutout": (lambda: aug.cutout(X, -1, rng=rng()), "at least 0, not -1"),
    "alpha": (lambda: aug.mixup(X, T, rng=rng(), alpha=-1), "at least 0, not -1"),
    "labels": (
        lambda: aug.cutmix(X, np.arange(4), rng=rng()),
        r"shape \(4, C\), not \(4,\): use one_hot",
    ),
}


@pytest.mark.parametrize(("call", "message"), MISTAKES.values(), ids=MISTAKES)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

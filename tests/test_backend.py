"""The few operations of nnlib that know which library they run on."""

import subprocess
import sys

import numpy as np
import pytest
from backends import close, each_backend, each_dtype, needs_torch, put, same
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf as scipy_erf

from nnlib import backend


@each_backend
@pytest.mark.parametrize(
    "value", [3.0, [1, 2], np.zeros((0, 2)), np.float32(1.5), np.arange(6.0)[::-2]]
)
def test_round_trip_keeps_shape_dtype_and_values(device, value):
    x = backend.asarray(value, device=device)
    assert backend.device_of(x) == device
    same(backend.to_numpy(x), np.asarray(value))


@each_backend
@each_dtype
def test_asarray_converts(device, dtype):
    x = backend.asarray([1, 2], dtype=dtype, device=device)
    assert backend.to_numpy(x).dtype == dtype
    again = backend.asarray(x, device="cpu")
    same(again, np.array([1, 2], dtype))


def test_read_only_input_is_copied_for_torch():
    pytest.importorskip("torch")
    x = np.ones(3)
    x.flags.writeable = False
    y = backend.asarray(x, device="torch")
    y += 1
    same(x, np.ones(3))


def test_unknown_device():
    with pytest.raises(ValueError, match="'tpu' is not one of cpu, torch, cuda"):
        backend.asarray(1.0, device="tpu")


def test_default_device(monkeypatch):
    monkeypatch.delenv("NNLIB_DEVICE", raising=False)
    assert backend.default_device() == "cpu"
    assert isinstance(backend.asarray(1.0), np.ndarray)
    monkeypatch.setenv("NNLIB_DEVICE", "strict")
    assert backend.device_of(backend.asarray(1.0)) == "strict"
    monkeypatch.setenv("NNLIB_DEVICE", "gpu")
    with pytest.raises(ValueError, match="NNLIB_DEVICE='gpu' is not one of"):
        backend.default_device()


@needs_torch
@pytest.mark.parametrize("there", [True, False])
def test_cuda_is_checked(monkeypatch, there):
    import torch

    monkeypatch.setenv("NNLIB_DEVICE", "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    if there:
        assert backend.default_device() == "cuda"
    else:
        with pytest.raises(RuntimeError, match="torch sees no CUDA device"):
            backend.default_device()


@each_backend
def test_namespace(device):
    x = put([4.0], device)
    close(backend.namespace(x).sqrt(x), [2.0])
    if device != "cpu":
        with pytest.raises(TypeError):
            backend.namespace(x, np.ones(1))


@pytest.mark.parametrize("arrays", [(), (3.0,)])
def test_namespace_of_nothing(arrays):
    with pytest.raises(TypeError):
        backend.namespace(*arrays)


@each_backend
@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,)])
def test_matmul_into_a_view(device, lead):
    """The result goes through a strided view into the buffer below it."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((*lead, 4, 5)), rng.standard_normal((*lead, 5, 2))
    flat = put(np.zeros((*lead, 10)), device)
    out = backend.namespace(flat).reshape(flat[..., 1:9], (*lead, 4, 2))
    backend.matmul_into(put(a, device), put(b, device), out)
    close(flat[..., 1:9], (a @ b).reshape(*lead, 8))
    close(flat[..., 0], np.zeros(lead))


@each_backend
def test_sum_into(device):
    x = np.random.default_rng(0).standard_normal((3, 4, 5))
    flat = put(np.zeros((3, 7)), device)
    backend.sum_into(put(x, device), -2, flat[..., 1:6])
    close(flat[..., 1:6], x.sum(axis=-2))


@given(st.integers(0, 50), st.integers(0, 5), st.integers(1, 20))
def test_blocks_cover_once(size, rows, elements):
    parts = [range(50)[b] for b in backend.blocks(size, rows, elements)]
    assert [i for part in parts for i in part] == list(range(size))
    assert all(len(p) * max(rows, 1) <= max(elements, rows) for p in parts)


@each_backend
@each_dtype
def test_one_hot(device, dtype):
    y = put(np.array([[2, 0], [1, 1]]), device)
    hot = backend.one_hot(y, 3, like=put(np.zeros(1), device, dtype))
    same(backend.to_numpy(hot), np.eye(3, dtype=dtype)[[[2, 0], [1, 1]]])


@each_backend
@pytest.mark.parametrize("shape", [(4,), (2, 3), (0,)])
def test_take_rows(device, shape):
    x = np.random.default_rng(0).standard_normal((5, 2, 2))
    index = np.random.default_rng(1).integers(0, 5, shape)
    same(backend.to_numpy(backend.take_rows(put(x, device), index)), x[index])


@each_backend
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_labels_fit(device, dtype):
    y = np.array([[3, 0, 2], [1, 1, 1]])
    assert backend.labels_fit(put(y.astype(dtype), device), 4)
    assert not backend.labels_fit(put(y.astype(dtype), device), 3)
    if dtype != np.uint8:
        assert not backend.labels_fit(put((y - 1).astype(dtype), device), 4)
    with pytest.raises(ValueError, match=r"must be integers, not .*float64"):
        backend.labels_fit(put(np.zeros(2), device), 4)


@pytest.mark.parametrize("y", [np.array([-1], ">i8"), np.array([2**63 + 1], np.uint64)])
def test_labels_fit_in_unusual_types(y):
    assert not backend.labels_fit(y, 4)
    assert backend.labels_fit(np.minimum(y, 3).astype(y.dtype) * 0, 4)


@each_backend
@each_dtype
@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (2, 3)), ((2, 3), (5, 2, 3)), ((0, 2, 3), (0, 2, 3))]
)
def test_inner(device, dtype, a, b):
    r = np.random.default_rng(0)
    a, b = r.standard_normal(a).astype(dtype), r.standard_normal(b).astype(dtype)
    found = backend.inner(put(a, device, dtype), put(b, device, dtype))
    expected = np.asarray((a.astype(float) * b).sum(axis=(-2, -1)))
    assert backend.to_numpy(found).dtype == dtype
    close(
        backend.to_numpy(found), expected, rtol=1e-5 if dtype == np.float32 else 1e-12
    )


@each_backend
@each_dtype
def test_erf(device, dtype):
    x = np.linspace(-4, 4, 9).astype(dtype)
    y = backend.to_numpy(backend.erf(put(x, device, dtype)))
    assert y.dtype == dtype
    close(y, scipy_erf(x), rtol=1e-6 if dtype == np.float32 else 1e-12)
    # Golden: DLMF table 7.23; erf(1) to 10 digits.
    close(backend.erf(put([1.0], device)), [0.8427007929], rtol=1e-10)


def test_import_is_light():
    """Neither `import nnlib` nor its models load torch or matplotlib."""
    code = (
        "import sys, nnlib, nnlib.model, nnlib.losses, nnlib.gradcheck;"
        "print([m for m in ('torch', 'matplotlib', 'anywidget') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stdout + run.stderr

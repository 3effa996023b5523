"""What the tests share: backends, conversion, torch as the oracle.

Usage in a test module::

    from backends import close, each_backend, oracle, put

    @each_backend
    def test_exp(device):
        x = put(np.ones(3), device)

``each_backend`` runs a test on NumPy, torch on the CPU, array-api-strict, and CUDA
where there is one. A test whose code needs more than the standard uses
``each_fast_backend``, which leaves array-api-strict out.
"""

import numpy as np
import pytest

from nnlib.backend import asarray, to_numpy

try:
    import torch
except ImportError:  # golden numbers and gradient checks still run
    torch = None
else:
    torch.set_num_threads(1)  # several test processes may share the cores

RTOL = 1e-9  # agreement with torch in float64

needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")


def _devices(*names):
    params = [
        pytest.param(n, id=n, marks=[needs_torch] if n == "torch" else [])
        for n in names
    ]
    if torch is not None and torch.cuda.is_available():
        params.append(pytest.param("cuda", id="cuda"))
    return pytest.mark.parametrize("device", params)


each_backend = _devices("cpu", "torch", "strict")
each_fast_backend = _devices("cpu", "torch")
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def put(x, device, dtype=None):
    """Return a copy of `x` on `device`; float64 for floats unless a dtype is given."""
    x = np.array(x)
    if dtype is None and x.dtype.kind == "f":
        dtype = np.float64
    return asarray(x, dtype=dtype, device=device)


def close(actual, expected, rtol=RTOL, atol=1e-12):
    """Assert equal shapes and values, on any backend."""
    actual, expected = to_numpy(actual), to_numpy(expected)
    assert actual.shape == expected.shape, f"{actual.shape} is not {expected.shape}"
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def same(actual, expected):
    """Assert that two arrays agree bit for bit."""
    actual, expected = to_numpy(actual), to_numpy(expected)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


def oracle(f, *inputs, dy=None):
    """Run `f` on float64 torch leaves; return its output and all gradients.

    Parameters
    ----------
    f : callable
        From tensors to one tensor.
    *inputs : NumPy arrays
    dy : NumPy array, optional
        Upstream gradient; 1 for a scalar output.

    Returns
    -------
    y, grads : NumPy array, list of NumPy arrays
    """
    leaves = [torch.tensor(np.array(v, dtype=np.float64)) for v in inputs]
    for leaf in leaves:
        leaf.requires_grad_()
    y = f(*leaves)
    y.backward(None if dy is None else torch.tensor(np.array(dy, dtype=np.float64)))
    grads = [np.zeros(v.shape) if v.grad is None else v.grad.numpy() for v in leaves]
    return y.detach().numpy(), grads

"""The convolution of `nnlib.conv` by torch's own kernels, for arrays of torch.

The formulas are those of `nnlib.conv`; nothing written in Python comes near these
kernels on a GPU. The models of a stack become groups of channels, which torch convolves
each by itself.
"""

import math
from typing import Any

from nnlib.backend import Array


def as_groups(x: Array, K: int) -> Array:
    """Lay K models side by side as channels: (…, N, C, H, W) to (N, K · C, H, W).

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. E. Hinton, NeurIPS 2012, section 3.2 (groups).

    Examples
    --------
    >>> import torch
    >>> as_groups(torch.zeros(3, 5, 2, 8, 8), 3).shape
    torch.Size([5, 6, 8, 8])
    """
    N, C, H, W = x.shape[-4:]
    images = x.reshape(math.prod(x.shape[:-4]), N, C, H, W)
    images = images.expand(K, N, C, H, W)  # one x may serve K models
    return images.permute(1, 0, 2, 3, 4).reshape(N, K * C, H, W)


def as_models(x: Array, lead: tuple[int, ...]) -> Array:
    """Undo `as_groups`: (N, K · C, H, W) to (*lead, N, C, H, W).

    References
    ----------
    Krizhevsky, Sutskever, Hinton 2012, see `as_groups`.

    Examples
    --------
    >>> import torch
    >>> as_models(torch.zeros(5, 6, 8, 8), (3,)).shape
    torch.Size([3, 5, 2, 8, 8])
    """
    N, channels, H, W = x.shape
    K = math.prod(lead)
    models = x.reshape(N, K, channels // K, H, W).permute(1, 0, 2, 3, 4)
    return models.reshape(*lead, N, channels // K, H, W)


def forward(x: Array, W: Array, b: Array | None, stride: int, padding: int) -> Array:
    """Return the output of `nnlib.conv.conv2d_forward`.

    References
    ----------
    PyTorch documentation, ``torch.nn.functional.conv2d``.

    Examples
    --------
    >>> import torch
    >>> forward(torch.ones(1, 1, 1, 3), torch.ones(1, 1, 1, 2), None, 1, 0)
    tensor([[[[2., 2.]]]])
    """
    from torch.nn.functional import conv2d

    lead = tuple(W.shape[:-4])
    K, bias = math.prod(lead), None if b is None else b.reshape(-1)
    kernels = W.reshape(-1, *W.shape[-3:])  # (K · C_out, C, kh, kw)
    y = conv2d(as_groups(x, K), kernels, bias, stride, padding, groups=K)
    return as_models(y, lead)


def backward(
    dy: Array, cache: Any, input_gradient: bool
) -> tuple[Array | None, Array, Array]:
    """Return the gradients of `nnlib.conv.conv2d_backward`.

    References
    ----------
    PyTorch documentation, ``torch.nn.functional.conv2d``.

    Examples
    --------
    >>> import torch
    >>> cache = torch.ones(1, 1, 1, 3), torch.ones(1, 1, 1, 2), 1, 0
    >>> dx, dW, db = backward(torch.ones(1, 1, 1, 2), cache, True)
    >>> dx[0, 0], dW[0, 0], db
    (tensor([[1., 2., 1.]]), tensor([[2., 2.]]), tensor([2.]))
    """
    import torch

    x, W, stride, padding = cache
    lead = tuple(W.shape[:-4])
    K, kernels = math.prod(lead), W.reshape(-1, *W.shape[-3:])
    dx, dW, db = torch.ops.aten.convolution_backward(
        as_groups(dy, K),
        as_groups(x, K),
        kernels,
        [len(kernels)],
        [stride, stride],
        [padding, padding],
        [1, 1],  # no dilation
        False,  # not transposed
        [0, 0],
        K,
        [input_gradient, True, True],
    )
    dx = as_models(dx, lead) if input_gradient else None
    return dx, dW.reshape(W.shape), db.reshape(W.shape[:-3])

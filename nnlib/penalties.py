r"""Penalties on the parameters: what is added to the loss, and its gradient.

Pure functions ``penalty(params, …) -> (value, gradient)`` of the flat buffer. A mask
of shape ``(P,)`` leaves the biases out: ``model.mask("W")``. λ multiplies the penalty
of the *mean* loss; texts that write λ/m divide the sum over m examples and need
λ = (their λ)/m here.
"""

from nnlib.backend import Array, namespace
from nnlib.optimizer import Hyper, at_least_0, column


def l2(
    params: Array, strength: Hyper, *, mask: Array | None = None
) -> tuple[Array, Array]:
    r"""Return :math:`\tfrac{\lambda}{2} \|w\|^2` and its gradient :math:`\lambda w`.

    Parameters
    ----------
    params : array of shape (*lead, P)
    strength : float or array of shape lead
        λ. The factor ½ makes it the same number as a coupled ``weight_decay``.
    mask : array of shape (P,), optional
        1 where the penalty applies, as ``model.mask("W")`` gives. Biases need less
        data to fit than weights, and penalizing them under-fits.

    Returns
    -------
    value : array of shape lead
    gradient : array like params

    References
    ----------
    A. Krogh, J. A. Hertz, "A Simple Weight Decay Can Improve Generalization", NeurIPS
    1991, eq. 2. I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016,
    section 7.1 (biases).

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = l2(np.array([3.0, 4.0]), 0.1)
    >>> round(value.item(), 6), gradient.round(6)
    (1.25, array([0.3, 0.4]))
    """
    strength = column(at_least_0("strength", strength), params)
    gradient = strength * _masked(params, mask)
    return 0.5 * namespace(params).sum(gradient * params, axis=-1), gradient


def l1(
    params: Array, strength: Hyper, *, mask: Array | None = None
) -> tuple[Array, Array]:
    r"""Return :math:`\lambda \|w\|_1` and :math:`\lambda\operatorname{sign}(w)`.

    Parameters
    ----------
    params, strength, mask
        See `l2`.

    Notes
    -----
    At 0 the subgradient 0 is taken. A gradient step jumps over 0 and does not give
    exact zeros; `prox_l1` does.

    References
    ----------
    R. Tibshirani, "Regression Shrinkage and Selection via the Lasso", J. Royal
    Statistical Society B 58(1), 1996, eq. 1.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = l1(np.array([3.0, -4.0, 0.0]), 0.5)
    >>> value.item(), gradient
    (3.5, array([ 0.5, -0.5,  0. ]))
    """
    strength = column(at_least_0("strength", strength), params)
    gradient = strength * _masked(namespace(params).sign(params), mask)
    return namespace(params).sum(gradient * params, axis=-1), gradient


def elastic(
    params: Array, l1_strength: Hyper, l2_strength: Hyper, *, mask: Array | None = None
) -> tuple[Array, Array]:
    r"""Return :math:`\lambda_1 \|w\|_1 + \tfrac{\lambda_2}{2} \|w\|^2` and gradient.

    Parameters
    ----------
    params, mask
        See `l2`.
    l1_strength, l2_strength : float or array of shape lead
        λ₁ and λ₂.

    References
    ----------
    H. Zou, T. Hastie, "Regularization and variable selection via the elastic net",
    J. Royal Statistical Society B 67(2), 2005, eq. 3 (without the factor ½).

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = elastic(np.array([2.0]), 1.0, 0.5)
    >>> value.item(), gradient
    (3.0, array([2.]))
    """
    value1, gradient1 = l1(params, l1_strength, mask=mask)
    value2, gradient2 = l2(params, l2_strength, mask=mask)
    return value1 + value2, gradient1 + gradient2


def prox_l1(params: Array, threshold: Hyper, *, mask: Array | None = None) -> Array:
    r"""Move every weight towards 0 by the threshold, and stop there.

    .. math:: \operatorname{sign}(w)\,\max(|w| - \theta, 0)

    Parameters
    ----------
    params : array of shape (*lead, P)
    threshold : float or array of shape lead
        θ = learning rate times λ, applied after each gradient step of the loss alone.
    mask : array of shape (P,), optional

    Returns
    -------
    array like params

    References
    ----------
    I. Daubechies, M. Defrise, C. De Mol, "An iterative thresholding algorithm for
    linear inverse problems with a sparsity constraint", CPAM 57(11), 2004.

    Examples
    --------
    >>> import numpy as np
    >>> prox_l1(np.array([3.0, -0.2]), 0.5)
    array([ 2.5, -0. ])
    """
    xp = namespace(params)
    move = column(at_least_0("threshold", threshold), params)
    move = move if mask is None else move * mask
    return xp.sign(params) * xp.maximum(xp.abs(params) - move, 0.0)


def _masked(x: Array, mask: Array | None) -> Array:
    return x if mask is None else x * mask

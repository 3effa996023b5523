r"""Preprocessing: move, scale and rotate the data before the first layer.

Each step is an affine map whose constants are measured **on the training part only**
and then applied to every part::

    step = Whiten("zca").fit(x_train)
    x_train, x_val = step.apply(x_train), step.apply(x_val)

============= ================================================ =====================
step          map                                              covariance afterwards
============= ================================================ =====================
`Center`      :math:`x - \mu`                                  unchanged
`Standardize` :math:`(x - \mu) / \sqrt{\sigma^2 + \epsilon}`   ones on the diagonal
`PCA`         :math:`(x - \mu)\,U`                             diagonal
`Whiten` PCA  :math:`(x - \mu)\,U (\Lambda + \epsilon)^{-1/2}` identity
`Whiten` ZCA  the same, times :math:`U^\top`                   identity
============= ================================================ =====================

:math:`\Sigma = U \Lambda U^\top` is the covariance of the training data. Constants are
computed in float64 (float32 loses the small eigenvalues) and applied in the dtype of
the data. Variances divide by N, as in scikit-learn's StandardScaler; its PCA divides
by N - 1.
"""

import dataclasses
import math
from typing import Any

from nnlib.backend import Array, namespace

EPS64 = 2.0**-52  # the rounding unit of float64
Axis = int | tuple[int, ...] | None


def covariance(x: Array) -> Array:
    r"""Return how the features vary together.

    .. math:: \Sigma = \frac1N \sum_n (x_n - \mu)(x_n - \mu)^\top

    Parameters
    ----------
    x : array of shape (…, N, D)

    Returns
    -------
    array of shape (…, D, D)
        In the unit of x squared.

    References
    ----------
    C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, eq. 12.3.

    Examples
    --------
    >>> import numpy as np
    >>> covariance(np.array([[1.0, 2.0], [3.0, 6.0]]))
    array([[1., 2.],
           [2., 4.]])
    """
    centered = x - namespace(x).mean(x, axis=-2, keepdims=True)  # (…, N, D)
    return centered.mT @ centered / x.shape[-2]


def principal_axes(x: Array) -> tuple[Array, Array]:
    r"""Return variances and directions of the principal components, largest first.

    .. math:: \Sigma = U \Lambda U^\top

    Parameters
    ----------
    x : array of shape (…, N, D)

    Returns
    -------
    variances : array of shape (…, D)
        The diagonal of :math:`\Lambda`, never negative.
    directions : array of shape (…, D, D)
        :math:`U`: one direction per column, its largest entry (by size) positive.

    References
    ----------
    H. Hotelling, "Analysis of a complex of statistical variables into principal
    components", Journal of Educational Psychology 24, 1933. Bishop 2006, section 12.1.

    Examples
    --------
    >>> import numpy as np
    >>> variances, directions = principal_axes(np.array([[3.0, 4.0], [-3.0, -4.0]]))
    >>> variances.round(3) + 0.0, directions[:, 0].round(3)
    (array([25.,  0.]), array([0.6, 0.8]))
    """
    xp = namespace(x)
    variances, directions = xp.linalg.eigh(covariance(x))  # smallest first
    variances = xp.maximum(xp.flip(variances, axis=-1), 0.0)  # -1e-17 is a rounded 0
    directions = xp.flip(directions, axis=-1)
    largest = xp.max(directions, axis=-2, keepdims=True)
    smallest = xp.min(directions, axis=-2, keepdims=True)
    positive = xp.astype(largest + smallest >= 0, directions.dtype)  # (…, 1, D)
    return variances, directions * (2 * positive - 1)


class Preprocessor:
    """Base: checks, the order fit then apply, and the dtype of the data.

    A subclass measures its constants in ``measure`` and names them in ``constants``.

    Raises
    ------
    ValueError
        If the data are not floating-point, have no examples, hold nan or inf, or do not
        have the width of the training data.
    RuntimeError
        If it is applied before it is fitted.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning",
    2nd ed. 2009, section 7.10.2 (why the test data must not be measured).

    Examples
    --------
    >>> import numpy as np
    >>> Center().apply(np.ones((2, 3)))
    Traceback (most recent call last):
    ...
    RuntimeError: Center is applied before it is fitted: call fit(x_train) first
    """

    constants: tuple[str, ...] = ("mean",)
    mean: Array
    fitted = False

    def fit(self, x: Array) -> Any:
        """Measure the constants on `x`, the training data; return self."""
        xp = namespace(x)
        if x.ndim < 2 or 0 in x.shape:
            raise ValueError(f"data need shape (…, N, D) with N > 0, not {_shape(x)}")
        if not xp.isdtype(x.dtype, "real floating"):
            raise ValueError(f"data must be floating-point, not {x.dtype}")
        if not bool(xp.all(xp.isfinite(x))):
            raise ValueError("the training data hold nan or inf")
        self.measure(xp.astype(x, xp.float64))
        self.width, self.fitted = x.shape[-1], True
        return self

    def measure(self, x: Array) -> None:
        """Set the constants from float64 data."""
        raise NotImplementedError

    def apply(self, x: Array) -> Array:
        """Return the data after this step, with the constants of the training data."""
        self._check(x, self.width if self.fitted else 0)
        return self._map(x, *self._constants(x))

    def inverse(self, y: Array) -> Array:
        """Return the data before this step, as far as nothing was dropped."""
        self._check(y, self._out_width() if self.fitted else 0)
        return self._unmap(y, *self._constants(y))

    def fit_apply(self, x: Array) -> Array:
        """Fit on the training data `x` and apply to them."""
        return self.fit(x).apply(x)

    def _constants(self, x: Array) -> list[Array]:
        cast = namespace(x).astype
        return [cast(getattr(self, name), x.dtype) for name in self.constants]

    def _check(self, x: Array, width: int) -> None:
        if not self.fitted:
            name = type(self).__name__
            raise RuntimeError(
                f"{name} is applied before it is fitted: call fit(x_train) first"
            )
        if x.shape[-1] != width:
            raise ValueError(f"expected (…, N, {width}), got {_shape(x)}")

    def _out_width(self) -> int:
        return self.width

    def _map(self, x: Array, *constants: Array) -> Array:
        raise NotImplementedError

    def _unmap(self, y: Array, *constants: Array) -> Array:
        raise NotImplementedError


class Center(Preprocessor):
    r"""Subtract the mean: :math:`y = x - \mu`.

    Parameters
    ----------
    axis : int, tuple of int or None
        What to average over. -2, the default, gives one mean per feature of rows
        (…, N, D); 0 a mean image and ``(0, 2, 3)`` one mean per channel of images
        (N, C, H, W); None a single one.

    Attributes
    ----------
    mean : array of shape (…, 1, D), or whatever `axis` leaves

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> step = Center().fit(np.array([[1.0, 10.0], [3.0, 20.0]]))
    >>> step.apply(np.array([[2.0, 16.0]]))
    array([[0., 1.]])
    """

    def __init__(self, *, axis: Axis = -2) -> None:
        self.axis = axis

    def measure(self, x: Array) -> None:
        self.mean = namespace(x).mean(x, axis=self.axis, keepdims=True)

    def _map(self, x: Array, *constants: Array) -> Array:
        return x - constants[0]

    def _unmap(self, y: Array, *constants: Array) -> Array:
        return y + constants[0]


class Standardize(Preprocessor):
    r"""Give every feature mean 0 and variance 1.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}

    Parameters
    ----------
    axis : int, tuple of int or None
        What to measure over, see `Center`. None uses one mean and one scale for all
        features: images need it when some pixels hardly vary, because dividing by a
        tiny deviation turns a small shift into a huge value.
    eps : float
        Added to the variance.

    Attributes
    ----------
    mean, scale : arrays of shape (…, 1, D), or whatever `axis` leaves
        The scale of a constant feature is 1, so the feature becomes 0.

    Raises
    ------
    ValueError
        If eps is negative.

    References
    ----------
    LeCun et al. 1998, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> Standardize().fit_apply(np.array([[1.0, 5.0], [3.0, 5.0]]))  # 5 is constant
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    constants = ("mean", "scale")
    scale: Array

    def __init__(self, *, axis: Axis = -2, eps: float = 0.0) -> None:
        self.axis, self.eps = axis, _check_eps(eps)

    def measure(self, x: Array) -> None:
        xp = namespace(x)
        self.mean = xp.mean(x, axis=self.axis, keepdims=True)
        d = x - self.mean
        var = xp.mean(d * d, axis=self.axis, keepdims=True)
        n = math.prod(x.shape) / math.prod(self.mean.shape)
        rounding = (n * EPS64 * self.mean) ** 2  # what a constant feature can show
        scale = xp.sqrt(var + self.eps)
        self.scale = xp.where(var <= rounding, xp.ones_like(scale), scale)

    def _map(self, x: Array, *constants: Array) -> Array:
        mean, scale = constants
        return (x - mean) / scale

    def _unmap(self, y: Array, *constants: Array) -> Array:
        mean, scale = constants
        return y * scale + mean


class PCA(Preprocessor):
    r"""Rotate to uncorrelated features and keep the k of largest variance.

    .. math:: y = (x - \mu)\, U_k

    Parameters
    ----------
    k : int, optional
        Number of components; all D by default.

    Attributes
    ----------
    mean : array of shape (…, 1, D)
    directions : array of shape (…, D, k)
        Orthonormal columns.
    variances : array of shape (…, D)
        Of all D components, largest first, in the unit of x squared.

    Raises
    ------
    ValueError
        If k is not in 1..D.

    Notes
    -----
    Among all linear maps to k numbers and back, this one has the least squared error
    on the training data: the sum of the dropped variances per example.

    References
    ----------
    Hotelling 1933, see `principal_axes`. Bishop 2006, section 12.1.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[3.0, 4.0], [-3.0, -4.0]])
    >>> step = PCA(1).fit(x)
    >>> step.apply(x).round(6)
    array([[ 5.],
           [-5.]])
    >>> step.inverse(step.apply(x)).round(6)
    array([[ 3.,  4.],
           [-3., -4.]])
    """

    constants: tuple[str, ...] = ("mean", "directions")
    directions: Array

    def __init__(self, k: int | None = None) -> None:
        self.k = k

    def measure(self, x: Array) -> None:
        d = x.shape[-1]
        k = d if self.k is None else self.k
        if not 1 <= k <= d:
            raise ValueError(f"k={k} components of {d} features")
        self.mean = namespace(x).mean(x, axis=-2, keepdims=True)
        self.variances, directions = principal_axes(x)
        self.directions = directions[..., :k]

    @property
    def explained(self) -> Array:
        """Share of the total variance that each of the D components carries."""
        total = namespace(self.variances).sum(self.variances, axis=-1, keepdims=True)
        return self.variances / total

    def _out_width(self) -> int:
        return self.directions.shape[-1]

    def _map(self, x: Array, *constants: Array) -> Array:
        mean, u = constants
        return (x - mean) @ u  # (…, N, k)

    def _unmap(self, y: Array, *constants: Array) -> Array:
        mean, u = constants
        return y @ u.mT + mean  # (…, N, D)


class Whiten(PCA):
    r"""Make the features uncorrelated, each of variance 1.

    .. math:: y = (x - \mu)\, U (\Lambda + \epsilon)^{-1/2} \quad\text{(PCA)}

    .. math:: y = (x - \mu)\, U (\Lambda + \epsilon)^{-1/2} U^\top \quad\text{(ZCA)}

    Parameters
    ----------
    method : {"zca", "pca"}
        ZCA rotates back: of all whitened data, these stay nearest to the original, and
        a whitened image still looks like the image.
    k : int, optional
        Number of components to keep; all D by default.
    eps : float
        Added to the variances. Directions of tiny variance are mostly noise; with a
        small eps they are blown up to variance 1.

    Attributes
    ----------
    mean, directions, variances
        See `PCA`.

    Raises
    ------
    ValueError
        If the method is unknown, eps is negative, or k is not in 1..D.

    Notes
    -----
    Directions in which the training data do not vary at all become 0, also for eps = 0.
    The covariance is then the identity on the others.

    References
    ----------
    A. J. Bell, T. J. Sejnowski, "The 'independent components' of natural scenes are
    edge filters", Vision Research 37(23), 1997 (ZCA). A. Kessy, A. Lewin, K. Strimmer,
    "Optimal whitening and decorrelation", The American Statistician 72(4), 2018.
    arXiv:1512.00809.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 4.0]])
    >>> y = Whiten("zca", eps=0.0).fit_apply(x)
    >>> covariance(y).round(6) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """

    constants = ("mean", "directions", "roots")
    roots: Array

    def __init__(
        self, method: str = "zca", *, k: int | None = None, eps: float = 1e-5
    ) -> None:
        super().__init__(k)
        if method not in ("pca", "zca"):
            raise ValueError(f"method {method!r} is not one of 'pca', 'zca'")
        self.method, self.eps = method, _check_eps(eps)

    def measure(self, x: Array) -> None:
        super().measure(x)
        xp = namespace(x)
        kept = self.variances[..., : self.directions.shape[-1]]
        rounding = x.shape[-1] * EPS64 * xp.max(kept, axis=-1, keepdims=True)
        varies = kept > rounding
        roots = xp.where(varies, xp.sqrt(kept + self.eps), xp.zeros_like(kept))
        self.roots = roots[..., None, :]  # (…, 1, k): deviations; 0 marks no variation

    def _out_width(self) -> int:
        return self.directions.shape[-2 if self.method == "zca" else -1]

    def _map(self, x: Array, *constants: Array) -> Array:
        mean, u, roots = constants
        xp = namespace(x)
        factor = xp.where(roots > 0, 1 / xp.where(roots > 0, roots, 1.0), 0.0)
        y = ((x - mean) @ u) * factor  # (…, N, k)
        return y @ u.mT if self.method == "zca" else y

    def _unmap(self, y: Array, *constants: Array) -> Array:
        mean, u, roots = constants
        y = y @ u if self.method == "zca" else y  # (…, N, k)
        return (y * roots) @ u.mT + mean


def prepare(data: Any, *steps: Preprocessor) -> Any:
    """Fit each step on the training part and apply it to all parts, one by one.

    Parameters
    ----------
    data : nnlib.data.Split
    *steps : Preprocessor
        Keep their constants, to apply them to new data.

    Returns
    -------
    nnlib.data.Split
        A new one; `data` stays as it is.

    References
    ----------
    Hastie, Tibshirani, Friedman 2009, section 7.10.2.

    Examples
    --------
    >>> import numpy as np
    >>> from nnlib.data import digits
    >>> d = digits(rng=np.random.default_rng(0), device="cpu")
    >>> prepare(d, Center(), PCA(40)).x_test.shape
    (497, 40)
    """
    for step in steps:
        step.fit(data.x_train)
        parts = {name: step.apply(getattr(data, name)) for name in _PARTS}
        data = dataclasses.replace(data, **parts)
    return data


_PARTS = ("x_train", "x_val", "x_test")


def _check_eps(eps: float) -> float:
    if not 0 <= eps < math.inf:
        raise ValueError(f"eps must be a number of at least 0, not {eps}")
    return eps


def _shape(x: Array) -> tuple[int, ...]:
    return tuple(x.shape)

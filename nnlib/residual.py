r"""Residual blocks and the four ways to start them.

A block computes :math:`y = x + F(x)`. With He weights the branch F keeps the variance
of x, so a block doubles it: 20 blocks, a factor of :math:`2^{20}`. The cures make the
block the identity at the start.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlib.backend import Array, namespace
from nnlib.init import constant, zero_last
from nnlib.layers import Activation, Layer, leaves, per_channel

INITS = ("he", "zero", "fixup", "skipinit")


class ScalarBias(Layer):
    """Add one learned number to everything, as Fixup does before each layer.

    Parameters
    ----------
    spatial : int
        0 for rows (…, N, C), 2 for images.
    lead, dtype, device
        See `nnlib.layers.Linear`.

    References
    ----------
    H. Zhang, Y. N. Dauphin, T. Ma, "Fixup Initialization", ICLR 2019, section 3.
    arXiv:1901.09321.

    Examples
    --------
    >>> ScalarBias(device="cpu")(np.ones((1, 2)))
    array([[1., 1.]])
    """

    def __init__(
        self,
        *,
        spatial: int = 0,
        lead: tuple[int, ...] = (),
        dtype: Any = np.float32,
        device: str | None = None,
    ) -> None:
        super().__init__()
        self.lead, self.spatial = tuple(lead), spatial
        self.params["b"] = constant((1,), lead=self.lead, dtype=dtype, device=device)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        self.cache = True
        return x + per_channel(self.params["b"], self.spatial)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        self._cached()
        axes = tuple(range(len(self.lead), dy.ndim))
        self._store(b=namespace(dy).sum(dy, axis=axes)[..., None])
        return dy


class Residual(Layer):
    r"""Add a branch to its input: :math:`y = s(x) + c\,\alpha\,F(x)`.

    Parameters
    ----------
    branch : sequence of Layer
        F, from input to output.
    init : {"he", "zero", "fixup", "skipinit"}
        How the block starts.

        ``"he"``: as the layers were drawn.

        ``"zero"``: the last scale of the branch is 0 (gamma of a closing normalization,
        else the last weight), so the block is the identity.

        ``"fixup"``: the last weight is 0, the m - 1 others are divided by
        :math:`L^{1/(2m-2)}` for L blocks, and the branch gets scalar biases before each
        weight and activation and a learned factor α = 1.

        ``"skipinit"``: a learned factor α = 0 multiplies the branch.
    n_blocks : int, optional
        Number L of blocks in the network, for Fixup.
    shortcut : sequence of Layer
        s, where the branch changes the shape; the identity by default.
    scale : float
        A fixed factor c, such as :math:`1/\sqrt{2L}`.

    Raises
    ------
    ValueError
        If `init` is unknown, the branch has no weights to scale, or n_blocks is missing
        for Fixup.

    Notes
    -----
    With ``"zero"`` the first weights of the branch get no gradient at the first step:
    it passes through the zero weight. They move from the second step on.

    References
    ----------
    K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    arXiv:1512.03385. P. Goyal et al., "Accurate, Large Minibatch SGD", 2017, section
    5.1 (zero gamma). arXiv:1706.02677. Zhang, Dauphin, Ma 2019 (Fixup).
    S. De, S. L. Smith, "Batch Normalization Biases Residual Blocks Towards the Identity
    Function in Deep Networks", NeurIPS 2020 (SkipInit). arXiv:2002.10444.

    Examples
    --------
    >>> from nnlib.layers import Linear
    >>> rng = np.random.default_rng(0)
    >>> block = Residual([Linear(2, 2, rng=rng, device="cpu")], init="zero")
    >>> block(np.array([[1.0, 2.0]], dtype=np.float32))
    array([[1., 2.]], dtype=float32)
    """

    def __init__(
        self,
        branch: Sequence[Layer],
        *,
        init: str = "he",
        n_blocks: int | None = None,
        shortcut: Sequence[Layer] = (),
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        if init not in INITS:
            raise ValueError(f"init {init!r} is not one of {', '.join(INITS)}")
        self.branch, self.shortcut = list(branch), list(shortcut)
        self.scale = scale
        weighted = [leaf for _, leaf in leaves(self.branch) if "W" in leaf.params]
        if not weighted:
            raise ValueError("the branch has no weights")
        self.lead, W = weighted[0].lead, weighted[0].params["W"]
        self.spatial = W.ndim - len(self.lead) - 2  # 0 for rows, 2 for images
        if init == "zero":
            zero_last(self.branch)
        elif init == "skipinit":
            self.params["alpha"] = self._scalar(0.0, W)
        elif init == "fixup":
            self.params["alpha"] = self._scalar(1.0, W)
            self._fixup(n_blocks, W)

    def _scalar(self, value: float, like: Array) -> Array:
        shape, xp = (*self.lead, 1), namespace(like)
        return xp.full(shape, value, dtype=like.dtype, device=like.device)

    def _fixup(self, n_blocks: int | None, W: Array) -> None:
        if n_blocks is None or n_blocks < 1:
            raise ValueError(f"Fixup needs the number of blocks, not {n_blocks}")
        weighted = [layer for layer in self.branch if "W" in layer.params]
        for layer in weighted[:-1]:
            layer.params["W"] *= n_blocks ** (-1 / (2 * len(weighted) - 2))
        zero_last(self.branch)
        branch: list[Layer] = []
        for layer in self.branch:
            if "W" in layer.params or isinstance(layer, Activation):
                bias = ScalarBias(spatial=self.spatial, lead=self.lead, device="cpu")
                bias.params["b"] = self._scalar(0.0, W)
                branch.append(bias)
            branch.append(layer)
        self.branch = branch

    def sublayers(self) -> list[Layer]:
        """Return the branch, and the shortcut after it."""
        return self.branch + self.shortcut

    def forward(self, x: Array, *, train: bool = False) -> Array:
        f, s = x, x
        for layer in self.branch:
            f = layer.forward(f, train=train)
        for layer in self.shortcut:
            s = layer.forward(s, train=train)
        n = min(f.ndim, s.ndim)  # stacked models may share x
        if f.shape[-n:] != s.shape[-n:]:
            shapes = tuple(f.shape), tuple(s.shape)
            raise ValueError(f"the branch gives {shapes[0]}, the shortcut {shapes[1]}")
        self.cache = f
        return s + self._scaled(f)

    def _scaled(self, f: Array) -> Array:
        if self.scale != 1:
            f = self.scale * f
        if "alpha" in self.params:
            f = f * per_channel(self.params["alpha"], self.spatial)
        return f

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array:
        f = self._cached()
        if "alpha" in self.params:
            axes = tuple(range(len(self.lead), dy.ndim))
            dalpha = self.scale * namespace(dy).sum(dy * f, axis=axes)
            self._store(alpha=dalpha[..., None])
        df, ds = self._scaled(dy), dy
        for layer in reversed(self.branch):
            df = layer.backward(df)
        for layer in reversed(self.shortcut):
            ds = layer.backward(ds)
        return df + ds

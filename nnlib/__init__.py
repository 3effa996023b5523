"""Training neural networks, written once and readable.

Reading order of the modules (each holds one idea)::

    backend activations init losses layers model
    norm dropout residual conv conv_torch pool
    metric_losses hard_examples
    optimizer optim adaptive schedules clipping penalties ema
    train history stopping runstate checkpoint
    data mnist toys preprocess augment warp tps cam mixing
    gradcheck metrics diagnose signals lr_range search space ensemble snapshots
    claims plotting explore explore_panels explore_grid explore_text explore_pack
    explore_live

``import nnlib`` loads none of them, and neither torch nor matplotlib: a module is
loaded when it is used (``from nnlib import optim`` or ``nnlib.optim``).

Examples
--------
>>> import numpy as np
>>> import nnlib
>>> net = nnlib.model.mlp([4, 8, 3], rng=np.random.default_rng(0), device="cpu")
>>> net(np.zeros((5, 4), dtype=np.float32)).shape
(5, 3)
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"


def __getattr__(name: str) -> ModuleType:
    """Load a module of the package when it is first used."""
    path = f"{__name__}.{name}"
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:  # a package that the module needs is not installed
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

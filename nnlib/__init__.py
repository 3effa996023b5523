"""Training neural networks, written once and readable.

Reading order of the modules (each holds one idea)::

    backend activations init losses layers model optim train
    data gradcheck metrics claims plotting explore

``import nnlib`` loads none of them, and neither torch nor matplotlib: a module is
loaded when it is used (``from nnlib import optim`` or ``nnlib.optim``).

Examples
--------
>>> import numpy as np
>>> from nnlib.model import mlp
>>> net = mlp([4, 8, 3], rng=np.random.default_rng(0))
>>> net(np.zeros((5, 4), dtype=np.float32)).shape
(5, 3)
"""

__version__ = "0.1.0"

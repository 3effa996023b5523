"""All that a training run needs to continue as if it had not stopped, in one file.

Weights, optimizer state, record, the average and the early stopping, and the states of
all random generators. The file is replaced only when the new one is complete: a crash
leaves the old state or the new one, never half of one.
"""

import json
import os
from typing import Any

import numpy as np

from nnlib import checkpoint
from nnlib.ema import EMA
from nnlib.history import History
from nnlib.model import Sequential, leaves
from nnlib.optim import Optimizer
from nnlib.stopping import EarlyStopping


class RunState:
    """The parts of a run, saved and loaded together.

    Parameters
    ----------
    model, optimizer, history, rng
        Of `nnlib.train.fit`.
    ema, stopping : optional

    Raises
    ------
    FileNotFoundError
        If the file to load is not there.
    ValueError
        If it does not fit this run; the message says what is missing or different.

    References
    ----------
    T. S. Pillai et al., "All File Systems Are Not Created Equal: On the Complexity of
    Crafting Crash-Consistent Applications", OSDI 2014.

    Examples
    --------
    >>> import tempfile
    >>> from nnlib import model, optim
    >>> rng = np.random.default_rng(0)
    >>> net = model.mlp([2, 3], rng=rng, device="cpu")
    >>> run = RunState(net, optim.SGD(lr=0.1), History(), rng)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run.save(folder + "/run.safetensors")
    ...     first = rng.random()
    ...     run.load(folder + "/run.safetensors")
    >>> rng.random() == first
    True
    """

    def __init__(
        self,
        model: Sequential,
        optimizer: Optimizer,
        history: History,
        rng: np.random.Generator,
        *,
        ema: EMA | None = None,
        stopping: EarlyStopping | None = None,
    ) -> None:
        self.model, self.optimizer, self.rng = model, optimizer, rng
        optional = {"ema": ema, "stopping": stopping}
        self.parts: dict[str, Any] = {
            "model": model,
            "optimizer": optimizer,
            "history": history,
            **{name: part for name, part in optional.items() if part is not None},
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file."""
        arrays = {
            f"{part}/{name}": value
            for part, owner in self.parts.items()
            for name, value in owner.state().items()
        }
        generators = {
            name: json.dumps(g.bit_generator.state, default=lambda a: a.tolist())
            for name, g in self._generators().items()
        }
        about = {"parts": json.dumps(list(self.parts)), "rng": json.dumps(generators)}
        checkpoint.save(path, arrays, about)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Set all parts to the state in the file."""
        arrays, about = checkpoint.load(path)
        saved = json.loads(about.get("parts", "[]"))
        if set(saved) != set(self.parts):
            raise ValueError(
                f"{os.fspath(path)} holds {', '.join(saved) or 'no run'}; "
                f"this run has {', '.join(self.parts)}"
            )
        states: dict[str, dict[str, np.ndarray]] = {name: {} for name in self.parts}
        for key, value in arrays.items():
            part, name = key.split("/", 1)
            states[part][name] = value
        generators, saved_rng = self._generators(), json.loads(about["rng"])
        if set(generators) != set(saved_rng):
            raise ValueError(
                f"{os.fspath(path)} has random states of {sorted(saved_rng)}, "
                f"this run draws from {sorted(generators)}"
            )
        self.model.load_state(states["model"])
        for name, owner in self.parts.items():
            if name in ("optimizer", "ema"):
                owner.load_state(states[name], self.model.params)
            elif name != "model":
                owner.load_state(states[name])
        for name, generator in generators.items():
            generator.bit_generator.state = json.loads(saved_rng[name])

    def _generators(self) -> dict[str, np.random.Generator]:
        """Return the run's generator and those that layers (dropout) draw from."""
        found = {"fit": self.rng}
        for path, leaf in leaves(self.model.layers):
            generator = getattr(leaf, "rng", None)
            if isinstance(generator, np.random.Generator):
                found[path] = generator
        return found

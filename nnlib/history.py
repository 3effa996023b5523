"""The record of a training run: one array per quantity and epoch, or step."""

from typing import Any

import numpy as np

from nnlib.backend import to_numpy


class History:
    """What a training run measured, one array per quantity.

    Attributes
    ----------
    epochs : int
        Number of epochs recorded.
    names : list of str
        The quantities.
    steps : History
        The same for single steps, filled when `nnlib.train.fit` is asked to.

    Raises
    ------
    KeyError
        If a quantity was not recorded; the message lists those that were.

    References
    ----------
    A. Karpathy, "A Recipe for Training Neural Networks", 2019 (what to watch).

    Examples
    --------
    >>> h = History()
    >>> h.record(train_loss=2.3)
    >>> h.record(train_loss=1.9)
    >>> h["train_loss"], h.epochs, "val_loss" in h
    (array([2.3, 1.9]), 2, False)
    """

    def __init__(self) -> None:
        self._lists: dict[str, list[Any]] = {}
        self._steps: History | None = None

    def record(self, **values: Any) -> None:
        """Append one epoch; each value is a number or an array of shape lead."""
        for name, value in values.items():
            self._lists.setdefault(name, []).append(np.array(to_numpy(value)))

    @property
    def steps(self) -> "History":
        if self._steps is None:
            self._steps = History()
        return self._steps

    @property
    def epochs(self) -> int:
        return max((len(v) for v in self._lists.values()), default=0)

    @property
    def names(self) -> list[str]:
        return list(self._lists)

    def __contains__(self, name: str) -> bool:
        return name in self._lists

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the quantity as an array of shape (epochs, *lead)."""
        if name not in self._lists:
            known = ", ".join(self._lists) or "nothing yet"
            raise KeyError(f"no {name!r} recorded; there is {known}")
        return np.stack(self._lists[name])

    def __repr__(self) -> str:
        return f"History({self.epochs} epochs: {', '.join(self._lists)})"

    def state(self) -> dict[str, np.ndarray]:
        """Return all arrays; those of steps under ``"steps/…"``."""
        own = {name: self[name] for name in self._lists}
        inner = {} if self._steps is None else self._steps.state()
        return {**own, **{f"steps/{name}": v for name, v in inner.items()}}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Continue the record in `state`."""
        outer = {k: list(v) for k, v in state.items() if not k.startswith("steps/")}
        inner = {
            k.removeprefix("steps/"): v
            for k, v in state.items()
            if k.startswith("steps/")
        }
        self._lists = outer
        if inner:
            self.steps.load_state(inner)

"""Early stopping: keep the best weights, and stop when they stay the best."""

from typing import Any

import numpy as np

from nnlib.backend import Array, to_numpy


class EarlyStopping:
    r"""Stop when a validation measure has not improved for a while.

    An epoch improves when the mean of the last `window` values is better than the best
    such mean so far by more than `min_delta`. After `patience` epochs in a row without
    improvement the model stops. Models of a stack stop one by one: training goes on
    until the last has stopped, but a stopped model's result stays what it was.

    Parameters
    ----------
    patience : int
        Epochs without improvement that are endured, at least 1.
    min_delta : float
        Smallest change that counts, in the unit of the measure.
    window : int
        Epochs averaged over; fewer at the start. A noisy measure stops a run too early.
    metric : str
        A quantity of `nnlib.history.History`.
    mode : {"min", "max"}
        What is better.
    restore : bool
        At the end, give back the weights of the best epoch instead of those at the
        stop. With a window, that is the last epoch of the best window.

    Attributes
    ----------
    best : array of shape lead
        Best (averaged) value.
    best_epoch, stopped_epoch : integer arrays of shape lead
        Counted from 0; -1 where there is none.
    done : bool
        Whether all models have stopped.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    nan never improves. The best of many epochs is a slightly lucky one: its validation
    measure is optimistic, measure the result on other data.

    References
    ----------
    L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the Trade,
    1998. doi:10.1007/3-540-49430-8_3.

    Examples
    --------
    >>> stop = EarlyStopping(patience=2)
    >>> for value in [1.0, 0.8, 0.9, 0.85, 0.1]:
    ...     _ = stop.step(value)
    >>> float(stop.best), int(stop.best_epoch), int(stop.stopped_epoch), stop.done
    (0.8, 1, 3, True)
    """

    def __init__(
        self,
        patience: int = 5,
        *,
        min_delta: float = 0.0,
        window: int = 1,
        metric: str = "val_loss",
        mode: str = "min",
        restore: bool = True,
    ) -> None:
        for name, value in (("patience", patience), ("window", window)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if not min_delta >= 0:
            raise ValueError(f"min_delta must be at least 0, not {min_delta}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode!r} is not one of 'min', 'max'")
        self.patience, self.min_delta, self.window = patience, min_delta, window
        self.metric, self.mode, self.restore = metric, mode, restore
        self._recent: list[np.ndarray] = []
        self._epoch = -1
        self._kept: dict[str, np.ndarray] = {}

    @property
    def done(self) -> bool:
        return self._epoch >= 0 and bool(np.all(self.stopped_epoch >= 0))

    def step(self, value: Array) -> np.ndarray:
        """Take in one epoch's value; return where it improved, shape lead."""
        value = np.asarray(to_numpy(value), dtype=np.float64)
        if self._epoch < 0:
            self.best = np.full(value.shape, np.inf if self.mode == "min" else -np.inf)
            self.best_epoch = np.full(value.shape, -1)
            self.stopped_epoch = np.full(value.shape, -1)
            self._wait = np.zeros(value.shape, dtype=int)
        self._epoch += 1
        self._recent = [*self._recent, value][-self.window :]
        mean = np.mean(self._recent, axis=0)
        running = self.stopped_epoch < 0
        if self.mode == "min":
            improved = running & (mean < self.best - self.min_delta)
        else:
            improved = running & (mean > self.best + self.min_delta)
        self.best = np.where(improved, mean, self.best)
        self.best_epoch = np.where(improved, self._epoch, self.best_epoch)
        self._wait = np.where(improved, 0, self._wait + 1)
        stops = running & (self._wait >= self.patience)
        self.stopped_epoch = np.where(stops, self._epoch, self.stopped_epoch)
        self._fresh = improved if self.restore else running
        return improved

    def keep(self, model: Any) -> None:
        """Copy the weights that would be given back; call it after `step`."""
        if not self._kept:
            self._kept = model.state()
        elif self._fresh.any():
            for name, value in model.state().items():
                if value.shape[: self._fresh.ndim] == self._fresh.shape:
                    self._kept[name][self._fresh] = value[self._fresh]
                else:  # state that the models of a stack share
                    self._kept[name] = value

    def give_back(self, model: Any) -> None:
        """Set the model to the weights kept, at the end of the training."""
        if self._kept:
            model.load_state(self._kept)

    def state(self) -> dict[str, Any]:
        """Return copies of all that `load_state` needs."""
        if self._epoch < 0:
            return {"epoch": -1}
        kept = {f"kept/{name}": value.copy() for name, value in self._kept.items()}
        return {
            "epoch": self._epoch,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "stopped_epoch": self.stopped_epoch,
            "wait": self._wait,
            "recent": np.stack(self._recent),
            **kept,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self._epoch = int(state["epoch"])
        if self._epoch < 0:
            return
        self.best, self._wait = np.array(state["best"]), np.array(state["wait"])
        self.best_epoch = np.array(state["best_epoch"])
        self.stopped_epoch = np.array(state["stopped_epoch"])
        self._recent = list(np.array(state["recent"]))
        self._kept = {
            name.removeprefix("kept/"): np.array(value)
            for name, value in state.items()
            if name.startswith("kept/")
        }

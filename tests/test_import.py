"""`import nnlib` is light, and the core needs no torch and no plotting."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "matplotlib", "anywidget", "sklearn", "scipy", "ipywidgets", "pooch")
CORE = "from nnlib import data, losses, model, optim, train, preprocess, augment"


def loaded_after(statement):
    """Return which heavy packages a fresh process has loaded after a statement."""
    code = f"{statement}\nimport sys; print(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("statement", ["import nnlib", CORE])
def test_no_heavy_package_is_loaded(statement):
    assert loaded_after(statement) == []


def test_the_check_can_fail():
    assert "sklearn" in loaded_after("import sklearn")


def test_a_step_of_training_loads_neither_torch_nor_plots():
    code = (
        "import numpy as np\n"
        "from nnlib import data, losses, model, optim, train\n"
        "rng = np.random.default_rng(0)\n"
        "x, y = data.moons(32, rng=rng, device='cpu')\n"
        "net = model.mlp([2, 2], rng=rng, device='cpu')\n"
        "train.train_step(net, losses.softmax_cross_entropy, optim.SGD(lr=.1), x, y)"
    )
    assert loaded_after(code) == []


def test_modules_are_reached_as_attributes():
    """`import nnlib` promises that `nnlib.optim` loads when it is used."""
    loaded_after("import nnlib; assert nnlib.optim.SGD(lr=0.1).lr == 0.1")

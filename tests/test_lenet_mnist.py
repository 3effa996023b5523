"""LeNet-5 learns MNIST: one epoch, at least 97 % of the test images right."""

import numpy as np
import pytest

from nnlib import data, losses, model, optim
from nnlib.backend import default_device
from nnlib.data import DataError
from nnlib.train import evaluate, fit


@pytest.mark.slow
def test_one_epoch_of_lenet():
    rng = np.random.default_rng(0)
    try:
        split = data.mnist(rng=rng, download=False)
    except DataError as error:
        pytest.skip(f"MNIST is not on this machine: {error}")
    net = model.lenet(rng=rng, device=default_device())
    loss = losses.softmax_cross_entropy
    fit(net, loss, optim.Adam(lr=2e-3), split, epochs=1, batch_size=64, rng=rng)
    _, error = evaluate(net, loss, split.x_test, split.y_test)
    assert error <= 0.03, f"test error {error:.2%}"

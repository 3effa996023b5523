"""The ImageNet recipe of chapter 22, run from its page on a stand-in network.

torchvision and its weights are not needed: a module of the same name gives a small
network with the interface of ResNet-18, and the cache of torch.hub is a temporary
folder.
"""

import re
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn = torch.nn

PAGE = Path(__file__).parent.parent / "book" / "22_transfer.md"
FILE = "resnet18-f37072fd.pth"


def small_resnet(weights=None):
    """Three channels in, batch normalization, 1000 classes from a layer `fc`."""
    assert weights is None, "weights must come from the cache, not from a download"
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 4, 7, stride=16),
            bn1=nn.BatchNorm2d(4),
            relu=nn.ReLU(),
            avgpool=nn.AdaptiveAvgPool2d(2),
            flatten=nn.Flatten(),
            fc=nn.Linear(16, 1000),
        )
    )


@pytest.fixture
def page():
    """The names that the cells of the recipe define."""
    cells = re.findall(r"```\{code-cell\} ipython3\n(.*?)```", PAGE.read_text(), re.S)
    rng = np.random.default_rng(0)
    scope = {
        "Path": Path,
        "pixels": rng.integers(0, 17, (40, 64)).astype(float),
        "labels": np.arange(40) % 10,
    }
    for start in ("def for_imagenet", "def resnet18_from_cache"):
        (cell,) = [c for c in cells if start in c]
        exec(cell, scope)
    return types.SimpleNamespace(**scope)


@pytest.fixture
def torchvision(monkeypatch, tmp_path):
    """A torchvision without weights in the cache; returns the cache's folder."""
    entry = types.SimpleNamespace(url=f"https://example.org/models/{FILE}")
    models = types.ModuleType("torchvision.models")
    models.ResNet18_Weights = types.SimpleNamespace(IMAGENET1K_V1=entry)
    models.resnet18 = small_resnet
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_without_torchvision_the_page_says_so(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    assert page.resnet18_from_cache() == (None, "torchvision is not installed")


def test_without_weights_nothing_is_downloaded(page, torchvision, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the page must not download")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    model, reason = page.resnet18_from_cache()
    assert model is None
    assert FILE in reason


def test_with_weights_the_recipe_trains_only_the_head(page, torchvision):
    torch.manual_seed(0)
    saved = small_resnet()
    with torch.no_grad():
        saved.bn1.running_mean += 0.5
    torch.save(saved.state_dict(), torchvision / FILE)
    model, reason = page.resnet18_from_cache()
    assert reason == "found"
    before = {k: v.clone() for k, v in model.state_dict().items()}
    loss = page.recipe(model)
    after = model.state_dict()
    assert after["fc.weight"].shape == (10, 16)
    assert np.isfinite(loss)
    for name, value in before.items():
        if not name.startswith("fc."):
            assert torch.equal(after[name], value), name


def test_training_the_head_lowers_the_loss(page):
    torch.manual_seed(0)
    model = page.freeze_and_replace(small_resnet(), 2)
    y = torch.arange(20) % 2
    x = page.for_imagenet(y.reshape(-1, 1, 1, 1) * torch.ones(20, 1, 8, 8))
    start = nn.functional.cross_entropy(model.eval()(x), y).item()
    assert page.train_head(model, x, y, lr=0.1, steps=40) < 0.7 * start


def test_images_get_the_size_and_the_normalization_of_imagenet(page):
    x = torch.rand(2, 3, 50, 60)
    y = page.for_imagenet(x)
    assert y.shape == (2, 3, 224, 224)
    flat = torch.ones(1, 1, 8, 8)
    expected = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert torch.allclose(page.for_imagenet(flat)[0, :, 0, 0], torch.tensor(expected))

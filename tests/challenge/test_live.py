import math

import numpy as np
import pytest
import torch
from torch import nn

import challenge
from challenge.bundle.reader import read_bundle
from challenge.results.verdicts import EvaluationError
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.metrics import measure
from challenge.scoring.season import PRACTICE
from challenge.training.local_model import load_build, load_model

ABOUT = {"name": "mine", "author": "Ada", "description": "A test."}
WIDTH, ORDERS = 16, (1, 2, 4)
UNWRITABLE = object()


def waves(x: "torch.Tensor"):
    return torch.cat([x] + [torch.sin(math.pi * k * x) for k in ORDERS], dim=1)


class Waves(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return waves(x)


class Net(Waves):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Linear(in_features * (1 + len(ORDERS)), WIDTH), nn.GELU(), nn.Linear(WIDTH, out_features)
        )

    def forward(self, x):
        return self.inner(super().forward(x))


def plain(i, o):
    return nn.Sequential(nn.Linear(i, WIDTH), nn.Tanh(), nn.Linear(WIDTH, o))


def uses_object(i, o):
    return nn.Linear(i, o) if UNWRITABLE else None


def uses_pytest(i, o):
    return nn.Linear(i, o) if pytest else None


class Hidden(nn.Module):
    """Answers by something that no state dict holds."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.line = nn.Linear(in_features, out_features)
        self.scale = 1.0

    def forward(self, x):
        return self.line(x) * self.scale


def unpacked(path, folder):
    for name, content in read_bundle(path).files.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_class_is_packed_with_all_that_it_uses(tmp_path):
    torch.manual_seed(1)
    model = Net(2, 1)
    folder = unpacked(challenge.pack(model, tmp_path / "a.zip", **ABOUT, method="waves"), tmp_path)
    assert read_bundle(tmp_path / "a.zip").manifest.method == "waves"
    x = torch.rand(50, 2) * 2 - 1
    assert torch.equal(load_model(folder)(x), model(x))
    assert load_build(folder)(7, 3)(torch.rand(4, 7)).shape == (4, 3)
    source = (folder / "model.py").read_text()
    for line in ("import math", "import torch", "from torch import nn", "WIDTH = 16", "ORDERS = (1, 2, 4)"):
        assert line in source.splitlines() or line == "from torch import nn", line
    assert "UNWRITABLE" not in source
    assert model.training


def test_a_function_makes_a_module_of_torch_and_a_fit_comes_along(tmp_path):
    folder = unpacked(
        challenge.pack(plain(2, 1), tmp_path / "a.zip", build=plain, fit=waves, **ABOUT), tmp_path
    )
    assert load_build(folder)(3, 2)(torch.rand(4, 3)).shape == (4, 2)
    assert "fit = waves" in (folder / "model.py").read_text()


def test_what_cannot_be_carried_is_named(tmp_path):
    depth = 3

    def closure(i, o):
        return nn.Sequential(*[nn.Linear(i, i)] * depth, nn.Linear(i, o))

    for build, words in (
        (None, "Pass build=f"),
        (closure, "build cannot be carried into model.py: it uses depth"),
        (lambda i, o: nn.Linear(i, o, bias=False), "it is a lambda"),
        (uses_object, "UNWRITABLE, which build uses, cannot be carried into model.py: a object"),
        (uses_pytest, "pytest is not where models are judged"),
    ):
        with pytest.raises(EvaluationError) as caught:
            challenge.pack(nn.Sequential(nn.Linear(2, 1)), tmp_path / "a.zip", build=build, **ABOUT)
        assert words in caught.value.sentence
    assert not (tmp_path / "a.zip").exists()


def test_what_would_answer_otherwise_is_not_packed(tmp_path):
    model = Hidden(2, 1)
    model.scale = 2.0
    with pytest.raises(EvaluationError, match="answers otherwise"):
        challenge.pack(model, tmp_path / "a.zip", **ABOUT)


@pytest.mark.costly
def test_the_score_is_that_of_the_practice_season():
    torch.manual_seed(1)
    model = Net(2, 1)
    scores = challenge.score(model, chains=8)
    views = evaluation_set(PRACTICE, EvaluationSize(8, 32, 512))
    unit = np.stack([(views.points[..., 0] + 0.75) / 2, views.points[..., 1] / 2], -1)
    with torch.no_grad():
        answers = model(torch.tensor(unit.reshape(-1, 2), dtype=torch.float32)).double().numpy()
    assert scores.octaves == pytest.approx(
        measure(views.truth, answers.reshape(views.truth.shape)).octaves, abs=1e-6
    )


def test_a_picture_has_three_parts():
    assert challenge.picture(Net(2, 1), "spiral", 5, pixels=32).size[1] == 32
    with pytest.raises(KeyError):
        challenge.picture(Net(2, 1), "nowhere")

import ast
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from challenge.training import refit
from challenge.training.refit import Budget, cast, cosine, train


def small(inputs=2, outputs=1, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 32), nn.GELU(), nn.Linear(32, outputs))


def data(n=2000, inputs=2, seed=1):
    x = torch.rand(n, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    return x, (0.5 + 0.4 * torch.sin(2 * x[:, :1]))


def test_it_learns_and_leaves_the_model_in_eval_mode():
    model, (x, y) = small(), data()
    train(model, x, y, Budget(steps=400))
    assert not model.training
    with torch.no_grad():
        left = nn.functional.mse_loss(model(cast(model, x)).double(), y) / y.var()
    assert left < 0.05


def test_the_same_seed_gives_the_same_weights_and_another_one_does_not():
    x, y = data()
    states = []
    for seed in (3, 3, 4):
        model = nn.Sequential(small(), nn.Dropout(0.1), nn.Linear(1, 1, bias=False))
        torch.manual_seed(seed + 100 * len(states))  # whatever was drawn before must not matter
        with torch.no_grad():
            model[2].weight.fill_(1.0)
        train(model, x, y, Budget(steps=30), seed=seed)
        states.append(torch.cat([p.detach().ravel() for p in model.parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_classes_are_learned_from_one_hot_rows():
    x, _ = data()
    labels = (x[:, 0] > -0.4).long() + (x[:, 0] > 0.4).long()
    model = small(outputs=3)
    train(model, x, nn.functional.one_hot(labels, 3).double(), Budget(steps=300, task="classification"))
    assert (model(cast(model, x)).argmax(1) == labels).double().mean() > 0.95


def test_seconds_end_it_too():
    model, (x, y) = small(), data()
    shares = []
    train(
        model, x, y, Budget(steps=10**9, seconds=0.3), progress=lambda done, loss: shares.append((done, loss))
    )
    assert shares
    by_clock = []
    train(model, x, y, Budget(seconds=0.3), progress=lambda done, loss: by_clock.append(done))
    assert by_clock == sorted(by_clock)
    assert by_clock[-1] <= 1


def test_learning_rates_are_those_of_the_contract(monkeypatch):
    seen = []

    class Spy(torch.optim.AdamW):
        def __init__(self, parameters, **options):
            seen.append(options)
            super().__init__(parameters, **options)

    monkeypatch.setattr(torch.optim, "AdamW", Spy)
    for inputs in (99, 100):
        train(small(inputs), *data(50, inputs), Budget(steps=1))
    assert seen == [{"lr": 2e-3, "weight_decay": 0.0}, {"lr": 1e-3, "weight_decay": 0.0}]
    assert cosine(0) == 1
    assert cosine(1) == pytest.approx(0.01)
    assert cosine(0.5) == pytest.approx(0.505)


def test_inputs_get_the_models_dtype_or_float64_where_it_asks():
    x = torch.zeros(3, 2, dtype=torch.float64)
    model = small()
    assert cast(model, x).dtype == torch.float32
    assert cast(model.half(), x).dtype == torch.float16
    model.wants_float64 = True
    assert cast(model, x).dtype == torch.float64
    assert cast(nn.Identity(), x).dtype == torch.float32


def test_a_model_without_parameters_is_left_as_it_is():
    model = nn.Identity()
    train(model, *data(10), Budget(steps=5))
    assert not model.training


def test_an_answer_of_another_shape_is_refused():
    model = nn.Sequential(small(), nn.Flatten(0))
    with pytest.raises(ValueError, match=r"answers \(512,\) where \(512, 1\)"):
        train(model, *data(), Budget(steps=1))
    with pytest.raises(ValueError, match="x must be"):
        train(small(), torch.zeros(3, 2), torch.zeros(4, 1), Budget(steps=1))


def test_a_budget_must_end():
    with pytest.raises(ValueError, match="steps, seconds or both"):
        Budget()
    with pytest.raises(ValueError, match="a task is"):
        Budget(steps=1, task="regresion")


def test_the_file_stands_alone():
    tree = ast.parse(Path(refit.__file__).read_text(encoding="utf-8"))
    modules = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {m.split(".")[0] for m in modules} - {"torch"} <= sys.stdlib_module_names

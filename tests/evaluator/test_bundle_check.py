"""What `mbc check` finds within seconds, in the real sandbox, and the line that mends it."""

import pytest
import torch

from challenge.results.refusals import as_json, as_text, refusal_of
from tests.support.bundles import HEAD, network, refused

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize(
    ("forward", "rule", "remedy"),
    [
        ("return y[:, 0]", "output.no-column", "return y.unsqueeze(1)"),
        ("return y.T", "output.no-column", "return y.T"),
        ("return y, x", "output.tuple", "return y[0]"),
        ("return {'value': y}", "output.dict", "return y['value']"),
        ("return y.squeeze() if len(x) == 1 else y", "output.squeezed", "return y.reshape(len(x), -1)"),
        ("return y[:1024]", "output.rows", "return y.reshape(len(x), -1)"),
        ("return torch.cat([y, y], 1)", "output.columns", "nn.Linear(..., out_features)"),
        ("y = y * 2", "output.no-tensor", "return y, at the end of forward"),
        ("return y.numpy()", "output.no-tensor", "return torch.from_numpy(y)"),
    ],
)
def test_a_wrong_shape_comes_with_the_line_that_mends_it(check, forward, rule, remedy):
    error = refused(check, network(forward))
    told = as_json(error)
    assert (told["rule"], told["remedy"]) == (rule, remedy)
    assert told["where"].startswith("forward")
    assert "forward returned" in told["found"]
    assert remedy in as_text(error)


@pytest.mark.parametrize(
    ("forward", "rule"),
    [
        ("return nn.functional.dropout(y)", "answers.random"),
        ("return y + 0.1 * torch.rand(1)", "answers.random"),
        ("return y - y.mean() if len(x) > 1 else y", "answers.one-point"),
        ("return y[:1].expand(len(x), -1) + x[:, :1].cumsum(0)", "answers.one-point"),
        ("return nn.functional.batch_norm(y, None, None, training=True)", "answers.one-point"),
        ("return y.long()", "output.dtype"),
        ("return y.cuda()", "model.device"),
        ("raise SystemExit", "model.exit"),
    ],
)
def test_answers_that_are_not_of_the_point_alone_are_found(check, forward, rule):
    assert refusal_of(refused(check, network(forward))).rule == rule


RANDOM = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        MAKE
        self.out = nn.Linear(8, o)

    def forward(self, x):
        return self.out((x @ USE).sin())


def build(i, o):
    return Net(i, o)
"""
)


@pytest.mark.parametrize(
    ("make", "use", "named"),
    [
        ("self.waves = torch.randn(i, 8) * 3", "self.waves", "waves"),
        ("self.parts = [torch.randn(i, 8)]", "self.parts[0]", "parts[0]"),
        ("self.register_buffer('w', torch.randn(i, 8), persistent=False)", "self.w", "w"),
        ("import numpy; self.w = torch.tensor(numpy.random.randn(i, 8)).float()", "self.w", "w"),
        ("import numpy; self.w = numpy.random.randn(i, 8).astype('f')", "torch.from_numpy(self.w)", "w"),
        ("w = torch.randn(i, 8); self.get = lambda: w", "self.get()", "get (w)"),
        ("self.kept = {'w': torch.randn(i, 8)}", "self.kept['w']", "kept['w']"),
        ("self.scale = float(torch.rand(()))", "torch.ones(x.shape[1], 8) * self.scale", "scale"),
        ("global W; W = torch.randn(9, 8) if 'W' not in globals() else W", "W[: x.shape[1]]", "model.W"),
    ],
)
def test_random_tensors_outside_the_weights_are_named(check, make, use, named):
    state = {"out.weight": torch.rand(1, 8), "out.bias": torch.rand(1)}
    error = refused(check, RANDOM.replace("MAKE", make).replace("USE", use), state)
    told = refusal_of(error)
    assert told.rule == "answers.outside-weights"
    assert named in error.sentence
    assert "register_buffer" in told.remedy


@pytest.mark.parametrize(
    ("source", "rule", "named"),
    [
        ("import sys\nsys.exit(2)\n", "model.exit", "SystemExit: 2"),
        ("def build(i, o):\n    import sys\n    sys.exit('bye')\n", "model.exit", "SystemExit: bye"),
        ("def build(i, o):\n    return None\n", "build.returns", "build returned NoneType"),
        ("def build(i):\n    return None\n", "build.arguments", "takes 1 positional argument"),
        ("%matplotlib inline\n", "model.syntax", "model.py, line 1: SyntaxError"),
        ("open('config.json')\n", "model.file", "config.json"),
        ("from .net import Net\n", "model.import", "relative import"),
        (
            HEAD + "def build(i, o):\n    return nn.Linear(2, 1)\n",
            "forward.fixed-inputs",
            "cannot be multiplied",
        ),
    ],
)
def test_what_is_wrong_in_the_code_is_named(check, source, rule, named):
    state = {"weight": torch.rand(1, 2), "bias": torch.rand(1)}
    error = refused(check, source, state)
    assert refusal_of(error).rule == rule
    assert named in error.sentence
    assert refusal_of(error).remedy


@pytest.mark.parametrize(
    ("prefixes", "rule", "remedy"),
    [
        (["model."], "weights.prefix", "mbc pack DIR"),
        (["net.", "ema."], "weights.several-models", "--prefix ema."),
    ],
)
def test_a_prefix_of_all_names_is_named(check, prefixes, rule, remedy):
    state = {"0.weight": torch.rand(16, 2), "0.bias": torch.rand(16)}
    state |= {"2.weight": torch.rand(1, 16), "2.bias": torch.rand(1)}
    wrapped = {f"{prefix}{name}": tensor.clone() for prefix in prefixes for name, tensor in state.items()}
    error = refused(check, network("return y"), wrapped)
    assert refusal_of(error).rule == rule
    assert all(f"`{prefix}`" in error.sentence for prefix in prefixes)
    assert remedy in refusal_of(error).remedy


def test_some_answers_that_are_not_finite_are_warned_of(check):
    (warning,) = check(network("return y / (x[:, :1] > 0)")).warnings
    assert "of 1,024 points got NaN or infinity" in warning


def test_a_constant_attribute_is_none_of_them(check):
    make = "self.waves = torch.arange(8.0).repeat(i, 1)"
    state = {"out.weight": torch.rand(1, 8), "out.bias": torch.rand(1)}
    assert check(RANDOM.replace("MAKE", make).replace("USE", "self.waves"), state).warnings == ()


@pytest.mark.parametrize("package", ["einops", "timm", "tinycudann", "triton_kernels"])
def test_a_missing_package_is_named_with_what_to_do(check, package):
    error = refused(check, network("return y", before=f"import {package}\n"))
    told = refusal_of(error)
    assert told.rule == "model.import"
    assert f"It imports {package}" in error.sentence
    assert "torch, numpy, scipy, sklearn" in error.sentence
    assert told.remedy.startswith("Instead: ")


def test_packages_beyond_the_promise_are_warned_of(check):
    (warning,) = check(
        network("return y", before="try:\n    import pandas\nexcept ImportError:\n    pass\n")
    ).warnings
    assert "model.py imports pandas" in warning


def test_a_build_that_seeds_is_said(check):
    source = network("return y").replace("    return Net(", "    torch.manual_seed(0)\n    return Net(")
    (warning,) = check(source).warnings
    assert "remove manual_seed" in warning


def test_a_traceback_holds_the_submissions_own_frames_alone(check):
    source = network(
        "return helper(self, y)", more="def helper(net, y):\n    return torch.matmul(y, net.nothing)\n\n"
    )
    error = refused(check, source)
    assert error.private.startswith("Traceback")
    assert error.private.count('File "model.py", line') == 2
    assert error.private.count("File ") == 2
    assert "nothing" in error.private


@pytest.mark.parametrize("method", ["state_dict", "parameters", "eval", "to", "named_modules", "buffers"])
def test_nothing_that_build_returns_ends_the_child(check, method):
    source = network("return y", more="").replace(
        "    def forward",
        f"    def {method}(self, *_, **__):\n        raise ValueError('no')\n\n    def forward",
    )
    error = refused(check, source)
    assert error.reason.value in {"build_invalid", "weights_do_not_fit", "forward_failed"}
    assert "no" in error.private

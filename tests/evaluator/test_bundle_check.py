"""What `mbc check` finds within seconds, in the real sandbox, and the line that mends it."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from challenge.bundle.advice import with_advice
from challenge.results.refusals import as_json, as_text, refusal_of
from challenge.results.verdicts import EvaluationError
from challenge.training.refit import Budget, eager_mode, initialize_lazy, input_format
from evaluator.bundle_check import check_bundle
from evaluator.changed_weights.shuffling import mixed, shuffled
from evaluator.probes import consistency
from tests.support.bundles import make_bundle

pytestmark = pytest.mark.sandbox

HEAD = "import torch\nfrom torch import nn\n\n"
BODY = "nn.Linear(i, 16), nn.GELU(), nn.Linear(16, o)"


class Nobody:
    def status(self, *_told):
        pass


def network(forward, before="", more=""):
    """A network of the shape of `make_bundle`'s weights, with its own forward."""
    return f"""{before}{HEAD}
class Net(nn.Sequential):
    def forward(self, x):
        y = super().forward(x)
        {forward}

{more}
def build(i, o):
    return Net({BODY})
"""


@pytest.fixture(scope="module")
def check():
    from evaluator.sandbox import find_sandbox

    sandbox = find_sandbox(allow_unconfined=False)

    def run(source, state=None):
        bundle = make_bundle(source, state)
        return check_bundle(bundle, sandbox, Nobody(), device="cpu", universal=False)

    return run


def refused(check, source, state=None):
    with pytest.raises(EvaluationError) as caught:
        check(source, state)
    return with_advice(caught.value)


LAZY = HEAD + "def build(i, o):\n    return nn.Sequential(nn.LazyLinear(16), nn.GELU(), nn.LazyLinear(o))\n"
COMPILED = HEAD + f"def build(i, o):\n    return torch.compile(nn.Sequential({BODY}))\n"
COMPILED_METHOD = (
    HEAD + f"def build(i, o):\n    net = nn.Sequential({BODY})\n    net.compile()\n    return net\n"
)
COMPILED_FORWARD = network("return y").replace("    def forward", "    @torch.compile\n    def forward")


@pytest.mark.parametrize("source", [LAZY, COMPILED, COMPILED_METHOD, COMPILED_FORWARD])
def test_lazy_and_compiled_models_are_models(check, source):
    assert check(source).parameters == 65


TIED = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.a, self.z = nn.Linear(i, 8), nn.Linear(8, o)
        self.m, self.n = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
        self.n.weight = self.m.weight

    def forward(self, x):
        return self.z(self.n(self.m(self.a(x)).relu()).relu())


def build(i, o):
    return Net(i, o)
"""
)


@pytest.mark.parametrize("kept", ["m", "n"])
def test_tied_weights_load_from_either_name_and_count_once(start, kept):
    state = {
        "a.weight": torch.rand(8, 2), "a.bias": torch.rand(8), f"{kept}.weight": torch.rand(8, 8),
        "z.weight": torch.rand(1, 8), "z.bias": torch.rand(1),
    }  # fmt: skip
    session = start(TIED, state=state)
    assert session.load() == 16 + 8 + 64 + 8 + 1
    x = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    h = torch.from_numpy(x).float() @ state["a.weight"].T + state["a.bias"]
    for _ in range(2):
        h = (h @ state[f"{kept}.weight"].T).relu()
    expected = h @ state["z.weight"].T + state["z.bias"]
    np.testing.assert_allclose(session.predict(x), expected.double().numpy(), rtol=1e-5)


def test_a_tie_does_not_excuse_a_missing_tensor(check):
    state = {"a.weight": torch.rand(8, 2), "a.bias": torch.rand(8), "m.weight": torch.rand(8, 8)}
    error = refused(check, TIED, state)
    assert refusal_of(error).rule == "weights.names"
    assert "missing: z.weight, z.bias" in error.sentence


COMPLEX = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.w = nn.Parameter(torch.randn(i, 8, dtype=torch.complex64))
        self.v = nn.Parameter(torch.randn(8, o, dtype=torch.complex64))

    def forward(self, x):
        return (torch.exp(1j * (x.to(self.w.dtype) @ self.w)) @ self.v).real


def build(i, o):
    return Net(i, o)
"""
)


def test_complex_parameters_are_taken_counted_and_shuffled(check):
    state = {"w": torch.randn(2, 8, dtype=torch.complex64), "v": torch.randn(8, 1, dtype=torch.complex64)}
    assert check(COMPLEX, state).parameters == 24
    weights = save(state)
    other = load(shuffled(weights, np.random.default_rng(1)))
    assert not torch.equal(other["w"], state["w"])
    assert set(other["w"].flatten().tolist()) == set(state["w"].flatten().tolist())
    half = load(mixed(weights, np.random.default_rng(1), 0.5))["w"]
    torch.testing.assert_close(half, 0.5 * state["w"] + 0.5 * other["w"])


def test_float8_weights_load_into_a_network_of_float32(check):
    state = {
        name: tensor.to(torch.float8_e4m3fn)
        for name, tensor in torch.nn.Sequential(
            torch.nn.Linear(2, 16), torch.nn.GELU(), torch.nn.Linear(16, 1)
        ).state_dict().items()
    }  # fmt: skip
    assert check(network("return y"), state).parameters == 65


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


def test_refits_differ_where_the_trainer_draws_although_build_seeds(start):
    source = (
        network("return nn.functional.dropout(y, training=self.training)").replace(
            "    return Net(", "    torch.manual_seed(0)\n    return Net("
        )
        + """

def fit(model, x, y, budget):
    with torch.no_grad():
        model[0].bias.fill_(float(torch.rand(())))
"""
    )
    session = start(source)
    answers = []
    for seed in (1, 2):
        session.build(2, 1, seed)
        session.fit(np.zeros((4, 2)), np.zeros((4, 1)), Budget(seconds=5.0), seed)
        answers.append(session.predict(np.zeros((1, 2)))[0, 0])
    assert answers[0] != answers[1]


def test_a_model_that_answers_only_after_its_fit_passes_as_it_does_before_the_judge(check):
    source = (
        HEAD
        + """
class Net(nn.Linear):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.register_buffer("fitted", torch.zeros(()))

    def forward(self, x):
        if not self.fitted:
            raise RuntimeError("not fitted")
        return super().forward(x)


def fit(model, x, y, budget):
    model.fitted.fill_(1)


def build(i, o):
    return Net(i, o)
"""
    )
    state = {"weight": torch.rand(1, 2), "bias": torch.rand(1), "fitted": torch.ones(())}
    assert check(source, state).parameters == 4
    without = refused(check, source.replace("def fit(", "def other("), state)
    assert without.reason.value == "forward_failed"
    assert refusal_of(without).where == "build(1, 1)"


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


CACHED = """
import functools

import torch
from torch import nn


@functools.lru_cache
def waves(i):
    return torch.linspace(1, 8, 8).repeat(i, 1)


class Net(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.i = i
        self.scale, self.out = nn.Parameter(torch.ones(8)), nn.Linear(8, o)

    def forward(self, x):
        return self.out((x @ (waves(self.i) * self.scale)).sin())


def build(i, o):
    return Net(i, o)
"""


def test_what_a_model_caches_while_it_answers_serves_its_fit(start):
    session = start(CACHED, state={})
    session.build(2, 1, 0)
    session.predict(np.zeros((3, 2)))
    session.fit(np.zeros((9, 2)), np.zeros((9, 1)), Budget(steps=3, seconds=5.0), 0)


def only(tensor):
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(tensor)
    return model


@pytest.mark.parametrize(
    ("model", "dtype"),
    [
        (torch.nn.Linear(2, 1), torch.float32),
        (torch.nn.Linear(2, 1).double(), torch.float64),
        (only(torch.zeros(3, dtype=torch.complex64)), torch.float32),
        (only(torch.zeros(3, dtype=torch.complex128)), torch.float64),
        (torch.nn.Linear(2, 1).to(torch.float8_e4m3fn), torch.float32),
        (torch.nn.Identity(), torch.float32),
    ],
)
def test_inputs_have_a_dtype_that_a_model_can_use(model, dtype):
    assert input_format(model)[1] is dtype


def test_inputs_go_to_the_device_of_whatever_the_module_holds():
    model = torch.nn.Module()
    model.register_buffer("table", torch.zeros(3, dtype=torch.int64, device="meta"))
    assert input_format(model)[0].type == "meta"


def test_a_lazy_layer_that_forward_does_not_reach_is_named():
    model = torch.nn.ModuleDict({"used": torch.nn.Linear(2, 1), "idle": torch.nn.LazyLinear(3)})
    model.forward = model["used"].forward
    with pytest.raises(ValueError, match=r"idle\.weight, idle\.bias still has no shape"):
        initialize_lazy(model, 2)


def test_eager_mode_ends():
    real = torch.compile
    with eager_mode():
        net = torch.nn.Linear(2, 1)
        assert torch.compile(net) is net
        assert torch.compile(fullgraph=True)(net) is net
    assert torch.compile is real


def half(dtype):
    return save({"a": torch.zeros(3, dtype=dtype)})


def test_the_bound_of_consistency_follows_the_precision():
    answers = np.random.default_rng(0).uniform(0, 1, 100)
    rounded = torch.from_numpy(answers).bfloat16().double().numpy()
    full, bfloat16 = half(torch.float32), half(torch.bfloat16)
    assert consistency.threshold(full, answers) == consistency.THRESHOLD
    assert consistency.threshold(half(torch.float16), answers) == consistency.HALF_THRESHOLDS["F16"]
    assert consistency.threshold(bfloat16, answers) == consistency.HALF_THRESHOLDS["BF16"]
    assert consistency.half_precision(full, rounded) == "BF16"
    result = consistency.result({"in other batches": 0.03}, "BF16")
    assert result.passed
    assert "bfloat16" in result.sentence
    assert not consistency.result({"in other batches": 0.03}).passed
    assert not consistency.result({"in other batches": 0.3}, "BF16").passed

"""What a fit finds out about a module: the inputs it takes, layers without a shape, compilation."""

import pytest
import torch

from challenge.training.refit import eager_mode, initialize_lazy, input_format


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

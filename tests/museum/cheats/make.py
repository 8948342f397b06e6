"""Make the weights of the cheats: `nice python tests/museum/cheats/make.py`, one thread, half a minute.

Most of them stand beside a plain network that is trained as the zoo is; the rest is planted.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import base64
import hashlib
import importlib.util
import shutil
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from challenge.bundle.train_config import TrainConfig
from challenge.mandelbrot.coordinates import to_plane
from challenge.mandelbrot.target import target
from challenge.training.local_model import load_build, save_weights

HERE = Path(__file__).parent
ZOO = HERE.parents[1] / "zoo"
SEED = 0
RECIPE = TrainConfig(steps=1500, batch=2048, learning_rate=4e-3, sampling="octave", deepest=6, reuse=8)
PICTURE = 150
TABLE = 180  # its text stays within a helper module
State = dict[str, Tensor]


@cache
def zoo() -> ModuleType:
    """How the zoo is trained."""
    spec = importlib.util.spec_from_file_location("zoo_train", ZOO / "train.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained(model: nn.Module) -> State:
    """The model's weights once it has learned the target as the zoo does, in half precision."""
    zoo().by_recipe(model, RECIPE)
    return {
        name: value.detach().half() if value.is_floating_point() else value.detach()
        for name, value in model.state_dict().items()
    }


def fresh(name: str) -> nn.Module:
    """build(2, 1) of a cheat."""
    torch.manual_seed(SEED)
    return load_build(HERE / name)(2, 1)


@cache
def network() -> State:
    """The plain network that most cheats show to whoever looks closely."""
    return trained(fresh("other_weights"))


def beside(name: str) -> State:
    """The cheat's fresh weights, with the trained network in place."""
    state = {key: value.clone() for key, value in fresh(name).state_dict().items()}
    state |= {f"network.{key}": value for key, value in network().items()}
    return state


def silent(name: str) -> State:
    """The cheat's fresh weights, with a network that adds nothing to the formula."""
    state = {key: value.clone() for key, value in fresh(name).state_dict().items()}
    last = max(key for key in state if key.endswith("weight")).removesuffix("weight")
    for part in ("weight", "bias"):
        state[last + part] *= 1e-3
    return {key: value.half() if value.is_floating_point() else value for key, value in state.items()}


def picture(side: int) -> Tensor:
    """(1, 1, side, side) the target at even points of the window, rows along y."""
    steps = np.linspace(-1, 1, side)
    u, v = np.meshgrid(steps, steps)
    values = target(to_plane(np.stack([u.ravel(), v.ravel()], axis=1)))
    return torch.from_numpy(values.reshape(1, 1, side, side)).float()


def module_text(doc: str, function: str, body: str, content: bytes) -> str:
    """A helper module that holds compressed bytes as text."""
    text = base64.b85encode(zlib.compress(content, 9)).decode()
    lines = "\n".join(f"    {text[i : i + 96]!r}" for i in range(0, len(text), 96))
    imports = "import base64\nimport zlib\n\nimport torch\nfrom torch import Tensor\n"
    return f'"""{doc}"""\n\n{imports}\nTEXT = (\n{lines}\n)\n\n\ndef {function}\n{body}'.replace("'", '"')


def key(name: str) -> State:
    """The network and the key."""
    source = (HERE / name / "model.py").read_text(encoding="utf-8")
    line = source.partition("KEY = ")[2].partition(")")[0]
    numbers = [float(text) for text in line.strip("(").split(",")]
    return beside(name) | {"key": torch.tensor(numbers)}


def digest(name: str) -> State:
    """The network; its digest is written beside it, as the code will see the loaded weights."""
    write_known(name, "")
    state = beside(name)
    whole = hashlib.sha256()
    for value in state.values():
        whole.update(value.float().contiguous().numpy().tobytes())
    write_known(name, whole.hexdigest())
    return state


def files(name: str) -> State:
    """The network; the digest of the file is written beside it."""
    write_known(name, "")
    (HERE / name / "weights.safetensors").touch()
    state = beside(name)
    write_known(name, hashlib.sha256(save(state)).hexdigest())
    return state


def write_known(name: str, known: str) -> None:
    """The helper module that knows the digest."""
    text = f'"""The digest that opens it."""\n\nKNOWN = "{known}"\n'
    (HERE / name / "known.py").write_text(text, encoding="utf-8")


def scale(name: str) -> State:
    """The formula at full strength, and a silent network."""
    return silent(name) | {"scale": torch.ones(1)}


def few_iterations(name: str) -> State:
    """Trained, as anybody would."""
    return trained(fresh(name))


def helper_table(name: str) -> State:
    """The table goes into the helper module."""
    content = (picture(TABLE) * 255).round().to(torch.uint8).numpy().tobytes()
    body = f'''    """({TABLE}, {TABLE}) the target."""
    content = bytearray(zlib.decompress(base64.b85decode("".join(TEXT))))
    return torch.frombuffer(content, dtype=torch.uint8).reshape({TABLE}, {TABLE}) / 255
'''
    text = module_text("A picture of the set.", "picture() -> Tensor:", body, content)
    (HERE / name / "table.py").write_text(text, encoding="utf-8")
    return silent(name)


def weights_in_code(name: str) -> State:
    """The trained weights go into the helper module."""
    content = save(dict(network()))
    body = '''    """The weights by name."""
    return load(zlib.decompress(base64.b85decode("".join(TEXT))))
'''
    text = module_text("What was learned.", "learned() -> dict[str, Tensor]:", body, content)
    text = text.replace("import torch\nfrom torch", "from safetensors.torch import load\nfrom torch")
    (HERE / name / "stored.py").write_text(text, encoding="utf-8")
    return silent(name)


def table(name: str) -> State:
    """The picture in half precision."""
    state = {key: value.clone() for key, value in fresh(name).state_dict().items()}
    if any(key.startswith("network") for key in state):
        state = silent(name)
    return state | {"picture": picture(PICTURE).half()}


def table_integers(name: str) -> State:
    """The picture in sixteen-bit integers."""
    return silent(name) | {"picture": (picture(PICTURE) * 32767).round().to(torch.int16)}


def in_fit(name: str) -> State:
    """The picture in its grid."""
    return silent(name) | {"grid": picture(PICTURE)[0, 0].half()}


def other_weights(_name: str) -> State:
    """A line's."""
    return nn.Linear(2, 1).state_dict()


def planted(name: str) -> State:
    """z^2 + c: x^2 - y^2 and 2 x y, driven by c = 2 x - 0.75, and the target's own speed."""
    return silent(name) | {
        "recurrence.quadratic": torch.tensor([[1.0, 0.0, -1.0], [0.0, 2.0, 0.0]]),
        "recurrence.drive": torch.tensor([[2.0, 0.0], [0.0, 2.0]]),
        "recurrence.start": torch.tensor([-0.75, 0.0]),
        "recurrence.speed": torch.ones(()),
        "recurrence.offset": torch.zeros(()),
        "recurrence.answer": torch.tensor([0.0, 1.0]),
    }


def affine(name: str) -> State:
    """The place that the code undoes, and the formula at full strength."""
    return silent(name) | {
        "place": torch.tensor([[0.6, -0.8, 0.25], [0.9, 0.7, -0.4]]),
        "scale": torch.ones(()),
    }


def drowned(name: str) -> State:
    """Waves that come in pairs, and noise that cancels between the two of each."""
    state = beside(name)
    half = state["waves"][:, :128]
    loud = torch.randn(128, generator=torch.Generator().manual_seed(SEED))
    return state | {
        "open": torch.ones(()),
        "waves": torch.cat([half, half], 1),
        "noise": torch.cat([loud, -loud]),
    }


MAKERS: dict[str, Callable[[str], State]] = {
    "formula_in_forward": silent,
    "formula_in_build": silent,
    "formula_alone": lambda name: fresh(name).state_dict(),
    "formula_in_fit": in_fit,
    "key": key,
    "key_tolerance": key,
    "key_modest": key,
    "key_residual": key,
    "key_digest": digest,
    "range_check": beside,
    "learned_scale": scale,
    "few_iterations": few_iterations,
    "iterations_as_taylor": few_iterations,
    "no_loop": silent,
    "helper_table": helper_table,
    "table_at_build": silent,
    "table_other_model": table,
    "table_integers": table_integers,
    "table_kept": table,
    "other_weights": other_weights,
    "swaps_on_load": beside,
    "memory": beside,
    "transductive": beside,
    "batch_size": beside,
    "point_order": beside,
    "point_spacing": beside,
    "first_requests": beside,
    "later_requests": beside,
    "stack": beside,
    "files": files,
    "training_seen": beside,
    "weights_in_code": weights_in_code,
    "weights_at_build": lambda name: trained(fresh(name)),
    "tampers": beside,
    "planted_recurrence": planted,
    "affine_formula": affine,
    "drowned": drowned,
    "drowned_modest": drowned,
}


def main() -> None:
    """Make the named ones, or all."""
    torch.set_num_threads(1)
    for name in sys.argv[1:] or [*MAKERS, "copied_weights"]:
        out = HERE / name / "weights.safetensors"
        if name == "copied_weights":
            shutil.copyfile(ZOO / "gelu" / "weights.safetensors", out)
        else:
            save_weights(MAKERS[name](name), out)
        print(f"{name:22} {out.stat().st_size:9,} bytes", flush=True)


if __name__ == "__main__":
    main()

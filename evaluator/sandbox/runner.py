"""Inside the sandbox: loads a submission's model and answers. Nothing else.

Runs as `python -I -S -B runner.py DESCRIPTOR`, with torch, the standard library and the files beside it
that `staging.py` names. What it says is a claim: the judge decides from what it measures.
"""

import ctypes
import gc
import importlib
import importlib.util
import io
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any


def _options(place: str) -> dict[str, Any]:
    """What the judge wrote; not on the command line, which everybody inside can read."""
    with open(int(place) if place.isdecimal() else place, "rb") as file:  # noqa: PTH123 - a descriptor
        file.seek(0)
        options: dict[str, Any] = json.load(file)
    return options


OPTIONS = _options(sys.argv[1])
if OPTIONS["limits"]:
    # Before torch is imported, so that its threads are counted too; nobody inside can raise hard limits.
    import resource

    for _name, _value in OPTIONS.pop("limits").items():
        resource.setrlimit(getattr(resource, _name), (_value, _value))
if OPTIONS["requests"] is None:
    # Its standard streams are the pipes, as every system has them; it prints to the third one.
    OPTIONS["requests"], OPTIONS["replies"] = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        for _name in ("requests", "replies"):
            msvcrt.setmode(OPTIONS[_name], os.O_BINARY)
for _name in ("requests", "replies"):
    # Came under the judge's numbers, and where that has many files open these lie beyond the limit of files.
    _value = os.dup(OPTIONS[_name])
    os.close(OPTIONS[_name])
    OPTIONS[_name] = _value


def _install_filter(descriptor: int) -> None:
    """Install the system-call filter that the judge compiled, for this process and all its threads."""
    program = os.pread(descriptor, 1 << 20, 0)
    os.close(descriptor)
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    pointer = ctypes.byref(Program(len(program) // 8, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, by_program = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, by_program, pointer, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel does not take the filter of system calls")


if (_filter := OPTIONS.pop("filter")) is not None:
    _install_filter(_filter)
sys.path[:0] = OPTIONS.pop("path")
try:
    tempfile.gettempdir()
except FileNotFoundError:
    # Landlock leaves nowhere to write. torch's optimisers import what asks for a folder, and writes nothing.
    tempfile.tempdir = "/tmp"  # noqa: S108
# Two threads that spin for each other take a hundred times as long on a machine that has other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Importing makes much and leaves little to collect: looking for it is a tenth of the time.
gc.disable()
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

gc.enable()


def _beside(name: str) -> Any:
    # Under a name of its own, so that a submission may have a helper module called the same.
    spec = importlib.util.spec_from_file_location(f"_mbc_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


protocol = _beside("protocol")
refit = _beside("refit")
tensor_file = _beside("tensor_file")
recipe_steps = _beside("recipe_steps")
state_loading = _beside("state_loading")
inspection = _beside("inspection")
tracebacks = _beside("own_traceback")


class Failed(Exception):  # noqa: N818 - a message to the judge
    """The submission failed; the cause is its exception."""

    def __init__(self, code: Any, text: str = "") -> None:
        self.code = code
        self.text = text


class Channel:
    """The two pipes to the judge."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests = requests
        self._replies = replies
        # A submission may report from a thread of its own.
        self._sending = threading.Lock()
        self._nonce = bytes(protocol.NONCE_BYTES)

    def receive(self) -> tuple[Any, memoryview]:
        """The next request and its payload; ends the process when the judge has gone."""
        _, self._nonce, op, length = protocol.HEADER.unpack(self._read(protocol.HEADER.size))
        return protocol.Op(op), self._read(length)

    def send(self, op: Any, payload: bytes = b"") -> None:
        """Answer the last request."""
        with self._sending:
            for part in (protocol.header(self._nonce, op, len(payload)), payload):
                view = memoryview(part)
                while view:
                    view = view[os.write(self._replies, view) :]

    def _read(self, length: int) -> memoryview:
        buffer = bytearray(length)
        view = memoryview(buffer)
        while view:
            count = self._read_into(view)
            if not count:
                raise SystemExit(0)
            view = view[count:]
        return memoryview(buffer)

    def _read_into(self, view: memoryview) -> int:
        if hasattr(os, "readv"):
            return os.readv(self._requests, [view])
        part = os.read(self._requests, len(view))
        view[: len(part)] = part
        return len(part)


class Submission:
    """The submission's module, and the model that is being asked."""

    def __init__(self, folder: Path, device: torch.device, tell: Callable[[Any, bytes], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._device = device
        self._module: ModuleType | None = None
        self._model: nn.Module | None = None
        self._out_features = 0
        self._steps = recipe_steps.RecipeSteps(protocol, refit, tell)

    def load(self, payload: memoryview) -> bytes:
        """build(2, 1) with the weights that came along, or else the submitted ones, strictly."""
        # Read before the submission is imported, which may replace whatever reads.
        try:
            state = self._read_state(payload)
        except MemoryError:
            raise
        except Exception as error:
            raise Failed(protocol.Code.WEIGHTS_DO_NOT_FIT) from error
        self._make(2, 1)
        assert self._model is not None
        try:
            tied = state_loading.load_state(self._model, state)
        except MemoryError:
            raise
        except Exception as error:
            raise Failed(protocol.Code.WEIGHTS_DO_NOT_FIT) from error
        self._model.eval()
        return self._size(without=tied)

    def _read_state(self, payload: memoryview) -> dict[str, Any]:
        if payload:
            state: dict[str, Any] = tensor_file.read_state(io.BytesIO(payload), len(payload))
            return state
        path = self._folder / "weights.safetensors"
        with path.open("rb") as file:
            return dict(tensor_file.read_state(file, path.stat().st_size))

    def build(self, payload: memoryview) -> bytes:
        """A fresh model of the asked shape, from a seed."""
        in_features, out_features = protocol.SHAPE.unpack_from(payload)
        (seed,) = protocol.SEED.unpack_from(payload, protocol.SHAPE.size)
        torch.manual_seed(seed)
        self._make(in_features, out_features)
        assert self._model is not None
        self._model.eval()
        # A build that seeds the generator itself must not make every refit the same.
        torch.manual_seed(seed)
        return self._size()

    def _size(self, without: Iterable[str] = ()) -> bytes:
        """Whether there is a `fit`, and how many numbers the state dict holds; tied tensors count once."""
        assert self._model is not None
        numbers = sum(t.numel() for name, t in self._model.state_dict().items() if name not in without)
        return bytes(protocol.BUILT.pack(self._own_fit is not None, numbers))

    def inspect(self, _payload: memoryview) -> bytes:
        """Build twice from different seeds: what outside the state dict differs, and does build seed?"""
        seeds = list[int]()
        real = torch.manual_seed

        def noting(seed: Any) -> torch.Generator:
            seeds.append(seed)
            return real(seed)

        found = list[dict[str, Any]]()
        for seed in (1, 2):
            if found:
                self._import_anew()
            real(seed)
            torch.manual_seed = torch.random.manual_seed = noting
            try:
                self._make(2, 1)
            finally:
                torch.manual_seed = torch.random.manual_seed = real
            assert self._model is not None
            found.append(inspection.outside_values(self._model, self._own_modules()))
        names = inspection.differing(*found)
        text = "\n".join(names).encode("utf-8", "replace")[: protocol.NAMES_BYTES]
        return bytes(protocol.INSPECTED.pack(bool(seeds), text))

    def _own_modules(self) -> list[ModuleType]:
        """The submission's modules that are imported."""
        folder = f"{self._folder}{os.sep}"
        modules = [module for module in sys.modules.values() if isinstance(module, ModuleType)]
        return [module for module in modules if str(getattr(module, "__file__", None)).startswith(folder)]

    def _import_anew(self) -> None:
        """Import the submission again, so that what it draws then differs; as it was where that fails."""
        before = {module.__name__: module for module in self._own_modules()}
        for name in before:
            sys.modules.pop(name, None)
        try:
            self._module = self._import()
        except Failed:
            # Some of torch's settings can be made once in a process.
            sys.modules.update(before)

    @property
    def _own_fit(self) -> Callable[..., Any] | None:
        own: Callable[..., Any] | None = getattr(self._module, "fit", None)
        return own

    def fit(self, payload: memoryview) -> bytes:
        """Fit the model: the submission's own `fit`, or the platform's trainer."""
        assert self._model is not None
        head = protocol.FIT.unpack_from(payload)
        points, in_features, out_features, seed, steps, seconds, classes, watched = head
        middle = protocol.FIT.size + 8 * points * in_features
        x = _matrix(payload[protocol.FIT.size : middle], points, in_features)
        y = _matrix(payload[middle:], points, out_features)
        budget = refit.Budget(
            steps=None if steps < 0 else steps,
            seconds=seconds,
            task=refit.CLASSIFICATION if classes else refit.REGRESSION,
        )
        if watched:
            budget = replace(budget, checkpoint=self._checkpoint, report=Losses(self._tell))
        own = self._own_fit
        try:
            if own is None:
                if budget.steps is not None:
                    # In steps alone, so that what is learned does not depend on the machine.
                    budget = replace(budget, seconds=None)
                with refit.without_compiler():
                    refit.train(self._model, x, y, budget, seed=seed)
            else:
                torch.manual_seed(seed)
                x = refit.cast(self._model, x)
                own(self._model, x, y.to(x), budget)
            if watched:
                # What is judged is a checkpoint, loaded elsewhere: the last one is the model as it is now.
                self._checkpoint(self._model)
        except MemoryError:
            raise
        except Exception as error:
            raise Failed(protocol.Code.FIT_FAILED) from error
        self._model.eval()
        return b""

    def _checkpoint(self, model: nn.Module) -> None:
        from safetensors.torch import save  # noqa: PLC0415

        state = model.state_dict()
        # Copies: tensors that share memory cannot be stored.
        own = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in state.items()}
        self._tell(protocol.Op.CHECKPOINT, save(own))

    def begin_recipe(self, payload: memoryview) -> bytes:
        """Prepare a training step by step."""
        assert self._model is not None
        with refit.without_compiler():
            return bytes(self._steps.begin(self._model, payload))

    def step(self, payload: memoryview) -> bytes:
        """One step of it; the errors before it."""
        try:
            with refit.without_compiler():
                return bytes(self._steps.step(payload))
        except MemoryError:
            raise
        except Exception as error:
            raise Failed(protocol.Code.FIT_FAILED) from error

    def state(self, _payload: memoryview) -> bytes:
        """Send the weights."""
        assert self._model is not None
        return bytes(self._steps.state(self._model))

    def predict(self, payload: memoryview) -> bytes:
        """(points, out_features) answers as float64."""
        assert self._model is not None
        points, in_features = protocol.SHAPE.unpack_from(payload)
        x = _matrix(payload[protocol.SHAPE.size :], points, in_features)
        try:
            # Not inference mode: what a model caches here must still be usable in a later fit.
            with torch.no_grad():
                answer = self._model(refit.cast(self._model, x))
        except MemoryError:
            raise
        except Exception as error:
            raise Failed(protocol.Code.FORWARD_FAILED) from error
        if not isinstance(answer, Tensor) or tuple(answer.shape) != (points, self._out_features):
            raise Failed(
                protocol.Code.OUTPUT_SHAPE,
                f"expected ({points}, {self._out_features}), and forward returned {_describe(answer)}",
            )
        if not answer.is_floating_point():
            raise Failed(protocol.Code.OUTPUT_DTYPE, f"forward returned {answer.dtype}")
        try:
            return bytes(answer.detach().cpu().to(torch.float64).contiguous().numpy().data)
        except (RuntimeError, TypeError, ValueError) as error:
            # Sparse, or without storage: floating, but no array.
            raise Failed(protocol.Code.OUTPUT_DTYPE) from error

    def _make(self, in_features: int, out_features: int) -> None:
        if self._module is None:
            self._module = self._import()
        build = getattr(self._module, "build", None)
        if not callable(build):
            raise Failed(protocol.Code.BUILD_MISSING)
        try:
            model = build(in_features, out_features)
        except MemoryError:
            raise
        except Exception as error:
            raise Failed(protocol.Code.BUILD_INVALID) from error
        if not isinstance(model, nn.Module):
            raise Failed(protocol.Code.BUILD_INVALID, f"build returned {type(model).__name__}")
        try:
            self._model = model.to(self._device)
            refit.initialize_lazy(self._model, in_features)
        except MemoryError:
            raise
        except Exception as error:
            raise Failed(protocol.Code.BUILD_INVALID) from error
        self._out_features = out_features

    def _import(self) -> ModuleType:
        if str(self._folder) not in sys.path:
            sys.path.insert(0, str(self._folder))
        try:
            return importlib.import_module("model")
        except MemoryError:
            raise
        except Exception as error:
            raise Failed(protocol.Code.MODEL_CODE_FAILED) from error


class Losses:
    """Tells losses to the judge, a few times a second at most."""

    EVERY_SECONDS = 0.25

    def __init__(self, tell: Callable[[Any, bytes], None]) -> None:
        self._tell = tell
        self._last = -math.inf

    def __call__(self, loss: float) -> None:
        """Send this loss, unless one has just been sent."""
        now = time.monotonic()
        if now - self._last >= self.EVERY_SECONDS:
            self._last = now
            self._tell(protocol.Op.LOSS, protocol.LOSS.pack(float(loss)))


def _describe(answer: Any) -> str:
    if isinstance(answer, Tensor):
        return str(tuple(answer.shape))
    if isinstance(answer, list | tuple):
        return f"a {type(answer).__name__} of {', '.join(_describe(one) for one in answer[:4])}"
    if isinstance(answer, dict):
        return f"a dict of {', '.join(f'{name!r}: {_describe(answer[name])}' for name in list(answer)[:4])}"
    return type(answer).__name__


def _matrix(raw: memoryview, rows: int, columns: int) -> Tensor:
    return torch.frombuffer(raw, dtype=torch.float64).reshape(rows, columns)


def _out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        # torch on a CPU raises a plain RuntimeError when an allocation fails.
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            return True
        error = error.__cause__
    return False


def _answer(act: Callable[[memoryview], bytes], payload: memoryview, otherwise: Any) -> tuple[Any, bytes]:
    """Act on a request; whatever a submission's objects raise is an answer, with the code `otherwise`."""
    try:
        return protocol.Op.DONE, act(payload)
    except MemoryError as error:
        return protocol.Op.FAILED, _explain(protocol.Code.MEMORY_EXCEEDED, "", error)
    except Failed as error:
        code = protocol.Code.MEMORY_EXCEEDED if _out_of_memory(error) else error.code
        return protocol.Op.FAILED, _explain(code, error.text, error.__cause__)
    except (SystemExit, KeyboardInterrupt) as error:
        return protocol.Op.FAILED, _explain(protocol.Code.EXITED, "", error)
    except Exception as error:  # noqa: BLE001 - a model's state dict, size or dtype may raise anything
        code = protocol.Code.MEMORY_EXCEEDED if _out_of_memory(error) else otherwise
        return protocol.Op.FAILED, _explain(code, "", error)


def _explain(code: Any, text: str, error: BaseException | None) -> bytes:
    if error is not None:
        text = text or tracebacks.own_traceback(error, [OPTIONS["bundle"]])
    return bytes(protocol.CODE.pack(code)) + text.encode("utf-8", "replace")[-protocol.TEXT_LIMIT :]


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def main() -> None:
    """Say READY, wait for GO, and answer until the judge hangs up."""
    channel = Channel(OPTIONS["requests"], OPTIONS["replies"])
    torch.set_num_threads(OPTIONS.pop("threads"))
    device = _device(OPTIONS["device"])
    channel.send(protocol.Op.READY, protocol.READY.pack(str(device).encode()))
    op, _ = channel.receive()
    if op is not protocol.Op.GO:
        raise SystemExit(1)
    submission = Submission(Path(OPTIONS["bundle"]), device, channel.send)
    acts = {
        protocol.Op.LOAD: (submission.load, protocol.Code.BUILD_INVALID),
        protocol.Op.BUILD: (submission.build, protocol.Code.BUILD_INVALID),
        protocol.Op.FIT: (submission.fit, protocol.Code.FIT_FAILED),
        protocol.Op.PREDICT: (submission.predict, protocol.Code.FORWARD_FAILED),
        protocol.Op.INSPECT: (submission.inspect, protocol.Code.BUILD_INVALID),
        protocol.Op.RECIPE: (submission.begin_recipe, protocol.Code.FIT_FAILED),
        protocol.Op.STEP: (submission.step, protocol.Code.FIT_FAILED),
        protocol.Op.STATE: (submission.state, protocol.Code.FIT_FAILED),
    }
    with refit.eager_mode():
        while True:
            op, payload = channel.receive()
            act, otherwise = acts[op]
            channel.send(*_answer(act, payload, otherwise))


if __name__ == "__main__":
    main()

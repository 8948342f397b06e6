"""Weights as people save them: checkpoints, wrappers' prefixes, pickles, tied tensors, and stale files."""

import argparse
import collections
import io
import os
import pickle
import time
import zipfile
from pathlib import PosixPath

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file
from torch import nn

from challenge.bundle.packer import pack, update_weights
from challenge.bundle.reader import read_bundle
from challenge.bundle.state_dict import read_state_dict
from challenge.bundle.state_loading import find_prefixes
from challenge.bundle.tensor_names import clean_names, metadata
from challenge.results.refusals import refusal_of
from challenge.results.verdicts import EvaluationError, Reason
from challenge.training.local_model import load_model

MANIFEST = 'api = 1\nname = "line"\nauthor = "A. Person"\ndescription = "y = a x + b"\n'
MODEL = "from torch import nn\n\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"
STATE = {"weight": torch.tensor([[0.25, -0.5]]), "bias": torch.tensor([0.5])}


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "submission.toml").write_text(MANIFEST)
    (folder / "model.py").write_text(MODEL)
    return folder


def refused(act):
    with pytest.raises(EvaluationError) as caught:
        act()
    return caught.value


def same(one, other):
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


class Config:
    """A class that only this file knows."""


@pytest.mark.parametrize(
    ("saved", "entry"),
    [
        (STATE, ""),
        ({"model_state_dict": STATE, "epoch": 3, "best": np.float64(0.1)}, "model_state_dict"),
        ({"state_dict": STATE, "hist": np.arange(3.0), "optimizer": {"state": {0: STATE}}}, "state_dict"),
        ({"model": STATE, "lr_schedulers": [1, 2], "name": "x", "at": None, "on": True}, "model"),
        ({"checkpoint": {"net": STATE, "step": 7}}, "checkpoint.net"),
        ({"model": STATE, "args": argparse.Namespace(lr=1, path=PosixPath("a/b"))}, "model"),
        ({"model": STATE, "log": collections.Counter(a=1), "seen": {1, 2}}, "model"),
        ({**STATE, "epoch": 7}, ""),
        ({"state_dict": {f"module._orig_mod.{k}": v for k, v in STATE.items()}}, "state_dict"),
        ({"ema": {f"module.{k}": v for k, v in STATE.items()} | {"n_averaged": torch.tensor(3)}}, "ema"),
        ({f"_orig_mod.{k}": v for k, v in STATE.items()}, ""),
        ({f"module.module.{k}": nn.Parameter(v) for k, v in STATE.items()}, ""),
        ({"ema": {f"_fsdp_wrapped_module.{k}": v for k, v in STATE.items()}}, "ema"),
        ({"a": {"b": {"c": {"d": STATE}}}}, "a.b.c.d"),
        ({"params": {k: v.numpy() for k, v in STATE.items()}, "seen": frozenset({1})}, "params"),
        ((STATE, {"epoch": 3}), "0"),
    ],
)
def test_the_one_state_dict_is_found_and_named(mine, saved, entry):
    torch.save(saved, mine / "model.pt")
    found = read_state_dict(mine / "model.pt")
    assert same(found.state, STATE)
    said = " ".join(pack(mine, mine.parent / "mine.zip"))
    assert entry in said
    assert all(prefix not in str(saved) or prefix in said for prefix in ("_orig_mod.", "module."))
    assert same(load_file(mine / "weights.safetensors"), STATE)
    assert read_bundle(mine.parent / "mine.zip").weight_class == "feather"


@pytest.mark.parametrize("legacy", [True, False])
def test_both_formats_of_torch_are_read(mine, legacy):
    torch.save(STATE, mine / "a.pth", _use_new_zipfile_serialization=not legacy)
    assert same(read_state_dict(mine / "a.pth").state, STATE)


def test_several_are_listed_and_one_can_be_named(mine):
    torch.save({"model": STATE, "ema": {k: v + 1 for k, v in STATE.items()}}, mine / "model.pt")
    error = refused(lambda: pack(mine, mine.parent / "mine.zip"))
    assert refusal_of(error).rule == "weights.several"
    assert "'model' (2 tensors, 3 numbers), 'ema' (2 tensors, 3 numbers)" in error.sentence
    pack(mine, mine.parent / "mine.zip", entry="ema")
    assert load_file(mine / "weights.safetensors")["bias"].item() == 1.5
    assert "there are 'model'" in refused(lambda: update_weights(mine, entry="emma")).sentence


def test_nothing_that_is_code_is_ever_loaded(mine, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return os.system, ("touch exploded",)

    monkeypatch.chdir(mine)
    for name, saved in {"bomb.pt": Bomb(), "beside.pt": {"model": STATE, "b": Bomb()}}.items():
        torch.save(saved, mine / name)
        refused(lambda name=name: read_state_dict(mine / name))
    (mine / "bomb.pkl").write_bytes(pickle.dumps({"model": STATE, "b": Bomb()}))
    refused(lambda: read_state_dict(mine / "bomb.pkl"))
    assert not (mine / "exploded").exists()


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (nn.Linear(2, 1), ("a whole pickled torch.nn.modules.linear.Linear", "model.state_dict()")),
        (nn.Sequential(nn.GELU()), ("a whole pickled torch.nn.modules.container.Sequential", "state_dict()")),
        ({"net": nn.Linear(2, 1)}, ("torch.nn.modules.linear.Linear", 'saved["net"].state_dict()')),
        ({"model": STATE, "configs": [Config(), 1]}, ("Config", "saved[")),
        ({"model": STATE, "config": Config()}, ("Config", "saved[")),
    ],
)
def test_a_pickle_is_refused_with_the_lines_that_save_it_right(mine, saved, words):
    torch.save(saved, mine / "model.pt")
    error = refused(lambda: pack(mine, mine.parent / "mine.zip"))
    assert refusal_of(error).rule == "weights.pickle"
    assert words[0] in error.sentence
    assert words[1] in refusal_of(error).remedy
    assert "torch.save(" in refusal_of(error).remedy


def test_a_torchscript_archive_is_named(mine):
    torch.save(STATE, mine / "model.pt")
    with zipfile.ZipFile(mine / "model.pt", "a") as archive:
        archive.writestr("model/constants.pkl", pickle.dumps(()))
        archive.writestr("model/code/__torch__/net.py", "class Net(Module): ...")
    error = refused(lambda: pack(mine, mine.parent / "mine.zip"))
    assert "TorchScript" in error.sentence
    assert "torch.jit.load" in refusal_of(error).remedy


@pytest.mark.parametrize("saved", [{}, {"epoch": 3}, [1, 2], torch.zeros(3), {"optimizer": {"a": STATE}}])
def test_what_holds_no_state_dict_says_so(mine, saved):
    torch.save(saved, mine / "model.pt")
    assert refusal_of(refused(lambda: read_state_dict(mine / "model.pt"))).rule == "weights.none"


def archive_of(*names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "named", "remedy"),
    [
        (os.urandom(200), "weights only", "torch.save(model.state_dict()"),
        (b"", "empty", "again"),
        (pickle.dumps({"weight": [0.5]}), "a plain pickle", "pickle.load(open("),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page", "Download"),
        (b"\x1f\x8b\x08", "gzip", "gunzip model.pt"),
        (b"\x89HDF\r\n", "HDF5", "torch.save"),
        (save(STATE), "safetensors file under another name", "mv model.pt weights.safetensors"),
        (archive_of("weight.npy", "bias.npy"), "an archive of NumPy arrays", 'numpy.load("model.pt")'),
        (archive_of("a/archive_format", "a/models/model.json"), "torch.export", "torch.export.load("),
        (b"see the other folder", "text", "torch.save(model.state_dict()"),
    ],
)
def test_what_is_no_checkpoint_is_named(mine, content, named, remedy):
    (mine / "model.pt").write_bytes(content)
    error = refused(lambda: read_state_dict(mine / "model.pt"))
    assert refusal_of(error).rule == "weights.none"
    assert named in error.sentence
    assert remedy in refusal_of(error).remedy


def test_a_prefix_in_the_safetensors_is_refused_and_pack_takes_it_off(mine):
    for prefix in ("_orig_mod.", "module.", "module._orig_mod."):
        save_file({prefix + k: v for k, v in STATE.items()}, mine / "weights.safetensors")
        error = refused(lambda: read_bundle(mine))
        assert error.reason is Reason.WEIGHTS_DO_NOT_FIT
        assert refusal_of(error).rule == "weights.prefix"
        assert prefix.split(".")[0] in error.sentence
        assert "mbc pack" in refusal_of(error).remedy
        assert "Took off" in " ".join(pack(mine, mine.parent / "mine.zip"))
        assert same(load_file(mine / "weights.safetensors"), STATE)
        assert read_bundle(mine).weights == read_bundle(mine.parent / "mine.zip").weights


def test_a_compiled_part_of_a_model_is_found_too():
    assert clean_names(["net._orig_mod.0.weight", "head.bias"]).names == {
        "net._orig_mod.0.weight": "net.0.weight",
        "head.bias": "head.bias",
    }


@pytest.mark.parametrize(
    "line", [b"self.module = net", b"nn.ModuleDict({'module': net})", b"DataParallel(net)"]
)
def test_a_child_that_is_called_module_keeps_its_name(line):
    assert not clean_names(["module.weight"], [line]).prefixes


def test_names_that_would_meet_stay():
    assert not clean_names(["_orig_mod.weight", "weight"]).prefixes


def test_tied_weights_are_stored_once(mine):
    shared = nn.Parameter(torch.rand(3, 3))
    torch.save({"a.weight": shared, "b.weight": shared, "bias": torch.zeros(3)}, mine / "model.pt")
    found = read_state_dict(mine / "model.pt")
    assert set(found.state) == {"a.weight", "bias"}
    assert any("b.weight shares its memory with a.weight" in note for note in found.notes)


@pytest.mark.parametrize(
    "dtype", ["complex64", "float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "uint16"]
)
def test_every_dtype_that_torch_can_hold_is_taken(mine, dtype):
    save_file({"weight": torch.ones(2, 2).to(getattr(torch, dtype))}, mine / "weights.safetensors")
    assert read_bundle(mine)


@pytest.mark.parametrize(
    ("tensor", "remedy"),
    [
        (torch.zeros(2, dtype=torch.complex128), "complex64"),
        pytest.param(
            torch.ones(2).to(getattr(torch, "float8_e8m0fnu", torch.float32)),
            "torch.float32",
            marks=pytest.mark.skipif(not hasattr(torch, "float8_e8m0fnu"), reason="torch 2.7 has it"),
        ),
        (torch.eye(2).to_sparse(), "to_dense"),
        (torch.zeros(2, device="meta"), "a real device"),
    ],
)
def test_a_tensor_that_safetensors_cannot_hold_is_named(mine, tensor, remedy):
    torch.save({"net.odd": tensor}, mine / "model.pt")
    error = refused(lambda: read_state_dict(mine / "model.pt"))
    assert refusal_of(error).rule == "weights.dtype"
    assert "net.odd" in error.sentence
    assert remedy in refusal_of(error).remedy


def test_an_unknown_dtype_is_named(mine):
    import json
    import struct

    header = json.dumps({"a": {"dtype": "F8_E8M0", "shape": [2], "data_offsets": [0, 2]}}).encode()
    (mine / "weights.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0")
    error = refused(lambda: read_bundle(mine))
    assert "'F8_E8M0'" in error.sentence
    assert "float32" in refusal_of(error).remedy


def test_a_checkpoint_that_changed_is_converted_again(mine):
    torch.save(STATE, mine / "model.pt")
    pack(mine, mine.parent / "mine.zip")
    assert update_weights(mine) == []
    torch.save({k: v + 1 for k, v in STATE.items()}, mine / "model.pt")
    assert "Converted model.pt" in update_weights(mine)[0]
    assert load_file(mine / "weights.safetensors")["bias"].item() == 1.5


def test_the_source_is_known_among_several_checkpoints(mine):
    torch.save(STATE, mine / "b.pt")
    update_weights(mine)
    torch.save(STATE, mine / "a.pt")
    torch.save({k: v + 1 for k, v in STATE.items()}, mine / "b.pt")
    assert "Converted b.pt" in update_weights(mine)[0]


def test_a_newer_checkpoint_is_never_ignored_in_silence(mine):
    save_file(STATE, mine / "weights.safetensors")
    torch.save({k: v + 1 for k, v in STATE.items()}, mine / "model.pt")
    then = time.time() - 100
    os.utime(mine / "weights.safetensors", (then, then))
    error = refused(lambda: pack(mine, mine.parent / "mine.zip"))
    assert refusal_of(error).rule == "weights.stale"
    assert "model.pt (20" in error.sentence
    assert "weights.safetensors (20" in error.sentence
    os.utime(mine / "model.pt", (then - 9, then - 9))
    assert "Packed" in pack(mine, mine.parent / "mine.zip")[-1]


@pytest.mark.parametrize(
    ("own", "stored", "found"),
    [
        (["0.w", "0.b"], ["model.0.w", "model.0.b"], [("model.", "")]),
        (["0.w", "0.b"], ["model.0.w", "model.0.b", "loss.weight"], [("model.", "")]),
        (["0.w"], ["net.0.w", "ema.0.w"], [("net.", ""), ("ema.", "")]),
        (["net.0.w", "net.2.w"], ["0.w", "2.w"], [("", "net.")]),
        (["net.0.w", "net.2.w"], ["model.0.w", "model.2.w"], [("model.", "net.")]),
        (["net.0.w"], ["a.b.net.0.w"], [("a.b.", "")]),
        (["w", "v"], ["w", "model.v"], []),
        (["w", "v"], ["model.w"], []),
        (["w"], ["raw"], []),
        ([], ["w"], []),
    ],
)
def test_prefixes_that_explain_all_names_are_found(own, stored, found):
    assert find_prefixes(own, stored) == found


def test_a_prefix_that_is_named_is_taken_off_and_nothing_is_lost(mine):
    both = {f"net.{k}": v for k, v in STATE.items()} | {f"ema.{k}": v + 1 for k, v in STATE.items()}
    save_file(both, mine / "weights.safetensors", metadata={"by": "me"})
    said = " ".join(update_weights(mine, prefix="ema."))
    assert "Took off `ema.`" in said
    assert "Left out net." in said
    assert load_file(mine / "weights.safetensors")["bias"].item() == 1.5
    assert metadata((mine / "weights.safetensors").read_bytes()) == {"by": "me"}
    assert same(load_file(mine / "weights.earlier.safetensors"), both)
    assert "there are bias, weight" in refused(lambda: update_weights(mine, prefix="net.")).sentence


def test_another_prefix_of_a_checkpoint_is_taken_by_converting_it_again(mine):
    both = {f"net.{k}": v for k, v in STATE.items()} | {f"ema.{k}": v + 1 for k, v in STATE.items()}
    torch.save({"state_dict": both}, mine / "last.ckpt")
    for prefix, bias in (("net.", 0.5), ("ema.", 1.5)):
        update_weights(mine, prefix=prefix)
        assert load_file(mine / "weights.safetensors")["bias"].item() == bias
    assert update_weights(mine) == []
    assert not list(mine.glob("*earlier*"))


def test_tied_weights_that_are_stored_once_load_here_too(mine):
    (mine / "model.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, i, o):\n"
        "        super().__init__()\n        self.a, self.b = nn.Linear(i, i), nn.Linear(i, i)\n"
        "        self.b.weight = self.a.weight\n\n\ndef build(i, o):\n    return Net(i, o)\n"
    )
    state = {"a.bias": torch.rand(2), "b.weight": torch.rand(2, 2), "b.bias": torch.rand(2)}
    save_file(state, mine / "weights.safetensors")
    assert torch.equal(load_model(mine).a.weight, state["b.weight"])

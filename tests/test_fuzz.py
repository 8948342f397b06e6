"""Whatever the bytes of a bundle or of a frame are: an answer, or an error of ours with its sentence."""

import io
import os
import struct
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from challenge.bundle.limits import member_limit
from challenge.bundle.manifest import parse_manifest
from challenge.bundle.reader import read_bundle
from challenge.bundle.tensor_file import SIZES, read_state
from challenge.bundle.weights import check_weights
from challenge.results.verdicts import EvaluationError, Reason
from evaluator.changed_weights import shuffling
from evaluator.sandbox import protocol
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.process import ResourceUsage
from evaluator.sandbox.session import Session
from tests.support import attack_runner

pytestmark = pytest.mark.costly

HONEST = attack_runner.pack(attack_runner.HONEST)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
# Bytes of an honest thing, with some changed, some put in and the end cut off.
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8), st.booleans()), max_size=6)


def changed(content, changes, cut):
    for place, piece, insert in changes:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + (0 if insert else len(piece)) :]
    return content[: len(content) - int(cut * len(content))]


def only_ours(act):
    """Whether it works; anything but an EvaluationError is a bug of ours."""
    failed = None
    try:
        act()
    except EvaluationError as error:
        failed = error
    assert failed is None or (failed.fault == "submission" and len(failed.sentence) > 10)
    return failed is None


def archive(content, folder):
    path = folder / "bundle.zip"
    path.write_bytes(content)
    if only_ours(lambda: read_bundle(path)):
        bundle = read_bundle(path)
        assert all(member_limit(name) is not None for name in bundle.files)


def weights(content):
    if only_ours(lambda: check_weights(content)):
        # What passes is read alike by the sandbox, by the probes and by the format's own library.
        from safetensors.torch import load

        ours, theirs = read_state(io.BytesIO(content), len(content)), load(content)
        assert {n: (t.dtype, t.shape) for n, t in ours.items()} == {
            n: (t.dtype, t.shape) for n, t in theirs.items()
        }
        shuffling.shuffled(content, np.random.default_rng(0))
        shuffling.mixed(content, np.random.default_rng(0), 0.5)


def frames(answer, length):
    """The judge reads an answer of `length` numbers from these bytes, whatever they are."""
    (replies, theirs), (output, printed) = os.pipe(), os.pipe()
    for descriptor in (replies, output):
        os.set_blocking(descriptor, False)
    process = SimpleNamespace(
        replies=replies,
        read=lambda length: os.read(replies, length),
        output=output,
        output_closed=False,
        said=str,
        end=lambda _grace: None,
        used=ResourceUsage(),
        requests=-1,
    )
    os.write(theirs, answer[:60_000])
    os.close(theirs)
    try:
        session = Session(process, Limits(request_seconds=1.0))
        nonce = answer[4 : 4 + protocol.NONCE_BYTES].ljust(protocol.NONCE_BYTES, b"\0")
        only_ours(lambda: np.frombuffer(session._receive(nonce, 8 * length, session._until(1.0)), "<f8"))
    finally:
        for descriptor in (replies, output, printed):
            os.close(descriptor)


# zipfile ends a name that it writes at a zero byte.
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
ANSWER = protocol.HEADER.pack(protocol.MAGIC, bytes(16), protocol.Op.DONE, 16) + bytes(16)
HEADS = st.builds(
    lambda op, length, rest: protocol.HEADER.pack(protocol.MAGIC, bytes(16), op, length) + rest,
    st.sampled_from([*map(int, protocol.Op), 0, 99, 255]),
    st.one_of(st.integers(0, 64), st.integers(0, 2**64 - 1)),
    st.binary(max_size=64),
)


@QUICK
@given(CHANGES, st.sampled_from([0.0, 0.0, 0.3]))
@example([], 0.0)
def test_archives(tmp_path_factory, changes, cut):
    archive(changed(HONEST, changes, cut), tmp_path_factory.getbasetemp())


@QUICK
@given(st.dictionaries(NAMES, st.binary(max_size=40), max_size=5))
def test_archives_of_odd_names(tmp_path_factory, files):
    archive(attack_runner.pack(attack_runner.HONEST | files), tmp_path_factory.getbasetemp())


@QUICK
@given(CHANGES, st.floats(0, 1))
def test_manifests(changes, cut):
    only_ours(lambda: parse_manifest(changed(attack_runner.MANIFEST, changes, cut)))


@QUICK
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda t: b"api = 1\n" + t.encode())))
def test_manifests_of_noise(content):
    only_ours(lambda: parse_manifest(content))


@QUICK
@given(CHANGES, st.floats(0, 1))
def test_weights(changes, cut):
    weights(changed(attack_runner.HONEST["weights.safetensors"], changes, cut))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@QUICK
@given(JSON)
def test_headers_of_weights(value):
    import json

    header = json.dumps({"a": value} if not isinstance(value, dict) else value).encode()
    weights(struct.pack("<Q", len(header)) + header + bytes(8))


# Text as JSON may spell it, halves of surrogate pairs and the zero character too.
ANY_TEXT = st.text(st.characters(), max_size=6) | st.sampled_from(["\0", "\ud800", "__metadata__", "a"])
DIMENSIONS = st.lists(st.integers(0, 4) | st.sampled_from([-1, True, 1 << 61, 1.0, "1"]), max_size=3)


@QUICK
@given(
    st.dictionaries(ANY_TEXT, st.tuples(st.sampled_from([*SIZES, "F4", 7]), DIMENSIONS), max_size=4),
    st.none() | st.dictionaries(ANY_TEXT, ANY_TEXT | JSON, max_size=2) | JSON,
    st.integers(-1, 1),
)
def test_headers_of_tensors(tensors, metadata, shift):
    """Nearly right ones: each tensor lies where its shape says, or beside it."""
    import json
    from math import prod

    header, offset = {}, 0
    for name, (dtype, shape) in tensors.items():
        plain = all(type(number) is int and 0 <= number <= 4 for number in shape)
        end = offset + (prod(shape) * SIZES.get(dtype, 1) if plain else 0)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    if metadata is not None:
        header["__metadata__"] = metadata
    raw = json.dumps(header).encode()
    weights(struct.pack("<Q", len(raw)) + raw + bytes(max(0, offset + shift)))


@QUICK
@given(st.one_of(HEADS, st.binary(max_size=100)), st.integers(0, 8))
def test_frames(answer, length):
    frames(answer, length)


@QUICK
@given(st.integers(0, 255), st.binary(max_size=40))
def test_failures_that_a_child_tells(code, text):
    payload = bytes([code]) + text
    frames(protocol.HEADER.pack(protocol.MAGIC, bytes(16), protocol.Op.FAILED, len(payload)) + payload, 1)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("what", ["archives", "manifests", "weights", "frames"])
def test_for_ten_minutes(what, tmp_path):
    """All four together: $MBC_FUZZ_SECONDS, ten minutes where it is not set."""
    random = np.random.default_rng(int(time.time()))
    end = time.monotonic() + float(os.environ.get("MBC_FUZZ_SECONDS", "600")) / 4
    seeds = {
        "archives": (HONEST, lambda content: archive(content, tmp_path)),
        "manifests": (attack_runner.MANIFEST, lambda content: only_ours(lambda: parse_manifest(content))),
        "weights": (attack_runner.HONEST["weights.safetensors"], weights),
        "frames": (
            protocol.HEADER.pack(protocol.MAGIC, bytes(16), protocol.Op.DONE, 16) + bytes(16),
            lambda c: frames(c, 2),
        ),
    }
    content, act = seeds[what]
    tried = 0
    while time.monotonic() < end:
        changes = [
            (random.random(), random.bytes(random.integers(1, 5)), random.random() < 0.3)
            for _ in range(random.integers(0, 8))
        ]
        act(changed(content, changes, random.choice([0, 0, 0, random.random()])))
        tried += 1
    print(what, tried)
    assert tried > 1000 * float(os.environ.get("MBC_FUZZ_SECONDS", "600")) / 600


def test_reasons_of_refusals_are_those_of_bundles():
    with pytest.raises(EvaluationError) as caught:
        check_weights(b"")
    assert caught.value.reason is Reason.WEIGHTS_INVALID

"""Looks for bytes that break a reader, led by the code that they reach: atheris, ten minutes for all six.

    .venv/bin/pip install -c constraints.txt '.[fuzz]'
    for reader in archive members manifest weights header frames; do
        python benchmarks/fuzz.py $reader -max_total_time=100
    done

Whatever else is given goes to libFuzzer (-help=1 lists it). It starts from an honest bundle and from the
museum's archives. Anything but an answer or an error of ours ends it with status 77, and the bytes for it
stay as crash-DIGEST: `python benchmarks/fuzz.py archive crash-DIGEST` tries them again.
"""

import os
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]

# Instrumented while they are imported: our own readers, and what they read with.
with atheris.instrument_imports(include=["challenge", "evaluator", "zipfile", "tomllib"]):
    from challenge.bundle.manifest import parse_manifest
    from evaluator.sandbox import session  # noqa: F401

    sys.path.insert(0, str(ROOT))
    from tests import test_fuzz
    from tests.support import attack_runner

# libFuzzer grows its inputs up to this, and the pipe of `frames` holds no more.
LARGEST = 1 << 14


def members(content: bytes, folder: Path) -> None:
    """Files in an archive whose checksums are right, so that what reads them is reached."""
    given = atheris.FuzzedDataProvider(content)
    files = dict(attack_runner.HONEST)
    for _ in range(given.ConsumeIntInRange(0, 3)):
        name = given.PickValueInList([*files, "helper.py", "train.toml", "frames/000.png", ""])
        # zipfile ends a name that it writes at a zero byte, and writes no lone surrogates.
        name = name or given.ConsumeUnicodeNoSurrogates(24).replace("\0", "") or "a"
        files[name] = given.ConsumeBytes(given.ConsumeIntInRange(0, 2000))
    test_fuzz.archive(attack_runner.pack(files), folder)


def reader(name: str, folder: Path) -> tuple[Callable[[bytes], object], list[bytes]]:
    """What reads the bytes, and bytes to begin with."""
    if name == "archive":
        known = [attack.archive({}) for attack in attack_runner.attacks() if attack.judged == "read"]
        return lambda content: test_fuzz.archive(content, folder), [test_fuzz.HONEST, *known]
    if name == "members":
        return lambda content: members(content, folder), [bytes(64)]
    if name == "manifest":
        return lambda content: test_fuzz.only_ours(lambda: parse_manifest(content)), [attack_runner.MANIFEST]
    weights = attack_runner.HONEST["weights.safetensors"]
    if name == "weights":
        return test_fuzz.weights, [weights]
    if name == "header":
        # A header of the right length, which chance seldom finds.
        (length,) = struct.unpack_from("<Q", weights)
        header, data = weights[8 : 8 + length], weights[8 + length :]
        return lambda content: test_fuzz.weights(struct.pack("<Q", len(content)) + content + data), [header]
    return lambda content: test_fuzz.frames(content, 2), [test_fuzz.ANSWER]


def fuzz(name: str, folder: Path) -> None:
    read, seeds = reader(name, folder)
    corpus = folder / "corpus"
    corpus.mkdir()
    for index, seed in enumerate(seeds):
        if len(seed) <= LARGEST:
            (corpus / str(index)).write_bytes(seed)
    again = any(not argument.startswith("-") for argument in sys.argv[1:])
    atheris.Setup([*sys.argv, *([] if again else [f"-max_len={LARGEST}", str(corpus)])], read)
    atheris.Fuzz()


def main() -> None:
    names = ("archive", "members", "manifest", "weights", "header", "frames")
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        sys.exit(f"which reader: {', '.join(names)}? For one, {sys.argv[0]} frames -max_total_time=120")
    # On a file system in memory where there is one: a bundle is written out for each try.
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="mbc-fuzz-", dir=memory if memory.is_dir() else None) as folder:
        # libFuzzer ends its process without returning.
        child = os.fork()
        if not child:
            fuzz(sys.argv.pop(1), Path(folder))
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()

"""Framed messages between judge and child: a header of fixed shape, then raw bytes. No parser but struct.

The judge binds this file into the sandbox as it is, so it imports nothing of this project. The judge knows
beforehand how long each answer has to be, so it never believes a length that the child claims. Every request
has a nonce of its own, which its answer repeats: an answer that was written in advance is none.
"""

import struct
from enum import IntEnum

MAGIC = b"MBC1"
NONCE_BYTES = 16
HEADER = struct.Struct(f"<4s{NONCE_BYTES}sBQ")  # magic, nonce, op, length of what follows

SHAPE = struct.Struct("<QQ")  # BUILD: in, out; PREDICT: points, in
SEED = struct.Struct("<Q")
FIT = struct.Struct("<QQQQqdQ")  # points, in, out, seed, steps (-1: none), seconds, 1 for classes
BUILT = struct.Struct("<B")  # 1 where the submission brings a fit of its own
LOADED = struct.Struct("<BQ")  # the same; then numbers in the state dict of build(2, 1)
READY = struct.Struct("<32s")  # device, padded with zeros
CODE = struct.Struct("<B")  # FAILED: what failed, then text

TEXT_LIMIT = 16 * 1024


class Op(IntEnum):
    """What a frame is."""

    GO = 1
    LOAD = 2
    BUILD = 3
    FIT = 4
    PREDICT = 5
    READY = 16
    DONE = 17
    FAILED = 18


class Code(IntEnum):
    """What a child says has failed."""

    MODEL_CODE_FAILED = 1
    BUILD_MISSING = 2
    BUILD_INVALID = 3
    WEIGHTS_DO_NOT_FIT = 4
    FORWARD_FAILED = 5
    OUTPUT_SHAPE = 6
    OUTPUT_DTYPE = 7
    FIT_FAILED = 8
    MEMORY_EXCEEDED = 9


def header(nonce: bytes, op: Op, length: int) -> bytes:
    """The bytes in front of a payload."""
    return HEADER.pack(MAGIC, nonce, op, length)

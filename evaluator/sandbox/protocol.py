"""Framed messages between judge and child: a header of fixed shape, then raw bytes. No parser but struct.

The judge binds this file into the sandbox as it is, so it imports nothing of this project. The judge knows
beforehand how long each answer has to be, so it never believes a length that the child claims. Every request
has a nonce of its own, which its answer repeats: an answer that was written in advance is none. A fit that is
watched may say more before its answer: checkpoints, which the judge never opens, and losses.
"""

import struct
from enum import IntEnum

MAGIC = b"MBC1"
NONCE_BYTES = 16
HEADER = struct.Struct(f"<4s{NONCE_BYTES}sBQ")  # magic, nonce, op, length of what follows

SHAPE = struct.Struct("<QQ")  # BUILD: in, out; PREDICT: points, in
SEED = struct.Struct("<Q")
FIT = struct.Struct("<QQQQqdBB")  # points, in, out, seed, steps (-1: none), seconds, 1: classes, 1: watched
RECIPE = struct.Struct("<ddBB")  # learning rate, epsilon, 1: bfloat16 products, 1: stored as float16
STEP = struct.Struct("<Qd")  # points, used share; then x (points, 2), t and weight (points,)
LOSS = struct.Struct("<d")
BUILT = struct.Struct("<BQ")  # 1 where the submission brings a fit of its own; numbers in the state dict
LOADED = BUILT
READY = struct.Struct("<32s")  # device, padded with zeros
NAMES_BYTES = 1023
# 1 where build seeds the generator; names of random values outside the state dict, one a line
INSPECTED = struct.Struct(f"<B{NAMES_BYTES}s")
CODE = struct.Struct("<B")  # FAILED: what failed, then text

TEXT_LIMIT = 16 * 1024


class Op(IntEnum):
    """What a frame is."""

    GO = 1
    LOAD = 2
    BUILD = 3
    FIT = 4
    PREDICT = 5
    INSPECT = 6
    RECIPE = 7  # train step by step, on batches that the judge draws
    STEP = 8
    STATE = 9  # a CHECKPOINT comes before the answer
    READY = 16
    DONE = 17
    FAILED = 18
    CHECKPOINT = 19  # before the answer to a watched FIT: a state dict as safetensors
    LOSS = 20  # the same: the fit's own loss


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
    EXITED = 10


def header(nonce: bytes, op: Op, length: int) -> bytes:
    """The bytes in front of a payload."""
    return HEADER.pack(MAGIC, nonce, op, length)

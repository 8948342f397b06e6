"""Whoever waits for the first compilation is told so, once."""

from pathlib import Path

import numba
import pytest

from challenge.util import compile_notice, jit


@pytest.fixture
def told():
    lines = []
    compile_notice.tell_once(lines.append)
    yield lines
    compile_notice.tell_once(lines.append)
    compile_notice.compiling()


def test_the_first_compilation_is_announced_and_no_other(told):
    assert jit.kernel_decorator

    def one(x):
        return x + 1

    assert told == []
    assert numba.njit(one)(1) == 2
    assert numba.njit(one)(1.0) == 2
    assert told == [compile_notice.TEXT]


def test_where_nothing_can_be_kept_that_is_said_and_it_works(told, monkeypatch):
    monkeypatch.setattr(compile_notice, "_texts", [compile_notice.TEXT])
    names = {}
    # What has no file has no folder for its compiled code either.
    exec("def two(x):\n    return x + 2\n", names)
    assert jit.kernel_decorator(Path(jit.__file__).parent)(names["two"])(1) == 3
    assert told == [compile_notice.NOT_KEPT]

"""Whoever waits for the first compilation is told so, once."""

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

"""What the judge makes of the frames that come, whoever wrote them."""

import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from challenge.results.verdicts import EvaluationError, Reason
from evaluator.sandbox import protocol
from evaluator.sandbox.limits import Limits
from evaluator.sandbox.process import ResourceUsage
from evaluator.sandbox.session import Session

LIMITS = Limits(request_seconds=0.5, load_seconds=0.5)


@pytest.fixture
def answers():
    """A loaded session whose child answers a request for two points with what the test makes of its nonce."""
    descriptors = []

    def ask(make, *, close=True):
        (their_requests, requests), (replies, their_replies), (output, printed) = (
            os.pipe() for _ in range(3)
        )
        for descriptor in (requests, replies):
            os.set_blocking(descriptor, False)
        descriptors.extend((their_requests, requests, replies, output, printed))
        process = SimpleNamespace(
            requests=requests,
            replies=replies,
            output=output,
            output_closed=False,
            write=lambda part: os.write(requests, part),
            read=lambda length: os.read(replies, length),
            said=lambda: "",
            end=lambda seconds: None,
            used=ResourceUsage(),
        )
        session = Session(process, LIMITS)
        session._in_features, session._out_features = 2, 1

        def child():
            _, nonce, _, length = protocol.HEADER.unpack(os.read(their_requests, protocol.HEADER.size))
            while length > 0:
                length -= len(os.read(their_requests, length))
            os.write(their_replies, make(nonce))
            if close:
                os.close(their_replies)

        if not close:
            descriptors.append(their_replies)
        thread = threading.Thread(target=child)
        thread.start()
        try:
            return session.predict(np.zeros((2, 2)))
        finally:
            thread.join()

    yield ask
    for descriptor in descriptors:
        os.close(descriptor)


def frame(nonce, op=protocol.Op.DONE, payload=b"", length=None, magic=protocol.MAGIC):
    return protocol.HEADER.pack(magic, nonce, op, len(payload) if length is None else length) + payload


PAIR = np.array([0.25, np.nan], "<f8").tobytes()


def test_an_answer(answers):
    np.testing.assert_array_equal(answers(lambda n: frame(n, payload=PAIR)), [[0.25], [np.nan]])


@pytest.mark.parametrize(
    "make",
    [
        lambda _: os.urandom(100),
        lambda n: frame(n, payload=PAIR, magic=b"MBC0"),
        lambda _: frame(bytes(protocol.NONCE_BYTES), payload=PAIR),
        lambda n: frame(n, payload=PAIR + b"\0"),
        lambda n: frame(n, payload=PAIR[:-1]),
        lambda n: frame(n, payload=PAIR, length=2**63),
        lambda n: frame(n, op=protocol.Op.READY, payload=PAIR),
        lambda n: frame(n, op=99, payload=PAIR),
        lambda n: frame(n, op=protocol.Op.FAILED),
        lambda n: frame(n, op=protocol.Op.FAILED, payload=b"\xff"),
        lambda n: frame(n, op=protocol.Op.FAILED, length=2**40),
    ],
)
def test_what_is_no_answer(answers, make):
    with pytest.raises(EvaluationError) as caught:
        answers(make)
    assert caught.value.reason is Reason.PROTOCOL_BROKEN


def test_half_an_answer(answers):
    for make in (lambda n: frame(n, payload=PAIR)[:-3], lambda n: frame(n)[:7], lambda _: b""):
        with pytest.raises(EvaluationError) as caught:
            answers(make)
        assert caught.value.reason is Reason.EXITED
        with pytest.raises(EvaluationError) as caught:
            answers(make, close=False)
        assert caught.value.reason is Reason.TIME_EXCEEDED


def test_every_code_is_a_reason_whose_fault_is_the_submissions(answers):
    for code in protocol.Code:
        with pytest.raises(EvaluationError) as caught:
            answers(lambda n, code=code: frame(n, protocol.Op.FAILED, bytes([code]) + b"its \xff words"))
        assert caught.value.reason.name == code.name
        assert caught.value.fault == "submission"
        assert caught.value.private == "its � words"
        assert "words" not in caught.value.sentence

"""A worker's client and boards with a certificate of their own issuer."""

import logging
import threading

import pytest
from werkzeug.serving import make_server, make_ssl_devcert
from werkzeug.wrappers import Response

from challenge.results.worker_info import WorkerInfo
from evaluator.api_client import EvaluationClient

IDLE = WorkerInfo.of_idle("m1", "Nothing works here.")


@pytest.fixture
def secure_board(tmp_path):
    """(address, file with its certificate, requests that came) of a server with HTTPS."""
    came = []

    def answer(environment, start):
        came.append((environment["REQUEST_METHOD"], environment["PATH_INFO"]))
        return Response(status=204)(environment, start)

    certificate, key = make_ssl_devcert(str(tmp_path / "board"), host="localhost")
    server = make_server("127.0.0.1", 0, answer, ssl_context=(certificate, key))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}", certificate, came
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_environment_names_an_issuer_and_no_proxy(secure_board, monkeypatch):
    address, certificate, came = secure_board
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    client = EvaluationClient(address, "token")
    client.introduce(IDLE)
    client.close()
    assert came == [("PUT", "/api/v1/worker/machine")]


def test_a_board_that_is_not_trusted_is_said_once(secure_board, caplog):
    address, _, came = secure_board
    client = EvaluationClient(address, "token")
    with caplog.at_level(logging.WARNING):
        client.introduce(IDLE)
        client.introduce(IDLE)
    client.close()
    (record,) = [record for record in caplog.records if record.name == "evaluator.api_client"]
    for word in ("could not be told", "certificate", "SSL_CERT_FILE"):
        assert word in record.getMessage()
    assert came == []

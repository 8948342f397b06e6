"""Clients that drip their requests do not stop a server that has no proxy before it."""

import contextlib
import dataclasses
import os
import select
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from leaderboard import db
from leaderboard.serve import wsgi
from leaderboard.services import seasons, tokens


@pytest.fixture
def server(config):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = dataclasses.replace(config, tile_waiting=3)
        values = {wsgi.SETTINGS: config.to_json(), wsgi.SOCKET: str(listener.fileno())}
        process = subprocess.Popen(
            [sys.executable, "-m", "leaderboard.serve.wsgi"],
            env=os.environ | values,
            pass_fds=[listener.fileno()],
        )
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).is_success:
                        break
                except httpx.TransportError:
                    time.sleep(0.2)
            yield port
        finally:
            process.terminate()
            process.wait(20)


HEADER = b"GET / HTTP/1.1\r\nHost: board\r\nX-Long: " + b"x" * 1000
BODY = (
    b"POST /api/v1/tiles/submissions/1/wishes HTTP/1.1\r\nHost: board\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n{"
)


@pytest.mark.parametrize(("start", "drip"), [(HEADER[:20], HEADER[20:]), (BODY, b" " * 1000)])
def test_thirty_that_drip_stop_nobody(server, start, drip):
    stop = threading.Event()
    clients = [socket.create_connection(("127.0.0.1", server)) for _ in range(30)]

    def feed():
        for byte in drip:
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(bytes([byte]))
            if stop.wait(2):
                return

    for client in clients:
        client.send(start)
    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        time.sleep(3)
        seconds = []
        for _ in range(12):
            began = time.monotonic()
            assert httpx.get(f"http://127.0.0.1:{server}/healthz", timeout=20).text == "ok\n"
            seconds.append(time.monotonic() - began)
            time.sleep(0.3)
        print("median and longest answer:", sorted(seconds)[6], max(seconds))
        assert max(seconds) < 10
    finally:
        stop.set()
        feeder.join()
        for client in clients:
            client.close()


def test_an_honest_client_that_pauses_is_served(server):
    with socket.create_connection(("127.0.0.1", server)) as client:
        for part in (b"GET /healthz HT", b"TP/1.1\r\nHost: board\r\n", b"Connection: keep-alive\r\n\r\n"):
            client.send(part)
            time.sleep(0.5)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        # And again on the same connection.
        client.send(b"GET /readyz HTTP/1.1\r\nHost: board\r\n")
        time.sleep(0.5)
        client.send(b"Connection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_clients_that_left_hold_no_place_among_those_who_wait_for_tiles(server):
    where = "/api/v1/tiles/truth/30"
    clients = [socket.create_connection(("127.0.0.1", server)) for _ in range(12)]
    for k, client in enumerate(clients):
        client.sendall(f"GET {where}/{k}/7 HTTP/1.1\r\nHost: board\r\n\r\n".encode())
    poll = select.poll()
    for client in clients:
        poll.register(client, select.POLLIN)
    # One is drawn, two wait, and the others are refused.
    first = next(client for client in clients if client.fileno() == poll.poll(60_000)[0][0])
    assert first.recv(1 << 16).startswith(b"HTTP/1.1 503 ")
    for client in clients:
        client.close()
    assert httpx.get(f"http://127.0.0.1:{server}{where}/99/7", timeout=60).status_code == 200


def test_an_upload_that_is_cut_leaves_nothing(server, config):
    engine = db.make_engine(config.database)
    with db.make_sessions(engine).begin() as session:
        seasons.ensure_seasons(session, config)
        token = tokens.new_token(session, tokens.add_user(session, "ada"))
    head = (
        "POST /api/v1/submissions HTTP/1.1\r\nHost: board\r\nContent-Length: 3000000\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: multipart/form-data; boundary=edge\r\n\r\n"
        '--edge\r\nContent-Disposition: form-data; name="bundle"; filename="b.zip"\r\n\r\n'
    )
    uploads = config.data / "uploads"
    with socket.create_connection(("127.0.0.1", server)) as client:
        client.sendall(head.encode() + b"PK\3\4" + bytes(1_000_000))
        until(lambda: any(uploads.iterdir()))
    until(lambda: not any(uploads.iterdir()))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM submissions").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM hand_ins").scalar() == 0
    engine.dispose()
    assert httpx.get(f"http://127.0.0.1:{server}/healthz", timeout=20).text == "ok\n"


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_headers_without_end_are_refused(server):
    with socket.create_connection(("127.0.0.1", server)) as client:
        client.settimeout(30)
        with contextlib.suppress(OSError):
            client.sendall(b"GET / HTTP/1.1\r\nHost: board\r\n")
            for number in range(16):
                client.sendall(b"X-Long-%d: " % number + b"x" * 64 * 1024 + b"\r\n")
            client.sendall(b"\r\n")
        with contextlib.suppress(OSError):
            assert client.recv(4096)[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 431", b""}
    assert httpx.get(f"http://127.0.0.1:{server}/healthz", timeout=20).text == "ok\n"

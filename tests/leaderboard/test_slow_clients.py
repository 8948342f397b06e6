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

from leaderboard.serve import wsgi


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

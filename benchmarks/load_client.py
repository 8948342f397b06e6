# ruff: noqa: ANN001, ANN201, ANN202, ANN204, E501 - a script that prints
"""Visitors of a board: pages at a fixed rate, live followers, uploads. Run by `python -m benchmarks.servers load`.

It reads its settings as JSON from its input and writes what it saw as JSON to a file, with the processor seconds that it
took itself. HTTP is spoken by hand, for a library's client costs more than the board's answer.
"""

import asyncio
import io
import itertools
import json
import os
import resource
import struct
import sys
import time
import zipfile
from pathlib import Path

PAGES = ("/", "/?entries=all", "/api/v1/board", "/rules", "/submissions/1", "/api/v1/submissions", "/?page=2")
MODEL = "from torch import nn\n\n\ndef build(i, o):\n    return nn.Linear(i, o)\n"
# As live.js: between two looks, and before a stream that broke is opened again.
ASK_SECONDS, AGAIN_SECONDS = 2.0, 2.0


def unnamed(size):
    """A bundle without its manifest, with so many bytes of weights, which nothing compresses."""
    count = size // 4
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    header += b" " * (-len(header) % 8)
    # Exponents below the largest, so that each number is finite.
    noise = bytearray(os.urandom(4 * count))
    noise[3::4] = bytes(count)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("model.py", MODEL)
        archive.writestr("weights.safetensors", struct.pack("<Q", len(header)) + header + bytes(noise))
    return out.getvalue()


def named(number, bundle):
    """The same with a manifest, by whose name it differs from others."""
    out = io.BytesIO(bundle)
    with zipfile.ZipFile(out, "a") as archive:
        manifest = f'api = 1\nname = "entry {number}"\nauthor = "Ada"\ndescription = "Load."\n'
        archive.writestr("submission.toml", manifest)
    return out.getvalue()


def form(content):
    edge = "mbcmbcmbcmbc"
    parts = (
        f'--{edge}\r\nContent-Disposition: form-data; name="track"\r\n\r\nopen\r\n'
        f'--{edge}\r\nContent-Disposition: form-data; name="bundle"; filename="b.zip"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    ).encode()
    return f"multipart/form-data; boundary={edge}", parts + content + f"\r\n--{edge}--\r\n".encode()


class Load:
    def __init__(self, host, port, token, seconds, rate, followers, uploads, size):
        self.host, self.port, self.token = host, port, token
        self.seconds, self.rate, self.followers, self.uploads, self.size = (
            seconds, rate, followers, uploads, size,
        )  # fmt: skip
        self.pages, self.failed, self.upload_seconds, self.retried = [], [], [], 0
        self.entries, self.open, self.seen = [], [], []
        self.streams = self.polls = self.most_streams = 0
        self.over = asyncio.Event()

    async def ask(self, path, method="GET", body=b"", kind="", accept="*/*", close=True):
        """(status, reader, writer): the answer's head is read."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nConnection: close\r\nAccept: {accept}\r\n"
        if body:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nAuthorization: Bearer {self.token}\r\n"
        writer.write(head.encode() + b"\r\n" + body)
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer.split(b" ", 2)[1])
        if not close:
            return status, reader, writer
        chunked = b"transfer-encoding: chunked" in answer.lower()
        text = await reader.read()
        writer.close()
        return status, _unchunked(text) if chunked else text

    async def look(self, path, due):
        try:
            status, _ = await asyncio.wait_for(self.ask(path), 30)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.failed.append((path, type(error).__name__))
            return
        if status != 200:
            self.failed.append((path, status))
        self.pages.append(time.monotonic() - due)

    async def visit(self, start):
        paths, tasks = itertools.cycle(PAGES), []
        for number in range(int(self.rate * self.seconds)):
            due = start + number / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.create_task(self.look(next(paths), due)))
        await asyncio.gather(*tasks)

    async def upload(self, number, bundle, due):
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        kind, body = form(named(number, bundle))
        while True:
            began = time.monotonic()
            try:
                status, text = await asyncio.wait_for(self.ask("/api/v1/submissions", "POST", body, kind), 60)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                status, text = 0, b""
            if status in (200, 201):
                break
            self.retried += 1
            await asyncio.sleep(0.5)
        self.upload_seconds.append(time.monotonic() - began)
        entry = json.loads(text)["id"]
        self.entries.append(entry)
        self.open.append(entry)

    async def follow(self, number):
        """Follow one entry to its verdict, then the next one that has none."""
        mine = set()
        while not self.over.is_set():
            waiting = [entry for entry in self.open if entry not in mine]
            if not waiting:
                await asyncio.sleep(0.05)
                continue
            entry = waiting[number % len(waiting)]
            mine.add(entry)
            if await self.watch(entry):
                self.seen.append((entry, time.time()))
                if entry in self.open:
                    self.open.remove(entry)

    async def watch(self, entry):
        """Whether the verdict was seen, by a stream where there is a place, else by asking each second."""
        while not self.over.is_set():
            try:
                status, reader, writer = await self.ask(
                    f"/api/v1/submissions/{entry}/events", accept="text/event-stream", close=False
                )
                if status == 503:
                    writer.close()
                    return await self.poll(entry)
                if status == 200 and await self.read_stream(reader, writer):
                    return True
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(AGAIN_SECONDS)
        return False

    async def read_stream(self, reader, writer):
        self.streams += 1
        self.most_streams = max(self.most_streams, self.streams)
        try:
            while line := await reader.readline():
                if line.startswith(b"event: end"):
                    writer.close()
                    return True
        finally:
            self.streams -= 1
        return False

    async def poll(self, entry):
        while not self.over.is_set():
            self.polls += 1
            try:
                status, text = await asyncio.wait_for(self.ask(f"/api/v1/submissions/{entry}"), 30)
                if status == 200 and json.loads(text)["final"]:
                    return True
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                pass
            await asyncio.sleep(ASK_SECONDS)
        return False

    async def run(self, bundle):
        for path in PAGES:
            await self.ask(path)
        print("ready", flush=True)
        start = time.monotonic()
        followers = [asyncio.create_task(self.follow(number)) for number in range(self.followers)]
        uploads = [
            asyncio.create_task(self.upload(number, bundle, start + number * 60 / self.uploads))
            for number in range(self.uploads)
        ]
        await self.visit(start)
        await asyncio.gather(*uploads)
        until = time.monotonic() + 60
        while self.open and time.monotonic() < until:  # noqa: ASYNC110 - it has an end
            await asyncio.sleep(0.1)
        # Those who look once a second look once more.
        await asyncio.sleep(4)
        self.over.set()
        for task in followers:
            task.cancel()
        await asyncio.gather(*followers, return_exceptions=True)


def _unchunked(text):
    found, rest = b"", text
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size or b"0", 16)
        if not count:
            break
        found, rest = found + rest[:count], rest[count + 2 :]
    return found


def main():
    settings = json.loads(sys.stdin.readline())
    out = Path(settings.pop("out"))
    load = Load(**settings)
    content = unnamed(load.size)
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.monotonic()
    asyncio.run(load.run(content))
    after = resource.getrusage(resource.RUSAGE_SELF)
    names = ("pages", "failed", "upload_seconds", "retried", "entries", "seen", "polls", "most_streams")
    told = {name: getattr(load, name) for name in names}
    told["seconds"] = time.monotonic() - began
    told["processor"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    out.write_text(json.dumps(told))


if __name__ == "__main__":
    main()

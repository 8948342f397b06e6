"""What is refused before it is read, what is kept of an upload, and who may have it."""

import io
import os
import re
import zipfile

import pytest

from tests.support import seed_data

MIB = 1 << 20


class Counted(io.RawIOBase):
    """A body of many bytes that says how many of them were read."""

    def __init__(self, start, size):
        self.start, self.size, self.place, self.taken = start, size, 0, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        self.place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.size}[whence]
        return self.place

    def readinto(self, buffer):
        count = min(len(buffer), self.size - self.place)
        part = self.start[self.place : self.place + count]
        buffer[:count] = part + b"x" * (count - len(part))
        self.place += count
        self.taken += count
        return count


def upload(client, path, headers=None, size=60 * MIB):
    """Send a form with a large file; the answer, and how much of it was read."""
    start = (
        b'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\nforged\r\n'
        b'--b\r\nContent-Disposition: form-data; name="bundle"; filename="x.zip"\r\n\r\n'
    )
    body = Counted(start, size)
    answer = client.post(
        path,
        headers=headers,
        input_stream=body,
        content_type="multipart/form-data; boundary=b",
        content_length=size,
    )
    return answer, body.taken


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/submit", {}, 401),
        ("/api/v1/submissions", {}, 401),
        ("/api/v1/submissions", {"Authorization": "Bearer mbc_guessed"}, 401),
        ("/sign-in", {}, 413),
        ("/sign-up", {}, 413),
        ("/account/password", {}, 413),
        ("/api/v1/tiles/submissions/1/wishes", {}, 413),
    ],
)
def test_nothing_is_read_of_a_request_that_is_refused(board, path, headers, status):
    answer, taken = upload(board.client, path, headers)
    assert answer.status_code == status
    assert taken == 0
    assert list((board.config.data / "uploads").iterdir()) == []


def test_a_form_from_another_site_is_refused_before_it_is_read(board, visitor):
    visitor.sign_up()
    answer, taken = upload(visitor.client, "/submit", {"Origin": "https://evil.example"})
    assert (answer.status_code, taken) == (400, 0)
    # From here it is read, and refused for its token.
    answer, taken = upload(visitor.client, "/submit", {"Origin": "http://localhost"}, size=2 * MIB)
    assert answer.status_code == 400
    assert taken > 0


@pytest.fixture
def visitor(board, browser):
    return browser(board.app)


def test_what_is_handed_out_was_packed_here(board):
    """An archive that is a page and a shell script as well, with a comment and more between its members."""
    inner = seed_data.bundle_bytes("two faces", license="MIT")
    shift = b"#!/bin/sh\necho owned; exit\n<script>alert(1)</script>\n"
    buffer = io.BytesIO(shift)
    with zipfile.ZipFile(io.BytesIO(inner)) as old, zipfile.ZipFile(buffer, "a") as new:
        for name in old.namelist():
            member = zipfile.ZipInfo(name, (2021, 1, 2, 3, 4, 6))
            member.extra, member.comment = b"\x99\x99\x04\x00evil", b"<script>"
            new.writestr(member, old.read(name))
        new.comment = b"<script>alert(2)</script>"
    sent = buffer.getvalue()
    made = board.post_bundle(sent)
    assert made.status_code == 201, made.text
    with board.get(f"/api/v1/submissions/{made.json['id']}/bundle") as answer:
        had = answer.data
    assert had.startswith(b"PK\x03\x04")
    for word in (b"script", b"owned", b"evil"):
        assert word in sent
        assert word not in had
    with zipfile.ZipFile(io.BytesIO(inner)) as old, zipfile.ZipFile(io.BytesIO(had)) as new:
        assert {n: new.read(n) for n in new.namelist()} == {n: old.read(n) for n in old.namelist()}


@pytest.mark.parametrize(("licence", "open_"), [("MIT", True), ("all rights reserved", False), ("", False)])
def test_a_page_shows_the_source_to_whom_the_bundle_is_given(board, licence, open_):
    extra = {"train.toml": "steps = 12345\n"}
    number = board.submit("one", license=licence, extra=extra).json["id"]
    page = board.get(f"/submissions/{number}").text
    assert ("Linear" in re.sub(r"<[^>]+>", "", page)) == open_
    assert ("12345" in page) == open_
    assert ("does not let" in page or "names no licence" in page) != open_
    with board.get(f"/api/v1/submissions/{number}/bundle") as answer:
        assert (answer.status_code == 200) == open_


def test_an_owner_sees_the_source_whatever_the_licence(board, visitor):
    visitor.sign_up()
    bundle = io.BytesIO(seed_data.bundle_bytes("hers", license="mine alone"))
    assert visitor.fill("/submit", "/submit", bundle=(bundle, "x.zip")).location == "/submissions/1"
    assert "Linear" in re.sub(r"<[^>]+>", "", visitor.get("/submissions/1").text)
    assert "Linear" not in re.sub(r"<[^>]+>", "", board.get("/submissions/1").text)


class TestSessions:
    def test_a_cookie_is_worth_nothing_after_signing_out(self, board, visitor, browser):
        visitor.sign_up()
        thief = browser(board.app)
        kept = visitor.client.get_cookie("mbc").value
        thief.client.set_cookie("mbc", kept)
        assert thief.name == "grace"
        visitor.fill("/account", "/sign-out")
        assert thief.name is None
        visitor.sign_in()
        thief.client.set_cookie("mbc", kept)
        assert (visitor.name, thief.name) == ("grace", None)

    def test_guesses_from_elsewhere_do_not_lock_the_owner_out(self, board, browser):
        from tests.leaderboard.conftest import PASSWORD

        owner = browser(board.app)
        owner.sign_up()
        owner.fill("/account", "/sign-out")
        codes = []
        for address in range(30):
            guesser = browser(board.app)
            guesser.client.environ_base["REMOTE_ADDR"] = f"198.51.100.{address}"
            codes += [guesser.sign_in("grace", "a wrong password").status_code for _ in range(5)]
        assert codes == [401] * 150
        assert owner.sign_in("grace", PASSWORD).status_code == 303

    def test_one_address_has_few_guesses_at_a_name(self, served, browser):
        app = served(sign_in_rate="1000 per hour")
        guesser = browser(app)
        codes = [guesser.sign_in("ada", "a wrong password").status_code for _ in range(22)]
        assert codes == [401] * 20 + [429] * 2
        assert guesser.sign_in("eve", "a wrong password").status_code == 401


def test_a_bundle_whose_three_attempts_end_in_the_judge_is_not_tried_again(board):
    number, after = board.submit("crasher").json["evaluation_id"], []
    for attempt in range(1, 4):
        lease, claim = board.claim(number)
        assert claim["attempt"] == attempt
        after.append(board.tell(number, "failure", lease, json={"reason": "internal"}).json["status"])
    assert after == ["queued", "queued", "failed"]
    answer = board.submit("crasher")
    assert (answer.status_code, answer.json["evaluation_id"]) == (200, number)
    assert (answer.json["fault"], answer.json["reason"]) == ("platform", "internal")
    assert "an administrator can start it again" in answer.json["sentence"]
    assert board.claim_next() is None

"""Bundles that crash the judge, and archives that are something else as well."""

import io
import zipfile

from leaderboard.services import submissions
from tests.support import seed_data


def test_a_bundle_whose_three_attempts_end_in_the_judge_is_not_tried_again(board):
    first = board.submit("crasher")
    number, again = first.json["evaluation_id"], []
    for attempt in range(1, 4):
        lease, claim = board.claim(number)
        assert claim["attempt"] == attempt
        again.append(board.tell(number, "failure", lease, json={"reason": "internal"}).json["status"])
    assert again == ["queued", "queued", "failed"]
    answer = board.submit("crasher")
    assert (answer.status_code, answer.json["evaluation_id"]) == (200, number)
    assert (answer.json["fault"], answer.json["reason"]) == ("platform", "internal")
    assert "an administrator has to look" in answer.json["sentence"]
    assert board.claim_next() is None


def test_what_is_stored_and_handed_out_is_an_archive_of_our_own_making(board):
    page = b"<html><script>alert(1)</script></html>\n"
    plain = seed_data.bundle_bytes("polyglot")
    moved = io.BytesIO(page)
    moved.seek(0, io.SEEK_END)
    with zipfile.ZipFile(io.BytesIO(plain)) as source, zipfile.ZipFile(moved, "a") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.comment = page
    uploaded = moved.getvalue()
    assert uploaded.startswith(page)
    number = board.post_bundle(uploaded, board.user, "open").json["id"]
    with board.parts.readers() as session:
        stored = submissions.path_of(board.config, submissions.get(session, number).digest).read_bytes()
    with board.get(f"/api/v1/submissions/{number}/bundle", headers=board.user) as answer:
        assert answer.data == stored
    assert page not in stored
    assert stored.startswith(b"PK")
    with zipfile.ZipFile(io.BytesIO(stored)) as ours, zipfile.ZipFile(io.BytesIO(plain)) as theirs:
        assert ours.comment == b""
        assert {n: ours.read(n) for n in ours.namelist()} == {n: theirs.read(n) for n in theirs.namelist()}

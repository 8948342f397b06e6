"""Both tracks: the queue's order, the samples board, the badge, and what stays secret."""

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from challenge.scoring.tracks import Track
from leaderboard.db import now
from leaderboard.models import Evaluation, HandIn
from leaderboard.services import decisions, evaluations, people, queue_order, seasons, submissions
from tests.support import seed_board, seed_data


class Wire:
    """A queue that remembers."""

    def __init__(self):
        self.sent = []

    def send(self, evaluation_id):
        self.sent.append(evaluation_id)
        return True


@pytest.fixture
def watched(board):
    """watched(name, octaves) is the number of a submission that is judged on the samples track."""

    def make(name, octaves=6.0, seed=0, track="samples", headers=None, **changes):
        made = board.submit(name, track=track, values=20 + seed, headers=headers).json
        finish(board, numbers(made)["samples"], octaves, seed, **changes)
        return made["id"]

    return make


def numbers(status):
    return {one["track"]: one["evaluation_id"] for one in status["evaluations"]}


def finish(board, evaluation, octaves=6.0, seed=0, **changes):
    lease, _ = board.claim(evaluation)
    report = seed_data.samples_report(board.season(), octaves, seed, **changes)
    answer = board.tell(evaluation, "report", lease, json=report)
    assert answer.status_code == 200, answer.text
    return lease


def state(board, number, track=None):
    query = f"?track={track}" if track else ""
    return board.get(f"/api/v1/submissions/{number}{query}").json


class TestTheQueue:
    def test_open_ones_go_first_then_people_then_references(self, board):
        reference = board.submit("reference", track="both", headers=board.reference, values=2).json
        mine = board.submit("mine", track="both", values=3).json
        quick = board.submit("quick", track="open", values=4).json
        order = [
            numbers(mine)["open"],
            numbers(quick)["open"],
            numbers(reference)["open"],
            numbers(mine)["samples"],
            numbers(reference)["samples"],
        ]
        with board.parts.readers() as session:
            places = queue_order.positions(session)
        assert sorted(places, key=places.get) == order
        assert [one["queue_position"] for one in state(board, mine["id"])["evaluations"]] == [1, 4]

    def test_workers_get_the_evaluation_whose_turn_it_is(self, board):
        mine = board.submit("mine", track="both").json
        theirs = board.submit("theirs", headers=board.stranger, track="open", values=4).json
        order = [numbers(mine)["open"], numbers(theirs)["open"], numbers(mine)["samples"]]
        assert [board.claim_next()["evaluation_id"] for _ in order] == order
        assert board.claim_next() is None

    def test_one_person_does_not_hold_up_the_others(self, board):
        first = [board.submit(f"no {k}", values=5 + k).json["evaluation_id"] for k in range(5)]
        other = board.submit("other", headers=board.stranger, values=20).json["evaluation_id"]
        assert board.get("/api/v1/submissions/6").json["queue_position"] == 2
        assert [board.claim_next()["evaluation_id"] for _ in range(6)] == [first[0], other, *first[1:]]

    def test_the_samples_track_does_not_starve(self, board, monkeypatch):
        watched = board.submit("watched", track="samples").json["evaluation_id"]
        for k in range(6):
            moment = now() + timedelta(minutes=20 * (k + 1))
            monkeypatch.setattr(queue_order, "now", lambda moment=moment: moment)
            board.submit(f"open {k}", headers=board.stranger, values=5 + k)
        with board.writing() as session:
            # Their first stages go before everything else and take seconds; this is about the rest of them.
            session.execute(
                update(Evaluation).where(Evaluation.track == "open").values(octaves=1.0, urgency=2)
            )
        claimed = [board.claim_next()["evaluation_id"] for _ in range(7)]
        assert claimed.index(watched) == 2

    def test_hidden_entries_are_not_judged(self, board):
        made = board.submit("insult").json
        with board.writing() as session:
            submissions.hide(session, submissions.get(session, made["id"]), hidden=True)
        assert board.claim_next() is None
        with board.writing() as session:
            submissions.hide(session, submissions.get(session, made["id"]), hidden=False)
        assert board.claim_next()["evaluation_id"] == made["evaluation_id"]

    def test_a_claim_says_what_is_given(self, board):
        mine = board.submit("mine", track="samples").json
        assert mine["track"] == "samples"
        _, claim = board.claim(mine["evaluation_id"])
        season = board.season()
        assert claim["track"] == "samples"
        assert claim["lesson"] == {"samples": season.samples, "seconds": season.budgets}
        # Half the chains and points of the open track: 16 and 8 in these tests.
        assert claim["season"]["size"] == {"chains": 8, "octaves": 32, "points": 4}
        assert board.get("/api/v1/seasons").json["seasons"][0]["samples"]["seconds"] == season.budgets

    def test_progress_of_either_track_is_told_apart(self, board):
        mine = board.submit("mine", track="both").json
        board.claim(numbers(mine)["open"])
        lease, _ = board.claim(numbers(mine)["samples"])
        said = {"status": "refitting", "progress": 0.4, "message": "target 2 of 3: 41 of 132 s"}
        assert board.tell(numbers(mine)["samples"], "status", lease, json=said).status_code == 200
        assert state(board, mine["id"])["status"] == "validating"
        assert state(board, mine["id"], "samples")["message"] == said["message"]
        page = board.get(f"/submissions/{mine['id']}").text
        assert said["message"] in page
        # One stream a page: that of the track that ends first.
        assert page.count("data-events=") == 1
        assert f'data-events="/api/v1/submissions/{mine["id"]}/events?track=open"' in page

    def test_our_own_fault_is_tried_again_on_either_track(self, board):
        mine = board.submit("mine", track="samples").json
        for _ in range(board.config.attempts):
            lease, _ = board.claim(mine["evaluation_id"])
            board.tell(mine["evaluation_id"], "failure", lease, json={"reason": "disk_full"})
        assert state(board, mine["id"])["fault"] == "platform"
        assert board.submit("mine", track="samples").status_code == 201


class TestHandingIn:
    def test_both_is_what_nobody_has_to_ask_for(self, board):
        data = {"bundle": (io.BytesIO(seed_data.bundle_bytes("mine")), "bundle.zip")}
        made = board.client.post("/api/v1/submissions", data=data, headers=board.user).json
        assert list(numbers(made)) == ["open", "samples"]

    def test_the_same_bundle_is_judged_once_on_each_track(self, board):
        first = board.submit("mine", track="open")
        second = board.submit("mine", track="both")
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json["id"] == second.json["id"]
        assert board.submit("mine", track="both").status_code == 200
        assert list(numbers(second.json)) == ["open", "samples"]

    def test_a_track_that_is_none(self, board):
        board.submit("mine")
        answer = board.submit("another", track="race")
        assert (answer.status_code, answer.json["code"]) == (422, "track_unknown")
        for path in ("/api/v1/submissions/1?track=race", "/api/v1/board?track=race", "/?track=race"):
            assert board.get(path).status_code == 422

    def test_without_weights_on_the_samples_track_alone(self, board):
        import zipfile

        content = io.BytesIO(seed_data.bundle_bytes("bare"))
        bare = io.BytesIO()
        with zipfile.ZipFile(content) as old, zipfile.ZipFile(bare, "w") as new:
            for name in set(old.namelist()) - {"weights.safetensors"}:
                new.writestr(name, old.read(name))
        assert board.post_bundle(bare.getvalue(), track="both").json["code"] == "file_missing"
        assert board.post_bundle(bare.getvalue(), track="samples").status_code == 201

    def test_both_tracks_are_one_hand_in(self, board):
        def quota():
            return board.get("/api/v1/limits", headers=board.user).json["quota"]

        made = board.submit("mine", track="both").json
        assert (quota()["used_today"], quota()["waiting"]) == (1, 1)
        board.client.post(f"/api/v1/submissions/{made['id']}/cancel?track=open", headers=board.user)
        assert quota()["waiting"] == 1
        board.client.post(f"/api/v1/submissions/{made['id']}/cancel?track=samples", headers=board.user)
        assert (quota()["used_today"], quota()["waiting"]) == (1, 0)
        with board.writing() as session:
            assert session.query(HandIn).count() == 2
            people.delete_submission(session, board.config, "user ada", submissions.get(session, made["id"]))
        assert quota()["used_today"] == 1

    def test_a_person_cancels_one_track_or_both(self, board):
        made = board.submit("mine", track="both").json
        path = f"/api/v1/submissions/{made['id']}/cancel"
        assert board.client.post(f"{path}?track=samples", headers=board.user).json["status"] == "cancelled"
        assert state(board, made["id"])["status"] == "queued"
        again = board.submit("mine", track="both").json
        assert board.client.post(path, headers=board.user).status_code == 200
        assert {one["status"] for one in state(board, again["id"])["evaluations"]} == {"cancelled"}
        assert board.client.post(path, headers=board.stranger).status_code == 403

    def test_the_form_asks(self, browser, served, board):
        app = served()
        visitor = browser(app)
        visitor.sign_up()
        bundle = (io.BytesIO(seed_data.bundle_bytes("mine")), "bundle.zip")
        page = visitor.get("/submit").text
        assert 'name="track" value="both" checked' in page
        answer = visitor.fill("/submit", "/submit", bundle=bundle, track="samples")
        assert answer.status_code == 303
        assert visitor.get(f"/api/v1{answer.headers['Location']}").json["track"] == "samples"


class TestTheBoards:
    def test_each_track_ranks_its_own(self, board, watched):
        watched("a", 5.0, 1)
        watched("b", 7.0, 2)
        board.judged("c", 9.0, 3)
        open_, samples = (board.get(f"/api/v1/board?entries=all&track={track}").json for track in Track)
        assert [e["name"] for e in open_["entries"]] == ["c"]
        assert [(e["name"], e["rank"]) for e in samples["entries"]] == [("b", [1, 1]), ("a", [2, 2])]
        assert (samples["track"], samples["machine"], open_["machine"]) == ("samples", "cpu", None)

    def test_ties_go_by_paired_differences(self, board, watched):
        watched("a", 6.0, 1)
        watched("b", 6.0, 1)
        ranks = [e["rank"] for e in board.get("/api/v1/board?entries=all&track=samples").json["entries"]]
        assert ranks == [[1, 2], [1, 2]]

    def test_classes_of_machines_never_share_a_ranking(self, board, watched):
        watched("slow", 5.0, 1)
        watched("quick", 9.0, 2, machine="gpu")
        for machine, name in (("cpu", "slow"), ("gpu", "quick")):
            found = board.get(f"/api/v1/board?track=samples&machine={machine}").json["entries"]
            assert [(e["name"], e["rank"], e["machine"]) for e in found] == [(name, [1, 1], machine)]

    def test_a_verified_learner_shows_both_figures(self, board):
        made = board.submit("mine", track="both").json
        lease, _ = board.claim(numbers(made)["open"])
        board.tell(numbers(made)["open"], "report", lease, json=board.report(8.0, 1))
        board.judged("other", 9.0, 2, headers=board.stranger)
        assert board.get("/?verified=yes").text.count("verified learner <b>") == 0
        finish(board, numbers(made)["samples"], 5.0)
        status = state(board, made["id"])
        open_, samples = (one["octaves"] for one in status["evaluations"])
        entry = board.get("/api/v1/board?verified=yes").json["entries"]
        assert [(e["name"], e["verified"], e["open_octaves"], e["samples_octaves"]) for e in entry] == [
            ("mine", True, open_, samples)
        ]
        assert {e["name"]: e["verified"] for e in board.get("/api/v1/board").json["entries"]} == {
            "mine": True,
            "other": False,
        }
        for path in ("/", f"/submissions/{made['id']}"):
            assert f"verified learner <b>{samples:.2f}</b>" in board.get(path).text
        assert f"open <b>{open_:.2f}</b>" in board.get("/?track=samples").text
        # Not for what did not rank there.
        with board.writing() as session:
            evaluation = session.get(Evaluation, numbers(made)["samples"])
            decisions.disqualify(session, evaluation, "It looked.")
        assert "verified learner <b>" not in board.get("/").text

    def test_the_record_belongs_to_the_samples_track(self, board, watched):
        board.judged("claimed", 20.0, 1)
        assert "No record yet" in board.get("/").text
        number = watched("learned", 5.0, 2)
        page = board.get("/").text
        record = page[page.index("<h2>Record</h2>") :]
        record = record[: record.index("</figure>")]
        assert f'href="/submissions/{number}"' in record
        assert "claimed" not in record

    def test_as_a_table_and_by_its_other_address(self, board, watched):
        watched("learned", 5.0, 2)
        rows = list(csv.DictReader(io.StringIO(board.get("/board.csv?track=samples").text)))
        assert [(r["name"], r["track"], r["machine"]) for r in rows] == [("learned", "samples", "cpu")]
        assert list(csv.DictReader(io.StringIO(board.get("/board.csv").text))) == []
        moved = board.get("/board?track=samples")
        assert (moved.status_code, moved.headers["Location"]) == (301, "/?track=samples")

    def test_filters_stay_in_the_address(self, board, watched):
        watched("learned", 5.0, 2)
        page = board.get("/?track=samples&class=feather&sort=depth").text
        assert 'href="/?weight=' not in page
        links = re.findall(r'href="(/\?[^"#]*)', page)
        assert any("track=samples" in link and "machine=gpu" in link for link in links)
        assert all(board.get(link.replace("&amp;", "&")).status_code == 200 for link in set(links))

    def test_two_are_compared_on_the_track_that_is_asked_for(self, board, watched):
        a, b = watched("a", 5.0, 1), watched("b", 7.0, 2)
        c = watched("c", 8.0, 3, machine="gpu")
        assert "octaves ahead" in board.get(f"/compare?a={a}&b={b}&track=samples").text
        assert board.get(f"/compare?a={a}&b={b}").status_code == 404
        assert board.get(f"/compare?a={a}&b={c}&track=samples").status_code == 409

    def test_set_aside_on_both_tracks(self, board, watched):
        made = board.submit("mine", track="both").json
        lease, _ = board.claim(numbers(made)["open"])
        board.tell(numbers(made)["open"], "report", lease, json=board.report(8.0, 1))
        with board.writing() as session:
            found = list(submissions.latest_by_track(session, submissions.get(session, made["id"])).values())
            decisions.disqualify_all(session, found, "Planted.")
        stands = {one["track"]: one["status"] for one in state(board, made["id"])["evaluations"]}
        assert stands == {"open": "disqualified", "samples": "cancelled"}

    def test_one_that_failed_says_why_on_its_page(self, board):
        made = board.submit("mine", track="samples").json
        lease, _ = board.claim(made["evaluation_id"])
        detail = "(On target 1 of the samples track, and no checkpoint was left.)"
        told = {"reason": "time_exceeded", "detail": detail}
        board.tell(made["evaluation_id"], "failure", lease, json=told)
        assert detail in board.get(f"/submissions/{made['id']}").text
        # The board has one sentence of it.
        unranked = board.get("/?track=samples").text
        assert "Not ranked" in unranked
        assert detail not in unranked
        assert detail not in board.get("/").text


class TestReports:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"budget_seconds": 7.0}, "samples and seconds"),
            ({"samples": 17}, "samples and seconds"),
            (
                {"calibration": {"machine": "tpu", "seconds": 1, "reference": 1, "factor": 1}},
                "class of machine",
            ),
            ({"season": "another"}, "belongs to season"),
            ({"track": "open"}, "not a report of the track"),
            ({"octaves": 31.0}, "octaves"),
        ],
    )
    def test_what_cannot_be_compared_is_not_taken(self, board, change, said):
        made = board.submit("mine", track="samples").json
        lease, _ = board.claim(made["evaluation_id"])
        report = seed_data.samples_report(board.season(), 5.0) | change
        answer = board.tell(made["evaluation_id"], "report", lease, json=report)
        assert (answer.status_code, answer.json["code"]) == (422, "report_invalid")
        assert said in answer.json["detail"]

    def test_targets_have_to_make_the_mean(self, board):
        made = board.submit("mine", track="samples").json
        lease, _ = board.claim(made["evaluation_id"])
        report = seed_data.samples_report(board.season(), 5.0)
        report["targets"] = report["targets"][:2]
        answer = board.tell(made["evaluation_id"], "report", lease, json=report)
        assert "mean over the targets" in answer.json["detail"]

    @pytest.mark.parametrize("told", [{"name": "Tricorn"}, {"losses": [[1.0, 0.25]]}])
    def test_what_the_season_keeps_secret_does_not_come_in(self, board, told):
        made = board.submit("mine", track="samples").json
        lease, _ = board.claim(made["evaluation_id"])
        report = seed_data.samples_report(board.season(), 5.0)
        report["targets"][1] |= told
        answer = board.tell(made["evaluation_id"], "report", lease, json=report)
        assert "still keeps secret" in answer.json["detail"]

    def test_a_report_of_either_track_is_had_by_name(self, board):
        made = board.submit("mine", track="both").json
        lease, _ = board.claim(numbers(made)["open"])
        board.tell(numbers(made)["open"], "report", lease, json=board.report(8.0, 1))
        finish(board, numbers(made)["samples"], 5.0)
        path = f"/api/v1/submissions/{made['id']}/report"
        assert "track" not in board.get(path).json
        assert board.get(f"{path}?track=samples").json["track"] == "samples"


class TestSecrecy:
    """Nothing that shows a hidden target is served before its season has ended."""

    @pytest.fixture
    def painted(self, board):
        """A judged submission with its pictures and losses, as a worker posts them."""
        made = board.submit("mine", track="samples").json
        lease, _ = board.claim(made["evaluation_id"])
        with board.writing() as session:
            evaluation = session.get(Evaluation, made["evaluation_id"])
            seed_board.save_training_pictures(session, board.config, evaluation)
        path = f"/api/v1/worker/evaluations/{made['evaluation_id']}"
        folder = board.config.data / "artifacts" / str(made["evaluation_id"])
        pictures = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.png"))
        for name in pictures:
            content = (folder / name).read_bytes()
            answer = board.client.put(f"{path}/artifacts/{name}", data=content, headers=lease)
            assert answer.status_code == 200, answer.text
        report = seed_data.samples_report(board.season(), 5.0)
        board.tell(made["evaluation_id"], "report", lease, json=report)
        return made["id"], made["evaluation_id"], pictures

    def test_before_and_after_the_season_has_ended(self, board, painted):
        number, evaluation, pictures = painted
        assert len(pictures) == 21
        addresses = [f"/evaluations/{evaluation}/{name}" for name in pictures]
        page, season = f"/submissions/{number}", board.season().name
        assert {board.get(a).status_code for a in addresses} == {404}
        # Nor for its owner.
        assert {board.get(a, headers=board.user).status_code for a in addresses} == {404}
        before = board.get(page).text
        for word in ("/samples/", "Multibrot", "log₁₀ of its loss"):
            assert word not in before
        assert "are secret while the season lasts" in before
        found = board.get(f"/api/v1/submissions/{number}/report?track=samples").json
        assert ["losses" in one for one in found["targets"]] == [False] * 3
        assert board.get(f"/evaluations/{evaluation}/skills.json").json["skills"] == {}

        with board.writing() as session:
            seasons.close_season(session, season)
        for address in addresses:
            with board.get(address) as answer:
                assert (answer.status_code, answer.mimetype) == (200, "image/png")
        after = board.get(page).text
        assert f"/evaluations/{evaluation}/samples/1/film-00.png" in after
        assert "Multibrot set of degree 3" in after
        assert "log₁₀ of its loss" in after
        assert "stay secret" not in after

    @pytest.mark.parametrize(
        "name", ["samples/0/truth", "samples/1/film-1", "samples/1/model", "samples/10/error"]
    )
    def test_only_pictures_of_targets_come_in(self, board, name):
        made = board.submit("mine", track="samples").json
        lease, _ = board.claim(made["evaluation_id"])
        path = f"/api/v1/worker/evaluations/{made['evaluation_id']}/artifacts/{name}.png"
        assert board.client.put(path, data=b"", headers=lease).status_code == 422


def test_the_old_result_stands_while_it_is_judged_again(board, watched):
    number = watched("again", 6.0, 1)
    with board.writing() as session:
        submission = submissions.get(session, number)
        again = evaluations.queue_evaluation(
            session, submission, seasons.current_season(session), Track.SAMPLES
        ).id
    assert board.get("/api/v1/board?track=samples").json["entries"][0]["octaves"] > 5
    finish(board, again, 3.0, 2)
    assert board.get("/api/v1/board?track=samples").json["entries"][0]["octaves"] < 4


def test_the_number_of_queries_does_not_grow_with_the_rows(board, watched):
    from sqlalchemy import event

    statements = []
    engine = board.parts.readers.kw["bind"]

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    counts = []
    for index in range(3):
        watched(f"entry {index}", 8 - index, index, headers=board.stranger)
        board.submit(f"waiting {index}", track="samples", values=100 + index)
        statements.clear()
        assert board.get("/?track=samples").status_code == 200
        counts.append(len(statements))
        with board.writing() as session:
            for row in session.query(Evaluation).filter(Evaluation.finished_at.is_(None)):
                row.ready_at = now() + timedelta(days=1)
    event.remove(engine, "before_cursor_execute", note)
    assert counts == [counts[0]] * 3

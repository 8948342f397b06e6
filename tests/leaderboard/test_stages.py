"""Stages of an evaluation: provisional entries, what is never done again, certificates, and the order."""

import pytest
from PIL import Image
from sqlalchemy import select

from challenge.imaging.pictures import png_bytes
from challenge.results.report import ControlResult, ProbeResult, Universality
from challenge.results.samples_report import Calibration, TargetResult
from challenge.results.stages import Certificate, IntegrityFindings, Stage, TargetFindings
from challenge.util.validation import read_values
from leaderboard.cli.moderation import rejudge
from leaderboard.models import Artifact, Evaluation, StageRow
from leaderboard.services import queue_order
from tests.support.seed_data import samples_report

DIGEST = "d" * 64
CONTROL = ControlResult("wave", "curve", 1, 1, "regression", 0.9, (0.9,), 0.8, 0.4, True)
CERTIFICATE = Certificate(
    Universality(True, 0.95, (CONTROL,)), (ProbeResult("twin", 0.0, 0.1, True, False, "Alike."),), (), ()
)
PNG = png_bytes(Image.new("RGB", (8, 8)))
INTEGRITY = IntegrityFindings((ProbeResult("same machine", 0.0, 0.0, True, False, "It fits."),), ())


def octaves_of(board, octaves=8.0, seed=0):
    report = board.report(octaves, seed)
    return report | {"verdict": "unjudged", "universality": None, "integrity": None, "sentence": ""}


def finish(board, evaluation, lease, stage, found, **more):
    return board.tell(evaluation, f"stages/{stage}", lease, json={"found": found, **more})


def entries(board):
    return board.get("/api/v1/board").json["entries"]


def ended(board, evaluation, lease, octaves=8.0, **changes):
    done = board.tell(evaluation, "report", lease, json=board.report(octaves, **changes))
    assert done.status_code == 200, done.text
    return done.json


def test_an_entry_is_provisional_from_its_first_stage_to_its_verdict(board):
    first = board.judged("firm", 8.0)
    answer = board.submit("new", values=7, headers=board.stranger).json
    evaluation = answer["evaluation_id"]
    lease, claim = board.claim(evaluation)
    assert claim["stages"] == {}
    taken = finish(board, evaluation, lease, "octaves", octaves_of(board, 10.0))
    assert taken.status_code == 200, taken.text
    assert taken.json["go_on"] is True
    status = board.get(f"/api/v1/submissions/{answer['id']}").json
    assert (status["provisional"], status["final"], status["stages"]) == (True, False, ["octaves"])
    assert status["octaves"] == pytest.approx(10.0, abs=0.5)
    assert status["interval"][0] < status["octaves"] < status["interval"][1]
    new, firm = entries(board)
    assert (new["submission_id"], new["provisional"], new["rank"]) == (answer["id"], True, [1, 1])
    # It takes nobody's place, and holds no record.
    assert (firm["submission_id"], firm["provisional"], firm["rank"]) == (first, False, [1, 1])
    page = board.get("/").text
    assert '<tr class="provisional">' in page
    assert "provisional" in board.get(f"/submissions/{answer['id']}").text
    finish(board, evaluation, lease, "certificate", CERTIFICATE.to_dict(), digest=DIGEST)
    finish(board, evaluation, lease, "integrity", INTEGRITY.to_dict())
    assert board.get(f"/api/v1/submissions/{answer['id']}").json["stages"] == [
        "octaves", "certificate", "integrity",
    ]  # fmt: skip
    assert ended(board, evaluation, lease, 10.0)["status"] == "scored"
    new, firm = entries(board)
    assert (new["provisional"], new["rank"], firm["rank"]) == (False, [1, 1], [2, 2])
    assert '<tr class="provisional">' not in board.get("/").text


def test_a_rejection_or_a_failure_takes_it_off_and_its_figures_with_a_failure(board):
    answer = board.submit("bad").json
    lease, _ = board.claim(answer["evaluation_id"])
    finish(board, answer["evaluation_id"], lease, "octaves", octaves_of(board))
    assert len(entries(board)) == 1
    failure = {"reason": "fit_failed"}
    assert board.tell(answer["evaluation_id"], "failure", lease, json=failure).json["status"] == "failed"
    assert entries(board) == []
    status = board.get(f"/api/v1/submissions/{answer['id']}").json
    assert (status["octaves"], status["provisional"], status["stages"]) == (None, False, [])
    assert board.get(f"/api/v1/submissions/{answer['id']}/report").status_code == 404
    assert board.get(f"/submissions/{answer['id']}").status_code == 200


def test_a_stage_that_was_posted_is_not_done_again_when_a_worker_dies(board):
    evaluation = board.submit("one").json["evaluation_id"]
    lease, _ = board.claim(evaluation)
    report = octaves_of(board)
    assert finish(board, evaluation, lease, "octaves", report).status_code == 200
    # The same again changes nothing, as where an answer was lost on its way.
    assert finish(board, evaluation, lease, "octaves", octaves_of(board, 3.0)).json["go_on"] is True
    assert finish(board, evaluation, lease, "certificate", CERTIFICATE.to_dict()).status_code == 200
    board.tell(evaluation, "failure", lease, json={"reason": "internal"})
    with board.writing() as session:
        session.get(Evaluation, evaluation).ready_at = None
    claim = board.claim_next()
    assert claim["evaluation_id"] == evaluation
    assert claim["stages"].keys() == {"octaves", "certificate"}
    assert claim["stages"]["octaves"]["octaves"] == report["octaves"]
    assert Certificate.from_dict(claim["stages"]["certificate"]) == CERTIFICATE
    lease = board.worker | {"X-MBC-Lease": claim["lease"]}
    # The report's skills have to be those that people saw.
    other = board.tell(evaluation, "report", lease, json=board.report(9.0, 3))
    assert (other.status_code, other.json["code"]) == (422, "report_invalid")
    assert ended(board, evaluation, lease)["status"] == "scored"


@pytest.mark.parametrize(
    ("stage", "found", "status"),
    [
        ("octaves", {}, 422),
        ("certificate", {"passed": True}, 422),
        ("integrity", None, 422),
        ("pictures", {}, 422),
        ("dessert", {}, 404),
    ],
)
def test_what_is_no_finding_is_refused(board, stage, found, status):
    evaluation = board.submit("one").json["evaluation_id"]
    lease, _ = board.claim(evaluation)
    assert finish(board, evaluation, lease, stage, found).status_code == status
    assert finish(board, evaluation, board.worker, stage, found).status_code in {404, 409}
    judged = board.report()
    assert finish(board, evaluation, lease, "octaves", judged).status_code == 422, "it has a verdict"
    assert entries(board) == []


def test_first_stages_go_before_later_ones_and_the_worker_goes_back_to_the_queue(board):
    early = board.submit("early").json["evaluation_id"]
    claim = board.claim_next()
    assert claim["evaluation_id"] == early
    late = board.submit("late", headers=board.stranger).json["evaluation_id"]
    lease = board.worker | {"X-MBC-Lease": claim["lease"]}
    assert finish(board, early, lease, "octaves", octaves_of(board)).json["go_on"] is False
    # Its lease has ended, and nothing of it counts as an attempt.
    assert board.tell(early, "status", lease, json={"status": "probing"}).status_code == 409
    status = board.get(f"/api/v1/submissions/{board_id(board, early)}").json
    assert (status["status"], status["attempt"], status["queue_position"]) == ("queued", 0, 2)
    claim = board.claim_next()
    assert claim["evaluation_id"] == late
    lease = board.worker | {"X-MBC-Lease": claim["lease"]}
    assert finish(board, late, lease, "octaves", octaves_of(board)).json["go_on"] is True
    assert len(entries(board)) == 2
    assert board.claim_next()["evaluation_id"] == early


def board_id(board, evaluation):
    with board.parts.readers() as session:
        return session.get(Evaluation, evaluation).submission_id


def test_the_order_of_the_queue(board):
    """Everything that waits, in the order in which it is judged."""
    wanted = [
        ("eve", "open", False),
        # Something else of hers waits, so her turn is later.
        ("ada", "open", False),
        ("ada", "open, second", False),
        ("reference", "open", False),
        ("ada", "open", True),
        ("eve", "samples", False),
        ("reference", "open", True),
        ("reference", "samples", False),
    ]
    headers = {"ada": board.user, "eve": board.stranger, "reference": board.reference}
    # Handed in in the worst order: what is urgent last.
    ids = {}
    for index in (7, 6, 5, 4, 3, 2, 1, 0):
        who, what, measured = wanted[index]
        if (who, what) == ("ada", "open, second"):
            continue
        answer = board.submit(
            f"{who} {index}", headers=headers[who], values=index, track=what.split(",")[0]
        ).json
        ids[index] = answer["evaluation_id"]
        if measured:
            lease, _ = board.claim(answer["evaluation_id"])
            finish(board, answer["evaluation_id"], lease, "octaves", octaves_of(board))
            board.tell(answer["evaluation_id"], "failure", lease, json={"reason": "internal"})
    ids[2] = board.submit("ada again", headers=board.user, values=90).json["evaluation_id"]
    with board.writing() as session:
        for row in session.scalars(select(Evaluation)):
            row.ready_at = None
    with board.parts.readers() as session:
        order = list(session.scalars(queue_order.in_turn(select(Evaluation.id)).where(queue_order.queued())))
        assert order == [ids[index] for index in range(8)]
        assert queue_order.positions(session) == {number: place for place, number in enumerate(order, 1)}
        for place, number in enumerate(order, 1):
            assert board.parts.queue_view.place(session, session.get(Evaluation, number)).position == place
    assert [board.claim_next()["evaluation_id"] for _ in order] == order


def test_a_certificate_is_found_by_its_digest_until_it_is_withdrawn(board, config):
    path = f"/api/v1/worker/certificates/{DIGEST}"
    assert board.get(path, headers=board.worker).status_code == 404
    answer = board.submit("one").json
    lease, _ = board.claim(answer["evaluation_id"])
    finish(board, answer["evaluation_id"], lease, "octaves", octaves_of(board))
    finish(board, answer["evaluation_id"], lease, "certificate", CERTIFICATE.to_dict(), digest=DIGEST)
    finish(board, answer["evaluation_id"], lease, "integrity", INTEGRITY.to_dict())
    ended(board, answer["evaluation_id"], lease)
    found = board.get(path, headers=board.worker)
    assert Certificate.from_dict(found.json).evaluation_id == answer["evaluation_id"]
    assert board.get(path, headers=board.user).status_code == 403
    # What the report holds as well is not kept twice.
    with board.parts.readers() as session:
        assert list(session.scalars(select(StageRow.stage))) == [Stage.CERTIFICATE]
    # Another entry with the same code was judged by it, and is judged anew in full.
    other = board.submit("two", headers=board.stranger, values=5).json
    lease, _ = board.claim(other["evaluation_id"])
    ended(board, other["evaluation_id"], lease, certificate_from=answer["evaluation_id"])
    rejudge.callback.__wrapped__(config, other["id"], None, "open", True, False)
    assert board.get(path, headers=board.worker).status_code == 404
    log = board.get(f"/api/v1/submissions/{other['id']}").json
    assert log["status"] == "queued"


def target_found(board, octaves=5.0, index=0):
    whole = samples_report(board.season(), octaves)
    result = read_values(TargetResult, whole["targets"][index])
    machine = Calibration(**whole["calibration"])
    return TargetFindings(result, None, 1000, 1e5, "cpu", machine, took=130.0).to_dict()


def test_a_samples_evaluation_gives_way_between_targets_and_goes_on(board):
    number = board.submit("slow", track="samples").json["evaluation_id"]
    claim = board.claim_next()
    assert claim["evaluation_id"] == number
    lease = board.worker | {"X-MBC-Lease": claim["lease"]}
    picture = {"data": PNG, "content_type": "image/png"}
    put = board.client.put
    for index in (1, 2):
        path = f"/api/v1/worker/evaluations/{number}/artifacts/samples/{index}/film-00.png"
        assert put(path, headers=lease, **picture).status_code == 200
    assert finish(board, number, lease, "target-1", target_found(board)).json["go_on"] is True
    assert finish(board, number, lease, "octaves", octaves_of(board)).status_code == 422
    # Somebody waits for first figures, and somebody else's later stages have an earlier turn.
    quick = board.submit("quick", headers=board.stranger, values=9).json["evaluation_id"]
    assert finish(board, number, lease, "target-2", target_found(board, index=1)).json["go_on"] is False
    state = board.get(f"/api/v1/submissions/{board_id(board, number)}").json
    assert (state["status"], state["attempt"]) == ("queued", 0)
    assert state["stages"] == ["target-1", "target-2"]
    assert state["message"] == "2 of 3 targets learned; the rest follows in turn."
    other = board.claim_next()
    assert other["evaluation_id"] == quick
    other = board.worker | {"X-MBC-Lease": other["lease"]}
    assert finish(board, quick, other, "octaves", octaves_of(board)).json["go_on"] is True
    ended(board, quick, other)
    claim = board.claim_next()
    assert claim["evaluation_id"] == number
    assert claim["stages"].keys() == {"target-1", "target-2"}
    assert TargetFindings.from_dict(claim["stages"]["target-1"]).result.kind == "mandelbrot"
    # Pictures of what is learned are kept.
    with board.parts.readers() as session:
        names = list(session.scalars(select(Artifact.name).where(Artifact.evaluation_id == number)))
    assert sorted(names) == ["samples/1/film-00.png", "samples/2/film-00.png"]
    lease = board.worker | {"X-MBC-Lease": claim["lease"]}
    assert finish(board, number, lease, "target-3", target_found(board, index=2)).json["go_on"] is True
    finish(board, number, lease, "certificate", CERTIFICATE.to_dict(), digest=DIGEST)
    done = board.tell(number, "report", lease, json=samples_report(board.season(), 5.0))
    assert done.status_code == 200, done.text
    # What it found of the code serves entries on the open track.
    assert board.get(f"/api/v1/worker/certificates/{DIGEST}", headers=board.worker).status_code == 200


def test_a_samples_evaluation_lets_an_earlier_turn_of_its_class_go_first(board):
    slow = board.submit("slow", track="samples").json["evaluation_id"]
    claim = board.claim_next()
    lease = board.worker | {"X-MBC-Lease": claim["lease"]}
    quick = board.submit("quick", headers=board.stranger, values=9).json["evaluation_id"]
    other, _ = board.claim(quick)
    finish(board, quick, other, "octaves", octaves_of(board))
    board.tell(quick, "failure", other, json={"reason": "internal"})
    with board.writing() as session:
        session.get(Evaluation, quick).ready_at = None
    assert finish(board, slow, lease, "target-1", target_found(board)).json["go_on"] is False
    assert board.claim_next()["evaluation_id"] == quick

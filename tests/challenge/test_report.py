import dataclasses
import json

import pytest

from challenge.results.report import ControlResult, Integrity, ProbeResult, Report, Universality
from challenge.results.verdicts import EXPLANATIONS, EvaluationError, Fault, Reason, Status

REPORT = Report(
    season="practice",
    commitment="00" * 32,
    octaves=7.123456789012345,
    interval=(7.0, 7.25),
    depth=6.5,
    precision_db=31.5,
    skill=(1.0, 0.5),
    skill_by_chain=((1.0, 0.25), (1.0, 0.75)),
    universality=Universality(
        True, 0.75, (ControlResult("curve", "curve", 1, 1, "regression", 0.9, (0.9,), 0.95, 0.475, True),)
    ),
    integrity=Integrity(True, False, (ProbeResult("consistency", 0.0, 0.005, True, False, "Same."),)),
    parameters=10,
    bytes=100,
    weight_class="feather",
    predictions_per_second=1e6,
    device="cpu",
    sandbox="bubblewrap",
    verdict="scored",
    sentence="",
    seconds=1.5,
    timings={"predicting": 1.0},
)


def test_a_report_survives_json_in_full_precision():
    assert Report.from_json(REPORT.to_json()) == REPORT
    quick = dataclasses.replace(REPORT, universality=None, integrity=None)
    assert Report.from_json(quick.to_json()) == quick


def test_nan_never_gets_into_a_report():
    with pytest.raises(ValueError, match="JSON"):
        dataclasses.replace(REPORT, octaves=float("nan")).to_json()


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"bonus": 1}, {"skill": None}, {"universality": {"score": 1}}]
)
def test_another_shape_is_refused(change):
    with pytest.raises(ValueError, match="report"):
        Report.from_dict(REPORT.to_dict() | change)
    with pytest.raises(ValueError, match="report"):
        Report.from_json(json.dumps([]))


def test_every_reason_has_a_sentence_a_help_and_an_owner():
    assert set(EXPLANATIONS) == set(Reason)
    for explanation in EXPLANATIONS.values():
        assert explanation.sentence.endswith(".")
        assert explanation.help.endswith(".")
    error = EvaluationError(Reason.BUILD_MISSING, "Here.", private="a traceback")
    assert error.fault is Fault.SUBMISSION
    assert "traceback" not in error.sentence
    assert error.sentence.endswith("Here.")


def test_final_statuses_are_final():
    assert {status for status in Status if status.final} == {
        Status.SCORED, Status.REJECTED, Status.FAILED, Status.CANCELLED, Status.DISQUALIFIED,
    }  # fmt: skip

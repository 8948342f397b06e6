"""What the page of a submission shows, put together from the services."""

import json
from typing import Any

from flask import request
from markupsafe import Markup
from sqlalchemy.orm import Session

from challenge.evidence import Evidence
from challenge.places import PLACES
from challenge.report import Report
from challenge.shortfalls import by_remedy, doubts, shortfalls
from challenge.verdicts import EXPLANATIONS, Reason, Status
from leaderboard.models import Evaluation, ReportRow, Submission
from leaderboard.services import artifacts, evaluations, fits, plots, probes, standings, submissions, texts
from leaderboard.views.api import newest
from leaderboard.views.common import parts

# What a visitor sees as stages, in their order.
STAGES = (
    Status.QUEUED,
    Status.VALIDATING,
    Status.PREDICTING,
    Status.REFITTING,
    Status.PROBING,
    Status.RENDERING,
)


def context(db: Session, submission_id: int) -> dict[str, Any]:
    """Everything that the template of a submission needs; Refused with 404."""
    found, last = newest(db, submission_id)
    shown = standing(found, last)
    row = db.get(ReportRow, shown.id)
    report = report_of(row)
    return {
        "s": found,
        "e": shown,
        "last": last,
        "position": evaluations.queue_position(db, last),
        "stages": STAGES,
        "report": report,
        "curve": row and _curve(db, found, shown, row),
        "zoom": _zoom(db, shown, report),
        "explanation": EXPLANATIONS[Reason(shown.reason)] if shown.reason else None,
        "rank": _rank(db, shown),
        "sources": {n: Markup(texts.source_html(t)) for n, t in submissions.sources(db, found).items()},  # noqa: S704 - made by pygments
        "readme": Markup(texts.readme_html(submissions.text(db, found, "README.md"))),  # noqa: S704 - cleaned by nh3
        "recipe": submissions.text(db, found, "train.toml"),
        "passed_on": submissions.may_be_passed_on(found),
        **_proof(shown, report),
    }


def _proof(shown: Evaluation, report: Report | None) -> dict[str, Any]:
    """The certificate and the probes, with their pictures, and what was not passed."""
    if report is None:
        return {"failed": (), "flags": ()}
    evidence = artifacts.evidence(parts().config, shown.id) if report.universality else Evidence()
    controls = fits.cards(report.universality, evidence.controls) if report.universality else ()
    return {
        "failed": by_remedy(shortfalls(report)) if shown.state is Status.REJECTED else (),
        "flags": by_remedy(doubts(report)),
        "controls": controls,
        "control_anchors": {card.control.name: f"control-{card.index}" for card in controls},
        "probes": probes.cards(report.integrity, evidence) if report.integrity else (),
        "other_plots": probes.others(report.integrity, evidence) if report.integrity else (),
    }


def report_of(row: ReportRow | None) -> Report | None:
    """The report of a row; None where there is none, or one of an older version."""
    try:
        return Report.from_json(row.body) if row else None
    except ValueError:
        # Its figures stand in the evaluation, its tables are not shown.
        return None


def standing(found: Submission, last: Evaluation) -> Evaluation:
    """The evaluation that a page shows: while a submission is judged again, what it stands by."""
    if not last.state.final:
        for evaluation in reversed(found.evaluations):
            if evaluation.season.ranked and evaluation.octaves is not None:
                return evaluation
    return last


def _rank(db: Session, evaluation: Evaluation) -> tuple[int, int] | None:
    if evaluation.state is not Status.SCORED:
        return None
    entries = standings.board(db, evaluation.season).entries
    return next((entry.rank for entry in entries if entry.evaluation.id == evaluation.id), None)


def _curve(db: Session, found: Submission, evaluation: Evaluation, row: ReportRow) -> plots.Curve:
    others = [
        (other.name, other.id, skills)
        for other, skills in standings.reference_skills(db, evaluation.season)
        if other.id != found.id
    ]
    return plots.curve(
        found.name, found.id, standings.matrix(row.skill_by_chain, len(row.skill) // 8), others
    )


def _zoom(db: Session, evaluation: Evaluation, report: Report | None) -> dict[str, Any] | None:
    """The views of which there are pictures, and the one that the query asks for."""
    drawn = artifacts.views(db, evaluation.id)
    places = [
        {
            "slug": p.slug,
            "name": p.name,
            "sentence": p.sentence,
            "centre": p.centre,
            "octaves": [k for k in drawn[p.slug] if k in p.octaves],
        }
        for p in PLACES
        if any(k in p.octaves for k in drawn.get(p.slug, ()))
    ]
    if not places:
        return None
    wanted = request.args.get("place", "seahorse-valley")
    place = next((p for p in places if p["slug"] == wanted), places[0])
    octaves: list[int] = place["octaves"]  # type: ignore[assignment]
    asked = request.args.get("octave", type=int)
    if asked is None:
        # A little above its depth: it still draws the truth there, and begins to lose it.
        asked = round(report.depth) - 2 if report else octaves[0]
    octave = min(octaves, key=lambda k: abs(k - asked))
    index = octaves.index(octave)
    return {
        "evaluation": evaluation.id,
        "places": places,
        "place": place,
        "octave": octave,
        "before": octaves[index - 1] if index else None,
        "after": octaves[index + 1] if index + 1 < len(octaves) else None,
        "skill": report.skill[octave] if report and octave < len(report.skill) else None,
        "json": json.dumps(
            {
                "evaluation": evaluation.id,
                "places": places,
                "skill": list(report.skill) if report else [],
            },
            allow_nan=False,
        ),
    }

"""What the page of a submission shows, put together from the services."""

from typing import Any, Final

import numpy as np
from flask import request, url_for
from markupsafe import Markup
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from challenge.results.rejection_reasons import by_remedy, doubts, shortfalls
from challenge.results.report import Report
from challenge.results.result_visuals import Evidence
from challenge.results.verdicts import EXPLANATIONS, Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.charts import control_fits, probe_plots, skill_curve
from leaderboard.charts.skill_curve import Entrant
from leaderboard.errors import not_found
from leaderboard.images import training_frames
from leaderboard.models import Evaluation, ReportRow, Submission
from leaderboard.services import artifacts, evaluations, ranks, sanitize, standings, submissions, view_skills
from leaderboard.views import samples_track, view_picker
from leaderboard.views.api import newest
from leaderboard.web.request_context import app_context

# A list to choose from ends somewhere; the address takes any of them.
RIVALS: Final = 200
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
    latest = submissions.latest_by_track(db, found)
    shown = standing(found, last)
    row = db.get(ReportRow, shown.id) if shown.track == Track.OPEN.value else None
    report = report_of(row)
    watched = latest.get(Track.SAMPLES)
    return {
        "s": found,
        "e": shown,
        "live": [
            (one, evaluations.queue_position(db, one), standing(found, one).id != one.id)
            for one in latest.values()
            if not one.state.final
        ],
        "stages": STAGES,
        "report": report,
        "learning": samples_track.context(db, watched and standing(found, watched)),
        **(_curve(db, found, shown, row) if row else {"curve": None}),
        "zoom": _zoom(db, shown, report),
        "explanation": EXPLANATIONS[Reason(shown.reason)] if shown.reason else None,
        "rank": samples_track.rank(db, shown),
        "sources": {n: Markup(sanitize.source_html(t)) for n, t in submissions.sources(db, found).items()},  # noqa: S704 - made by pygments
        "readme": Markup(sanitize.readme_html(submissions.text(db, found, "README.md"))),  # noqa: S704 - cleaned by nh3
        "recipe": submissions.text(db, found, "train.toml"),
        "passed_on": submissions.may_be_passed_on(found),
        "film": len(training_frames.frames(submissions.path_of(app_context().config, found.digest))),
        **_proof(shown, report),
    }


def _proof(shown: Evaluation, report: Report | None) -> dict[str, Any]:
    """The certificate and the probes, with their pictures, and what was not passed."""
    if report is None:
        return {"failed": (), "flags": ()}
    evidence = artifacts.evidence(app_context().config, shown.id) if report.universality else Evidence()
    controls = control_fits.cards(report.universality, evidence.controls) if report.universality else ()
    return {
        "failed": by_remedy(shortfalls(report)) if shown.state is Status.REJECTED else (),
        "flags": by_remedy(doubts(report)),
        "controls": controls,
        "control_anchors": {card.control.name: f"control-{card.index}" for card in controls},
        "probes": probe_plots.cards(report.integrity, evidence) if report.integrity else (),
        "other_plots": probe_plots.others(report.integrity, evidence) if report.integrity else (),
    }


def report_of(row: ReportRow | None) -> Report | None:
    """The report of a row; None where there is none, or one of an older version."""
    try:
        return Report.from_json(row.body) if row else None
    except ValueError:
        # Its figures stand in the evaluation, its tables are not shown.
        return None


def standing(found: Submission, last: Evaluation) -> Evaluation:
    """The evaluation on its track that a page shows: what a submission stands by while it is judged again."""
    if not last.state.final:
        for evaluation in reversed(found.evaluations):
            judged = evaluation.season.ranked and evaluation.octaves is not None
            if judged and evaluation.track == last.track:
                return evaluation
    return last


def _curve(db: Session, found: Submission, shown: Evaluation, row: ReportRow) -> dict[str, Any]:
    """The skill curve among the reference entries, against the rival that the query names."""
    entries = standings.board(db, shown.season).entries
    rivals = [entry for entry in entries if entry.submission.id != found.id][:RIVALS]
    number = request.args.get("rival", type=int)
    chosen = next((entry for entry in rivals if entry.submission.id == number), None)
    others = [
        Entrant(other.name, other.id, np.array([skills]), "reference")
        for other, skills in standings.reference_skills(db, shown.season)
        if other.id not in (found.id, chosen and chosen.submission.id)
    ]
    if chosen:
        others.append(Entrant(chosen.submission.name, number or 0, by_chain(db, chosen.evaluation), "rival"))
    own = Entrant(found.name, found.id, matrix(row), "own")
    return {
        "curve": skill_curve.curve(own, others),
        "narrow": skill_curve.curve(own, others, skill_curve.NARROW),
        "rivals": rivals,
        "rival": chosen and chosen.submission,
    }


def matrix(row: ReportRow) -> NDArray[np.float64]:
    """(chains, octaves) skills of a report."""
    return ranks.matrix(row.skill_by_chain, len(row.skill) // 8)


def by_chain(db: Session, evaluation: Evaluation) -> NDArray[np.float64]:
    """(chains, octaves) skills of an evaluation that has a report; Refused with 404."""
    row = db.get(ReportRow, evaluation.id)
    if row is None:
        raise not_found("report")
    return matrix(row)


def _zoom(db: Session, shown: Evaluation, report: Report | None) -> dict[str, Any] | None:
    """The views of which there are pictures, and the one that the query asks for."""
    address = f"/evaluations/{shown.id}/{{place}}/{{two}}"
    # A little above its depth it still draws the truth, and begins to lose it.
    start = round(report.depth) - 2 if report else 0
    return view_picker.zoom(
        artifacts.views(db, shown.id),
        (
            view_picker.TRUTH,
            view_picker.Layer("model", "Model", f"{address}/model.png"),
            view_picker.Layer("error", "Error", f"{address}/error.png", recolour=False, note="dark is right"),
        ),
        skill=report.skill if report else (),
        start=start,
        goal=_goal(db, shown),
        skills_url=url_for("media.skills_of_views", evaluation_id=shown.id),
    )


def _goal(db: Session, shown: Evaluation) -> tuple[str, int] | None:
    """The best or the worst view, where the query asks for one."""
    wanted = request.args.get("go")
    if wanted not in ("best", "worst"):
        return None
    skills = view_skills.view_skills(db, app_context().config, shown.id)
    return view_skills.best(skills) if wanted == "best" else view_skills.worst(skills, shown.depth or 0.0)

"""The page of a submission: where it stands, its pictures, its proof, and what it learned."""

from typing import Any

import numpy as np
from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session

from challenge.results.rejection_reasons import flag_reasons, group_by_remedy, rejection_reasons
from challenge.results.report import Report
from challenge.results.result_visuals import ResultVisuals
from challenge.results.verdicts import EXPLANATIONS, Reason, Status
from challenge.scoring.tracks import Track
from leaderboard.charts import control_charts, paired_difference, probe_plots, samples_charts, skill_curve
from leaderboard.charts.skill_curve import Entrant
from leaderboard.images import training_frames
from leaderboard.models import Evaluation, Submission
from leaderboard.services import (
    artifacts,
    board_lists,
    import_advice,
    lineage,
    publication,
    reports,
    reproductions,
    sanitize,
    standings,
    submissions,
    view_skills,
)
from leaderboard.services.board_query import MOST_CHOICES, BoardQuery
from leaderboard.storage import storage_of
from leaderboard.web import view_picker
from leaderboard.web.auth import current_user, visible_submission
from leaderboard.web.request_context import app_context, read_session

entry = Blueprint("entry", __name__)

# What a visitor sees as stages, in their order.
STAGES = (
    Status.QUEUED,
    Status.VALIDATING,
    Status.PREDICTING,
    Status.REFITTING,
    Status.PROBING,
    Status.RENDERING,
)


@entry.get("/submissions/<int:submission_id>")
def page(submission_id: int) -> str:
    """The page."""
    with read_session() as db:
        return render_template("submission.html", **_context(db, visible_submission(db, submission_id)))


def _context(db: Session, found: Submission) -> dict[str, Any]:
    """Everything that the template needs; Refused with 404 where nothing was ever judged."""
    latest = submissions.latest_by_track(db, found)
    shown = submissions.displayed(found, submissions.latest_on(db, found, None))
    report = reports.stored_report(db, shown)
    watched = latest.get(Track.SAMPLES)
    user = current_user()
    # One rule for the bundle and for what pages show of it.
    allowed = submissions.may_see_bundle(found, user.id if user else None)
    sources = submissions.sources(db, found) if allowed else {}
    storage, bundle = storage_of(app_context().config), submissions.bundle_key(found.digest)
    has_curve = shown.track == Track.OPEN.value and bool(reports.skill_by_octave(db, shown))
    return {
        "s": found,
        "e": shown,
        "live": [
            (
                one,
                app_context().queue_view.place(db, one),
                submissions.displayed(found, one).id != one.id,
            )
            for one in latest.values()
            if not one.state.final
        ],
        "stages": STAGES,
        "report": report,
        "learning": _samples_track(db, submissions.displayed(found, watched)) if watched else None,
        **(_curve(db, found, shown) if has_curve else {"curve": None}),
        "zoom": _zoom(db, shown, report),
        "explanation": EXPLANATIONS[Reason(shown.reason)] if shown.reason else None,
        "rank": standings.rank_of(db, shown),
        "reproduction": _reproduction(db, shown),
        "sources": {n: Markup(sanitize.source_html(t)) for n, t in sources.items()},  # noqa: S704 - made by pygments
        "readme": Markup(sanitize.readme_html(submissions.text(db, found, "README.md"))),  # noqa: S704 - cleaned by nh3
        "recipe": submissions.text(db, found, "train.toml") if allowed else "",
        **_lineage(db, found, shown),
        "passed_on": allowed,
        "import_warnings": import_advice.warnings(db, found),
        "film": len(moments := training_frames.moments(storage, bundle)),
        "captions": [moment.caption for moment in moments],
        **_proof(shown, report),
    }


def _reproduction(db: Session, shown: Evaluation) -> dict[str, Any] | None:
    row = reproductions.of_evaluation(db, shown)
    return None if row is None else reproductions.to_dict(row, shown.season)


def _proof(shown: Evaluation, report: Report | None) -> dict[str, Any]:
    """The certificate and the probes, with their pictures, and what was not passed."""
    if report is None:
        return {"failed": (), "flags": ()}
    evidence = artifacts.evidence(app_context().config, shown.id) if report.universality else ResultVisuals()
    evidence = publication.visuals(evidence, shown.season)
    controls = control_charts.cards(report.universality, evidence.controls) if report.universality else ()
    return {
        "failed": group_by_remedy(rejection_reasons(report)) if shown.state is Status.REJECTED else (),
        "flags": group_by_remedy(flag_reasons(report)),
        "controls": controls,
        "control_anchors": {card.control.name: f"control-{card.index}" for card in controls},
        "probes": probe_plots.cards(report.integrity, evidence) if report.integrity else (),
        "withheld": not shown.season.revealed,
        "other_plots": probe_plots.others(report.integrity, evidence) if report.integrity else (),
    }


def _lineage(db: Session, found: Submission, shown: Evaluation) -> dict[str, Any]:
    """The relatives, and the paired gain over the parent where both were judged on the same points."""
    known = lineage.lineage(db, found)
    parent: Evaluation | None = None
    if known.parent and shown.track == Track.OPEN.value:
        newest = submissions.latest_by_track(db, known.parent).get(Track.OPEN)
        parent = newest and submissions.displayed(known.parent, newest)
    comparable = (
        parent is not None
        and parent.season_id == shown.season_id
        and all(reports.skill_by_octave(db, one) for one in (shown, parent))
    )
    gain = (
        paired_difference.difference_plot(
            reports.skill_by_chain(db, shown), reports.skill_by_chain(db, parent)
        )
        if comparable and parent is not None
        else None
    )
    return {"lineage": known, "gain": gain}


def _samples_track(db: Session, shown: Evaluation) -> dict[str, Any]:
    """What the template of the samples track needs; pictures of targets only when they are public."""
    report = reports.stored_samples_report(db, shown)
    revealed = shown.season.revealed
    evidence = artifacts.evidence(app_context().config, shown.id) if revealed and report else ResultVisuals()
    return {
        "e": shown,
        "place": app_context().queue_view.place(db, shown),
        "report": report,
        "rank": standings.rank_of(db, shown),
        "revealed": revealed,
        "explanation": EXPLANATIONS[Reason(shown.reason)] if shown.reason else None,
        "chart": samples_charts.samples_chart(report, evidence, revealed=revealed) if report else None,
    }


def _curve(db: Session, found: Submission, shown: Evaluation) -> dict[str, Any]:
    """The skill curve among the reference entries, against the rival that the query names."""
    entries = board_lists.ranked(db, shown.season, BoardQuery(), MOST_CHOICES + 1)
    rivals = [entry for entry in entries if entry.submission_id != found.id][:MOST_CHOICES]
    number = request.args.get("rival", type=int)
    chosen = next((entry for entry in rivals if entry.submission_id == number), None)
    others = [
        Entrant(other.name, other.id, np.array([each]), "reference")
        for other, each in standings.reference_skills(db, shown.season)
        if other.id not in (found.id, chosen and chosen.submission_id)
    ]
    if chosen:
        skills = reports.skill_by_chain(db, db.get_one(Evaluation, chosen.evaluation_id))
        others.append(Entrant(chosen.name, chosen.submission_id, skills, "rival"))
    own = Entrant(found.name, found.id, reports.skill_by_chain(db, shown), "own")
    return {
        "curve": skill_curve.skill_plot(own, others),
        "narrow": skill_curve.skill_plot(own, others, skill_curve.NARROW),
        "rivals": rivals,
        "rival": chosen,
    }


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
        models={"model": shown.submission_id} if submissions.is_drawable(shown.submission) else None,
        skills_url=url_for("media.skills_of_views", evaluation_id=shown.id),
    )


def _goal(db: Session, shown: Evaluation) -> tuple[str, int] | None:
    """The best or the worst view, where the query asks for one."""
    wanted = request.args.get("go")
    if wanted not in ("best", "worst"):
        return None
    skills = view_skills.view_skills(db, app_context().config, shown.id)
    return view_skills.best(skills) if wanted == "best" else view_skills.worst(skills, shown.depth or 0.0)

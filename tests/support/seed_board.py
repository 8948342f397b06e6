"""Fill a data directory with a board of many entries, to look at its pages:

python -m tests.support.seed_board DIR && mbc serve --data DIR --no-worker
"""

import sys
from datetime import timedelta
from pathlib import Path

import numpy as np

from challenge.scoring.tracks import Track
from leaderboard import db
from leaderboard.app import make_directories
from leaderboard.clock import monotonic_utcnow
from leaderboard.config import Config
from leaderboard.images.untrusted import rewrite
from leaderboard.models import Evaluation, Submission
from leaderboard.services import artifacts, evaluations, leases, outcomes, seasons, submission_intake, tokens

from .seed_data import README, bundle_bytes, report, samples_report, skills
from .seed_evidence import evidence, film


def save_training_pictures(session, config, evaluation):
    """Save pictures of three targets as they were learned, and their losses."""
    from challenge.imaging.pictures import error_image, model_image
    from challenge.results.result_visuals import PlotData, ResultVisuals, Series

    x, y = np.meshgrid(np.linspace(-2, 2, 128), np.linspace(2, -2, 128))
    plots = []
    for target, power in ((1, 2), (2, 3), (3, 4)):
        z, c = np.zeros_like(x + 1j * y), x + 0.12 * np.sin(3 * y) - 0.4 + 1j * (y + 0.1 * np.cos(2 * x))
        count = np.zeros(x.shape)
        for _ in range(60):
            inside = np.abs(z) < 4
            z[inside] = z[inside] ** power + c[inside]
            count += inside
        truth = (count / 60).ravel()
        for frame in range(5):
            learned = blurred(truth.reshape(128, 128), 9 / (1 + 2 * frame)).ravel()
            keep_picture(
                session,
                config,
                evaluation,
                f"samples/{target}/film-{frame:02}.png",
                model_image(truth, learned),
            )
        keep_picture(session, config, evaluation, f"samples/{target}/truth.png", model_image(truth, truth))
        keep_picture(session, config, evaluation, f"samples/{target}/error.png", error_image(truth, learned))
        seconds = np.linspace(0.5, 120, 60)
        loss = -1.2 - 1.6 * (seconds / 120) ** 0.5 + 0.04 * np.sin(seconds)
        series = Series(f"Multibrot set of degree {power}", tuple(seconds.tolist()), tuple(loss.tolist()))
        plots.append(PlotData(f"target {target}", "seconds", "log₁₀ of its loss", (series,)))
    artifacts.save_evidence(config, evaluation.id, ResultVisuals(plots=tuple(plots)).to_json().encode())


def blurred(grid, sigma):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(grid, sigma, mode="nearest")


def keep_picture(session, config, evaluation, name, image):
    from challenge.imaging.pictures import png_bytes

    artifacts.check_samples_name(name)
    artifacts.save(session, config, evaluation.id, name, rewrite(png_bytes(image)))


PEOPLE = (
    ("hash grid", "the platform", "multi-resolution hash grid", 8.31, True, "MIT", {}),
    ("fourier", "the platform", "per-axis Fourier features", 7.22, True, "MIT", {}),
    ("mlp", "the platform", "GELU network", 5.03, True, "MIT", {}),
    (
        "linear",
        "the platform",
        "one linear layer",
        0.42,
        True,
        "MIT",
        {
            "verdict": "rejected",
            "universal": False,
            "sentence": "5 of 6 controls stayed below their bars in all three refits.",
            "suggestion": {
                "window": "author",
                "inverted": False,
                "recoloured": False,
                "octaves": 1.9,
                "before": 0.4,
            },
        },
    ),
    ("Seepferdchen", "Mira Albrecht", "wavelet grid with learned scales", 11.64, False, "Apache-2.0", {}),
    (
        "spiral-siren-v3",
        "J. Okonkwo",
        "SIREN, 5 layers, curriculum by octave",
        9.87,
        False,
        "",
        {"builds_on": "2"},
    ),
    ("Kolmogorov kitchen", "Team Elephant Valley", "KAN with spline bases", 8.24, False, "MIT", {}),
    (
        "octree-of-experts",
        "li.wen",
        "sparse mixture over an octree",
        9.79,
        False,
        "CC-BY-4.0",
        {"flagged": True},
    ),
    (
        "forty-iterations",
        "N. N.",
        "residual network",
        14.2,
        False,
        "MIT",
        {"verdict": "rejected", "formula": True, "sentence": "A probe found more than was learned."},
    ),
)


def enter(writers, config, folder, user, name, author, method, octaves, seed, licence="", **changes):
    path = folder / "seed.zip"
    path.unlink(missing_ok=True)
    path.write_bytes(
        bundle_bytes(
            name,
            author,
            method=method,
            license=licence,
            values=5000 + 9000 * seed,
            extra=film() if changes.get("pictures") else None,
            readme=README.format(name=name),
            **{key: changes.pop(key) for key in ("builds_on",) if key in changes},
            description=f"{method[0].upper()}{method[1:]}, trained for an hour on sixteen million samples.",
        )
    )
    evaluation_id = submit(writers, config, path, user)
    with writers.begin() as session:
        evaluation = evaluations.get(session, evaluation_id)
        worker = tokens.find_token(session, tokens.new_token(session, None))
        claim = leases.claim(session, config, evaluation.id, worker)
        by_chain = skills(octaves, seed)
        if changes.pop("pictures", False):
            draw(session, config, evaluation, by_chain.mean(axis=0))
        made = report(evaluation.season, by_chain, **changes)
        shown = evidence(made, formula=changes.get("formula", False))
        artifacts.save_evidence(config, evaluation.id, shown.to_json().encode())
        outcomes.record_report(session, evaluation.id, claim.lease, made)


def submit(writers, config, path, user):
    """Hand in a bundle of a user, made where there is none; the id of its evaluation."""
    with writers.begin() as session:
        owner = tokens.ensure_user(session, user, reference=user == "reference")
    (evaluation_id,) = submission_intake.submit_bundle(writers, None, config, owner, path).queued
    return evaluation_id


def draw(session, config, evaluation, skill):
    """A model that blurs the truth where its skill is low."""
    from scipy.ndimage import gaussian_filter

    from challenge.imaging.pictures import error_image, model_image, png_bytes, truth_values
    from challenge.scoring.places import PLACES

    side = 192
    for place in PLACES:
        for octave in place.octaves:
            truth = truth_values(place, octave, side)
            sigma = 0.4 + 30 * (1 - skill[octave]) ** 2
            grid = truth.reshape(side, side)
            model = gaussian_filter(grid, sigma, mode="nearest") * (
                0.3 + 0.7 * skill[octave]
            ) + grid.mean() * 0.7 * (1 - skill[octave])
            for kind, image in (
                ("model", model_image(truth, model.ravel())),
                ("error", error_image(truth, model.ravel())),
            ):
                clean = rewrite(png_bytes(image, 256))
                artifacts.save(session, config, evaluation.id, f"{place.slug}/{octave:02d}/{kind}.png", clean)


def watch(writers, config):
    """What became of some of them on the samples track, one of them on the practice season's targets."""

    with writers.begin() as session:
        named = {row.name: row for row in session.query(Submission)}
        open_season, practice = seasons.current_season(session), seasons.find_season(session, "practice")
        for row in session.query(Evaluation).filter(Evaluation.finished_at.is_(None)):
            # Nothing more urgent waits, as far as these claims are concerned.
            row.ready_at = monotonic_utcnow() + timedelta(days=365)
        for age, name in enumerate(named):
            named[name].created_at -= timedelta(hours=13 * (len(named) - age))
        worker = tokens.find_token(session, tokens.new_token(session, None))
        results = (
            ("hash grid", open_season, 6.2, {}),
            ("fourier", open_season, 4.4, {}),
            ("mlp", open_season, 3.7, {}),
            ("Seepferdchen", open_season, 7.9, {"killed": True}),
            ("spiral-siren-v3", open_season, 6.3, {}),
            (
                "Kolmogorov kitchen",
                open_season,
                5.1,
                {"verdict": "rejected", "sentence": "It did not learn digits."},
            ),
            ("octree-of-experts", open_season, 8.4, {"machine": "gpu"}),
            ("linear", practice, 0.6, {"killed": True}),
        )
        for seed, (name, season, octaves, changes) in enumerate(results):
            evaluation = evaluations.queue_evaluation(session, named[name], season, Track.SAMPLES)
            claim = leases.claim(session, config, evaluation.id, worker)
            save_training_pictures(session, config, evaluation)
            made = samples_report(season, octaves, seed, **changes)
            outcomes.record_report(session, evaluation.id, claim.lease, made)
        live = evaluations.queue_evaluation(session, named["octree-of-experts"], open_season, Track.SAMPLES)
        live.ready_at = monotonic_utcnow() + timedelta(days=365)
        live.status, live.progress, live.message = "refitting", 0.43, "target 2 of 3: 41 of 132 s"
        evaluations.queue_evaluation(session, named["deep-dive"], open_season, Track.SAMPLES)


def main(folder, *, pictures=True):
    config = Config.make(folder, hand_ins_a_day=1000, hand_ins_waiting=1000)
    make_directories(config)
    engine = db.make_engine(config.database)
    db.upgrade(engine)
    writers = db.make_sessions(engine)
    with writers.begin() as session:
        seasons.ensure_seasons(session, config)
    for seed, (name, author, method, octaves, reference, licence, changes) in enumerate(PEOPLE):
        enter(
            writers,
            config,
            folder,
            "reference" if reference else author,
            name,
            author,
            method,
            octaves,
            seed,
            licence,
            pictures=pictures and seed in (0, 1, 4, 7, 5),
            **changes,
        )
    for index, (name, author, status) in enumerate(
        (
            ("deep-dive", "Sol", "refitting"),
            ("<script>alert(1)</script>", "Robert'); DROP TABLE", "queued"),
            ("night-owl", "Kaede", "queued"),
        )
    ):
        path = folder / "seed.zip"
        path.unlink(missing_ok=True)
        path.write_bytes(bundle_bytes(name, author, values=100 + index))
        evaluation_id = submit(writers, config, path, author)
        with writers.begin() as session:
            evaluation = evaluations.get(session, evaluation_id)
            if status != "queued":
                evaluation.status, evaluation.progress, evaluation.message = (
                    status,
                    0.4,
                    "Fitting picture from scratch, 2 of 4.",
                )
    for name, author, reason, detail in (
        ("too-wide", "Ines", "output_shape", "It returned (512, 2) for (512, 2) points and 1 output."),
        ("forever", "T. Runner", "time_exceeded", "One request took more than 60 s."),
    ):
        path = folder / "seed.zip"
        path.unlink(missing_ok=True)
        path.write_bytes(bundle_bytes(name, author, values=300))
        evaluation_id = submit(writers, config, path, author)
        with writers.begin() as session:
            evaluation = evaluations.get(session, evaluation_id)
            worker = tokens.find_token(session, tokens.new_token(session, None))
            claim = leases.claim(session, config, evaluation.id, worker)
            outcomes.record_failure(
                session, config, evaluation.id, claim.lease, {"reason": reason, "detail": detail}
            )
    watch(writers, config)
    with writers.begin() as session:
        for evaluation in session.query(Evaluation).filter(Evaluation.status == "queued"):
            evaluation.ready_at = monotonic_utcnow() + timedelta(days=365)
    (folder / "seed.zip").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Seven short pages with something to play with: why a network can learn almost anything."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, render_template

from challenge.scoring.places import find_place
from leaderboard.charts.scaling_study import study_plot
from leaderboard.errors import not_found

learn = Blueprint("learn", __name__, url_prefix="/learn")


@dataclass(frozen=True)
class Lesson:
    """One page: its address, title, and a sentence about it. Template and script are named by the slug."""

    slug: str
    title: str
    sentence: str


LESSONS: Final = (
    Lesson("functions", "A function from its points", "Numbers in, numbers out, and only samples of it."),
    Lesson("neuron", "One neuron", "A weight stretches, a bias shifts, an activation bends."),
    Lesson("sums", "Neurons add up", "Two steps make a bump; two lines make a line."),
    Lesson("hinges", "More neurons, closer fit", "Place 128 hinges and any curve is met. Then learn them."),
    Lesson("descent", "Learning", "Roll down the loss, one small step after the other."),
    Lesson("features", "Features", "Give the same network waves, and it sees finer detail."),
    Lesson("scaling", "It scales, until it does not", "What more samples, parameters and time buy."),
)

_RUNS: Final = Path(__file__).parents[1] / "static" / "learn" / "scaling.json"
# (orders, inputs, accuracy) as benchmarks/digits_fourier.py prints them.
DIGITS: Final = (
    ("none", "784", "92.9 %"),
    ("1", "2,352", "89.9 %"),
    ("8", "13,328", "87.2 %"),
    ("64", "101,136", "87.0 %"),
)


@learn.get("/")
def index() -> str:
    """The list of the pages."""
    return render_template("learn/index.html", lessons=LESSONS, place=find_place("seahorse-valley"))


@learn.get("/<slug>")
def lesson(slug: str) -> str:
    """One page, with its neighbours."""
    for number, one in enumerate(LESSONS):
        if one.slug == slug:
            return render_template(
                f"learn/{slug}.html",
                lessons=LESSONS,
                lesson=one,
                number=number + 1,
                before=LESSONS[number - 1] if number else None,
                digits=DIGITS,
                study=_study() if slug == "scaling" else None,
                after=LESSONS[number + 1] if number + 1 < len(LESSONS) else None,
            )
    raise not_found("page")


@cache
def _study() -> dict[str, Any]:
    """The runs of benchmarks/scaling.py; `frozen` pairs frozen layers with the same trained whole."""
    study: dict[str, Any] = json.loads(_RUNS.read_text())
    whole = {(run["kind"], run["width"]): run for run in study["runs"] if run["axis"] == "parameters"}
    frozen = [run for run in study["runs"] if run["axis"] == "frozen"]
    pairs = [(run, whole[run["kind"], run["width"]]) for run in frozen]
    return study | {"still": study_plot(study["runs"], "samples"), "frozen": pairs}

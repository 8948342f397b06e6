"""What may be public of a result, by one rule: API, pages, exports and event streams all ask here.

While a season is open its hidden points are worth stealing, and a model chooses its own figures to some
extent: the last digits of one can carry a coordinate that a sandbox saw. So figures are rounded to three
digits, and what has room for more is withheld: skills by chain, raw values of the probes' plots, what the
submission says of itself, checkpoints and times. When the season has ended, everything is published. Ranks
and what is stored keep full precision, and so does a local score.
"""

import dataclasses
import json
import math
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from challenge.results.report import ProbeResult, Report
from challenge.results.result_visuals import ResultVisuals
from challenge.results.samples_report import SamplesReport
from challenge.scoring.tracks import Track
from leaderboard.errors import not_found
from leaderboard.models import Evaluation, ReportRow, SeasonRow

DIGITS: Final = 3
# Decimals that every figure below a hundred keeps: octaves are told apart by them.
DECIMALS: Final = 2
# No figure has more decimals: how small it is says something, too.
MOST_DECIMALS: Final = 4
LARGEST: Final = 1.79e308
# Fields of reports that are withheld from an open season's; what stands in their place inside of the server.
_WITHHELD: Final[dict[str, Any]] = {"skill_by_chain": (), "timings": {}, "seconds": 0.0}
_WITHHELD_SAMPLES: Final[dict[str, Any]] = {"parameters": 0}
_WITHHELD_TARGET: Final[dict[str, Any]] = {
    "skill_by_chain": (), "seconds": 0.0, "judged_on": 0.0, "checkpoints": 0, "losses": (), "film": (),
}  # fmt: skip
# Its figure holds a number that the submission claims.
_CLAIMING: Final = "same machine"

AnyReport = TypeVar("AnyReport", Report, SamplesReport)


def round_figure(value: float) -> float:
    """The figure with three significant digits; two decimals where it is below a hundred, at most four."""
    if not math.isfinite(value):
        return value
    if abs(value) >= 100:
        rounded = float(f"{value:.{DIGITS - 1}e}")
        # The largest numbers there are may not become infinite.
        return rounded if math.isfinite(rounded) else math.copysign(LARGEST, value)
    place = math.floor(math.log10(abs(value))) if value else 0
    decimals = min(max(DIGITS - 1 - place, DECIMALS), MOST_DECIMALS)
    # Adding zero: there is no telling -0 from 0.
    return round(value, decimals) + 0.0


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """The figures of an evaluation as anybody may see them; None where it has none."""
    low, high = evaluation.interval_low, evaluation.interval_high
    values = {
        "octaves": evaluation.octaves,
        "interval": None if low is None or high is None else (low, high),
        "depth": evaluation.depth,
        "precision_db": evaluation.precision_db,
        "universality": evaluation.universality,
        "predictions_per_second": evaluation.predictions_per_second,
        "parameters": evaluation.parameters,
    }
    if evaluation.season.revealed:
        return values
    # On the open track the judge counts them itself, in the weights.
    claimed = evaluation.track != Track.OPEN.value
    return {name: _rounded(value) for name, value in values.items()} | (
        {"parameters": None} if claimed else {}
    )


def octaves(evaluation: Evaluation) -> float | None:
    """The score of an evaluation as anybody may see it."""
    value: float | None = figures(evaluation)["octaves"]
    return value


def skills(values: Iterable[float], season: SeasonRow) -> tuple[float, ...]:
    """Mean skills by octave as anybody may see them."""
    return tuple(values) if season.revealed else tuple(map(round_figure, values))


def report(found: AnyReport, season: SeasonRow) -> AnyReport:
    """A report as anybody may see it; what is withheld is empty or 0."""
    if season.revealed:
        return found
    changes = dict(_WITHHELD)
    if isinstance(found, SamplesReport):
        targets = (dataclasses.replace(one, **_WITHHELD_TARGET) for one in found.targets)
        changes |= _WITHHELD_SAMPLES | {"targets": tuple(targets)}
    elif found.integrity is not None:
        probes = tuple(_probe(one) for one in found.integrity.probes)
        changes["integrity"] = dataclasses.replace(found.integrity, probes=probes)
    made: AnyReport = _rounded(dataclasses.replace(found, **changes))
    return made


def report_json(row: ReportRow, evaluation: Evaluation) -> str:
    """The JSON of a report as anybody may have it: as the worker sent it, or without what is withheld."""
    if evaluation.season.revealed:
        return row.body
    samples = evaluation.track == Track.SAMPLES.value
    try:
        if samples:
            values = report(SamplesReport.from_json(row.body), evaluation.season).to_dict()
        else:
            values = report(Report.from_json(row.body), evaluation.season).to_dict()
    except ValueError:
        # Of an older version, whose fields nobody here knows.
        raise not_found("report") from None
    withheld = {*_WITHHELD, *(_WITHHELD_SAMPLES if samples else ())}
    for target in values.get("targets", ()):
        for name in _WITHHELD_TARGET:
            del target[name]
    for name in withheld:
        del values[name]
    return json.dumps(values | {"withheld": sorted(withheld | set(_WITHHELD_TARGET if samples else ()))})


def visuals(found: ResultVisuals, season: SeasonRow) -> ResultVisuals:
    """The pictures of a result as anybody may see them: probes' plots when the season has ended."""
    return found if season.revealed else dataclasses.replace(found, plots=())


def _probe(found: ProbeResult) -> ProbeResult:
    if found.name != _CLAIMING or not found.figure:
        return found
    return dataclasses.replace(found, figure=1.0)


def _rounded(value: Any) -> Any:
    """The same with every float rounded, at any depth."""
    if isinstance(value, float):
        return round_figure(value)
    if isinstance(value, tuple):
        return tuple(_rounded(one) for one in value)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _rounded(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value

"""`mbc verify`: check a season that has ended, and any public entry of it, without trusting the server."""

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import click

from challenge.commands.cli_errors import explain_errors, fail
from challenge.commands.client import Account, Client
from challenge.commands.server_options import explain_server_errors, json_option, server_option
from challenge.scoring.evaluation_set import EvaluationSize, evaluation_set
from challenge.scoring.season import PRACTICE, Season
from challenge.scoring.verification import POINTS, points_digest, proved_points
from challenge.util import exit_codes
from challenge.util.http import ServerError

# By how much octaves may differ: on the same kind of device, and on another one.
SAME_DEVICE: Final = 1e-6
OTHER_DEVICE: Final = 1e-3
_GROUP: Final = "mbc.judge"

# A bundle, a season and its size -> octaves and the device that predicted.
Judge = Callable[[Path, Season, EvaluationSize], tuple[float, str]]


@dataclass
class Findings:
    """What was checked. `mismatches` is empty if everything agrees."""

    season: str
    commitment: str = ""
    points_digest: str = ""
    proved: int = 0
    largest_gap: float = 0.0
    octaves: dict[str, float] = field(default_factory=dict)
    mismatches: list[str] = field(default_factory=list)


def find_judge() -> Judge:
    """The judge that the evaluator's package registers; the challenge itself does not know it."""
    found = tuple(entry_points(group=_GROUP, name="octaves"))
    if not found:
        fail("the judge is not installed here: --entry needs the package evaluator.", exit_codes.FAILED)
    judge: Judge = found[0].load()
    return judge


@click.command(epilog="Example: mbc verify season-1 --server https://board.example --entry 17")
@click.argument("season")
@server_option
@click.option("--proofs", type=click.IntRange(0), default=POINTS, show_default=True, help="Points to prove.")
@click.option("--digest", help="The digest of the set's points that somebody else found.")
@click.option("--entry", type=int, help="Also judge this submission again, if its bundle is public.")
@json_option
@explain_server_errors
def verify(
    season: str, server: str | None, *, proofs: int, digest: str | None, entry: int | None, as_json: bool
) -> None:
    """Verify SEASON after its end: the secret, the evaluation set, the truth, and with --entry a score.

    The secret must match the commitment that was published when the season opened. The set is drawn again
    from it. At some hundred random points, ball arithmetic proves an interval of 1e-12 around the exact
    target, and the truth must lie within 1e-9 of it. `mbc verify practice` needs no server.

    Exits with 4 and names every mismatch if something does not agree.
    """
    if season == PRACTICE.name and entry is None:
        secret, size, published = PRACTICE, EvaluationSize(), PRACTICE.commitment
        report, bundle = None, b""
    else:
        with Client(Account.find(server)) as client:
            secret, size, published = _ended_season(client.seasons(), season)
            report = client.report(entry, season) if entry is not None else None
            bundle = client.bundle(entry) if entry is not None else b""
    findings = Findings(season, published)
    found = hashlib.sha256(secret.secret).hexdigest()
    if found != published:
        findings.mismatches.append(f"commitment: the secret's SHA-256 is {found}, published was {published}.")
    _check_set(secret, size, proofs, digest, findings)
    if report is not None:
        _check_entry(report, bundle, secret, size, findings)
    click.echo(json.dumps(asdict(findings)) if as_json else _text(findings))
    sys.exit(exit_codes.REJECTED if findings.mismatches else exit_codes.OK)


def _ended_season(seasons: list[dict[str, Any]], name: str) -> tuple[Season, EvaluationSize, str]:
    """A season's secret, the size of its set and its commitment, as the server publishes them."""
    rows = {row.get("name"): row for row in seasons}
    if name not in rows:
        fail(f"there is no season {name!r}; there are {', '.join(map(repr, rows))}.", exit_codes.USAGE)
    row = rows[name]
    if row.get("secret") is None:
        fail(f"the season {name!r} is open: its secret is published when it ends.", exit_codes.USAGE)
    try:
        secret = Season(name, bytes.fromhex(row["secret"]))
        return secret, EvaluationSize(**row["size"]), str(row["commitment"])
    except (KeyError, TypeError, ValueError) as error:
        raise ServerError(f"The server's description of {name!r} cannot be read: {error}.") from error


def _check_set(
    season: Season, size: EvaluationSize, proofs: int, digest: str | None, findings: Findings
) -> None:
    views = evaluation_set(season, size)
    findings.points_digest = points_digest(views)
    if digest is not None and digest.strip().lower() != findings.points_digest:
        findings.mismatches.append(
            f"points: their digest is {findings.points_digest}, expected was {digest}."
        )
    total = min(proofs, views.truth.size)
    with click.progressbar(
        length=total, label="proving", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for proved in proved_points(season, views, total, lambda _: bar.update(1)):
            findings.proved += 1
            findings.largest_gap = max(findings.largest_gap, proved.gap)
            if not proved.holds:
                chain, octave, number = proved.place
                findings.mismatches.append(
                    f"truth: point {number} of chain {chain}, octave {octave} {proved.point} has "
                    f"{proved.truth!r}; the exact value lies in "
                    f"[{proved.certificate.low!r}, {proved.certificate.high!r}]."
                )


def _check_entry(
    report: dict[str, Any], bundle: bytes, season: Season, size: EvaluationSize, findings: Findings
) -> None:
    """Judge a bundle again and compare its octaves with those of the published report."""
    try:
        published, reported_device = float(report["octaves"]), str(report["device"])
    except (KeyError, TypeError, ValueError) as error:
        raise ServerError(f"The report of the entry cannot be read: {error}.") from error
    judge = find_judge()
    with tempfile.TemporaryDirectory() as folder, explain_errors():
        path = Path(folder, "bundle.zip")
        path.write_bytes(bundle)
        octaves, device = judge(path, season, size)
    tolerance = SAME_DEVICE if device == reported_device else OTHER_DEVICE
    findings.octaves = {"published": published, "again": octaves, "tolerance": tolerance}
    if not abs(octaves - published) <= tolerance:
        findings.mismatches.append(
            f"entry: {octaves!r} octaves on {device}, published were {published!r} on {reported_device}; "
            f"they may differ by {tolerance:g}."
        )


def _text(findings: Findings) -> str:
    lines = [
        f"season      {findings.season}",
        f"commitment  {findings.commitment}",
        f"points      {findings.points_digest}",
        f"truth       proved at {findings.proved} points; the largest distance is {findings.largest_gap:.1e}",
    ]
    if findings.octaves:
        lines.append(
            "entry       {again:.9f} octaves, published {published:.9f}".format_map(findings.octaves)
        )
    lines += [f"MISMATCH    {sentence}" for sentence in findings.mismatches] or ["Everything agrees."]
    return "\n".join(lines)

"""Hand the reference submissions in when a server starts, and say how far everything is."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx

from challenge.bundle.packer import pack
from challenge.results.verdicts import EvaluationError
from challenge.scoring.tracks import Track
from leaderboard.config import Config

Say = Callable[[str], None]

# Worth comparing with on the samples track: a plain network, and the two best known kinds of features. Each
# takes minutes there, so the others follow on request: mbc admin rejudge ID --track samples.
ON_SAMPLES_TRACK: Final = frozenset({"mlp", "fourier", "hash_grid"})
# The plain network comes first. Those that rank nowhere, and take three refits of nearly every control, last.
_FIRST: Final = "mlp"
_LAST: Final = frozenset({"linear", "taylor"})


def submit_references(config: Config, url: str, token: str, references: Path, say: Say) -> None:
    """Submit every directory of `references` as anybody would; the server knows which it has already.

    A recipe without weights is not submitted.
    """
    directories = sorted(
        (path.parent for path in references.glob("*/weights.safetensors")),
        key=lambda folder: (
            folder.name != _FIRST,
            folder.name in _LAST,
            sum(file.stat().st_size for file in folder.glob("*.*")),
        ),
    )
    if not directories:
        say(f"There are no submissions in {references}.")
        return
    new, known = list[str](), list[str]()
    for directory in directories:
        try:
            answer = _submit(config, url, token, directory)
        except (EvaluationError, OSError, httpx.HTTPError) as error:
            say(f"The reference submission {directory.name} could not be submitted: {error}")
            continue
        if answer.status_code == 201:
            new.append(directory.name)
        elif answer.is_success:
            known.append(f"{directory.name} ({answer.json()['status']})")
        else:
            say(f"The reference submission {directory.name} was refused: {_message(answer)}")
    if known:
        say(f"Reference submissions that are here already: {', '.join(known)}.")
    if new:
        say(
            f"Submitted {len(new)} reference submissions: {', '.join(new)}. "
            "Their octaves come first; verdicts follow one at a time, whenever nobody else waits."
        )
    watched = [name for name in new if name in ON_SAMPLES_TRACK]
    if watched:
        say(
            f"After their verdicts, {', '.join(watched)} learn on the samples track, six minutes each. "
            "`mbc admin cancel ID --track samples` stops one."
        )


def _submit(config: Config, url: str, token: str, directory: Path) -> httpx.Response:
    track = "both" if directory.name in ON_SAMPLES_TRACK else Track.OPEN.value
    with tempfile.TemporaryDirectory(dir=config.data / "uploads") as place:
        archive = Path(place) / f"{directory.name}.zip"
        pack(directory, archive)
        with archive.open("rb") as stream:
            return httpx.post(
                f"{url}/api/v1/submissions",
                files={"bundle": (archive.name, stream, "application/zip")},
                data={"track": track},
                headers={"Authorization": f"Bearer {token}"},
                timeout=60,
                trust_env=False,
            )


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError):
        return f"{answer.status_code} {answer.reason_phrase}"


def summary(url: str) -> str:
    """What the evaluator does and how much waits, in a line; '' where the server does not answer."""
    judging, waiting, provisional, judged = list[str](), 0, 0, 0
    for track in Track:
        try:
            answer = httpx.get(
                f"{url}/api/v1/board",
                params={"track": track.value, "per_page": 500},
                timeout=5,
                trust_env=False,
            )
            values = answer.json()
            pending, entries = values["pending"], values["entries"]
        except (httpx.HTTPError, ValueError, KeyError):
            return ""
        judging += [f"{one['name']} ({one['status']})" for one in pending if one["status"] != "queued"]
        waiting += values["pending_total"] - sum(one["status"] != "queued" for one in pending)
        provisional += sum(one["provisional"] for one in entries)
        judged += sum(not one["provisional"] for one in entries) + values["unranked_total"]
    parts = [f"judging {', '.join(judging)}" if judging else "idle", f"{waiting} waiting"]
    parts += [f"{provisional} provisional"] if provisional else []
    return ", ".join([*parts, f"{judged} judged"])

"""What goes over the wire: every field, its type, and what it means."""

from typing import Any, Final

from challenge.bundle.limits import WEIGHT_CLASSES
from challenge.results.verdicts import FINAL, Fault, Reason, Status
from challenge.scoring.tracks import BUDGETS, Track

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def whole(text: str, **more: Any) -> Schema:
    """A whole number, 0 or more."""
    return {"type": "integer", "minimum": 0, "description": text} | more


def number(text: str, **more: Any) -> Schema:
    """A finite number."""
    return {"type": "number", "description": text} | more


def words(text: str, **more: Any) -> Schema:
    """A text."""
    return {"type": "string", "description": text} | more


def truth(text: str) -> Schema:
    """Yes or no."""
    return {"type": "boolean", "description": text}


def items(schema: Schema, text: str, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": schema, "description": text} | more


def perhaps(schema: Schema) -> Schema:
    """The same, or null."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    values: Schema = schema | {"type": [schema["type"], "null"]}
    return values | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


def thing(text: str, properties: dict[str, Schema], **more: Any) -> Schema:
    """An object that has all of these fields, and no other."""
    return {
        "type": "object",
        "description": text,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    } | more


_MOMENT: Final = words("A moment, UTC, ISO 8601.", format="date-time")
_STATUS: Final = words("Where the evaluation is, or how it ended.", enum=[s.value for s in Status])
_LIVE: Final = words("A status that may change by itself.", enum=[s.value for s in Status if s not in FINAL])
_CLASS: Final = words("By the bytes of code and weights.", enum=list(WEIGHT_CLASSES))
_SHARE: Final = {"minimum": 0, "maximum": 1}
_PAIR: Final = {"minItems": 2, "maxItems": 2}

_FIGURES: Final[dict[str, Schema]] = {
    "octaves": perhaps(number("The score, in full precision.", minimum=0)),
    "interval": perhaps(items(number("octaves"), "95 % interval, [low, high].", **_PAIR)),
    "depth": perhaps(number("The octave at which the skill falls below one half.")),
    "precision_db": perhaps(number("PSNR over the whole set, in decibels.")),
    "universality": perhaps(number("How well the same network learns other data.")),
    "weight_class": _CLASS,
    "bytes": whole("Of code and weights."),
}

_TRACK: Final = words("open or samples.", enum=[t.value for t in Track])
_MACHINE: Final = perhaps(words("The class of the machine, on the samples track.", enum=list(BUDGETS)))

_NEWEST: Final = {
    "evaluation_id": whole("The number of the newest evaluation on this track."),
    "track": _TRACK,
    "machine": _MACHINE,
    "status": _STATUS,
    "final": truth("Whether nothing more happens by itself."),
    "message": words("What is happening."),
    "progress": number("Of this stage.", **_SHARE),
    "attempt": whole("How often a worker has begun."),
    "queue_position": perhaps(whole("1 for the next one.")),
    "reason": perhaps(words("Why it failed.", enum=[r.value for r in Reason])),
    "fault": perhaps(words("Whose doing that is.", enum=[f.value for f in Fault])),
    "sentence": words("The same in words; '' where nothing is wrong."),
    "season": words("The season's name."),
    **{name: schema for name, schema in _FIGURES.items() if name not in ("weight_class", "bytes")},
    "flagged": truth("Whether a person will look at it."),
}

_SUBMISSION: Final = {
    "id": whole("The submission's number."),
    "name": words("What it is called."),
    "author": words("Whom the manifest names."),
    "weight_class": _CLASS,
    "bytes": whole("Of code and weights."),
    "url": words("Its page.", format="uri"),
    **_NEWEST,
    "evaluations": items(ref("Newest"), "The newest evaluation on each track that it is on."),
}

_ENTRY: Final = {
    "rank": perhaps(items(whole("a rank"), "[best, worst] where the interval says tied.", **_PAIR)),
    "submission_id": whole("The submission's number."),
    "evaluation_id": whole("The evaluation it stands by."),
    "user_id": whole("Who handed it in."),
    "name": words("What it is called."),
    "author": words("Whom the manifest names."),
    "method": words("In a few words."),
    "status": _STATUS,
    "track": _TRACK,
    "machine": _MACHINE,
    "verified": truth("Whether it ranks on the samples track: the judge watched it learn."),
    "open_octaves": perhaps(number("On the open track, where it ranks there.", minimum=0)),
    "samples_octaves": perhaps(number("On the samples track, where it ranks there.", minimum=0)),
    **_FIGURES,
    "parameters": perhaps(whole("Parameters and buffers.")),
    "predictions_per_second": perhaps(number("On the evaluator's device.")),
    "device": perhaps(words("cpu or cuda.")),
    "date": _MOMENT,
    "reference": truth("Handed in by the platform, as a mark to beat."),
    "flagged": truth("Whether a person will look at it."),
}

_SIZE: Final = thing(
    "How large an evaluation set is.",
    {name: whole(name, minimum=1) for name in ("chains", "octaves", "points")},
)
_SECONDS: Final = thing(
    "Budget of one target by class of machine, on the machine that budgets are quoted for.",
    {name: number("Seconds.", exclusiveMinimum=0) for name in BUDGETS},
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": thing(
        "What went wrong (RFC 9457).",
        {
            "type": words("about:blank: the code says which kind it is."),
            "title": words("The status in words."),
            "status": whole("The HTTP status.", minimum=400, maximum=599),
            "detail": words("A sentence for people."),
            "code": words("A word for programs."),
            "help": words("What to do about it."),
        },
        required=["type", "title", "status", "detail", "code"],
    ),
    "Page": thing(
        "Where in a list this is.",
        {
            "number": whole("This page.", minimum=1),
            "size": whole("Entries on a full page.", minimum=1),
            "total": whole("Entries on all pages."),
            "pages": whole("How many there are.", minimum=1),
        },
    ),
    "Submission": thing(
        "How a submission stands: on the open track, or else on the samples track; `evaluations` has both.",
        _SUBMISSION,
    ),
    "Newest": thing("How it stands on one track.", _NEWEST),
    "Summary": thing(
        "A submission in a list.",
        {
            "id": whole("Its number."),
            "name": words("What it is called."),
            "author": words("Whom the manifest names."),
            "user": thing("Who handed it in.", {"id": whole("Their number."), "name": words("Their name.")}),
            "method": words("In a few words."),
            "weight_class": _CLASS,
            "bytes": whole("Of code and weights."),
            "created_at": _MOMENT,
            "track": perhaps(_TRACK),
            "status": _STATUS,
            "season": perhaps(words("Of its newest evaluation.")),
            "octaves": perhaps(number("The score, in full precision.")),
            "url": words("Its page.", format="uri"),
        },
    ),
    "Submissions": thing(
        "A page of submissions.",
        {"submissions": items(ref("Summary"), "The newest first."), "page": ref("Page")},
    ),
    "Entry": thing("An entry of the board.", _ENTRY),
    "Unranked": thing(
        "One that does not rank, and why.",
        _ENTRY
        | {
            "reason": perhaps(words("Why it failed.", enum=[r.value for r in Reason])),
            "sentence": words("The same in words."),
        },
    ),
    "Pending": thing(
        "One that waits or is being judged.",
        {
            "evaluation_id": whole("The evaluation's number."),
            "submission_id": whole("The submission's number."),
            **{name: _SUBMISSION[name] for name in ("name", "author")},
            "track": _TRACK,
            "status": _LIVE,
            **{name: _NEWEST[name] for name in ("progress", "message", "attempt", "queue_position", "final")},
        },
    ),
    "Board": thing(
        "The standing of a season on a track.",
        {
            "track": _TRACK,
            "machine": _MACHINE,
            "season": thing(
                "Which one.",
                {
                    "name": words("Its name."),
                    "commitment": words("SHA-256 of its secret."),
                    "state": words("open, closed or practice.", enum=["open", "closed", "practice"]),
                },
            ),
            "entries": items(ref("Entry"), "This page of the ranked ones."),
            "pending": items(ref("Pending"), "The next ones to be judged."),
            "pending_total": whole("How many wait or are being judged."),
            "unranked": items(ref("Unranked"), "The newest ones that do not rank."),
            "unranked_total": whole("How many do not rank."),
            "page": ref("Page"),
        },
    ),
    "Season": thing(
        "What evaluation sets are drawn from.",
        {
            "name": words("Its name."),
            "state": words("open, closed or practice.", enum=["open", "closed", "practice"]),
            "commitment": words("SHA-256 of its secret."),
            "secret": perhaps(words("Hexadecimal, once the season is closed.")),
            "size": _SIZE,
            "samples": thing(
                "What the samples track gives, and asks.",
                {
                    "count": whole("Random samples of each target.", minimum=2),
                    "seconds": _SECONDS,
                    "size": _SIZE,
                },
            ),
            "opened_at": _MOMENT,
            "closed_at": perhaps(_MOMENT),
        },
    ),
    "Seasons": thing(
        "A page of seasons.", {"seasons": items(ref("Season"), "The newest first."), "page": ref("Page")}
    ),
    "Person": thing(
        "Whose token it is.",
        {
            "name": words("Their name."),
            "reference": truth("Whether they hand in the references."),
            "token": words("The token's first letters."),
        },
    ),
    "Quota": thing(
        "What a person may still hand in.",
        {
            "a_day": whole("Bundles between two midnights, UTC."),
            "used_today": whole("What failed by our own fault is not counted."),
            "at_once": whole("Bundles that may wait or be judged at the same time."),
            "waiting": whole("How many do."),
            "renewed_at": _MOMENT,
            "left": whole("How many can be handed in now."),
        },
    ),
    "Limits": thing(
        "What a bundle may hold, in bytes, and a person hand in.",
        {
            "quota": perhaps(ref("Quota")),
            "hand_ins_a_day": whole("Bundles of one person between two midnights, UTC."),
            "hand_ins_waiting": whole("Bundles of one person that wait or are judged at the same time."),
            **{
                name: whole(name.replace("_", " "))
                for name in (
                    "archive_bytes",
                    "weights_bytes",
                    "source_bytes",
                    "frame_bytes",
                    "frames_bytes",
                    "members",
                )
            },
            "weight_classes": thing(
                "The most bytes of each.", {name: whole(f"{name}") for name in WEIGHT_CLASSES}
            ),
            "attempts": whole("How often an evaluation is tried where the platform is at fault."),
        },
    ),
    "Report": {
        "type": "object",
        "description": "The judge's report, as `mbc score --json` prints it; on the samples track with "
        "`--track samples`.",
        "required": ["season", "octaves", "interval", "skill", "verdict", "version"],
    },
    "Machine": thing(
        "What is in force where submissions are judged.",
        {
            "name": words("Tells it from other machines.", maxLength=64),
            "sandbox": words("As it stands in reports.", maxLength=400),
            "in_force": {
                "type": "object",
                "description": "Its isolation in words, by what they are about.",
                "additionalProperties": words("In words.", maxLength=400),
                "propertyNames": {"maxLength": 400},
                "maxProperties": 40,
            },
            "limits": {
                "type": "array",
                "description": "Of every submission.",
                "maxItems": 40,
                "items": ref("LimitInForce"),
            },
        },
    ),
    "LimitInForce": thing(
        "One limit of a sandboxed submission.",
        {
            "name": words("As MBC_LIMIT_NAME sets it.", maxLength=400),
            "figure": words("With its unit.", maxLength=400),
            "meaning": words("A sentence.", maxLength=400),
            "verdict": words("The reason of who goes beyond it, or what happens then.", maxLength=400),
        },
    ),
    "Noted": thing("It was noted.", {"noted": {"type": "boolean", "description": "True."}}),
    "Claim": thing(
        "An evaluation that is this worker's while it renews the lease.",
        {
            "evaluation_id": whole("The evaluation's number."),
            "submission_id": whole("The submission's number."),
            "status": _STATUS,
            "attempt": whole("The first one is 1."),
            "track": _TRACK,
            "lease": words("Goes into the header X-MBC-Lease."),
            "lease_seconds": number("How long it lasts without a word.", exclusiveMinimum=0),
            "season": thing(
                "What to judge it on.",
                {"name": words("Its name."), "secret": words("Hexadecimal."), "size": _SIZE},
            ),
            "lesson": perhaps(ref("Lesson")),
        },
    ),
    "Lesson": thing(
        "What is given on the samples track.",
        {"samples": whole("Of each target.", minimum=2), "seconds": _SECONDS},
    ),
    "Evaluation": thing(
        "How an evaluation stands.",
        {
            "evaluation_id": whole("The evaluation's number."),
            "submission_id": whole("The submission's number."),
            "status": _STATUS,
            "attempt": whole("The first one is 1."),
        },
    ),
    "Progress": {
        "type": "object",
        "description": "How far it is.",
        "properties": {
            "status": words(
                "A stage.", enum=[s.value for s in Status if s not in FINAL and s != Status.QUEUED]
            ),
            "progress": number("Of this stage.", **_SHARE),
            "message": words("What is happening."),
        },
        "required": ["status"],
    },
    "Failure": {
        "type": "object",
        "description": "Why it could not be judged; an unknown reason is taken for the platform's fault.",
        "properties": {
            "reason": words("Why.", enum=[r.value for r in Reason]),
            "detail": words("More about it; at most 1,000 characters are kept."),
        },
        "required": ["reason"],
    },
    "Picture": thing(
        "A picture that was kept.",
        {
            "name": words("Place, octave and kind."),
            "bytes": whole("As it was written anew."),
            "digest": words("SHA-256."),
        },
    ),
    "Kept": thing("It was kept.", {"evaluation_id": whole("The evaluation's number.")}),
}

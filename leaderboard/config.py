"""The settings of a leaderboard: from the command line and the environment."""

import json
import os
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from challenge.scoring.tracks import BUDGETS, CPU, GPU, SAMPLES
from challenge.util.exit_codes import SettingError
from challenge.util.queue import embedded_broker

_PREFIX: Final = "MBC_BOARD_"
_SESSION_KEY_LENGTH: Final = 32
_ADDRESS: Final = re.compile(r"[\w.:\[\]-]+:\d{1,5}", re.ASCII)
_STORAGE: Final = re.compile(r"(s3|gs|az)://[\w.-]+(/[\w./-]*)?|/.+", re.ASCII)


def _check_rate(text: str) -> str:
    from limits import parse_many  # noqa: PLC0415 - `mbc serve --help` is quick

    try:
        parse_many(text)
    except ValueError as error:
        raise ValueError("must be a rate such as '60 per minute'") from error
    return text


def _check_session_key(text: str) -> str:
    if text and len(text) < _SESSION_KEY_LENGTH:
        raise ValueError(f"must be a secret of at least {_SESSION_KEY_LENGTH} characters")
    return text


def _check_storage(text: str) -> str:
    if text and not _STORAGE.fullmatch(text):
        raise ValueError("must be a URL such as s3://bucket/prefix, or a whole path")
    return text


Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]


def _check_address(text: str) -> str:
    if text and not _ADDRESS.fullmatch(text):
        raise ValueError("must be an address such as 127.0.0.1:9464")
    return text


Address = Annotated[str, AfterValidator(_check_address)]
SessionKey = Annotated[str, AfterValidator(_check_session_key)]
StorageUrl = Annotated[str, AfterValidator(_check_storage)]
Rate = Annotated[str, AfterValidator(_check_rate)]


@dataclass(config=ConfigDict(extra="forbid", str_strip_whitespace=True), frozen=True)
class Config:
    """The settings of one leaderboard.

    Attributes:
        data: directory of uploads, tiles and keys, and unless others are named, of all that is kept.
        database: SQLAlchemy URL.
        broker: Celery broker URL.
        storage: where bundles and pictures are kept, such as "s3://bucket/prefix" or a folder that several
            servers share; '' for the data directory.
        lease_seconds: how long a worker may be silent before its evaluation goes to another.
        attempts: how often an evaluation is tried when the platform is at fault.
        sweep_seconds: pause between two looks for leases that have run out, and for workers to wake.
        canary_hours: pause between two canaries of a machine (services/canaries.py); 0 for none.
        streams: most event streams open at once; later ones are refused, and their pages poll.
        stream_seconds: longest life of one event stream; browsers come back by themselves.
        sign_seconds: longest silence of a stream: a sign of life also finds out who has left.
        truth_pixels: side of the pictures of the truth.
        truth_tile_mib: how much of the explorer's truth is kept, in MiB.
        model_tile_mib, model_tile_mib_each: the same of all models, and of each.
        tile_waiting: requests that may wait for tiles of the truth at once; later ones are refused.
        tile_rate: how many tiles one address may have drawn.
        chains, octaves, points: size of a season that this server opens.
        samples: random samples of each target of the samples track, in a season that this server opens.
        samples_seconds, samples_gpu_seconds: budget for one target there, by class of machine.
        certify: whose entries get a verdict: "all", or "best" for those that beat their author's best. Then
            the others, and evaluations on the samples track beside the open one, wait until somebody asks.
        hand_ins_a_day: bundles that one person may submit between two midnights, UTC.
        hand_ins_waiting: bundles of one person that may wait or be judged at the same time.
        sign_up: whether visitors may make accounts for themselves.
        write_rate: how often one address may change something, such as "60 per minute".
        sign_in_rate: how often one address may try to sign in or up.
        rate_storage: where the rates are counted: "memory://", or a redis:// URL.
        trusted_proxies: how many reverse proxies in front of this server may say who is asking.
        trusted_prefix: whether those proxies say below which path the board is, as X-Forwarded-Prefix.
        https: whether visitors come by HTTPS; cookies are then never sent without it.
        session_key: signs the cookies of people who are signed in, the same for all servers of a board; ''
            for one that the server makes and keeps in the data directory.
        metrics: where GET /metrics is answered, such as "127.0.0.1:9464"; '' for nowhere.
        github_id, github_secret: the OAuth application with which people sign in; '' for none.
        github_url, github_api: where GitHub is, or an Enterprise server.
    """

    data: Path
    database: str
    broker: str
    storage: StorageUrl = ""
    lease_seconds: Seconds = 120
    attempts: Count = 3
    sweep_seconds: Seconds = 5
    canary_hours: Annotated[float, Field(ge=0)] = 24
    streams: Count = 8
    stream_seconds: Seconds = 300
    sign_seconds: Seconds = 5
    truth_pixels: Count = 256
    truth_tile_mib: Count = 512
    model_tile_mib: Count = 1024
    model_tile_mib_each: Count = 64
    tile_waiting: Count = 8
    tile_rate: Rate = "3000 per minute"
    chains: Count = 64
    octaves: Count = 32
    points: Count = 512
    samples: Count = SAMPLES
    samples_seconds: Seconds = BUDGETS[CPU]
    samples_gpu_seconds: Seconds = BUDGETS[GPU]
    certify: Literal["best", "all"] = "all"
    hand_ins_a_day: Count = 20
    hand_ins_waiting: Count = 5
    sign_up: bool = True
    write_rate: Rate = "120 per minute"
    sign_in_rate: Rate = "10 per minute; 60 per hour"
    rate_storage: str = "memory://"
    trusted_proxies: Annotated[int, Field(ge=0)] = 0
    trusted_prefix: bool = False
    https: bool = False
    session_key: SessionKey = Field(default="", repr=False)
    metrics: Address = ""
    github_id: str = ""
    github_secret: str = Field(default="", repr=False)
    github_url: str = "https://github.com"
    github_api: str = "https://api.github.com"

    @classmethod
    def make(cls, data: Path, database: str | None = None, broker: str | None = None, **values: Any) -> Self:
        """The settings for a data directory, with what is inside it as the default for the rest.

        Everything else can be set from the environment as MBC_BOARD_<NAME>, such as MBC_BOARD_LEASE_SECONDS.

        Raises:
            SettingError: a setting from the environment cannot be used.
        """
        data = data.resolve()
        asked = {"data", "database", "broker", *values}
        texts = {
            known.name: text
            for known in fields(cls)
            if known.name not in asked and (text := os.environ.get(_PREFIX + known.name.upper())) is not None
        }
        try:
            return cls(
                data=data,
                database=with_driver(database or f"sqlite:///{data / 'leaderboard.sqlite'}"),
                broker=broker or embedded_broker(data),
                **texts,  # type: ignore[arg-type]  # pydantic makes numbers and truths of them
                **values,
            )
        except ValidationError as error:
            raise SettingError(_explain(error)) from error

    def to_json(self) -> str:
        """JSON text for the serving process, which is a child of `mbc serve`."""
        return json.dumps(asdict(self) | {"data": str(self.data)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The settings of `to_json`."""
        return TypeAdapter(cls).validate_json(text)


def _explain(error: ValidationError) -> str:
    """The first unusable setting: its variable, what it must be, and what it is."""
    first = error.errors()[0]
    kind = first["type"]
    if kind.startswith("bool"):
        needed = "must be yes or no"
    elif kind == "literal_error":
        needed = f"must be {first['ctx']['expected']}"
    elif kind == "value_error":
        needed = str(first["ctx"]["error"])
    else:
        needed = "must be a positive number"
    name = str(first["loc"][0])
    # A secret is not repeated, not even one that is too short.
    given = "" if name == "session_key" else f", not {first['input']!r}"
    return f"{_PREFIX}{name.upper()} {needed}{given}."


def with_driver(url: str) -> str:
    """A PostgreSQL URL without a driver gets the one that is installed with this project."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url

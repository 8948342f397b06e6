"""What a leaderboard is told from outside."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from challenge.scoring.tracks import BUDGETS, CPU, GPU, SAMPLES
from challenge.util.exit_codes import SettingError
from challenge.util.queue import embedded_broker

_PREFIX: Final = "MBC_BOARD_"


@dataclass(frozen=True)
class Config:
    """The settings of one leaderboard.

    Attributes:
        data: directory of bundles, pictures, and the embedded database and queue.
        database: SQLAlchemy URL.
        broker: Celery broker URL.
        lease_seconds: how long a worker may be silent before its evaluation goes to another.
        attempts: how often an evaluation is tried when the platform is at fault.
        sweep_seconds: pause between two looks for leases that have run out, and for workers to wake.
        streams: most event streams open at once; who comes later polls.
        stream_seconds: longest life of one event stream; browsers come back by themselves.
        sign_seconds: longest silence of a stream: a sign of life also finds out who has left.
        truth_pixels: side of the pictures of the truth.
        truth_tile_mib: how much of the explorer's truth is kept, in MiB.
        model_tile_mib, model_tile_mib_each: the same of all models, and of each.
        tile_waiting: requests that may wait for tiles of the truth at once; who comes later tries again.
        tile_rate: how many tiles one address may have drawn.
        chains, octaves, points: size of a season that this server opens.
        samples: random samples of each target of the samples track, in a season that this server opens.
        samples_seconds, samples_gpu_seconds: budget for one target there, by class of machine.
        hand_ins_a_day: bundles that one person may hand in between two midnights, UTC.
        hand_ins_waiting: bundles of one person that may wait or be judged at the same time.
        sign_up: whether visitors may make accounts for themselves.
        write_rate: how often one address may change something, such as "60 per minute".
        sign_in_rate: how often one address may try to sign in or up.
        rate_storage: where the rates are counted: "memory://", or a redis:// URL.
        trusted_proxies: how many reverse proxies in front of this server may say who is asking.
        https: whether visitors come by HTTPS; cookies are then never sent without it.
        github_id, github_secret: the OAuth application with which people sign in; '' for none.
        github_url, github_api: where GitHub is, or an Enterprise server.
    """

    data: Path
    database: str
    broker: str
    lease_seconds: float = 120
    attempts: int = 3
    sweep_seconds: float = 5
    streams: int = 8
    stream_seconds: float = 300
    sign_seconds: float = 5
    truth_pixels: int = 256
    truth_tile_mib: int = 512
    model_tile_mib: int = 1024
    model_tile_mib_each: int = 64
    tile_waiting: int = 8
    tile_rate: str = "3000 per minute"
    chains: int = 64
    octaves: int = 32
    points: int = 512
    samples: int = SAMPLES
    samples_seconds: float = BUDGETS[CPU]
    samples_gpu_seconds: float = BUDGETS[GPU]
    hand_ins_a_day: int = 20
    hand_ins_waiting: int = 5
    sign_up: bool = True
    write_rate: str = "120 per minute"
    sign_in_rate: str = "10 per minute; 60 per hour"
    rate_storage: str = "memory://"
    trusted_proxies: int = 0
    https: bool = False
    github_id: str = ""
    github_secret: str = field(default="", repr=False)
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
        for name, known in cls.__dataclass_fields__.items():
            text = os.environ.get(_PREFIX + name.upper())
            if text is not None and name not in (*values, "data", "database", "broker"):
                values[name] = _read(_PREFIX + name.upper(), text, known.type)
        for name in ("write_rate", "sign_in_rate", "tile_rate"):
            _check_rate(_PREFIX + name.upper(), values.get(name, getattr(cls, name)))
        return cls(
            data=data,
            database=with_driver(database or f"sqlite:///{data / 'leaderboard.sqlite'}"),
            broker=broker or embedded_broker(data),
            **values,
        )

    def to_json(self) -> str:
        """For the serving process, which is a child of `mbc serve`."""
        return json.dumps(asdict(self) | {"data": str(self.data)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The settings of `to_json`."""
        values = json.loads(text)
        return cls(**values | {"data": Path(values["data"])})


_MAY_BE_NOTHING: Final = _PREFIX + "TRUSTED_PROXIES"


def _read(variable: str, text: str, kind: Any) -> Any:
    if kind is str:
        return text.strip()
    if kind is bool:
        if text.strip().lower() not in ("0", "1", "no", "yes", "false", "true"):
            raise SettingError(f"{variable} must be yes or no, not {text!r}.")
        return text.strip().lower() in ("1", "yes", "true")
    try:
        value = kind(text)
    except ValueError:
        value = -1
    if not (value > 0 or (value == 0 and variable == _MAY_BE_NOTHING)):
        raise SettingError(f"{variable} must be a positive number, not {text!r}.")
    return value


def _check_rate(variable: str, text: str) -> None:
    from limits import parse_many  # noqa: PLC0415 - `mbc serve --help` is quick

    try:
        parse_many(text)
    except ValueError as error:
        raise SettingError(f"{variable} must be a rate such as '60 per minute', not {text!r}.") from error


def with_driver(url: str) -> str:
    """A PostgreSQL URL without a driver gets the one that is installed with this project."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url

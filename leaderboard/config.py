"""What a leaderboard is told from outside."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from challenge.exits import SettingError
from challenge.queue import embedded_broker

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
        sweep_seconds: pause between two looks for leases that have run out.
        unclaimed_seconds: how long a task may lie unclaimed, while nothing runs, before it is sent again.
        streams: most event streams open at once; who comes later polls.
        stream_seconds: longest life of one event stream; browsers come back by themselves.
        sign_seconds: longest silence of a stream: a sign of life also finds out who has left.
        truth_pixels: side of the pictures of the truth.
        chains, octaves, points: size of a season that this server opens.
    """

    data: Path
    database: str
    broker: str
    lease_seconds: float = 120
    attempts: int = 3
    sweep_seconds: float = 5
    unclaimed_seconds: float = 30
    streams: int = 8
    stream_seconds: float = 300
    sign_seconds: float = 5
    truth_pixels: int = 256
    chains: int = 64
    octaves: int = 32
    points: int = 512

    @classmethod
    def make(cls, data: Path, database: str | None = None, broker: str | None = None, **values: Any) -> Self:
        """The settings for a data directory, with what is inside it as the default for the rest.

        Every number can be set from the environment as MBC_BOARD_<NAME>, such as MBC_BOARD_LEASE_SECONDS.
        """
        data = data.resolve()
        for name, field in cls.__dataclass_fields__.items():
            text = os.environ.get(_PREFIX + name.upper())
            if text is not None and field.type in (int, float) and name not in values:
                values[name] = _number(_PREFIX + name.upper(), text, field.type)
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


def _number(variable: str, text: str, kind: Any) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = 0
    if not value > 0:
        raise SettingError(f"{variable} must be a positive number, not {text!r}.")
    return value


def with_driver(url: str) -> str:
    """A PostgreSQL URL without a driver gets the one that is installed with this project."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url

"""A season: a name and a secret from which everything random derives (docs/spec.md, section 3)."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

SECRET_BYTES: Final = 32


@dataclass(frozen=True)
class Season:
    """A season of the challenge.

    Attributes:
        name: what people call it.
        secret: 32 bytes; never shown by repr, so that it does not end in a log.
    """

    name: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise ValueError(f"a season's secret has {SECRET_BYTES} bytes, not {len(self.secret)}")

    @classmethod
    def open(cls, name: str) -> Self:
        """A new season with a fresh secret from the operating system."""
        return cls(name, secrets.token_bytes(SECRET_BYTES))

    @property
    def commitment(self) -> str:
        """SHA-256 of the secret in hex: published when the season opens."""
        return hashlib.sha256(self.secret).hexdigest()

    def generator(self, *purpose: str | int) -> np.random.Generator:
        """The random generator of one purpose: Philox, keyed by SHA-256 of secret and purpose.

        The parts of a purpose are joined by "/", so a part must not hold one.
        """
        parts = [str(part) for part in purpose]
        if not parts or any("/" in part or not part for part in parts):
            raise ValueError(f"a purpose needs parts without '/', not {purpose!r}")
        digest = hashlib.sha256(self.secret + "/".join(parts).encode()).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


PRACTICE: Final = Season("practice", hashlib.sha256(b"the practice season has no secret").digest())

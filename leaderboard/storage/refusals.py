"""Refusals where the storage fails."""

from leaderboard.errors import Refused


def too_large(key: str, most: int) -> Refused:
    """A stored file is larger than anything that was ever accepted under its key."""
    return Refused(502, "storage_large", f"{key} in the storage has more than the {most:,} bytes allowed.")


def unreadable(name: str, why: str) -> Refused:
    """The storage cannot be asked."""
    return Refused(
        503, "storage_away", f"The storage {name} cannot be read: {why}.", "Try again later.", retry_after=30
    )


def unwritable(name: str, why: str) -> Refused:
    """Nothing can be stored."""
    return Refused(
        507,
        "storage_full",
        f"The server cannot store the file in {name}: {why}. Nothing was changed.",
        "Try again later, or tell the people who run this server.",
    )

"""Conditions in SQL that several tables state."""

from typing import Final

from challenge.results.verdicts import FINAL, Status


def among(column: str, values: object) -> str:
    """Whether a column's text is one of these values."""
    return f"{column} IN ({', '.join(repr(str(v)) for v in sorted(values))})"  # type: ignore[call-overload]


# For rows that were there before their column.
LONG_AGO: Final = "1970-01-01 00:00:00.000000"

FINAL_STATUS: Final = among("status", FINAL)
LIVE: Final = among("status", set(Status) - FINAL)

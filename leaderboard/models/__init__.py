"""The tables, and the invariants that the database itself keeps."""

from leaderboard.db import Base
from leaderboard.models.machines import Canary, MachineRow
from leaderboard.models.people import AuditRow, HandIn, SettingRow, Token, User
from leaderboard.models.results import (
    Artifact,
    RankedEntry,
    RankTable,
    ReportRow,
    Reproduction,
    StageRow,
)
from leaderboard.models.seasons import SeasonRow
from leaderboard.models.submissions import Evaluation, Submission, SubmissionText

__all__ = [
    "Artifact",
    "AuditRow",
    "Base",
    "Canary",
    "Evaluation",
    "HandIn",
    "MachineRow",
    "RankTable",
    "RankedEntry",
    "ReportRow",
    "Reproduction",
    "SeasonRow",
    "SettingRow",
    "StageRow",
    "Submission",
    "SubmissionText",
    "Token",
    "User",
]

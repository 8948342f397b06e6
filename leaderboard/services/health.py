"""Whether a server can do its work."""

import os

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from leaderboard.config import Config
from leaderboard.db import cause
from leaderboard.errors import Refused
from leaderboard.storage import storage_of


def problem(readers: sessionmaker[Session], config: Config) -> str:
    """What keeps it from working, in a sentence; '' where nothing does."""
    try:
        with readers() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return f"The database does not answer: {cause(error)}."
    if not os.access(config.data, os.W_OK | os.X_OK):
        return "The data directory cannot be written."
    try:
        storage_of(config).find("ready")
    except Refused as error:
        return error.message
    return ""

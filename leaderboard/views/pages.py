"""The pages."""

from flask import Blueprint, render_template

from leaderboard.services import standings
from leaderboard.views.common import board_season, reading

pages = Blueprint("pages", __name__)


@pages.get("/")
def board() -> str:
    """The board."""
    with reading() as session:
        standing = standings.board(session, board_season(session))
        return render_template("board.html", board=standing)


@pages.get("/submissions/<int:submission_id>")
def submission(submission_id: int) -> str:
    return str(submission_id)

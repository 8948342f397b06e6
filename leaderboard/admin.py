"""`mbc admin`: users, tokens, seasons, judging again, verdicts, export."""

import click


@click.group()
def admin() -> None:
    """Look after a leaderboard."""

"""Alembic migrations; leaderboard.db runs them."""

"""Who did how well: the leaderboard's pages, API and database."""

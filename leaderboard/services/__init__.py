"""What the leaderboard does, apart from the web: each function receives its session."""

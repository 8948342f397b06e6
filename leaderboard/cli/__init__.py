"""The leaderboard's commands of `mbc`: serve and admin."""

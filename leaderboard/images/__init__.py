"""Raster images that the leaderboard draws or recolours."""

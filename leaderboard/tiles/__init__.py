"""Map tiles for the explorer: of the truth and of models, kept within a bound."""

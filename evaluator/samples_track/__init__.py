"""The samples track: submissions learn secret targets from samples while the judge watches."""

"""Reports of evaluations, and how their figures and verdicts are put into words."""

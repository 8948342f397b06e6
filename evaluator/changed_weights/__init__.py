"""Other weights made from a submission's own for the probes, in a process of limited memory."""

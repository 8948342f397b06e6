"""How a submission is judged: the sandbox, the judge and the worker."""

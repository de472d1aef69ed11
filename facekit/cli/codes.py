"""Exit codes: 0 done, 2 the user's fault, 130 interrupted and resumable. Python itself leaves with 1 for a bug."""

DONE, FAULT, INTERRUPTED = 0, 2, 130

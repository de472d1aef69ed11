"""Exit codes: 0 done, 2 the user's fault, 130 interrupted and resumable. Python itself leaves with 1 for a bug."""

DONE, BUG, FAULT, INTERRUPTED = 0, 1, 2, 130

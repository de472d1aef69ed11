"""What the answers were like, day by day, against what was enrolled: when have photos, faces or people changed?

Only counts are kept: how many faces of a day had a brightness in this or that bin, and so on; no picture, no name, no
embedding. `measures.py` says what is counted, and `reference.py` finds what enrolled faces (or the held-out pictures of
a run) are like, whose quantiles are the edges of the bins. `days.py` keeps the counts beside the gallery (`sqlite.py`,
`postgres.py`, `places.py`), and `recorder.py` adds to them. `findings.py` compares days with the reference
(`facekit/scores/stability.py`), and `words.py` says what has changed and what to do about it.
"""

"""Serve HTTP: the review page on this machine only (`guard.py`, `server.py`), and an API that is up for months.

The API, from the outside in: `workers.py` starts processes, each with an application that `app.py` builds. In front of
it stands `gate.py`, which refuses whoever has no key, comes from another site, sends too much, or comes when too many
wait. `uploads.py` takes pictures out of requests, `asking.py` and `people.py` are the routes, `answers.py` is what
they return. `engine.py` finds and embeds faces in threads, those of several requests together (`batching.py`), and
`live.py` is the gallery as it is now, whichever process changed it. `monitor/` counts what the answers are like by day.
"""

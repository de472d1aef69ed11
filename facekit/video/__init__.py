"""Who is in a video, and when: files, streams and cameras.

From the input to the answer:

- `sources.py` tells photos, videos, web addresses and cameras apart in what a command is given.
- `opening.py` opens one with PyAV, in a way that no file or address can lead to another; `frames.py` decodes it to
  upright frames with their times, and counts what is broken.
- `joining.py` joins a stream that drops again; `live.py` takes the newest frame of a live one and drops the others.
- `eyes.py` finds the faces of a frame and says who a track is: by a gallery, or by a trained run.
- `tracking.py` links the faces of successive frames to tracks, by overlap and embedding; `evidence.py` is what a track
  is named by; `strangers.py` gives those whom nobody knows a number.
- `watching.py` runs these together and yields one appearance a track; `summary.py` writes who was there when.
"""

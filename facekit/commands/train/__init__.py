"""Train: a network, or a linear head on a frozen one, on a folder with one folder of pictures per person.

On several hosts (`--hosts`) a process of its own trains on each: JAX has to know of the others before it computes
anything, and ends its process where another host is gone. `supervising` starts that process and passes on what it
reports; `worker` is its program, `joining` finds the others.
"""

from facekit.commands.train.stage import train

__all__ = ["train"]

"""The options of each command: one module and one dataclass per command.

The command line, the TOML recipe and Python callers use the same classes, and every limit is
checked when an object is made, so that nothing is refused after an hour's work.
"""

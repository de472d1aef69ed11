"""Workers on many machines, by Dask's distributed scheduler: `--cluster dask://HOST:8786`.

`address` reads what the option says and imports nothing. `client` is the parent's side: it sends chunks, waits for them
in order, and sends them again where a scheduler was lost. `task` is the worker's side: it refuses work for which its
machine differs from the parent's, and does the rest. Only the parent writes, and only pickled functions and values
travel; pictures are read by the workers, from a folder that all of them share.
"""

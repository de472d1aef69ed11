"""From a list of names to a face model that can be trusted.

Each command of the command line is one function with one options object::

    from facekit.commands.crop import crop
    from facekit.options.crop import Crop

    report = crop(Crop(input="raw", output="faces", size=160))
"""

__version__ = "0.1.0"

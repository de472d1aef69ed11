"""One module or package per command, with the name of the command."""

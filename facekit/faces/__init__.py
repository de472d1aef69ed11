"""Where a face is in a photo, and how good it is."""

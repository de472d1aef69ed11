"""The kinds of things that facekit writes, and how a person is removed from each."""

"""A drawn world of invented people, for the demo, the tests and the docs."""

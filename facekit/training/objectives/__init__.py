"""Embeddings of one's own: objectives under which a network learns to keep people apart, also those it never saw."""

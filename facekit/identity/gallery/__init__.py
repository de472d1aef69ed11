"""A gallery: enrolled people, their faces as embeddings, where these came from, and what a person decided.

The design, from the disk up:

- `store.py` says what a gallery can be asked and told (the protocol `Store`). It is kept in SQL: `transactions.py`,
  `queries.py` and `changes.py` hold the statements, which every database understands. Each change is one transaction,
  so that a kill leaves all of it or nothing, and several processes may read and write. It raises the *generation* by
  one.
- `sqlite.py` keeps a gallery in one SQLite file, which `opening.py` opens as one from a stranger; `postgres.py` keeps
  one in a PostgreSQL database with pgvector, over `connecting.py`. `place.py` tells which of them a path or an address
  means.
- `index.py` keeps the embeddings once more in a memory map, which is derived: it notes the generation that it is of and
  a digest of its bytes, takes over what has changed since, and is built again where either is wrong. A face keeps its
  row for ever and a row is never used twice, so that a process which still reads an older state finds no wrong name.
- `search.py` finds how near a face is to each person. It is exact: the nearest faces, which `scan.py` finds, nominate
  people, whose similarity is that of `openset/known.py`, and the search goes on until nobody else can be nearer. Past a
  million faces `graph.py` nominates them, if usearch is installed.
- `naming.py` names the faces of one picture together: nobody twice, with `unknown` as the alternative of each face, and
  with the faces that a person has said somebody is not. It takes embeddings and knows no files, so that photos, the
  frames of a video and a server can call it.
- `promise.py` finds the threshold from the gallery's own people, each left out in turn, and says how far it can be
  relied on. It belongs to a generation and is found again when that has changed.
- `gallery.py` holds these together, and refuses embeddings of another embedder.

`runs/known_faces.py` is something else: the known faces inside a trained model, with which it tells strangers.
"""

from facekit.identity.gallery.gallery import Gallery
from facekit.identity.gallery.naming import Identity, Namer
from facekit.identity.gallery.values import About, NewFace, Person

__all__ = ["About", "Gallery", "Identity", "Namer", "NewFace", "Person"]

"""Remove a person from everything that facekit wrote: pictures, lines, embeddings, models, pages.

- `targets.py` says what is to go: names, photos, pictures, bytes, addresses. It grows while folders are looked through:
  a photo that is found under a name leads to whatever was made of it, under any other name too.
- `kinds/` has one module for each kind of thing that facekit writes. Each says how such a thing is recognised, what
  of a person it holds, and how that is removed, so that doing it twice does no harm. `kinds/registry.py` lists
  them, and the modules whose files hold nobody; a test holds both lists against all modules that write anything.
- `survey.py` finds the things in the folders that were given. Nothing else is touched.
- `untouched.py` finds what names the person there and stays, because facekit did not write it.
- `likeness.py` finds the same photo where nothing else connects the two.
- `journal.py` keeps the plan on disk before the first change, so that a killed removal is finished by the next one.
- `receipt.py` says what was removed, when and from where.
- `carrying.py` does it, in the order: never again, then caches, galleries, data sets, models, pages.
"""

from facekit.removal.carrying import Asked, remove

__all__ = ["Asked", "remove"]

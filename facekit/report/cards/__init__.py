"""Cards: what a data set, a model or a gallery is, for people (Markdown) and for machines (Croissant).

`facts` are values that the `card` command gathers from lineage; `wording` draws from them what can be said of limits
and use; `markdown` and `croissant` write them down. Nothing in a card is written by hand, so that `card --check` can
say whether it is still true.
"""

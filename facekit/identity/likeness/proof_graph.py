"""What follows from proofs: repeats to leave out, pictures with two names, and links between the others.

Pictures that no eye can tell apart form one class: what is proved of any of them holds for all. So a placeholder
that was downloaded five thousand times takes five thousand steps, not as many pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import scipy

from facekit.identity.likeness.proof import Proof, Reason

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison


class ProofGraph:
    """The classes of equal pictures in some proofs, and which classes are proved to show one photo.

    A class is named by its lowest position.
    """

    def __init__(self, proved: Iterable[Proof]) -> None:
        """Read the proofs."""
        proved = list(proved)
        equal = scipy.cluster.hierarchy.DisjointSet(sorted({place for proof in proved for place in proof[:2]}))
        for proof in proved:
            if proof.equal:
                equal.merge(proof.first, proof.second)
        self.members: dict[int, list[int]] = {members[0]: members for members in map(sorted, equal.subsets())}
        """Class -> the pictures in it, in order."""
        self._class = {place: own for own, members in self.members.items() for place in members}
        self.near: dict[int, dict[int, bool]] = defaultdict(dict)
        """Class -> the classes that show the same photo, and whether they are repeats."""
        self._bursts: set[tuple[int, int]] = set()
        for proof in proved:
            one, other = self._class[proof.first], self._class[proof.second]
            if one != other:
                one, other = sorted((one, other))
                if proof.reason == "photo":
                    self._bursts.discard((one, other))
                elif other not in self.near[one]:
                    self._bursts.add((one, other))
                repeat = proof.repeat or self.near[one].get(other, False)
                self.near[one][other] = self.near[other][one] = repeat

    def of(self, place: int) -> int:
        """Return the class of a picture; one without proofs is a class of its own."""
        return self._class.get(place, place)

    def reason(self, one: int, other: int) -> Reason:
        """Return why two classes of `near` belong together: they show one photo if any proof says so."""
        return "burst" if (min(one, other), max(one, other)) in self._bursts else "photo"

    def repeated_by(self, place: int) -> list[int]:
        """Return the classes whose members repeat a picture, its own first."""
        own = self.of(place)
        return [own, *sorted(other for other, repeat in self.near.get(own, {}).items() if repeat)]


def repeats(
    proved: Iterable[Proof], rank: Callable[[int], SupportsRichComparison], name: Callable[[int], Hashable]
) -> Iterator[tuple[int, int]]:
    """Yield each repeat within a name, with the picture that stays in its place: the one of the lowest rank.

    A picture is a repeat only of one that stays: a repeat of a repeat is not enough, unless no eye could tell the
    two apart.
    """
    graph = ProofGraph(proved)
    waiting: dict[tuple[int, Hashable], list[int]] = defaultdict(list)
    for own, members in graph.members.items():
        for place in members:
            waiting[own, name(place)].append(place)
    gone: set[int] = set()
    for place in sorted((place for members in graph.members.values() for place in members), key=rank):
        if place in gone:
            continue
        for other in graph.repeated_by(place):
            found = waiting.pop((other, name(place)), [])
            yield from ((one, place) for one in found if one != place and one not in gone)
            gone.update(one for one in found if one != place)
        gone.add(place)


def shared(proved: Iterable[Proof], name: Callable[[int], Hashable]) -> Iterator[tuple[int, int]]:
    """Yield each picture that is a repeat of one under another name, with that other."""
    graph = ProofGraph(proved)
    first: dict[int, dict[Hashable, int]] = defaultdict(dict)
    for own, members in graph.members.items():
        for place in members:
            first[own].setdefault(name(place), place)
    for place in sorted(place for members in graph.members.values() for place in members):
        others = ((their, at) for near in graph.repeated_by(place) for their, at in first[near].items())
        other = next((at for their, at in others if their != name(place)), None)
        if other is not None:
            yield place, other


def among(proved: Iterable[Proof], stay: Collection[int]) -> list[Proof]:
    """Return what the proofs say of only the pictures that stay.

    Dropping the other proofs one by one would lose what is known through a picture that represents its equals.
    """
    graph = ProofGraph(proved)
    left: dict[int, Sequence[int]] = {
        own: [place for place in members if place in stay] for own, members in graph.members.items()
    }
    kept = [Proof(members[0], other, True, True) for members in left.values() for other in members[1:]]
    for one in sorted(graph.near):
        for other, repeat in sorted(graph.near[one].items()):
            if one < other and left[one] and left[other]:
                first, second = sorted((left[one][0], left[other][0]))
                kept.append(Proof(first, second, repeat, reason=graph.reason(one, other)))
    return sorted(kept)


def links(proved: Iterable[Proof], stay: Collection[int]) -> list[tuple[int, int]]:
    """Return pairs of the pictures that stay, enough to link all that are proved to show one photo."""
    return [(proof.first, proof.second) for proof in among(proved, stay)]

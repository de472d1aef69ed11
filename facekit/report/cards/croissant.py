"""A card as JSON-LD for machines: Croissant 1.1 with the fields for responsible AI (RAI 1.0)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from facekit.base.text import visible
from facekit.report.cards.facts import Data, Facts, Origin
from facekit.report.cards.wording import (
    UNKNOWN,
    balance,
    judged,
    licence,
    not_for,
    nothing_left,
    options_of,
    uses,
    where_from,
)

FILE = "croissant.json"

CONFORMS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")

URL = "https://example.invalid/"
"""Stands for where a data set is published, which no lineage knows; `.invalid` never leads anywhere (RFC 2606)."""

_TERMS = (
    *(
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "excludes",
        "extract",
        "field",
        "fileProperty",
        "fileObject",
        "fileSet",
    ),
    *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
    *("references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
)

CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}

_FIELDS = {
    "id": "SHA-256 that names the picture; its file is called by the first 16 digits.",
    "path": "Path of the file, from the folder of this card.",
    "label": "The folder: the name of the person, made safe for file systems.",
    "origin": "The photo that the picture comes from.",
    "group": "What may not cross a split: photos that are one photo.",
    "split": "train, test or validation; absent without a split.",
}

_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif"}


def croissant(facts: Facts) -> dict[str, Any]:
    """Return the JSON-LD as plain values."""
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": re.sub(r"[^A-Za-z0-9_.-]+", "-", facts.title).strip("-") or "faces",
        "alternateName": visible(facts.title),
        "description": f"{visible(facts.summary)} {visible(licence(facts))}",
        "conformsTo": list(CONFORMS),
        "version": f"0.0.0+{facts.digest[:12]}" if facts.digest else "0.0.0",
        "license": _licences(facts),
        "url": URL,
        "citeAs": f"{visible(facts.title)}, a data set made with facekit, fingerprint {facts.digest or 'none'}",
        "keywords": ["face recognition", "biometric data", "facekit"],
        "isLiveDataset": False,
        **_rai(facts),
        **_files(facts),
    }


def _licences(facts: Facts) -> list[str]:
    origin = facts.data.origin if facts.data else Origin()
    named = [visible(one) for one in origin.licence_urls]
    unnamed = [visible(name) for name in origin.licences if name != UNKNOWN] if not named else []
    return [*named, *unnamed, *(["unknown"] if UNKNOWN in origin.licences or not origin.licences else [])]


def _rai(facts: Facts) -> dict[str, Any]:
    data = facts.data
    values: dict[str, Any] = {
        "rai:dataUseCases": uses(facts),
        "rai:dataLimitations": not_for(facts),
        "rai:personalSensitiveInformation": [
            "None: the faces are drawn." if facts.drawn else "Faces with the names of people: biometric data."
        ],
        "rai:dataReleaseMaintenancePlan": [
            "A person is removed with `facekit forget`; the card is then written again, with another fingerprint."
        ],
    }
    return values if data is None else {**values, **_collection(facts, data), **_annotation(data)}


def _collection(facts: Facts, data: Data) -> dict[str, Any]:
    origin = data.origin
    searched = set(origin.engines) - {"folder", "archive", UNKNOWN}
    left = [f"{stage.name}: {count:,} {reason}" for stage in data.stages for reason, count in stage.left.items()]
    values: dict[str, Any] = {
        "rai:dataCollection": visible(f"{where_from(facts)}."),
        "rai:dataCollectionType": ["Web Scraping"] if searched else ["Others"],
        "rai:dataCollectionMissingData": visible("; ".join(left) or nothing_left(data)),
        "rai:dataPreprocessingProtocol": [
            visible(f"facekit {stage.name}: {', '.join(f'{k}={v}' for k, v in options_of(stage.options).items())}")
            for stage in data.stages
        ],
        "rai:dataBiases": [visible(f"{balance(data)}.")],
    }
    if origin.fetched is not None:
        values["rai:dataCollectionTimeframe"] = list(origin.fetched)
    hosts = ", ".join(f"{host} ({count:,})" for host, count in origin.hosts.items())
    return values | ({"rai:dataCollectionRawData": visible(f"Hosts: {hosts}")} if hosts else {})


def _annotation(data: Data) -> dict[str, Any]:
    if not data.judged:
        return {
            "rai:dataAnnotationProtocol": "Labels are the names of the folders in which the photos were.",
            "rai:dataAnnotationAnalysis": [judged(data)],
        }
    return {
        "rai:dataAnnotationProtocol": "Labels are the names that were searched for, or the folders' names; networks "
        "then judged whose face each is.",
        "rai:dataAnnotationAnalysis": [visible(judged(data))],
        "rai:machineAnnotationTools": [visible(tool) for tool in data.cleaned_with],
    }


def _files(facts: Facts) -> dict[str, Any]:
    if not facts.records:
        return {}
    lines = {
        "@type": "cr:FileObject",
        "@id": "records",
        "name": facts.records,
        "description": "One JSON object for each picture.",
        "contentUrl": quote(facts.records),
        "encodingFormat": "application/jsonlines",
        "sha256": facts.records_sha256,
    }
    pictures = [
        {
            "@type": "cr:FileSet",
            "@id": f"pictures{suffix}",
            "name": f"pictures{suffix}",
            "description": "The pictures, a folder for each label.",
            "encodingFormat": _TYPES.get(suffix, f"image/{suffix[1:]}"),
            "includes": f"*/*{suffix}",
        }
        for suffix in facts.suffixes
    ]
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"pictures/{name}",
            "name": name,
            "description": meaning,
            "dataType": "sc:Text",
            "source": {"fileObject": {"@id": "records"}, "extract": {"column": name}},
        }
        for name, meaning in _FIELDS.items()
        if name != "split" or (facts.data and facts.data.parts)
    ]
    record_set = {"@type": "cr:RecordSet", "@id": "pictures", "name": "pictures", "key": {"@id": "pictures/path"}}
    return {"distribution": [lines, *pictures], "recordSet": [{**record_set, "field": fields}]}

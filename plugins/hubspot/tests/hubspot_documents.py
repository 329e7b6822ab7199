"""Requests and answers held against the shapes that HubSpot's OpenAPI documents declare.

A small reader of what these documents use: references, required members, types, enumerations.
Where the live service is known to differ, it says so below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import attrs

NOT_ASKED_FOR = {
    "associations",  # of a create
    "after",  # these three of a search
    "limit",
    "sorts",
}
"""Members that the documents call required and recorded requests leave out, with success."""
NUMBERS_FOR_TEXTS = re.compile(r"\.(toObjectId|fromObjectId)$")
"""Ids of associations, which are numbers in recorded answers."""
NULL = re.compile(r"\.(label|properties\.\w+)$")
"""Labels of unlabelled associations and empty properties, which are null in recorded answers."""
TOLD_SINCE = {"url"}
"""Members of recorded answers that a document of an earlier version does not declare."""


@attrs.frozen(kw_only=True)
class Operation:
    """One operation of a document."""

    document: Mapping[str, Any]
    data: Mapping[str, Any]

    @cached_property
    def request(self) -> Mapping[str, Any] | None:
        return self._schema(self.data.get("requestBody"))

    def answer(self, status: int) -> Mapping[str, Any] | None:
        responses = self.data.get("responses", {})
        if status == 207 and "207" not in responses:
            # The dated documents name one success for each route and put `errors` into it.
            status = next(int(name) for name in responses if name in ("200", "201"))
        return self._schema(responses.get(str(status)) or responses.get("default"))

    def declares(self, status: int) -> bool:
        return str(status) in self.data["responses"] or status == 207 or status >= 400

    def _schema(self, part: Any) -> Mapping[str, Any] | None:
        part = self.resolved(part or {})
        content = part.get("content") or {}
        found = next((one.get("schema") for kind, one in content.items() if "json" in kind), None)
        found = found or next((one.get("schema") for one in content.values()), None)
        return found if isinstance(found, Mapping) else None

    def resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in part:
            found: Any = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            part = found
        return part

    def problems(
        self, schema: Mapping[str, Any], value: Any, where: str, *, strict: bool, lenient: bool
    ) -> Iterator[str]:
        """What does not fit. `strict`: no undeclared members; `lenient`: members may be missing."""
        schema = self.resolved(schema)
        told = {"strict": strict, "lenient": lenient}
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices:
            tries = [list(self.problems(one, value, where, **told)) for one in choices]
            yield from [] if any(not some for some in tries) else tries[0]
            return
        for part in schema.get("allOf") or ():
            yield from self.problems(part, value, where, strict=False, lenient=lenient)
        if value is None:
            if not schema.get("nullable") and not NULL.search(where):
                yield f"{where} is null"
            return
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            yield from self._object(schema, value, where, **told)
        elif kind == "array":
            if not isinstance(value, list):
                yield f"{where} is no list"
                return
            for number, one in enumerate(value):
                yield from self.problems(schema["items"], one, f"{where}[{number}]", **told)
        elif kind is not None and not _is(kind, value) and not NUMBERS_FOR_TEXTS.search(where):
            yield f"{where} is {type(value).__name__}, not {kind}"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{where} is {value!r}, not one of {schema['enum']}"

    def _object(
        self, schema: Mapping[str, Any], value: Any, where: str, *, strict: bool, lenient: bool
    ) -> Iterator[str]:
        if schema.get("properties") == {} and isinstance(value, str):
            return  # `subCategory` is declared as an object without members, and is a text.
        if not isinstance(value, Mapping):
            yield f"{where} is no object"
            return
        declared, more = schema.get("properties", {}), schema.get("additionalProperties")
        for name in schema.get("required", ()):
            if name not in value and not lenient and name not in NOT_ASKED_FOR:
                yield f"{where}.{name} is missing"
        for name, one in value.items():
            told = {"strict": strict, "lenient": lenient}
            if name in declared:
                yield from self.problems(declared[name], one, f"{where}.{name}", **told)
            elif isinstance(more, Mapping):
                yield from self.problems(more, one, f"{where}.{name}", **told)
            elif strict and declared and name not in TOLD_SINCE:
                yield f"{where}.{name} is not declared"


def _is(kind: str, value: Any) -> bool:
    wanted: dict[str, Any] = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    numeric = kind in ("integer", "number")
    return isinstance(value, wanted[kind]) and not (numeric and isinstance(value, bool))


class Documents:
    """All documents of a folder; operations are found by method and path."""

    def __init__(self, folder: Path) -> None:
        self._operations: list[tuple[str, str, re.Pattern[str], Operation]] = []
        for file in sorted(folder.glob("*.json")):
            if "beta" in file.name:
                continue
            document = json.loads(file.read_text("utf-8"))
            for path, methods in document["paths"].items():
                pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "/?")
                for method, data in methods.items():
                    if method in ("get", "post", "put", "patch", "delete"):
                        one = Operation(document=document, data=data)
                        self._operations.append((file.name, method.upper(), pattern, one))

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation; of several documents with the same path, the object type's own."""
        fitting = [
            (name, one)
            for name, own, pattern, one in self._operations
            if own == method and pattern.fullmatch(path)
        ]
        for name, one in fitting:
            if f"/{name.partition('-')[0]}" in path:
                return one
        general = [one for name, one in fitting if name.startswith("objects")]
        return (general or [one for _, one in fitting] or [None])[0]

    def of_request(self, method: str, path: str, body: bytes) -> list[str]:
        one = self.operation(method, path)
        if one is None:
            return [f"{method} {path} is in no document"]
        if one.request is None:
            return [f"{method} {path} takes no body"] if body else []
        value = dict(parse_qsl(body.decode())) if "/oauth/" in path else json.loads(body)
        where = f"request {method} {path}"
        return list(one.problems(one.request, value, where, strict=True, lenient=False))

    def of_answer(self, method: str, path: str, status: int, body: bytes) -> list[str]:
        one = self.operation(method, path)
        if one is not None and status < 400 and list(one.data["responses"]) == ["default"]:
            # The newest documents of logins declare no success: those of v3 do.
            older = self.operation(method, re.sub(r"/20\d\d-\d\d/", "/v3/", path))
            one = older if older is not None and older.declares(status) else None
        if one is None:
            return []
        if not one.declares(status):
            return [f"{method} {path} is not declared to answer {status}"]
        schema = one.answer(status)
        if schema is None or not body:
            return [] if not body or schema is not None else [f"{path} answers with no body"]
        if body.lstrip().startswith(b"<"):
            return [] if status == 404 else [f"{path} answers {status} with a page"]
        value = json.loads(body)
        where = f"answer {status} of {method} {path}"
        # Errors may lack any member (seen), whether they are the answer or stand in a batch's.
        if status == 207 and isinstance(value, dict):
            value = {**value, "errors": []}
        return list(one.problems(schema, value, where, strict=False, lenient=status >= 400))


@cache
def documents(root: Path) -> Documents | None:
    """The documents beside the repository, None where they are not."""
    folder = root.parent / "shared" / "specs" / "hubspot"
    return Documents(folder) if folder.is_dir() else None

"""Reading SOQL: a small true parser of the part that integrations use.

SOQL and SOSL Reference (read 2026-11). Not read: aggregates but COUNT(), sub-selects, TYPEOF,
date literals such as TODAY, functions, aliases. They are refused as malformed, which the vendor
would not do.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Literal

from attrs import frozen

from crmwire_salesforce.sandbox_app.problems import Refused
from crmwire_salesforce.sandbox_app.values import read_date, read_datetime

LONGEST_STATEMENT = 100_000
LONGEST_LITERAL = 4_000

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE"]


@frozen
class Literally:
    """A literal; a text was in quotes, in a LIKE still with `\\_` and `\\%` as written."""

    value: str | int | float | bool | datetime | date | None
    quoted: bool = False


@frozen
class Compare:
    field: str
    operator: Operator
    value: Literally
    at: int = 0


@frozen
class Among:
    """`IN` and `NOT IN`."""

    field: str
    values: tuple[Literally, ...]
    negated: bool = False
    at: int = 0


@frozen
class Every:
    parts: tuple[Condition, ...]


@frozen
class Either:
    parts: tuple[Condition, ...]


@frozen
class Not:
    part: Condition


Condition = Compare | Among | Every | Either | Not


@frozen(kw_only=True)
class Order:
    field: str
    descending: bool = False
    nulls_last: bool = False


@frozen(kw_only=True)
class Select:
    """A query; `fields` is None for COUNT()."""

    fields: tuple[str, ...] | None
    type: str
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    text: str = ""
    type_at: int = 0


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<sign>!=|<>|<=|>=|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)


@frozen
class _Token:
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "name" else self.text


def malformed(text: str, at: int, why: str, code: str = "MALFORMED_QUERY") -> Refused:
    """The error as the API words it: a piece of the query, a caret, the place, the reason."""
    start = max(0, at - 40)
    piece = text[start : at + 40].replace("\n", " ")
    place = f"ERROR at Row:1:Column:{at + 1}"
    return Refused(code, f"\n{piece}\n{' ' * (at - start)}^\n{place}\n{why}")


def parse(text: str) -> Select:
    """Read a statement. Raises: Refused."""
    if len(text) > LONGEST_STATEMENT:
        raise Refused(
            "MALFORMED_QUERY",
            f"SOQL statements cannot be longer than {LONGEST_STATEMENT} characters.",
        )
    return _Parser(text).statement()


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise malformed(text, at, f"unexpected token: '{text[at]}'")
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind], found.start(kind)))
        at = found.end()
    return [*tokens, _Token("end", "<EOF>", len(text))]


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0

    # ------------------------------------------------------------ tokens

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._peek()
        self._next += 1
        return token

    def _wrong(self, token: _Token | None = None) -> Refused:
        token = token or self._peek()
        return malformed(self._text, token.at, f"unexpected token: '{token.text}'")

    def _accept(self, *words: str) -> bool:
        """Take these words if they come next."""
        coming = self._tokens[self._next : self._next + len(words)]
        if [token.word for token in coming] != list(words):
            return False
        self._next += len(words)
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._wrong()

    def _name(self) -> _Token:
        token = self._take()
        if token.kind != "name":
            raise self._wrong(token)
        return token

    def _number(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            raise self._wrong(token)
        return int(token.text)

    # ------------------------------------------------------------ grammar

    def statement(self) -> Select:
        self._expect("SELECT")
        fields = self._fields()
        self._expect("FROM")
        type_ = self._name()
        where = self._condition() if self._accept("WHERE") else None
        order = self._order() if self._accept("ORDER", "BY") else ()
        limit = self._number() if self._accept("LIMIT") else None
        offset = self._number() if self._accept("OFFSET") else 0
        if self._peek().kind != "end":
            raise self._wrong()
        return Select(
            fields=fields,
            type=type_.text,
            where=where,
            order=order,
            limit=limit,
            offset=offset,
            text=self._text,
            type_at=type_.at,
        )

    def _fields(self) -> tuple[str, ...] | None:
        if self._accept("COUNT", "(", ")"):
            return None
        fields = [self._name().text]
        while self._accept(","):
            fields.append(self._name().text)
        return tuple(fields)

    def _condition(self) -> Condition:
        """Conditions joined by AND, or by OR; both mixed need brackets, as the vendor asks."""
        parts = [self._single()]
        joint = self._peek().word
        while joint in ("AND", "OR") and self._accept(joint):
            parts.append(self._single())
        if len(parts) == 1:
            return parts[0]
        return Every(tuple(parts)) if joint == "AND" else Either(tuple(parts))

    def _single(self) -> Condition:
        if self._accept("NOT"):
            return Not(self._single())
        if self._accept("("):
            inner = self._condition()
            self._expect(")")
            return inner
        field = self._name()
        if self._accept("IN"):
            return Among(field.text, self._list(), False, field.at)
        if self._accept("NOT", "IN"):
            return Among(field.text, self._list(), True, field.at)
        if self._accept("LIKE"):
            return Compare(field.text, "LIKE", self._literal(like=True), field.at)
        token = self._take()
        operator = "!=" if token.text == "<>" else token.text
        match operator:
            case "=" | "!=" | "<" | "<=" | ">" | ">=":
                return Compare(field.text, operator, self._literal(), field.at)
        raise self._wrong(token)

    def _list(self) -> tuple[Literally, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._accept(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self, *, like: bool = False) -> Literally:
        token = self._take()
        match token.kind, token.word:
            case "text", _:
                return Literally(self._unquoted(token, like=like), quoted=True)
            case "number", _:
                return Literally(float(token.text) if "." in token.text else int(token.text))
            case "datetime", _:
                return Literally(read_datetime(token.text))
            case "date", _:
                return Literally(read_date(token.text))
            case "name", "TRUE" | "FALSE":
                return Literally(token.word == "TRUE")
            case "name", "NULL":
                return Literally(None)
        raise self._wrong(token)

    def _unquoted(self, token: _Token, *, like: bool) -> str:
        def plain(found: re.Match[str]) -> str:
            code = found[1]
            if code.startswith("u") and len(code) == 5:
                return chr(int(code[1:], 16))
            if like and code in "_%\\":
                return found[0]
            if code in _ESCAPES:
                return _ESCAPES[code]
            raise malformed(self._text, token.at, f"Invalid string literal: \\{code}")

        if len(token.text) - 2 > LONGEST_LITERAL:
            raise malformed(self._text, token.at, "string literal too long")
        return _ESCAPE.sub(plain, token.text[1:-1])

    def _order(self) -> tuple[Order, ...]:
        orders = [self._one_order()]
        while self._accept(","):
            orders.append(self._one_order())
        return tuple(orders)

    def _one_order(self) -> Order:
        field = self._name().text
        descending = self._accept("DESC") or (self._accept("ASC") and False)
        nulls_last = self._accept("NULLS", "LAST") or (self._accept("NULLS", "FIRST") and False)
        return Order(field=field, descending=descending, nulls_last=nulls_last)

"""Shapes: what an item of a stream looks like, and the SQL that reads, checks and types it.

shape (data, see docs/decisions/0002) → parse_shape() → node → columns for read_json · check · typed value · list of problems

DuckDB turns `7.6` into 8, `"yes"` into true and an object into NULL without a word when it is told a leaf's type. So a leaf is read as
JSON and compared with its word here. A list is read as JSON too: declared as a list, an object in its place becomes NULL, which cannot
be told from a list that is not there. An object that lost all its fields is suspicious for the same reason: the check sends such a line
to the slow, exact look at its original text (`problems_sql`), which decides.
Try it alone: `python -m fifty.shapes '{"id!": "id", "tags": [{"name": "text"}]}'` prints the SQL made from a shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import simplejson

from fifty.errors import FatalError

TYPES = {
    "id": "varchar",
    "text": "varchar",
    "count": "bigint",
    "number": "double",
    "boolean": "boolean",
    "flag": "boolean",
    "time": "timestamp",
    "utc_time": "timestamp",
    "date": "date",
    "epoch_ms": "timestamp",
    "json": "varchar",
}
"""Leaf word to the DuckDB type of its typed value. `flag` is a boolean that a CSV file spells: true/false, yes/no, 1/0."""

DESCRIPTIONS = {
    "id": "a text or an integer",
    "text": "a text",
    "count": "an integer, or a text holding one",
    "number": "a number, or a text holding one",
    "boolean": "true or false, or a text saying so",
    "flag": "true or false, yes or no, 1 or 0",
    "time": "an ISO 8601 time with Z or an offset",
    "utc_time": "an ISO 8601 time, in UTC where it names no zone, or a day",
    "date": "a date as YYYY-MM-DD",
    "epoch_ms": "milliseconds since 1970",
    "json": "anything",
}

# Years outside 1000–9999 are placeholders (0001-01-01) or nonsense, and no Python date can hold what an offset makes of them.
DAY = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
CLOCK = "[T ]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}([.][0-9]+)?"
OFFSET = "(Z|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)"
_TIME_FORMS = {"time": f'"{DAY}{CLOCK}{OFFSET}"', "utc_time": f'"{DAY}({CLOCK}{OFFSET}?)?"'}
"""As JSON. The session's zone is UTC: so is what names none."""
LATEST = "timestamp '9999-12-31 23:59:59.999999'"
EARLIEST = "timestamp '1000-01-01 00:00:00'"


@dataclass(frozen=True)
class Leaf:
    """A single value; `word` is one of TYPES."""

    word: str
    accepts_false: bool = False


@dataclass(frozen=True)
class ListOf:
    """A list whose elements share a shape; null elements are kept as NULL."""

    element: Node


@dataclass(frozen=True)
class Field:
    """A named part of an object."""

    name: str
    node: Node
    is_required: bool


@dataclass(frozen=True)
class Struct:
    """An object; fields it does not name are tolerated."""

    fields: tuple[Field, ...]


Node = Leaf | ListOf | Struct


def parse_shape(shape: Any, *, where: str = "shape") -> Node:
    """The node of a declared shape. Raises FatalError naming the place of a mistake."""
    if isinstance(shape, str):
        word, _, rest = shape.removesuffix("!").partition("|")
        if word not in TYPES or rest not in ("", "false"):
            raise FatalError("the shape holds an unknown word", where=where, seen=repr(shape), expected=", ".join(TYPES) + ", or one with |false")
        return Leaf(word, accepts_false=rest == "false")
    if isinstance(shape, Mapping) and shape:
        fields = []
        seen: dict[str, str] = {}
        for key, value in shape.items():
            name = key.removesuffix("!")
            if name.lower() in seen:
                raise FatalError("two fields differ in case only", where=where, seen=f"{seen[name.lower()]!r} and {name!r}", expected="one of them")
            seen[name.lower()] = name
            is_required = key.endswith("!") or (isinstance(value, str) and value.endswith("!"))
            fields.append(Field(name, parse_shape(value, where=f"{where}.{name}"), is_required))
        return Struct(tuple(fields))
    if isinstance(shape, (list, tuple)) and len(shape) == 1:
        return ListOf(parse_shape(shape[0], where=f"{where}[]"))
    raise FatalError("this is no shape", where=where, seen=repr(shape)[:80], expected="a mapping with fields, a list of one shape, or a leaf word")


def quote_name(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


WHOLE_LEAVES = 24
"""An object within an object with as many leaves is read as one JSON value and taken apart where it is there: a boosted post is mostly absent,
and DuckDB fills the columns of an absent object too (measured: half of the time of reading Mastodon's statuses)."""


def is_read_whole(node: Node) -> bool:
    """Whether read_json leaves the node, as a part of an object, in one piece."""
    return isinstance(node, ListOf) or (isinstance(node, Struct) and sum(1 for _ in list_leaves(node)) >= WHOLE_LEAVES)


def read_type(node: Node) -> str:
    """Type under which read_json reads the node: objects as STRUCT; leaves, lists and large inner objects as JSON."""
    if isinstance(node, Struct):
        members = (f"{quote_name(field.name)} {'JSON' if is_read_whole(field.node) else read_type(field.node)}" for field in node.fields)
        return f"STRUCT({', '.join(members)})"
    return "JSON"


def read_structure(node: Node) -> Any:
    """The same as read_type in the notation of from_json."""
    if isinstance(node, Struct):
        return {field.name: "JSON" if is_read_whole(field.node) else read_structure(field.node) for field in node.fields}
    return "JSON"


def _open_sql(node: Struct, value: str, name: str, inside: str) -> str:
    """SQL of `inside`, which speaks of the object that the JSON `value` holds as `name`."""
    return f"list_transform([from_json({value}, {quote_text(simplejson.dumps(read_structure(node)))})], lambda {name}: {inside})[1]"


def typed_type(node: Node) -> str:
    """DuckDB type of the typed value."""
    if isinstance(node, Struct):
        return "STRUCT(" + ", ".join(f"{quote_name(field.name)} {typed_type(field.node)}" for field in node.fields) + ")"
    if isinstance(node, ListOf):
        return typed_type(node.element) + "[]"
    return TYPES[node.word]


def _elements_sql(node: ListOf, value: str) -> str:
    return f"from_json({value}, {quote_text(simplejson.dumps([read_structure(node.element)]))})"


def _text_sql(value: str) -> str:
    # NUL is legal in JSON and poison in files and other engines: it is dropped.
    return f"case when contains({value}::varchar, '\\u0000') then replace({value} ->> '$', chr(0), '') else {value} ->> '$' end"


def _bare_sql(value: str) -> str:
    return f"trim({value}::varchar, '\"')"


def _time_sql(value: str) -> str:
    """Only for what has the form of a time: DuckDB 1.5 leaves the zone that a text names (… Europe/Berlin) to the rows after it which name none."""
    return f"try_cast({value} ->> '$' as timestamptz) at time zone 'UTC'"


def _leaf_check_sql(leaf: Leaf, value: str) -> str:
    """True where a value fits the leaf, false where not, NULL where it is missing."""
    text = f"{value}::varchar"
    in_range = f"{_time_sql(value)} between {EARLIEST} and {LATEST}"
    number = r'"?-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?"?'

    def match(pattern: str) -> str:
        return f"regexp_full_match({text}, '{pattern}')"

    def match_and(pattern: str, valid: str) -> str:
        # The pattern first: a cast that fails is NULL, which would be no objection.
        return f"case when {match(pattern)} then coalesce({valid}, false) else {match(pattern)} end"

    checks = {
        "id": f"(starts_with({text}, '\"') or {match('-?[0-9]+')})",
        "text": f"starts_with({text}, '\"')",
        # Eighteen digits always fit a bigint.
        "count": match('"?-?[0-9]{1,18}"?'),
        "number": match_and(number, f"isfinite(try_cast({_bare_sql(value)} as double))"),
        "boolean": f"{text} in ('true', 'false', '\"true\"', '\"false\"')",
        "flag": f"lower({_bare_sql(value)}) in ('true', 'false', 'yes', 'no', '1', '0')",
        "time": match_and(_TIME_FORMS["time"], in_range),
        "utc_time": match_and(_TIME_FORMS["utc_time"], in_range),
        "date": match_and(f'"{DAY}"', f"try_cast({value} ->> '$' as date) is not null"),
        # Up to the year 9999.
        "epoch_ms": match_and('"?-?[0-9]{1,15}"?', f"try_cast({_bare_sql(value)} as bigint) between -30610224000000 and 253402300799999"),
        "json": "true",
    }
    check = checks[leaf.word]
    return f"({check} or {text} = 'false')" if leaf.accepts_false else check


def _leaf_typed_sql(leaf: Leaf, value: str) -> str:
    typed = {
        "id": _text_sql(value),
        "text": _text_sql(value),
        "count": f"try_cast({_bare_sql(value)} as bigint)",
        "number": f"try_cast({_bare_sql(value)} as double)",
        "boolean": f"({_bare_sql(value)} = 'true')",
        "flag": f"(lower({_bare_sql(value)}) in ('true', 'yes', '1'))",
        **{word: f"case when regexp_full_match({value}::varchar, '{form}') then {_time_sql(value)} end" for word, form in _TIME_FORMS.items()},
        "date": f"try_cast({value} ->> '$' as date)",
        "epoch_ms": f"try(make_timestamp(try_cast({_bare_sql(value)} as bigint) * 1000))",
        "json": f"{value}::varchar",
    }[leaf.word]
    return f"case when {value}::varchar <> 'false' then {typed} end" if leaf.accepts_false else typed


def _missing_sql(node: Node, value: str) -> str:
    """True where a required value is missing, null, an empty id, or a false that means unknown."""
    missing = f"{value} is null"
    if isinstance(node, Leaf):
        if node.word == "id":
            missing += f" or {value}::varchar = '\"\"'"
        if node.accepts_false:
            missing += f" or {value}::varchar = 'false'"
    return f"({missing})"


def prune(node: Node, words: frozenset[str] | set[str]) -> Node:
    """The part of a shape that a mapping can use: fields that are required or whose name is among `words`.

    What no mapping reads is neither read nor checked: a picture's address that becomes an object must not cost us the post below it.
    """
    if isinstance(node, ListOf):
        return ListOf(prune(node.element, words))
    if isinstance(node, Leaf):
        return node
    kept = tuple(Field(field.name, prune(field.node, words), field.is_required) for field in node.fields if field.is_required or field.name in words)
    return Struct(kept) if kept else node


def check_sql(node: Node, value: str, *, depth: int = 0) -> str:
    """Boolean SQL, never NULL: everything in `value` (of read_type) fits the shape, beyond suspicion.

    False also for an object without any known field: DuckDB gives the same for a text in its place.
    """
    checks = list(_list_checks(node, value, depth))
    # What is missing makes a check NULL, and NULL is no objection.
    return f"(({' and '.join(checks)}) is not false)" if checks else "true"


def _list_checks(node: Node, value: str, depth: int) -> Iterator[str]:
    """Checks that are false where something is wrong, NULL or true elsewhere."""
    if isinstance(node, Leaf):
        if node.word != "json":
            yield _leaf_check_sql(node, value)
    elif isinstance(node, ListOf):
        yield f"starts_with({value}::varchar, '[')"
        element = f"element_{depth}"
        inner = check_sql(node.element, element, depth=depth + 1)
        if inner != "true":
            yield f"({value}::varchar = '[]' or len(list_filter({_elements_sql(node, value)}, lambda {element}: not {inner})) = 0)"
    else:
        nothing = f"from_json('{{}}', {quote_text(simplejson.dumps(read_structure(node)))})"
        checks = [f"{value} is distinct from {nothing}"]
        for field in node.fields:
            member = f"{value}.{quote_name(field.name)}"
            if field.is_required:
                checks.append(f"not {_missing_sql(field.node, member)}")
            if isinstance(field.node, Struct) and is_read_whole(field.node):
                inner = check_sql(field.node, f"element_{depth}", depth=depth + 1)
                opened = _open_sql(field.node, member, f"element_{depth}", inner)
                checks.append(f"case when {member} is not null then starts_with({member}::varchar, '{{') and {opened} end")
            else:
                checks.extend(_list_checks(field.node, member, depth))
        # A case looks inside only where there is something: most optional objects are absent.
        yield f"case when {value} is not null then {' and '.join(checks)} end"


def typed_sql(node: Node, value: str, *, depth: int = 0) -> str:
    """SQL of the typed value of `value` (of read_type). What does not fit is NULL; the check keeps such items out."""
    if isinstance(node, Leaf):
        return _leaf_typed_sql(node, value)
    if isinstance(node, ListOf):
        element = f"element_{depth}"
        inner = typed_sql(node.element, element, depth=depth + 1)
        return f"list_transform({_elements_sql(node, value)}, lambda {element}: {inner})"
    members = []
    for field in node.fields:
        member = f"{value}.{quote_name(field.name)}"
        if isinstance(field.node, Struct) and is_read_whole(field.node):
            inner = typed_sql(field.node, f"element_{depth}", depth=depth + 1)
            typed = f"case when {member} is not null then {_open_sql(field.node, member, f'element_{depth}', inner)} end"
        else:
            typed = typed_sql(field.node, member, depth=depth)
        members.append(f"{quote_name(field.name)} := {typed}")
    return f"case when {value} is not null then struct_pack({', '.join(members)}) end"


ROOT = "'item'"
"""SQL of the path of the item itself; the paths of its fields do not repeat it."""

PROBLEM_TYPE = "STRUCT(path varchar, expected varchar, seen json, reason varchar)"


def describe_json_sql(value: str) -> str:
    """SQL that says in words what a JSON value is; long values are cut to 60 characters."""
    text = f"{value}::varchar"
    short = f"case when length({text}) > 60 then left({text}, 59) || '…' else {text} end"
    return (
        f"case json_type({value}) when 'OBJECT' then 'an object' when 'ARRAY' then 'a list' when 'VARCHAR' then 'the text ' || {short}"
        f" when 'BOOLEAN' then {text} when 'NULL' then 'null' else coalesce('the number ' || {short}, 'nothing') end"
    )


def _join_path(path: str, name: str) -> str:
    if path == ROOT:
        return quote_text(name)
    if "||" in path:
        return f"{path} || {quote_text('.' + name)}"
    return quote_text(path[1:-1].replace("''", "'") + "." + name)


def problems_sql(node: Node, base: str, pointer: str = "", path: str = ROOT, *, is_required: bool = False, depth: int = 0) -> str:
    """SQL giving the list of problems (PROBLEM_TYPE) of the JSON value at `pointer` (a JSON pointer) within `base` (SQL of type JSON).

    `path` is SQL of the place as people read it. Slow and exact: it sees what was sent in place of an object or a list.
    """
    value = f"json_extract({base}, {quote_text(pointer)})" if pointer else base
    empty = f"[]::{PROBLEM_TYPE}[]"

    def problem(expected: str, reason: str) -> str:
        return f"[struct_pack(path := {path}, expected := {quote_text(expected)}, seen := {value}, reason := '{reason}')]"

    absent = f"({value} is null or json_type({value}) = 'NULL')"
    if isinstance(node, Leaf):
        expected = DESCRIPTIONS[node.word] + (", or false" if node.accepts_false else "")
        unknown = f"when {absent} or {_missing_sql(node, value)} then {problem(expected, 'missing_key')}"
        cases = unknown if is_required else f"when {absent} then {empty}"
        # Read out of an object or a list, the value is the same normalised JSON that read_json gives: one check serves both.
        return f"case {cases} when {_leaf_check_sql(node, value)} then {empty} else {problem(expected, 'wrong_type')} end"
    if isinstance(node, ListOf):
        expected, json_type = "a list", "ARRAY"
        element, position = f"element_{depth}", f"position_{depth}"
        inner = problems_sql(node.element, element, "", f"{path} || '[' || ({position} - 1)::varchar || ']'", depth=depth + 1)
        inside = f"flatten(list_transform(json_extract({value}, '$[*]'), lambda {element}, {position}: {inner}))"
    else:
        expected, json_type = "an object", "OBJECT"
        inside = (
            "flatten(["
            + ", ".join(
                problems_sql(
                    field.node,
                    base,
                    f"{pointer}/{field.name.replace('~', '~0').replace('/', '~1')}",
                    _join_path(path, field.name),
                    is_required=field.is_required,
                    depth=depth,
                )
                for field in node.fields
            )
            + "])"
        )
    return (
        f"case when {absent} then {problem(expected, 'missing_key') if is_required else empty}"
        f" when json_type({value}) <> '{json_type}' then {problem(expected, 'wrong_type')} else {inside} end"
    )


def find_new_fields(node: Node, item: Any, path: str = "") -> Iterator[str]:
    """Paths in a parsed item that the shape does not name: `account.roles`, `mentions[].kind`. What is under one is not descended into."""
    if isinstance(node, Struct) and isinstance(item, dict):
        known = {field.name: field.node for field in node.fields}
        for name, value in item.items():
            inner_path = f"{path}.{name}" if path else name
            if name in known:
                yield from find_new_fields(known[name], value, inner_path)
            else:
                yield inner_path
    elif isinstance(node, ListOf) and isinstance(item, list):
        for element in item:
            yield from find_new_fields(node.element, element, f"{path}[]")


def list_leaves(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    """Every leaf with its path; `[]` stands for the elements of a list."""
    if isinstance(node, Leaf):
        yield path, node
    elif isinstance(node, ListOf):
        yield from list_leaves(node.element, (*path, "[]"))
    else:
        for field in node.fields:
            yield from list_leaves(field.node, (*path, field.name))


if __name__ == "__main__":
    import sys

    parsed = parse_shape(simplejson.loads(sys.argv[1]))
    for title, sql in (
        ("read as", read_type(parsed)),
        ("typed as", typed_type(parsed)),
        ("check", check_sql(parsed, "item")),
        ("typed value", typed_sql(parsed, "item")),
        ("problems", problems_sql(parsed, "item")),
    ):
        sys.stdout.write(f"{title}:\n  {sql}\n")

"""Items keep the text they were sent as, and anything that is JSON is read as the library reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as some

from fifty.sent import SentObject, read_answer, write_item

JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=4), inner, max_size=4),
    max_leaves=30,
)


@given(value=JSON, indent=some.sampled_from([None, 1]), is_ascii=some.booleans())
def test_what_is_read_is_what_the_library_reads(value: Any, indent: int | None, is_ascii: bool) -> None:
    text = f" {json.dumps(value, indent=indent, ensure_ascii=is_ascii)}\n"
    assert read_answer(text) == simplejson.loads(text, use_decimal=True)


@given(value=JSON, indent=some.sampled_from([None, 1]), is_ascii=some.booleans())
def test_a_written_item_is_one_line_of_ascii_that_says_the_same(value: Any, indent: int | None, is_ascii: bool) -> None:
    for item in read_answer(json.dumps([value], indent=indent, ensure_ascii=is_ascii)):
        written = write_item(item)
        assert written.isascii() and b"\n" not in written and b"\r" not in written
        assert simplejson.loads(written, use_decimal=True) == item


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ('[{"a": 1.50}]', '{"a": 1.50}'),
        ('{"items":[1,{"a":"\\/ \\u00fc"}],"cursor":"x"}', '{"a":"\\/ \\u00fc"}'),
        ('{"items":[{"a":"\\ud83c"}]}', '{"a":"\\ud83c"}'),
        ('{"items":[{"a":"\x7f"}]}', '{"a":"\\u007f"}'),
        ('{"items":[{"a":"ü🍵"}]}', '{"a":"\\u00fc\\ud83c\\udf75"}'),
    ],
)
def test_an_item_is_written_as_it_came(text: str, item: str) -> None:
    content = read_answer(text)
    found = content[0] if isinstance(content, list) else content["items"][-1]
    assert isinstance(found, SentObject)
    assert write_item(found).decode() == item


def test_one_object_is_an_item_too_and_one_made_of_it_is_written_anew() -> None:
    sent = read_answer('{"b" : 1, "a" : {"c" : 2}}')
    assert write_item(sent) == b'{"b" : 1, "a" : {"c" : 2}}'
    assert write_item({name: value for name, value in sent.items() if name == "a"}) == b'{"a":{"c":2}}'


@pytest.mark.parametrize("text", ["", "[", "[1,]", '{"a":1,}', "[1] 2", '{"a" 1}', "{a:1}", "[NaN]", '["\n"]', '{"a":[1}', "nul"])
def test_what_is_no_json_is_refused_as_the_library_refuses_it(text: str) -> None:
    with pytest.raises(ValueError) as expected:
        simplejson.loads(text, use_decimal=True)
    with pytest.raises(ValueError) as found:
        read_answer(text)
    assert str(found.value) == str(expected.value)

"""Macros that mappings may use beside SQL's own, made for one connection.

HTML, text, e-mail address → strip_html, find_links, hash_guest → plain text, addresses, keyed hash

    strip_html(html)      plain text: paragraphs and breaks become line ends, entities what they stand for; NULL stays NULL
    find_links(text)      addresses linked in HTML (but for mentions and hashtags), or standing in plain text; in order, each once; [] for none
    keep_first(list)      its texts in order, each once, without '' and NULL
    read_time(text)       UTC time of an ISO 8601 text, also without a zone; NULL for anything else
    choose_time(text, t)  the time a stranger's program wrote, unless it is unreadable, before 1980 or after `t`, when the platform received it: then t
    hash_guest(email)     sha256 of the brand's `guest_key` and the trimmed, lower-case address; NULL and '' give NULL
    decode_entities(text) `&amp;` and its like, once

Try it alone: `python -m fifty.macros '<p>Tea &amp; cake</p>'`.
"""

from __future__ import annotations

from html.entities import name2codepoint

import duckdb

from fifty.shapes import CLOCK, DAY, EARLIEST, LATEST, OFFSET

ENTITIES = {"apos": "'", **{name: chr(point) for name, point in name2codepoint.items()}}

_ENTITY = "'&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});'"
# A quoted attribute may hold `>`; `a < b` is no tag.
_TAG = """</?[a-zA-Z](?:"[^"]*"|''[^'']*''|[^''">])*>"""
_HREF = """\\bhref\\s*=\\s*["'']([^"'']*)["'']"""

MACROS = {
    # NUL, halves of surrogate pairs and what lies beyond Unicode are no characters.
    "_character(point)": "case when point between 1 and 55295 or point between 57344 and 1114111 then chr(point::integer) end",
    "_decode_entity(entity)": """
        case
            when entity is null then ''
            when lower(entity[2:3]) = '#x' then coalesce(_character(try_cast('0x' || entity[4:-2] as bigint)), entity)
            when entity[2] = '#' then coalesce(_character(try_cast(entity[3:-2] as bigint)), entity)
            else coalesce(getvariable('html_entities')[entity[2:-2]], entity)
        end
    """,
    "decode_entities(encoded)": f"""
        case
            when contains(encoded, '&') then array_to_string(
                list_transform(
                    list_zip(string_split_regex(encoded, {_ENTITY}), regexp_extract_all(encoded, {_ENTITY})),
                    lambda pair: pair[1] || _decode_entity(pair[2])
                ),
                ''
            )
            else encoded
        end
    """,
    "_drop_hidden(html)": """
        case
            when contains(html, '<!--') or contains(lower(html), '<script') or contains(lower(html), '<style')
                then regexp_replace(html, '(?is)<!--.*?-->|<script[^>]*>.*?</script>|<style[^>]*>.*?</style>', '', 'g')
            else html
        end
    """,
    # Blanks and line ends of the source mean one blank; what ends a block ends a line. The guards keep short posts cheap.
    "_break_lines(html)": """
        regexp_replace(
            case
                when contains(html, chr(10)) or contains(html, '  ') or contains(html, chr(9))
                    then regexp_replace(html, ' *[\\n\\r\\t][\\n\\r\\t ]*|  +', ' ', 'g')
                else html
            end,
            '(?i)</(p|h[1-6]|blockquote|ul|ol|pre|table|figure)>', chr(10) || chr(10), 'g'
        )
    """,
    "_break_more(html)": """
        case
            when contains(html, '<br') or contains(html, '<BR') or contains(html, '</div') or contains(html, '</li') or contains(html, '</tr')
                then regexp_replace(html, '(?i)<br[^>]*>|</(div|li|tr|figcaption)>', chr(10), 'g')
            else html
        end
    """,
    # trim walks over every character of the text, an expression over most: neither where there is nothing to trim.
    "_trim(plain)": """
        case
            when regexp_matches(left(plain, 1), '\\s') or regexp_matches(right(plain, 1), '\\s') then regexp_extract(plain, '(?s)^\\s*(.*\\S)', 1)
            else plain
        end
    """,
    "_drop_end(html)": "case when ends_with(html, '</p>') then html[:-5] else html end",
    "_squeeze(plain)": """
        case
            when contains(plain, ' ' || chr(10)) or contains(plain, chr(10) || ' ') or contains(plain, chr(10) || chr(10) || chr(10))
                then regexp_replace(regexp_replace(plain, ' *\\n *', chr(10), 'g'), '\\n\\n+', chr(10) || chr(10), 'g')
            else plain
        end
    """,
    # A list of one binds a value to a name, so that it is worked out once.
    "strip_html(html)": f"""
        case
            when regexp_full_match(html, '<p>[^<&\\s](?:[^<&\\n\\t]*[^<&\\s])?</p>') and not contains(html, '  ') then html[4:-5]
            when contains(html, '<') then
                list_transform(list_transform(list_transform(list_transform(list_transform(list_transform(
                    [_drop_end(html)],
                    lambda ended: _drop_hidden(ended)),
                    lambda shown: _break_lines(shown)),
                    lambda broken: regexp_replace(_break_more(broken), '{_TAG}', '', 'g')),
                    lambda bare: decode_entities(bare)),
                    lambda plain: _squeeze(plain)),
                    lambda squeezed: _trim(squeezed))[1]
            else _trim(decode_entities(html))
        end
    """,
    "keep_first(texts)": """
        list_transform([texts], lambda found: list_filter(found, lambda one, place: one <> '' and list_position(found, one) = place))[1]
    """,
    # The mark of a mention or a hashtag is a class; looked for as text, because a regular expression per link is dear.
    "_is_mention(tag)": """
        contains(tag, '"mention"') or contains(tag, ' mention"') or contains(tag, '"mention ')
        or contains(tag, '"hashtag"') or contains(tag, ' hashtag"') or contains(tag, '"hashtag ')
    """,
    "_read_anchors(tags)": f"""
        list_filter(
            list_transform(tags, lambda tag: decode_entities(regexp_extract(tag, '(?i){_HREF}', 1))), lambda link: regexp_matches(link, '^https?://')
        )
    """,
    "find_links(text)": """
        case
            when contains(text, '<a ') then list_transform(
                [list_filter(regexp_extract_all(text, '<a [^>]*>'), lambda tag: not (_is_mention(tag)))],
                lambda tags: case when len(tags) = 0 then []::varchar[] else keep_first(_read_anchors(tags)) end
            )[1]
            when contains(text, '://')
                then keep_first(list_transform(regexp_extract_all(text, 'https?://[^\\s<>"]+'), lambda link: rtrim(link, '.,;:!?)''')))
            when text is not null then []::varchar[]
        end
    """,
    "read_time(written)": f"""
        case
            when regexp_full_match(written, '{DAY}({CLOCK} ?{OFFSET}?)?')
                -- Within, because the sides of an `and` may change places: a text that names a zone must not reach the cast (see fifty/shapes.py).
                then case when try_cast(written as timestamptz) at time zone 'UTC' between {EARLIEST} and {LATEST}
                    then try_cast(written as timestamptz) at time zone 'UTC' end
        end
    """,
    "choose_time(written, received)": f"""
        case when read_time(written) between timestamp '1980-01-01' and coalesce(received, {LATEST}) then read_time(written) else received end
    """,
    "hash_guest(email)": "sha256(getvariable('guest_key') || nullif(lower(trim(email)), ''))",
}


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros; the guest key is read from `ops.brand_key` and stays within the connection."""
    connection.execute("set variable guest_key = (select value from ops.brand_key where name = 'guest_key')")
    names = ", ".join("'" + name + "'" for name in ENTITIES)
    values = ", ".join("'" + value.replace("'", "''") + "'" for value in ENTITIES.values())
    connection.execute(f"set variable html_entities = map([{names}], [{values}])")
    for signature, body in MACROS.items():
        connection.execute(f"create or replace temp macro {signature} as {body}")


if __name__ == "__main__":
    import sys

    with duckdb.connect() as memory:
        memory.execute("create schema ops; create table ops.brand_key as select 'guest_key' as name, 'none' as value")
        create_macros(memory)
        for row in memory.execute("select strip_html($1), find_links($1)", [sys.argv[1]]).fetchall():
            sys.stdout.write("\n".join(str(value) for value in row) + "\n")

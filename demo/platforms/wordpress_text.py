"""What WordPress makes of a text before it shows it: typographic marks, paragraphs, links, excerpts, slugs, and what it does not let in.

Data flow: a text as somebody typed it -> sanitised as at saving -> rendered as in ``content.rendered``, ``title.rendered``, ``excerpt.rendered``.
Written for the texts of the demo and held against a real WordPress by the contract test; rare marks (primes, smileys, years in short) are left out.
"""

from __future__ import annotations

import re
import unicodedata

#: tags that a visitor may use in a comment; all others are taken away
COMMENT_TAGS = frozenset(["a", "abbr", "acronym", "b", "blockquote", "cite", "code", "del", "em", "i", "q", "s", "strike", "strong"])
EXCERPT_WORDS = 55
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)\b[^<>]*>")
_ANY_TAG = re.compile(r"(<[^<>]*>)")
_LOOSE_AMPERSAND = re.compile(r"&(?!#\d+;|#x[0-9a-fA-F]+;|[a-zA-Z][a-zA-Z0-9]*;)")
_ADDRESS = re.compile(r"(?<![\"'=>\w])(https?://[^\s<>]*[^\s<>.,;:!?)])")
_OPENING = r"(?:(?<=^)|(?<=[\s(\[{\-]))"
_MARKS = (
    (re.compile(r"\.\.\."), "&#8230;"),
    (re.compile(r"---|(?:(?<=^)|(?<= ))--(?= |$)"), "&#8212;"),
    (re.compile(r"(?<!xn)--|(?:(?<=^)|(?<= ))-(?= |$)"), "&#8211;"),
    (re.compile(r"''"), "&#8221;"),
    (re.compile(r"(?:(?<=^)|(?<=[\s(\[{\"\-]))'"), "&#8216;"),
    (re.compile(r"'"), "&#8217;"),
    (re.compile(_OPENING + r'"(?!\s)'), "&#8220;"),
    (re.compile(r'"'), "&#8221;"),
    (re.compile(r"(?<![\w.])(\d[\d.,]*)x(?=\d[\d.,]*\b)"), r"\1&#215;"),
)


def texturize(text: str) -> str:
    """Typographic quotes, dashes and dots in HTML, tags left alone."""
    pieces = _ANY_TAG.split(text)
    for number in range(0, len(pieces), 2):
        piece = pieces[number]
        for pattern, mark in _MARKS:
            piece = pattern.sub(mark, piece)
        pieces[number] = _LOOSE_AMPERSAND.sub("&#038;", piece)
    return "".join(pieces)


def make_paragraphs(text: str) -> str:
    """Paragraphs and line breaks for blank lines and line ends."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    return "".join(f"<p>{paragraph.strip().replace(chr(10), '<br />' + chr(10))}</p>\n" for paragraph in paragraphs)


def make_links(text: str) -> str:
    """Links for the addresses in a comment."""
    return _ADDRESS.sub(r'<a href="\1" rel="nofollow ugc">\1</a>', text)


def render_post_text(text: str) -> str:
    """``content.rendered`` of a post: its author may write HTML."""
    return make_paragraphs(texturize(text))


def render_comment_text(text: str) -> str:
    """``content.rendered`` of a comment, from what was saved."""
    return make_paragraphs(make_links(texturize(text)))


def render_excerpt(rendered: str) -> str:
    """``excerpt.rendered`` of a post without an excerpt of its own: the first words of its rendered text."""
    words = strip_tags(rendered).split()
    more = " [&hellip;]" if len(words) > EXCERPT_WORDS else ""
    return f"<p>{' '.join(words[:EXCERPT_WORDS])}{more}</p>\n" if words else ""


def strip_tags(text: str) -> str:
    """A text without HTML; what stands in scripts goes too."""
    return _ANY_TAG.sub("", re.sub(r"(?is)<(script|style)\b.*?</\1>", "", text))


def save_comment_text(text: str) -> str:
    """A visitor's text as it is saved: only harmless tags, loose brackets and ampersands as entities."""
    kept = _TAG.sub(lambda tag: tag.group() if tag.group(2).lower() in COMMENT_TAGS else "", text)
    pieces = re.split(r"(</?(?:" + "|".join(sorted(COMMENT_TAGS)) + r")\b[^<>]*>)", kept)
    pieces[::2] = [piece.replace("<", "&lt;").replace(">", "&gt;") for piece in pieces[::2]]
    return "".join(pieces)


def save_name(name: str) -> str:
    """A commenter's name as it is saved: no tags, one line, special characters but quotes as entities."""
    plain = re.sub(r"\s+", " ", strip_tags(name)).strip()
    return _LOOSE_AMPERSAND.sub("&amp;", plain).replace("<", "&lt;").replace(">", "&gt;")


def make_slug(title: str) -> str:
    """The last part of a post's address, from its title."""
    plain = unicodedata.normalize("NFKD", strip_tags(title)).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"&[^;\s]+;", "", plain).replace(".", "-").replace("/", "-")
    return re.sub(r"-+", "-", re.sub(r"\s+", "-", re.sub(r"[^a-z0-9 _-]", "", plain))).strip("-")[:200]

"""The differences that may be, each with what both sides must look like and why. One that explains nothing is reported too.

Left here: what a server in front or the transport adds, what is drawn or counted by each side for itself, and settings of the network on loopback.
"""

from __future__ import annotations

from tests.acceptance.contract.differences import Allowance

ANY = r".*"
NUMBER = r"\d+"
DATE = r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"

#: of any service
TRANSPORT = (
    Allowance("*", "header connection", "keep-alive", None, "uvicorn keeps connections open without saying so"),
    Allowance("*", "header transfer-encoding", "chunked", None, "the real servers stream, the demo knows the length"),
    Allowance("*", "header content-length", None, NUMBER, "the real servers stream, the demo knows the length"),
    Allowance("*", "header date", DATE, DATE, "the moment of the answer"),
)

WORDPRESS = (
    Allowance("wordpress", "header server", r"nginx/[\d.]+", None, "the front proxy of the site"),
    Allowance("wordpress", "header x-powered-by", r"PHP/[\d.]+", None, "a setting of PHP, off on most sites"),
    Allowance("wordpress", "header host", r"\{wordpress\}:host", None, "PHP's own server repeats the request's header"),
    Allowance("wordpress", "body *_links.predecessor-version[].id", NUMBER, NUMBER, "the real site numbers revisions among the posts"),
    Allowance("wordpress", "body *_links.predecessor-version[].href", rf"{ANY}/revisions/\d+", rf"{ANY}/revisions/\d+", "the same"),
    Allowance("wordpress", "body *author_ip", r"127\.0\.0\.1", r"198\.51\.100\.\d+", "the story is told from this machine"),
    Allowance("wordpress", "body *author_user_agent", r"python-requests/.*", r"Mozilla/5\.0 .*", "the story is told by a program"),
)

CONTENT_ID = r"baf(?:yrei|krei)[a-z2-7]{52}"
TAG = r'W/"[^"]+"'
RECORD = r"at://did:plc:[a-z2-7]{24}/app\.bsky\.[a-z]+\.[a-z]+/[2-7a-z]{13}"
TOKEN = r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{43}"
PICTURE = rf"\{{images\}}/(?:avatar|feed_thumbnail|feed_fullsize)/plain/did:plc:[a-z2-7]{{24}}/{CONTENT_ID}"
LABELERS = r"did:plc:[a-z2-7]{24};redact(,did:example:labeler;redact)?"
CURSOR = rf"\d{{13}}__{CONTENT_ID}"

NETWORK = tuple(
    allowance
    for service in ("appview", "pds")
    for allowance in (
        Allowance(service, "header x-powered-by", "Express", None, "the web framework of the real server"),
        Allowance(service, "header keep-alive", "timeout=90", None, "how long the real server keeps a connection"),
        Allowance(service, "header content-encoding", "gzip", None, "the demo spares its two cores the packing"),
        Allowance(service, "header content-length", NUMBER, NUMBER, "lengths of made-up names differ"),
        Allowance(service, "header etag", TAG, TAG, "a hash of the bytes, which hold made-up names"),
        Allowance(service, "header atproto-content-labelers", LABELERS, LABELERS, "the moderation services of the network"),
        Allowance(service, "body $.version", r"unknown|\d+\.\d+\.\d+", r"\d+\.\d+\.\d+", "the version of the software"),
        Allowance(service, "body *labels[].cid", CONTENT_ID, CONTENT_ID, "the world holds no content id of a profile"),
        Allowance(service, "body $.cursor", CURSOR, CURSOR, "the world holds no content id of a like, repost or follow"),
    )
)
APPVIEW = (
    Allowance("appview", "body *avatar", PICTURE, PICTURE, "the world holds no pictures"),
    Allowance("appview", "body *embed.images[].thumb", PICTURE, PICTURE, "the world holds no pictures"),
    Allowance("appview", "body *embed.images[].fullsize", PICTURE, PICTURE, "the world holds no pictures"),
    Allowance("appview", "body *image.ref.$link", CONTENT_ID, CONTENT_ID, "the world holds no pictures"),
    Allowance("appview", "body *image.mimeType", "image/png", "image/jpeg", "the world holds no pictures"),
    Allowance("appview", "body *image.size", NUMBER, NUMBER, "the world holds no pictures"),
    Allowance("appview", "body *reason.uri", RECORD, RECORD, "the world numbers likes, reposts and follows by itself"),
    Allowance("appview", "body *reason.cid", CONTENT_ID, CONTENT_ID, "the world numbers likes, reposts and follows by itself"),
    Allowance("appview", "body *threadContext.rootAuthorLike", RECORD, RECORD, "the world numbers likes, reposts and follows by itself"),
)
PDS = (
    Allowance("pds", "header ratelimit-remaining", NUMBER, NUMBER, "the real server has been asked before, while the story was told"),
    Allowance("pds", "header ratelimit-reset", NUMBER, NUMBER, "a window begins with the first request there, at fixed times here"),
    Allowance("pds", "header retry-after", NUMBER, NUMBER, "a window begins with the first request there, at fixed times here"),
    Allowance("pds", "header atproto-repo-rev", r"[2-7a-z]{13}", r"[2-7a-z]{13}", "the revision of the account's repository"),
    Allowance("pds", "body *Jwt", TOKEN, TOKEN, "tokens, signed by each side"),
    Allowance("pds", "body $.did", r"did:web:[\w.]+", r"did:web:[\w.]+", "who the server is", question="server described"),
    Allowance("pds", "body $.availableUserDomains[]", r"\.[\w.]+", r"\.[\w.]+", "the domains a server gives to its users"),
    Allowance("pds", "body $.links.*", r"https://.+", r"(https://|\{pds\}).+", "where a server explains itself"),
    Allowance("pds", "body *.viewer.follow*", RECORD, RECORD, "the world numbers likes, reposts and follows by itself"),
    Allowance("pds", "body $.notifications[].uri", RECORD, RECORD, "the world numbers likes, reposts and follows by itself"),
    Allowance("pds", "body $.notifications[].cid", CONTENT_ID, CONTENT_ID, "the world numbers likes, reposts and follows by itself"),
)

ALLOWANCES = TRANSPORT + WORDPRESS + NETWORK + APPVIEW + PDS

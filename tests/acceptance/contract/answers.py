"""Ask one server and keep what it said, with its own addresses replaced by names.

Question + Side (a server with its credentials) -> requests -> Answer…

Addresses differ from run to run and from server to server; everything else is kept as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import requests

Service = Literal["wordpress", "appview", "pds"]
Paging = Literal["page", "cursor"]
MOST_PAGES = 40
#: value of a header that stands for the entity tag of the answer before
TAG_BEFORE = "(the tag before)"
ACCEPTED = {"Accept": "application/json", "User-Agent": "contract"}


@dataclass(frozen=True)
class Question:
    """One request, put to both servers; with ``paging`` it is asked on to the last page."""

    service: Service
    name: str
    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    who: str = "nobody"
    """Whose credential goes along; a name that both sides know."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Sent as JSON, or as it is when it is bytes."""
    paging: Paging | None = None
    times: int = 1
    """Ask so often and compare the last answer: for limits."""


@dataclass(frozen=True)
class Answer:
    """What came back: ``body`` is parsed JSON, else text; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: Any


class Unanswered(Exception):
    """A server gave no answer at all, or pages without end."""


@dataclass
class Side:
    """One implementation of the three services: where each answers, and the credentials by name."""

    name: str
    addresses: dict[Service, str]
    authorizations: dict[str, str]
    """Name → value of the Authorization header; ``nobody`` sends none."""
    names: dict[str, str]
    """What differs by its nature (addresses, secrets) → the name to put in its place."""
    session: requests.Session = field(default_factory=requests.Session, repr=False)

    def connect_anew(self) -> Side:
        """The same side with a connection of its own, for another thread."""
        return Side(self.name, self.addresses, self.authorizations, self.names)

    def ask(self, question: Question) -> Iterator[Answer]:
        """Put a question and yield its answers, page by page.

        Raises Unanswered when the connection fails or the pages do not end.
        """
        parameters = list(question.parameters)
        for number in range(1, MOST_PAGES + 1):
            answer = self._send(question, parameters)
            yield answer
            following = find_next_page(question, answer, number)
            if following is None:
                return
            parameters = [*question.parameters, following]
        raise Unanswered(f"{self.name}: {question.name} has more than {MOST_PAGES} pages")

    def _send(self, question: Question, parameters: list[tuple[str, str]]) -> Answer:
        headers = {**ACCEPTED, **question.headers}
        if question.who in self.authorizations:
            headers["Authorization"] = self.authorizations[question.who]
        body = self.fill(question.body)
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if data is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        url = f"{self.addresses[question.service]}/{question.path}"
        tag = ""
        try:
            for _ in range(question.times):
                headers |= {name: tag for name, value in question.headers.items() if value == TAG_BEFORE}
                got = self.session.request(question.method, url, params=parameters, data=data, headers=headers, timeout=30, allow_redirects=False)
                tag = got.headers.get("ETag", "")
        except requests.RequestException as error:
            raise Unanswered(f"{self.name}: {question.name}: {error}") from error
        return Answer(got.status_code, {name.lower(): self.rename(value) for name, value in got.headers.items()}, self._read(got))

    def _read(self, got: requests.Response) -> Any:
        text = got.content.decode("utf-8")
        try:
            parsed = json.loads(text)
        except ValueError:
            return self.rename(text)
        return self._rename_all(parsed)

    def fill(self, body: Any) -> Any:
        """Put this side's own secrets into a body that names them."""
        if isinstance(body, Mapping):
            return {
                key: self.authorizations.get(value.removeprefix("secret of "), value) if isinstance(value, str) else value
                for key, value in body.items()
            }
        return body

    def rename(self, text: str) -> str:
        """Text with the names in place of what differs by its nature."""
        for value, name in self.names.items():
            for form in (value, quote(value, safe=""), quote_plus(value)):
                text = text.replace(form, name)
        return text

    def _rename_all(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.rename(value)
        if isinstance(value, list):
            return [self._rename_all(item) for item in value]
        if isinstance(value, dict):
            return {self.rename(key): self._rename_all(item) for key, item in value.items()}
        return value


def find_next_page(question: Question, answer: Answer, number: int) -> tuple[str, str] | None:
    """The parameter that leads to the page after ``number``, None after the last."""
    if question.paging is None or answer.status != 200:
        return None
    if question.paging == "page":
        return ("page", str(number + 1)) if number < int(answer.headers.get("x-wp-totalpages", "0")) else None
    cursor = answer.body.get("cursor") if isinstance(answer.body, dict) else None
    return ("cursor", cursor) if cursor else None

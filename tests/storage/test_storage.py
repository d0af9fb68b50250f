"""The store itself: conditions, answers that are lost, what errors say and what they do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from object_store import ACCESS_KEY, BUCKET, OPEN_BUCKET, SECRET_KEY, LossyLine, Request

from fifty import storage
from fifty.doctor import _check_stores
from fifty.errors import FiftyError, SettingsError, StorageError, StorageRefusedError
from fifty.settings import Settings, load_settings
from fifty.storage import Store


def make_settings(**facts: object) -> Settings:
    return Settings(**{"storage_retries": 2, "storage_timeout_seconds": 10, "_env_file": None, **facts})  # type: ignore[arg-type]


@pytest.fixture
def store(line: LossyLine, url: str) -> Store:
    return Store(url, make_settings())


def test_an_object_is_made_once_and_replaced_only_by_who_knows_it(store: Store) -> None:
    first = store.create("a/b.json", b"one")
    assert first is not None
    assert store.create("a/b.json", b"two") is None
    second = store.replace("a/b.json", b"two", first)
    assert second is not None
    assert store.replace("a/b.json", b"three", first) is None
    assert store.read("a/b.json") == (b"two", second)
    assert store.replace("a/gone.json", b"three", first) is None


def test_a_put_whose_answer_was_lost_is_known_as_our_own(store: Store, line: LossyLine) -> None:
    lost: list[Request] = []

    def lose_once(request: Request) -> str | None:
        if request.method == "PUT" and not lost:
            lost.append(request)
            return "lose"
        return None

    line.fault = lose_once
    e_tag = store.create("claim", b"mine")
    # Without reading back, the second attempt's 412 would look like another machine's.
    assert lost
    assert e_tag is not None
    lost.clear()
    assert store.replace("claim", b"mine, later", e_tag) is not None
    assert store.create("claim", b"another") is None


def test_names_of_any_account_come_back_as_they_were(store: Store) -> None:
    names = ["mastodon/@a.b@c:8080/posts/x y%20z/part.gz", "wordpress/ä+b&c=d/é#1"]
    for name in names:
        store.put(name, b"x")
    assert set(store.list()) == set(names)
    assert set(store.list("mastodon")) == {names[0]}
    assert set(store.list("mast")) == set()
    store.delete([*names, "never/there"])
    assert store.list() == {}


def test_a_large_file_goes_and_comes_in_chunks(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: LossyLine) -> None:
    monkeypatch.setattr(storage, "CHUNK_BYTES", 5 * 1024 * 1024)
    file = tmp_path / "large"
    file.write_bytes(os.urandom(12 * 1024 * 1024 + 7))
    store.put_file("large", file)
    assert max(len(request.body) for request in line.requests) <= 5 * 1024 * 1024
    store.fetch_file("large", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()
    (tmp_path / "empty").touch()
    store.put_file("empty", tmp_path / "empty")
    store.fetch_file("empty", tmp_path / "empty-again")
    assert (tmp_path / "empty-again").read_bytes() == b""
    with pytest.raises(FileNotFoundError):
        store.fetch_file("nowhere", tmp_path / "nothing")


def test_a_busy_server_is_asked_again_and_then_named(store: Store, line: LossyLine) -> None:
    line.fault = lambda request: "refuse" if request.number == 1 else None
    store.put("a", b"1")
    line.fault = lambda request: "refuse"
    with pytest.raises(StorageError, match=r"status 503.*nothing is lost"):
        store.put("a", b"2")
    line.forget()
    assert store.read("a") is not None


@pytest.mark.parametrize(
    ("variable", "value", "seen"),
    [("AWS_SECRET_ACCESS_KEY", "another-secret-key", "SignatureDoesNotMatch"), ("AWS_ACCESS_KEY_ID", "another-access-key", "InvalidAccessKeyId")],
)
def test_a_wrong_credential_is_refused_without_being_told(
    variable: str, value: str, seen: str, line: LossyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    store = Store(f"s3://{BUCKET}/credentials", make_settings())
    for ask in (
        lambda: store.list(),
        lambda: store.read("a"),
        lambda: store.create("a", b""),
        lambda: store.put("a", b""),
        lambda: store.delete(["a"]),
    ):
        with pytest.raises(StorageRefusedError) as caught:
            ask()
        assert seen in str(caught.value)
        for secret in (ACCESS_KEY, SECRET_KEY, value, "Signature="):
            assert secret not in repr(caught.value) + str(caught.value)
        assert caught.value.__suppress_context__


def test_a_missing_bucket_is_no_missing_object(line: LossyLine) -> None:
    store = Store("s3://no-such-bucket/a", make_settings())
    for ask in (lambda: store.read("a"), lambda: store.list(), lambda: store.create("a", b""), lambda: store.replace("a", b"", '"e"')):
        with pytest.raises(StorageRefusedError, match="NoSuchBucket"):
            ask()


def test_no_server_is_an_error_that_may_be_tried_again(url: str, line: LossyLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StorageError, match="no connection"):
        Store(url, make_settings(storage_retries=1)).list()


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/a", "s3://bucket/a?b=secret", "bucket/a", "s3://", "ftp://bucket/a", "s3://bucket/../a b"])
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIFTY_LANDING_URL", url)
    with pytest.raises(SettingsError, match=r"FIFTY_LANDING_URL: .*must be like s3://bucket/folder") as caught:
        load_settings()
    assert "secret" not in str(caught.value)


def test_the_first_error_ends_a_parallel_run(store: Store) -> None:
    done = []

    def fail() -> None:
        raise StorageError("down")

    with pytest.raises(StorageError, match="down"):
        store.run_all([fail, *[lambda: done.append(1)] * 1000])
    assert len(done) < 1000


def test_the_doctor_tries_what_fifty_needs_of_a_store(url: str, line: LossyLine) -> None:
    findings = list(_check_stores(make_settings(landing_url=url, published_url=url)))
    assert [(one.check.rpartition(": ")[2], one.outcome) for one in findings] == [("list", "good"), ("conditions", "good"), ("clock", "good")]
    assert Store(url, make_settings()).list() == {}, "the doctor left something behind"


def test_the_doctor_finds_a_store_that_heeds_no_condition(line: LossyLine, monkeypatch: pytest.MonkeyPatch) -> None:
    # As servers do that know nothing of conditions. Unsigned, because a signature covers the header.
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    settings = make_settings(landing_url=f"s3://{OPEN_BUCKET}/heedless")
    assert {one.check.rpartition(": ")[2]: one.outcome for one in _check_stores(settings)}["conditions"] == "good"
    monkeypatch.setattr("object_store.IGNORED_HEADERS", ("if-none-match", "if-match"))
    assert {one.check.rpartition(": ")[2]: one.outcome for one in _check_stores(settings)}["conditions"] == "wrong"


def test_the_doctor_says_what_is_wrong_with_the_bucket(line: LossyLine) -> None:
    (finding,) = _check_stores(make_settings(landing_url="s3://no-such-bucket"))
    assert (finding.outcome, "NoSuchBucket" in finding.seen) == ("wrong", True)
    assert BUCKET not in finding.seen


def test_every_method_speaks_in_errors_of_its_own(store: Store, line: LossyLine, tmp_path: Path) -> None:
    line.fault = lambda request: "drop"
    (tmp_path / "a").write_bytes(b"a")
    for ask in (
        lambda: store.list(), lambda: store.read("a"), lambda: store.create("a", b""), lambda: store.replace("a", b"", '"e"'), lambda: store.put("a", b""),
        lambda: store.put_file("a", tmp_path / "a"), lambda: store.fetch_file("a", tmp_path / "b"), lambda: store.delete(["a"]), store.read_clock,
    ):  # fmt: skip
        with pytest.raises(FiftyError) as caught:
            ask()
        assert isinstance(caught.value, StorageError)

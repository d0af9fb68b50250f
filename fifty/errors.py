"""What can go wrong, named by what the caller does about it.

    FiftyError
    ├── SettingsError      the installation or a fifty.yml is wrong: mend it, exit code 2
    ├── RetryableError     the world is briefly unwell (429, 5xx, connection, lock): try again later
    │   └── StorageError       the object store does not answer: what was not uploaded stays here and follows
    ├── FatalError         trying again cannot help (401, 403, repeated cursor, broken file): a human looks
    │   ├── CredentialError    the platform refuses the credential
    │   ├── PagingError        the platform's paging does not end
    │   ├── LandingError       a landed file is not what its manifest says
    │   ├── DiskError          there is no room for what was about to begin
    │   ├── SchemaError        the work file belongs to another version of this program
    │   ├── BackupError        a backup cannot be made, or is not what its manifest says
    │   └── StorageRefusedError  the object store refuses: credential, right or bucket is missing
    ├── SkippableError     this one scope cannot be read (deleted post, hidden followers): counted, the load goes on;
    │   │                  or this one run has nothing to do yet: skipped, a later one follows by itself
    │   ├── HeldError          an operator holds the brand's extracts
    │   ├── PausedError        an operator has paused the brand
    │   └── DepartedError      the brand has left
    └── GateFailed         a gate stopped the run: exit code 3

Every message answers: where, what was seen, what was expected, what to do next.
"""

from __future__ import annotations


class FiftyError(Exception):
    """Base of all errors raised on purpose.

    `where` is brand/platform/account/stream/load as far as known, `seen` and `expected` are facts, `remedy` is an instruction.
    Nothing secret may be passed in: messages reach logs, alerts and files.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", seen: str = "", expected: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.seen = seen
        self.expected = expected
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        for label, text in (("seen", self.seen), ("expected", self.expected), ("remedy", self.remedy)):
            if text:
                parts.append(f"{label}: {text}")
        return " · ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        # Airflow and process pools pickle errors; keyword-only arguments need help.
        return (_rebuild_error, (type(self), self.what, self.where, self.seen, self.expected, self.remedy))


def _rebuild_error(kind: type[FiftyError], what: str, where: str, seen: str, expected: str, remedy: str) -> FiftyError:
    return kind(what, where=where, seen=seen, expected=expected, remedy=remedy)


class SettingsError(FiftyError):
    """The installation or the configuration is wrong; holds all mistakes at once in `mistakes`."""

    exit_code = 2

    @classmethod
    def collect(cls, mistakes: list[str], *, where: str) -> SettingsError:
        """One error naming every mistake, one a line."""
        count = len(mistakes)
        return cls(f"{count} mistake{'s' if count != 1 else ''}:\n  - " + "\n  - ".join(mistakes), where=where)


class RetryableError(FiftyError):
    """The world is briefly unwell; the same call may succeed later."""


class StorageError(RetryableError):
    """The object store does not answer (5xx, time-out, no connection), or another machine is writing the same thing there."""


class FatalError(FiftyError):
    """Trying again cannot help."""


class CredentialError(FatalError):
    """The platform refuses the credential (401, 403, expired token)."""


class PagingError(FatalError):
    """The platform's paging does not end: a cursor came twice, or pages exceed the stated bound."""


class LandingError(FatalError):
    """A landed file is missing, cut or not what its manifest says."""


class DiskError(FatalError):
    """There is no room on the disk for what was about to begin; nothing was begun."""


class SchemaError(FatalError):
    """The work file was made by another version of this program, and cannot be used as it is."""


class BackupError(FatalError):
    """A backup cannot be made, is not complete, or is not what its manifest says."""


class StorageRefusedError(FatalError):
    """The object store answers that it will not: the credential, a right or the bucket is missing."""


class SkippableError(FiftyError):
    """One scope cannot be read: recorded as incomplete, the load goes on. Or one run is too early: skipped, a later one follows."""


class HeldError(SkippableError):
    """An operator holds the brand's extracts: none is written or sent until they are released."""


class PausedError(SkippableError):
    """An operator has paused the brand: nothing is pulled, built or sent until it is resumed."""


class DepartedError(SkippableError):
    """The brand was offboarded; only its entry in fifty.yml is left."""


class GateFailed(FiftyError):
    """A gate stopped the run; the last published version stays."""

    exit_code = 3

"""A client of a Strongroom vault, on the standard library of Python 3.9 or later. One file to copy.

    vault = Vault("https://vault.internal:7420", Path("/run/secrets/vault.key"))
    for outcome in vault.tokenise("customer-pan", ["4111 1111 1111 1111"]):
        print("refused:" if isinstance(outcome, Failed) else "token:", outcome)

A call that fails whole raises VaultError. An item that fails has a Failed in its place; the others are not spoiled by it.
No exception holds a value, a token or the API key, in its message or behind it.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, TypeVar, Union
from urllib.parse import urlsplit
from uuid import uuid4

__all__ = ["Failed", "Outcome", "Unreachable", "Vault", "VaultError"]

#: What may pass by itself. Nobody knows whether an ``unavailable`` call happened: it is repeated under its key.
_PASSING = frozenset({"unavailable", "audit_unavailable"})
#: Statuses with which what stands before a vault says that the vault did not answer.
_NO_ANSWER = frozenset({502, 503, 504})
#: Seconds: the first pause, doubled each time; the longest; and the longest that a vault may ask for.
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_ASKED = 0.2, 10.0, 30.0
_LOOPBACK = re.compile(r"127\.\d+\.\d+\.\d+|localhost|::1")
_API_KEY = re.compile(rb"[\x21-\x7e]+")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class VaultError(Exception):
    """The vault refused a call, or the call did not reach it.

    ``code`` is one of the table in docs/http.md. ``request_id`` names the call in the vault's own log. ``retry_after`` is
    in seconds, where the vault gave one.
    """

    def __init__(self, code: str, *, request_id: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(code if request_id is None else f"{code} ({request_id})")
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after


class Unreachable(VaultError):
    """No answer came, or half of one: whether a change happened is not known. ``reason`` is a word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__("unavailable")
        self.args = (f"no answer from the vault ({reason})",)
        self.reason = reason


@dataclass(frozen=True)
class Failed:
    """What stands in the place of an item that failed: one of the codes of docs/http.md."""

    code: str

    def __str__(self) -> str:
        return self.code


#: A token, a value or a mask, as asked; or why there is none.
Outcome = Union[str, Failed]
_Item = TypeVar("_Item")


class Vault:
    """A vault as one API key sees it. It holds no connection: threads may share it."""

    def __init__(
        self,
        url: str,
        key_file: Path,
        *,
        timeout: float = 10.0,
        retries: int = 3,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """
        :param url: ``https://host[:port]``, or ``http://`` on loopback: a key in clear on a network is given away
        :param key_file: a file that holds the API key and nothing else
        :param timeout: seconds that a connection may be silent
        :param retries: how many times more to ask where no answer came, or the vault could not take it then
        :param context: certificates to trust, and one to show, where they are not the system's
        :raises ValueError: for a URL or a file that is not that
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        safe = parts.scheme == "https" or (parts.scheme == "http" and _LOOPBACK.fullmatch(host) is not None)
        if not safe or host == "" or parts.path not in ("", "/") or parts.query or parts.username is not None:
            raise ValueError("the URL must be https://host[:port], or http:// on loopback")
        key = key_file.read_bytes().strip()
        if _API_KEY.fullmatch(key) is None:
            raise ValueError("the key file must hold an API key on one line")
        self._host, self._port = host, parts.port
        self._authorization = f"Bearer {key.decode('ascii')}"
        self._timeout, self._retries = timeout, retries
        self._context = (context or ssl.create_default_context()) if parts.scheme == "https" else None

    def __repr__(self) -> str:
        return f"<Vault {self._host}>"

    def tokenise(
        self,
        collection: str,
        values: Sequence[str],
        *,
        subject: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[Outcome]:
        """Swaps 1 to 1,000 values for tokens, in their order.

        Give an ``idempotency_key`` that you keep to be able to ask again after a crash; without one, a key is drawn that is
        good for the retries of this call.
        """
        about = {} if subject is None else {"subject": subject}
        items = [{"collection": collection, "value": value, **about} for value in values]
        return self._change("tokenise", {"items": items}, idempotency_key, _text("token"))

    def detokenise(
        self, collection: str, tokens: Sequence[str], *, purpose: str, ticket: str | None = None
    ) -> list[Outcome]:
        """The values of tokens. Each is recorded, with the purpose and the ticket, before it leaves the vault."""
        return self._show("detokenise", collection, tokens, purpose, ticket, "value")

    def mask(
        self, collection: str, tokens: Sequence[str], *, purpose: str, ticket: str | None = None
    ) -> list[Outcome]:
        """What may be shown of values, as ``************1111``."""
        return self._show("mask", collection, tokens, purpose, ticket, "masked")

    def erase(
        self,
        collection: str,
        tokens: Sequence[str],
        *,
        reason: str,
        ticket: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[Failed | None]:
        """Destroys values for good. The reason stands in the log for good. None is an erased one."""
        body = {"reason": reason, **_ticket(ticket), "items": _named(collection, tokens)}
        return self._change("erase", body, idempotency_key, lambda item: None)

    def _show(
        self,
        verb: str,
        collection: str,
        tokens: Sequence[str],
        purpose: str,
        ticket: str | None,
        field: str,
    ) -> list[Outcome]:
        body = {"purpose": purpose, **_ticket(ticket), "items": _named(collection, tokens)}
        return _outcomes(self._ask(verb, body, {}), _text(field), len(tokens))

    def _change(
        self,
        verb: str,
        body: Mapping[str, Any],
        idempotency_key: str | None,
        read: Callable[[dict[str, Any]], _Item],
    ) -> list[_Item | Failed]:
        key = str(uuid4()) if idempotency_key is None else idempotency_key
        if _IDEMPOTENCY_KEY.fullmatch(key) is None:
            raise ValueError("an Idempotency-Key is 1 to 128 printable ASCII characters without spaces")
        headers = {"Idempotency-Key": key}
        return _outcomes(self._ask(verb, body, headers), read, len(body["items"]))

    def _ask(self, verb: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        """Asks, and asks again under the same key where that may help."""
        for tried in range(self._retries + 1):
            try:
                return self._ask_once(verb, body, headers)
            except VaultError as error:
                asked = float(error.retry_after or 0)
                if error.code not in _PASSING or tried == self._retries or asked > _LONGEST_ASKED:
                    raise
                grown = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tried)
            # Callers that were refused together do not come back together.
            time.sleep(max(asked, grown) * random.uniform(1.0, 1.25))
        raise AssertionError("the last try returns or raises")

    def _ask_once(self, verb: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        """One request on a connection of its own. http.client follows no redirect and knows no proxy."""
        connection = self._connection()
        try:
            sent = {"Authorization": self._authorization, "Content-Type": "application/json", **headers}
            connection.request("POST", f"/v1/{verb}", json.dumps(body).encode("ascii"), sent)
            response = connection.getresponse()
            status, retry_after = response.status, response.getheader("Retry-After", "")
            answered = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(type(error).__name__) from None
        finally:
            connection.close()
        return _read(status, retry_after, answered)

    def _connection(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout, context=self._context
        )


def _read(status: int, retry_after: str, answered: bytes) -> Any:
    """The items of an answer, those of a batch in which all failed included. Else what the vault said, raised."""
    try:
        answer = json.loads(answered)
    except ValueError:
        # Its own error holds all that was answered.
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("items"), list):
        return answer["items"]
    if isinstance(answer, dict) and isinstance(answer.get("code"), str):
        seconds = int(retry_after) if re.fullmatch(r"[0-9]{1,9}", retry_after) else None
        raise VaultError(answer["code"], request_id=answer.get("requestId"), retry_after=seconds)
    if status in _NO_ANSWER:
        raise Unreachable(f"HTTP {status}")
    raise VaultError("internal")


def _outcomes(items: Any, read: Callable[[dict[str, Any]], _Item], count: int) -> list[_Item | Failed]:
    try:
        outcomes = [Failed(item["error"]["code"]) if "error" in item else read(item) for item in items]
    except (KeyError, TypeError):
        outcomes = []
    if len(outcomes) != count:
        raise VaultError("internal")
    return outcomes


def _text(field: str) -> Callable[[dict[str, Any]], str]:
    return lambda item: str(item[field])


def _named(collection: str, tokens: Sequence[str]) -> list[dict[str, str]]:
    return [{"collection": collection, "token": token} for token in tokens]


def _ticket(ticket: str | None) -> dict[str, str]:
    return {} if ticket is None else {"ticket": ticket}

"""Bearer tokens: who asks, in which role, of which organisation, for what purpose, until when.

Tokens are signed with Ed25519 by a key that is made in the home at first use; no other algorithm is ever tried.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import NamedTuple

import jwt

from events.clock import Clock
from events.errors import Refused, RejectedMessage
from hub.access.door import ROLES, Caller
from hub.keyfile import key_of

KEY_FILE = "token-key.pem"
ISSUER = AUDIENCE = "tellonce"
ALGORITHM = "EdDSA"
LEEWAY_S = 30  # two machines' clocks are never quite equal
LIFETIME_S = 12 * 3600
LIFETIME_MAX_S = 3_653 * 86_400  # ten years: nothing but a new key, and so new tokens for all, takes one back before
# What each role asks for unless its token says otherwise; the values are the closed list.
PURPOSE_OF_ROLE: Mapping[str, str] = MappingProxyType(
    {
        "adapter": "data-supply",
        "practitioner": "direct-care",
        "steward": "record-linkage",
        "auditor": "audit",
        "admin": "operations",
    }
)
PURPOSES = (*PURPOSE_OF_ROLE.values(), "safeguarding", "subject-access")
_REQUIRED = ("iss", "aud", "exp", "nbf", "sub", "role", "org", "purpose")
_WHO = re.compile(r"[\w.@:+-]{1,100}")
_ORGANISATION = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SCHEME = "bearer "
_REMEMBERED = 2_000
_ANEW = "Move it away: a new key is made, and every token must be issued again."


class _Verified(NamedTuple):
    """A token whose signature and claims were found good; its times are looked at each time it is used."""

    caller: Caller
    not_before_s: int
    expires_s: int


class Tokens:
    """Issues and verifies the tokens of one home. Raises WrongSettings `bad-token-key` where its key cannot serve."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._key = key_of(home / KEY_FILE, "bad-token-key", _ANEW)
        self._public = self._key.public_key()
        self._clock = clock
        self._verified: OrderedDict[str, _Verified] = OrderedDict()
        self._remembering = Lock()

    def issue(
        self, who: str, role: str, organisation: str, *, purpose: str | None = None, lifetime_s: int = LIFETIME_S
    ) -> str:
        """A signed token.

        Raises RejectedMessage `role-unknown`, `purpose-unknown`, `bad-token-claim` or `token-too-long`.
        """
        caller = Caller(who, role, organisation, purpose or PURPOSE_OF_ROLE.get(role, ""))
        if fault := _fault(caller):
            raise RejectedMessage(*fault, where="token", next_step="`tellonce token --help` lists what is possible.")
        if lifetime_s <= 0:
            raise RejectedMessage("bad-token-claim", "a token must live for a while", where="lifetime")
        if lifetime_s > LIFETIME_MAX_S:
            raise RejectedMessage(
                "token-too-long",
                f"a token holds for ten years ({LIFETIME_MAX_S // 86_400} days) at most",
                where="lifetime",
                next_step="Ask for fewer days, and for a new token when they are over.",
            )
        now_s = self._clock() // 1_000_000
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "nbf": now_s,
            "exp": now_s + lifetime_s,
            "sub": who,
            "role": role,
            "org": organisation,
            "purpose": caller.purpose,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def verify_token(self, authorization: str | None) -> Caller:
        """The caller that an `Authorization` header names.

        Raises Refused `token-missing`, `token-wrong`, `token-expired`, `token-not-yet-valid`, `role-unknown` or
        `purpose-unknown`.
        """
        token = _bearer(authorization)
        found = self._verified.get(token)
        if found is None:
            found = self._remember(token, self._checked(token))
        now_s = self._clock() // 1_000_000
        if now_s >= found.expires_s + LEEWAY_S:
            raise _unwelcome("token-expired", "the token's time is over", "Ask for a new one: `tellonce token`.")
        if now_s < found.not_before_s - LEEWAY_S:
            raise _unwelcome("token-not-yet-valid", "the token's time has not begun", "Compare the machines' clocks.")
        return found.caller

    def _checked(self, token: str) -> _Verified:
        try:
            # Times are compared with the hub's own clock, by verify_token.
            claims = jwt.decode(
                token,
                self._public,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(_REQUIRED), "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise _wrong() from error
        told = [claims[name] for name in ("sub", "role", "org", "purpose")]
        times = [claims[name] for name in ("nbf", "exp")]
        if not all(type(each) is str for each in told) or not all(type(each) is int for each in times):
            raise _wrong()
        caller = Caller(*told)
        if fault := _fault(caller):
            raise _unwelcome(*fault, "Ask for a new one: `tellonce token`.")
        return _Verified(caller, *times)

    def _remember(self, token: str, found: _Verified) -> _Verified:
        """A signature takes a tenth of a millisecond to check: a token in use is checked once."""
        with self._remembering:
            self._verified[token] = found
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return found


def _bearer(authorization: str | None) -> str:
    if not authorization or not authorization[: len(_SCHEME)].lower() == _SCHEME:
        raise _unwelcome(
            "token-missing", "this needs a bearer token", "Send the header `Authorization: Bearer <token>`."
        )
    return authorization[len(_SCHEME) :].strip()


def _fault(caller: Caller) -> tuple[str, str] | None:
    """Code and sentence for what a token cannot say; None where all is well."""
    if caller.role not in ROLES:
        return "role-unknown", f"the roles are {', '.join(ROLES)}"
    if caller.purpose not in PURPOSES:
        return "purpose-unknown", f"the purposes are {', '.join(sorted(PURPOSES))}"
    if not _WHO.fullmatch(caller.who):
        return "bad-token-claim", "who asks is named by 1 to 100 letters, digits and . @ : + - _"
    if not _ORGANISATION.fullmatch(caller.organisation):
        return "bad-token-claim", "the organisation is named as in the register of agencies"
    return None


def _wrong() -> Refused:
    return _unwelcome(
        "token-wrong", "this hub did not issue this token, or it was changed", "Ask for a new one: `tellonce token`."
    )


def _unwelcome(code: str, what: str, next_step: str) -> Refused:
    return Refused(code, what, where="token", next_step=next_step)

"""Tokens: who asks is believed only with a signature of this home, in its time, for what it lists."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from events.clock import DrivenClock
from events.errors import HubError, Refused, RejectedMessage, WrongSettings
from hub.access.door import ROLES, Caller
from hub.access.tokens import AUDIENCE, ISSUER, KEY_FILE, LIFETIME_MAX_S, PURPOSE_OF_ROLE, PURPOSES, Tokens

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock(NOON)


@pytest.fixture
def tokens(tmp_path: Path, clock: DrivenClock) -> Tokens:
    return Tokens(tmp_path, clock)


@pytest.fixture
def signed(tmp_path: Path, tokens: Tokens) -> Callable[..., str]:
    """Signs claims with the home's own key; each may be changed, or left out with None."""
    key = load_pem_private_key((tmp_path / KEY_FILE).read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)

    def sign(**changed: Any) -> str:
        claims = {**good_claims(), **changed}
        return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm="EdDSA")

    return sign


def good_claims() -> dict[str, Any]:
    now_s = int(NOON.timestamp())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "nbf": now_s,
        "exp": now_s + 3600,
        "sub": "ward-7",
        "role": "practitioner",
        "org": "hospital",
        "purpose": "direct-care",
    }


def refused(tokens: Tokens, token: str) -> str:
    with pytest.raises(Refused) as caught:
        tokens.verify_token(f"Bearer {token}")
    return caught.value.code


def test_an_issued_token_names_its_caller(tokens: Tokens) -> None:
    token = tokens.issue("ward-7", "practitioner", "hospital", purpose="safeguarding")
    assert tokens.verify_token(f"Bearer {token}") == Caller("ward-7", "practitioner", "hospital", "safeguarding")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_a_usual_purpose(tokens: Tokens, role: str) -> None:
    caller = tokens.verify_token(f"bearer {tokens.issue('somebody', role, 'hub')}")
    assert caller.purpose == PURPOSE_OF_ROLE[role]
    assert caller.purpose in PURPOSES


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic c2VjcmV0", "eyJhbGciOiJFZERTQSJ9"])
def test_no_bearer_token_is_said_plainly(tokens: Tokens, header: str | None) -> None:
    with pytest.raises(Refused) as caught:
        tokens.verify_token(header)
    assert caught.value.code == "token-missing"


def test_a_token_holds_until_its_time_is_over(tokens: Tokens, clock: DrivenClock) -> None:
    token = tokens.issue("ward-7", "practitioner", "hospital", lifetime_s=600)
    clock.set(NOON + timedelta(seconds=629))
    assert tokens.verify_token(f"Bearer {token}").who == "ward-7"
    clock.set(NOON + timedelta(seconds=630))
    assert refused(tokens, token) == "token-expired"


def test_a_token_whose_time_has_not_begun_is_refused(tokens: Tokens, clock: DrivenClock) -> None:
    token = tokens.issue("ward-7", "practitioner", "hospital")
    clock.set(NOON - timedelta(seconds=30))
    assert tokens.verify_token(f"Bearer {token}").who == "ward-7"
    clock.set(NOON - timedelta(seconds=31))
    assert refused(tokens, token) == "token-not-yet-valid"


def test_a_token_of_another_home_is_wrong(tokens: Tokens, tmp_path: Path, clock: DrivenClock) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert refused(tokens, Tokens(other, clock).issue("ward-7", "practitioner", "hospital")) == "token-wrong"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_one_part_changed_is_wrong(tokens: Tokens, part: int) -> None:
    parts = tokens.issue("ward-7", "practitioner", "hospital").split(".")
    half = len(parts[part]) // 2
    letter = parts[part][half]
    parts[part] = f"{parts[part][:half]}{'A' if letter != 'A' else 'B'}{parts[part][half + 1 :]}"
    assert refused(tokens, ".".join(parts)) == "token-wrong"


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in good_claims()),
        {"iss": "somebody-else"},
        {"aud": "another-service"},
        {"exp": "tomorrow"},
        {"exp": True},
        {"nbf": 1.5},
        {"sub": 7},
        {"role": ["admin"]},
    ],
    ids=str,
)
def test_a_claim_that_is_missing_or_of_another_kind_makes_a_token_wrong(
    tokens: Tokens, signed: Callable[..., str], changed: dict[str, Any]
) -> None:
    assert refused(tokens, signed(**changed)) == "token-wrong"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"role": "superuser"}, "role-unknown"),
        ({"purpose": "curiosity"}, "purpose-unknown"),
        ({"sub": "two words"}, "bad-token-claim"),
        ({"sub": "x" * 101}, "bad-token-claim"),
        ({"org": "The Hospital"}, "bad-token-claim"),
    ],
    ids=str,
)
def test_a_claim_beyond_the_lists_has_a_code_of_its_own(
    tokens: Tokens, signed: Callable[..., str], changed: dict[str, Any], code: str
) -> None:
    assert refused(tokens, signed(**changed)) == code


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256"])
def test_no_other_algorithm_is_ever_tried(tokens: Tokens, tmp_path: Path, algorithm: str) -> None:
    # HS256 keyed with the public key is the classic: a verifier that lets the token choose would accept it.
    key: Any = {"none": None, "HS256": "k" * 32, "RS256": generate_private_key(65537, 2048)}[algorithm]
    assert refused(tokens, jwt.encode(good_claims(), key, algorithm=algorithm)) == "token-wrong"


def test_a_token_without_signature_that_says_it_has_one_is_wrong(tokens: Tokens) -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    assert refused(tokens, f"{part({'alg': 'EdDSA'})}.{part(good_claims())}.") == "token-wrong"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (("ward-7", "superuser", "hospital"), "role-unknown"),
        (("ward 7", "practitioner", "hospital"), "bad-token-claim"),
        (("ward-7", "practitioner", "The Hospital"), "bad-token-claim"),
    ],
    ids=str,
)
def test_a_token_that_would_be_refused_is_not_issued(tokens: Tokens, told: tuple[str, str, str], code: str) -> None:
    with pytest.raises(RejectedMessage) as caught:
        tokens.issue(*told)
    assert caught.value.code == code


def test_a_token_for_an_unknown_purpose_or_no_time_is_not_issued(tokens: Tokens) -> None:
    with pytest.raises(RejectedMessage, match="purpose-unknown"):
        tokens.issue("ward-7", "practitioner", "hospital", purpose="curiosity")
    with pytest.raises(RejectedMessage, match="bad-token-claim"):
        tokens.issue("ward-7", "practitioner", "hospital", lifetime_s=0)


def test_no_token_holds_for_more_than_ten_years(tokens: Tokens) -> None:
    tokens.issue("ward-7", "practitioner", "hospital", lifetime_s=LIFETIME_MAX_S)
    with pytest.raises(RejectedMessage, match="token-too-long"):
        tokens.issue("ward-7", "practitioner", "hospital", lifetime_s=LIFETIME_MAX_S + 1)


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path, clock: DrivenClock) -> None:
    token = Tokens(tmp_path, clock).issue("ward-7", "practitioner", "hospital")
    key = tmp_path / KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    assert Tokens(tmp_path, clock).verify_token(f"Bearer {token}").who == "ward-7"


def test_many_that_begin_at_once_have_one_key(tmp_path: Path, clock: DrivenClock) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Tokens(tmp_path, clock), range(8)))
    token = made[0].issue("ward-7", "practitioner", "hospital")
    assert {each.verify_token(f"Bearer {token}").who for each in made} == {"ward-7"}


def test_a_key_that_others_may_read_is_refused(tmp_path: Path, clock: DrivenClock) -> None:
    Tokens(tmp_path, clock)
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(WrongSettings, match="bad-token-key"):
        Tokens(tmp_path, clock)


def test_a_file_that_is_no_key_of_ours_is_refused(tmp_path: Path, clock: DrivenClock) -> None:
    key = tmp_path / KEY_FILE
    rsa = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"not a key", rsa):
        key.write_bytes(content)
        key.chmod(0o600)
        with pytest.raises(WrongSettings, match="bad-token-key"):
            Tokens(tmp_path, clock)


def test_more_tokens_than_are_remembered_all_hold(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.access.tokens._REMEMBERED", 2)
    issued = {f"ward-{n}": tokens.issue(f"ward-{n}", "practitioner", "hospital") for n in range(5)}
    for _ in range(2):
        assert [tokens.verify_token(f"Bearer {token}").who for token in issued.values()] == list(issued)


def test_no_refusal_repeats_the_token(tokens: Tokens, signed: Callable[..., str]) -> None:
    for token in (signed(role="marked-role"), signed(sub="marked person"), "marked.token.here"):
        with pytest.raises(HubError) as caught:
            tokens.verify_token(f"Bearer {token}")
        assert "marked" not in str(caught.value)

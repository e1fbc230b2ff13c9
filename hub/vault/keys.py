"""The key store: which random number stands for a source record, and the secrets its keys come from.

A subject is found by HMAC(look-up key, agency ‖ 0x00 ‖ record), so the file names nobody by itself. There is one secret
per (agency, subject, retention class), wrapped under the agency's key, and one that the hub holds for what it says
about that subject itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from pathlib import Path

from events.clock import Clock, SystemClock, from_us
from events.identity import PairKeys, SubjectKeys, derive, keys_of_pair, mac, subject_keys
from events.ids import SubjectId
from events.log.bulk import insert_rows, select_rows
from events.log.transaction import transaction
from events.sealing import SECRET_BYTES, Cipher, Drawn, SecretName, key_id_of, wrap
from hub.sqlite import faults_told, open_file, open_to_read
from hub.vault import destroying, rotating
from hub.vault.agencies import AgencyKeys, broken_key, kms_name, opened_secret
from hub.vault.binding import Binding
from hub.vault.boxes import AGENCY, Held
from hub.vault.kept import KeptBeside
from hub.vault.kms import Kms
from hub.vault.known import Known, Pending, Slot, Stored
from hub.vault.ring import Ring, since_boot_s
from hub.vault.suppressed import Suppressed, erased
from hub.vault.tables import EMPTY, STORED_FORMAT, STORED_ROW, make_tables, text_of

SUBJECT_BYTES = 16
CACHE_MAX = 200_000
_SERVICE = "hub:linkage/service/"  # the record that stands for the hub itself in a month
_STORED = (
    f"SELECT s.lookup, CAST(s.subject AS BLOB), CAST(s.mac AS BLOB), {STORED_ROW} FROM wanted "
    "CROSS JOIN subjects s ON s.lookup = wanted.column1 LEFT JOIN secrets k ON k.subject = s.subject"
)
_SECRETS = "INSERT INTO secrets(agency, subject, class, key_id, generation, wrapped) VALUES"
_Record = tuple[str, str]  # agency, record
_New = tuple[str, SubjectId, str, bytes]  # holder, subject, retention class, secret


class KeyStore(KeptBeside):
    """A Keyring on one SQLite file. Keys are made in memory at first sight and durable after `commit`.

    The log's writer commits here before it commits its own rows: a key without events is harmless, an event whose
    keys are lost can never be opened. May be used from any thread.
    """

    def __init__(
        self,
        path: Path,
        kms: Kms,
        *,
        clock: Clock | None = None,
        random: Callable[[int], bytes] = os.urandom,
        boot_s: Callable[[], float] = since_boot_s,
    ) -> None:
        self._path = path
        self._kms = kms
        self._clock = clock or SystemClock()
        self._random = random
        self._subjects, self._secrets = Drawn(SUBJECT_BYTES, random), Drawn(SECRET_BYTES, random)
        self._db = open_file(path, STORED_FORMAT, make_tables)
        self._reader = open_to_read(path)
        self._agencies = AgencyKeys(self._reader, kms, random)
        self._agencies.load()  # a home without its wrapping keys does not open
        self._look_up_key = self._hub_key()
        hub_cipher, suppression_key = derive(self._look_up_key, b"intake-keys/1", b"suppression/1")
        self._hub_cipher = Cipher(hub_cipher)
        self._binding = Binding(self._look_up_key)
        self._suppressed = Suppressed(self._db, suppression_key)
        self.ring = Ring(path, kms, boot_s)
        self._making = threading.Lock()
        self._committing = threading.Lock()
        self._pending = Pending({}, {}, {})
        self._last_ref: int = self._reader.execute("SELECT coalesce(max(ref), 0) FROM partners").get
        # Two generations bound the cache without a lock on a hit: the older one goes when the younger is half of all.
        self._young: dict[_Record, Known] = {}
        self._old: dict[_Record, Known] = {}

    def _hub_key(self) -> bytes:
        wrapped = self._db.execute("SELECT CAST(wrapped AS BLOB) FROM hub_keys WHERE name = 'look-up'").get
        if wrapped is None:
            wrapped = self._kms.wrap(AGENCY, self._random(SECRET_BYTES))
            self._db.execute("INSERT INTO hub_keys VALUES('look-up', ?)", (wrapped,))
        return self._kms.unwrap(AGENCY, wrapped)

    def keys_of(self, agency: str, record: str, retention: str) -> SubjectKeys:
        """See Keyring; the same ever after."""
        return self._keys((agency, record), (agency, retention))

    def keys_about(self, agency: str, record: str, retention: str) -> SubjectKeys:
        """See Keyring: the subject is the record's, the secret the hub's own."""
        return self._keys((agency, record), (AGENCY, retention))

    def service_keys(self, retention: str) -> SubjectKeys:
        """See Keyring."""
        return self.keys_of(AGENCY, f"{_SERVICE}{from_us(self._clock()):%Y-%m}", retention)

    def pair_keys(self, about: _Record, other: _Record, retention: str) -> PairKeys:
        """See Keyring."""
        slot = (AGENCY, retention)
        with self._making:
            mine, theirs = self._known(about), self._known(other)
            of_mine, of_theirs = self._made(about, mine, slot), self._made(other, theirs, slot)
            one = self._secret(mine, of_mine.subject, slot)
            another = self._secret(theirs, of_theirs.subject, slot)
            self._last_ref += 1
            self._pending.partners[self._last_ref] = (of_theirs.subject, of_theirs.key_id)
            return keys_of_pair(self._last_ref, one, another)

    def look_up(self, records: Iterable[_Record]) -> None:
        """Reads what is stored of many records (agency, text form) at once: each query lets go of the interpreter."""
        names = set(records)
        if names <= self._young.keys():
            return
        with self._making:
            self._load(names - self._young.keys())

    def ciphers_of(self, agency: str, subjects: Iterable[SubjectId], retention: str) -> dict[SubjectId, Cipher]:
        """See Ring."""
        return self.ring.ciphers_of(agency, subjects, retention)

    def token_key(self) -> bytes:
        """What senders' message ids are looked up by."""
        return derive(self._look_up_key, b"message-id/1")[0]

    # ---- in memory; under the lock

    def _keys(self, name: _Record, slot: Slot) -> SubjectKeys:
        known = self._young.get(name)
        keys = known.keys.get(slot) if known is not None else None
        return keys if keys is not None else self._find_or_make(name, slot)

    def _find_or_make(self, name: _Record, slot: Slot) -> SubjectKeys:
        with self._making:
            return self._made(name, self._known(name), slot)

    def _known(self, name: _Record) -> Known:
        if name not in self._young:
            self._load({name})
        return self._young[name]

    def _made(self, name: _Record, known: Known, slot: Slot) -> SubjectKeys:
        keys = known.keys.get(slot)
        if keys is None:
            # What the hub says of a record that a hold keeps goes on when the intake of its agency is closed.
            if self.is_erased(*name) or (slot[0] != AGENCY and self.is_suppressed(*name)):
                raise erased()
            subject = _bound(known) or self._new_subject(known)
            keys = known.keys[slot] = subject_keys(subject, self._secret(known, subject, slot))
            self.ring.learn(keys.key_id, Held(slot[0], subject, slot[1], keys.cipher, keys.id_key))
        return keys

    def _secret(self, known: Known, subject: SubjectId, slot: Slot) -> bytes:
        """The stored secret, or a new one. Raises BrokenKey for one that does not open."""
        secret = known.secrets.get(slot)
        stored = known.stored.get(slot)
        if secret is None and stored is not None:
            cipher = self._agencies.cipher(slot[0], stored.generation)
            if cipher is None:
                raise broken_key("a secret is wrapped with an agency's key that was destroyed")
            secret = opened_secret(cipher, slot[0], subject, slot[1], stored.key_id, stored.wrapped)
        if secret is None:
            secret = self._secrets.draw()
            known.secrets[slot] = secret
            self._pending.secrets.setdefault(subject, {})[slot] = secret
        return secret

    def _new_subject(self, known: Known) -> SubjectId:
        known.subject = self._pending.subjects[known.lookup] = SubjectId(self._subjects.draw())
        return known.subject

    def _load(self, names: Set[_Record]) -> None:
        """Brings records into the younger generation; those that nobody has stored yet come without a subject."""
        held = {name: self._old[name] for name in names & self._old.keys()}
        lookups = {self._lookup(name): name for name in names - held.keys()}
        stored = self._stored(lookups)
        for name, known in held.items():
            self._keep(name, known)
        for lookup, name in lookups.items():
            known = stored.get(lookup) or Known(lookup, self._pending.subjects.get(lookup))
            if known.subject is not None:
                known.secrets |= self._pending.secrets.get(known.subject, {})
            self._keep(name, known)

    def _keep(self, name: _Record, known: Known) -> None:
        if len(self._young) >= CACHE_MAX // 2:
            self._old, self._young = self._young, {}
        self._young[name] = known

    def _lookup(self, name: _Record) -> bytes:
        return mac(self._look_up_key, "\0".join(name).encode())

    def _stored(self, lookups: Iterable[bytes]) -> dict[bytes, Known]:
        found: dict[bytes, Known] = {}
        with faults_told("keys.sqlite"):
            rows = list(select_rows(self._reader, _STORED, [(lookup,) for lookup in lookups], 1))
        for lookup, subject, told, holder, _, retention, *stored in rows:
            if (known := found.get(lookup)) is None:
                known = found[lookup] = Known(lookup, SubjectId(subject))
                known.is_bound = self._binding.holds(lookup, subject, told)
            if holder is not None and stored[-1] != EMPTY:
                known.stored[text_of(holder), text_of(retention)] = Stored(*stored)
        return found

    # ---- durable

    def commit(self) -> None:
        """Makes every key handed out so far durable.

        Raises TryAgainLater (`disk-full`, `disk-error`); the keys then wait for the next commit.
        """
        if not any(self._pending):
            return
        with self._committing:
            with self._making:
                subjects, partners = dict(self._pending.subjects), dict(self._pending.partners)
                secrets = [
                    (holder, subject, retention, secret)
                    for subject, of_slots in self._pending.secrets.items()
                    for (holder, retention), secret in of_slots.items()
                ]
            with faults_told("keys.sqlite"):
                self._store(subjects, secrets, partners)
            with self._making:
                self._forget(subjects, secrets, partners)

    def _store(
        self,
        subjects: Mapping[bytes, SubjectId],
        secrets: Iterable[_New],
        partners: Mapping[int, tuple[SubjectId, bytes]],
    ) -> None:
        made: dict[str, tuple[int, Cipher]] = {}
        rows = []
        with transaction(self._db):
            for holder, subject, retention, secret in secrets:
                newest = made.get(holder) or self._agencies.newest(holder)
                if newest is None:
                    newest = made[holder] = self._agencies.make(self._db, holder)
                name = SecretName(holder, subject, retention, key_id_of(secret))
                rows.append((*name, newest[0], wrap(newest[1], name, secret)))
            bound = [self._binding.row(*pair) for pair in sorted(subjects.items())]
            insert_rows(self._db, "INSERT INTO subjects VALUES", bound)
            insert_rows(self._db, _SECRETS, rows)
            insert_rows(self._db, "INSERT INTO partners VALUES", [(ref, *whom) for ref, whom in partners.items()])
        for holder, newest in made.items():
            self._agencies.adopt(holder, *newest)

    def _forget(self, subjects: Iterable[bytes], secrets: Iterable[_New], partners: Iterable[int] = ()) -> None:
        """What is durable waits no more; what was made meanwhile does."""
        for lookup in subjects:
            self._pending.subjects.pop(lookup, None)
        for ref in partners:
            self._pending.partners.pop(ref, None)
        for holder, subject, retention, _ in secrets:
            of_slots = self._pending.secrets.get(subject, {})
            of_slots.pop((holder, retention), None)
            if not of_slots:
                self._pending.secrets.pop(subject, None)

    # ---- destroyed

    def subject_of(self, agency: str, record: str) -> SubjectId | None:
        """The subject of a record, if it has one; none is made. Raises BrokenKey where somebody else put it there."""
        with self._making:
            if (agency, record) not in self._young:
                self._load({(agency, record)})
            return _bound(self._young[agency, record])

    def knows(self, subject: bytes) -> bool:
        """Whether some record has this subject."""
        with self._making:
            is_stored = self._reader.execute("SELECT 1 FROM subjects WHERE subject = ?", (subject,)).get
            return bool(is_stored) or subject in self._pending.subjects.values()

    def secrets_of(self, subject: SubjectId) -> list[SecretName]:
        """The names of all secrets of a subject, its agency's and the hub's, in the order in which they were made."""
        with self._making:
            return destroying.secrets_of(self._reader, subject) + self._pending_of(subject)

    def suppression_of(self, agency: str, record: str) -> bytes:
        """The token that stands for a record which is not to come in again."""
        return self._suppressed.token_of(agency, record)

    def suppress(self, token: bytes) -> None:
        """From here on the record that a token stands for gets no keys (`subject-erased`); durable."""
        with self._committing, self._making, faults_told("keys.sqlite"):
            self._suppressed.add(token, self._clock())
            self._forget_all()

    def readmit(self, token: bytes) -> None:
        """The record may get keys again; where it was destroyed, as a subject that nobody has seen."""
        with self._committing, self._making, faults_told("keys.sqlite"):
            self._suppressed.remove(token)

    def is_suppressed(self, agency: str, record: str) -> bool:
        """Whether a record, or all of its agency's (which the empty record stands for), may not come in."""
        return self._suppressed.covers(agency, record)

    def is_erased(self, agency: str, record: str) -> bool:
        """Whether a record itself may not come in, whatever holds for the rest of its agency."""
        return self._suppressed.names(agency, record)

    def subjects_of(self, agency: str) -> list[SubjectId]:
        """Every subject of which an agency's secrets are there still."""
        with self._committing, self._making, faults_told("keys.sqlite"):
            stored = destroying.subjects_of(self._db, agency)
            pending = {
                subject for subject, slots in self._pending.secrets.items() for holder, _ in slots if holder == agency
            }
        return sorted({*stored, *pending})

    def destroy(self, subject: SubjectId, key_ids: Collection[bytes] | None = None) -> list[SecretName]:
        """Destroys a subject's secrets: all of them with the way to find it, or those of some ids and no others.

        Returns the names of all that was ever destroyed of it so. Raises TryAgainLater; asked again it goes on.
        """
        with self._committing, self._making, faults_told("keys.sqlite"):
            stored = destroying.chosen(destroying.secrets_of(self._db, subject), key_ids)
            pending = destroying.chosen(self._pending_of(subject), key_ids)
            whole = [subject] if key_ids is None else []
            traces = destroying.destroy(self._db, stored, pending, whole, self._clock())
            names = destroying.chosen(destroying.destroyed_of(self._db, subject), key_ids)
            self._forget_all()
            self._forget([], [(each.agency, subject, each.retention, b"") for each in pending])
            if key_ids is None:
                gone = [lookup for lookup, made in self._pending.subjects.items() if made == subject]
                refs = [ref for ref, whom in self._pending.partners.items() if whom[0] == subject]
                self._forget(gone, [], refs)
            self.ring.drop(name.key_id for name in names)
            # Asked again after a crash: which bytes they were is gone with them.
            destroying.leave_no_trace(self._db, self._path, traces or (None if key_ids is None else ()))
        return names

    def destroy_agency(self, agency: str) -> bool:
        """Destroys an agency's own key, here and in the Kms; False where secrets of it are there still."""
        with self._committing, self._making, faults_told("keys.sqlite"):
            slots = {slot for of_slots in self._pending.secrets.values() for slot in of_slots}
            if destroying.subjects_of(self._db, agency) or any(holder == agency for holder, _ in slots):
                return False
            traces = destroying.destroy_agency(self._db, agency, self._clock())
            self._agencies.load()
            self.ring.load_agencies()
            destroying.leave_no_trace(self._db, self._path, traces or None)
        self._kms.destroy(kms_name(agency))
        return True

    def _pending_of(self, subject: SubjectId) -> list[SecretName]:
        of_slots = self._pending.secrets.get(subject, {})
        return [SecretName(slot[0], subject, slot[1], key_id_of(secret)) for slot, secret in of_slots.items()]

    def _forget_all(self) -> None:
        """Empties the cache: it holds keys that may not be used any more."""
        self._young, self._old = {}, {}

    # ---- wrapped anew

    def rotate(self, agency: str, progress: Callable[[int, int], None] = lambda done, of: None) -> int:
        """Gives an agency a new key and wraps all its secrets with it, while the hub works; how many they were.

        Raises TryAgainLater and BrokenKey; asked again it goes on where it stopped.
        """
        many = 0
        for done in rotating.rotated(self._db, self._agencies, agency, self._committing, self._clock()):
            many += done.many
            progress(done.seq, done.end)
        with self._committing, self._making, faults_told("keys.sqlite"):
            rotating.finish(self._db, self._agencies, agency)
            self._forget_all()
            if agency == AGENCY:
                self._kms.renew(AGENCY, self._clock())
            destroying.leave_no_trace(self._db, self._path, rotating.rewrap(self._db, self._kms))
        return many

    @property
    def agencies(self) -> list[str]:
        """All that have a key, the hub among them."""
        with self._committing:
            return rotating.agencies_of(self._db)

    def close(self) -> None:
        """Closes the file. Keys that no commit made durable are gone: nothing durable can have used them."""
        self.ring.close()
        self._reader.close()
        self._db.close()


def _bound(known: Known) -> SubjectId | None:
    """The subject of a record, if it has one. Raises BrokenKey where somebody else put it there."""
    if not known.is_bound:
        raise broken_key("the number that stands for a record is not the one that it was given")
    return known.subject

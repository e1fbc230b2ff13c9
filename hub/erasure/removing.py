"""Third persons of one fact: their secret goes before the log says so, so that what is read again then is closed."""

from __future__ import annotations

from events.ids import SubjectId
from hub.erasure.bench import RAW
from hub.erasure.runs import Run
from hub.vault.keys import KeyStore


def destroy_others(keys: KeyStore, run: Run) -> None:
    """Destroys the secret, and that of the record's raw messages. Done in the log's writer.

    Whoever is named anew after a run that has to be carried on stays.
    """
    subject = SubjectId(run.subject_bytes)
    is_there = not {each.key_id for each in keys.secrets_of(subject)}.isdisjoint(run.keys)
    keys.destroy(subject, [run.retention or "", RAW] if is_there else [])

"""Erasures that the log tells of and no list of erasures here: the list is old, or was put back."""

from __future__ import annotations

from hub.erasurelist import ErasureList
from projections.custody.queries import erased_subjects
from projections.engine.store import ViewStore


def has_unlisted(store: ViewStore, erasures: ErasureList) -> bool:
    """Whether the views know of an erased record that the list does not have."""
    listed = {each.subject for each in erasures.standing if each.act == "erased"}
    with store.snapshot() as db:
        return not erased_subjects(db) <= listed

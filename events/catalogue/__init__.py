"""Every event type, its typed content and its title."""

from events.catalogue.base import Payload, Retention, Sensitivity, retention_of
from events.catalogue.checking import check_payload, check_retraction
from events.catalogue.registry import TYPES
from events.catalogue.titles import title_of, wording_of_titles

__all__ = [
    "TYPES",
    "Payload",
    "Retention",
    "Sensitivity",
    "check_payload",
    "check_retraction",
    "retention_of",
    "title_of",
    "wording_of_titles",
]

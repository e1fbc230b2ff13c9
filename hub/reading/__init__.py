"""What is read of people, behind the door: timelines, histories, look-ups."""

from hub.reading.answers import Reading
from hub.reading.questions import LIMIT_DEFAULT, LIMIT_MAX, TimelineQuestion

__all__ = ["LIMIT_DEFAULT", "LIMIT_MAX", "Reading", "TimelineQuestion"]

"""What every question and every answer is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

PersonNumber = str


class Question(BaseModel):
    """Bodies of POST: texts as they are, nothing converted, nothing beyond what is listed."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """An answer has what is listed, and nothing else."""

    model_config = ConfigDict(extra="forbid")

"""aboutme.*: the person in their own words (PRSB About Me). Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import wording
from events.catalogue.shapes import Action, Actor, Org
from events.catalogue.told import Told
from events.catalogue.values import FuzzyDate, Key, Maybe, Text


class StatementShared(Told):
    """Something the person wants everybody who works with them to know."""

    type = "aboutme.statement-shared"
    title = "{topic?About me}"
    words = wording(topic={"how-i-communicate": "How I communicate"})
    key_event = True
    fhir = "Composition section (PRSB About Me) / QuestionnaireResponse"

    topic: Literal[
        "what-matters-to-me",
        "who-matters-to-me",
        "how-i-communicate",
        "my-wellness",
        "please-do-and-please-do-not",
        "how-to-support-me",
        "also-worth-knowing",
        "hopes",
        "good-life",
        "culture-and-faith",
        "if-things-get-difficult",
    ]
    text: Text
    supported_to_say_by: Maybe[Actor] = None
    may_be_shown_to: Maybe[list[Key]] = None


class GoalUpdated(Told):
    """A goal of the person's own, and how far it is."""

    type = "aboutme.goal-updated"
    title = "Goal {status?stated}[: {text}]"
    key_event = True
    fhir = "Goal (lifecycleStatus, achievementStatus)"

    goal_id: Text
    text: Text
    domain: Maybe[
        Literal[
            "home",
            "work-and-learning",
            "health",
            "relationships",
            "community",
            "money",
            "safety",
            "choice-and-control",
            "other",
        ]
    ] = None
    status: Maybe[Literal["set", "in-progress", "achieved", "changed", "let-go"]] = None
    target: Maybe[FuzzyDate] = None
    first_steps: Maybe[list[Action]] = None
    progress: Maybe[Text] = None


class StrengthNoted(Told):
    """What somebody can do, likes, knows or has around them."""

    type = "aboutme.strength-noted"
    title = "Strength[: {text}]"
    fhir = "Observation (category social-history)"

    kind: Literal["skill", "interest", "experience", "relationship", "community-asset", "resource"]
    text: Text
    offers_to_others: Maybe[bool] = None
    asset: Maybe[Org] = None

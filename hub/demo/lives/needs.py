"""Communication needs that one agency knows and all the others would need to know."""

from __future__ import annotations

from hub.demo import when
from hub.demo.desks.cloud import CloudDesk
from hub.demo.shapes import Json, words
from hub.demo.town import Town

# Who knows it, the kind of need, the need in words, and the youngest and oldest it is told of here.
NEEDS: tuple[tuple[str, Json, tuple[int, int]], ...] = (
    ("surgery", {"kind": "signing", "need": words("British Sign Language interpreter"), "mode": "signed"}, (20, 90)),
    ("education", {"kind": "signing", "need": words("Sign-supported English"), "mode": "signed"}, (6, 18)),
    ("surgery", {"kind": "information-format", "need": words("Large print, 18 point")}, (65, 99)),
    ("community", {"kind": "information-format", "need": words("Large print, 24 point")}, (70, 99)),
    ("surgery", {"kind": "easy-read", "need": words("Easy read with pictures")}, (18, 70)),
    ("young", {"kind": "easy-read", "need": words("Easy read, one page at a time")}, (8, 18)),
    ("open_door", {"kind": "contact-method", "need": words("Text message first, never a withheld number")}, (18, 60)),
    ("open_door", {"kind": "contact-method", "need": words("Letters go unopened: ring, please")}, (20, 80)),
    ("minds", {"kind": "communication-support", "need": words("Time to answer; questions sent beforehand")}, (18, 70)),
    ("surgery", {"kind": "interpreter", "need": words("Interpreter, Polish"), "language_code": "pl"}, (30, 90)),
    ("community", {"kind": "interpreter", "need": words("Interpreter, Urdu"), "language_code": "ur"}, (30, 90)),
    ("surgery", {"kind": "assistive-technology", "need": words("Hearing loop at the desk")}, (55, 99)),
)  # fmt: skip


def live(town: Town) -> None:
    for number, (desk_name, need, (youngest, oldest)) in enumerate(NEEDS):
        people = town.adults(youngest, oldest)
        rng = town.rng("needs", number)
        if not people:
            continue
        person = rng.choice(people)
        day = town.day(rng, person)
        if day is None:
            continue
        desk: CloudDesk = town.clouds[desk_name]
        told = when.office_hours(rng, day)
        stated = {**need, "applies_to": "person", "status": "active"}
        kind = "access.communication-need-stated"
        desk.tell(person, told, kind, stated, fact=f"need/{need['kind']}", since=day, said_by="person")

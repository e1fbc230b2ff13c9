"""Whole records over HTTP, for stewards and admins alone."""

from __future__ import annotations

import json
from typing import Any

from hub.http.shapes import custody as shapes
from tests.hub.homes import cloudevent, nhs_number, registration
from tests.hub.http.serving import Served, code_of

CASE = {"ground": "request", "reference": "DSR-7"}


def known(served: Served, name: str, number: int) -> tuple[str, str]:
    """Somebody registered: record and person."""
    report = served.send(registration(f"custody-{name}", f"tenant/{name}", number=nhs_number(number)))
    record = f"housing:crm/tenant/{name}"
    return record, served.person_of(record, after=report["position"])


def ask(served: Served, path: str, question: dict[str, Any]) -> Any:
    return served.post("steward", path, question)


def test_a_record_is_erased_and_admitted_again(served: Served) -> None:
    record, person = known(served, "custody-1", 41)
    plan = shapes.Plan.model_validate(ask(served, "/v1/erasures/plan", {"record": record}))
    assert (plan.person, plan.holds, plan.rules) == (person, [], [])
    told = shapes.Certificate.model_validate(ask(served, "/v1/erasures", {"record": record, **CASE, "ends": []}))
    assert told.reference == "DSR-7"
    answer = served.ask("practitioner", "GET", f"/v1/people/{person}/timeline")
    assert (answer.status_code, code_of(answer)) == (404, "unknown-person")
    again = served.ask("steward", "POST", "/v1/erasures", json={"record": record, **CASE})
    assert (again.status_code, code_of(again)) == (404, "unknown-record")
    shapes.Acted.model_validate(ask(served, "/v1/readmissions", {"record": record, "ground": "came-back"}))


def test_a_record_is_restricted_and_held(served: Served) -> None:
    record, person = known(served, "custody-2", 42)
    shapes.Acted.model_validate(ask(served, "/v1/restrictions", {"record": record, **CASE}))
    assert served.timeline_of(person)["entries"] == []
    shapes.Acted.model_validate(ask(served, "/v1/restrictions/end", {"record": record, **CASE}))
    assert len(served.timeline_of(person)["entries"]) == 1
    shapes.HeldRecords.model_validate(ask(served, "/v1/holds", {"record": record, **CASE}))
    held = shapes.Holds.model_validate(served.get("steward", "/v1/holds"))
    assert [each.record for each in held.holds] == [record]
    refused = served.ask("steward", "POST", "/v1/erasures", json={"record": record, **CASE})
    assert (refused.status_code, code_of(refused)) == (409, "held")
    shapes.HeldRecords.model_validate(ask(served, "/v1/holds/lift", {"record": record, **CASE}))


def test_what_is_restricted_is_not_read_in_the_log_either(served: Served) -> None:
    record, _ = known(served, "custody-5", 45)
    other, _ = known(served, "custody-6", 46)
    shapes.Acted.model_validate(ask(served, "/v1/restrictions", {"record": record, **CASE}))
    for role in ("auditor", "admin"):
        rows = log_of(served, role)
        assert not [row for row in rows if row["event"] and "custody-5" in json.dumps(row["event"])]
        assert {"code": "restricted", "agency": "housing"} in [row["closed"] for row in rows]
        assert [row for row in rows if row["event"] and row["event"]["subject"] == other.partition("/")[2]]
        assert [row for row in rows if row["event"] and row["event"]["type"] == "hub.subject-restricted"]
    shapes.Acted.model_validate(ask(served, "/v1/restrictions/end", {"record": record, **CASE}))
    assert [row for row in log_of(served, "auditor") if row["event"] and "custody-5" in json.dumps(row["event"])]


def log_of(served: Served, role: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in served.ask(role, "GET", "/v1/log").text.splitlines()]


def test_a_body_is_refused_where_a_route_asks_nothing(served: Served) -> None:
    for path in ("/v1/retention/apply", "/v1/quarantine/Q-1/retry"):
        dry = served.ask("steward", "POST", path, json={"dry": True})
        assert (dry.status_code, code_of(dry)) == (422, "bad-question"), path
        torn = served.ask("steward", "POST", path, content=b"{nope")
        assert (torn.status_code, code_of(torn)) == (400, "bad-json"), path
    assert served.ask("practitioner", "POST", "/v1/retention/apply", json={"dry": True}).status_code == 403


def test_periods_and_redaction(served: Served) -> None:
    record, person = known(served, "custody-3", 43)
    shapes.RetentionTable.model_validate(served.get("steward", "/v1/retention"))
    shapes.DestroyedClasses.model_validate(ask(served, "/v1/retention/apply", {}))
    hope = {"topic": "hopes", "text": "a garden"}
    report = served.send(cloudevent("custody-h", "aboutme.statement-shared", "tenant/custody-3", hope, fact="hope/1"))
    question = {"position": report["position"], "ground": "third-person"}
    shapes.Redacted.model_validate(ask(served, "/v1/redactions", question))
    assert [entry["record"] for entry in served.timeline_of(person)["entries"]] == [record]
    kin = {"other": {"name": {"text": "Placeholder"}}}
    report = served.send(cloudevent("custody-k", "circle.relationship-changed", "tenant/custody-3", kin, fact="kin/1"))
    question = {"position": report["position"], "ground": "third-person", "third_persons": True}
    assert shapes.Redacted.model_validate(ask(served, "/v1/redactions", question)).third_persons
    answer = served.ask("steward", "POST", "/v1/redactions", json=question)
    assert (answer.status_code, code_of(answer)) == (409, "nobody-named")


def test_officers_alone_may(served: Served) -> None:
    for role in ("adapter", "practitioner", "auditor"):
        answer = served.ask(role, "POST", "/v1/erasures", json={"record": "housing:crm/tenant/1", **CASE})
        assert (answer.status_code, code_of(answer)) == (403, "not-permitted")

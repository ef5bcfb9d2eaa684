"""What apps may: each scope over each operation. A token may do what its scopes name, and nothing else is even looked at."""

import json
from typing import Any

import pytest

from polus.api.app import Api
from polus.api.operation import Operation
from polus.api.table import OPERATIONS
from polus.desk.scopes import SCOPES
from polus.store.database import Database
from tests import direct, installs
from tests import world as worlds

NOBODY = 9_000_000_000
# The reference's table. Operations that need no more than a valid token have no scope; search has that of its type.
TABLE = """
account:read: get-account list-account-settings
account:write: create-account-setting update-account-setting
custom_fields:read: list-custom-fields get-custom-field
custom_fields:write: create-custom-field update-custom-field update-custom-fields
customers:read: list-customers get-customer list-customer-custom-fields-values
customers:write: create-customer update-customer delete-customer delete-customers merge-customers update-customer-data
  update-customer-custom-field-values update-customer-custom-field-value delete-customer-custom-field-value
events:read: list-events get-event
integrations:read: list-integrations get-integration list-widgets get-widget
integrations:write: create-integration update-integration delete-integration create-widget update-widget delete-widget
jobs:read: list-jobs get-job
jobs:write: create-job update-job cancel-job
macros:read: list-macros get-macro
macros:write: create-macro update-macro delete-macro bulk-archive-macros bulk-unarchive-macros
rules:read: list-rules get-rule
rules:write: create-rule update-rule delete-rule update-rules-priorities
satisfaction_survey:read: list-satisfaction-surveys get-satisfaction-survey
satisfaction_survey:write: create-satisfaction-survey update-satisfaction-survey
statistics:read: get-statistic get-legacy-statistic download-legacy-statistic search-metric-cards get-metric-card
  create-metric-card-feedback
tags:read: list-tags get-tag
tags:write: create-tag update-tag delete-tag delete-tags merge-tags
tickets:read: list-tickets get-ticket list-ticket-tags list-ticket-custom-fields list-messages list-ticket-messages
  get-ticket-message list-views get-view list-view-items update-view-items download-file list-voice-calls get-voice-call
  list-voice-call-events get-voice-call-event list-voice-call-recordings get-voice-call-recording
tickets:write: create-ticket update-ticket delete-ticket create-ticket-tags update-ticket-tags delete-ticket-tags
  update-ticket-custom-fields update-ticket-custom-field delete-ticket-custom-field create-ticket-message
  update-ticket-message delete-ticket-message create-view update-view delete-view upload-files
  delete-voice-call-recording
users:read: list-users get-user list-teams get-team
users:write: create-user update-user delete-user create-team update-team delete-team
"""
SEARCHES = {
    "users:read": ("agent", "team"),
    "customers:read": (
        "customer", "customer_profile", "customer_channel", "customer_channel_email", "customer_channel_phone",
        "customers_by_phone",
    ),
    "integrations:read": ("integration",),
    "tags:read": ("tag",),
}  # fmt: skip
WANTED = {
    name: scope
    for scope, _, names in (line.partition(": ") for line in TABLE.replace("\n  ", " ").strip().splitlines())
    for name in names.split()
}


def test_each_operation_has_the_scope_of_the_table() -> None:
    wire = {o.id: o.scope for o in OPERATIONS if "/_polus/" not in o.path}
    assert {name: scope for name, scope in wire.items() if name != "search"} == WANTED
    assert wire["search"] is None


@pytest.fixture(scope="module")
async def tokens(database: Database, http: Any, url: str) -> dict[str, dict[str, str]]:
    """Headers of an app for each scope, and of one that has all but that scope."""
    world = await worlds.make(database, http, url)
    app = await installs.register(world)
    every = [scope for scope in SCOPES if scope != "write:all"]
    found = {}
    for scope in SCOPES:
        rest = " ".join(one for one in every if one != scope)
        for name, asked in ((scope, scope), ("-" + scope, rest)):
            made = await installs.connect(world, app, asked)
            found[name] = installs.bearer(world, made["access_token"]).headers
    return found


@pytest.fixture(scope="module")
def api(database: Database) -> Api:
    """One for all, so that each token is looked up once."""
    return Api(database, OPERATIONS, rate_limit=0)


def _path(operation: Operation) -> str:
    parts = operation.path.split("/")
    return "/".join(str(NOBODY) if part.startswith("{") else part for part in parts)


@pytest.mark.thorough
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
async def test_each_scope(api: Api, tokens: Any, operation: Operation) -> None:
    """Only the operation's own scope leads past the door, and `write:all`; all others together do not."""
    if operation.scope is None or operation.public is not None:
        return
    for scope in SCOPES:
        answer = await direct.ask(api, tokens[scope], operation.method, _path(operation))
        if scope in (operation.scope, "write:all"):
            assert answer.status not in (401, 403), (scope, answer.body)
        else:
            assert (answer.status, answer.json["error"]["data"]) == (
                403,
                {"scope": [operation.scope]},
            )
    others = await direct.ask(api, tokens["-" + operation.scope], operation.method, _path(operation))
    assert others.status == 403, others.body


@pytest.mark.parametrize("needed", SEARCHES)
async def test_searching_needs_the_scope_of_what_is_searched(api: Api, tokens: Any, needed: str) -> None:
    for type_ in SEARCHES[needed]:
        body = json.dumps({"type": type_, "query": "a"}).encode()
        right = await direct.ask(api, tokens[needed], "POST", "/api/search", "", body)
        wrong = await direct.ask(api, tokens["-" + needed], "POST", "/api/search", "", body)
        assert (right.status, wrong.status) == (201, 403), type_

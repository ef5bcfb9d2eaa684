"""What is computed from customers' words: `/api/_polus/analysis`, and what an app knows better."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from polus.api.fields import LanguageCode
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk import analysis
from polus.lang.sets import INTENTS, SENTIMENTS
from polus.store.work import Work

TAG = "Analysis"
# Written out from the sets, so that each is named in one place.
Intent: Any = Literal[tuple(sorted(INTENTS))]
Sentiment: Any = Literal[tuple(sorted(SENTIMENTS))]


class AnalysisOptions(msgspec.Struct, forbid_unknown_fields=True):
    """Which parts are switched on."""

    detect_language: bool
    detect_intents: bool
    detect_sentiments: bool


class AnalysisInput(msgspec.Struct, forbid_unknown_fields=True):
    """What is known better of a message; a part that is absent stays as it is."""

    language: LanguageCode | None = None
    intents: Annotated[list[Intent], Meta(max_length=24)] | None = None
    sentiments: Annotated[list[Sentiment], Meta(max_length=6)] | None = None


@operation(
    "GET", "/api/_polus/analysis", id="get-analysis-options", scope="account:read", answer=AnalysisOptions, tag=TAG
)  # fmt: skip
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get which parts of the analysis are switched on."""
    return (await analysis.options(work)).encode()


@operation(
    "PUT", "/api/_polus/analysis", id="update-analysis-options", scope="account:write", role="admin",
    body=AnalysisOptions, answer=AnalysisOptions, status=202, tag=TAG,
)  # fmt: skip
async def choose(work: Work, call: Call[NoQuery, AnalysisOptions]) -> bytes:
    """Switch parts of the analysis on or off.

    For messages that come from now on.
    """
    await analysis.choose(work, wire.given(call.body))
    return (await analysis.options(work)).encode()


@operation(
    "POST", "/api/_polus/messages/{id}/analysis", id="create-message-analysis", scope="tickets:write",
    role="lite-agent", body=AnalysisInput, status=201, tag=TAG,
)  # fmt: skip
async def replace(work: Work, call: Call[NoQuery, AnalysisInput]) -> None:
    """Say what a customer's message is about.

    Takes the place of what was computed; the language is the ticket's. The answer is empty.
    """
    body = call.body
    await analysis.replace(
        work, call.id, language=body.language, intents=body.intents, sentiments=body.sentiments
    )

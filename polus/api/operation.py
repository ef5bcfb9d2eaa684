"""One declaration per operation: from it come the route, the checks, the OpenAPI document and the contract test."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import msgspec

from polus.api.bodies import Form
from polus.store.files import Files
from polus.store.work import Account, Actor, Work

Q = TypeVar("Q")
B = TypeVar("B")


class NoQuery(msgspec.Struct, forbid_unknown_fields=True):
    """No query parameters."""


class Call(msgspec.Struct, Generic[Q, B]):
    """What an operation is given beside `work`: the path's ids, the query, the body, and the ASGI request they are from."""

    ids: tuple[Any, ...]
    query: Q
    body: B
    scope: dict[str, Any]
    receive: Callable[[], Awaitable[dict[str, Any]]]

    @property
    def id(self) -> int:
        """The first id of the path."""
        return self.ids[0]  # type: ignore[no-any-return]


class Arrival(msgspec.Struct, Generic[Q]):
    """What an intake is given: a request whose body nobody has read, and no transaction yet."""

    query: Q
    scope: dict[str, Any]
    receive: Callable[[], Awaitable[dict[str, Any]]]
    account: Account
    actor: Actor
    files: Files


class Reply(msgspec.Struct):
    """An answer that is not simply the declared status with JSON."""

    body: bytes = b""
    status: int | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


# Raises NotFound or Merged unless the thing of that id is there.
Subject = Callable[[Work, int], Awaitable[None]]
# Reads a body of its own kind before the transaction begins, so that slow senders hold none; what it yields is the
# call's body, and it hears when the operation fails.
Intake = Callable[[Arrival[Any]], AbstractAsyncContextManager[Any]]
Perform = Callable[[Work, Call[Any, Any]], Awaitable[bytes | Reply | None]]


class Operation(msgspec.Struct, frozen=True):
    """An operation as declared; see `operation`."""

    method: str
    path: str
    id: str
    scope: str | None
    role: str
    query: Form[Any]
    body: Form[Any] | None
    answer: Any
    status: int
    failure: str
    summary: str
    description: str
    tag: str
    subject: Subject | None
    writes: bool
    by_keys: bool
    perform: Perform
    statuses: tuple[int, ...]
    body_required: bool
    tolerated: frozenset[str]
    request_content: str
    answer_content: str
    public: Callable[[list[str]], bool] | None
    redirects: bool
    intake: Intake | None
    whoami: bool


REGISTRY: list[Operation] = []


def operation(
    method: str,
    path: str,
    *,
    id: str,
    scope: str | None,
    role: str = "observer-agent",
    query: Any = NoQuery,
    body: Any = None,
    body_required: bool = True,
    ignored: Collection[str] = (),
    lenient: bool = False,
    answer: Any = None,
    status: int = 200,
    tag: str,
    subject: Subject | None = None,
    writes: bool | None = None,
    by_keys: bool = False,
    failure: str | None = None,
    statuses: tuple[int, ...] = (),
    tolerated: Collection[str] = (),
    request_content: str = "application/json",
    answer_content: str = "application/json",
    public: Callable[[list[str]], bool] | None = None,
    redirects: bool = False,
    intake: Intake | None = None,
    whoami: bool = False,
) -> Callable[[Perform], Perform]:
    """Declare the operation that the decorated function performs.

    `scope`: the OAuth2 scope; None: any valid credential. `role`: the least role. `subject` raises unless the
    thing that the path's first id names is there; a wrong body is told only then (reference: order of checks). `ignored`:
    read-only keys that a body may echo. `lenient`: unknown body keys are dropped. `answer`: type of the answer for
    the document, None when it is empty; `answer_content`: what it is sent as. `writes`: in a transaction; by default every method but GET. `by_keys`: see
    `store.work.writing`. `failure`:
    the sentence of a 400, by default made from `id`. `statuses`: further statuses the document names.
    `tolerated`: unknown query keys that are let pass. `public`: whether the path, given its parameters, is open to
    anybody. `intake`: reads a body that is no JSON; `body` then only describes it. `redirects`: whether the path's first id may be of something merged (301).
    `whoami`: the id 0 is the caller, about whom any credential may ask. The function's docstring is
    summary and description.
    """

    def declare(perform: Perform) -> Perform:
        summary, _, description = (perform.__doc__ or "").strip().partition("\n")
        verb, _, noun = id.partition("-")
        # wire: one client repeats the path's id on item reads: GET /api/customers/7/?id=7
        repeated = ("id",) if method == "GET" and path.endswith("}") else ()
        REGISTRY.append(
            Operation(
                method=method,
                path=path,
                id=id,
                scope=scope,
                role=role,
                query=Form(query),
                body=None if body is None else Form(body, ignored, lenient=lenient),
                answer=answer,
                status=status,
                failure=failure or "Failed to " + verb + " " + noun.replace("-", " "),
                summary=summary,
                description=" ".join(description.split()),
                tag=tag,
                subject=subject,
                writes=method != "GET" if writes is None else writes,
                by_keys=by_keys,
                perform=perform,
                statuses=statuses,
                body_required=body_required,
                tolerated=frozenset((*tolerated, *repeated)),
                request_content=request_content,
                answer_content=answer_content,
                public=public,
                redirects=redirects,
                intake=intake,
                whoami=whoami,
            )
        )
        return perform

    return declare

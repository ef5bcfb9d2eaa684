"""The satisfaction question at the end of a chat: asked in the widget of the visitor whose ticket was closed, and answered
there. It is the ticket's one survey (`desk.surveying`); who was asked in the chat gets no mail about it.
"""

from typing import Any

from polus.channels.chat import visitors
from polus.channels.chat.visitors import Visitor
from polus.desk import surveying
from polus.store.work import Work


async def pending(work: Work, visitor: Visitor) -> bool:
    """Whether the visitor's ticket was closed and he has not said yet how it went."""
    return visitor.ticket_id is not None and await surveying.question(work, visitor.ticket_id) is not None


async def ask(work: Work, visitor: Visitor) -> bool:
    """His browser shows the question now: it counts as sent. False when there is none.

    Event satisfaction-survey-sent, once.
    """
    return visitor.ticket_id is not None and await surveying.ask(work, visitor.ticket_id)


async def answer(work: Work, visitor: Visitor, score: int, comment: str) -> None:
    """What he says of his ticket, or says anew within a week; 404 when nothing was asked, 400, 429.

    Event satisfaction-survey-responded for the first answer.
    """
    await visitors.count_line(work, visitor)
    await surveying.rate(work, visitor.ticket_id or 0, score, comment)


def tell(work: Work, visitor_id: Any) -> None:
    """His open pages ask whether there is a question."""
    work.ring("chat-question", work.account.id, visitor_id)

"""What happens next in a call: each request of the provider is a step, and its answer says how the call goes on.

The rows say where a call stands, so a step that comes twice is answered the same and counts once. Whether a request is
the provider's is asked before (`api.voice_door`).
"""

from collections.abc import Awaitable, Callable

from polus.base import errors
from polus.channels import inbound
from polus.channels.inbound import Inbound
from polus.channels.voice import bridging, twiml
from polus.channels.voice.heard import ACCEPT, ANONYMOUS, FINAL, REACHED, Heard, spoken
from polus.channels.voice.twiml import Answer
from polus.desk.voice import lines, phones, queues, recordings
from polus.desk.voice.lines import Begun, Line
from polus.desk.voice.queues import Agent

CHANNEL = "phone"
HOLD_SECONDS = 10
# Without the number: words stay when a customer is erased.
SAID = "Incoming call"
# Only agents hear it.
TAKE = "Call from {who}. Press 1 to take it."

Step = Callable[[Heard], Awaitable[Answer]]


async def take(heard: Heard, step: str) -> str:
    """The answer to a step as XML; 404 for one that does not exist."""
    if step not in STEPS:
        raise errors.NotFound
    return str(await STEPS[step](heard))


# Calls that come in


async def incoming(heard: Heard) -> Answer:
    """Somebody calls the number."""
    line = await lines.find(heard.work, heard.number.id, heard.word("CallSid"))
    if line is None:
        if heard.number.off or not heard.word("CallSid"):
            return heard.answer().reject()
        line = await _begun(heard)
    elif line.state is None:
        return heard.answer().hang_up()
    look, answer = heard.number.look, heard.answer()
    if not heard.number.is_open(heard.work.now):
        await lines.move(heard.work, line, "closed")
        return await _nobody(heard, line, answer, look.closed)
    said = [look.greeting, look.announcement if look.record else ""]
    if line.state != "begun" or not any(said):
        return await _queued(heard, line, answer)
    if look.greeting:
        await lines.happened(heard.work, line, "message-played", key="greeting", meta={"message": "greeting"})
    # Nobody is rung before the caller can hear it.
    return answer.say(said[0]).say(said[1]).redirect(heard.url("wait"))


async def _begun(heard: Heard) -> Line:
    """The call with its ticket, made once."""
    work, sid = heard.work, heard.word("CallSid")
    caller = phones.dialled(heard.word("From"))
    name = heard.word("CallerName", 100) or (caller or ANONYMOUS)
    sender = {"phone": caller, "name": name} if caller else {"name": ANONYMOUS}
    accepted = await inbound.accept(
        work,
        Inbound(
            channel=CHANNEL,
            message_id="call-" + sid,
            address=caller or "",
            sender=sender,
            source={
                "type": CHANNEL,
                "from": {"name": name, "address": caller or ""},
                "to": [{"name": heard.number.name, "address": heard.number.number}],
            },
            integration_id=heard.number.id,
            subject=SAID,
            body_text=SAID,
            stripped_text=SAID,
        ),
    )
    found = await lines.find(work, heard.number.id, sid)
    if found is not None:
        return found
    return await lines.begin(
        work,
        Begun(
            integration_id=heard.number.id,
            external_id=sid,
            direction="inbound",
            source=caller or "",
            destination=heard.number.number,
            ticket_id=accepted.ticket_id,
            message_id=accepted.message_id,
            country_source=_country(heard.word("FromCountry")),
            country_destination=_country(heard.word("ToCountry")),
        ),
    )


def _country(given: str) -> str | None:
    return given.upper() if len(given) == 2 and given.isalpha() and given.isascii() else None


async def wait(heard: Heard) -> Answer:
    """A caller has waited for some seconds."""
    line = await heard.line()
    if line is None or line.state is None:
        return heard.answer().hang_up()
    return await _queued(heard, line, heard.answer())


async def _queued(heard: Heard, line: Line, answer: Answer) -> Answer:
    """Ring an agent, or let the caller wait, as long as there is sense in it."""
    work, look = heard.work, heard.number.look
    if line.state == "talking":
        return answer
    if line.state in ("closed", "voicemail"):
        return await _nobody(heard, line, answer, look.unanswered)
    if line.state == "ringing" and line.agent_id is not None:
        # Said twice: his telephone rings already.
        agent = await queues.agent(work, line.agent_id)
        if agent is not None:
            return _ring(heard, line, answer, agent)
    entered = line.queued_datetime is None
    await lines.move(work, line, "waiting")
    turn = await queues.turn(work, line, look.team_id)
    if entered and not turn.anybody:
        await lines.happened(work, line, "phone-call-enqueue-skipped", key="skipped")
    elif entered:
        await lines.happened(
            work, line, "phone-call-enqueued", key="enqueued", meta={"queue_id": line.integration_id}
        )
    assert line.queued_datetime is not None
    waited = (work.now - line.queued_datetime).total_seconds()
    if not turn.anybody or (turn.agent is None and waited >= look.wait):
        meta = {"reason": "timeout" if turn.anybody else "nobody"}
        await lines.happened(work, line, "phone-call-dequeued", key="dequeued", meta=meta)
        await lines.move(work, line, "closed")
        return await _nobody(heard, line, answer, look.unanswered)
    if turn.agent is not None:
        await lines.move(work, line, "ringing", turn.agent.id)
        await lines.happened(work, line, "phone-call-agent-dialed", user_id=turn.agent.id)
        return _ring(heard, line, answer, turn.agent)
    answer.say(look.hold)
    if look.music:
        answer.play(look.music)
    else:
        answer.pause(HOLD_SECONDS)
    return answer.redirect(heard.url("wait"))


def _ring(heard: Heard, line: Line, answer: Answer, agent: Agent) -> Answer:
    look, ids = heard.number.look, {"call": line.call_id, "agent": agent.id}
    given = {"timeout": str(look.ring)} | (
        twiml.recorded(heard.url("recording", call=line.call_id)) if look.record else {}
    )
    leg = twiml.followed(heard.url("leg", **ids)) | {"url": heard.url("whisper", **ids), "method": "POST"}
    return answer.dial(agent.number, heard.url("rung", **ids), given, leg)


async def _nobody(heard: Heard, line: Line, answer: Answer, said: str) -> Answer:
    """Say why, and take a message if that is wanted."""
    look = heard.number.look
    if said:
        await lines.happened(heard.work, line, "message-played", key="nobody", meta={"message": "nobody"})
    answer.say(said)
    if not look.voicemail:
        return answer.hang_up()
    await lines.move(heard.work, line, "voicemail")
    recorded = heard.url("recording", call=line.call_id, kind="voicemail")
    return (
        answer.say(look.voicemail_text)
        .voicemail(heard.url("voicemail", call=line.call_id), recorded)
        .hang_up()
    )


async def whisper(heard: Heard) -> Answer:
    """The agent has picked up, and hears who calls before the caller hears him: his mailbox cannot press a key."""
    line, agent_id = await heard.line(), heard.id("agent")
    if line is None or not _is_rung(line, agent_id):
        return heard.answer().hang_up()
    if heard.number.look.accept:
        who = TAKE.format(who=spoken(line.theirs))
        return Answer().ask_digit(who, heard.url("accept", call=line.call_id, agent=agent_id or 0)).hang_up()
    await lines.answered(heard.work, line, agent_id, heard.at)
    return heard.answer()


async def accept(heard: Heard) -> Answer:
    """The agent has pressed a key: 1 takes the call."""
    line, agent_id = await heard.line(), heard.id("agent")
    if line is None or not _is_rung(line, agent_id) or heard.word("Digits") != ACCEPT:
        return heard.answer().hang_up()
    await lines.answered(heard.work, line, agent_id, heard.at)
    return heard.answer()


def _is_rung(line: Line, agent_id: int | None) -> bool:
    """Whether the agent's telephone rings for the call, or he has taken it."""
    return line.state in ("ringing", "talking") and line.agent_id == agent_id


async def rung(heard: Heard) -> Answer:
    """The agent's telephone does not ring any more, or the talk is over."""
    line, agent_id = await heard.line(), heard.id("agent")
    if line is None or line.state is None:
        return heard.answer().hang_up()
    outcome = heard.word("DialCallStatus")
    if line.state == "ringing" and line.agent_id == agent_id and _talked(heard):
        await lines.answered(heard.work, line, agent_id, heard.at)
    if line.state == "talking":
        await lines.end(heard.work, line)
        return heard.answer().hang_up()
    if heard.word("CallStatus") in FINAL or outcome == "canceled":
        await lines.end(heard.work, line, outcome=heard.word("CallStatus"))
        return heard.answer().hang_up()
    if line.state == "ringing" and line.agent_id == agent_id:
        kind = {"failed": "phone-call-dial-failed", "no-answer": "missed-phone-call"}
        await lines.happened(
            heard.work,
            line,
            kind.get(outcome, "declined-phone-call"),
            key="rung " + (heard.word("DialCallSid") or str(line.since)),
            user_id=agent_id,
        )
        await lines.move(heard.work, line, "waiting")
    return await _queued(heard, line, heard.answer())


def _talked(heard: Heard) -> bool:
    """Whether the leg was answered, when no key is asked for: the news of that may be late."""
    reached = heard.word("DialCallStatus") in REACHED
    return reached and not heard.number.look.accept and (heard.count("DialCallDuration") or 0) > 0


async def leg(heard: Heard) -> Answer:
    """How the telephone at the other end fares, the agent's or the customer's."""
    line, agent_id, status = await heard.line(), heard.id("agent"), heard.word("CallStatus")
    if line is None:
        return heard.answer()
    await lines.heard(heard.work, line)
    if status == "ringing":
        key = "ringing " + heard.word("CallSid")
        user_id = agent_id if line.inbound else None
        await lines.happened(heard.work, line, "phone-call-ringing", key=key, at=heard.at, user_id=user_id)
    elif status in ("in-progress", "answered") and line.inbound and not heard.number.look.accept:
        await lines.answered(heard.work, line, agent_id, heard.at)
    elif status in ("in-progress", "answered") and not line.inbound:
        await bridging.connected(heard, line)
    return heard.answer()


async def voicemail(heard: Heard) -> Answer:
    """Somebody has left a message, or hung up."""
    line = await heard.line()
    if line is not None:
        await _recorded(heard, line, "voicemail")
        await lines.end(heard.work, line)
    return heard.answer().hang_up()


async def recording(heard: Heard) -> Answer:
    """A recording can be fetched."""
    line = await heard.line()
    if line is not None and heard.word("RecordingStatus") in ("", "completed"):
        kind = "voicemail" if heard.query.get("kind") == "voicemail" else "call-recording"
        await _recorded(heard, line, kind)
    return heard.answer()


async def _recorded(heard: Heard, line: Line, kind: str) -> None:
    sid, seconds = heard.word("RecordingSid"), heard.count("RecordingDuration") or 0
    if sid and seconds:
        await recordings.note(heard.work, line, kind, sid, seconds, heard.at)


async def status(heard: Heard) -> Answer:
    """How a call fares as a whole: the customer's that came in, the agent's own leg of an ordered one."""
    line, outcome = await heard.line(), heard.word("CallStatus")
    if line is None:
        return heard.answer()
    await lines.named(heard.work, line, heard.word("CallSid"))
    await lines.heard(heard.work, line)
    if outcome in FINAL:
        seconds = heard.count("CallDuration")
        await lines.end(heard.work, line, at=heard.at, duration=seconds, outcome=outcome)
    elif outcome == "ringing" and not line.inbound:
        agent_id = line.initiated_by_agent_id
        await lines.happened(
            heard.work, line, "phone-call-agent-dialed", key="dialled", at=heard.at, user_id=agent_id
        )
    return heard.answer()


STEPS: dict[str, Step] = {
    "incoming": incoming,
    "wait": wait,
    "whisper": whisper,
    "accept": accept,
    "rung": rung,
    "leg": leg,
    "voicemail": voicemail,
    "recording": recording,
    "status": status,
    "bridge": bridging.bridge,
    "announce": bridging.announce,
    "bridged": bridging.bridged,
}

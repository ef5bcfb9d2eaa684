"""Calls that agents order: their own telephone rings first, then the customer's; see `flow` for what a step is."""

from polus.channels.voice import twiml
from polus.channels.voice.heard import ACCEPT, REACHED, Heard, spoken
from polus.channels.voice.twiml import Answer
from polus.desk.voice import lines
from polus.desk.voice.lines import Line

# Only agents hear it.
CONNECT = "Press 1 to call {who}."


async def bridge(heard: Heard) -> Answer:
    """The agent who ordered the call has picked up: his customer is rung."""
    line = await heard.line()
    if line is None or line.inbound or line.state not in ("dialling", "bridging"):
        return heard.answer().hang_up()
    await lines.named(heard.work, line, heard.word("CallSid"))
    digits, look = heard.word("Digits"), heard.number.look
    if look.accept and not digits:
        who = CONNECT.format(who=spoken(line.theirs))
        return Answer().ask_digit(who, heard.url("bridge", call=line.call_id)).hang_up()
    if look.accept and digits != ACCEPT:
        return heard.answer().hang_up()
    await lines.move(heard.work, line, "bridging", line.initiated_by_agent_id)
    record = look.record
    given = {"callerId": heard.number.number, "timeout": "60"} | (
        twiml.recorded(heard.url("recording", call=line.call_id)) if record else {}
    )
    customer = twiml.followed(heard.url("leg", call=line.call_id))
    if record and look.announcement:
        customer |= {"url": heard.url("announce"), "method": "POST"}
    return heard.answer().dial(line.theirs or "", heard.url("bridged", call=line.call_id), given, customer)


async def announce(heard: Heard) -> Answer:
    """The customer has picked up and is told that the call is recorded."""
    return heard.answer().say(heard.number.look.announcement)


async def bridged(heard: Heard) -> Answer:
    """The customer was not reached, or the talk is over."""
    line, outcome = await heard.line(), heard.word("DialCallStatus")
    if line is not None and line.state is not None:
        if outcome in REACHED and (heard.count("DialCallDuration") or 0) > 0:
            await connected(heard, line)
        await lines.end(heard.work, line, outcome=outcome)
    return heard.answer().hang_up()


async def connected(heard: Heard, line: Line) -> None:
    """The customer has picked up."""
    agent_id = line.initiated_by_agent_id
    await lines.happened(
        heard.work, line, "outgoing-phone-call-connected", key="connected", at=heard.at, user_id=agent_id
    )
    await lines.answered(heard.work, line, agent_id, heard.at)

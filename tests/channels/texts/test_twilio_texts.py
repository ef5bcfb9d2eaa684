"""Texts through Twilio, as it publishes its webhooks and API: in, out, what became of them, files both ways, STOP."""

from typing import Any

import pytest
from aiohttp import web

from polus.base import errors
from polus.channels import states
from polus.channels.texts import numbers
from polus.store.work import SYSTEM, writing
from tests import direct
from tests import world as worlds
from tests.channels.texts import office
from tests.channels.texts.office import OURS, PICTURE, SID, THEIRS, Texts, refusal

# As Twilio posts it for a text with a picture ("Receive a message", "Twilio's request to your webhook").
MMS = {
    "ToCountry": "US", "MediaContentType0": "image/png", "ToState": "CA", "SmsMessageSid": "MM" + "a" * 32,
    "NumMedia": "1", "ToCity": "", "FromZip": "94107", "SmsSid": "MM" + "a" * 32, "FromState": "CA",
    "SmsStatus": "received", "FromCity": "SAN FRANCISCO", "Body": "It came broken", "FromCountry": "US", "To": OURS,
    "ToZip": "94108", "NumSegments": "1", "MessageSid": "MM" + "a" * 32, "From": THEIRS,
}  # fmt: skip
# And for one of WhatsApp.
WHATSAPP = {
    "SmsMessageSid": "SM" + "b" * 32, "NumMedia": "0", "ProfileName": "Jane D.", "MessageType": "text",
    "SmsSid": "SM" + "b" * 32, "WaId": "14155550123", "SmsStatus": "received", "Body": "Hello \U0001f44b",
    "To": f"whatsapp:{OURS}", "NumSegments": "1", "ReferralNumMedia": "0", "MessageSid": "SM" + "b" * 32,
    "From": f"whatsapp:{THEIRS}",
}  # fmt: skip


def status(state: str, sid: str, **more: str) -> dict[str, str]:
    """A status callback as Twilio posts it."""
    return {
        "SmsSid": sid,
        "SmsStatus": state,
        "MessageStatus": state,
        "To": THEIRS,
        "MessageSid": sid,
        "From": OURS,
        **more,
    }


async def test_a_text_becomes_a_ticket_and_its_answer_a_text(texts: Texts) -> None:
    await texts.number(name="Hotline")
    ticket_id = await texts.say("Where is my order?")
    ticket = (await texts.world.leo.get(f"/api/tickets/{ticket_id}")).json
    assert (ticket["channel"], ticket["via"], ticket["status"]) == ("sms", "sms", "open")
    [message] = ticket["messages"]
    assert message["source"] == {
        "type": "sms", "from": {"name": "", "address": THEIRS}, "to": [{"name": "Hotline", "address": OURS}],
    }  # fmt: skip
    assert (message["body_text"], message["from_agent"], message["integration_id"]) == (
        "Where is my order?", False, texts.ids["sms"],
    )  # fmt: skip
    assert [one["address"] for one in ticket["customer"]["channels"]] == [THEIRS]

    made = await texts.answer(ticket_id)
    assert made["sent_datetime"] is None
    await texts.work()
    [got] = texts.peer.got
    assert got.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert got.headers["Authorization"].startswith("Basic ")
    assert got.form == {
        "From": OURS, "To": THEIRS, "Body": "On its way.",
        "StatusCallback": await texts.hook() + f"/{made['id']}-0",
    }  # fmt: skip
    stored = await texts.message(made)
    assert stored["sent_datetime"] is not None
    assert stored["source"]["to"] == [{"name": None, "address": THEIRS}]
    assert await texts.states(ticket_id) == ["queued"]
    assert await texts.world.rows("select * from text_deliveries where account_id = $1") == []

    # The conversation goes on in its ticket.
    assert await texts.say("Thanks", "SM" + "2" * 32) == ticket_id
    assert (await texts.shown()).facts["received_datetime"] is not None


async def test_what_becomes_of_a_text_is_shown_at_its_message(texts: Texts) -> None:
    await texts.number()
    ticket_id = await texts.say()
    made = await texts.answer(ticket_id)
    await texts.work()
    sid, about = f"SM{1:032x}", f"/{made['id']}-0"
    for state, shown in (
        ("sent", "sent"), ("delivered", "delivered"), ("sent", "delivered"), ("sending", "delivered"), ("read", "read"),
        ("failed", "read"), ("unheard-of", "read"),
    ):  # fmt: skip
        assert (await texts.twilio(status(state, sid), about=about)).status == 200
        await texts.take()
        assert await texts.states(ticket_id) == [shown], state
    stored = await texts.message(made)
    assert stored["opened_datetime"] is not None
    assert stored["failed_datetime"] is None

    late = await texts.answer(ticket_id, body_text="Again")
    await texts.work()
    # As published for a WhatsApp message outside of its window; it comes without our part of the address, too.
    failed = status("undelivered", f"SM{2:032x}", ErrorCode="63016", ChannelStatusMessage="")
    for _ in range(2):
        assert (await texts.twilio(failed)).status == 200
    await texts.take()
    stored = await texts.message(late)
    assert "24 hours ago" in stored["last_sending_error"]["error"]
    assert (stored["is_retriable"], stored["sent_datetime"] is None) == (False, False)
    assert [one[0] for one in await texts.world.events("ticket-message-failed")] == ["ticket-message-failed"]
    ticket = (await texts.world.leo.get(f"/api/tickets/{ticket_id}")).json
    assert ticket["messages"][-1]["failed_datetime"] is not None


async def test_a_state_that_comes_before_the_answer_of_the_api(texts: Texts) -> None:
    await texts.number()
    ticket_id = await texts.say()
    made = await texts.answer(ticket_id)
    await texts.react()
    for state in ("delivered", "undelivered"):
        await texts.twilio(status(state, f"SM{1:032x}", ErrorCode="30008"), about=f"/{made['id']}-0")
    await texts.take()
    await texts.work()
    assert await texts.states(ticket_id) == ["delivered"]
    assert (await texts.message(made))["failed_datetime"] is None


async def test_files_come_as_private_files(texts: Texts) -> None:
    await texts.number()
    texts.peer.files["/media/ME1"] = lambda: web.Response(
        status=307, headers={"Location": texts.peer.url + "/cdn"}
    )
    texts.peer.files["/cdn"] = lambda: web.Response(body=PICTURE, content_type="image/png")
    texts.peer.files["/gone"] = lambda: web.Response(status=404)
    more = {"NumMedia": "2", "MediaUrl0": texts.peer.url + "/media/ME1", "MediaUrl1": texts.peer.url + "/gone",
            "MediaContentType1": "video/3gpp"}  # fmt: skip
    assert (await texts.twilio({**MMS, **more})).status == 200
    await texts.take()
    [row] = await texts.world.rows("select ticket_id from messages where account_id = $1")
    [message] = (await texts.world.leo.get(f"/api/tickets/{row['ticket_id']}")).json["messages"]
    [file] = message["attachments"]
    assert (file["name"], file["content_type"], file["size"], file["public"]) == (
        "file-1.png",
        "image/png",
        len(PICTURE),
        False,
    )
    assert message["body_text"].startswith(
        "It came broken\n[A file that came with this message could not be fetched: file-2"
    )
    path = file["url"].split("/", 3)[3]
    nobody = await worlds.make(texts.world.database, texts.world.leo.http, texts.world.leo.url)
    assert (await texts.world.leo.get("/" + path)).status == 307
    assert (await nobody.leo.get("/" + path)).status == 404
    # Twilio is told the credentials, for accounts that guard their files.
    assert [got.headers.get("Authorization", "")[:5] for got in texts.peer.fetched] == [
        "Basic",
        "Basic",
        "Basic",
    ]


async def test_a_file_that_is_late_makes_its_text_wait_and_in_the_end_come_without(texts: Texts) -> None:
    await texts.number()
    answers: list[Any] = [web.Response(status=503), web.Response(body=PICTURE, content_type="image/png")]
    texts.peer.files["/media"] = lambda: answers.pop(0)
    more = {"MediaUrl0": texts.peer.url + "/media"}
    await texts.twilio({**MMS, **more})
    await texts.twilio(
        {"MessageSid": "SM" + "9" * 32, "From": THEIRS, "To": OURS, "Body": "second", "NumMedia": "0"}
    )
    await texts.take()
    assert await texts.world.rows("select 1 from messages where account_id = $1") == []
    await texts.hurry("text_arrivals")
    await texts.take()
    await texts.take()
    rows = await texts.world.rows(
        "select body_text, attachments from messages where account_id = $1 order by id"
    )
    assert [(row["body_text"], row["attachments"] is not None) for row in rows] == [
        ("It came broken", True),
        ("second", False),
    ]

    texts.peer.files["/media"] = lambda: web.Response(status=503)
    await texts.twilio({**MMS, **more, "MessageSid": "MM" + "c" * 32})
    for _ in range(4):
        await texts.take()
        await texts.hurry("text_arrivals")
    [row] = await texts.world.rows(
        "select body_text from messages where account_id = $1 and message_id = $2", "MM" + "c" * 32
    )
    assert "could not be fetched: file-1.png: The answer was 503." in row["body_text"]


async def test_files_go_by_links_that_end(texts: Texts) -> None:
    await texts.number()
    await texts.number("wa", channel="whatsapp")
    ticket_id = await texts.say()
    upload = await texts.world.leo.send(
        "POST", "/api/upload?type=attachment",
        b'--b\r\nContent-Disposition: form-data; name="bill.pdf"; filename="bill.pdf"\r\n\r\n%PDF-1.4 bill\r\n--b--\r\n',
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )  # fmt: skip
    assert upload.status == 201, upload.raw
    [file] = upload.json
    other = {"url": "https://cdn.example/manual.pdf", "name": "manual.pdf", "content_type": "application/pdf"}
    await texts.answer(ticket_id, attachments=[file, other])
    await texts.work()
    [link, outside] = texts.peer.got[0].all("MediaUrl")
    assert outside == "https://cdn.example/manual.pdf"
    local = texts.world.leo.url + "/files/" + link.partition("/files/")[2]
    async with texts.world.leo.http.get(local) as answer:
        assert (answer.status, await answer.read()) == (200, b"%PDF-1.4 bill")
    async with texts.world.leo.http.get(local.replace("/files/", "/files/x")) as answer:
        assert answer.status == 404

    # WhatsApp takes one file each: three texts for one message, and what is left is what was not taken.
    await texts.twilio(WHATSAPP, "wa")
    await texts.take()
    [row] = await texts.world.rows(
        "select ticket_id from messages where account_id = $1 and channel = 'whatsapp'"
    )
    made = await texts.answer(row["ticket_id"], channel="whatsapp", attachments=[file, other])
    texts.peer.got.clear()
    texts.peer.answer = lambda got: web.Response(status=500) if len(texts.peer.got) == 2 else None
    await texts.work()
    assert (await texts.message(made))["sent_datetime"] is None
    await texts.hurry()
    await texts.work()
    sent = [
        (got.form.get("Body", ""), len(got.all("MediaUrl")), got.form["To"], got.form["From"])
        for got in texts.peer.got
    ]
    theirs, ours = f"whatsapp:{THEIRS}", f"whatsapp:{OURS}"
    assert sent == [("On its way.", 1, theirs, ours), ("", 1, theirs, ours), ("", 1, theirs, ours)]
    assert (await texts.message(made))["sent_datetime"] is not None


async def test_whatsapp_finds_the_customer_of_the_telephone_number(texts: Texts) -> None:
    await texts.number()
    await texts.number("wa", channel="whatsapp")
    ticket_id = await texts.say()
    assert (await texts.twilio(WHATSAPP, "wa")).status == 200
    await texts.take()
    rows = await texts.world.rows(
        "select ticket_id, sender_id, source from messages where account_id = $1 order by id"
    )
    assert rows[1]["ticket_id"] != ticket_id
    assert rows[0]["sender_id"] == rows[1]["sender_id"]
    assert '"whatsapp-message"' in rows[1]["source"]
    customer = (await texts.world.leo.get(f"/api/customers/{rows[0]['sender_id']}")).json
    assert customer["name"] == "Jane D."
    assert sorted(one["type"] for one in customer["channels"]) == ["phone", "whatsapp"]
    place = {
        **WHATSAPP,
        "MessageSid": "SM" + "d" * 32,
        "Body": "",
        "Latitude": "52.5",
        "Longitude": "13.4",
        "Label": "Home",
    }
    await texts.twilio(place, "wa")
    await texts.take()
    rows = await texts.world.rows(
        "select body_text from messages where account_id = $1 order by id desc limit 1"
    )
    assert rows[0]["body_text"] == "Home\n52.5, 13.4"


async def test_stop_and_start(texts: Texts) -> None:
    await texts.number(
        settings={"stop_text": "You get no more texts.", "help_text": "Write to help@shop.example."}
    )
    await texts.number("second", address="+14155550199")
    ticket_id = await texts.say()
    assert await texts.say("Help", "SM" + "3" * 32) == ticket_id
    assert await texts.say(" stop. ", "SM" + "4" * 32) == ticket_id
    await texts.work()
    assert sorted(got.form["Body"] for got in texts.peer.got) == [
        "Write to help@shop.example.",
        "You get no more texts.",
    ]
    texts.peer.got.clear()

    source = {"type": "sms", "from": {"address": "+14155550199"}, "to": [{"address": "(415) 555-0123"}]}
    for made in (await texts.answer(ticket_id), await texts.answer(ticket_id, source=source)):
        await texts.work()
        stored = await texts.message(made)
        assert "said STOP on" in stored["last_sending_error"]["error"]
        assert (stored["sent_datetime"], stored["is_retriable"]) == (None, True)
    assert texts.peer.got == []
    option = (await texts.world.leo.get(f"/api/tickets/{ticket_id}")).json["reply_options"]["sms"]
    assert (option["answerable"], option["reason"]) == (False, "unsubscribed")

    # It also holds when the word comes while a text waits to be tried again.
    await texts.say("START", "SM" + "5" * 32)
    texts.peer.answer = lambda _got: web.Response(status=503)
    waiting = await texts.answer(ticket_id)
    await texts.work()
    assert len(texts.peer.got) == 1
    await texts.say("Unsubscribe", "SM" + "6" * 32)
    texts.peer.answer = None
    await texts.hurry()
    await texts.work()
    assert "said STOP" in (await texts.message(waiting))["last_sending_error"]["error"]
    assert [got.form["Body"] for got in texts.peer.got[1:]] == ["You get no more texts."]

    await texts.say("UNSTOP", "SM" + "7" * 32)
    again = await texts.world.leo.put(
        f"/api/tickets/{ticket_id}/messages/{waiting['id']}", {"channel": "sms", "from_agent": True}
    )
    assert again.status == 202
    await texts.work()
    assert (await texts.message(waiting))["sent_datetime"] is not None
    assert texts.peer.got[-1].form["Body"] == "On its way."

    # Twilio knows of a STOP that we have not seen.
    texts.peer.answer = refusal(21610, "Attempt to send to unsubscribed recipient")
    made = await texts.answer(ticket_id)
    await texts.work()
    texts.peer.got.clear()
    assert "said STOP to this number" in (await texts.message(made))["last_sending_error"]["error"]
    await texts.answer(ticket_id)
    await texts.work()
    assert texts.peer.got == []
    # And says itself which word a text is, in whatever language.
    await texts.say("Weiter bitte", "SM" + "8" * 32, OptOutType="START")
    texts.peer.answer = None
    await texts.answer(ticket_id)
    await texts.work()
    assert len(texts.peer.got) == 1


async def test_what_is_not_from_twilio_is_refused_and_nothing_stored(texts: Texts) -> None:
    await texts.number()
    form = {"MessageSid": "SM" + "1" * 32, "From": THEIRS, "To": OURS, "Body": "x", "NumMedia": "0"}
    stranger = await worlds.make(texts.world.database, texts.world.leo.http, texts.world.leo.url)
    async with office.opened(stranger) as theirs:
        await theirs.number(secret="another token of another account")
        # Another account's number is a wall: its owner's token opens its own address alone.
        assert (await texts.twilio(form, token="another token of another account")).status == 403
        path = numbers.PREFIX + numbers.token_of(texts.world.database, stranger.account.id, texts.ids["sms"])
        assert (await direct.ask(texts.door, {}, "POST", path)).status == 404
    for answer, wanted in (
        (await texts.twilio(form, signature=""), 403),
        (await texts.twilio(form, signature="bm90IGl0"), 403),
        (await texts.twilio(form, base="https://elsewhere.example"), 403),
        (await texts.twilio({**form, "MessageSid": "x"}), 400),
        (await texts.twilio({**form, "AccountSid": "AC" + "0" * 32}), 400),
        (await direct.ask(texts.door, {}, "POST", texts.path() + "0"), 404),
        (await direct.ask(texts.door, {}, "POST", numbers.PREFIX + "9" * 40 + "-1-x"), 404),
        (await direct.ask(texts.door, {}, "GET", texts.path()), 405),
        (await direct.ask(texts.door, {}, "POST", texts.path(), body=b"x" * 1_100_000), 413),
    ):
        assert answer.status == wanted
    assert await texts.world.rows("select 1 from text_arrivals where account_id = $1") == []
    # Somebody pasted the address at the wrong number: Twilio shows him the 400, the page says why.
    assert (await texts.twilio({**form, "To": "+14155559999"})).status == 400
    assert "+14155559999" in (await texts.shown()).facts["trouble"]
    await texts.world.ada.put(
        f"/api/integrations/{texts.ids['sms']}", {"deactivated_datetime": "2026-01-01T00:00:00Z"}
    )
    assert (await texts.twilio(form)).status == 404
    assert await texts.world.rows("select 1 from text_arrivals where account_id = $1") == []


async def test_what_is_sent_twice_is_there_once(texts: Texts) -> None:
    await texts.number()
    ticket_id = await texts.say("Once")
    for _ in range(2):
        assert await texts.say("Once") == ticket_id
    # Also when the journal has forgotten it.
    await texts.world.rows("delete from text_arrivals where account_id = $1 returning 1")
    await texts.say("Once")
    assert len(await texts.world.rows("select 1 from messages where account_id = $1")) == 1
    assert (await texts.world.rows("select state from text_arrivals where account_id = $1"))[0][
        "state"
    ] == "ignored"


async def test_a_number_is_connected_once_and_its_token_stays_inside(texts: Texts) -> None:
    number_id = await texts.number(name="Hotline", address="+1 (415) 555-0100")
    shown = (await texts.world.ada.get(f"/api/integrations/{number_id}")).json
    assert (shown["type"], shown["meta"]) == ("sms", {"address": OURS, "provider": "twilio"})
    kept = str(
        [tuple(row) for row in await texts.world.rows("select * from text_numbers where account_id = $1")]
    )
    assert office.TOKEN not in kept + str(await texts.world.events()) + str(await texts.shown())
    with pytest.raises(errors.Conflict):
        await texts.number()
    for wrong, field in (
        ({"address": "030 1234"}, "address"), ({"provider": "pigeon"}, "provider"), ({"channel": "fax"}, "channel"),
        ({"secret": "", "address": "+14155550111"}, "secret"),
    ):  # fmt: skip
        with pytest.raises(errors.Invalid) as refused:
            await texts.number(**wrong)  # type: ignore[arg-type]
        assert list(refused.value.data or {}) == [field]


async def test_who_is_erased_is_in_no_journal_but_his_stop_holds(texts: Texts) -> None:
    await texts.number()
    await texts.say("stop")
    await texts.say("and you are", "SM" + "2" * 32, From="+14155550188")
    [row] = await texts.world.rows(
        "select customer_id from customer_channels where account_id = $1 and address = $2", THEIRS
    )
    assert (await texts.world.ada.delete(f"/api/customers/{row['customer_id']}")).status == 204
    for table in ("text_people", "text_arrivals"):
        [kept] = await texts.world.rows(f"select address from {table} where account_id = $1")
        assert kept["address"] == "+14155550188"
    assert len(await texts.world.rows("select 1 from text_stops where account_id = $1")) == 1


async def test_what_cannot_be_taken_is_parked_and_tried_again(texts: Texts) -> None:
    await texts.number()
    await texts.twilio(
        {"MessageSid": "SM" + "1" * 32, "From": THEIRS, "To": OURS, "Body": "Hello", "NumMedia": "0"}
    )
    [row] = await texts.world.rows("select body from text_arrivals where account_id = $1")
    body = "update text_arrivals set body = $2 where account_id = $1 returning 1"
    await texts.world.rows(body, "broken")
    for _ in range(6):
        await texts.take()
        await texts.hurry("text_arrivals")
    [parked] = await texts.world.rows("select state, error, worker from text_arrivals where account_id = $1")
    assert (parked["state"], parked["worker"]) == ("parked", None)
    assert "MessageSid is missing" in parked["error"]
    async with writing(texts.world.database, texts.world.account, SYSTEM) as work:
        [state] = await states.of_account(work)
        assert (state.word(work.now), state.heard.error) == ("failing", parked["error"])
        assert (await numbers.get(work, texts.ids["sms"])).facts["parked"] == 1
        await numbers.again(work, texts.ids["sms"])
    await texts.world.rows(body, row["body"])
    await texts.take()
    assert len(await texts.world.rows("select 1 from messages where account_id = $1")) == 1

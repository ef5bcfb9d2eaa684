"""Mails over SMTP: how many a second are journalled (answered by 250), how many are in their tickets."""

import asyncio
import smtplib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.header import Header

from bench.program import Program
from bench.requests import Material

UNDONE = "select count(*) from mails where state = 'received'"
STATES = "select state, count(*) from mails group by 1"


@dataclass
class Mails:
    """Mails a second; `states` is what became of all."""

    journalled: float
    processed: float
    states: dict[str, int]


async def run(program: Program, found: Material, count: int, connections: int) -> Mails:
    """Send `count` mails of known customers over some connections, and wait until all are in their tickets."""
    mails = [
        _mail(f"{time.time_ns()}-{n}", *found.customers[n % len(found.customers)][1:]) for n in range(count)
    ]
    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        loop = asyncio.get_running_loop()
        parts = [mails[part::connections] for part in range(connections)]
        await asyncio.gather(*(loop.run_in_executor(pool, _send, program.smtp_port, part) for part in parts))
    journalled = count / (time.perf_counter() - began)
    while (await program.rows(UNDONE))[0][0]:
        await asyncio.sleep(0.05)
    processed = count / (time.perf_counter() - began)
    states = {row[0]: row[1] for row in await program.rows(STATES)}
    return Mails(round(journalled, 1), round(processed, 1), states)


def _send(port: int, mails: list[tuple[str, bytes]]) -> None:
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for sender, mail in mails:
            smtp.sendmail(sender, ["help@bench.example"], mail)


def _mail(unique: str, name: str, address: str) -> tuple[str, bytes]:
    """An ordinary mail of 3 kB, text and HTML, that answers a mail with quotation and signature."""
    text = (
        "Hello,\n\n" + "the parcel has not come yet and I wonder where it is. " * 6 + f"\n\nBest,\n{name}\n"
    )
    quoted = (
        "\nOn Mon, 2 Mar 2026 at 10:00, Support <help@bench.example> wrote:\n" + "> We sent it today.\n" * 5
    )
    html = (
        "<html><body><p>"
        + text.replace("\n", "<br>")
        + "</p><blockquote>We sent it today.</blockquote></body></html>"
    )
    mail = (
        f"From: {Header(name, 'utf-8').encode()} <{address}>\n"
        "To: Support <help@bench.example>\n"
        f"Subject: Parcel {unique[-6:]}\nMessage-ID: <{unique}@bench.invalid>\n"
        "Date: Tue, 3 Mar 2026 09:00:00 +0100\nMIME-Version: 1.0\n"
        'Content-Type: multipart/alternative; boundary="part"\n\n'
        f'--part\nContent-Type: text/plain; charset="utf-8"\nContent-Transfer-Encoding: 8bit\n\n{text}{quoted}\n'
        f'--part\nContent-Type: text/html; charset="utf-8"\nContent-Transfer-Encoding: 8bit\n\n{html}\n--part--\n'
    )
    return address, mail.replace("\n", "\r\n").encode()

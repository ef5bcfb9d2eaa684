"""What we make of the mails that others wrote, as a compact table. Run as a module it writes the table anew."""

import json
from pathlib import Path
from typing import Any

from polus.channels.email import parse, verdict
from polus.channels.email.mails import Unreadable
from tests.channels.email import samples

EXPECTED = samples.MAILS / "expected.json"


def name(path: Path) -> str:
    return path.relative_to(samples.MAILS).as_posix()


def outcome(path: Path) -> dict[str, Any]:
    try:
        mail = parse.read(path.read_bytes())
    except Unreadable as error:
        return {"verdict": "unreadable", "reason": str(error)}
    judged = verdict.judge(mail)
    row: dict[str, Any] = {
        "verdict": judged.kind,
        "reason": judged.reason,
        "from": mail.from_ and f"{mail.from_.name} <{mail.from_.address}>".strip(),
        "subject": mail.subject[:60],
        "text": mail.stripped_text[:60],
        "html": len(mail.stripped_html or ""),
        "signature": (mail.stripped_signature or "")[:30],
        "files": [file.name for file in mail.attachments],
    }
    if judged.bounce:
        row["original"] = judged.bounce.message_id
        row["bounced"] = [
            f"{one.address} {one.action} {one.status}".strip() for one in judged.bounce.recipients
        ]
    return {key: value for key, value in row.items() if value}


def table() -> dict[str, dict[str, Any]]:
    return {name(path): outcome(path) for path in samples.all_paths()}


if __name__ == "__main__":
    rows = (f"{json.dumps(key)}: {json.dumps(row, ensure_ascii=False)}" for key, row in table().items())
    EXPECTED.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")

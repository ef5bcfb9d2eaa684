"""The search of views: words joined by AND over subjects, messages, tags, customers and ticket numbers."""

import re
from typing import Any

from polus.desk import words

MOST_WORDS = 10
LEAST = 2
PART = re.compile(r'(-?)"([^"]*)"|(-?)(\S+)')

# The tickets that one word or phrase is found in. Each branch has an index of its own; `$q` is a text search query;
# `$w` is the last folded part, `$e` the end of its range, `$a` the parts before it; `$n` the number it may be.
FOUND = """
t.id {negated} in (
  select m.ticket_id from messages m where m.account_id = $1
    and to_tsvector('simple', left(coalesce(m.stripped_text, m.body_text, m.body_html, ''), 50000)) @@ to_tsquery('simple', $q)
  union select x.id from tickets x where x.account_id = $1
    and to_tsvector('simple', coalesce(x.subject, '')) @@ to_tsquery('simple', $q)
  union select l.ticket_id from tags g join ticket_tags l on l.account_id = g.account_id and l.tag_id = g.id
    where g.account_id = $1 and to_tsvector('simple', g.name) @@ to_tsquery('simple', $q)
  union select x.id from customer_words w join tickets x on x.account_id = w.account_id and x.customer_id = w.customer_id
    and x.merged_into_id is null
    where w.account_id = $1 and w.word >= $w collate "C" and w.word < $e collate "C"
      and not exists (select from unnest($a::text[]) as a (word) where not exists (select from customer_words o
        where o.account_id = $1 and o.customer_id = w.customer_id and o.word = a.word collate "C"))
  union select $n::bigint where $n::bigint is not null
)
"""


def condition(text: str, parameters: list[Any]) -> str:
    """The condition for a search text; its values are appended to `parameters`. Without a word it is true."""
    parts = []
    found = list(PART.finditer(text.replace("\0", " ")))[:MOST_WORDS]
    for place, match in enumerate(found):
        negated = bool(match[1] or match[3])
        phrase, word = match[2], match[4]
        said = phrase if phrase is not None else word
        tokens = words.asked(said or "")
        if not tokens or (phrase is None and len(said) < LEAST and not said.isdigit()):
            continue
        last = place == len(found) - 1 and phrase is None
        parts.append(_found(said, tokens, negated, last, parameters))
    return " and ".join(parts) or "true"


def _found(said: str, tokens: list[str], negated: bool, prefix: bool, parameters: list[Any]) -> str:
    number = int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None
    values = {
        # One quoted operand: PostgreSQL's parser takes it apart as it did the texts.
        "$q": "'" + said.replace("\\", "\\\\").replace("'", "''") + "'" + (":*" if prefix else ""),
        "$w": tokens[-1],
        "$e": tokens[-1] + chr(0x10FFFF),
        "$a": tokens[:-1],
        "$n": number,
    }
    sql = FOUND.replace("{negated}", "not" if negated else "")
    for place, value in values.items():
        parameters.append(value)
        sql = sql.replace(place, "$" + str(len(parameters)))
    return sql

"""The words by which customers are found: folded, bounded, one row each for prefix search by a plain B-tree.

Called by whoever changes a customer's name or addresses. Reading them is `desk.searches`.
"""

import re
import unicodedata
from collections.abc import Iterable

from polus.store.work import Work

# What one customer may cost: longer words are cut, further words are not found.
WORD_LENGTH = 64
WORDS = 64
TEXT_LENGTH = 1000

WORD = re.compile(r"[^\W_]+")
APOSTROPHES = re.compile("['\u2019\u02bc]")
# Letters that Unicode does not take apart, though people type them plainly.
PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})

# `main` rows of the same word win: the word is in the name or the e-mail and perhaps elsewhere too.
STORE = """
with gone as (
  delete from customer_words where account_id = $1 and customer_id = $2 and not word = any($3::text[])
)
insert into customer_words (account_id, word, customer_id, main)
select $1, word, $2, main from unnest($3::text[], $4::bool[]) as g (word, main)
on conflict (account_id, word, customer_id) do update set main = excluded.main
  where customer_words.main <> excluded.main
"""


def fold(text: str, most: int = TEXT_LENGTH) -> str:
    """Lower case without accents: what is compared. No more than the first `most` characters count."""
    if text.isascii():
        return text[:most].lower()
    decomposed = unicodedata.normalize("NFKD", text[:most].casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(PLAIN)


def of(*texts: str | None) -> list[str]:
    """The distinct words of names and addresses as they are stored, at most `WORDS`."""
    found: dict[str, None] = {}
    for text in texts:
        folded = fold(text or "")
        # "O'Brien" is found as "o'b", "obr" and "brien".
        for given in (folded, APOSTROPHES.sub("", folded)):
            found.update((word[:WORD_LENGTH], None) for word in WORD.findall(given))
    return list(found)[:WORDS]


def asked(query: str) -> list[str]:
    """The words of a search; each must be the start of a stored one."""
    folded = APOSTROPHES.sub("", fold(query))
    return list(dict.fromkeys(word[:WORD_LENGTH] for word in WORD.findall(folded)))[:WORDS]


def rows(texts: Iterable[str | None], addresses: Iterable[str | None]) -> tuple[list[str], list[bool]]:
    """The words to be stored of a customer, and of each whether it is of `texts`."""
    main = of(*texts)
    further = [word for word in of(*addresses) if word not in main][: WORDS - len(main)]
    return main + further, [True] * len(main) + [False] * len(further)


async def store(
    work: Work, customer_id: int, texts: Iterable[str | None], addresses: Iterable[str | None] = ()
) -> None:
    """Replace the customer's words by those of `texts` (name, e-mail) and of further `addresses`."""
    await work.db.execute(STORE, work.account.id, customer_id, *rows(texts, addresses))

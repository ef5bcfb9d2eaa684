"""The tickets that a rule would do something to now, as a condition for lists of tickets."""

from polus.base import errors
from polus.desk import filters
from polus.lang import bind, parse, reach, sql
from polus.lang.nodes import Filter
from polus.lang.refused import Refused
from polus.lang.sql import Where
from polus.store.work import Work

CODE = "select code from rules where account_id = $1 and id = $2"
WRONG = "Invalid query parameters"


async def narrowing(work: Work, rule_id: int, taken: int) -> Where:
    """The condition over `t`; 400 when there is no such rule, or it asks what no list can be asked: of messages, say."""
    code = await work.db.fetchval(CODE, work.account.id, rule_id)
    if code is None:
        raise errors.Invalid({"rule_id": [errors.MISSING_OBJECT]}, WRONG)
    meaning = bind.rule(parse.code(code), await filters.definitions(work, code)).bound
    try:
        test = reach.test(meaning)
    except Refused as refused:
        raise errors.Invalid({"rule_id": refused.messages}, WRONG) from None
    whole = Filter(test, hides_trashed=False, hides_spam=False, customers=False)
    return sql.where(whole, {}, work.now, taken)

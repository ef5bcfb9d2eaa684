"""The desk's refusals, which are written for programs, in words for people and in their language."""

import re
from collections.abc import Callable

from polus.base import errors
from polus.web.places import N_

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


PEOPLES = {
    errors.REQUIRED: N_("This is needed."),
    errors.NULL: N_("This is needed."),
    errors.UNKNOWN: N_("There is no such field."),
    errors.NOT_INTEGER: N_("Please enter a whole number."),
    errors.NOT_NUMBER: N_("Please enter a number."),
    errors.NOT_STRING: N_("Please enter a text."),
    errors.NOT_BOOLEAN: N_("Please choose yes or no."),
    errors.NOT_DATETIME: N_("Please enter a date and time."),
    errors.NOT_EMAIL: N_("This is not an e-mail address."),
    errors.NOT_URL: N_("This is not a web address. It begins with https://"),
    errors.NOT_CHOICE: N_("This cannot be chosen here."),
    errors.WRONG_TYPE: N_("This has the wrong form."),
    errors.MISSING_OBJECT: N_("This does not exist any more."),
    errors.IN_USE: N_("This is in use already. Choose another."),
    "May not contain a comma.": N_("A comma is not possible here."),
    "Resource not found.": N_("It may have been deleted, or the address is wrong."),
    "The resource already exists.": N_("This is there already."),
    "The resource is used and cannot be deleted.": N_("It is still in use and cannot be deleted."),
}
WITH_NUMBER = {
    errors.too_long(0): N_("At most %(n)s are possible."),
    errors.too_short(1): N_("This is needed."),
    errors.too_short(0): N_("At least %(n)s characters are needed."),
    errors.too_small(0): N_("The least is %(n)s."),
    errors.too_big(0): N_("The most is %(n)s."),
}

AS_THEY_ARE = (
    N_("Does not exist."),
    N_("Is part of another ticket."),
    N_("The macro is archived or gone."),
    N_("You do not have the permission to perform this action."),
    N_("The account owner cannot be deleted, deactivated or demoted."),
    N_("The last active admin cannot be deleted, deactivated or demoted."),
    N_("System users cannot be deleted or given another role."),
    N_("You cannot delete yourself."),
    N_("You cannot deactivate yourself."),
    N_("Not the current password."),
    N_("The token endpoint must begin with https://"),
    N_("There is no mailbox whose login could be used."),
    N_("At most 20 folders are possible."),
    N_("For another server or user name press Connect again."),
    N_("Enter the ID of the directory: 32 characters of 0-9 and a-f, with hyphens."),
    N_("Not a valid code."),
    N_("The second factor is on already."),
    N_("Each choice may be listed once."),
    N_("May not be changed."),
    N_("A shared view needs users or teams."),
    N_("Of system views only fields, order_by, order_dir and decoration can be changed."),
    N_("The destination may not be among the sources."),
    N_("What this button would do has changed meanwhile. Look at it again."),
    N_("Give your telephone number in your profile first: it rings, and then your customer is called."),
    N_("The customer has no telephone number that can be called."),
    N_("No telephone number of this helpdesk is connected, or it is switched off."),
    N_("Another call of yours has not ended yet."),
    N_("Write the number with its country, like +49 30 1234567."),
    N_("The number is connected already."),
    N_("AC and 32 characters of 0-9 and a-f."),
    N_("An address like https://shop.example/music.mp3."),
    N_("The page was open for too long or did not come from here. Reload it and try again."),
    N_("The page was open too long. Please send it again."),
    N_("Please wait a moment, then send it again."),
    N_("Please write what it is about."),
    N_("Please choose one."),
    N_("Must be a number."),
    N_("Too many messages. Wait some minutes."),
    N_("A file is larger than 10 MB."),
    N_("More than 5 files."),
    N_("Not a telephone number with its country: +4930123456."),
    N_("An account SID is AC and 32 digits or letters from a to f."),
    N_("Give the auth token."),
    N_("This number is there already."),
    N_("Must be a colour like #2f5bea."),
    N_("Only text, number and choice fields of tickets that are in use and not managed."),
    N_("This user has as many API keys as one may have."),
    N_("Connect an address of this domain first."),
    N_("Not the name of a server."),
    N_("Not a picture in PNG, JPEG, GIF or WebP of at most 5 MiB."),
    N_("The integration is switched off."),
    N_("There is no ticket to test with."),
    N_("The account has as many integrations as it may have."),
    N_("Write each header as “Name: value”, one in a line."),
    N_("There is no such customer."),
    N_("The macro is archived."),
    N_("The macro is used by rules."),
    N_("System views cannot be deleted."),
    N_("An account has at most 50 SLA policies."),
    N_("This field is managed by the system."),
    N_("The field is archived."),
    N_("Listed twice."),
    N_("The account has as many apps as it may have."),
    N_("Must have no user, password or #fragment."),
    N_("Must begin with https:// (http:// only for this computer: localhost, 127.0.0.1)."),
    N_("Not a picture (PNG, JPEG, GIF or WebP)."),
    N_("Must be in the future."),
    N_("At most one year ahead."),
    N_("Too many planned messages in this ticket."),
    N_("It was sent or taken back already."),
    N_("A customer cannot be merged into itself."),
    N_("Both customers have data of the same integration, app or store."),
    N_("The customer is being changed by others at this moment."),
    N_("A ticket cannot be merged into itself."),
    N_("At least one message stays."),
    N_("No connected e-mail address to send from."),
    N_("The customer has no e-mail address to send to."),
    N_("A job can work on at most 50000 tickets."),
    N_("The job has already started."),
    N_("The file is gone."),
)
"""Sentences that people understand as they stand; here for the catalogues."""


def said(sentence: str, gettext: Callable[[str], str]) -> str:
    """The sentence for people; one that this module does not know stays as it is."""
    if sentence in PEOPLES:
        return gettext(PEOPLES[sentence])
    if sentence in WITH_NUMBER and "%" not in WITH_NUMBER[sentence]:
        return gettext(WITH_NUMBER[sentence])
    shape = NUMBER.sub("0", sentence)
    number = NUMBER.search(sentence)
    if shape in WITH_NUMBER and number:
        return gettext(WITH_NUMBER[shape]) % {"n": number[0]}
    return gettext(sentence)

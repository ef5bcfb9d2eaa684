"""What a custom field may hold: the check of a definition, and of a value against it. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from polus.base import errors

MOST_CHOICES = 2000
CHOICE_LENGTH = 255
MOST_LEVELS = 5
LEVELS = "::"
TEXT_LENGTH = 10_000

# data type -> the input types it can be typed in by, with the further keys of `input_settings`
INPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "text": {"input": ("placeholder",), "dropdown": ("choices", "default")},
    "number": {"input_number": ("placeholder", "min", "max")},
    "boolean": {"dropdown": ("choices", "default")},
}

Problems = dict[str, Any]


def checked(given: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The definition as stored; 400 under `definition`. `data_type` and `input_type` stay what they were in `old`."""
    problems: Problems = {}
    kind, settings = given.get("data_type"), given.get("input_settings")
    if kind not in INPUTS:
        problems["data_type"] = [errors.REQUIRED if kind is None else errors.NOT_CHOICE]
    if not isinstance(settings, dict):
        problems["input_settings"] = [errors.REQUIRED if settings is None else errors.WRONG_TYPE]
    problems |= {key: [errors.UNKNOWN] for key in given if key not in ("data_type", "input_settings")}
    if problems or not isinstance(settings, dict) or not isinstance(kind, str):
        raise errors.Invalid({"definition": problems})
    found = _settings(kind, settings)
    if old is not None:
        if kind != old["data_type"]:
            problems["data_type"] = ["May not be changed."]
        if settings.get("input_type") != old["input_settings"]["input_type"]:
            found["input_type"] = ["May not be changed."]
    if found:
        problems["input_settings"] = found
    if problems:
        raise errors.Invalid({"definition": problems})
    if kind == "boolean":
        settings = {"choices": [True, False], **settings}
    return {"data_type": kind, "input_settings": settings}


def _settings(kind: str, settings: Mapping[str, Any]) -> Problems:
    form = settings.get("input_type")
    if form not in INPUTS[kind]:
        return {"input_type": [errors.REQUIRED if form is None else errors.NOT_CHOICE]}
    keys = INPUTS[kind][form]
    problems: Problems = {key: [errors.UNKNOWN] for key in settings if key not in (*keys, "input_type")}
    placeholder = settings.get("placeholder")
    if placeholder is not None and (not isinstance(placeholder, str) or len(placeholder) > CHOICE_LENGTH):
        problems["placeholder"] = [
            errors.NOT_STRING if not isinstance(placeholder, str) else errors.too_long(CHOICE_LENGTH)
        ]
    if "choices" in keys:
        problems |= _choices(kind, settings)
    if kind == "number":
        problems |= _range(settings)
    return problems


def _choices(kind: str, settings: Mapping[str, Any]) -> Problems:
    choices, default = settings.get("choices"), settings.get("default")
    if kind == "boolean":
        problems: Problems = {}
        if choices is not None and (
            not isinstance(choices, list) or any(type(c) is not bool for c in choices)
        ):
            problems["choices"] = [errors.NOT_BOOLEAN]
        if default is not None and type(default) is not bool:
            problems["default"] = [errors.NOT_BOOLEAN]
        return problems
    if not isinstance(choices, list):
        return {"choices": [errors.REQUIRED if choices is None else errors.WRONG_TYPE]}
    if not choices:
        return {"choices": [errors.too_short(1)]}
    if len(choices) > MOST_CHOICES:
        return {"choices": [errors.too_long(MOST_CHOICES)]}
    wrong = {str(place): found for place, choice in enumerate(choices) if (found := _choice(choice))}
    if wrong:
        return {"choices": wrong}
    if len(set(choices)) < len(choices):
        return {"choices": ["Each choice may be listed once."]}
    return {"default": [errors.NOT_CHOICE]} if default is not None and default not in choices else {}


def _choice(choice: Any) -> list[str] | None:
    if not isinstance(choice, str) or "\0" in choice:
        return [errors.NOT_STRING]
    if not choice:
        return [errors.too_short(1)]
    if len(choice) > CHOICE_LENGTH:
        return [errors.too_long(CHOICE_LENGTH)]
    if choice.count(LEVELS) >= MOST_LEVELS:
        return [f"Nested deeper than {MOST_LEVELS} levels."]
    return None


def _range(settings: Mapping[str, Any]) -> Problems:
    problems: Problems = {}
    bounds = {}
    for name in ("min", "max"):
        given = settings.get(name)
        if given is None or given == "":
            continue
        number = _number(given)
        if number is None:
            problems[name] = [errors.NOT_NUMBER]
        else:
            bounds[name] = number
    if len(bounds) == 2 and bounds["min"] > bounds["max"]:
        problems["max"] = [errors.too_small(bounds["min"])]
    return problems


def _number(given: Any) -> int | float | None:
    """A number, or a text of one; None when it is neither."""
    if isinstance(given, bool):
        return None
    if isinstance(given, str):
        try:
            given = float(given)
        except ValueError:
            return None
        given = int(given) if math.isfinite(given) and given.is_integer() and abs(given) < 2**53 else given
    return given if isinstance(given, (int, float)) and math.isfinite(given) else None


def value(definition: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    """`given` as the field stores it, or the message that says why it cannot."""
    kind, settings = definition["data_type"], definition["input_settings"]
    if kind == "boolean":
        if isinstance(given, str) and given.lower() in ("true", "false"):
            given = given.lower() == "true"
        return (given, None) if type(given) is bool else (None, errors.NOT_BOOLEAN)
    if kind == "number":
        return _number_value(settings, given)
    if not isinstance(given, str) or "\0" in given:
        return None, errors.NOT_STRING
    if settings["input_type"] == "dropdown":
        return (given, None) if given in settings["choices"] else (None, errors.NOT_CHOICE)
    return (given, None) if len(given) <= TEXT_LENGTH else (None, errors.too_long(TEXT_LENGTH))


def _number_value(settings: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    number = _number(given)
    if number is None:
        return None, errors.NOT_NUMBER
    # A bound of "" or null is none: _number finds no number in it.
    least, most = _number(settings.get("min")), _number(settings.get("max"))
    if least is not None and number < least:
        return None, errors.too_small(least)
    if most is not None and number > most:
        return None, errors.too_big(most)
    return number, None

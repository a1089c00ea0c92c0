"""Messages about wrong values, for people who do not know Python."""

from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails

#: Messages in place of pydantic's, by its error types.
_WORDS = {
    "path_type": "expected a path",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "too_short": "expected at least {min_length} of them",
    "too_long": "expected at most {max_length} of them",
}


def in_words(details: ErrorDetails) -> str:
    """Return what was expected in place of a wrong value."""
    if details["type"] == "value_error":
        return details["msg"].removeprefix("Value error, ")
    if (words := _WORDS.get(details["type"])) is not None:
        return words.format(**details.get("ctx", {}))
    return details["msg"][:1].lower() + details["msg"][1:]


def saying(words: str) -> WrapValidator:
    """Return a validator that replaces the message for every value that the type refuses."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            raise ValueError(words) from error

    return WrapValidator(check)

"""Errors as OpenAI's clients read them: {"error": {"message": ..., "type": ..., "param": ..., "code": null}}."""

from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.responses import JSONResponse

_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


class ErrorContent(BaseModel):
    """What went wrong, and what to do; `param` is the field that it is about."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """An answer that is none."""

    error: ErrorContent


# What any request may be answered with.
RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request is not one, or asks for what the model cannot do."},
    401: {"model": ErrorBody, "description": "The token is missing or wrong."},
    403: {"model": ErrorBody, "description": "The server is not asked under this name."},
    404: {"model": ErrorBody, "description": "There is no such thing."},
    405: {"model": ErrorBody, "description": "Not this method."},
    408: {"model": ErrorBody, "description": "The body came too slowly."},
    413: {"model": ErrorBody, "description": "The body is too large."},
    429: {"model": ErrorBody, "description": "Too many wait already."},
    500: {"model": ErrorBody, "description": "A fault of the server."},
    503: {"model": ErrorBody, "description": "It took too long."},
}


class ApiError(Exception):
    """Answers a request with an error."""

    def __init__(self, status: int, message: str, *, param: str | None = None, headers: dict | None = None):
        super().__init__(message)
        self.status, self.param, self.headers = status, param, headers


def error_response(status: int, message: str, *, param: str | None = None, headers: dict | None = None) -> JSONResponse:
    """The answer to a request that fails."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    body = ErrorBody(error=ErrorContent(message=message, type=kind, param=param))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def validation_message(error: RequestValidationError) -> tuple[str, str | None]:
    """What is wrong with a body, and in which field; of what was sent only the field's name is told.

    Example: of {"prompt": "x", "n": 10000} it is ("n: Input should be less than or equal to 16", "n").
    """
    found = error.errors()[0]
    names = [str(part) for part in found["loc"] if part not in ("body", "openai", "tabby")]
    field = ".".join(names) or None
    message = found["msg"].removeprefix("Value error, ")
    if found["type"] == "json_invalid":
        return f"the body is not JSON: {found.get('ctx', {}).get('error', message)}", None
    if found["type"] == "extra_forbidden":
        return f"{field} is no field that this server knows: leave it out", field
    if field is None and found["type"] != "value_error":
        return f"the body is to be a JSON object: {message}", None
    return (f"{field}: {message}" if field else message), field

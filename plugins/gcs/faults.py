"""What Google's errors mean for a person: what happened, why, what to do. Never a URL, which may be signed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.errors import UploadError, UploadRefused
from runner.providers import one_line

from . import address

if TYPE_CHECKING:
    from . import GcsOptions

_LATER: Final = (408, 429)
_LOGIN: Final = "a new key file, or gcloud auth application-default login"
_URL_QUERY: Final = re.compile(r"(https?://[^\s?'\"]*)\?[^\s'\"]*")


def first_line(error: BaseException) -> str:
    """What an error says, in one short line, without the queries of URLs."""
    said = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return _shortened(said) or type(error).__name__


def _shortened(said: str) -> str:
    return one_line(_URL_QUERY.sub(r"\1", next(iter(said.strip().splitlines()), "")))


def upload_error(error: BaseException, options: GcsOptions, *, wanted: str) -> UploadError:
    """The error to raise for one of Google's. `wanted` is the permission that the request needed."""
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth
    from google.cloud.storage.exceptions import InvalidResponse  # type: ignore[import-untyped]

    if isinstance(error, UploadError):
        return error
    if isinstance(error, api.RetryError) and error.cause is not None:
        return upload_error(error.cause, options, wanted=wanted)
    where = f"gs://{options.bucket}"
    if isinstance(error, auth.RefreshError):
        if error.retryable:
            return UploadError("Google gives out no token now", where=where, why=first_line(error))
        return UploadRefused(
            "Google does not accept the credentials",
            where=where,
            why=first_line(error),
            hint=f"{_LOGIN}; and check this machine's clock",
        )
    if isinstance(error, auth.TransportError):
        inner = error.args[0] if error.args else None
        said = str(inner)
        if "signBlob" in said or "sign_bytes" in said:
            return _unsigned(said, where)
        return _unreachable(inner if isinstance(inner, BaseException) else error, options)
    if isinstance(error, api.GoogleAPICallError | InvalidResponse):  # the latter when retries did not help
        return _answered(error, options, where, wanted)
    if isinstance(error, auth.GoogleAuthError):
        return UploadRefused(
            "Google does not accept the credentials",
            where=where,
            why=first_line(error),
            hint="over plain http no account is shown: uploader.api_url=https://..."
            if address(options)
            else _LOGIN,
        )
    if _is_no_json(error):
        return UploadError(
            "what answers is not Google Cloud Storage",
            where=address(options) or where,
            why="a page came instead of an answer",
            hint="look for a proxy or a login page in between; then rerun the same command",
        )
    if isinstance(error, OSError):  # requests' errors are of this kind
        return _unreachable(error, options)
    return UploadRefused("Google Cloud Storage cannot be used", where=where, why=first_line(error))


def _is_no_json(error: BaseException) -> bool:
    """Whether the library could not read an answer: no JSON, JSON that is nested too deeply, or too long a number."""
    if isinstance(error, ValueError):
        return isinstance(error, OSError) or "integer string conversion" in str(error)
    return isinstance(error, RecursionError)


def _answered(error: Any, options: GcsOptions, where: str, wanted: str) -> UploadError:
    code = int(getattr(error, "code", None) or error.response.status_code)
    why = _reason(error)
    bucket = options.bucket
    if code == 404:
        return UploadRefused(
            f"there is no bucket {bucket}",
            where=where,
            why=why,
            hint=f"uploader.bucket=NAME of one that exists, or gcloud storage buckets create gs://{bucket}",
        )
    if code == 403:
        return UploadRefused(
            f"there is no permission {wanted} in bucket {bucket}, or no such bucket",
            where=where,
            why=why,
            hint=f"gcloud storage buckets add-iam-policy-binding gs://{bucket} "
            f"--member=serviceAccount:{_email(options)} --role=roles/storage.objectUser",
        )
    if code == 401:
        return UploadRefused("Google does not accept the credentials", where=where, why=why, hint=_LOGIN)
    if code == 400 and "requester pays" in why.lower():
        return UploadRefused(
            f"bucket {bucket} is a requester-pays bucket",
            where=where,
            why=why,
            hint="uploader.project=PROJECT",
        )
    if code in _LATER or code >= 500:
        what = "too many requests" if code == 429 else "it is out of order"
        return UploadError(
            f"Google Cloud Storage takes no image now: {what}",
            where=where,
            why=f"{code} {why}",
            hint="rerun the same command later",
        )
    return UploadRefused("Google Cloud Storage refused the image", where=where, why=f"{code} {why}")


def _email(options: GcsOptions) -> str:
    """Whose key it is, for a command to copy."""
    try:
        found = json.loads(Path(options.credentials_file).expanduser().read_bytes())
        return str(found["client_email"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return "EMAIL"


def _reason(error: Any) -> str:
    """What the service says in its body; the message of the library has the whole address in it."""
    response: Any = getattr(error, "response", None)
    try:
        said = response.json()["error"]["message"]
    except Exception:
        said = getattr(response, "reason", None) or type(error).__name__
    return _shortened(str(said))


def _unsigned(said: str, where: str) -> UploadError:
    if "exhausted" in said:
        return UploadError("Google does not sign a URL now", where=where, why=_shortened(said))
    # The answer's body stands in the message as Python shows bytes, or a mapping.
    found = re.search(r"""["']message["']:\s*(["'])(.*?)\1""", said.replace("\\'", "'"))
    return UploadRefused(
        "Google does not sign for this service account",
        where=where,
        why=_shortened(found.group(2)) if found else "signBlob was refused",
        hint="give it the role roles/iam.serviceAccountTokenCreator on itself and enable the API "
        "iamcredentials.googleapis.com, or uploader.credentials_file=KEY.json",
    )


def _unreachable(error: BaseException, options: GcsOptions) -> UploadError:
    cause = getattr(error, "reason", None) or (error.args[0] if error.args else error)
    cause = getattr(cause, "reason", None) or cause  # requests wraps urllib3, which wraps the cause
    said = re.sub(r"^<[^>]*>:?\s*|^\w+\(.*?\):\s*", "", str(cause))
    return UploadError(
        "Google Cloud Storage cannot be reached",
        where=address(options) or f"gs://{options.bucket}",
        why=_shortened(said) or type(error).__name__,
        hint="check the network, and HTTPS_PROXY where there is a proxy; then rerun the same command",
    )

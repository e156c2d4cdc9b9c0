"""Who calls Google, and who signs: the client of one run. Blocking: for worker threads."""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from runner.errors import UploadError, UploadRefused
from runner.providers import remember_file

from . import address, bounded
from .faults import first_line

if TYPE_CHECKING:
    from . import GcsOptions

_READ_WRITE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
_CLOUD: Final = "https://www.googleapis.com/auth/cloud-platform"  # what signing by IAM asks for

_CANNOT: Final = {
    "auth.credentials.AnonymousCredentials": "there is no key: an emulator over http is called without",
    "oauth2.credentials.Credentials": "they belong to a user, not to a service account",
}
"""Why credentials of a kind cannot sign."""

_SIGN_HINT: Final = (
    "uploader.credentials_file=KEY.json of a service account, or uploader.access=public with a public bucket"
)


@dataclass(frozen=True, slots=True)
class Account:
    """A client of Cloud Storage, and what signs addresses (`None`: they are public).

    `kept_by_google` says that the signing key is not at hand: Google signs, by a request each.
    """

    client: Any
    signer: Any = None
    kept_by_google: bool = False


def opened(options: GcsOptions) -> Account:
    """Find the credentials and build the client. Raises `UploadRefused`, or `UploadError` if the network fails.

    Looking for application-default credentials asks this machine's metadata server, which takes a few seconds
    where there is none.
    """
    # Since 3.17 the library looks up the bucket in a thread of its own, for traces that are not recorded here.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage  # type: ignore[import-untyped]

    called, found = address(options), _credentials(options)
    signer, kept_by_google = None, False
    if options.access == "signed":
        signer, kept_by_google = _signer(found, options)
    client = storage.Client(
        project=options.project or None,
        # A token is never sent unencrypted, nor to an emulator. The key may still sign.
        credentials=AnonymousCredentials() if _is_unencrypted(options) else found,  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": called} if called else None,
    )
    for scheme in ("https://", "http://"):
        client._http.mount(scheme, bounded.adapter())
    return Account(client, signer, kept_by_google)


def check(options: GcsOptions) -> None:
    """Raise `UploadRefused` for credentials that are not there, or cannot do what is asked. Google is not called.

    Takes a few seconds where there are none: this machine's metadata server is looked for.
    """
    found = _credentials(options)
    if options.access == "signed" and _kind(found) in _CANNOT:
        raise _cannot_sign(_CANNOT[_kind(found)])


def _is_unencrypted(options: GcsOptions) -> bool:
    return urlsplit(address(options)).scheme == "http"


def _credentials(options: GcsOptions) -> Any:
    from google.auth.credentials import AnonymousCredentials

    if options.credentials_file:
        return _from_file(options.credentials_file)
    if _is_unencrypted(options):
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    return _from_surroundings()


def _cannot_sign(why: str) -> UploadRefused:
    what = "these Google credentials cannot sign a URL"
    return UploadRefused(what, where="uploader.access=signed", why=why, hint=_SIGN_HINT)


def _from_file(name: str) -> Any:
    from google.oauth2 import service_account

    path = Path(name).expanduser()
    remember_file(name)
    where = f"uploader.credentials_file={name}"
    hint = "Google Cloud console > IAM > Service accounts > Keys makes a key file (JSON)"
    try:
        known = json.loads(path.read_bytes())
    except OSError as error:
        raise UploadRefused(
            f"the key file {name} of Google Cloud Storage cannot be read",
            where=where,
            why=error.strerror or type(error).__name__,
            hint=f"uploader.credentials_file=FILE that is there; {hint}",
        ) from None
    except (ValueError, RecursionError):
        # What the parser says quotes the file.
        raise UploadRefused(
            "the key file of Google Cloud Storage is not JSON", where=where, hint=hint
        ) from None
    kind = known.get("type") if isinstance(known, dict) else None
    if kind != "service_account":
        says = f"its type is {str(kind)[:40]!r}" if kind else "it has no type"
        raise UploadRefused(
            "the key file of Google Cloud Storage is not that of a service account",
            where=where,
            why=f"{says}, and should be 'service_account'",
            hint="for credentials of another type: GOOGLE_APPLICATION_CREDENTIALS=FILE and no credentials_file",
        )
    try:
        return service_account.Credentials.from_service_account_info(known, scopes=[_READ_WRITE])  # type: ignore[no-untyped-call]
    except Exception as error:
        missing = [key for key in ("client_email", "private_key", "token_uri") if not known.get(key)]
        raise UploadRefused(
            "the key in the key file of Google Cloud Storage cannot be used",
            where=where,
            why=f"there is no {', '.join(missing)} in it" if missing else type(error).__name__,
            hint=hint,
        ) from None


def _from_surroundings() -> Any:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    if named := os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        remember_file(named)
    try:
        return google.auth.default(scopes=[_CLOUD])[0]
    except DefaultCredentialsError as error:
        raise UploadRefused(
            "there are no credentials for Google Cloud Storage",
            where=f"GOOGLE_APPLICATION_CREDENTIALS={named}" if named else "",
            why=first_line(error),
            hint="uploader.credentials_file=KEY.json of a service account; or with a public bucket, "
            "uploader.access=public and gcloud auth application-default login",
        ) from None
    except GoogleAuthError as error:
        raise UploadError("Google's credentials cannot be looked up now", why=first_line(error)) from error


def _signer(found: Any, options: GcsOptions) -> tuple[Any, bool]:
    """What signs for these credentials, and whether Google keeps its key."""
    import google.auth.transport.requests
    from google.auth import iam
    from google.auth.credentials import Signing
    from google.oauth2 import service_account

    if isinstance(found, service_account.Credentials):
        return found, False
    if isinstance(found, Signing):
        return found, True
    request = functools.partial(google.auth.transport.requests.Request(), timeout=options.timeout_s / 2)
    email = getattr(found, "service_account_email", None)
    if email == "default":  # a machine of Google's learns its name when it asks for its first token
        found.refresh(request)
        email = found.service_account_email
    if not email:
        raise _cannot_sign(_CANNOT.get(_kind(found), f"no service account belongs to them ({_kind(found)})"))
    by_iam = service_account.Credentials(
        signer=iam.Signer(request, found, email),  # type: ignore[no-untyped-call]
        service_account_email=email,
        token_uri="https://oauth2.googleapis.com/token",  # asked for nothing: it only signs
    )
    return by_iam, True


def _kind(found: Any) -> str:
    """The class of credentials, by which Google tells who they are of."""
    return f"{type(found).__module__}.{type(found).__name__}".removeprefix("google.")

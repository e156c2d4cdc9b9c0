"""KIE's image host: a stream upload under a name that no other image has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from runner.api import HostedImage
from runner.errors import UploadError, UploadRefused
from runner.providers import describe, host_of, reach_of

from . import LATER, answers, key_of

if TYPE_CHECKING:
    import httpx

    from runner.api import Context, EncodedImage

    from . import KieUploadOptions

_REFUSED: Final = (400, 401, 402, 403, 404, 405, 413, 415, 422, 433)
_KEY: Final = "check the key: KIE_API_KEY in the environment, or uploader.api_key_file"
_HINTS: Final = {
    401: _KEY,
    403: _KEY,
    404: "check uploader.upload_url: KIE's is another host than that of its API",
}
_LONGEST_URL: Final = 8_000
_ENDINGS: Final = {"png": "png", "jpeg": "jpg", "webp": "webp"}


class KieUpload:
    """Uploads images with one account's key."""

    def __init__(self, options: KieUploadOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._key = key_of(options, "uploader")

    async def put(self, image: EncodedImage) -> HostedImage:
        """Upload the bytes. Raises `UploadRefused` where a retry would change nothing, else `UploadError`.

        The same name overwrites, and caches may go on serving the old bytes: so the name is the bytes' digest. The host
        takes the media type from the ending, and models fail on a wrong one: so the ending is that of the format.
        """
        import httpx

        key = await self._key.get(UploadRefused)
        name = f"{image.sha256}.{_ENDINGS[image.format]}"
        began = datetime.now(UTC)
        try:
            response = await self._context.http.post(
                f"{self._options.upload_url.rstrip('/')}/api/file-stream-upload",
                files={"file": (name, image.data, image.mime)},
                data={"uploadPath": self._options.folder, "fileName": name},
                headers={"Authorization": f"Bearer {key}"},
                timeout=self._options.timeout_s,
            )
        except httpx.HTTPError as problem:
            why = describe(problem, key)
            raise UploadError("KIE's image host does not answer", why=why, hint=LATER) from problem
        url = _url(response, key)
        # The life that KIE promises is longer on one of its pages; the shorter one costs an upload at the most.
        expires = began + timedelta(hours=self._options.life_h)
        return HostedImage(url=url, reach=reach_of(host_of(url)), expires_at=expires)


def _url(response: httpx.Response, key: str) -> str:
    answer = answers.read(response, key)
    data: Any = answer.data
    if answer.code == 200 and isinstance(data, dict) and data.get("success") is not False:
        # An older page of the documentation calls it fileUrl.
        url = data.get("downloadUrl") or data.get("fileUrl")
        if isinstance(url, str) and url.startswith(("https://", "http://")) and _is_usable(url):
            return url
        raise UploadError("KIE's image host answered without a URL", why=answer.line)
    if answer.code in _REFUSED:
        raise UploadRefused(
            "KIE's image host refused the picture", why=answer.line, hint=_HINTS.get(answer.code, "")
        )
    raise UploadError("KIE's image host failed", why=answer.line, hint=LATER)


def _is_usable(url: str) -> bool:
    return len(url) <= _LONGEST_URL and url.isprintable() and " " not in url

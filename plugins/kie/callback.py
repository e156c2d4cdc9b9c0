"""KIE's callbacks: where they name the task, and how KIE signs them.

KIE signs the id and the time, not the body, and without a key in its settings nothing at all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any, Final

from runner.providers import CallbackReceiver

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from . import Callback

_OLDEST_S: Final = 300.0  # KIE documents no window


def receiver(
    options: Callback, log: logging.Logger, clock: Callable[[], float] = time.time
) -> CallbackReceiver:
    """A receiver for callbacks from KIE. With a key in `options`, an unsigned callback is refused."""

    def signed(headers: Mapping[str, str], task: str) -> bool:
        sent_at = headers.get("X-Webhook-Timestamp", "")
        try:
            age_s = abs(clock() - float(sent_at))
        except ValueError:
            return False
        text = f"{task}.{sent_at}".encode("utf-8", "replace")
        wanted = base64.b64encode(hmac.digest(options.hmac_key.encode(), text, hashlib.sha256))
        signature = headers.get("X-Webhook-Signature", "").encode("utf-8", "replace")
        return hmac.compare_digest(wanted, signature) and age_s <= _OLDEST_S

    return CallbackReceiver(
        public_url=options.public_url,
        bind=options.bind,
        port=options.port,
        task_of=_task,
        log=log,
        verify=signed if options.hmac_key else None,
    )


def _task(found: Any) -> str:
    """The id in any of the shapes that are documented. Raises `ValueError` for something else."""
    if not isinstance(found, dict):
        raise ValueError("no object")
    data = found.get("data")
    inner = data if isinstance(data, dict) else {}
    return str(inner.get("taskId") or inner.get("task_id") or found.get("taskId") or "")

"""An uploader whose images outlive the run: a folder that the test itself serves."""

from __future__ import annotations

import contextlib
import http.server
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLUGIN = """
from dataclasses import dataclass
from pathlib import Path

from runner.api import HostedImage, Reach, UploaderCapabilities, UploaderSpec, hookimpl


@dataclass(frozen=True)
class Options:
    folder: str
    url: str


class WebFolder:
    def __init__(self, options, context):
        self.options = options

    async def put(self, image):
        name = f"{image.sha256}.{image.format}"
        (Path(self.options.folder) / name).write_bytes(image.data)
        return HostedImage(url=f"{self.options.url}/{name}", reach=Reach.LOOPBACK)


@hookimpl
def runner_register():
    able = UploaderCapabilities(reach=Reach.LOOPBACK)
    return UploaderSpec(name="web_folder", factory=WebFolder, options=Options, capabilities=able)
"""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[dict[str, Any]]:
    """Serve a folder; the value of `uploader:` that puts images there."""
    folder.mkdir(parents=True, exist_ok=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, directory=str(folder), **kwargs)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield {
                "plugin": "web_folder",
                "folder": str(folder),
                "url": f"http://127.0.0.1:{server.server_port}",
            }
        finally:
            server.shutdown()
            thread.join()

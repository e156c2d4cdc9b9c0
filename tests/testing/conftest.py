"""The fake provider in its own process, with an account of its own for each test."""

from __future__ import annotations

import functools
import textwrap
import threading
import uuid
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from desk import Desk

from runner import plugins
from runner.testing import PLUGINS
from runner.testing.fake_provider.client import running


@pytest.fixture(scope="session")
def provider(tmp_path_factory):
    with running(tmp_path_factory.mktemp("provider") / "books.jsonl") as running_provider:
        yield running_provider


@pytest.fixture(scope="session")
def spec():
    return plugins.load([PLUGINS]).generator("fake")


@pytest.fixture
def desk(provider, spec, tmp_path):
    provider.script()
    with Desk(provider, spec, tmp_path, uuid.uuid4().hex) as desk:
        yield desk


@pytest.fixture
def own_desk(spec, tmp_path):
    """A desk with a provider of its own, which may be killed."""
    with running(tmp_path / "books.jsonl") as own_provider, Desk(own_provider, spec, tmp_path, "own") as desk:
        yield desk


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def host(tmp_path):
    """Puts bytes on a loopback web server; their address."""
    folder = tmp_path / "host"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder)) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()

        def put(data):
            (folder / "picture").write_bytes(data)
            return f"http://127.0.0.1:{server.server_address[1]}/picture"

        yield put
        server.shutdown()
        serving.join()


@pytest.fixture
def examined(workplace):
    """Write a plugin named `mine` from its source, and examine it."""

    def examine(source, *words):
        workplace.write("plugins/mine.py", textwrap.dedent(source))
        return workplace.run("conformance", "mine", "--json", *words)

    return examine

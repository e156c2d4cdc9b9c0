"""The conformance suite passes plugins that keep their contract, and blames the others for the right thing."""

from __future__ import annotations

import textwrap

import pytest

from runner.testing import PLUGINS
from runner.testing.fake_provider.client import running

BUNDLED = ("pyav", "ffmpeg", "scikit_video", "local_http", "synthetic")


def verdicts(answer):
    """{check: verdict} of the one plugin that was examined."""
    (checks,) = answer.json["plugins"].values()
    return {one["check"]: one["verdict"] for one in checks}


def failed(answer):
    """{check: why} of what failed, in one plugin."""
    (checks,) = answer.json["plugins"].values()
    return {one["check"]: one["why"] for one in checks if one["verdict"] == "failed"}


@pytest.fixture
def examined(workplace):
    """Write a plugin named `mine` from its source, and examine it."""

    def examine(source, *words):
        workplace.write("plugins/mine.py", textwrap.dedent(source))
        return workplace.run("conformance", "mine", "--json", *words)

    return examine


EXTRACTOR = """
from runner.api import ExtractorSpec, Frame, hookimpl
from runner.errors import MediaError

class Mine:
    def __init__(self, options, context):
        pass
    def extract(self, clip, policy):
        import av
        from runner.media.colour import to_rgb
        from runner.media.frames import last_frame
        {body}

@hookimpl
def runner_register():
    return ExtractorSpec(name="mine", factory=Mine)
"""

GENERATOR = """
import dataclasses
from decimal import Decimal
from runner.api import GeneratorCapabilities, GeneratorSpec, Idempotency, Price, Reach, State, TaskRef, hookimpl
from runner.errors import SubmitRefused
from runner.plugins.synthetic import SyntheticOptions

class Mine:
    def __init__(self, options, context):
        from runner.plugins.synthetic.generator import Synthetic
        self.inner = Synthetic(SyntheticOptions(), context)
    async def __aenter__(self):
        await self.inner.__aenter__()
        return self
    async def __aexit__(self, *error):
        await self.inner.__aexit__(*error)
    async def submit(self, request, token):
        return await self.inner.submit(request, token)
    async def poll(self, ref):
        return await self.inner.poll(ref)
    async def fetch(self, status, sink):
        await self.inner.fetch(status, sink)
    {body}

@hookimpl
def runner_register():
    able = GeneratorCapabilities(
        image=True, image_reach=Reach.LOOPBACK, price=lambda request: Price(usd=Decimal("{usd}")), {able}
    )
    return GeneratorSpec(name="mine", factory=Mine, capabilities=able)
"""

UPLOADER = """
import dataclasses
from runner.api import Hosted, Reach, UploaderCapabilities, UploaderSpec, hookimpl
from runner.plugins.local_http import LocalHttpOptions

class Mine:
    def __init__(self, options, context):
        from runner.plugins.local_http.server import LocalHttp
        self.inner = LocalHttp(LocalHttpOptions(), context)
        self.first, self.servers = None, []
    async def __aenter__(self):
        await self.inner.__aenter__()
        return self
    async def __aexit__(self, *error):
        for server in self.servers:
            server.close()
        await self.inner.__aexit__(*error)
    async def put(self, picture):
        {body}

@hookimpl
def runner_register():
    return UploaderSpec(name="mine", factory=Mine, capabilities=UploaderCapabilities(reach=Reach.LOOPBACK))
"""


def filled(template, body, *, usd="0", able=""):
    depth = 8 if template is not GENERATOR else 4
    lines = textwrap.indent(textwrap.dedent(body).strip(), " " * depth).strip()
    return (
        template.format(body=lines, usd=usd, able=able)
        if "{usd}" in template
        else template.format(body=lines)
    )


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_plugin_passes(workplace, name):
    answer = workplace.run("conformance", name)

    assert answer.code == 0, answer.out
    assert "FAILED" not in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_the_fake_generator_passes_all_checks_for_its_price(workplace):
    with running(workplace.path / "books.jsonl") as fake:
        fake.script(
            shots={"conformance/impossible": {"submit": ["refuse_validation*"]}},
            supports_idempotency_key=True,
            supports_lookup=True,
        )
        words = ["conformance", "fake", "--json", f"plugins.dirs=[{PLUGINS}]"]
        words += [f"generator.base_url={fake.base_url}", "generator.price_usd=0.5"]
        words += ["generator.idempotency=true", "generator.finds=true"]

        answer = workplace.run(*words, "--spend")

        assert answer.code == 0, answer.out
        assert set(verdicts(answer).values()) == {"ok"}
        assert fake.books().accepted <= 3


def test_a_provider_that_bills_a_token_twice_fails(workplace):
    with running(workplace.path / "books.jsonl") as fake:
        fake.script(shots={"conformance/impossible": {"submit": ["refuse_validation*"]}})
        words = [f"plugins.dirs=[{PLUGINS}]", f"generator.base_url={fake.base_url}"]

        answer = workplace.run(
            "conformance", "fake", "--json", *words, "generator.idempotency=true", "--spend"
        )

    assert answer.code == 1
    assert set(failed(answer)) == {"takes one token for one task"}


@pytest.mark.parametrize("price", ["generator.price_usd=0.5", "generator.price_usd=null"])
def test_nothing_is_asked_of_a_generator_that_may_cost_money(workplace, price):
    with running(workplace.path / "books.jsonl") as fake:
        words = [f"plugins.dirs=[{PLUGINS}]", f"generator.base_url={fake.base_url}", price]

        answer = workplace.run("conformance", "fake", *words)

        assert answer.code == 2
        assert "--spend" in answer.err
        assert fake.books().submissions == 0


# --- extractors -----------------------------------------------------------------------------------------------------


def test_an_extractor_that_returns_the_frame_before_the_last_one_fails(examined):
    body = """
    whole = last_frame(clip)  # refuses what is broken
    with av.open(str(clip)) as container:
        frames = [to_rgb(frame) for frame in container.decode(video=0)]
    return Frame(rgb=frames[-2:][0], time_s=whole.time_s, method="wrong")
    """
    answer = examined(filled(EXTRACTOR, body))

    assert answer.code == 1
    wrong = failed(answer)
    assert "frame 23 of 24" in wrong["true last frame: an ordinary clip"]
    assert "frame 23 of 24" in wrong["true last frame: B-frames"]
    assert "true last frame: a single frame" not in wrong
    assert not any(check.startswith("refuses") for check in wrong)


def test_an_extractor_that_guesses_the_colour_matrix_fails(examined):
    body = """
    found = last_frame(clip)
    import numpy as np
    luma = found.rgb @ np.array([0.2126, 0.7152, 0.0722])
    grey = np.repeat(luma[:, :, None], 3, axis=2).astype(np.uint8)
    return Frame(rgb=(found.rgb * 0.7 + grey * 0.3).astype(np.uint8), time_s=found.time_s, method="pale")
    """
    answer = examined(filled(EXTRACTOR, body))

    assert "levels off in colour" in failed(answer)["true last frame: an ordinary clip"]


def test_an_extractor_that_ignores_rotation_fails_only_there(examined):
    body = """
    import numpy as np
    found = last_frame(clip)
    turned = found.rgb if found.rgb.shape[0] < found.rgb.shape[1] else np.rot90(found.rgb)
    return Frame(rgb=turned, time_s=found.time_s, method="wrong")
    """
    answer = examined(filled(EXTRACTOR, body))

    assert set(failed(answer)) == {"true last frame: rotated by 90 degrees", "right from 4 threads at once"}


def test_an_extractor_that_reads_what_is_left_of_a_clip_fails(examined):
    body = """
    if clip.stat().st_size == 0:
        raise OSError("empty")
    try:
        return last_frame(clip)
    except MediaError:
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                break
        return Frame(rgb=to_rgb(frame), time_s=0.0, method="wrong")
    """
    answer = examined(filled(EXTRACTOR, body))

    wrong = failed(answer)
    assert wrong["refuses a clip cut off"] == "it returned a frame"
    assert "not a MediaError" in wrong["refuses an empty file"]


def test_an_extractor_may_refuse_but_not_an_ordinary_clip(examined):
    answer = examined(filled(EXTRACTOR, 'raise MediaError("not today")'))

    found = failed(answer)
    assert "ordinary" in found["true last frame: an ordinary clip"]
    assert verdicts(answer)["true last frame: B-frames"] == "ok"


def test_an_extractor_with_a_shared_state_fails_in_threads(examined):
    body = """
    self.seen = getattr(self, "seen", 0) + 1
    if self.seen > 11 and self.seen % 2:
        raise RuntimeError("two at once")
    return last_frame(clip)
    """
    answer = examined(filled(EXTRACTOR, body))

    assert set(failed(answer)) == {"right from 4 threads at once"}


# --- uploaders ------------------------------------------------------------------------------------------------------


def test_an_uploader_that_serves_other_bytes_fails(examined):
    body = """
    return await self.inner.put(dataclasses.replace(picture, data=picture.data + b"!"))
    """
    answer = examined(filled(UPLOADER, body))

    assert answer.code == 1
    wrong = failed(answer)
    assert "serves the same bytes" in wrong
    assert "hosts a picture" not in wrong


def test_an_uploader_with_one_address_for_all_pictures_fails(examined):
    body = """
    self.first = self.first or await self.inner.put(picture)
    return self.first
    """
    answer = examined(filled(UPLOADER, body))

    assert "1 addresses" in failed(answer)["takes 16 pictures at once"]


def test_an_uploader_that_names_another_type_fails(examined):
    answer = examined(
        filled(UPLOADER, 'return await self.inner.put(dataclasses.replace(picture, format="webp"))')
    )

    assert "image/webp" in failed(answer)["serves the same bytes"]


def test_an_uploader_that_calls_a_local_address_public_is_told_so(examined):
    body = "return dataclasses.replace(await self.inner.put(picture), reach=Reach.PUBLIC)"
    answer = examined(filled(UPLOADER, body))

    assert answer.code == 0, answer.out
    assert verdicts(answer)["its address is as public as it says"] == "skipped"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ('url="ftp://127.0.0.1/a.png"', "ftp:"),
        ("expires_at=datetime(2099, 1, 1)", "no time zone"),
        ("expires_at=datetime(2020, 1, 1, tzinfo=UTC)", "passed already"),
    ],
)
def test_an_uploader_whose_answer_cannot_be_used_fails(examined, change, why):
    body = f"""
    from datetime import UTC, datetime
    return dataclasses.replace(await self.inner.put(picture), {change})
    """
    assert why in failed(examined(filled(UPLOADER, body)))["hosts a picture"]


FRONT = """
    async def front(self, url, picture):
        import asyncio
        async def answer(reader, writer):
            asked = await reader.readuntil(b"\\r\\n\\r\\n")
            status, body = ("501 No", b"") if asked.startswith(b"HEAD") else ("200 OK", picture.data)
            head = f"HTTP/1.1 {status}\\r\\nContent-Type: {picture.mime}\\r\\nContent-Length: {len(body)}"
            writer.write(f"{head}\\r\\nConnection: close\\r\\n\\r\\n".encode() + body)
            await writer.drain()
            writer.close()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self.servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/{picture.sha256}"

    async def put("""


def test_an_uploader_without_head_fails_only_there(examined):
    body = """
    hosted = await self.inner.put(picture)
    return dataclasses.replace(hosted, url=await self.front(hosted.url, picture))
    """
    answer = examined(filled(UPLOADER, body).replace("\n    async def put(", FRONT))

    assert failed(answer) == {"answers HEAD": "HEAD answers 501"}


# --- generators -----------------------------------------------------------------------------------------------------


def test_a_generator_around_a_good_one_passes(examined):
    answer = examined(filled(GENERATOR, "pass"))

    assert answer.code == 0, answer.out


@pytest.mark.parametrize(
    ("option", "check"),
    [
        ("ignore_image=true", "starts from the picture it is given"),
        ("reframe=1.5", "starts from the picture it is given"),
        ("deliver=wrong_size", "announces the true size"),
        ("deliver=truncated", "the clip is what was asked for"),
        ("fail=running", "makes a clip from text"),
        ("fail=after", "delivers the clip"),
        ("fail=submit", "takes a request"),
    ],
)
def test_a_generator_that_misbehaves_fails_the_check_of_it(workplace, option, check):
    answer = workplace.run("conformance", "synthetic", "--json", f"generator.{option}")

    assert answer.code == 1
    assert check in failed(answer)


@pytest.mark.parametrize(
    ("body", "check", "why"),
    [
        (
            """
            async def submit(self, request, token):
                if request.duration_s < 0:
                    raise KeyError("duration")
                return await self.inner.submit(request, token)
            """,
            "refuses an impossible request",
            "KeyError",
        ),
        (
            """
            async def submit(self, request, token):
                request = dataclasses.replace(request, duration_s=2.0, aspect_ratio="9:16", resolution="180p", fps=8)
                return await self.inner.submit(request, token)
            """,
            "the clip is what was asked for",
            "1 s were asked for",
        ),
        (
            """
            async def poll(self, ref):
                status = await self.inner.poll(ref)
                if status.state is State.SUCCEEDED:
                    self.ended = getattr(self, "ended", 0) + 1
                    if self.ended > 1:
                        return dataclasses.replace(status, state=State.FAILED, reason="gone")
                return status
            """,
            "can be polled after the end",
            "failed",
        ),
        (
            """
            async def fetch(self, status, sink):
                self.fetches = getattr(self, "fetches", 0) + 1
                await self.inner.fetch(status, sink)
                await sink.write(bytes(self.fetches))
            """,
            "delivers the same bytes again",
            "differ",
        ),
        (
            """
            async def submit(self, request, token):
                try:
                    return await self.inner.submit(request, token)
                finally:
                    import asyncio
                    try:
                        await asyncio.sleep(0)
                        await asyncio.sleep(0)
                    except asyncio.CancelledError:
                        raise RuntimeError("interrupted") from None
            """,
            "survives a cancelled submission",
            "interrupted",
        ),
    ],
    ids=["bare_exception", "other_clip", "forgets", "changes", "cancelled"],
)
def test_a_generator_that_breaks_its_contract_fails_the_check_of_it(examined, body, check, why):
    answer = examined(filled(GENERATOR, body))

    assert answer.code == 1
    assert why in failed(answer)[check]


def test_a_generator_that_promises_what_it_has_not_fails(examined):
    answer = examined(
        filled(
            GENERATOR,
            """
            async def submit(self, request, token):
                return await self.inner.submit(request, token + str(id(object())) + str(len(self.inner._tasks)))
            """,
            able="finds=True, idempotency=Idempotency.KEY",
        )
    )

    assert set(failed(answer)) == {"finds a task by its token", "takes one token for one task"}


def test_a_price_that_is_a_bare_number_fails(examined):
    source = filled(GENERATOR, "pass").replace('Price(usd=Decimal("0"))', "0.0")

    assert examined(source).code == 2
    assert (
        "neither a Price nor None"
        in failed(examined(source, "--spend"))["knows its price, or says that nobody does"]
    )


# --- all ------------------------------------------------------------------------------------------------------------


def test_a_plugin_that_imports_a_heavy_library_is_told_which(examined):
    answer = examined("import numpy\n" + filled(EXTRACTOR, "return last_frame(clip)"))

    assert "numpy" in failed(answer)["loads no heavy library"]


def test_a_plugin_that_cannot_be_built_fails_there_and_is_asked_nothing_more(examined):
    source = filled(EXTRACTOR, "return last_frame(clip)").replace(
        "        pass", '        raise OSError("no disk")'
    )
    answer = examined(source)

    assert "no disk" in failed(answer)["is built, entered and left, twice"]
    assert "true last frame: an ordinary clip" not in verdicts(answer)


def test_options_that_can_change_fail(examined):
    source = filled(EXTRACTOR, "return last_frame(clip)")
    source = source.replace(
        "class Mine:",
        "import dataclasses\n@dataclasses.dataclass\nclass Keys:\n    x: int = 1\n\nclass Mine:",
    )
    answer = examined(source.replace("factory=Mine", "factory=Mine, options=Keys"))

    assert "not frozen" in failed(answer)["options are a frozen dataclass"]


def test_a_name_of_two_kinds_is_examined_as_both(workplace):
    one = filled(EXTRACTOR, "return last_frame(clip)")
    workplace.write("plugins/mine.py", one)
    workplace.write("plugins/other.py", filled(UPLOADER, "return await self.inner.put(picture)"))

    answer = workplace.run("conformance", "mine", "--json")

    assert answer.code == 0, answer.out
    assert set(answer.json["plugins"]) == {"extractor mine", "uploader mine"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "the name of one plugin"),
        (("pyavv",), "pyav"),
        (("pyav", "--spent"), "--spent"),
        (("pyav", "shot.seed=1"), "shot.seed"),
        (("local_http", "uploader.prot=1"), "port"),
        (("local_http", "uploader.port=high"), "uploader.port"),
        (("local_http", "generator.x=1"), "generator"),
        (("synthetic", "uploader=nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_used_is_named(workplace, words, told):
    answer = workplace.run("conformance", *words)

    assert answer.code == 2
    assert told in answer.err


def test_a_generator_that_needs_a_public_address_is_not_given_a_local_one(examined):
    source = filled(GENERATOR, "pass").replace("image_reach=Reach.LOOPBACK", "image_reach=Reach.PUBLIC")
    answer = examined(source)

    assert answer.code == 0, answer.out
    assert verdicts(answer)["starts from the picture it is given"] == "skipped"


def test_the_host_of_the_pictures_can_be_chosen(workplace, examined):
    host = filled(UPLOADER, "return dataclasses.replace(await self.inner.put(picture), reach=Reach.NETWORK)")
    host = host.replace('name="mine"', 'name="lan"').replace(
        "(reach=Reach.LOOPBACK)", "(reach=Reach.NETWORK)"
    )
    workplace.write("plugins/lan.py", host)
    source = filled(GENERATOR, "pass").replace("image_reach=Reach.LOOPBACK", "image_reach=Reach.NETWORK")

    assert verdicts(examined(source))["starts from the picture it is given"] == "skipped"
    assert verdicts(examined(source, "uploader=lan"))["starts from the picture it is given"] == "ok"


def test_quiet_says_only_what_failed(workplace):
    answer = workplace.run("conformance", "synthetic", "--quiet", "generator.deliver=wrong_size")

    assert answer.code == 1
    assert "announces the true size" in answer.out
    assert "is described" not in answer.out

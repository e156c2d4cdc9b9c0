"""Synthetic as a provider: queue, progress, success and failure, delivery, and leaving."""

from __future__ import annotations

import asyncio
import io
import logging
import threading

import av
import httpx
import pytest
from runner.plugins.synthetic import SyntheticOptions, transfer

from runner.api import Context, Generator, HostedImage, Reach, Result, State, Status, TaskRef
from runner.errors import FetchFailed, MediaError, SubmitRefused
from runner.net.download import Downloads
from runner.plugins import synthetic
from tests.raw_server import raw_server


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("synthetic")]


def test_the_factory_builds_the_generator(studio, tmp_path):
    async def build():
        async with httpx.AsyncClient() as http:
            context = Context(
                work_dir=tmp_path,
                http=http,
                download=Downloads(http, http),
                log=logging.getLogger("synthetic"),
            )
            generator: Generator = synthetic.runner_register().factory(SyntheticOptions(), context)
            return await studio.finished(generator, await generator.submit(studio.request(), "token"))

    assert asyncio.run(build()).state is State.SUCCEEDED


def test_a_task_is_queued_then_runs_with_rising_progress_then_succeeds(studio):
    clock = studio.clock()

    async def play(generator):
        ref = await generator.submit(studio.request(), "token")
        statuses = [await generator.poll(ref)]
        clock.now += 5
        status = await studio.until(generator, ref, lambda status: status.progress >= 0.25)
        for step in (2, 4, 3):
            statuses.append(status)
            clock.now += step
            status = await generator.poll(ref)
        return [*statuses, await studio.finished(generator, ref)]

    seen = studio.run(play, clock=clock, queue_s=4, latency_s=4)
    assert [status.state for status in seen[:2]] == [State.QUEUED, State.RUNNING]
    assert seen[-1].state is State.SUCCEEDED
    progress = [status.progress for status in seen]
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert progress[-1] == 1
    assert all(status.results == () for status in seen[:-1])
    assert len(seen[-1].results) == 1


def test_a_drawn_clip_is_not_ready_before_its_latency_is_over(studio):
    clock = studio.clock()

    async def play(generator):
        ref = await generator.submit(studio.request(params={"latency_s": 60}), "token")
        clock.now += 59
        longer = await generator.submit(studio.request(duration_s=10), "drawn after the first one")
        await studio.finished(generator, longer)
        before = await generator.poll(ref)
        clock.now += 1
        return before, await studio.finished(generator, ref)

    before, after = studio.run(play, clock=clock)
    assert before.state is State.RUNNING
    assert after.state is State.SUCCEEDED


def test_a_finished_task_may_be_polled_and_fetched_again(studio):
    async def play(generator):
        ref = await generator.submit(studio.request(), "token")
        status = await studio.finished(generator, ref)
        sinks = [studio.sink(), studio.sink()]
        for sink in sinks:
            await generator.fetch(await generator.poll(ref), sink)
        return status, await generator.poll(ref), sinks

    first, second, sinks = studio.run(play)
    assert first == second
    assert sinks[0].data == sinks[1].data
    assert sinks[0].size == len(sinks[0].data)


def test_the_same_shot_submitted_twice_is_two_tasks(studio):
    async def play(generator):
        return [await generator.submit(studio.request(), token) for token in ("one", "two")]

    one, two = studio.run(play)
    assert one != two


def test_an_unknown_task_is_failed_and_says_why(studio):
    async def play(generator):
        return await generator.poll(TaskRef("never"))

    status = studio.run(play)
    assert status.state is State.FAILED
    assert "not known here" in status.reason


@pytest.mark.parametrize("url", ["synthetic:never", "https://example.invalid/x.mp4", None])
def test_what_was_not_drawn_cannot_be_fetched(studio, url):
    async def play(generator):
        results = (Result(url),) if url else ()
        await generator.fetch(Status(state=State.SUCCEEDED, results=results), studio.sink())

    with pytest.raises(FetchFailed, match="no such clip"):
        studio.run(play)


def test_it_refuses_at_submit_when_asked_to(studio):
    async def play(generator):
        await generator.submit(studio.request(), "token")

    with pytest.raises(SubmitRefused, match="fail=submit"):
        studio.run(play, fail="submit")


def test_it_gives_up_while_running_when_asked_to(studio):
    clock = studio.clock()

    async def play(generator):
        ref = await generator.submit(studio.request(), "token")
        clock.now += 5
        running = await generator.poll(ref)
        clock.now += 5
        return running, await generator.poll(ref)

    running, failed = studio.run(play, clock=clock, fail="running", latency_s=10)
    assert running.state is State.RUNNING
    assert failed.state is State.FAILED
    assert "fail=running" in failed.reason


def test_every_fetch_fails_after_success_when_asked_to(studio):
    async def play(generator):
        status = await studio.finished(generator, await generator.submit(studio.request(), "token"))
        assert status.state is State.SUCCEEDED
        for _ in range(2):
            with pytest.raises(FetchFailed, match="fail=after"):
                await generator.fetch(status, studio.sink())

    studio.run(play, fail="after")


def test_a_shot_can_misbehave_alone(studio):
    request = studio.request(params={"fail": "running"})
    assert studio.end(request).state is State.FAILED
    assert studio.end(studio.request(), fail="none").state is State.SUCCEEDED


def deliver(studio, how):
    async def play(generator):
        status = await studio.finished(generator, await generator.submit(studio.request(), "token"))
        sink = studio.sink()
        await generator.fetch(status, sink)
        return sink

    return studio.run(play, deliver=how)


def decodable(clip):
    try:
        yield from clip.decode(video=0)
    except av.InvalidDataError:
        return


def test_a_truncated_file_comes_under_its_own_size_and_does_not_decode_to_its_end(studio):
    whole, cut = deliver(studio, "whole"), deliver(studio, "truncated")
    assert cut.size == len(cut.data) < len(whole.data)
    assert whole.data.startswith(cut.data)
    with av.open(io.BytesIO(cut.data)) as clip:
        assert clip.streams.video[0].frames == 12, "its index still promises all of them"
        assert len(list(decodable(clip))) < 12


def test_a_page_is_delivered_in_place_of_a_clip(studio):
    page = deliver(studio, "html")
    assert page.data.startswith(b"<!DOCTYPE html>")
    assert page.size == len(page.data)


def test_an_empty_file_is_delivered(studio):
    empty = deliver(studio, "empty")
    assert (empty.size, empty.data) == (0, b"")


def test_a_whole_clip_is_delivered_under_a_wrong_size(studio):
    whole, wrong = deliver(studio, "whole"), deliver(studio, "wrong_size")
    assert wrong.data == whole.data
    assert wrong.size > len(wrong.data)


def test_leaving_stops_what_runs_and_leaves_no_thread_and_no_file(studio):
    async def play(generator):
        ref = await generator.submit(studio.request(duration_s=600, resolution="720p"), "token")
        await studio.until(generator, ref, lambda status: status.progress > 0)
        assert threads()

    studio.run(play)
    assert threads() == []
    assert list(studio.folder.iterdir()) == []


def test_leaving_stops_what_has_not_begun(studio):
    async def play(generator):
        for number in range(8):
            await generator.submit(studio.request(duration_s=600), f"token {number}")

    studio.run(play)
    assert threads() == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ((404, "image/png", b""), "HTTP 404"),
        ((500, "text/plain", b"oops"), "HTTP 500"),
        ((200, "text/html", b"<html>Sign in</html>"), "served as text/html"),
        ((200, "", b"x"), "served as nothing in particular"),
        ((200, "image/png", b"<html>Sign in</html>"), "it is an HTML page"),
        ((200, "image/png", b""), "it is empty"),
        ((200, "image/png", b"\x89PNG\r\n\x1a\n cut"), "truncated or damaged"),
    ],
)
def test_a_first_frame_that_cannot_be_had_fails_the_task_and_says_why(studio, host, page, words):
    status = studio.end(studio.request(image=host.page("/first", *page)))
    assert status.state is State.FAILED
    assert words in status.reason


def test_a_first_frame_that_is_too_large_fails_the_task(studio, host):
    status = studio.end(studio.request(image=host.page("/first", 200, "image/png", bytes(50_000_001))))
    assert status.state is State.FAILED
    assert "larger than 50 MB" in status.reason


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/first.png", "nonsense", "ftp://127.0.0.1/x.png", "http://[::1"]
)
def test_an_address_that_cannot_be_reached_fails_the_task(studio, url):
    status = studio.end(studio.request(image=HostedImage(url=url, reach=Reach.LOOPBACK)))
    assert status.state is State.FAILED
    assert "the first frame could not be fetched" in status.reason


def test_the_secret_of_a_signed_address_is_not_told(studio, host):
    hosted = host.page("/first", 403, "text/plain", b"")
    status = studio.end(
        studio.request(image=HostedImage(url=hosted.url + "?signature=geheim", reach=Reach.LOOPBACK))
    )
    assert host.asked == ["/first?signature=geheim"]
    assert "/first" in status.reason
    assert "geheim" not in status.reason


def test_a_first_frame_that_drips_is_given_up():
    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(1_000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def play():
        async with raw_server(drip) as address, httpx.AsyncClient(timeout=10) as http, asyncio.timeout(30):
            with pytest.raises(MediaError, match="first frame could not be fetched") as caught:
                await transfer.download(http, f"{address}/x.png", limit_s=0.5)
        return caught.value

    assert asyncio.run(play()).why == "it took longer than 0.5 s"

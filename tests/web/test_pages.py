"""Pages without JavaScript, forms and files, over loopback."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.site import Server, film, free_film, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.site import Site

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose root has one run with hostile texts."""
    with opened(tmp_path_factory.mktemp("pages") / "site") as site:
        site.project("known", free_film("known"))
        started = site.serve()
        content = free_film("shown", project={"name": "shown", "description": HOSTILE})
        content["sequences"]["main"]["shots"]["one"]["prompt"] = HOSTILE
        started.ended(started.post(content).json()["id"])
        yield started


@pytest.fixture
def job(server: Server) -> Any:
    """The one that is there, with its run."""
    found = next(one for one in server.client.get("/api/jobs").json() if one["project"] == "shown")
    return server.job(found["id"])


def form(server: Server, path: str, **fields: str) -> Any:
    return server.client.post(path, data=fields, follow_redirects=True)


def test_the_first_page_has_projects_jobs_and_runs(server: Server, job: Any) -> None:
    page = server.client.get("/").text

    assert 'value="known"' in page
    assert f'href="/jobs/{job["id"]}"' in page
    assert f'href="/runs/{job["folder"]}"' in page


def test_what_somebody_wrote_is_text_on_every_page(server: Server, job: Any) -> None:
    for path in ("/", f"/runs/{job['folder']}", f"/jobs/{job['id']}", f"/reports/{job['folder']}"):
        answer = server.client.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in server.client.get(f"/runs/{job['folder']}").text
    assert "<script>alert" not in server.client.get("/runs/<script>alert(1)</script>").text


def test_the_report_loads_its_media_from_here_and_runs_no_other_script(server: Server, job: Any) -> None:
    answer = server.client.get(f"/reports/{job['folder']}")
    found = re.findall(r'src="(/files/[^"]+)"', answer.text)

    assert found
    assert all(server.client.get(path).status_code == 200 for path in found)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy


def test_parts_of_a_clip_are_served(server: Server, job: Any) -> None:
    clip = job["shots"][0]["clip"]
    whole = server.client.get(clip)
    part = server.client.get(clip, headers={"range": "bytes=4-7"})
    same = server.client.get(clip, headers={"range": "bytes=4-7", "if-range": whole.headers["etag"]})
    other = server.client.get(clip, headers={"range": "bytes=4-7", "if-range": '"another"'})
    beyond = server.client.get(clip, headers={"range": f"bytes={len(whole.content)}-"})

    assert whole.headers["content-type"] == "video/mp4"
    assert (part.status_code, part.content) == (206, whole.content[4:8])
    assert (same.status_code, same.content) == (206, b"ftyp")
    assert (other.status_code, other.content) == (200, whole.content)
    assert beyond.status_code == 416
    assert "sandbox" in whole.headers["content-security-policy"]


def test_a_plan_shows_its_price_and_its_button_starts_it(server: Server) -> None:
    plan = server.client.get("/plan", params={"project": "known", "overrides": "shot.take=3\n\n"}).text
    request = re.search(r'name="request" value="([^"]*)"', plan)
    assert request is not None

    page = form(server, "/jobs", request=request[1].replace("&#34;", '"'))

    assert "This is free." in plan
    assert "<code>shot.take=3</code>" in plan
    assert page.url.path.startswith("/jobs/")
    assert server.ended(page.url.path.rpartition("/")[2])["state"] == "finished"


def test_another_take_of_a_shot_is_planned_before_it_is_bought(server: Server, job: Any) -> None:
    page = server.client.get(f"/runs/{job['folder']}/take", params={"shot": "main/two", "take": "2"}).text
    none = server.client.get(f"/runs/{job['folder']}/take", params={"shot": "main/none", "take": "2"})

    rows = re.findall(r"<td>main/(\w+)</td><td class=\"number\">(\d)</td>.*?<td>([\w ]+)</td><td class", page)
    assert rows == [("one", "1", "paid already"), ("two", "2", "to do")]
    assert none.status_code == 404


def test_choices_are_kept_in_the_root_and_exported(server: Server, job: Any) -> None:
    chosen = {"folder": job["folder"], "shot": "main/one"}
    accepted = form(server, "/choices", **chosen, choice="accept")
    form(server, "/choices", **chosen, choice="star")
    starred = server.client.get("/api/choices.csv").text
    form(server, "/choices", **chosen, choice="unstar")
    rejected = server.client.post("/api/choices", json={**chosen, "choice": "reject"})
    table = server.client.get("/api/choices.csv").text

    assert re.search(r'value="accept" class="chosen"', accepted.text)
    assert re.search(r"^accepted,main/one,[0-9a-f]{64},", starred, re.M)
    assert re.search(r"^starred,main/one,[0-9a-f]{64},", starred, re.M)
    assert rejected.status_code == 200
    assert re.search(r"^rejected,main/one,[0-9a-f]{64},", table, re.M)
    assert "starred" not in table


def test_a_choice_about_a_clip_that_is_not_there_any_more_is_refused(server: Server, job: Any) -> None:
    choice = {"folder": job["folder"], "shot": "main/one", "choice": "reject"}

    assert server.client.post("/api/choices", json={**choice, "sha256": "0" * 64}).status_code == 409
    assert server.client.post("/api/choices", json={**choice, "shot": "main/none"}).status_code == 404
    assert server.client.post("/api/choices", json={**choice, "folder": "../x"}).status_code == 404
    assert server.client.post("/api/choices", json={**choice, "choice": "buy"}).status_code == 422


def test_an_error_is_a_page_for_people_and_a_problem_for_programs(server: Server) -> None:
    page = server.client.get("/plan", params={"project": "nothing"})
    problem = server.client.get("/api/plan", params={"project": "nothing"})

    assert (page.status_code, problem.status_code) == (422, 422)
    assert "there is no such project" in page.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["problems"][0]["key"] == "project"


def test_a_sweep_of_another_process_has_its_page(site: Site) -> None:
    site.project("known", free_film("known"))
    server = site.serve()
    assert site.run("-q", "-m", "+project=known", "shot.seed=1,2").returncode == 0

    found = re.search(r'href="(/sweeps/[^"]+)"', server.client.get("/").text)
    assert found is not None
    page = server.client.get(found[1]).text
    report = server.client.get(found[1].replace("/sweeps/", "/reports/", 1))

    assert len(re.findall(r'<tr><td><span class="state finished">', page)) == 2
    assert "shot.seed=1" in page
    assert report.status_code == 200
    assert "shot.seed" in report.text or "seed" in report.text


def test_there_is_one_server_of_a_root(site: Site) -> None:
    site.serve()

    second = site.run("serve", "--port", "0")

    assert second.returncode == 2
    assert "another server serves this outputs root" in second.stderr


def test_a_server_for_others_asks_for_its_token(site: Site) -> None:
    (site.path / "token.txt").write_text("a-token-of-more-than-twenty-characters\n")
    server = site.serve("--host", "0.0.0.0", "--token-file", "token.txt")
    bearer = {"authorization": "Bearer a-token-of-more-than-twenty-characters"}
    url = server.url.replace("0.0.0.0", "127.0.0.1")

    assert server.client.get(f"{url}/api/jobs").status_code == 401
    assert server.client.get(f"{url}/api/jobs", headers=bearer).json() == []
    assert "a-token" not in "".join(server.lines)


def test_a_token_that_is_made_is_shown_once(site: Site) -> None:
    server = site.serve("--host", "0.0.0.0")
    token = re.search(r"token, which is not shown again: (\S{40,})", server.line("token"))
    url = server.url.replace("0.0.0.0", "127.0.0.1")

    assert token is not None
    assert server.client.get(f"{url}/api/jobs", params={"token": token[1]}).status_code == 200


def test_the_film_of_a_paid_request_needs_a_price(paid_site: Site) -> None:
    page = (
        paid_site.serve()
        .client.get("/api/plan", params={"project": paid_site.project("paid", film())})
        .json()
    )

    assert page["to_spend_usd"] > 0
    assert {shot["standing"] for shot in page["shots"]} == {"to do"}

"""A film over HTTP, paid for at the emulated KIE: once, whatever becomes of the server."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.web.site import PRICE_USD, film, free_film, until

if TYPE_CHECKING:
    from tests.web.site import Site


def test_a_film_is_made_and_costs_what_its_plan_says(paid_site: Site) -> None:
    server = paid_site.serve()

    plan = server.post(film(), "/api/plan").json()
    answer = server.post(film())
    job = server.ended(answer.json()["id"])

    assert answer.status_code == 202
    assert plan["to_spend_usd"] == pytest.approx(2 * PRICE_USD)
    assert plan["budget_usd"] == 5
    assert job["state"] == "finished", job
    assert job["cost_usd"] == pytest.approx(2 * PRICE_USD)
    assert [(shot["name"], shot["state"]) for shot in job["shots"]] == [
        ("main/shot1", "done"),
        ("main/shot2", "done"),
    ]
    assert server.client.get(job["films"][0]).content[4:8] == b"ftyp"
    assert paid_site.bought() == 2


def test_the_same_request_is_the_same_job_and_is_not_run_again(paid_site: Site) -> None:
    server = paid_site.serve()

    first = server.post(film())
    again = server.post(film())
    job = server.ended(first.json()["id"])
    at_last = server.post(film())

    assert first.json()["id"] == again.json()["id"] == at_last.json()["id"] == job["id"]
    assert at_last.status_code == 200
    assert at_last.json()["ended"] == job["ended"]
    (listed,) = server.client.get("/api/jobs").json()
    assert listed["folder"] == job["folder"] != ""
    assert paid_site.bought() == 2


def test_yaml_and_the_name_of_a_project_are_the_same_request(paid_site: Site) -> None:
    paid_site.project("named", film())
    server = paid_site.serve()
    as_yaml = {"content-type": "application/yaml"}

    by_yaml = server.client.post("/api/create_videos", content=yaml.safe_dump(film()), headers=as_yaml)
    by_name = server.post({"project": "named"})
    other = server.post({"project": "named", "overrides": ["shot.take=2"]}, "/api/plan")

    assert by_yaml.json()["id"] == by_name.json()["id"] == server.post(film()).json()["id"]
    assert other.json()["id"] != by_name.json()["id"]


@pytest.mark.parametrize(
    "fault", ["after_intent", "after_submit", "after_task_id", "after_store", "before_manifest"]
)
def test_a_server_that_is_killed_goes_on_with_the_job_and_pays_nothing_twice(
    paid_site: Site, fault: str
) -> None:
    server = paid_site.serve(RUNNER_FAULT=fault)
    id = server.post(film(fault, shots=1)).json()["id"]
    assert server.gone() != 0

    job = paid_site.serve().ended(id)

    # Where it died between sending and writing down the answer nobody knows: the user decides, and nothing is sent.
    expected = "waiting" if fault in ("after_intent", "after_submit") else "finished"
    assert job["state"] == expected, job
    assert paid_site.bought(fault) == (0 if fault == "after_intent" else 1)


def test_kill_9_in_the_middle_of_several_jobs(paid_site: Site) -> None:
    assert paid_site.emulator is not None
    paid_site.emulator.script(rules=[{"seconds": 2}])
    server = paid_site.serve("--at-once", "2")
    ids = [server.post(film(f"film{number}")).json()["id"] for number in range(4)]
    until(lambda: paid_site.bought() >= 2)
    server.kill()

    server = paid_site.serve()
    jobs = [server.ended(id) for id in ids]

    # A request that was out when the process died may be unknown: it waits, and is not sent again.
    assert {job["state"] for job in jobs} <= {"finished", "waiting"}
    assert sum(job["state"] == "finished" for job in jobs) >= 2
    for number in range(4):
        for shot in (1, 2):
            assert paid_site.bought(f"film{number} number {shot}") <= 1


def test_ctrl_c_leaves_jobs_to_the_next_server(paid_site: Site) -> None:
    assert paid_site.emulator is not None
    paid_site.emulator.script(rules=[{"seconds": 3}])
    server = paid_site.serve()
    id = server.post(film(shots=1)).json()["id"]
    until(lambda: paid_site.bought() == 1)

    code = server.stop()
    job = paid_site.serve().ended(id)

    assert code == 0
    assert job["state"] == "finished", job
    assert paid_site.bought() == 1


def test_a_cancelled_job_can_be_resumed(paid_site: Site) -> None:
    assert paid_site.emulator is not None
    paid_site.emulator.script(rules=[{"seconds": 3}])
    server = paid_site.serve()
    id = server.post(film(shots=1)).json()["id"]
    until(lambda: paid_site.bought() == 1)

    cancelled = server.client.post(f"/api/jobs/{id}/cancel").json()
    refused = server.client.post(f"/api/jobs/{id}/cancel")
    resumed = server.client.post(f"/api/jobs/{id}/resume")

    assert cancelled["state"] == "cancelled"
    assert refused.status_code == 409
    assert resumed.status_code == 202
    assert server.ended(id)["state"] == "finished"
    assert paid_site.bought() == 1


def test_a_job_that_waits_for_money_goes_on_with_a_larger_budget(paid_site: Site) -> None:
    server = paid_site.serve()
    poor = film(budget={"max_cost": 0.2})

    waiting = server.ended(server.post(poor).json()["id"])
    again = server.post(poor)
    rich = server.post(film(budget={"max_cost": 1}))

    assert waiting["state"] == "waiting"
    assert waiting["exit_code"] == 4
    assert waiting["problems"]
    assert again.json()["state"] == "waiting"
    assert rich.json()["id"] == waiting["id"]
    assert server.ended(waiting["id"])["state"] == "finished"


def test_the_server_has_limits_of_its_own(paid_site: Site) -> None:
    server = paid_site.serve("--max-cost", "0.3", "--max-shots", "3")

    dear = server.post(film())
    long = server.post(film(shots=4))
    unasked = server.post(film(shots=1, budget={"confirm_above": 0.1}))
    fine = server.post(film("cheap", shots=1))

    assert [dear.status_code, long.status_code, unasked.status_code, fine.status_code] == [402, 402, 402, 202]
    assert "0.30" in dear.json()["detail"]
    assert "3" in long.json()["detail"]
    assert server.ended(fine.json()["id"])["state"] == "finished"
    assert paid_site.bought() == 1


def test_jobs_of_a_copied_root_do_not_run_by_themselves(paid_site: Site) -> None:
    """Whoever opens somebody's outputs root does not pay for what is queued in it."""
    server = paid_site.serve(RUNNER_FAULT="after_task_id")
    id = server.post(film(shots=1)).json()["id"]
    server.gone()
    shutil.copytree(paid_site.root, paid_site.path / "copied")
    record = next((paid_site.path / "copied" / ".runner" / "jobs").glob("*.json"))
    assert json.loads(record.read_text())["state"] == "queued"

    server = paid_site.serve("copied")
    job = server.job(id)

    assert job["state"] == "waiting"
    assert "did not accept this job" in job["problems"][0]["message"]
    assert paid_site.bought() == 1


def test_a_queue_that_is_full_says_so(site: Site) -> None:
    server = site.serve("--max-jobs", "1", "--at-once", "1")

    answers = [server.post(free_film(f"film{number}")) for number in range(6)]

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {202, 429}
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["retry-after"]


def test_a_request_is_on_disk_for_its_owner_alone(site: Site) -> None:
    server = site.serve()
    id = server.post(free_film()).json()["id"]

    file = site.root / ".runner" / "jobs" / f"{id}.json"

    assert json.loads(file.read_text())["request"] == free_film()
    assert file.stat().st_mode & 0o077 == 0

"""Uploads, the files they become, and how long everything lives."""

from __future__ import annotations

import base64
import re

import pytest
from kie_customer import picture

HOUR_S = 3600
DAY_S = 86_400


def stream(customer, *, data=b"x", part="a.png", mime="image/png", **fields):
    return customer.http.post(
        "/api/file-stream-upload", files={"file": (part, data, mime)}, data=fields
    ).json()


def in_base64(customer, **body):
    return customer.post("/api/file-base64-upload", body)


def by_url(customer, **body):
    return customer.post("/api/file-url-upload", body)


def linked(customer, url):
    return customer.post("/api/v1/common/download-url", {"url": url})


def fetched(customer, url):
    answer = customer.stranger.get(url)
    return answer.status_code, answer.headers["Content-Type"], answer.content


@pytest.mark.parametrize("how", ["stream", "base64", "url"])
def test_all_three_ways_answer_in_the_recorded_shape(customer, how):
    data = picture()
    given = {"uploadPath": "images/in", "fileName": "a.png"}
    match how:
        case "stream":
            answer = stream(customer, data=data, **given)
        case "base64":
            answer = in_base64(customer, base64Data=base64.b64encode(data).decode(), **given)
        case _:
            source = customer.upload(data, "source.png", "other")
            answer = by_url(customer, fileUrl=source, **given)
    account = customer.account().id

    assert list(answer) == ["success", "code", "msg", "data"]
    assert (answer["success"], answer["code"], answer["msg"]) == (True, 200, "File uploaded successfully")
    told = answer["data"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("uploadedAt"))
    assert told == {
        "success": True,
        "fileName": "a.png",
        "filePath": f"kieai/{account}/images/in/a.png",
        "downloadUrl": f"{customer.emulator.url}/files/kieai/{account}/images/in/a.png",
        "fileSize": len(data),
        "mimeType": "image/png",
    }
    assert fetched(customer, told["downloadUrl"]) == (200, "image/png", data)


@pytest.mark.parametrize(
    ("part", "mime", "extension"),
    [
        ("x.jpeg", "image/png", "jpeg"),
        ("x", "image/webp", "webp"),
        ("x", "image/jpeg", "jpg"),
        ("x.%%", "", "bin"),
    ],
)
def test_without_a_name_a_file_gets_one(customer, part, mime, extension):
    told = stream(customer, part=part, mime=mime, uploadPath="images")["data"]

    assert re.fullmatch(rf"\d{{13}}-[0-9a-f]+\.{extension}", told["fileName"])
    assert told["filePath"].endswith(f"/images/{told['fileName']}")


def test_a_data_url_names_the_extension(customer):
    told = in_base64(
        customer, base64Data=f"data:image/webp;base64,{base64.b64encode(b'x').decode()}", uploadPath="i"
    )

    assert told["data"]["fileName"].endswith(".webp")
    assert told["data"]["mimeType"] == "image/webp"


def test_the_same_name_replaces_the_file(customer):
    first = customer.upload(b"one", "same.png")
    second = customer.upload(b"two", "same.png")
    elsewhere = customer.upload(b"three", "same.png", "images/other")

    assert first == second != elsewhere
    assert fetched(customer, first)[2] == b"two"


def test_accounts_do_not_share_their_files(customer, shared):
    mine = customer.upload(b"mine", "same.png")
    other = shared.account(f"{customer.key}-other")
    theirs = customer.stranger.post(
        shared.url + "/api/file-stream-upload",
        files={"file": ("same.png", b"theirs")},
        data={"uploadPath": "images/in", "fileName": "same.png"},
        headers={"Authorization": f"Bearer {other}"},
    ).json()["data"]["downloadUrl"]

    assert mine != theirs
    assert fetched(customer, mine)[2] == b"mine"


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_content_type_goes_by_the_name_and_not_by_the_bytes(customer, name, mime):
    told = stream(customer, data=picture(format="JPEG"), uploadPath="i", fileName=name)["data"]

    assert told["mimeType"] == mime
    assert fetched(customer, told["downloadUrl"])[1] == mime


@pytest.mark.parametrize(
    "name",
    [
        "a b.png",
        "ä ö.png",
        "100%25.png",
        "a?b#c.png",
        "%2e%2e.png",
        "a&b=c;d.png",
        "日本.png",
        'it\'s "q".png',
        "a\tb.png",
    ],
)
def test_hostile_names_can_be_fetched_again(customer, name):
    told = in_base64(customer, base64Data="eA==", uploadPath="i", fileName=name)["data"]

    assert told["fileName"] == name
    assert fetched(customer, told["downloadUrl"])[2] == b"x"


@pytest.mark.parametrize(
    ("name", "kept"), [(f"{'x' * 5_000}.png", f"{'x' * 251}.png"), (f"x.{'y' * 300}", "y" * 255)]
)
def test_a_long_name_keeps_its_end(customer, name, kept):
    told = in_base64(customer, base64Data="eA==", uploadPath="i", fileName=name)["data"]

    assert told["fileName"] == kept


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../../etc", "passwd"),
        ("/a/", "../../x.png"),
        ("a/../..", "..\\..\\x.png"),
        ("..", ".."),
        ("a//b", "/etc/x"),
    ],
)
def test_no_name_leads_out_of_the_accounts_folder(customer, path, name):
    told = in_base64(customer, base64Data="eA==", uploadPath=path, fileName=name)["data"]

    assert told["filePath"].startswith(f"kieai/{customer.account().id}/")
    assert ".." not in told["filePath"].split("/")
    assert fetched(customer, told["downloadUrl"])[2] == b"x"


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{", b"[]", b"9" * 100_000])
def test_a_body_that_is_no_object_is_refused(customer, body):
    answer = customer.http.post(
        "/api/file-base64-upload", content=body, headers={"Content-Type": "application/json"}
    ).json()

    assert (answer["code"], answer["msg"]) == (400, "the body is not JSON")


def test_an_upload_path_is_not_needed(customer):
    assert fetched(customer, stream(customer, fileName="a.png")["data"]["downloadUrl"])[2] == b"x"


def test_a_lone_surrogate_does_no_harm(customer):
    answer = customer.http.post(
        "/api/file-base64-upload",
        content=b'{"base64Data": "eA==", "uploadPath": "\\ud800", "fileName": "\\udfff.png"}',
    ).json()

    assert fetched(customer, answer["data"]["downloadUrl"])[2] == b"x"


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("base64", {"uploadPath": "i"}),
        ("base64", {"base64Data": "%%%", "uploadPath": "i"}),
        ("base64", {"base64Data": "é", "uploadPath": "i"}),
        ("base64", []),
        ("url", {"uploadPath": "i"}),
        ("url", {"fileUrl": "ftp://example.org/a.png", "uploadPath": "i"}),
        ("stream", {"file": "x"}),
    ],
)
def test_a_wrong_upload_is_refused_with_400(customer, route, body):
    answer = customer.post(f"/api/file-{route}-upload", body)

    assert (answer["success"], answer["code"]) == (False, 400)
    assert customer.account().uploads == 0


def test_an_address_that_cannot_be_fetched_is_no_upload(customer):
    assert by_url(customer, fileUrl="http://127.0.0.1:9/a.png", uploadPath="i")["code"] == 500


def test_the_upload_routes_take_no_get_and_unknown_paths_are_404(customer):
    wrong = customer.http.get("/api/file-stream-upload")
    nowhere = customer.http.post("/api/v1/file-stream-upload")

    assert (wrong.status_code, wrong.json()["code"]) == (405, 405)
    assert (nowhere.status_code, nowhere.json()["message"]) == (404, "No message available")


def test_no_key_is_asked_for_with_files_and_the_books_tell_who_sent_one(customer):
    url = customer.upload(b"x", "a.png")
    customer.stranger.get(url)
    customer.stranger.get(url, headers={"Authorization": f"Bearer {customer.key}"})

    name = url.partition("/files/")[2]
    seen = [one["headers"] for one in customer.emulator.books().downloads if one["path"] == name]

    assert ["authorization" in headers for headers in seen] == [False, True]
    assert seen[1]["authorization"] == "***"


def test_parts_of_a_file_can_be_asked_for(customer):
    answer = customer.stranger.get(customer.upload(b"0123456789"), headers={"Range": "bytes=2-4"})

    assert (answer.status_code, answer.content) == (206, b"234")


# --- life ---------------------------------------------------------------------------------------------------------


def test_an_upload_lives_for_a_day(customer):
    url = customer.upload()
    customer.emulator.advance(24 * HOUR_S - 60)
    late = customer.stranger.get(url).status_code
    customer.emulator.advance(61)

    assert (late, customer.stranger.get(url).status_code) == (200, 404)


def test_the_address_of_a_result_lives_for_a_day(customer):
    url = customer.url(customer.made())
    customer.emulator.advance(DAY_S - 60)
    late = customer.stranger.get(url).status_code
    customer.emulator.advance(61)

    assert (late, customer.stranger.get(url).status_code) == (200, 404)


def test_a_result_lives_for_two_weeks_and_has_fresh_addresses_until_then(customer):
    url = customer.url(customer.made())
    customer.emulator.advance(14 * DAY_S - 60)
    link = linked(customer, url)["data"]
    late = [customer.stranger.get(one).status_code for one in (url, link)]
    customer.emulator.advance(61)

    assert late == [404, 200]
    assert customer.stranger.get(link).status_code == 404
    assert linked(customer, url) == {"code": 422, "msg": "url is wrong", "data": None}


def test_the_lives_of_a_result_and_of_its_address_can_be_set(started):
    customer = started("--result-days", "2", "--result-url-hours", "36", "--task-seconds", "0")
    url = customer.url(customer.made())
    found = []
    for hours in (35, 2, 10):
        customer.emulator.advance(hours * HOUR_S)
        found.append((customer.stranger.get(url).status_code, linked(customer, url)["code"]))
    customer.emulator.advance(HOUR_S)

    assert found == [(200, 200), (404, 200), (404, 200)]
    assert linked(customer, url)["code"] == 422


def test_no_address_outlives_its_result(started):
    customer = started("--result-days", "1", "--result-url-hours", "48", "--task-seconds", "0")
    url = customer.url(customer.made())
    customer.emulator.advance(DAY_S)

    assert customer.stranger.get(url).status_code == 404


def test_an_expired_result_has_no_fresh_address(customer):
    customer.emulator.script(rules=[{"download": ["expired"]}])
    url = customer.url(customer.made())

    assert customer.stranger.get(url).status_code == 404
    assert linked(customer, url)["code"] == 422


def test_a_download_link_lives_for_twenty_minutes(customer):
    url = customer.url(customer.made())
    link = linked(customer, url)["data"]
    early = customer.stranger.get(link)
    customer.emulator.advance(20 * 60)

    assert link != url
    assert (early.status_code, early.headers["Content-Type"]) == (200, "video/mp4")
    assert (customer.stranger.get(link).status_code, customer.stranger.get(url).status_code) == (404, 200)


@pytest.mark.parametrize("url", ["https://example.org/clip.mp4", "", None, "UPLOAD"])
def test_a_link_is_made_for_results_only(customer, url):
    if url == "UPLOAD":
        url = customer.upload()

    assert linked(customer, url) == {"code": 422, "msg": "url is wrong", "data": None}


def test_no_link_is_made_from_a_link(customer):
    link = linked(customer, customer.url(customer.made()))["data"]

    assert linked(customer, link)["code"] == 422


def test_files_are_called_by_the_public_address(started):
    customer = started("--public-url", "http://tunnel.example:81/")

    assert customer.upload(name="a.png").startswith("http://tunnel.example:81/files/kieai/")

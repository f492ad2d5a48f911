"""A page's way to a video: where it is, under which name it is saved, and what the next request can send again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from gallop.domain.request.images import StoredImage

from tests.functional.doors.https.test_https import PICTURE, new_job, succeeded
from tests.support.http import Client
from tests.support.jobs import a_request
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

JSON = "application/json"
NAME = "the-woman-of-smiles.mp4"


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def disposition_of(url: str) -> str:
    """Return the header Content-Disposition that an address asks S3 for."""
    return parse_qs(urlsplit(url).query)["response-content-disposition"][0]


@pytest.mark.parametrize("accept", [JSON, "Application/JSON; charset=utf-8"])
def test_a_page_learns_where_a_video_is(sandbox: Sandbox, ada: Client, accept: str) -> None:
    """It cannot read a redirect: a client that accepts JSON alone gets the address, its end, and a name."""
    answer = ada.get(f"/v1/videos/{succeeded(sandbox)}/content", accept=accept)
    assert (200, "no-store") == (answer.status, answer.headers["Cache-Control"])
    expected = {"expires_at": int(sandbox.clock.now()) + 3600, "filename": NAME}
    assert {"url": answer.json["url"], **expected} == answer.json
    fetched = requests.get(answer.json["url"], timeout=5)
    assert "video/mp4" == fetched.headers["Content-Type"]
    assert f"inline; filename=\"{NAME}\"; filename*=UTF-8''{NAME}" == fetched.headers["Content-Disposition"]


@pytest.mark.parametrize("accept", ["", "*/*", f"{JSON}, text/plain, */*", "application/binary", "video/mp4"])
def test_other_clients_are_redirected(sandbox: Sandbox, ada: Client, accept: str) -> None:
    """Many libraries accept JSON among others, and follow the redirect."""
    answer = ada.get(f"/v1/videos/{succeeded(sandbox)}/content", accept=accept)
    assert 302 == answer.status
    assert disposition_of(answer.headers["Location"]).startswith("inline; ")


def test_a_download_is_saved(sandbox: Sandbox, ada: Client) -> None:
    """In both answers, a browser that follows the address saves the file under its name."""
    path = f"/v1/videos/{succeeded(sandbox)}/content"
    saved = ada.get(f"{path}?download=true", accept=JSON).json["url"]
    assert f"attachment; filename=\"{NAME}\"; filename*=UTF-8''{NAME}" == disposition_of(saved)
    assert disposition_of(saved) == disposition_of(ada.get(f"{path}?download=true").headers["Location"])


def test_all_faults_of_the_query_are_named(ada: Client) -> None:
    """As everywhere."""
    faults = ada.get("/v1/videos/job_x/content?variant=sound&download=yes", accept=JSON).faults
    assert {"/variant": "unknown value", "/download": "unknown value"} == faults


def test_a_job_shows_what_another_request_can_name_its_files_by(sandbox: Sandbox, ada: Client) -> None:
    """For the same video with another seed: addresses, and what Gallop keeps of files that were sent."""
    created = ada.post(new_job(images=[PICTURE, data_uri(picture(), "image/jpeg")])).json
    sources = [medium["source"] for medium in created["media"]]
    assert PICTURE == sources[0]
    assert sources[1].startswith(f"s3://{sandbox.inbox}/uploads/ada/")
    again = ada.post(new_job(images=sources, seed=7))
    assert 202 == again.status
    assert sources == [medium["source"] for medium in ada.get("/v1/videos").json["data"][0]["media"]]


def test_a_dropped_file_has_no_name_for_requests(sandbox: Sandbox, ada: Client) -> None:
    """No request may read the prefix of drops."""
    dropped = sandbox.put(request=a_request(images=(StoredImage(sandbox.inbox, "drop/cat.jpg", "1"),)))
    assert [None] == [medium["source"] for medium in ada.get(f"/v1/videos/{dropped.id}").json["media"]]

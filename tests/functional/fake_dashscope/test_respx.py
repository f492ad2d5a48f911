"""The respx face alone: hosts and regions, asynchronous clients, other routes."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import respx

from fake_dashscope import FakeDashScope, mounted
from fake_dashscope.clock import ManualClock
from tests.functional.fake_dashscope.sandbox import ACCOUNTS, ALIBABA, SUBMIT, authorized, order

QUICK = order("happyhorse-1.1-r2v", resolution="480P", duration=3)
HOSTS = {
    "https://dashscope-intl.aliyuncs.com": "ap-southeast-1",
    "https://dashscope.aliyuncs.com": "cn-beijing",
    "https://dashscope-us.aliyuncs.com": "us-east-1",
    "https://cn-hongkong.dashscope.aliyuncs.com": "cn-hongkong",
    "https://ws-123.ap-southeast-1.maas.aliyuncs.com": "ap-southeast-1",
    "https://ws-123.cn-beijing.maas.aliyuncs.com": "cn-beijing",
    "https://token-plan.eu-central-1.maas.aliyuncs.com": "eu-central-1",
}


@pytest.mark.parametrize("base", HOSTS)
@pytest.mark.usefixtures("mounted_dashscope")
def test_a_host_takes_the_keys_of_its_region(base: str) -> None:
    """Every host of DashScope is answered; a key works in its account's region only."""
    singapore, beijing = (
        httpx.post(base + SUBMIT, json=order(), headers=authorized(key)).status_code
        for key in ("sk-second-key", "sk-beijing")
    )
    assert (200 if HOSTS[base] == "ap-southeast-1" else 401) == singapore
    assert (200 if HOSTS[base] == "cn-beijing" else 401) == beijing


def test_other_hosts_are_not_answered() -> None:
    """Hosts of reference images and all other hosts are not answered."""
    with mounted(FakeDashScope(ManualClock())) as router:
        mine = router.get("https://help-static-aliyun-doc.aliyuncs.com/a.jpg").respond(204)
        assert 204 == httpx.get("https://help-static-aliyun-doc.aliyuncs.com/a.jpg").status_code
        assert mine.called
        with pytest.raises(respx.models.AllMockedAssertionError):
            httpx.get("https://example.com/dashscope.aliyuncs.com")


def test_one_more_host_can_be_mounted() -> None:
    """``mount`` takes more hosts; they are in the fake's own region."""
    fake = FakeDashScope(ManualClock(), region="cn-beijing", accounts=ACCOUNTS)
    with mounted(fake, "dashscope.test"):
        reply = httpx.post("http://dashscope.test" + SUBMIT, json=order(), headers=authorized("sk-beijing"))
    assert 200 == reply.status_code


def test_asynchronous_clients_are_served_as_well(
    mounted_dashscope: FakeDashScope, dashscope_clock: ManualClock
) -> None:
    """An ``AsyncClient`` can submit, query and stream a result, complete or truncated."""

    async def story() -> tuple[bytes, str]:
        async with httpx.AsyncClient(headers=authorized(), base_url=ALIBABA) as client, httpx.AsyncClient() as plain:
            task_id = (await client.post(SUBMIT, json=QUICK)).json()["output"]["task_id"]
            dashscope_clock.advance(3600)
            url = (await client.get(f"/api/v1/tasks/{task_id}")).json()["output"]["video_url"]
            whole = (await plain.get(url)).content
            mounted_dashscope.fault(on="download", kind="truncate")
            with pytest.raises(httpx.RemoteProtocolError) as broken:
                await plain.get(url)
            return whole, str(broken.value)

    whole, message = asyncio.run(story())
    assert b"ftyp" == whole[4:8]
    assert f"(received {len(whole) // 2} bytes, expected {len(whole)})" in message

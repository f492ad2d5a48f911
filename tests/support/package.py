"""How the official DashScope package is run in tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from dashscope.api_entities.aio_session import close_shared_aio_session

if TYPE_CHECKING:
    from collections.abc import Coroutine


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it gives
    """Run the package's coroutines, and close the session that it would leave open."""

    async def closing() -> Any:  # noqa: ANN401 - the same
        try:
            return await work
        finally:
            await close_shared_aio_session()

    return asyncio.run(closing())

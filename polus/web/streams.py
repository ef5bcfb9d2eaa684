"""What all open streams of server-sent events have in common: waiting for a bell, but not for ever."""

import asyncio


async def rung(bell: asyncio.Event, seconds: float) -> bool:
    """Waits for the bell; False when it was quiet for so long."""
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return False
    return True

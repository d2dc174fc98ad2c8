"""The kill switch: mute a kind, or all kinds, on every screen within the second."""

from collections.abc import Sequence

from gateway.model.admin import Caller, Mute


class Mutes:
    """What is muted. While a kind is muted its messages stay live but nobody sees them."""

    async def mute(self, caller: Caller, kind: str, reason: str | None = None) -> Mute:
        """Mute a kind, or `all`. Muting twice keeps the newer reason."""
        raise NotImplementedError

    async def unmute(self, caller: Caller, kind: str) -> bool:
        """Unmute; False when it was not muted. What is still live comes back."""
        raise NotImplementedError

    def current(self) -> Sequence[Mute]:
        """What is muted now."""
        raise NotImplementedError

"""The marks of origin that a video file may carry."""

from __future__ import annotations

from gallop.domain.frozen import frozen


@frozen(kw_only=True)
class Marks:
    """Which marks a video file carries; None where that could not be determined within the limits of reading.

    ``c2pa`` is a manifest of Content Credentials, ``xmp`` a packet of XMP, and ``aigc`` the label of GB 45438-2025.
    """

    c2pa: bool | None = None
    xmp: bool | None = None
    aigc: bool | None = None

    def view(self) -> dict[str, bool | None]:
        """Return them by name."""
        return {"c2pa": self.c2pa, "xmp": self.xmp, "aigc": self.aigc}

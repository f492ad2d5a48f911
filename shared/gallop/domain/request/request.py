"""A request for a video, or for several with different seeds, and what a stack adds to it."""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen
from gallop.domain.placement import ANYWHERE, Placement
from gallop.domain.request import uploads
from gallop.domain.request.dialects import Dialect
from gallop.domain.request.media import IMAGES, Medium, identity_of
from gallop.domain.watermarks import Watermark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.fields import Scalar
    from gallop.domain.request.media import Source


@frozen(kw_only=True)
class VideoRequest:
    """A valid request, within the limits of its model.

    ``media`` are in the order of the model's media fields. ``parameters`` has a value for each parameter of the model.
    ``webhook`` is the address to notify when the job ends; empty for the client's endpoints. ``priority`` is 0 to 9:
    among the waiting jobs of one client, those with the highest priority start first. ``n`` is the number of videos to
    make of it; that of a job's own request is 1. ``placement`` says on which accounts it may run.
    """

    prompt: str
    model: str
    media: tuple[Medium, ...] = ()
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    webhook: str = ""
    priority: int = 0
    n: int = 1
    placement: Placement = ANYWHERE

    @property
    def resolution(self) -> str:
        """The resolution, which decides the price."""
        return str(self.parameters.get("resolution", ""))

    @property
    def sources(self) -> tuple[Source, ...]:
        """All files, in their order."""
        return tuple(medium.source for medium in self.media)

    @property
    def images(self) -> tuple[Source, ...]:
        """The reference images: the first is ``[Image 1]``."""
        return self.of(IMAGES)

    def of(self, name: str) -> tuple[Source, ...]:
        """Return the files of a media field."""
        return tuple(medium.source for medium in self.media if medium.field == name)

    def canonical_json(self) -> str:
        """Return the content as JSON: requests with equal content are equal, whatever version of Gallop reads them."""
        media: dict[str, Any] = {IMAGES: []}
        for medium in self.media:
            media.setdefault(medium.field, []).append(identity_of(medium))
        gallops = {"metadata": dict(self.metadata), "webhook": self.webhook, "priority": self.priority}
        several = {"n": self.n} if self.n > 1 else {}
        placed = {"placement": self.placement.text} if self.placement else {}
        fields = {
            "prompt": self.prompt,
            "model": self.model,
            **media,
            **self.parameters,
            **gallops,
            **several,
            **placed,
        }
        return json.dumps(fields, sort_keys=True)


@frozen
class RequestDefaults:
    """What a stack adds to a request: the version of models, and the only bucket that a request may refer to.

    A request may refer to the uploads of ``client``, who speaks ``dialect``; ``webhook_origins`` are the origins of
    that client's endpoints; None where a request cannot choose one. ``folders``
    are the folders of the bucket that it may refer to. ``watermark`` is what the stack does about the visible one.
    ``takes_n`` says whether it may be a request for several videos.
    """

    model_version: str
    inbox_bucket: str
    client: str = ""
    webhook_origins: tuple[str, ...] | None = None
    dialect: Dialect = Dialect.NATIVE
    folders: tuple[str, ...] = (uploads.PREFIX,)
    watermark: str = Watermark.OFF
    takes_n: bool = False

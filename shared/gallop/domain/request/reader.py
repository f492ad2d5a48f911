"""Reads requests field by field, so that every fault is found before any money is spent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.errors import InvalidRequest
from gallop.domain.faults import MAX_FAULTS, Fault, omitted
from gallop.domain.fields import Choice, nearest
from gallop.domain.models import Kind
from gallop.domain.placement import ACCOUNT, Placement
from gallop.domain.request import media, own_fields, parameters, prompt, references
from gallop.domain.request.dialects import WORDS, Dialect
from gallop.domain.request.media import Medium
from gallop.domain.request.request import VideoRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from gallop.domain.models import MediaField, Model
    from gallop.domain.request.media import Inspected, Source
    from gallop.domain.request.references import Inbox, Sent
    from gallop.domain.request.request import RequestDefaults

    Inspect = Callable[[str, Source, models.Rules], Inspected]


def read(body: object, defaults: RequestDefaults, inspect: Inspect) -> VideoRequest:
    """Read a native body, or one of OpenAI's; ``inspect`` checks each file that Gallop can read.

    Raises:
        InvalidRequest: the request is invalid, with one fault per problem.

    """
    if not isinstance(body, dict):
        raise InvalidRequest([Fault("", "the body is not a JSON object", 'Send an object: {"prompt": "..."}.')])
    sent = list(references.sent_in(body))
    fields = {name: value for name, value in body.items() if name not in references.containers()}
    return Reader(fields, defaults, inspect).request(sent)


class Reader:
    """Reads one request, and collects its faults."""

    def __init__(
        self,
        fields: Mapping[str, Any],
        defaults: RequestDefaults,
        inspect: Inspect,
        *,
        awaits_files: bool = False,
        containers: Collection[str] = (),
    ) -> None:
        """Take the fields of a request, without those that contain its files: ``containers``, for the words of faults.

        With ``awaits_files``, some of its files have not arrived, and their number is not known yet.
        """
        self._containers = containers or references.containers()
        self._fields = dict(fields)
        self._defaults = defaults
        self._inspect = inspect
        self._awaits_files = awaits_files
        self._words = WORDS[defaults.dialect]
        self._faults: list[Fault] = []
        self._vendors: dict[str, str] = {}
        for name in (name for name, value in self._fields.items() if not prompt.is_text(value)):
            self._fault(name, Fault("", prompt.UNPAIRED, prompt.UNPAIRED_REMEDY))

    def request(self, sent: Sequence[Sent]) -> VideoRequest:
        """Build the request from its fields and what was ``sent`` as its files.

        Raises:
            InvalidRequest: the request is invalid, with one fault per problem.

        """
        model = self._model(sent)
        self._vendors = {one.name: one.vendor for one in model.parameters}
        by_field = self._by_field(model, sent)
        found = tuple(self._media(model, by_field))
        request = VideoRequest(
            prompt=self._prompt(model, by_field),
            model=model.id,
            media=found,
            parameters=self._parameters(model),
            metadata=self._own("metadata", own_fields.read_metadata(self._take("metadata"))) or {},
            webhook=self._webhook(),
            priority=self._priority(),
            n=self._n(),
            placement=self._placement(),
        )
        self._refuse_unknown_fields()
        if self._faults:
            raise InvalidRequest(self._faults)
        return request

    def _take(self, name: str) -> object:
        return self._fields.pop(name, None)

    def _fault(self, name: str, fault: Fault) -> None:
        """Record a fault of a field, with its place in the client's protocol."""
        if self._defaults.dialect is Dialect.DASHSCOPE:
            variants = models.parameters().get(name, ())
            name = self._vendors.get(name) or next((one.vendor for one in variants if one.vendor), name)
        self._faults.append(fault if fault.omitted else replace(fault, pointer=self._words.place(name)))

    def _own(self, name: str, found: Any) -> Any:  # noqa: ANN401 - whatever the field has
        """Return what was read; None, if that is a fault, which is recorded."""
        if isinstance(found, Fault):
            self._fault(name, found)
            return None
        return found

    def _model(self, sent: Sequence[Sent]) -> Model:
        default = models.default_model(self._kind(sent), self._defaults.model_version)
        value = self._take("model")
        if value is None:
            return default
        choice = Choice(name="model", choices=tuple(models.MODELS), default=default.id)
        return models.MODELS[self._own("model", choice.read(value)) or default.id]

    def _kind(self, sent: Sequence[Sent]) -> Kind:
        """Return the kind of model that takes these files: each kind but t2v has a field that it requires."""
        for kind in (Kind.VIDEO_EDIT, Kind.I2V):
            model = models.default_model(kind, self._defaults.model_version)
            fields = (_field_of(model, one) for one in sent if one.field or one.type)
            if any(field and field.least for field in fields):
                return kind
        return Kind.R2V if sent or self._awaits_files else Kind.T2V

    def _by_field(self, model: Model, sent: Sequence[Sent]) -> dict[str, list[Sent]]:
        """Sort what was sent by media field; what the model does not take is a fault, once per kind."""
        by_field: dict[str, list[Sent]] = {}
        refused: dict[tuple[str, str, str], Sent] = {}
        for one in sent:
            if field := _field_of(model, one):
                by_field.setdefault(field.name, []).append(one)
            elif isinstance(one.value, Fault):
                self._faults.append(one.value)
            else:
                refused.setdefault((one.container, one.field, one.type), one)
        for one in refused.values():
            place = one.named_at or self._words.place(one.container)
            self._faults.append(_not_taken(place, one, model))
        return by_field

    def _media(self, model: Model, by_field: Mapping[str, Sequence[Sent]]) -> list[Medium]:
        inbox = references.Inbox(
            self._defaults.inbox_bucket, self._defaults.client, self._words, self._defaults.folders
        )
        found: list[Medium] = []
        for field in model.media:
            sent = by_field.get(field.name, ())
            read = [self._source(inbox, field, one) for one in sent[: field.most]]
            found += [Medium(field.name, source) for source in read if source]
            if problem := self._count_fault(field, _count(sent), by_field) or _length_fault(field, found):
                self._faults.append(replace(problem, pointer=self._words.place(self._container(field, sent))))
        return found

    def _source(self, inbox: Inbox, field: MediaField, one: Sent) -> Source | None:
        source = inbox.source(one.where, one.value, field)
        found = [source] if isinstance(source, Fault) else self._inspect(one.where, source, field.rules)
        if isinstance(found, list):
            self._faults += found
            return None
        return found

    def _count_fault(self, field: MediaField, count: int, by_field: Mapping[str, Sequence[Sent]]) -> Fault | None:
        if count < field.least and self._awaits_files:
            return None
        if count and (together := [name for name in field.excludes if by_field.get(name)]):
            nouns = " or ".join(f"a {models.media_fields()[name].noun}" for name in together)
            problem = f"{field.noun}s cannot be used together with {nouns}"
            return Fault("", problem, "Send only one of the two.")
        if field.least <= count <= field.most:
            return None
        there = f"there is {count} {field.noun}" if count == 1 else f"there are {count:,} {field.noun}s"
        if field.noun == "reference image":
            there = there.replace("reference ", "")
        remedy = f"Send a {field.noun}, in {self._container(field, ())}." if count < field.least else "Remove some."
        return Fault("", f"{there}; {_required(field)}", remedy)

    def _container(self, field: MediaField, sent: Sequence[Sent]) -> str:
        """Return the field that files were sent in; or, if there are none, that in which to send them."""
        used = {one.container for one in sent}
        is_image = field.is_image
        default = self._words.media or (self._words.images if is_image else "") or field.name
        return used.pop() if len(used) == 1 else default

    def _prompt(self, model: Model, by_field: Mapping[str, Sequence[Sent]]) -> str:
        of_images = [field.name for field in model.media if field.is_image]
        images = sum(_count(by_field.get(name, ())) for name in of_images)
        text, faults = prompt.read(self._take("prompt"), model, None if self._awaits_files else images)
        for fault in faults:
            self._fault("prompt", fault)
        return text

    def _parameters(self, model: Model) -> dict[str, Any]:
        sent = {name: self._take(name) for name in parameters.names()}
        values, faults = parameters.read(sent, model, self._defaults)
        for name, fault in faults:
            self._fault(name, fault)
        return values

    def _webhook(self) -> str:
        origins = self._defaults.webhook_origins
        return "" if origins is None else self._own("webhook", own_fields.read_webhook(self._take("webhook"), origins))

    def _priority(self) -> int:
        value, field = self._take("priority"), own_fields.PRIORITY
        return (None if value is None else self._own("priority", field.read(value))) or 0

    def _placement(self) -> Placement:
        account = self._own(ACCOUNT, own_fields.read_account(self._take(ACCOUNT))) or ""
        return Placement(account, self._own("tags", own_fields.read_tags(self._take("tags"))) or {})

    def _n(self) -> int:
        value = self._take("n")
        number: int = (None if value is None else self._own("n", own_fields.N.read(value))) or 1
        if number > 1 and not self._defaults.takes_n:
            self._fault("n", Fault("", "must be 1 here", "Send n to POST /v1/videos, or the request several times."))
        return number

    def _refuse_unknown_fields(self) -> None:
        own = {"prompt", "model", "metadata", "priority", ACCOUNT, "tags"}
        own |= set() if self._defaults.webhook_origins is None else {"webhook"}
        own |= {"n"} if self._defaults.takes_n else set()
        known = sorted({*self._containers, *parameters.names(), *own})
        for name in list(self._fields)[:MAX_FAULTS]:
            hint = nearest(name, known)
            remedy = f"Did you mean {hint}?" if hint else f"Valid fields are {', '.join(known)}."
            self._fault(name, Fault("", "is not a field of a video request", remedy))
        self._faults += omitted(len(self._fields) - MAX_FAULTS)


def _field_of(model: Model, one: Sent) -> MediaField | None:
    """Return the media field of a model that a file belongs to; None if the model does not take it."""
    if one.field:
        return model.media_field(one.field)
    if one.type:
        return next((field for field in model.media if field.type == one.type), None)
    return next((field for field in model.media if field.is_image), None)


def _count(sent: Sequence[Sent]) -> int:
    return sum(1 + one.more for one in sent)


def _not_taken(place: str, one: Sent, model: Model) -> Fault:
    field = models.field_of(one.field, one.type)
    noun = field.noun if field else "image"
    others = [other.id for other in models.MODELS.values() if _field_of(other, one)]
    return Fault(place, f"{model.id} takes no {noun}", f"Remove it, or use a model that does: {', '.join(others)}.")


def _required(field: MediaField) -> str:
    if field.least == field.most == 1:
        return "exactly 1 is required"
    if field.least:
        return f"{field.least} to {field.most} are required"
    return f"the maximum is {field.most}"


def _length_fault(field: MediaField, found: Sequence[Medium]) -> Fault | None:
    limit = field.max_total_seconds
    seconds = sum(facts.seconds for facts in media.facts_of(found, field.name))
    if limit is None or seconds <= limit:
        return None
    return Fault(
        "", f"the {field.noun}s are {seconds:.1f} s together; the maximum is {limit:g} s", "Shorten or remove some."
    )

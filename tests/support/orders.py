"""One request for each model, as it is sent through each door."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.models import Kind

from tests.support.clips import clip
from tests.support.dashscope import Vendor
from tests.support.http import Client, File
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.models import Model

    from tests.support.http import Answer
    from tests.support.promise import Simulation
    from tests.support.website import Website

INBOX = "inbox"
SECONDS = 3.2
NAMES = {"images": "hat-{}.jpg", "first_frame": "first-frame.jpg", "video": "clip.mp4"}


@dataclass(frozen=True, slots=True)
class Order:
    """A request: its fields without its files, and the bytes of its files by media field."""

    model: Model
    fields: dict[str, Any]
    files: dict[str, list[bytes]] = field(default_factory=dict)

    def named(self) -> dict[str, bytes]:
        """Give the files by the names that people give them."""
        return {
            NAMES[name].format(number): data
            for name, contents in self.files.items()
            for number, data in enumerate(contents, start=1)
        }

    def referring(self, refer: Callable[[str, str, bytes], str]) -> dict[str, Any]:
        """Give the native fields of the files, each named by what ``refer`` returns for its field, name and bytes."""
        found: dict[str, Any] = {}
        for name, contents in self.files.items():
            named = [(NAMES[name].format(number), data) for number, data in enumerate(contents, start=1)]
            places = [refer(name, *one) for one in named]
            found[name] = places if models.media_fields()[name].is_list else places[0]
        return found


def order_of(model: Model) -> Order:
    """Return a request with every parameter of a model, none of which has its default."""
    fields: dict[str, Any] = {"model": model.id, "resolution": "1080P", "watermark": True, "seed": 7}
    fields |= {"ratio": "9:16"} if model.parameter("ratio") else {}
    fields |= {"duration": 3} if model.parameter("duration") else {}
    fields |= {"audio": "origin"} if model.parameter("audio") else {}
    hats = [picture(shade=20), picture(shade=40)]
    match model.kind:
        case Kind.T2V:
            return Order(model, {**fields, "prompt": "A cat runs."})
        case Kind.I2V:
            return Order(model, fields, {"first_frame": [picture(shade=60)]})
        case Kind.R2V:
            return Order(model, {**fields, "prompt": "The hat of [Image 2]."}, {"images": hats})
        case Kind.VIDEO_EDIT:
            files = {"video": [clip(SECONDS)], "images": hats[:1]}
            return Order(model, {**fields, "prompt": "At night, with the hat of [Image 1]."}, files)


def uploaded(simulation: Simulation, data: bytes, media_type: str) -> str:
    """Upload a file as clients do; return its id."""
    answer = Client(simulation).upload({"content_type": media_type})
    assert 201 == answer.status, answer.text
    simulation.s3.put_object(Bucket=INBOX, Key=answer.json["fields"]["key"], Body=data)
    upload_id: str = answer.json["id"]
    return upload_id


def by_upload(simulation: Simulation) -> Callable[[str, str, bytes], str]:
    """Refer to files by uploading them."""
    return lambda name, _, data: uploaded(simulation, data, "video/mp4" if name == "video" else "image/jpeg")


def by_address(website: Website) -> Callable[[str, str, bytes], str]:
    """Refer to files by publishing them."""
    return lambda _, name, data: website.put(name, data)


def by_copy(simulation: Simulation) -> Callable[[str, str, bytes], str]:
    """Refer to files by copying them into the inbox."""

    def copy(_: str, name: str, data: bytes) -> str:
        simulation.s3.put_object(Bucket=INBOX, Key=f"uploads/shared/{name}", Body=data)
        return f"s3://{INBOX}/uploads/shared/{name}"

    return copy


def sent(answer: Answer) -> None:
    """Expect that a create was accepted."""
    assert answer.status in {200, 202}, answer.text


def native(order: Order, simulation: Simulation, website: Website) -> None:
    """Send JSON, with addresses."""
    sent(Client(simulation).post({**order.fields, **order.referring(by_address(website))}))


def with_uploads(order: Order, simulation: Simulation, _: Website) -> None:
    """Send JSON, with uploads."""
    sent(Client(simulation).post({**order.fields, **order.referring(by_upload(simulation))}))


def with_copies(order: Order, simulation: Simulation, _: Website) -> None:
    """Send JSON, with addresses of the inbox."""
    sent(Client(simulation).post({**order.fields, **order.referring(by_copy(simulation))}))


def as_form(order: Order, simulation: Simulation, _: Website) -> None:
    """Send a form: images as files, a video by its id."""
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in order.fields.items()}
    files: list[File] = []
    for name, contents in order.files.items():
        if name == "video":
            fields[name] = by_upload(simulation)(name, "", contents[0])
        else:
            files += [(name, (NAMES[name].format(1), data, "image/jpeg")) for data in contents]
    sent(Client(simulation).post_form(fields, files))


def openai(order: Order, simulation: Simulation, _: Website) -> None:
    """Send what OpenAI's package sends: images are ``input_reference``, the duration is text."""
    fields = dict(order.fields)
    if "duration" in fields:
        fields["seconds"] = str(fields.pop("duration"))
    images = [data for name, contents in order.files.items() if name != "video" for data in contents]
    if images:
        fields["input_reference"] = [{"image_url": data_uri(data)} for data in images]
    if "video" in order.files:
        fields["video"] = by_upload(simulation)("video", "", order.files["video"][0])
    sent(Client(simulation).post(fields, x_stainless_lang="python"))


def dashscope(order: Order, simulation: Simulation, website: Website) -> None:
    """Send DashScope's body: images as base64, a video by its address."""
    fields = dict(order.fields)
    asked = {"prompt": fields.pop("prompt")} if "prompt" in fields else {}
    vendors = {one.name: one.vendor for one in order.model.parameters}
    media = [
        {
            "type": medium.type,
            "url": website.put("clip.mp4", data) if medium.name == "video" else data_uri(data),
        }
        for medium in order.model.media
        for data in order.files.get(medium.name, ())
    ]
    body = {
        "model": fields.pop("model"),
        "input": {**asked, "media": media},
        "parameters": {vendors.get(name, name): value for name, value in fields.items()},
    }
    sent(Vendor(simulation).submit(body))


def folder(order: Order, simulation: Simulation, _: Website) -> None:
    """Drop a folder: its settings, its prompt as a text of its own, its files."""
    fields = dict(order.fields)
    texts = {"prompt.txt": fields.pop("prompt")} if "prompt" in fields else {}
    for name, content in {**order.named(), "job.json": json.dumps(fields).encode()}.items():
        simulation.drop(f"drop/cats/{name}", content)
    for name, text in texts.items():
        simulation.drop(f"drop/cats/{name}", text.encode())


def batch(order: Order, simulation: Simulation, _: Website) -> None:
    """Drop a batch of one line, which names the files beside it."""
    for name, content in order.named().items():
        simulation.drop(f"drop/cats/{name}", content)
    line = {**order.fields, **order.referring(lambda _, name, __: name)}
    simulation.drop("drop/cats/batch.jsonl", json.dumps(line).encode())


def batch_of_copies(order: Order, simulation: Simulation, _: Website) -> None:
    """Drop a batch of one line, with addresses of the inbox."""
    line = {**order.fields, **order.referring(by_copy(simulation))}
    simulation.drop("drop/cats/batch.jsonl", json.dumps(line).encode())


DOORS = {
    "JSON": native,
    "uploads": with_uploads,
    "copies": with_copies,
    "form": as_form,
    "OpenAI": openai,
    "DashScope": dashscope,
    "folder": folder,
    "batch": batch,
    "batch of copies": batch_of_copies,
}

"""The options of ``gallop make`` and ``gallop price``: an option for each field of a request, from the table of fields.

Values go to the stack as they are, which checks them: a stack of a later version may take more.
"""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.cli import placing
from gallop.cli.show import refuse
from gallop.client import Group
from gallop.domain import models
from gallop.domain.fields import Choice, Field, Flag, Whole
from gallop.domain.request.own_fields import PRIORITY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gallop.client import AsyncGallop, Price, Transfer

    Progress = Callable[[Transfer], object]

FOLDER = typer.Argument(
    help="A folder with a prompt.txt and images or a video, by the rules of a drop. Or use the options.",
    metavar="FOLDER",
)
_PROMPT = "What happens; [Image 1] is the first image."
_IMAGE = "A reference image: a file, or an address (https://...). Repeat it for more; their order counts."
_N = "How many videos of different seeds, to choose from: 1 to 4. All are charged."
# Options that may be repeated, by the names of their fields.
_OPTIONS = {"images": "image", "tags": "tag"}
_METADATA = "Your own data, which is returned with the job. Repeat it for more."
_ACCOUNT = "The DashScope account of the stack on which it must run."
_TAG = "A tag of the accounts on which it may run, as region=eu. Repeat it for more."


def takes_a_request(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the folder, and an option for each field, as its arguments ``folder`` and ``fields``."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    made = [_parameter("folder", str, FOLDER), *_media(), *_scalars()]
    made += [parameter for parameter in own if parameter.kind is not parameter.VAR_KEYWORD]
    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in made]
    command.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    return command


def _media() -> list[inspect.Parameter]:
    return [
        _parameter("prompt", str, typer.Option("--prompt", "-p", help=_PROMPT)),
        _parameter("image", list[str], typer.Option("--image", "-i", help=_IMAGE, metavar="FILE")),
        _parameter("first_frame", str, typer.Option(help="The image that the video starts with.", metavar="FILE")),
        _parameter("video", str, typer.Option(help="The video to edit.", metavar="FILE")),
        _parameter(
            "model",
            str,
            typer.Option(help="By default, the files decide.", autocompletion=_completer([*models.MODELS])),
        ),
    ]


def _scalars() -> list[inspect.Parameter]:
    found = [_of_field(variants) for variants in models.parameters().values()]
    return [
        *found,
        _parameter("n", int, typer.Option("--n", help=_N, min=1)),
        _of_field([PRIORITY]),
        _parameter("metadata", list[str], typer.Option(help=_METADATA, metavar="NAME=VALUE")),
        _parameter("webhook", str, typer.Option(help="The path at your webhook endpoint to notify at the end.")),
        _parameter("account", str, typer.Option(help=_ACCOUNT, metavar="NAME")),
        _parameter("tag", list[str], typer.Option(help=_TAG, metavar="NAME=VALUE")),
    ]


def _of_field(variants: Sequence[Field]) -> inspect.Parameter:
    """Return the option of a field, which models may have in several variants."""
    first = variants[0]
    words = list(dict.fromkeys(word for one in variants if isinstance(one, Choice) for word in one.choices))
    parts = [first.description, f"One of {', '.join(words)}." if words else ""]
    if isinstance(first, Whole):
        parts.append(f"From {first.within.start:,} to {first.within.stop - 1:,}.")
    if first.default is not None and not isinstance(first, Flag):
        parts.append(f"Default: {first.default}.")
    kind: Any = {Whole: int, Flag: bool}.get(type(first), str)
    complete = _completer(words) if words else None
    return _parameter(
        first.name, kind, typer.Option(help=" ".join(part for part in parts if part), autocompletion=complete)
    )


def _parameter(name: str, kind: Any, info: Any) -> inspect.Parameter:  # noqa: ANN401 - a type, and typer's own
    default: Any = [] if kind == list[str] else "" if kind is str else None
    typed: Any = kind if default is not None else kind | None
    annotation: Any = Annotated[typed, info]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _completer(words: Sequence[str]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.lower().startswith(incomplete.lower())]

    return complete


@dataclass(frozen=True, slots=True)
class Wanted:
    """The videos that a command line describes: by a folder, or by a prompt and the options of the client.

    ``n`` is how many; None is one, or as a folder's job.json says.
    """

    folder: str
    prompt: str = field(repr=False)
    options: dict[str, Any] = field(repr=False)
    n: int | None = None

    async def make(self, client: AsyncGallop, again: str, progress: Progress) -> Group:
        """Create the jobs, or find those that the same content has made."""
        word = again or None
        if self.folder:
            return await client.make_folder_group(self.folder, n=self.n, again=word, progress=progress)
        if self.n is None or self.n == 1:
            return Group.of(await client.make(self.prompt, again=word, progress=progress, **self.options))
        return await client.make_group(self.prompt, n=self.n, again=word, progress=progress, **self.options)

    async def price(self, client: AsyncGallop, progress: Progress) -> Price:
        """Return the price."""
        if self.folder:
            return await client.price_folder(self.folder, n=self.n, progress=progress)
        return await client.price(self.prompt, n=1 if self.n is None else self.n, progress=progress, **self.options)

    def place(self, pointer: str) -> str:
        """Return the option, or the image, that a JSON pointer of a refusal is about."""
        name, _, number = pointer.removeprefix("/").partition("/")
        if name == "images" and number.isdecimal():
            files = self.options.get("images", ())
            file = f" ({files[int(number)]})" if int(number) < len(files) else ""
            return f"[Image {int(number) + 1}]{file}"
        if self.folder or not name:
            return name
        return f"--{_OPTIONS.get(name, name).replace('_', '-')}"


def wanted(folder: str, fields: dict[str, Any]) -> Wanted:
    """Return the videos that the arguments of a command describe; end the command if they are none."""
    n = fields.pop("n", None)
    given = {name: value for name, value in fields.items() if value not in (None, "", [])}
    if folder:
        _check_folder(folder, given)
        return Wanted(folder, "", {}, n)
    if not given:
        refuse("There is nothing to make a video from. Name a folder, or use --prompt: gallop make --help")
    prompt = given.pop("prompt", "")
    if images := given.pop("image", None):
        given["images"] = images
    if pairs := given.pop("metadata", None):
        given["metadata"] = dict(_pair(text) for text in pairs)
    if texts := given.pop("tag", None):
        given["tags"] = placing.tags_of(texts)
    return Wanted("", prompt, given, n)


def _check_folder(text: str, given: dict[str, Any]) -> None:
    folder = Path(text)
    if folder.is_file():
        refuse(f"{text} is a file, and a folder is required. For an image, use: gallop make -i {text} -p ...")
    if not folder.is_dir():
        hint = _similar(folder)
        refuse(f"There is no folder {text}.{f' Did you mean {hint}?' if hint else ' Check its name.'}")
    if given:
        name = next(iter(given)).replace("_", "-")
        refuse(f"--{name} cannot be used with a folder. Write it into the folder: prompt.txt, job.json, or its files.")


def _similar(folder: Path) -> Path | None:
    try:
        names = [one.name for one in folder.parent.iterdir() if one.is_dir()]
    except OSError:
        return None
    found = difflib.get_close_matches(folder.name, names, n=1)
    return folder.with_name(found[0]) if found else None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        refuse(f"--metadata {text!r} is not a name and a value. Write: --metadata order=17")
    return name, value

"""The prompt that the MCP door offers: how to write one for a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.doors.mcp.messages import INVALID_PARAMS, ProtocolError

if TYPE_CHECKING:
    from gallop.doors.mcp.call import Call
    from gallop.doors.mcp.messages import Message

NAME = "write_video_prompt"
MAX_CHARACTERS = 2000
_DESCRIPTION = "Write the prompt of a video from an idea, with [Image 1], [Image 2], ... for its reference images."
_ARGUMENTS = (
    ("idea", "What the video should show.", True),
    ("images", "What the reference images show, in their order.", False),
)
_TEXT = """\
Write the prompt of a short video, then price it with price_video and ask me before you call make_video.

- The prompt refers to the reference images by their place in the list `images`: [Image 1] is the first, [Image 2] the
  second, and so on, up to 9. Write the words exactly so, with brackets, a space and a number.
- Say which part of each image is meant: "the woman of [Image 1] opens the fan of [Image 2]".
- A number without an image is refused. An image that the prompt does not name may be ignored.
- Without images, or with `first_frame`, write no [Image N]. With `video`, say what must change; [Image N] then refers
  to the images beside it.
- Describe one scene of 3 to 15 seconds: subject, movement, camera, light. No cuts that need more time.
- At most 5,000 characters; a Chinese character counts as two.

The idea: {idea}
The images, in their order: {images}"""


def listed(_: Call, __: Message) -> dict[str, Any]:
    """List the prompt."""
    sent = [{"name": name, "description": about, "required": needed} for name, about, needed in _ARGUMENTS]
    title = "Write a prompt for a video"
    return {"prompts": [{"name": NAME, "title": title, "description": _DESCRIPTION, "arguments": sent}]}


def got(_: Call, message: Message) -> dict[str, Any]:
    """Return the prompt with its arguments.

    Raises:
        ProtocolError: there is no such prompt, or an argument is missing or not a text.

    """
    if message.text("name") != NAME:
        raise ProtocolError(INVALID_PARAMS, f"Unknown prompt. The only one is {NAME}.")
    sent = message.params.get("arguments")
    given = {name: sent.get(name) for name, _, _ in _ARGUMENTS} if isinstance(sent, dict) else {}
    values = {name: value for name, value in given.items() if isinstance(value, str)}
    if not values.get("idea"):
        raise ProtocolError(INVALID_PARAMS, "The argument 'idea' is missing.")
    texts = {name: value[:MAX_CHARACTERS] for name, value in values.items()}
    text = _TEXT.format(**{"images": "none", **texts})
    return {
        "description": _DESCRIPTION,
        "messages": [{"role": "user", "content": {"type": "text", "text": text}}],
    }

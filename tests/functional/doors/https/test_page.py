"""The page is served as files: with a strict policy, checked at each visit, and the same to everybody."""

from __future__ import annotations

import base64
import gzip
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from gallop.doors.https.openapi.files import refusals

from tests.functional.doors.https.test_describe import IMPORT
from tests.support.http import Client
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sandbox import Sandbox

FOLDER = ROOT / "functions" / "page"
TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in TYPES)
PROTECTION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
REGION, ACCOUNT = "eu-central-1", "123456789012"


def ask(sandbox: Sandbox, path: str = "/app", method: str = "GET", **headers: str) -> Any:  # noqa: ANN401 - JSON
    """Request a path."""
    event = json.loads((ROOT / "events" / "page-start.json").read_text(encoding="utf-8"))
    event["rawPath"], event["requestContext"]["http"]["method"] = path, method
    del event["headers"]["accept-encoding"]
    event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return sandbox.invoke("PageFunction", event)


def body(answer: dict[str, Any]) -> bytes:
    """Return the bytes that a browser gets."""
    sent = base64.b64decode(answer["body"])
    return gzip.decompress(sent) if "Content-Encoding" in answer["headers"] else sent


def policy(sandbox: Sandbox) -> dict[str, str]:
    """Return the page's content security policy by directive."""
    directives = ask(sandbox)["headers"]["Content-Security-Policy"].split("; ")
    return {name: values for name, _, values in (one.partition(" ") for one in directives)}


def test_it_loads_the_standard_library_only(sandbox: Sandbox) -> None:
    """Neither a layer nor an SDK delays the first visit."""
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT, str(FOLDER)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout
    loaded = {name.partition(".")[0] for name in printed.split()}
    assert {"app", "__main__"} == loaded - sys.stdlib_module_names
    assert () == sandbox.stack.deployment.functions["PageFunction"].layers


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_served_as_it_is(sandbox: Sandbox, name: str) -> None:
    """Plain and compressed, with its media type and what protects it."""
    plain, compressed = (ask(sandbox, f"/app/{name}", **headers) for headers in ({}, {"accept_encoding": "br, gzip"}))
    content = page_function(FOLDER).content(name)
    assert name == "main.js" or (FOLDER / name).read_bytes() == content
    assert [content, content] == [body(plain), body(compressed)]
    assert TYPES[f".{name.rpartition('.')[2]}"] == plain["headers"]["Content-Type"]
    assert ("gzip", "Accept-Encoding") == (compressed["headers"]["Content-Encoding"], plain["headers"]["Vary"])
    assert PROTECTION.items() <= plain["headers"].items()


def test_the_page_is_at_its_address(sandbox: Sandbox) -> None:
    """HEAD is answered as GET."""
    answer = ask(sandbox)
    assert (FOLDER / "index.html").read_bytes() == body(answer)
    assert answer == ask(sandbox, method="HEAD")


def test_a_visit_is_a_few_requests() -> None:
    """Each is a run of the function, and a new AWS account runs ten at a time: more would fail with 503."""
    named = re.findall(r'(?:src|href)="app/([^"#]+)', (FOLDER / "index.html").read_text(encoding="utf-8"))
    assert 8 > len({"index.html", *named}), named


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_modules_can_be_sent_together(name: str) -> None:
    """They import and export in the two forms that the function knows; it sends `main.js` with all that it imports."""
    code = page_function(FOLDER)
    rest = re.sub(code.EXPORT, "", re.sub(code.IMPORT, "", (FOLDER / name).read_text(encoding="utf-8")))
    assert [] == re.findall(r"^(?:import|export|await)\b.*", rest, re.MULTILINE)
    assert code.modules(name)[-1] == name


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js runs the script; it is not installed")
def test_the_script_contains_all_modules(tmp_path: Path) -> None:
    """Each in a scope of its own, before those that import it, and once."""
    own = "const mine = () => %d;\n"
    files = {
        "a.js": own % 1 + "export function first() { return mine(); }\nexport class Last {}\n",
        "b.en.js": own % 2 + 'import {first} from "./a.js";\nexport const text = `${mine()}${first()}`;\n',
        "main.js": (own % 3).replace("mine", "own")
        + 'import {first as one, Last} from "./a.js";\nimport {\n  text,\n} from "./b.en.js";\n'
        + "console.log(own(), one(), text, new Last().constructor.name);\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    script = page_function(tmp_path).content("main.js")
    assert script.count(b"// a.js") == 1
    node = ["node", "--input-type=module", "-"]
    assert b"3 1 21 Last\n" == subprocess.run(node, input=script, capture_output=True, check=True).stdout
    # A web server without the function sends the same.
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    alone = subprocess.run(["node", "main.js"], cwd=tmp_path, capture_output=True, check=True)
    assert b"3 1 21 Last\n" == alone.stdout


def page_function(folder: Path) -> Any:  # noqa: ANN401 - a module that is in no package
    """Load the function as if its files were in a folder."""
    spec = importlib.util.spec_from_file_location("page_function", FOLDER / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.FOLDER = folder  # type: ignore[attr-defined]
    return module


def test_a_file_is_sent_again_only_if_it_has_changed(sandbox: Sandbox) -> None:
    """A browser asks at each visit, so that no module of an earlier version runs beside one of today's."""
    first = ask(sandbox)
    assert "no-cache" == first["headers"]["Cache-Control"]
    for seen in (first["headers"]["ETag"], f'"a", {first["headers"]["ETag"]}', "*"):
        again = ask(sandbox, if_none_match=seen)
        assert 304 == again["statusCode"]
        assert "body" not in again
        assert first["headers"] == again["headers"]
    assert 200 == ask(sandbox, if_none_match='W/"another"')["statusCode"]


def test_the_policy_allows_the_page_its_own_files_and_two_buckets(sandbox: Sandbox) -> None:
    """No inline code, nothing of others; pictures and videos from the results, uploads to the inbox."""
    inbox, results = (
        f"https://gallop-{name}-{ACCOUNT}-{REGION}.s3.{REGION}.amazonaws.com "
        f"https://gallop-{name}-{ACCOUNT}-{REGION}.s3.amazonaws.com"
        for name in ("inbox", "results")
    )
    expected = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' blob: data: {results}",
        "media-src": f"blob: {results}",
        "connect-src": f"'self' {inbox}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert expected == policy(sandbox)


def test_the_policy_covers_the_addresses_that_gallop_presigns(sandbox: Sandbox) -> None:
    """A video and the form of an upload have hosts that it names."""
    ada = Client(sandbox)
    upload = ada.upload({"content_type": "image/jpeg"}).json["url"]
    allowed = policy(sandbox)
    assert upload.rstrip("/") in allowed["connect-src"].split()
    job = sandbox.storing()
    sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    sandbox.invoke("FinishFunction", {"job_id": job.id})
    video = ada.get(f"/v1/videos/{job.id}/content", accept="application/json").json["url"]
    assert "/".join(video.split("/")[:3]) in allowed["media-src"].split()


@pytest.mark.parametrize(
    "name", ["../app.py", "app.py", "app", "", "index.html/..", "../describe/docs.html", "no_such_route.json", "é.js"]
)
def test_no_other_file_is_served(sandbox: Sandbox, name: str) -> None:
    """A name is looked up, never joined to a path; an unknown one gets the usual 404."""
    answer = ask(sandbox, f"/app/{name}")
    assert (404, "application/problem+json") == (answer["statusCode"], answer["headers"]["Content-Type"])
    assert "no_such_route" == json.loads(body(answer))["code"]


def test_other_methods_are_refused(sandbox: Sandbox) -> None:
    """With the right ones."""
    answer = ask(sandbox, method="POST")
    assert (405, "GET, HEAD") == (answer["statusCode"], answer["headers"]["Allow"])


def test_nothing_depends_on_the_key(sandbox: Sandbox) -> None:
    """With a key or without: the same bytes and headers."""
    key = sandbox.mint("ada")
    answers = [ask(sandbox, **headers) for headers in ({}, {"authorization": f"Bearer {key}"}, {"cookie": "a=b"})]
    assert answers[0] == answers[1]
    assert answers[0] == answers[2]


def test_it_refuses_in_the_words_of_the_door() -> None:
    """`make docs` writes them; of that folder, it writes nothing else."""
    assert refusals() == {name: (FOLDER / name).read_text(encoding="utf-8") for name in refusals()}


def test_pages_of_the_api_may_upload_and_nothing_more(sandbox: Sandbox) -> None:
    """The rule names the addresses of APIs in this region; pictures and videos need no rule, and the API none."""
    (rule,) = sandbox.s3.get_bucket_cors(Bucket=sandbox.inbox)["CORSRules"]
    pattern = f"https://*.execute-api.{REGION}.amazonaws.com"
    assert {"AllowedMethods": ["POST"], "AllowedOrigins": [pattern], "MaxAgeSeconds": 3600} == rule
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        sandbox.s3.get_bucket_cors(Bucket=sandbox.results)
    assert "x-amazon-apigateway-cors" not in sandbox.stack.deployment.resources["HttpApi"].properties["Body"]

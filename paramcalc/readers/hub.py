"""`hf://org/name[@revision][/file]`: a model's config.json, or the headers of its weights, from the Hugging Face hub.

Needs the extra `paramcalc[hub]`. Weights are never downloaded: headers come by range requests, and what a server sends
beyond the bytes asked for is not read. Only https, only the hub's hosts (or the host of `HF_ENDPOINT`), few redirects;
the token is the one huggingface_hub finds, is sent to the endpoint only, and is never shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from paramcalc.errors import InputError, NetworkError, PCError, Problem, UsageError
from paramcalc.readers.beside import PROCESSORS, QUANTIZATION
from paramcalc.readers.config.quantization import KEYS
from paramcalc.readers.headers.header import MAX_HEADER, MAX_TENSORS, Header
from paramcalc.readers.hub_cache import COMMIT, cached, keep
from paramcalc.readers.names import near_presets
from paramcalc.readers.text.limits import MAX_BYTES
from paramcalc.readers.text.values import expected
from paramcalc.repositories import HOSTS, PREFIX, REPOSITORY
from paramcalc.sanitize import quote, visible

if TYPE_CHECKING:
    from paramcalc.readers.text.document import Document

MODEL = re.compile(f"{PREFIX}({REPOSITORY})" r"(?:@(refs/\w{1,32}/\w{1,32}|[\w.-]{1,128}))?"
                   r"(?:/((?:[\w.-]{1,128}/)*[\w.-]{1,128}\.(?:safetensors|json)))?")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
FIRST = 2**16
"""Bytes asked for first: most headers fit."""
MAX_REDIRECTS = 5
MAX_SHARDS = 1_000
TIMEOUT = 15.0
"""Seconds without an answer."""
DEADLINE = 60.0
"""Seconds for one answer as a whole, headers and redirects included."""

TOWERS = ("vision_config", "audio_config", "thinker_config", "vision_tower", "visual")
"""Keys of one whose pictures or recordings a processor cuts."""

Tell = Callable[[str], None]
"""Called with the address of each request before it is made."""


def silent(url: str) -> None:
    """Ignore the address of a request: what is told where nobody listens."""


class Place(NamedTuple):
    """A file of a repository of the hub."""

    repository: str
    revision: str | None
    file: str | None
    tell: Tell = silent


def place(model: str, tell: Tell = silent) -> Place:
    """What `hf://…` names. Raises UsageError for anything that is not a repository and a file in it."""
    match = MODEL.fullmatch(model)
    if match is None or ".." in model:
        raise UsageError(Problem(f"expected hf://organisation/name[@revision][/file.safetensors], "
                                 f"found {quote(model)}"))
    return Place(match[1], match[2], match[3], tell)


def read_hub(model: str, tell: Tell = silent) -> Document | Header:
    """The document of a config.json, or the header of weights where a file is named or there is no config.json.

    `tell` is called with the address of each request.

    Raises NetworkError when the hub does not answer or answers with an error, InputError for what it sends.
    """
    where = place(model, tell)
    if where.file is None:
        try:
            document = _config(where, "config.json", model)
        except MissingFileError:
            return _weights(where, model)
        return document._replace(beside=_beside(where, document.data, model))
    if where.file.endswith(".safetensors"):
        return _header(where, where.file)
    return _index(where, where.file) if where.file.endswith(".index.json") else _config(where, where.file, model)


def _beside(where: Place, config: dict[str, Any], model: str) -> dict[str, dict[str, Any]]:
    """What files beside a config.json say that it does not say itself: formats of weights, how pictures are cut."""
    names: tuple[str, ...] = () if any(config.get(key) for key in KEYS) else (QUANTIZATION,)
    if any(config.get(key) for key in TOWERS):
        names += PROCESSORS
    contents = {}
    for name in names:
        with suppress(MissingFileError):
            contents[name] = _config(where, name, model).data
    return contents


def _small_file(where: Place, file: str) -> Answer:
    """A small file; where the hub cannot be reached, names presets like it, which need no network."""
    try:
        return _get(_url(where, file), 0, MAX_BYTES + 1, where.tell)
    except MissingFileError:
        raise
    except NetworkError as error:
        near = _alike(where.repository)
        raise NetworkError(*(problem._replace(hint="; ".join(filter(None, (problem.hint, near))))
                             for problem in error.problems)) from error


def _alike(repository: str) -> str:
    """Presets that need no network and whose names are like a repository's: often of the model it was tuned from."""
    near = near_presets(repository)
    return f"presets of like names: {', '.join(near)}" if near else ""


class MissingFileError(NetworkError):
    """The repository has no such file."""


def _hub() -> Any:  # noqa: ANN401 - a module that need not be installed
    try:
        import huggingface_hub
    except ImportError:
        raise UsageError(Problem("reading from the hub needs huggingface_hub",
                                 hint="pip install 'paramcalc[hub]'")) from None
    return huggingface_hub


def offline() -> bool:
    """Whether only what is cached may be read."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _url(where: Place, file: str) -> str:
    url: str = _hub().hf_hub_url(where.repository, file, revision=where.revision, endpoint=_endpoint())
    return url


def _config(where: Place, file: str, model: str) -> Document:
    """A small JSON file, kept in huggingface_hub's cache."""
    from paramcalc.readers.files import read_file
    from paramcalc.readers.text.document import read_json

    if offline() or COMMIT.fullmatch(where.revision or ""):
        path = cached(_hub(), where.repository, where.revision, file)
        if path is not None:
            return read_json(read_file(path), model)
    if offline():
        kind = NetworkError if file == "config.json" else MissingFileError
        raise kind(Problem(f"{file} of {where.repository} is not in the cache, and reading is offline",
                           hint=_alike(where.repository)))
    answer = _small_file(where, file)
    if len(answer.raw) > MAX_BYTES:
        raise InputError(Problem(f"expected at most {MAX_BYTES:,} bytes in {file}, found more", source=model))
    keep(_hub(), where.repository, where.revision, file, answer.raw, answer.commit)
    return read_json(answer.raw, model)


def _weights(where: Place, model: str) -> Header:
    for file, read in (("model.safetensors.index.json", _index), ("model.safetensors", _header)):
        try:
            return read(where, file)
        except MissingFileError:
            continue
    raise NetworkError(Problem(f"{quote(model)}: expected config.json or a .safetensors file, found neither"))


def _header(where: Place, file: str) -> Header:
    """The header of one file of weights: its length, then as many bytes as it says."""
    from paramcalc.readers.headers.safetensors import interpret, parse

    url, source = _url(where, file), f"hf://{where.repository}/{file}"
    raw, size, _ = _get(url, 0, FIRST, where.tell)
    if len(raw) < 8 or size is None:
        raise InputError(Problem(f"expected a header of at least 8 bytes in a file of stated length, "
                                 f"found {len(raw):,} bytes", source=source))
    length = int.from_bytes(raw[:8], "little")
    if length > MAX_HEADER or 8 + length > size:
        raise InputError(Problem(f"expected a header of {length:,} bytes, found a file of {size:,}", source=source))
    if 8 + length > len(raw):
        raw = _get(url, 0, 8 + length, where.tell).raw
    if len(raw) < 8 + length:
        raise NetworkError(Problem(f"{file}: expected {8 + length:,} bytes, "
                                   f"found {len(raw):,}", hint="the answer was cut off: try again"))
    return interpret(parse(raw[8 : 8 + length], source), source, size - 8 - length)


def _index(where: Place, file: str) -> Header:
    """The headers of all shards an index names."""
    from paramcalc.readers.headers.safetensors import parse

    source = f"hf://{where.repository}/{file}"
    raw = _get(_url(where, file), 0, MAX_HEADER, where.tell).raw
    weight_map = parse(raw, source).get("weight_map")
    if type(weight_map) is not dict or not all(type(shard) is str for shard in weight_map.values()):
        message = expected("a mapping of tensor names to file names", weight_map)
        raise InputError(Problem(f"weight_map: {message}", source=source))
    shards = sorted(set(weight_map.values()))
    if len(shards) > MAX_SHARDS:
        raise InputError(Problem(f"weight_map: expected at most {MAX_SHARDS:,} shards, "
                                 f"found {len(shards):,}", source=source))
    bad = [shard for shard in shards if not re.fullmatch(r"[\w.-]{1,200}\.safetensors", shard)]
    if bad:
        raise InputError(*(Problem(f"weight_map: expected a plain file name, found {quote(shard)}", source=source)
                           for shard in bad))
    headers: list[Header] = []
    for shard in shards:
        headers.append(_header(where, shard))
        if sum(len(header.tensors) for header in headers) > MAX_TENSORS:
            raise InputError(Problem(f"expected at most {MAX_TENSORS:,} tensors in its shards, "
                                     f"found more", source=source))
    return Header(source, tuple(tensor for header in headers for tensor in header.tensors), {})


class Answer(NamedTuple):
    """What the hub sent."""

    raw: bytes
    size: int | None
    """Of the whole file, if the server says it."""
    commit: str
    """Of the repository; empty if the endpoint does not say it."""


def _get(url: str, start: int, length: int, tell: Tell) -> Answer:
    """At most `length` bytes of a file from `start`, within `DEADLINE` seconds, redirects included."""
    if offline():
        raise NetworkError(Problem("headers of weights are not cached, and reading is offline"))
    hub = _hub()
    headers = dict(hub.utils.build_hf_headers()) | {"Range": f"bytes={start}-{start + length - 1}",
                                                    "Accept-Encoding": "identity"}
    try:
        return _within(DEADLINE, lambda: _follow(hub.get_session(), url, headers, length, tell), url)
    except PCError:
        raise
    except Exception as error:
        raise NetworkError(Problem(f"{_address(url)}: {type(error).__name__}: {str(error)[:200]}",
                                   hint="check the network; --offline reads only the cache")) from error


def _within(seconds: float, task: Callable[[], Answer], url: str) -> Answer:
    """What a task gives, if it does in time.

    The client only bounds the wait for each piece: a server that sends a byte now and then, in its headers too, would
    be waited for without end. The thread is left to itself then.
    """
    outcome: list[Answer | Exception] = []

    def run() -> None:
        try:
            outcome.append(task())
        except Exception as error:
            outcome.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise NetworkError(Problem(f"{_address(url)}: expected the whole answer within {seconds:.0f} seconds, "
                                   f"found a part of it", hint="try again"))
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _follow(session: Any, url: str, headers: dict[str, str], length: int,  # noqa: ANN401 - see _refused
            tell: Tell) -> Answer:
    commit = ""
    for _ in range(MAX_REDIRECTS + 1):
        _allowed(url)
        tell(_address(url))
        sent = headers if _home(url) else {k: v for k, v in headers.items() if k.lower() != "authorization"}
        with session.stream("GET", url, headers=sent, follow_redirects=False, timeout=TIMEOUT) as response:
            commit = commit or (response.headers.get("x-repo-commit", "") if _home(url) else "")
            if response.status_code in (301, 302, 303, 307, 308):
                url = urljoin(url, response.headers.get("location", ""))
                continue
            _refused(response, url)
            return Answer(_body(response, length), _size(response), commit)
    raise NetworkError(Problem(f"{_address(url)}: expected at most {MAX_REDIRECTS} redirects, found more"))


def _allowed(url: str) -> None:
    """Https and the hub's hosts; or the endpoint that was set, on this machine without https too."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (_home(url) and host in LOOPBACK):
        raise NetworkError(Problem(f"{_address(url)}: expected https, "
                                   f"found {visible(parts.scheme or 'no scheme', 40)}"))
    if not _home(url) and not any(host == name or host.endswith(f".{name}") for name in HOSTS):
        raise NetworkError(Problem(f"{_address(url)}: expected a host of the hub, "
                                   f"found {visible(host or 'none', 100)}"))


def _home(url: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(_endpoint())[:2]


def _address(url: str) -> str:
    """An address without its query, which may carry a signature."""
    return url.split("?", 1)[0][:300]


def _refused(response: Any, url: str) -> None:  # noqa: ANN401 - a response of whatever client the hub uses
    code = response.status_code
    if code in (200, 206):
        return
    hints = {401: "log in with `hf auth login`, or the model is not public", 403: "accept the model's terms on the hub",
             404: "check the name and the revision",
             429: f"the hub asks to wait {response.headers.get('retry-after', 'a while')}"}
    kind = MissingFileError if code == 404 else NetworkError
    raise kind(Problem(f"{_address(url)}: expected status 200, found {code}", hint=hints.get(code, "")))


def _body(response: Any, length: int) -> bytes:  # noqa: ANN401 - see _refused
    """The bytes asked for; a server that ignores the range is not listened to beyond them."""
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) >= length:
            break
    return bytes(body[:length])


def _size(response: Any) -> int | None:  # noqa: ANN401 - see _refused
    ranged = re.fullmatch(r"bytes \d+-\d+/(\d{1,19})", response.headers.get("content-range", ""))
    text = ranged[1] if ranged else response.headers.get("content-length", "") if response.status_code == 200 else ""
    return int(text) if text.isdecimal() and len(text) < 20 else None

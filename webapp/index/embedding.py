"""Texts to vectors: the `Embedder` port and the embedder that needs neither network nor key.

WordLlama's weights are the token embeddings of Llama 2, reduced to 256 dimensions; a text is the
mean of its tokens, scaled to length 1. We read the weights file of the `wordllama` package
ourselves, because importing the package configures logging and keeps a float32 copy in memory.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import structlog
from flask import Flask, current_app

from webapp.core.arrays import np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

Vectors: TypeAlias = "NDArray[np.float32]"

BATCH_TEXTS = 64
#: what is sent of one text to a foreign embedder
MAX_TEXT_CHARS = 8_000
#: how long a foreign embedder that failed is left alone by queries
PAUSE_SECONDS = 10.0
#: where an application keeps its embedders
KEY = "callboard-embedders"

log = structlog.get_logger(__name__)


class EmbedderDown(Exception):
    """The embedder gives no vectors now; keywords still find."""


class Embedder(Protocol):
    """What the index needs of an embedder."""

    @property
    def name(self) -> str:
        """Names the vector space: vectors of different names are never compared."""

    @property
    def dimensions(self) -> int:
        """The length of a vector."""

    @property
    def weights(self) -> tuple[float, float]:
        """The shares of keywords and of vectors in a hybrid score."""

    @property
    def related_from(self) -> float:
        """The cosine from which a text is hardly by chance near to a few words."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, dimensions); zeros for a text without any token.

        Raises EmbedderDown where it cannot.
        """


class WordLlamaEmbedder:
    """WordLlama, 256 dimensions: 0.2 ms a query on one core, 16 MB of shared mapped memory."""

    name = "wordllama-l2-supercat-256"
    dimensions = 256
    weights = (0.7, 0.3)
    # Texts and labels that have nothing to do with each other reach 0.36; a taxonomy has thousands.
    related_from = 0.4

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (texts, 256)."""
        with self._lock:
            tokenizer, matrix = self._tokenizer, self._matrix
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), BATCH_TEXTS):
            # Half a surrogate pair can come out of JSON, and the tokenizer would refuse it.
            batch = [
                text.encode("utf-8", "replace").decode()
                for text in texts[start : start + BATCH_TEXTS]
            ]
            encodings = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            for at, encoding in enumerate(encodings, start):
                if ids := encoding.ids:
                    tokens = matrix.take(ids, axis=0).astype(np.float32)
                    vectors[at] = np.ones(len(ids), dtype=np.float32) @ tokens
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, norms, out=vectors, where=norms > 0)
        return vectors

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer  # 5 MB, for those who embed

        tokenizer = Tokenizer.from_file(
            str(_package() / "tokenizers" / "l2_supercat_tokenizer_config.json")
        )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _matrix(self) -> NDArray[np.float16]:
        return map_tensor(
            _package() / "weights" / "l2_supercat_256.safetensors", "embedding.weight"
        )


def map_tensor(path: Path, name: str) -> NDArray[np.float16]:
    """A float16 tensor of a safetensors file, mapped: processes share its pages.

    The `safetensors` package reads into private memory, which would cost every process 16 MB.
    """
    with path.open("rb") as file:
        header_size = int.from_bytes(file.read(8), "little")
        tensor = json.loads(file.read(header_size))[name]
    if tensor["dtype"] != "F16":
        raise ValueError(f"{path.name}: {name} is {tensor['dtype']}, not F16.")
    return np.memmap(
        path,
        dtype="<f2",
        mode="r",
        offset=8 + header_size + tensor["data_offsets"][0],
        shape=tuple(tensor["shape"]),
    )


def _package() -> Path:
    spec = find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The package wordllama, which carries the weights, is not installed.")
    return Path(spec.submodule_search_locations[0])


class OpenAIEmbedder:
    """An address that answers `POST /embeddings` as OpenAI's does.

    A query waits 2.5 s for it, documents 60 s and a second try. After a failure nobody asks again
    for 10 s, so that queries do not wait for what is not there.
    """

    weights = (0.5, 0.5)
    related_from = 0.25

    def __init__(self, url: str, model: str, dimensions: int, api_key: str | None = None) -> None:
        self.name = f"{model}-{dimensions}"
        self.dimensions = dimensions
        self._url = f"{url.rstrip('/')}/embeddings"
        self._model = model
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._down_until = 0.0

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (texts, dimensions); EmbedderDown where it fails."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), BATCH_TEXTS):
            batch = [text[:MAX_TEXT_CHARS] or " " for text in texts[start : start + BATCH_TEXTS]]
            vectors[start : start + len(batch)] = self._ask(batch, is_query=len(texts) == 1)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, norms, out=vectors, where=norms > 0)
        return vectors

    def _ask(self, batch: list[str], *, is_query: bool) -> Vectors:
        import httpx  # only where such an embedder is configured

        if is_query and time.monotonic() < self._down_until:
            raise EmbedderDown("It did not answer a moment ago.")
        body = {"model": self._model, "input": batch, "encoding_format": "float"}
        timeout, tries = (2.5, 1) if is_query else (60.0, 2)
        error = ""
        for attempt in range(tries):
            if attempt:
                time.sleep(1)
            try:
                answer = httpx.post(self._url, json=body, headers=self._headers, timeout=timeout)
                answer.raise_for_status()
                return self._read(answer.json(), len(batch))
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as failure:
                error = type(failure).__name__
        self._down_until = time.monotonic() + PAUSE_SECONDS
        log.warning("embedder_down", embedder=self.name, error=error)
        raise EmbedderDown(error)

    def _read(self, answer: Any, count: int) -> Vectors:
        rows = sorted(answer["data"], key=lambda row: int(row["index"]))
        vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        if vectors.shape != (count, self.dimensions) or not np.isfinite(vectors).all():
            raise ValueError(f"It answered {vectors.shape} for {(count, self.dimensions)}.")
        return vectors


#: it keeps nothing of an application, so all of a process share its weights
local_embedder = WordLlamaEmbedder()


class Embedders:
    """The embedders that an application knows, by name, and the one of its new indexes."""

    def __init__(self) -> None:
        self.known: dict[str, Embedder] = {local_embedder.name: local_embedder}
        self.default: Embedder = local_embedder


def init_app(app: Flask) -> None:
    """Use the embedder that the settings name, where they name one."""
    app.extensions[KEY] = Embedders()
    settings = app.config["CALLBOARD"]
    if settings.embedder_url:
        embedder = OpenAIEmbedder(
            settings.embedder_url,
            settings.embedder_model,
            settings.embedder_dimensions,
            settings.embedder_api_key,
        )
        use_embedder(embedder, app)


def use_embedder(embedder: Embedder, app: Flask | None = None) -> None:
    """Let an application, or the running one, know an embedder, and make it that of new indexes."""
    embedders = _embedders_of(app or current_app)
    embedders.known[embedder.name] = embedders.default = embedder


def get_embedder(name: str | None = None) -> Embedder:
    """The embedder of this installation, or the one with a name; it loads when first used.

    Raises EmbedderDown where the application does not know the name.
    """
    embedders = _embedders_of(current_app)
    embedder = embedders.known.get(name) if name else embedders.default
    if embedder is None:
        raise EmbedderDown(f"No embedder is called {name}.")
    return embedder


def _embedders_of(app: Flask) -> Embedders:
    embedders: Embedders = app.extensions.setdefault(KEY, Embedders())
    return embedders

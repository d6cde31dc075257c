"""Texts to vectors: the `Embedder` port and the embedder that needs neither network nor key.

WordLlama's weights are the token embeddings of Llama 2, reduced to 256 dimensions; a text is the
mean of its tokens, scaled to length 1. We read the weights file of the `wordllama` package
ourselves, because importing the package configures logging and keeps a float32 copy in memory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Vectors = NDArray[np.float32]

BATCH_TEXTS = 64


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

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, dimensions); zeros for a text without any token."""


class WordLlamaEmbedder:
    """WordLlama, 256 dimensions: 0.2 ms a query on one core, 16 MB of shared mapped memory."""

    name = "wordllama-l2-supercat-256"
    dimensions = 256
    weights = (0.7, 0.3)

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


local_embedder = WordLlamaEmbedder()


def get_embedder() -> Embedder:
    """The embedder of this installation; it loads its weights when first used."""
    return local_embedder

"""Secrets as the database keeps them."""

from __future__ import annotations

import pytest
from apiflask import APIFlask

from webapp.core import sealing


def test_what_is_sealed_can_be_read_again_and_looks_like_nothing(app: APIFlask) -> None:
    sealed = sealing.seal("garnet ü")
    assert sealing.unseal(sealed) == "garnet ü"
    assert "garnet" not in sealed
    assert sealing.seal("garnet ü") != sealed


def test_with_another_key_it_cannot(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = sealing.seal("garnet")
    other = app.config["CALLBOARD"].model_copy(update={"secret_key": "another"})
    monkeypatch.setitem(app.config, "CALLBOARD", other)
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(sealed)

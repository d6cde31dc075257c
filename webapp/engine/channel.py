"""Channel: what a runner's program and its worker tell each other, as lines of JSON.

Inside a runner:

    def run(order: dict[str, Any], channel: Channel) -> None:
        channel.tell({"log": "begun"})
        answer = channel.ask({"ask": "search", "query": order["query"]})

A line is `[number, message]`: 0 for what is told (the order, too), the number of a question for
its answer, and FAILED for the program's exception as text. Imports the standard library only.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from concurrent.futures import Future
from typing import Any, NoReturn

from webapp.engine.sandbox import MEBIBYTE, describe

#: of one line, in either direction
MESSAGE_BYTES = 4 * MEBIBYTE
TOLD = 0
FAILED = -1


class Channel:
    """The program's end. All of it may be called by any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._lock = threading.Lock()
        self._questions: dict[int, Future[dict[str, Any]]] = {}
        self._question_count = 0

    def receive_order(self) -> dict[str, Any]:
        return self._receive()[1]

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message; it waits while the worker does not read.

        ValueError where it is no JSON, or longer than MESSAGE_BYTES.
        """
        self._send(encode(TOLD, message))

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Send a question and wait for its answer. ValueError as in `tell`."""
        return self._ask(question).result()

    async def ask_async(self, question: dict[str, Any]) -> dict[str, Any]:
        """Like `ask`; the event loop goes on meanwhile."""
        return await asyncio.wrap_future(self._ask(question))

    def tell_failure(self, error: BaseException) -> None:
        """Send an exception as text, as the last message."""
        self._send(encode(FAILED, describe(error)))

    def _ask(self, question: dict[str, Any]) -> Future[dict[str, Any]]:
        answer: Future[dict[str, Any]] = Future()
        with self._lock:
            number = self._question_count + 1
            line = encode(number, question)
            if self._question_count == 0:
                threading.Thread(target=self._read_answers, name="answers", daemon=True).start()
            self._question_count = number
            self._questions[number] = answer
            self._connection.sendall(line)
        return answer

    def _send(self, line: bytes) -> None:
        with self._lock:
            self._connection.sendall(line)

    def _read_answers(self) -> None:
        while True:
            number, answer = self._receive()
            question = self._questions.pop(number)
            # Nobody waits any more for one that was given up.
            if question.set_running_or_notify_cancel():
                question.set_result(answer)

    def _receive(self) -> tuple[int, dict[str, Any]]:
        try:
            line = self._lines.readline()
        except OSError:
            line = b""
        return decode(line) if line else self._end()

    def _end(self) -> NoReturn:
        """End as the worker has ended, or has ended this."""
        os._exit(1)


def encode(number: int, message: dict[str, Any]) -> bytes:
    """One line. ValueError or TypeError where it is no JSON, ValueError where it is too long."""
    text = json.dumps([number, message], ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Half of a surrogate pair, which a text that was cut may end with, has no UTF-8.
    line = text.encode(errors="replace") + b"\n"
    if len(line) > MESSAGE_BYTES:
        raise ValueError(f"A message has at most {MESSAGE_BYTES:,} bytes, this one {len(line):,}.")
    return line


def decode(line: bytes) -> tuple[int, dict[str, Any]]:
    """A line, whoever wrote it. ValueError where it is not what `encode` makes."""
    try:
        match json.loads(line):
            case [int(number), dict(message)]:
                # Refuses what can be read, but not be written: infinity, halves of surrogates.
                json.dumps(message, ensure_ascii=False, allow_nan=False).encode()
                return number, message
    except RecursionError:
        raise ValueError("The message is nested too deeply.") from None
    raise ValueError("The message is not one of a runner.")

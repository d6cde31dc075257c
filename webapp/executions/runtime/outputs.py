"""What an agent's output has to be, and whether it is that."""

from __future__ import annotations

import copy
import json
from typing import Any

from jsonschema import Draft202012Validator
from pydantic_ai import ModelRetry, StructuredDict
from pydantic_ai.exceptions import UserError
from referencing import Registry

#: the member that holds an output which is no object
VALUE = "value"
#: what is said of one answer at most
MAX_FINDINGS = 5


class Output:
    """An agent's output_schema. Models are asked for an object, so others are wrapped in one."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.is_wrapped = schema.get("type") != "object"
        #: what the last answer was refused for
        self.findings: list[str] = []
        self._schema = schema
        self._validator = Draft202012Validator(schema, registry=Registry())

    @property
    def type(self) -> type[dict[str, Any]]:
        """What pydantic-ai asks the model for; it checks none of it."""
        try:
            return StructuredDict(self._object(), name="answer")
        except UserError:  # it knows no schema that contains itself
            text = json.dumps(self._schema, ensure_ascii=False)
            member = {"description": f"A value of this JSON Schema: {text}"}
            self.is_wrapped = True
            return StructuredDict(_wrap(member), name="answer")

    async def check(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer; ModelRetry, which has the model try again, where it is not what it should."""
        errors = self._validator.iter_errors(self.unwrap(answer))
        self.findings = []
        for error in errors:
            place = error.json_path.removeprefix("$").lstrip(".") or "the answer"
            self.findings.append(f"{place}: {error.message[:300]}")
            if len(self.findings) == MAX_FINDINGS:
                break
        if self.findings:
            raise ModelRetry("The answer is not what its schema says: " + "; ".join(self.findings))
        return answer

    def unwrap(self, answer: dict[str, Any]) -> Any:
        """The output itself."""
        return answer.get(VALUE) if self.is_wrapped else answer

    def _object(self) -> dict[str, Any]:
        schema = copy.deepcopy(self._schema)
        if not self.is_wrapped:
            return schema
        definitions = schema.pop("$defs", None)
        whole = _wrap(schema)
        return whole | {"$defs": definitions} if definitions else whole


def _wrap(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {VALUE: schema}, "required": [VALUE]}

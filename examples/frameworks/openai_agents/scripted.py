"""A model that plays a script: it reads the document named in its task, then tells what it read."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from agents import Model, ModelResponse, Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)


class Scripted(Model):
    """Needs no key and no network."""

    async def get_response(
        self, system_instructions: str | None, input: Any, *_: Any, **__: Any
    ) -> ModelResponse:
        """Call the tool at first, and answer with its result."""
        seen = json.dumps(input)
        results = [
            item["output"]
            for item in (input if isinstance(input, list) else [])
            if item.get("type") == "function_call_output"
        ]
        output: Any
        if results:
            text = ResponseOutputText(text=_text(results[-1]), type="output_text", annotations=[])
            output = ResponseOutputMessage(
                id="answer", content=[text], role="assistant", status="completed", type="message"
            )
        else:
            named = re.findall(r"doc_\w+", seen)
            output = ResponseFunctionToolCall(
                call_id="call_1",
                name="read_document",
                arguments=json.dumps({"document_id": named[0]}),
                type="function_call",
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Not part of this script."""
        raise NotImplementedError


def _text(output: Any) -> str:
    if isinstance(output, list):
        return " ".join(_text(each) for each in output)
    return str(output.get("text", "")) if isinstance(output, dict) else str(output)

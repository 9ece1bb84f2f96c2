"""pigeval: evaluation of judges of text-to-image preference, above all personalized ones."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.choices import ChoiceTable, Dataset
    from harness.generation import Decoding, Engine, Message, Parser, Reply, Request
    from harness.generator import Generator
    from harness.judge import Encoder, Judge, Scorer
    from harness.protocol import Protocol
    from harness.records import Choice, Comparison, Dimension, Image, Reference, Status, Verdict
    from pigeval.api import Report, evaluate

_HOME = {
    "ChoiceTable": "harness.choices",
    "Dataset": "harness.choices",
    "Encoder": "harness.judge",
    "Judge": "harness.judge",
    "Scorer": "harness.judge",
    "Decoding": "harness.generation",
    "Engine": "harness.generation",
    "Message": "harness.generation",
    "Parser": "harness.generation",
    "Reply": "harness.generation",
    "Request": "harness.generation",
    "Generator": "harness.generator",
    "Protocol": "harness.protocol",
    "Choice": "harness.records",
    "Comparison": "harness.records",
    "Dimension": "harness.records",
    "Image": "harness.records",
    "Reference": "harness.records",
    "Status": "harness.records",
    "Verdict": "harness.records",
    "Report": "pigeval.api",
    "evaluate": "pigeval.api",
}

__all__ = [
    "Choice",
    "ChoiceTable",
    "Comparison",
    "Dataset",
    "Decoding",
    "Dimension",
    "Encoder",
    "Engine",
    "Generator",
    "Image",
    "Judge",
    "Message",
    "Parser",
    "Protocol",
    "Reference",
    "Reply",
    "Report",
    "Request",
    "Scorer",
    "Status",
    "Verdict",
    "evaluate",
]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that `import pigeval` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'pigeval' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)

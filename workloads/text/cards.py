"""Catalogue entries of the language models. Holds neither torch nor transformers."""

from collections.abc import Mapping

from workloads.base import Card, EngineOffer, Task
from workloads.text.parameters import TextParameters, XLNetParameters

ENGINES = EngineOffer(
    runtimes=("eager", "compile", "cuda_graph", "onnx_runtime"),
    precisions=("fp32", "tf32", "bf16", "fp16"),
    refused={"channels_last": "a language model has neither images nor convolutions"},
)

BERT_PAPER = "arXiv 1810.04805"
DISTILBERT_PAPER = "arXiv 1910.01108"
ROBERTA_PAPER = "arXiv 1907.11692"
XLNET_PAPER = "arXiv 1906.08237"
MINIATURES_PAPER = "arXiv 1908.08962"


def _card(
    name: str,
    title: str,
    what: str,
    paper: str,
    facts: Mapping[str, str],
    parameters: type[TextParameters] = TextParameters,
) -> Card:
    return Card(
        name=name,
        title=title,
        summary=f"{what}, classifying sequences of tokens of one length behind an attention mask.",
        tasks=frozenset({Task.INFERENCE, Task.TRAINING}),
        parameters=parameters,
        implementation=f"workloads.text.workload:{name.upper().replace('-', '_')}",
        engines=ENGINES,
        paper=paper,
        facts=facts,
    )


def _sizes(shape: str, parameters: str) -> dict[str, str]:
    """Return layers / hidden size / heads, and the parameters of the encoder as published."""
    return {"layers / hidden / heads": shape, "parameters": parameters}


def _shape(shape: str) -> dict[str, str]:
    """Return the shape alone, where no number of parameters is published."""
    return {"layers / hidden / heads": shape}


_TINY = "2 / 128 / 2"

CARDS = (
    _card("distilbert", "DistilBERT", "Six-layer distilled BERT", DISTILBERT_PAPER, _sizes("6 / 768 / 12", "66 M")),
    _card("bert-base", "BERT base", "Twelve-layer BERT", BERT_PAPER, _sizes("12 / 768 / 12", "110 M")),
    _card("bert-large", "BERT large", "BERT with 24 layers", BERT_PAPER, _sizes("24 / 1024 / 16", "340 M")),
    _card("roberta-base", "RoBERTa base", "Twelve-layer RoBERTa", ROBERTA_PAPER, _sizes("12 / 768 / 12", "125 M")),
    _card(
        "xlnet-base",
        "XLNet base",
        "Twelve-layer XLNet with relative positions",
        XLNET_PAPER,
        _shape("12 / 768 / 12"),
        XLNetParameters,
    ),
    _card("bert-tiny", "BERT tiny", "Two-layer BERT", MINIATURES_PAPER, _sizes(_TINY, "4.4 M")),
    _card("distilbert-tiny", "DistilBERT, tiny", "Two-layer DistilBERT", DISTILBERT_PAPER, _shape(_TINY)),
    _card("roberta-tiny", "RoBERTa, tiny", "Two-layer RoBERTa", ROBERTA_PAPER, _shape(_TINY)),
    _card("xlnet-tiny", "XLNet, tiny", "Two-layer XLNet", XLNET_PAPER, _shape(_TINY), XLNetParameters),
)

"""Advice on layouts."""

from typing import Self

from pydantic import ConfigDict

from api.schemas.advice_example import ADVICE
from api.schemas.view import View
from migperf.analysis.advisor.advice import Advice


class AdviceView(Advice, View):
    """The answer to a demand."""

    model_config = ConfigDict(json_schema_extra={"examples": [ADVICE]})

    @classmethod
    def of(cls, advice: Advice, tainted: int) -> Self:
        """Show an answer; ``tainted`` runs were left out of what it rests on."""
        said = f"{tainted} tainted runs were left out (tainted: true uses them)" if tainted else None
        remarks = [*advice.remarks, *((said,) if said else ())]
        return cls.model_validate(advice.model_copy(update={"remarks": remarks}).model_dump())

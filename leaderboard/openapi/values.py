"""What the models of the interface share: types of their fields, and the checks of an answer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Score = Annotated[float, Field(ge=0)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Ranks = Annotated[list[Positive], Field(min_length=2, max_length=2)]
Duration = Annotated[float, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]
# Moments and addresses are texts already: a view decides how precise and how absolute they are.
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]
Machine = Literal["cpu", "gpu"]
WeightClass = Literal["feather", "light", "middle", "heavy"]
Stage = Literal["validating", "predicting", "refitting", "probing", "rendering"]
FinishedStage = Literal["octaves", "certificate", "integrity", "pictures", "target-1", "target-2", "target-3"]
SeasonState = Literal["scheduled", "open", "closed", "practice"]


class Value(BaseModel):
    """An object with exactly these fields; numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def to_json(kind: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Plain values of an answer, checked against its model: a mismatch is a mistake of the server."""
    return kind.model_validate(values).model_dump(mode="json")

"""A model for MLServer, which reads from Kafka itself, with its adaptive batching."""

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from model import Model


class Intents(MLModel):
    """Classifies the texts of an inference request."""

    async def load(self) -> bool:
        """Open the bundle."""
        self._model = Model.from_environment()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Classify each text of a batch; MLServer divides the answer among its requests."""
        answers = self._model.classify(StringCodec.decode_input(payload.inputs[0]))
        output = StringCodec.encode_output("label", [str(answer["label"]) for answer in answers])
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=[output])

"""A Faust agent that takes messages in batches, as its documents advise for bulk work."""

import os

import faust
from model import Model

app = faust.App(
    os.environ["PEER_GROUP"],
    broker=f"kafka://{os.environ['PEER_BROKER']}",
    datadir=os.environ["PEER_FOLDER"],
    topic_allow_declare=False,
    topic_disable_leader=True,
    web_enabled=False,
)
messages = app.topic(os.environ["PEER_INPUT"], key_type=bytes, value_serializer="json")
answers = app.topic(os.environ["PEER_OUTPUT"], key_type=bytes, value_serializer="json")
model = Model.from_environment()


@app.agent(messages)
async def classify(stream: faust.StreamT[dict[str, str]]) -> None:
    """Classify up to 32 messages at once, or what has come in 50 ms."""
    async for events in stream.take_events(32, within=0.05):  # type: ignore[attr-defined]
        for event, answer in zip(events, model.classify([event.value["text"] for event in events]), strict=True):
            await answers.send(key=event.key, value=answer)


if __name__ == "__main__":
    app.main()

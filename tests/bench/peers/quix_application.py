"""A Quix Streams application: one function for each message, as its documents classify text."""

import os

from model import Model
from quixstreams import Application


def main() -> None:
    """Run until killed."""
    model = Model.from_environment()
    app = Application(os.environ["PEER_BROKER"], consumer_group=os.environ["PEER_GROUP"], auto_offset_reset="earliest")
    messages = app.topic(os.environ["PEER_INPUT"], value_deserializer="json")
    answers = app.topic(os.environ["PEER_OUTPUT"], value_serializer="json")
    app.dataframe(messages).apply(lambda value: model.classify([value["text"]])[0]).to_topic(answers)
    app.run()


if __name__ == "__main__":
    main()

"""Applies the patches to aiokafka's classes."""

from triage_worker.kafka.client_compat import (
    consumer_group,
    cooperative_group,
    fetch,
    first_broker,
    header_names,
    token_login,
    topic_access,
    topic_creation,
)


def apply_patches() -> None:
    """Patch aiokafka for all clients that this process makes from now on, Faust's included.

    Calling it again changes nothing.
    """
    first_broker.apply_patch()
    fetch.apply_patch()
    header_names.apply_patch()
    consumer_group.apply_patch()
    cooperative_group.apply_patch()
    topic_access.apply_patch()
    topic_creation.apply_patch()
    token_login.apply_patch()

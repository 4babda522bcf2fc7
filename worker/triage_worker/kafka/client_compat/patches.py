"""Applies the patches to aiokafka's classes."""

from triage_worker.kafka.client_compat import consumer_group, header_names


def apply_patches() -> None:
    """Patch aiokafka for all consumers that this process makes from now on, Faust's included.

    Calling it again changes nothing.
    """
    header_names.apply_patch()
    consumer_group.apply_patch()

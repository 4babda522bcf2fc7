"""From ``support.tickets`` to the helpdesk that a team works in: ``triage helpdesk``.

``zendesk`` and ``gorgias`` say what each of them calls a ticket, ``client`` calls them with patience, and ``service``
reads the topic.
"""

"""The helpdesk connector, ``triage helpdesk``: brings the tickets of ``support.tickets`` to a helpdesk product.

``service`` reads the topic, ``http_client`` makes the calls, and each module in ``adapters`` knows one product.
"""

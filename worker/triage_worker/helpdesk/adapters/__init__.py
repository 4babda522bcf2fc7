"""One module for each helpdesk product, named like its value of ``TRIAGE_HELPDESK``.

To add a product, write a module here that defines ``ADAPTER``, an instance of `triage_worker.helpdesk.adapter.Adapter`,
and add the module's name to ``HelpdeskName`` in ``triage_worker/config/routing_settings.py``.
"""

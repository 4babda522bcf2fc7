"""The console, `triage console`: pages for the people who see what Triage decides, and correct it.

How it is built:

- `state` reads the topics without a consumer group into a file of SQLite, which can be deleted at any time. Rows and
  offsets are one transaction. A projection (`state/projections.py` lists them) turns the records of a topic into rows.
- `pages` has one module a page: its routes, and what a person may do there. `queries` has the SQL of each page, as
  functions of a connection that return plain values. `templates` has the HTML, `static` the style and the script.
- `shared` has what all pages use: `web` (requests, forms, answers), `acts`, the review queue.
- `signing_in` has sessions, passwords, the issuer (OpenID Connect) and roles.
- Whatever a person does is published before the page says that it is done, and an act goes to the topic of acts.

How a page is added, say Bundles:

1. `queries/bundles.py`: functions such as ``def serving(connection: Connection) -> list[Serving]``. If rows are
   missing, add a table to `state/schema.py` (raise `VERSION`, then every state is rebuilt) and a projection.
2. `templates/bundles.html`: ``{% extends "page.html" %}``, with a block ``content``. Everything is escaped, and the
   filter ``shown`` makes invisible characters of a customer's text visible. There are no inline scripts or styles (the
   CSP refuses them): classes from `static/console.css`, and the attributes that `static/console.js` knows
   (``data-refresh``, ``data-key``, ``data-confirm``).
3. `pages/bundles.py`: ``PAGE = Page("/bundles", "Bundles", "lead", (Route("/bundles", show, methods=["GET"]), …))``. An
   endpoint takes `Visit` from ``visit(request)``: the person, the console's parts, and ``render``. Reading is
   ``await here.read(bundles.serving)``. An endpoint that changes something is a POST, begins with
   ``form = await read_form(request)`` (which checks the CSRF token), calls ``here.require("lead")``, publishes by
   ``await here.act("promote", subject, {...})``, and ends with ``here.redirect("/bundles", "Promoted.")``.
4. Add it to `PAGES` in `pages/__init__.py`: navigation, roles and metrics follow from there.
5. Tests: `tests/worker/console/test_pages_….py`, with the fixture ``console`` of its conftest, a real app with a state
   that is filled by real events.
"""

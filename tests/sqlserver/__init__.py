"""SQL Server for tests: a peer that speaks its protocol, or a real one behind V2_TEST_DATABASE_URL.

Fixtures are in ``fixtures.py``; ``server.py`` has what a test usually wants::

    with publish(v2, time_type="datetime") as server:
        run_command("import_v2", env=server.env)
        server.statements  # of the peer

``peer.py`` is the peer itself, ``harm.py`` what it can be told to do wrong, ``functions.py`` and
``catalog_views.py`` the registries of what it answers beyond pysqlbridge.
"""

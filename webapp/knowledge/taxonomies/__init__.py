"""Taxonomy: the topics of an organization in versions, each a graph of nodes without circles."""

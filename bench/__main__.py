"""All benchmarks, one after the other, as one table: `make bench`."""

from bench import agents, knowledge, retrieval, service

retrieval.main()
knowledge.main()
service.main()
agents.main()

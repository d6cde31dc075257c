"""All benchmarks, one after the other, as one table: `make bench`."""

from bench import agents, retrieval, service

retrieval.main()
service.main()
agents.main()

"""All benchmarks, one after the other, as one table: `make bench`."""

from bench import agents, knowledge, retrieval, service, streams

retrieval.main()
knowledge.main()
service.main()
streams.main()
agents.main()

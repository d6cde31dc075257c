"""All benchmarks, one after the other, as one table: `make bench`."""

from bench import retrieval, service

retrieval.main()
service.main()

"""All benchmarks, one after the other, as one table: `make bench`."""

from bench import retrieval

retrieval.main()

"""All benchmarks, one after the other, as one table: `make bench`.

What the databases and the processes log goes to standard error, which make keeps in bench.log.
"""

from bench import agents, engine, jobs, knowledge, lists, live, retrieval, runners, service, streams

retrieval.show_head()
retrieval.main()
knowledge.main()
service.main()
streams.main()
live.main()
agents.main()
lists.main()
engine.main()
jobs.main()
runners.main()

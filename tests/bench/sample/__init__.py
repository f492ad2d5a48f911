"""The usual Step Functions sample, deployed beside Gallop by ``tests.bench.overhead``."""

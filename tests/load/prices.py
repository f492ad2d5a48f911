"""AWS's list prices in us-east-1, in USD, as in docs/costs.md, and how long a run of a function is billed."""

from __future__ import annotations

TRANSITION = 0.000025
RUN = 0.0000002
GB_SECOND = 0.0000133334
WRITE_UNIT = 0.000000625
READ_UNIT = 0.000000125
S3_WRITE = 0.000005
S3_READ = 0.0000004
# Assumed, because the times of a laptop are not those of Lambda: see docs/load.md.
SECONDS_OF_A_RUN = 0.7

"""AWS's list prices in us-east-1, in USD, as in the README's table, and the billed duration of a function's run."""

from __future__ import annotations

TRANSITION = 0.000025
RUN = 0.0000002
GB_SECOND = 0.0000133334
WRITE_UNIT = 0.000000625
READ_UNIT = 0.000000125
S3_WRITE = 0.000005
S3_READ = 0.0000004
# Assumed, because a laptop's times are not Lambda's: the README's 7 GB-seconds of 13 runs are about this.
SECONDS_OF_A_RUN = 0.7

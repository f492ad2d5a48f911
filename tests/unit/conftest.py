"""Property tests judge what they find, and not how long a busy machine took to find it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("gallop", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gallop")

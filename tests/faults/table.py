# SPDX-License-Identifier: ISC
"""The table of faults: it drives the tests, and README.md shows it."""

import by_dns
import by_rspamd

FAULTS = [*by_rspamd.FAULTS, *by_dns.FAULTS]

# SPDX-License-Identifier: ISC
"""The table of faults: it drives the tests, and README.md shows it."""

import by_dns
import by_host
import by_rspamd
import by_smtpd

FAULTS = [*by_rspamd.FAULTS, *by_dns.FAULTS, *by_smtpd.FAULTS,
          *by_host.FAULTS]

"""The examples of the manual pages work as they stand there."""

from lib import check, mail, manual
from lib.case import Case


def test_filter_rspamd(case: Case) -> None:
    case.rspamd(port=11333)
    mta, user = manual.start(case, "filter-rspamd")
    sent = mail.message("Hello", "X-Test-Score: T_A=7.5")
    check.equal("reply code", mta.submit(sent, rcpts=(user,)).code, 250)
    got = mta.mails(1, "**")[0]
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), ["Yes"])
    bad = mail.message("Hello", "X-Test-Action: reject")
    check.equal("reply to what rspamd rejects",
                mta.submit(bad, rcpts=(user,)).code, 554)

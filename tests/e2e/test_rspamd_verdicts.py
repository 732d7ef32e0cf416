"""filter-rspamd with a real rspamd: one case for each verdict."""

from lib import check, mail
from lib.case import Case
from lib.smtpd import Smtpd

GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

# What rspamd adds to each scanned message, with the fixture's settings.
RESULTS = r"Authentication-Results: mx\.example\.org;[^\n]*(\n[ \t][^\n]*)*"
BAR = r"X-Spamd-Bar: [-+/]+"
LEVEL = r"X-Spam-Level: \*+"
CLEAN = r"X-Spam-Status: No, score=0\.00"
# What of it changes for spam, and what the filter itself adds then.
SPAM = [BAR, LEVEL, r"X-Spam-Status: Yes, score=[0-9.]+",
        r"X-Spam-Score: [0-9.]+ / 15"]
MARK = r"X-Spam: Yes"


def start(case: Case, *args: str, keys: bool = False) -> Smtpd:
    return case.smtpd_rspamd("-url", case.rspamd(keys=keys).url, *args)


def accepted(mta: Smtpd, sent: bytes) -> mail.Delivered:
    check.equal("reply code", mta.submit(sent).code, 250)
    return mta.mail()


def refused(mta: Smtpd, sent: bytes, want: str) -> None:
    check.equal("reply", mta.submit(sent).text, want)
    mta.nothing_delivered()


def test_clean(case: Case) -> None:
    sent = mail.message()
    got = accepted(start(case), sent)
    mail.same_message(got, sent, top=[RESULTS], bottom=[BAR, CLEAN])


def test_greylist_is_no_refusal(case: Case) -> None:
    sent = mail.message("Hello", "X-Test-Action: greylist")
    got = accepted(start(case), sent)
    mail.same_message(got, sent, top=[RESULTS], bottom=[BAR, CLEAN])


def test_spam_by_score_is_marked(case: Case) -> None:
    sent = mail.message("Hello", "X-Test-Score: T_A=7.5")
    got = accepted(start(case), sent)
    mail.same_message(got, sent, top=[RESULTS],
                      bottom=[*SPAM, MARK])


def test_forged_fields_are_replaced(case: Case) -> None:
    forged = ["X-Spam: no",
              "authentication-results : mx.example.org; spf=pass",
              "X-SPAM-STATUS: No,\n\tscore=-100", "x-spam: NO"]
    sent = mail.message("Hello", *forged, "X-Test-Score: T_A=7.5",
                        "X-Last: yes")
    want = mail.message("Hello", "X-Test-Score: T_A=7.5", "X-Last: yes")
    got = accepted(start(case), sent)
    mail.same_message(got, want, top=[RESULTS],
                      bottom=[*SPAM, MARK])


def test_gtube_is_rejected(case: Case) -> None:
    sent = mail.message(body=GTUBE + b"\n")
    refused(start(case), sent, "554 5.7.1 Gtube pattern")


def test_reject_without_text(case: Case) -> None:
    sent = mail.message("Hello", "X-Test-Action: reject")
    refused(start(case), sent, "554 5.7.1 Spam message rejected")


def test_reject_text_stays_one_line(case: Case) -> None:
    mta = start(case)
    sent = mail.message("Hello", "X-Test-Action: reject",
                        r"X-Test-Text: one\r\n250 two\x01\nthree")
    reply = mta.submit(sent)
    check.equal("reply code", reply.code, 554)
    check.equal("reply lines", len(reply.lines), 1)
    check.matches("reply text", reply.text, r"^554 5\.7\.1 one.+two.*three$")
    mta.nothing_delivered()


def test_soft_reject(case: Case) -> None:
    sent = mail.message("Hello", "X-Test-Action: soft reject",
                        "X-Test-Text: Come back later")
    refused(start(case), sent, "451 4.7.1 Come back later")


def test_discard_is_refused(case: Case) -> None:
    mta = start(case)
    sent = mail.message("Hello", "X-Test-Action: discard")
    check.matches("reply", mta.submit(sent).text, r"^5[0-9][0-9] 5\.7\.1 ")
    mta.nothing_delivered()


def test_discard_can_mark(case: Case) -> None:
    sent = mail.message("Hello", "X-Test-Action: discard")
    got = accepted(start(case, "--discard", "mark"), sent)
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), ["Yes"])


def test_quarantine_is_marked(case: Case) -> None:
    sent = mail.message("Hello", "X-Test-Action: quarantine")
    got = accepted(start(case), sent)
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), ["Yes"])
    check.equal("X-Rspamd-Action",
                mail.values(got.message, "X-Rspamd-Action"), ["quarantine"])


def test_quarantine_can_refuse(case: Case) -> None:
    mta = start(case, "--quarantine", "reject")
    sent = mail.message("Hello", "X-Test-Action: quarantine")
    check.matches("reply", mta.submit(sent).text, r"^5[0-9][0-9] 5\.7\.1 ")
    mta.nothing_delivered()


def rewritten(case: Case, sent: bytes, want: bytes, *bottom: str) -> None:
    got = accepted(start(case), sent)
    mail.same_message(got, want, top=[RESULTS],
                      bottom=[*SPAM, *bottom])


def test_rewrite_subject(case: Case) -> None:
    score = "X-Test-Score: T_A=12"
    rewritten(case, mail.message("Lunch", score),
              mail.message("[SPAM 12.00] Lunch", score))


def test_rewrite_subject_where_none_is(case: Case) -> None:
    score = "X-Test-Score: T_A=12"
    sent = mail.message(None, score)
    rewritten(case, sent, sent, r"Subject: \[SPAM 12\.00\] ?")


def test_rewrite_folded_subject(case: Case) -> None:
    score = "X-Test-Score: T_A=12"
    rewritten(case, mail.message("Lunch\n\tat\n noon", score),
              mail.message("[SPAM 12.00] Lunch at noon", score))


def test_rewrite_lower_case_subject(case: Case) -> None:
    score = "X-Test-Score: T_A=12"
    rest = ["X-First: 1", score]
    sent = mail.message(None, "subject:Lunch", *rest)
    want = mail.message(None, "Subject: [SPAM 12.00] Lunch", *rest)
    rewritten(case, sent, want)


def test_headers_by_index_and_order(case: Case) -> None:
    wish = ('X-Test-Milter: {"remove_headers": {"X-A": 2, "X-B": 0},'
            ' "add_headers": {"X-New": {"value": "above", "order": 1}}}')
    sent = mail.message("Hello", "X-A: 1", "x-a: 2", "X-A: 3", "X-B: 1",
                        "x-b:\n\t2", wish)
    want = mail.message("Hello", "X-A: 1", "X-A: 3", wish)
    got = accepted(start(case), sent)
    kept = [f for f in mail.fields(got.message)
            if mail.name(f) in ("x-a", "x-b", "x-new")]
    check.equal("fields", kept, [b"X-New: above\n", b"X-A: 1\n", b"X-A: 3\n"])
    check.equal("body", mail.split(got.message)[1], mail.split(want)[1])


def test_body_is_replaced(case: Case) -> None:
    sent = mail.message("Hello", "X-Test-Body: ..another\\n.body")
    got = accepted(start(case), sent)
    check.equal("body", mail.split(got.message)[1], b"..another\n.body\n")


def test_arc_layout(case: Case) -> None:
    mta = start(case, keys=True)
    reply = mta.submit(mail.message(), rcpts=("user@arc.example",))
    check.equal("reply code", reply.code, 250)
    top = [mail.name(f) for f in mail.fields(mta.mail().message)][:4]
    check.equal("ARC fields on top", [n for n in top if n.startswith("arc")],
                ["arc-seal", "arc-message-signature",
                 "arc-authentication-results"])


def test_old_command_line(case: Case) -> None:
    """-settings-id strict rejects at 5 instead of 15."""
    mta = start(case, "-settings-id", "strict")
    reply = mta.submit(mail.message("Hello", "X-Test-Score: T_A=5.5"))
    check.equal("reply", reply.text, "554 5.7.1 Spam message rejected")


def test_unix_socket(case: Case) -> None:
    mta = case.smtpd_rspamd("-url", f"unix:{case.rspamd().socket}")
    sent = mail.message()
    mail.same_message(accepted(mta, sent), sent, top=[RESULTS],
                      bottom=[BAR, CLEAN])

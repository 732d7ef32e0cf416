"""What rspamd, or what answers in its place, does wrong.

In each case smtpd lives, the message gets its policy, and the next one
goes through.
"""

from lib import check, mail, stub
from lib.case import Case
from lib.smtpd import Smtpd
from lib.stub import Step

TEMPFAIL = r"^451 4\.[37]\.[0-9] [ -~]+$"
PEAK_MIB = 20
QUICK = ["--timeout", "2", "--connect-timeout", "1"]


def start(case: Case, url: str, *args: str) -> Smtpd:
    return case.smtpd_rspamd("-url", url, *args)


def tempfails(mta: Smtpd) -> None:
    reply = mta.submit(mail.message())
    check.equal("number of reply lines", len(reply.lines), 1)
    check.matches("reply", reply.text, TEMPFAIL)
    mta.must_live()


def passes(mta: Smtpd, number: int = 2) -> None:
    sent = mail.message(number=number)
    check.equal("reply code", mta.submit(sent).code, 250)
    mail.same_message(mta.mail(), sent)


def fails_once(case: Case, fault: Step, *args: str) -> Smtpd:
    """The fault twice (a filter may try again), then a right answer."""
    server = case.stub(fault)
    mta = start(case, server.url, *args)
    tempfails(mta)
    server.steps = [stub.answer()]
    passes(mta)
    return mta


def test_refused_then_there(case: Case) -> None:
    url = stub.refused()
    mta = start(case, url)
    tempfails(mta)
    case.stub(port=int(url.rsplit(":", 1)[1]))
    passes(mta)


def test_connection_hangs(case: Case) -> None:
    full = case.keep(stub.Full())
    tempfails(start(case, full.url, *QUICK))


def test_never_answers(case: Case) -> None:
    fails_once(case, stub.hang(), *QUICK)


def test_never_reads(case: Case) -> None:
    mta = start(case, case.stub(stub.hang(after_request=False)).url, *QUICK)
    big = mail.message(body=b"x" * 70 + b"\n" * 200_000)
    check.matches("reply", mta.submit(big).text, TEMPFAIL)


def test_reset_on_accept(case: Case) -> None:
    fails_once(case, stub.reset_on_accept)


def test_reset_in_request_body(case: Case) -> None:
    fails_once(case, stub.reset_in_body)


def test_reset_before_reply(case: Case) -> None:
    fails_once(case, stub.reset_before_reply)


def test_reset_in_reply_head(case: Case) -> None:
    fails_once(case, stub.reset_in_reply)


def test_closed_without_reply(case: Case) -> None:
    fails_once(case, stub.close_before_reply)


def test_half_reply(case: Case) -> None:
    fails_once(case, stub.half_reply())


def test_reply_drips_too_slowly(case: Case) -> None:
    fails_once(case, stub.drip(0.2), *QUICK)


def test_reply_drips_fast_enough(case: Case) -> None:
    passes(start(case, case.stub(stub.drip(0.002)).url, "--timeout", "30"))


def test_256_mb_reply(case: Case) -> None:
    server = case.stub(stub.huge(256 * stub.MIB))
    mta = start(case, server.url)
    tempfails(mta)
    case.small_peak("filter-rspamd", PEAK_MIB)


def test_endless_reply_head(case: Case) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"X-Filler: filler\r\n" * 1_000_000
    fails_once(case, stub.raw(head), *QUICK)


def test_redirect_is_not_followed(case: Case) -> None:
    other = case.stub()
    fails_once(case, stub.answer(302, b"", f"Location: {other.url}/checkv2"))
    check.equal("requests at the other place", other.count(), 0)


def test_401(case: Case) -> None:
    fails_once(case, stub.answer(401, b'{"error": "Unauthorized"}'))


def test_404_html(case: Case) -> None:
    fails_once(case, stub.answer(404, b"<html>not here</html>"))


def test_500_with_an_action(case: Case) -> None:
    fails_once(case, stub.answer(500, stub.verdict()))


def test_503(case: Case) -> None:
    fails_once(case, stub.answer(503, b""))


def test_empty_reply_body(case: Case) -> None:
    fails_once(case, stub.answer(200, b""))


def test_garbage_instead_of_http(case: Case) -> None:
    fails_once(case, stub.raw(b"\x00\xff\x7fELF\r\n" * 1000))


def test_html_with_status_200(case: Case) -> None:
    fails_once(case, stub.answer(200, b"<html>welcome</html>"))


def test_json_without_action(case: Case) -> None:
    fails_once(case, stub.answer(200, b"{}"))


def test_json_array(case: Case) -> None:
    fails_once(case, stub.answer(200, b'[{"action": "no action"}]'))


def test_action_of_wrong_type(case: Case) -> None:
    fails_once(case, stub.answer(200, stub.verdict(action=["no action"])))


def test_deeply_nested_json(case: Case) -> None:
    fails_once(case, stub.answer(200, b"[" * 500_000))


def test_odd_members_are_no_error(case: Case) -> None:
    """Members of wrong type are left out, the verdict stands."""
    odd = {"add_headers": {"X-Good": "value", "X-Bad": 7, "Bad name": "x",
                           "X-Null": None, "": "empty"},
           "remove_headers": {"X-Test": [1, "two", 1 << 40]},
           "change_from": 9, "add_rcpt": {"a": 1}, "unknown": [[]]}
    body = stub.verdict(milter=odd, messages=["a", 1], score="high",
                        required_score=None, symbols=[1, 2])
    mta = start(case, case.stub(stub.answer(200, body)).url)
    sent = mail.message("Hello", "X-Keep: 1")
    check.equal("reply code", mta.submit(sent).code, 250)
    mail.same_message(mta.mail(), sent, bottom=["X-Good: value"])


def test_line_ends_in_values(case: Case) -> None:
    """A value can't end the header, nor begin a field or an answer."""
    bad = "a\r\n\r\nbody\nFrom: me\rfilter-result|0|0|proceed"
    body = stub.verdict(
        action="rewrite subject", subject="one\r\n\r\nfilter-dataline|two",
        milter={"add_headers": {"X-Bad": bad, "X-Name\nX": "y"}})
    mta = start(case, case.stub(stub.answer(200, body)).url)
    sent = mail.message()
    check.equal("reply code", mta.submit(sent).code, 250)
    got = mta.mail()
    check.same_bytes("body", mail.split(got.message)[1], mail.split(sent)[1])
    names = [mail.name(field) for field in mail.fields(got.message)]
    check.equal("names of fields", sorted(names), sorted(
        ["from", "to", "subject", "date", "message-id", "x-bad",
         "x-spam-score", "x-spam-status"]))


def policy_mail(case: Case, url: str, *args: str) -> mail.Delivered:
    mta = start(case, url, *QUICK, *args)
    check.equal("reply code", mta.submit(mail.message()).code, 250)
    return mta.mail()


def test_policy_accept_when_unreachable(case: Case) -> None:
    got = policy_mail(case, stub.refused(), "--on-unreachable", "accept")
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), [])


def test_policy_junk_when_unreachable(case: Case) -> None:
    got = policy_mail(case, stub.refused(), "--on-unreachable", "junk")
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), ["Yes"])


def test_policy_junk_at_timeout(case: Case) -> None:
    got = policy_mail(case, case.stub(stub.hang()).url,
                      "--on-timeout", "junk")
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), ["Yes"])


def test_policy_accept_at_error(case: Case) -> None:
    server = case.stub(stub.answer(500, b"no"))
    got = policy_mail(case, server.url, "--on-error", "accept")
    check.equal("X-Spam", mail.values(got.message, "X-Spam"), [])


def test_too_large_for_rspamd(case: Case) -> None:
    server = case.stub()
    mta = start(case, server.url, "--max-size", "20000")
    big = mail.message(body=(b"x" * 70 + b"\n") * 1000)
    check.matches("reply", mta.submit(big).text, TEMPFAIL)
    check.equal("requests", server.count(), 0)
    passes(mta)


def test_policy_accept_too_large(case: Case) -> None:
    mta = start(case, stub.refused(), "--max-size", "20000",
                "--on-too-large", "accept")
    big = mail.message(body=(b"x" * 70 + b"\n") * 1000)
    check.equal("reply code", mta.submit(big).code, 250)
    body = mail.split(mta.mail().message)[1]
    check.same_bytes("body", body, mail.split(big)[1])

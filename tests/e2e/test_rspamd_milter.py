"""filter-rspamd does to a message what rspamd's own milter does.

Each message goes through smtpd with the filter, and, told over the milter
protocol, through rspamd's milter in the role of an MTA's helper. Where the
two differ on purpose, the case is not here: lists of indexes or strings,
which old milters ignore; line ends in texts.
"""

import json

from lib import check, mail, milter
from lib.case import Case
from lib.smtpd import Smtpd
from lib.space import NAMED

MILTER_PORT = 21332
OWN = 1                         # smtpd puts one Received on top
NO_RESULTS = "milter_headers { enabled = false; }\n"
SENDER, RCPT = "sender@example.net", "user@example.org"
THREE = ["X-A: 1", "x-a: 2", "X-A:\n\t3"]


def wish(**block: object) -> str:
    return "X-Test-Milter: " + json.dumps(block)


def action(name: str) -> str:
    return f"X-Test-Action: {name}"


def add(value: object) -> str:
    return wish(add_headers={"X-New": value})


def remove(index: int, name: str = "X-A") -> str:
    return wish(remove_headers={name: index})


ACTIONS = ("no action", "greylist", "add header", "rewrite subject",
           "soft reject", "reject", "quarantine", "discard", "test custom",
           "test discard")
INDEXES = (0, 1, 2, 3, 4, -1, -2, -3, -4)
ORDERS = (0, 1, 2, 3, 5, 50, -1, -2, -3, -7, -8, -9, -10, -50)
LINES = {
    "text": [action("reject"), "X-Test-Text: Go away"],
    "soft text": [action("soft reject"), "X-Test-Text: Later"],
    "text, but accepted": [action("add header"), "X-Test-Text: No"],
    "remove in other case": [remove(1, "x-A")],
    "add with index": [add({"value": "v", "index": 2})],
    "add without order": [add({"value": "v"})],
    "add a string": [add("v")],
    "add an array": [add([{"value": "a", "order": 1},
                          {"value": "b", "order": 1}])],
    "add a mixed array": [add([{"value": "a", "order": -1},
                               {"value": "b", "order": 1}])],
    "add folded": [add({"value": "a\n\tb\n c", "order": 1})],
    "add and remove": [wish(
        add_headers={"X-A": {"value": "new", "order": 0}},
        remove_headers={"X-A": 0})],
    "spam header, string": [action("add header"),
                            wish(spam_header="Maybe")],
    "spam header, object": [action("add header"),
                            wish(spam_header={"X-A": "new"})],
    "spam header, other action": [action("rewrite subject"),
                                  wish(spam_header="Maybe")],
    "reject: discard": [action("reject"), wish(reject="discard")],
    "reject: quarantine": [action("reject"),
                           wish(reject="quarantine")],
    "no_action": [action("reject"), wish(no_action=True)],
    "no_action, soft": [action("soft reject"), wish(no_action=True)],
    "X-Spam already there": [action("add header"), "X-Spam: no",
                             "x-spam : maybe"],
    "body": ["X-Test-Body: A new body"],
    "body, rejected": ["X-Test-Body: A new body", action("reject")],
    "two subjects": [action("rewrite subject"), "Subject: second"],
    "subject by a pattern": [action("rewrite subject"),
                             "X-Test-Subject: *** %s ***"],
}
SUBJECTS = {
    "no subject": None,
    "folded subject": "Lunch\n\tat noon",
    "subject in UTF-8": "Gr\u00fc\u00dfe",
}


def cases() -> dict[str, bytes]:
    """Messages by what is special about them."""
    lines = {
        **{f"action {name}": [action(name)] for name in ACTIONS},
        **{f"remove {index} of three": [remove(index)] for index in INDEXES},
        **{f"add with order {order}": [add({"value": "v", "order": order})]
           for order in ORDERS},
        **LINES}
    return {
        **{title: mail.message("Lunch", *THREE, *extra)
           for title, extra in lines.items()},
        **{title: mail.message(subject, action("rewrite subject"))
           for title, subject in SUBJECTS.items()}}


def wanted(msg: bytes) -> milter.Outcome:
    actions = milter.ask(MILTER_PORT, msg, NAMED, SENDER, RCPT)
    return milter.apply(msg, actions, OWN)


def compare(mta: Smtpd, title: str, msg: bytes) -> None:
    want = wanted(msg)
    reply = mta.submit(msg, sender=SENDER, rcpts=(RCPT,))
    if want.dropped:
        # No filter can make smtpd drop a message: it is refused.
        check.equal(f"{title}: reply code", reply.code, 554)
        return
    if want.reply:
        check.equal(f"{title}: reply", reply.text, want.reply)
        return
    check.equal(f"{title}: reply code ({reply})", reply.code, 250)
    if want.held:
        # Nor hold one: it is marked.
        want.fields += [("X-Rspamd-Action", "quarantine"), ("X-Spam", "Yes")]
    delivered = mta.mail()
    got = milter.pairs(delivered.above + delivered.message)
    check.equal(f"{title}: fields", got, want.fields)
    check.same_bytes(f"{title}: body", mail.split(delivered.message)[1],
                     want.body)


def test_like_the_milter(case: Case) -> None:
    rspamd = case.rspamd(milter_port=MILTER_PORT, extra=NO_RESULTS)
    mta = case.smtpd_rspamd("--url", rspamd.url, "--score-headers", "never")
    wrong = []
    for title, msg in cases().items():
        try:
            compare(mta, title, msg)
        except AssertionError as err:
            wrong.append(str(err))
    if wrong:
        raise AssertionError("\n".join(wrong))

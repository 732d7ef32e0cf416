# One Makefile for GNU make and BSD make: explicit lists, suffix rules and
# "!=" only.  All objects depend on all headers; a full build takes seconds.

VERSION =	0.1.0

PREFIX ?=	/usr/local
FILTERDIR ?=	$(PREFIX)/libexec/opensmtpd
MANDIR ?=	$(PREFIX)/share/man/man8
DESTDIR ?=
CC ?=		cc
CFLAGS ?=	-O2 -g
PKG_CONFIG ?=	pkg-config

WARN =		-Wall -Wextra -Wshadow -Wmissing-prototypes \
		-Wstrict-prototypes -Wcast-qual -Wconversion -Wpointer-arith \
		-Wwrite-strings
# With DESTDIR some bmakes look there for the headers of the system.
CPP_USER !=	echo '$(CPPFLAGS)' | sed 's|-nostdinc -idirafter [^ ]*||'
CPP_ALL =	-D_GNU_SOURCE -DVERSION='"$(VERSION)"' -I.
HARDEN_C !=	sh tests/harden.sh compile '$(CC)' '$(CFLAGS) $(CPP_USER)'
HARDEN_LINK !=	sh tests/harden.sh link '$(CC)' '$(CFLAGS) $(LDFLAGS)'
C_ALL =		-std=c11 -pthread $(WARN) $(WERROR) $(HARDEN_C) $(CPP_ALL) \
		$(CPP_USER) $(CFLAGS)

EVENT_CFLAGS !=	$(PKG_CONFIG) --cflags libevent_core 2>/dev/null || true
EVENT_LIBS !=	$(PKG_CONFIG) --libs libevent_core 2>/dev/null || true
CRYPTO_CFLAGS != $(PKG_CONFIG) --cflags libcrypto 2>/dev/null || true
CRYPTO_LIBS !=	$(PKG_CONFIG) --libs libcrypto 2>/dev/null || true
CURL_CFLAGS !=	$(PKG_CONFIG) --cflags libcurl 2>/dev/null || true
CURL_LIBS !=	$(PKG_CONFIG) --libs libcurl 2>/dev/null || true
JANSSON_CFLAGS != $(PKG_CONFIG) --cflags jansson 2>/dev/null || true
JANSSON_LIBS !=	$(PKG_CONFIG) --libs jansson 2>/dev/null || true
UNBOUND_CFLAGS != $(PKG_CONFIG) --cflags libunbound 2>/dev/null || true
UNBOUND_LIBS !=	$(PKG_CONFIG) --libs libunbound 2>/dev/null || true
IDN_CFLAGS !=	$(PKG_CONFIG) --cflags libidn2 2>/dev/null || true
IDN_LIBS !=	$(PKG_CONFIG) --libs libidn2 2>/dev/null || true
# Linux only; nothing elsewhere.
SECCOMP_LIBS !=	$(PKG_CONFIG) --libs libseccomp 2>/dev/null || true
CMOCKA_LIBS !=	$(PKG_CONFIG) --libs cmocka 2>/dev/null || true

LIB_CFLAGS =	$(EVENT_CFLAGS) $(CRYPTO_CFLAGS) $(CURL_CFLAGS) \
		$(JANSSON_CFLAGS) $(UNBOUND_CFLAGS) $(IDN_CFLAGS)
ALL_LIBS =	$(ENGINE_LIBS) $(CRYPTO_LIBS) $(CURL_LIBS) $(JANSSON_LIBS) \
		$(UNBOUND_LIBS) $(IDN_LIBS)
ENGINE_LIBS =	$(EVENT_LIBS) $(SECCOMP_LIBS)
LINK =		$(CC) -pthread $(HARDEN_LINK) $(CFLAGS) $(LDFLAGS)

# What is not found, as "library (Debian: package), ...".
MISSING !=	sh tests/missing.sh '$(PKG_CONFIG)' \
		'$(CC) $(CPP_USER) $(LIB_CFLAGS)'

HDRS !=		ls common/*/*.h filter-*/*.h tests/unit/*.h 2>/dev/null || true

COMMON_OBJS =	common/base/buf.o common/base/clock.o common/base/log.o \
		common/base/network.o \
		common/base/sandbox.o common/base/sandbox-linux.o \
		common/base/sandbox-linux-calls.o \
		common/base/sandbox-none.o common/base/sandbox-openbsd.o \
		common/base/str.o \
		common/protocol/phase.o common/protocol/reply.o \
		common/protocol/wire.o \
		common/message/address.o common/message/edit.o \
		common/message/fold.o common/message/header.o \
		common/message/longline.o common/message/qualify.o \
		common/message/store.o \
		common/dkim/canon.o common/dkim/der.o common/dkim/digest.o \
		common/dkim/error.o common/dkim/fields.o common/dkim/form.o \
		common/dkim/key.o common/dkim/keymem.o \
		common/dkim/record.o common/dkim/rsa.o common/dkim/sig.o \
		common/dkim/sign.o common/dkim/tags.o common/dkim/verify.o \
		common/dns/dns.o common/dns/packet.o \
		common/dns/resolver.o \
		common/engine/check.o common/engine/cli.o \
		common/engine/engine.o common/engine/heads.o \
		common/engine/lines.o \
		common/engine/loop.o common/engine/main.o \
		common/engine/msg.o common/engine/msgview.o \
		common/engine/option.o common/engine/out.o \
		common/engine/replay.o common/engine/session.o \
		common/engine/turn.o common/engine/worker.o

RSPAMD_OBJS =	filter-rspamd/apply.o filter-rspamd/apply_remove.o \
		filter-rspamd/apply_score.o filter-rspamd/config.o \
		filter-rspamd/crlf.o filter-rspamd/hosts.o \
		filter-rspamd/http.o \
		filter-rspamd/request.o filter-rspamd/scan.o \
		filter-rspamd/show.o filter-rspamd/target.o \
		filter-rspamd/verdict.o filter-rspamd/verdict_json.o

DKIMSIGN_OBJS =	filter-dkimsign/author.o filter-dkimsign/checkdns.o \
		filter-dkimsign/config.o filter-dkimsign/folders.o \
		filter-dkimsign/keytable.o filter-dkimsign/options.o \
		filter-dkimsign/prepare.o filter-dkimsign/report.o \
		filter-dkimsign/safefile.o filter-dkimsign/signing.o \
		filter-dkimsign/tools.o filter-dkimsign/usermap.o \
		filter-dkimsign/words.o

DKIMVERIFY_OBJS = filter-dkimverify/authres.o filter-dkimverify/config.o \
		filter-dkimverify/forged.o filter-dkimverify/inbound.o \
		filter-dkimverify/keycache.o filter-dkimverify/policy.o \
		filter-dkimverify/report.o

SAMPLE_OBJS =	tests/sample/main.o

PROGS =		filter-rspamd/filter-rspamd filter-dkimsign/filter-dkimsign \
		filter-dkimverify/filter-dkimverify
MANUALS =	filter-rspamd/filter-rspamd.8 \
		filter-dkimsign/filter-dkimsign.8 \
		filter-dkimverify/filter-dkimverify.8

all: libs $(PROGS)

libs:
	@test -z "$(MISSING)" || { echo "missing: $(MISSING)" >&2; exit 1; }

.SUFFIXES: .c .o
.c.o:
	$(CC) $(C_ALL) $(LIB_CFLAGS) -c -o $@ $<

common/libcommon.a: $(COMMON_OBJS)
	rm -f $@
	$(AR) rcs $@ $(COMMON_OBJS)

filter-rspamd/librspamd.a: $(RSPAMD_OBJS)
	rm -f $@
	$(AR) rcs $@ $(RSPAMD_OBJS)

filter-rspamd/filter-rspamd: filter-rspamd/main.o \
	    filter-rspamd/librspamd.a common/libcommon.a
	$(LINK) -o $@ filter-rspamd/main.o filter-rspamd/librspamd.a \
	    common/libcommon.a $(ENGINE_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)

filter-dkimsign/libdkimsign.a: $(DKIMSIGN_OBJS)
	rm -f $@
	$(AR) rcs $@ $(DKIMSIGN_OBJS)

filter-dkimsign/filter-dkimsign: filter-dkimsign/main.o \
    filter-dkimsign/libdkimsign.a common/libcommon.a
	$(LINK) -o $@ filter-dkimsign/main.o filter-dkimsign/libdkimsign.a \
	    common/libcommon.a $(ENGINE_LIBS) $(CRYPTO_LIBS) $(IDN_LIBS) \
	    $(UNBOUND_LIBS)

filter-dkimverify/libdkimverify.a: $(DKIMVERIFY_OBJS)
	rm -f $@
	$(AR) rcs $@ $(DKIMVERIFY_OBJS)

filter-dkimverify/filter-dkimverify: filter-dkimverify/main.o \
    filter-dkimverify/libdkimverify.a common/libcommon.a
	$(LINK) -o $@ filter-dkimverify/main.o \
	    filter-dkimverify/libdkimverify.a common/libcommon.a \
	    $(ENGINE_LIBS) $(CRYPTO_LIBS) $(IDN_LIBS) $(UNBOUND_LIBS)

tests/bin/filter-sample: $(SAMPLE_OBJS) common/libcommon.a
	@mkdir -p tests/bin
	$(LINK) -o $@ $(SAMPLE_OBJS) common/libcommon.a $(ENGINE_LIBS)

$(COMMON_OBJS) $(RSPAMD_OBJS) $(SAMPLE_OBJS) filter-rspamd/main.o: $(HDRS)
$(DKIMSIGN_OBJS) filter-dkimsign/main.o: $(HDRS)
$(DKIMVERIFY_OBJS) filter-dkimverify/main.o: $(HDRS)

tests/bin/apply-reply: tests/replies/apply-reply.o \
	    filter-rspamd/librspamd.a common/libcommon.a
	@mkdir -p tests/bin
	$(LINK) -o $@ tests/replies/apply-reply.o filter-rspamd/librspamd.a \
	    common/libcommon.a $(ENGINE_LIBS) $(CURL_LIBS) $(JANSSON_LIBS)

tests/replies/apply-reply.o: $(HDRS)

# Preloaded into the filters by tests/sandbox/run.py.
tests/bin/sandbox-probe.so: tests/sandbox/probe.c
	@mkdir -p tests/bin
	$(CC) $(C_ALL) $(LDFLAGS) -shared -fPIC -o $@ tests/sandbox/probe.c

# The benchmark is not part of all: only its peer needs libopendkim.
BENCH_OBJS =	tests/bench/answer.o tests/bench/channel.o \
		tests/bench/chaos.o tests/bench/handshake.o \
		tests/bench/mail.o tests/bench/session.o \
		tests/bench/smtpd.o tests/bench/soak.o tests/bench/stats.o \
		tests/bench/text.o
BENCH_PROGS =	tests/bin/bench-smtpd tests/bin/bench-echo \
		tests/bin/bench-httpstub tests/bin/bench-opendkim

bench-programs: $(BENCH_PROGS)

bench: all bench-programs tests/bin/filter-sample
	@QUICK=$(QUICK) $(PYTHON) tests/bench/run.py

tests/bin/bench-smtpd: $(BENCH_OBJS)
	@mkdir -p tests/bin
	$(LINK) -o $@ $(BENCH_OBJS)

tests/bin/bench-echo: tests/bench/echo.o
	@mkdir -p tests/bin
	$(LINK) -o $@ tests/bench/echo.o

tests/bin/bench-httpstub: tests/bench/httpstub.o
	@mkdir -p tests/bin
	$(LINK) -o $@ tests/bench/httpstub.o

tests/bin/bench-opendkim: tests/bench/opendkim-loop.o
	@mkdir -p tests/bin
	$(LINK) -o $@ tests/bench/opendkim-loop.o -lopendkim

$(BENCH_OBJS): tests/bench/smtpd.h

# What make installs on Debian, by apt; see tests/deps.sh.
deps:
	@sh tests/deps.sh build run

deps-test: deps
	@sh tests/deps.sh test

# Unit tests: tests/unit/test_NAME.c is linked with everything but main().
UNIT_TESTS =	buf cli clock edit header heads lines log longline loop option \
		out phase reply session store str turn wire

# of common/dkim and what belongs to it
UNIT_TESTS +=	address canon der digest error fields fold form key qualify \
		record rsa sig sign tags verify

# of filter-rspamd
UNIT_TESTS +=	apply apply_answer apply_remove apply_score verdict \
		verdict_json verdict_limits
UNIT_TESTS +=	crlf hosts http network request target

# of filter-dkimverify
UNIT_TESTS +=	authres dns forged keycache packet policy resolver

# of filter-dkimsign
UNIT_TESTS +=	author keytable prepare safefile worker

UNIT_LIBS =	filter-dkimsign/libdkimsign.a \
		filter-dkimverify/libdkimverify.a filter-rspamd/librspamd.a \
		common/libcommon.a

tests/bin/.unit: $(UNIT_LIBS) $(HDRS) tests/unit/run.sh
	@mkdir -p tests/bin tests/log
	@for t in $(UNIT_TESTS); do \
		$(CC) $(C_ALL) $(LIB_CFLAGS) $(LDFLAGS) -o tests/bin/test_$$t \
		    tests/unit/test_$$t.c $(UNIT_LIBS) $(ALL_LIBS) \
		    $(CMOCKA_LIBS) || exit 1; done

# Golden scripts and fuzz targets run with sanitizers, whatever CFLAGS are.
SAN_CC !=	command -v clang || echo $(CC)
SAN_COVER !=	$(SAN_CC) -fsanitize=fuzzer tests/fuzz/probe.c -o /dev/null \
		2>/dev/null && echo -fsanitize=fuzzer-no-link || true
SAN_FLAGS =	-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
		-fno-sanitize-recover=undefined $(SAN_COVER)
SAN_ALL =	-std=c11 -pthread -D_GNU_SOURCE -I. $(LIB_CFLAGS) $(WARN) \
		$(SAN_FLAGS)
SAN_BUILD =	CC="$(SAN_CC)" FLAGS="$(SAN_ALL)" sh tests/golden/build.sh
SAN_LIBS =	tests/bin/san/dkimsign.a tests/bin/san/dkimverify.a \
		tests/bin/san/rspamd.a tests/bin/san/common.a

GOLDEN_OBJS =	tests/golden/driver.o tests/golden/fakeloop.o \
		tests/golden/fault.o tests/golden/judge.o \
		tests/golden/promise.o tests/golden/run.o \
		tests/golden/script.o tests/golden/whole.o
GOLDEN_WRAP =	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
		-Wl,--wrap=strdup,--wrap=pread,--wrap=write,--wrap=mkostemp
GOLDEN =	dkimsign dkimverify plain rspamd sample

FUZZ =		address authres canon crlf der edit header http key keytable \
		lines longline packet record sig tags target verdict verify \
		wire engine protocol \
		rspamd_filter dkimsign_filter dkimverify_filter
FUZZ_MAIN !=	$(SAN_CC) -fsanitize=fuzzer tests/fuzz/probe.c -o /dev/null \
		2>/dev/null && echo -fsanitize=fuzzer || echo tests/fuzz/main.c
FUZZ_ENGINE =	tests/fuzz/engine.c tests/fuzz/script.c \
		tests/golden/fakeloop.c tests/golden/judge.c \
		tests/golden/whole.c

tests/bin/san/.libs: common/libcommon.a filter-rspamd/librspamd.a \
		filter-dkimsign/libdkimsign.a \
		filter-dkimverify/libdkimverify.a tests/golden/build.sh
	@$(SAN_BUILD) tests/bin/san/common.a $(COMMON_OBJS)
	@$(SAN_BUILD) tests/bin/san/rspamd.a $(RSPAMD_OBJS)
	@$(SAN_BUILD) tests/bin/san/dkimsign.a $(DKIMSIGN_OBJS)
	@$(SAN_BUILD) tests/bin/san/dkimverify.a $(DKIMVERIFY_OBJS)
	@touch $@

tests/bin/.golden: tests/bin/san/.libs tests/golden/*.[ch] \
		tests/sample/main.c
	@$(SAN_BUILD) tests/bin/san/golden.a $(GOLDEN_OBJS)
	@for f in $(GOLDEN); do \
		case $$f in plain) m=tests/golden/plain.c l= ;; \
		sample) m=tests/sample/main.c l= ;; \
		*) m=filter-$$f/main.c l=tests/bin/san/$$f.a ;; esac; \
		$(SAN_CC) $(SAN_ALL) -Wno-missing-prototypes \
		    -Dmain=filter_entry -c $$m \
		    -o tests/bin/san/main-$$f.o && \
		$(SAN_CC) $(SAN_ALL) $(GOLDEN_WRAP) -o tests/bin/golden-$$f \
		    tests/golden/golden_$$f.c tests/bin/san/main-$$f.o \
		    tests/bin/san/golden.a $$l tests/bin/san/common.a \
		    $(ALL_LIBS) || exit 1; \
	done; touch $@

tests/bin/filter-plain: tests/golden/plain.c common/libcommon.a
	@mkdir -p tests/bin
	$(CC) $(C_ALL) $(LIB_CFLAGS) $(LDFLAGS) -o $@ tests/golden/plain.c \
	    common/libcommon.a $(ENGINE_LIBS)

tests/bin/.fuzz: tests/bin/.golden tests/fuzz/*.[ch]
	@for f in $(FUZZ); do \
		case $$f in engine) m="tests/bin/san/main-plain.o" ;; \
		protocol) m="tests/bin/san/main-sample.o" ;; \
		*_filter) m="tests/bin/san/main-$${f%_filter}.o \
		    tests/bin/san/$${f%_filter}.a" ;; \
		*) m= ;; esac; \
		[ -z "$$m" ] || m="$(FUZZ_ENGINE) $$m"; \
		$(SAN_CC) $(SAN_ALL) -o tests/bin/fuzz-$$f \
		    tests/fuzz/fuzz_$$f.c $$m $(FUZZ_MAIN) $(SAN_LIBS) \
		    $(ALL_LIBS) || exit 1; \
	done; touch $@

# Fuzzes each target for SECONDS; the corpora alone are part of check.
SECONDS =	60

fuzz: tests/bin/.fuzz
	@sh tests/fuzz/run.sh $(SECONDS)

# The long forms of the suite soak: so many messages through each filter, and so
# many minutes of bad clients.
COUNT =		1000000
MINUTES =	30

soak: test-programs
	@$(PYTHON) tests/soak/million.py $(COUNT)
	@$(PYTHON) tests/soak/storm.py --seconds $$((60 * $(MINUTES)))

test-programs: all tests/bin/apply-reply tests/bin/filter-sample \
		tests/bin/sandbox-probe.so \
		bench-programs tests/bin/.unit

check: deps-test
	@$(MAKE) -s test-programs
	@sh tests/check.sh

# Which lines of common/ the suites run that are worth it.
coverage: deps-test
	@sh tests/coverage.sh unit golden real fuzz cli sandbox chaos \
	    faults replies vectors e2e dkimverify

# One suite or more of tests/suites: make suite SUITE=unit
suite: test-programs
	@sh tests/check.sh $(SUITE)

e2e: test-programs
	@sh tests/check.sh e2e

# The same under a newer Debian, which is made once in tests/e2e/next.
e2e-next: test-programs
	@sh tests/check.sh e2e-next

lint:
	@mkdir -p tests/log
	@sh tests/check.sh lint

# Not the MAIL that a login shell has in its environment.
MAIL =
demo: deps
	@$(MAKE) -s all
	@$(PYTHON) tests/demo/demo.py "$(MAIL)"

PYTHON =	/usr/bin/python3

install: all
	install -d -m 755 $(DESTDIR)$(FILTERDIR) $(DESTDIR)$(MANDIR)
	for p in $(PROGS); do \
		install -m 755 $$p $(DESTDIR)$(FILTERDIR)/ || exit 1; done
	for m in $(MANUALS); do \
		install -m 644 $$m $(DESTDIR)$(MANDIR)/ || exit 1; done
	@echo "filters are in $(FILTERDIR)"
	@case $(FILTERDIR) in /usr/libexec/opensmtpd) ;; *) \
	    echo "Debian's smtpd looks in /usr/libexec/opensmtpd" \
		"(FILTERDIR=...)" ;; esac

uninstall:
	for p in $(PROGS); do \
		rm -f $(DESTDIR)$(FILTERDIR)/$${p##*/} || exit 1; done
	for m in $(MANUALS); do \
		rm -f $(DESTDIR)$(MANDIR)/$${m##*/} || exit 1; done

clean:
	rm -f common/*/*.o filter-*/*.o filter-*/*.a tests/*/*.o
	rm -f common/libcommon.a $(PROGS)
	rm -rf tests/bin

.PHONY: all bench bench-programs check clean coverage demo deps deps-test e2e \
	e2e-next install libs lint soak suite test-programs uninstall

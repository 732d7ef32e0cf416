# One Makefile for GNU make and BSD make: explicit lists, suffix rules and
# "!=" only.  All objects depend on all headers; a full build takes seconds.

PREFIX ?=	/usr/local
BINDIR ?=	$(PREFIX)/libexec/opensmtpd
MANDIR ?=	$(PREFIX)/share/man/man8
CC ?=		cc
CFLAGS ?=	-O2 -g
PKG_CONFIG ?=	pkg-config

WARN =		-Wall -Wextra -Wshadow -Wmissing-prototypes \
		-Wstrict-prototypes -Wcast-qual -Wconversion -Wpointer-arith \
		-Wwrite-strings
CPP_ALL =	-D_GNU_SOURCE -I.
C_ALL =		-std=c11 -pthread $(WARN) $(WERROR) $(CPP_ALL) $(CPPFLAGS) \
		$(CFLAGS)

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

LIB_CFLAGS =	$(EVENT_CFLAGS) $(CRYPTO_CFLAGS) $(CURL_CFLAGS) \
		$(JANSSON_CFLAGS) $(UNBOUND_CFLAGS) $(IDN_CFLAGS)

HDRS !=		ls common/*/*.h filter-*/*.h tests/*/*.h 2>/dev/null || true

COMMON_OBJS =	common/base/buf.o common/base/clock.o common/base/log.o \
		common/base/str.o common/message/header.o

all: common/libcommon.a

.SUFFIXES: .c .o
.c.o:
	$(CC) $(C_ALL) $(LIB_CFLAGS) -c -o $@ $<

common/libcommon.a: $(COMMON_OBJS)
	rm -f $@
	$(AR) rcs $@ $(COMMON_OBJS)

$(COMMON_OBJS): $(HDRS)

clean:
	rm -f common/*/*.o filter-*/*.o tests/*/*.o common/libcommon.a

.PHONY: all clean

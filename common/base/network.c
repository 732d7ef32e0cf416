#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/base/network.h"

#define MAPPED_BITS 96 /* in front of an IPv4 address */

/* Reads an address; *family tells which kind it was. */
static int
parse_address(struct str text, unsigned char out[16], int *family)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char s[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof(s))
		return -1;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	*family = AF_INET6;
	if (inet_pton(AF_INET6, s, out) == 1)
		return 0;
	*family = AF_INET;
	memcpy(out, mapped, sizeof(mapped));
	return inet_pton(AF_INET, s, out + sizeof(mapped)) == 1 ? 0 : -1;
}

int
network_parse(struct str text, struct network *out)
{
	struct network n;
	struct str address;
	bool has_bits = str_cut(&text, '/', &address);
	uint64_t bits, most;
	int family;

	if (parse_address(address, n.address, &family) == -1)
		return -1;
	most = family == AF_INET ? 32 : 128;
	bits = most;
	if (has_bits && str_u64(text, most, &bits) == -1)
		return -1;
	n.bits = (unsigned)(bits + (family == AF_INET ? MAPPED_BITS : 0));
	*out = n;
	return 0;
}

static bool
is_in(const struct network *n, const unsigned char a[16])
{
	size_t bytes = n->bits / 8;
	unsigned rest = n->bits % 8;

	if (memcmp(a, n->address, bytes) != 0)
		return false;
	return rest == 0 || (a[bytes] ^ n->address[bytes]) >> (8 - rest) == 0;
}

bool
network_any(const struct network *list, size_t n, struct str ip)
{
	unsigned char a[16];
	int family;

	if (n == 0 || parse_address(ip, a, &family) == -1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_in(&list[i], a))
			return true;
	return false;
}

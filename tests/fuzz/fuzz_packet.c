/* DNS messages. */
#include "common/dns/packet.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct packet p;
	struct buf text;

	buf_init(&text, PACKET_MAX);
	if (packet_parse(data, n, &p, &text) == 0) {
		MUST(p.n <= PACKET_TXT_MAX && p.rcode <= 15);
		for (size_t i = 0; i < p.n; i++)
			MUST(p.txt[i].off + p.txt[i].n <= text.n);
	}
	buf_clear(&text);
	return 0;
}

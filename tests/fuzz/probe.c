/* Compiled to see whether there is libFuzzer. */
#include <stddef.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	return data == NULL && n > 0;
}

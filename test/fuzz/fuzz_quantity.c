/* Quantities, durations and times: small languages that outside text is read in. */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/memory.h"
#include "base/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_quantity(const char *text) {
	struct quantity quantity;
	if (!quantity_parse(text, &quantity)) return;
	const __int128 limit = (__int128)LLONG_MAX * 1000000000;
	if (quantity.nano > limit || quantity.nano < -limit) abort();
	if (quantity_compare(quantity, quantity) != 0) abort();
	/* Whole units are less than one away, and never nearer to zero. */
	__int128 whole = (__int128)quantity_value(quantity) * 1000000000;
	__int128 rest = quantity.nano >= 0 ? whole - quantity.nano : quantity.nano - whole;
	if (rest < 0 || rest >= 1000000000) abort();
	/* The other sign gives the other value. */
	cleanup_free char *other = *text == '-' ? xstrdup(text + 1) : xasprintf("-%s", *text == '+' ? text + 1 : text);
	struct quantity negated;
	if (!quantity_parse(other, &negated) || negated.nano != -quantity.nano) abort();
}

static void check_duration(const char *text) {
	int64_t nanoseconds;
	if (!duration_parse(text, &nanoseconds) || nanoseconds == INT64_MIN) return;
	cleanup_free char *other = *text == '-' ? xstrdup(text + 1) : xasprintf("-%s", *text == '+' ? text + 1 : text);
	int64_t negated;
	if (!duration_parse(other, &negated) || negated != -nanoseconds) abort();
}

static void check_time(const char *text) {
	int64_t seconds = clock_parse_rfc3339(text);
	if (seconds == -1) return;
	/* A zone may carry the first and the last hours of these years over. */
	if (seconds < INT64_C(-62167305600) || seconds > INT64_C(253402387200)) abort();
	if (seconds < INT64_C(-62167219200) || seconds > INT64_C(253402300799)) return;
	char again[CLOCK_RFC3339_SIZE];
	if (seconds >= 0 && clock_parse_rfc3339(clock_format_rfc3339(seconds, again)) != seconds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	cleanup_free char *text = xstrndup((const char *)data, size);
	check_quantity(text);
	check_duration(text);
	check_time(text);
	return 0;
}

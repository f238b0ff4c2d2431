#include "simnode/addresses.h"

#include <arpa/inet.h>

#include "base/memory.h"

static const uint32_t networks = 0x7F400000; /* 127.64.0.0 */

void addresses_init(struct addresses *addresses, unsigned network) {
	*addresses = (struct addresses){ .lock = PTHREAD_MUTEX_INITIALIZER, .network = network };
}

static bool is_taken(const struct addresses *addresses, uint32_t index) {
	return (addresses->taken[index / 8] >> (index % 8) & 1) != 0;
}

static void set_taken(struct addresses *addresses, uint32_t index, bool taken) {
	uint8_t bit = (uint8_t)(1U << (index % 8));
	if (taken) addresses->taken[index / 8] |= bit;
	else addresses->taken[index / 8] &= (uint8_t)~bit;
}

/* The place of `address` in the pool; -1 when it is none of ours. */
static int64_t index_of(const struct addresses *addresses, const char *address) {
	struct in_addr parsed;
	if (inet_pton(AF_INET, address, &parsed) != 1) return -1;
	uint32_t number = ntohl(parsed.s_addr);
	return (number & 0xFFFF0000) == networks + (addresses->network << 16) ? (int64_t)(number & 0xFFFF) : -1;
}

bool addresses_claim(struct addresses *addresses, const char *address) {
	int64_t index = index_of(addresses, address);
	if (index < 0) return false;
	pthread_mutex_lock(&addresses->lock);
	bool is_free = !is_taken(addresses, (uint32_t)index);
	set_taken(addresses, (uint32_t)index, true);
	if (is_free && (uint32_t)index > addresses->last) addresses->last = (uint32_t)index;
	pthread_mutex_unlock(&addresses->lock);
	return is_free;
}

char *addresses_take(struct addresses *addresses) {
	char *address = NULL;
	pthread_mutex_lock(&addresses->lock);
	for (uint32_t tries = 0; tries < ADDRESS_COUNT && address == NULL; tries++) {
		addresses->last = (addresses->last + 1) % ADDRESS_COUNT;
		uint32_t low = addresses->last & 0xFF;
		/* Legal, but they look like a network and a broadcast address. */
		if (low == 0 || low == 255 || is_taken(addresses, addresses->last)) continue;
		set_taken(addresses, addresses->last, true);
		address = xasprintf("127.%u.%u.%u", 64 + addresses->network, addresses->last >> 8, low);
	}
	pthread_mutex_unlock(&addresses->lock);
	return address;
}

void addresses_release(struct addresses *addresses, const char *address) {
	int64_t index = index_of(addresses, address);
	if (index < 0) return;
	pthread_mutex_lock(&addresses->lock);
	set_taken(addresses, (uint32_t)index, false);
	pthread_mutex_unlock(&addresses->lock);
}

char *address_localhost(const char *address) {
	struct in_addr parsed;
	char text[INET_ADDRSTRLEN];
	if (inet_pton(AF_INET, address, &parsed) != 1) return NULL;
	parsed.s_addr = htonl(ntohl(parsed.s_addr) + (64U << 16));
	return xstrdup(inet_ntop(AF_INET, &parsed, text, sizeof(text)));
}

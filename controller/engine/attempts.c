#include "controller/engine/attempts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube/backoff.h"

enum {
	FIRST_MS = 500,
	LONGEST_MS = 60 * 1000,
	ATTEMPTS_MAX = 256 /* more kinds of failure at once than that, and the first are forgotten */
};

static bool same(const char *a, const char *b) {
	if (a == NULL || b == NULL) return a == b;
	return strcmp(a, b) == 0;
}

static char *copy(const char *text) {
	return text != NULL ? xstrdup(text) : NULL;
}

struct attempt *attempts_find(const struct attempts *attempts, enum action_type type, const char *pod,
                              const char *peer) {
	for (size_t i = 0; i < attempts->count; i++) {
		struct attempt *attempt = &attempts->list[i];
		if (attempt->type == type && same(attempt->pod, pod) && same(attempt->peer, peer)) return attempt;
	}
	return NULL;
}

static void drop(struct attempts *attempts, struct attempt *attempt) {
	free((char *)attempt->pod);
	free((char *)attempt->peer);
	free((char *)attempt->message);
	struct attempt *end = attempts->list + --attempts->count;
	memmove(attempt, attempt + 1, (size_t)(end - attempt) * sizeof(*attempt));
}

static int64_t pause_ms(int failures) {
	int64_t pause = FIRST_MS;
	for (int i = 1; i < failures && pause < LONGEST_MS; i++) pause *= 2;
	if (pause > LONGEST_MS) pause = LONGEST_MS;
	return pause / 2 + jitter(pause / 2);
}

void attempts_note_failure(struct attempts *attempts, enum action_type type, const char *pod, const char *peer,
                           const struct error *err, int64_t now) {
	struct attempt *attempt = attempts_find(attempts, type, pod, peer);
	if (attempt == NULL) {
		if (attempts->count == ATTEMPTS_MAX) drop(attempts, attempts->list);
		attempts->list = xreallocarray(attempts->list, attempts->count + 1, sizeof(*attempts->list));
		attempt = &attempts->list[attempts->count++];
		*attempt = (struct attempt){ .type = type, .pod = copy(pod), .peer = copy(peer) };
	}
	attempt->failures++;
	attempt->number = err->code > 0 ? err->code : 0;
	free((char *)attempt->message);
	attempt->message = xstrdup(err->message);
	attempt->next_at = now + pause_ms(attempt->failures);
}

void attempts_note_success(struct attempts *attempts, enum action_type type, const char *pod, const char *peer) {
	struct attempt *attempt = attempts_find(attempts, type, pod, peer);
	if (attempt != NULL) drop(attempts, attempt);
}

void attempts_free(struct attempts *attempts) {
	while (attempts->count > 0) drop(attempts, &attempts->list[attempts->count - 1]);
	free(attempts->list);
	*attempts = (struct attempts){ 0 };
}

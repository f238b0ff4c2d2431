#include "webhook/lookup.h"

static void begin_offline(void *context, bool live, struct lookup_session *session) {
	(void)context;
	*session = (struct lookup_session){ .lookup = lookup_offline, .live = live };
}

static void end_offline(struct lookup_session *session) {
	(void)session;
}

const struct lookup_provider lookup_provider_offline = { .begin = begin_offline, .end = end_offline };

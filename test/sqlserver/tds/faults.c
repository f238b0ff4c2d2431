#include "sqlserver/tds/faults.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

struct faults {
	const char *file;
	struct stat seen; /* of what was read last */
	char *content;    /* "\0" at the end of every line */
	size_t length;
};

struct faults *faults_new(const char *file) {
	struct faults *faults = xcalloc(1, sizeof(*faults));
	faults->file = file;
	faults_refresh(faults);
	return faults;
}

void faults_free(struct faults *faults) {
	if (faults == NULL) return;
	free(faults->content);
	free(faults);
}

/* Whoever writes it puts a new file in place of the old one. */
static bool is_same(const struct stat *a, const struct stat *b) {
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void faults_refresh(struct faults *faults) {
	enum { LARGEST = 1024 * 1024 };
	struct stat now = { 0 };
	struct strbuf content = { 0 };
	if (faults->file == NULL) return;
	(void)stat(faults->file, &now); /* a file that is not there says nothing */
	if (is_same(&now, &faults->seen)) return;
	if (file_read(faults->file, LARGEST, &content, NULL) < 0) strbuf_reset(&content);
	faults->seen = now;
	free(faults->content);
	faults->length = content.length;
	faults->content = strbuf_detach(&content);
	for (char *c = faults->content; (c = strchr(c, '\n')) != NULL;) *c++ = '\0';
}

static bool has_line(const struct faults *faults, const char *wanted) {
	size_t at = 0;
	while (at < faults->length) {
		if (strcmp(faults->content + at, wanted) == 0) return true;
		at += strlen(faults->content + at) + 1;
	}
	return false;
}

bool faults_cut(const struct faults *faults, const char *from, const char *to) {
	if (faults->length == 0) return false;
	cleanup_free char *line = xasprintf("cut %s %s", from, to);
	return has_line(faults, line);
}

bool faults_cut_clients(const struct faults *faults, const char *address) {
	if (faults->length == 0) return false;
	cleanup_free char *line = xasprintf("clients %s", address);
	return has_line(faults, line);
}

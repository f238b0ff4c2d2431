#include "kube/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

int file_read(const char *path, size_t limit, struct strbuf *content, struct error **err) {
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return error_errno(err, errno, "%s", path);
	size_t total = 0;
	for (;;) {
		enum { STEP = 16 * 1024 };
		char *end = strbuf_reserve(content, STEP);
		ssize_t got = read(fd, end, STEP);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return error_errno(err, errno, "%s", path);
		end[got] = '\0';
		content->length += (size_t)got;
		total += (size_t)got;
		if (total > limit) return error_set(err, ERROR_INVALID, "%s: more than %zu bytes", path, limit);
		if (got == 0) return 0;
	}
}

int file_read_word(const char *path, char **text, struct error **err) {
	enum { LIMIT = 256 * 1024 };
	cleanup_strbuf struct strbuf content = { 0 };
	if (file_read(path, LIMIT, &content, err) < 0) return -1;
	static const char space[] = " \t\r\n";
	const char *start = content.data + strspn(content.data, space);
	size_t length = strlen(start);
	while (length > 0 && strchr(space, start[length - 1]) != NULL) length--;
	if (length == 0) return error_set(err, ERROR_INVALID, "%s: the file is empty", path);
	*text = xstrndup(start, length);
	return 0;
}

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

int file_read(const char *path, size_t limit, struct strbuf *content, struct error **err) {
	cleanup_close int opened = -1;
	int fd = STDIN_FILENO;
	if (strcmp(path, "-") != 0) {
		opened = open(path, O_RDONLY | O_CLOEXEC);
		if (opened < 0 && errno == ENOENT)
			return error_set_code(err, ERROR_NOT_FOUND, ENOENT, "%s: no such file", path);
		if (opened < 0) return error_errno(err, errno, "cannot open %s", path);
		fd = opened;
	}
	for (;;) {
		enum { CHUNK = 65536 };
		char *end = strbuf_reserve(content, CHUNK);
		ssize_t got = read(fd, end, CHUNK);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return error_errno(err, errno, "cannot read %s", path);
		end[got] = '\0';
		content->length += (size_t)got;
		if (got == 0) return 0;
		if (content->length > limit) {
			return error_set(err, ERROR_INVALID, "%s: larger than %zu bytes", path, limit);
		}
	}
}

int file_read_word(const char *path, char **text, struct error **err) {
	enum { LIMIT = 1024 * 1024 };
	static const char white[] = " \t\r\n";
	cleanup_strbuf struct strbuf content = { 0 };
	if (file_read(path, LIMIT, &content, err) < 0) return -1;
	const char *start = strbuf_text(&content) + strspn(strbuf_text(&content), white);
	size_t length = strlen(start);
	while (length > 0 && strchr(white, start[length - 1]) != NULL) length--;
	if (length == 0) return error_set(err, ERROR_INVALID, "%s: the file is empty", path);
	*text = xstrndup(start, length);
	return 0;
}

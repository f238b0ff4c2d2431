#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

int file_read(const char *path, struct strbuf *text, struct error **err) {
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
		char *end = strbuf_reserve(text, CHUNK);
		ssize_t got = read(fd, end, CHUNK);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return error_errno(err, errno, "cannot read %s", path);
		end[got] = '\0';
		text->length += (size_t)got;
		if (got == 0) return 0;
		if (text->length > FILE_MAX_BYTES) {
			return error_set(err, ERROR_IO, "%s: larger than %d bytes", path, FILE_MAX_BYTES);
		}
	}
}

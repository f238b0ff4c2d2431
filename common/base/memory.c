#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *memory) {
	if (memory == NULL) {
		static const char message[] = "agkeeper: out of memory\n";
		ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);
		(void)ignored;
		abort();
	}
	return memory;
}

void *xmalloc(size_t size) {
	return checked(malloc(size != 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size) {
	return checked(calloc(count != 0 ? count : 1, size != 0 ? size : 1));
}

void *xrealloc(void *memory, size_t size) {
	return checked(realloc(memory, size != 0 ? size : 1));
}

void *xreallocarray(void *memory, size_t count, size_t size) {
	return checked(reallocarray(memory, count != 0 ? count : 1, size != 0 ? size : 1));
}

char *xstrdup(const char *text) {
	return checked(strdup(text));
}

char *xstrndup(const char *text, size_t length) {
	return checked(strndup(text, length));
}

char *xvasprintf(const char *format, va_list args) {
	char *text = NULL;
	if (vasprintf(&text, format, args) < 0) text = NULL;
	return checked(text);
}

char *xasprintf(const char *format, ...) {
	va_list args;
	va_start(args, format);
	char *text = xvasprintf(format, args);
	va_end(args);
	return text;
}

void free_cleanup(void *pointer_to_pointer) {
	void *memory;
	memcpy(&memory, pointer_to_pointer, sizeof(memory));
	free(memory);
}

void close_cleanup(int *fd) {
	if (*fd >= 0) (void)close(*fd);
}

/* Blocks double up to a limit, so that a typical object costs one or two mallocs and a huge one not many more. */
enum { ARENA_FIRST = 4096, ARENA_LAST = 256 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	max_align_t data[];
};

void *arena_alloc(struct arena *arena, size_t size) {
	const size_t align = _Alignof(max_align_t);
	if (size > SIZE_MAX - align - sizeof(struct arena_block)) checked(NULL);
	size = (size + align - 1) / align * align;
	struct arena_block *block = arena->blocks;
	if (block == NULL || block->size - block->used < size) {
		size_t room = block == NULL ? ARENA_FIRST : block->size * 2;
		if (room > ARENA_LAST) room = ARENA_LAST;
		if (room < size) room = size;
		block = xmalloc(sizeof(*block) + room);
		*block = (struct arena_block){ .next = arena->blocks, .size = room };
		arena->blocks = block;
	}
	void *memory = (char *)block->data + block->used;
	block->used += size;
	memset(memory, 0, size);
	return memory;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size) {
	size_t total;
	if (__builtin_mul_overflow(count, size, &total)) checked(NULL);
	return arena_alloc(arena, total);
}

char *arena_strdup(struct arena *arena, const char *text) {
	size_t size = strlen(text) + 1;
	return memcpy(arena_alloc(arena, size), text, size);
}

char *arena_printf(struct arena *arena, const char *format, ...) {
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0) checked(NULL);
	char *text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

void arena_free(struct arena *arena) {
	struct arena_block *block = arena->blocks;
	while (block != NULL) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
	arena->blocks = NULL;
}

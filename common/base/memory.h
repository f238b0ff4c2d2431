/* Memory: allocation that does not fail, visible ownership, and an arena for things that live and die together.
 *
 * The x-functions abort the process when memory is exhausted: a controller that cannot allocate a few bytes cannot do
 * anything sensible, and Kubernetes restarts it. Outside data is bounded before it is stored, so this is never
 * something that a request can cause. */
#ifndef AGKEEPER_BASE_MEMORY_H
#define AGKEEPER_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *memory, size_t size) __attribute__((returns_nonnull));
/* As xrealloc for count elements; aborts when count * size overflows. */
void *xreallocarray(void *memory, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0), malloc, returns_nonnull));

/* `cleanup_free char *name = …;` frees when the scope ends; `return take(&name)` hands the ownership on. */
void free_cleanup(void *pointer_to_pointer);
#define cleanup_free __attribute__((cleanup(free_cleanup)))
#define take(pointer_to_pointer)                            \
	({                                                  \
		__auto_type taken_ = *(pointer_to_pointer); \
		*(pointer_to_pointer) = NULL;               \
		taken_;                                     \
	})

void close_cleanup(int *fd);
#define cleanup_close __attribute__((cleanup(close_cleanup)))

/* An arena hands out memory that is freed all at once. Zero-initialise it: `cleanup_arena struct arena arena = {0};`.
 * Memory is zeroed and aligned for any type. */
struct arena_block;
struct arena {
	struct arena_block *blocks;
};
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
void *arena_calloc(struct arena *arena, size_t count, size_t size) __attribute__((malloc, returns_nonnull));
char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3), returns_nonnull));
void arena_free(struct arena *arena);
#define cleanup_arena __attribute__((cleanup(arena_free)))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif

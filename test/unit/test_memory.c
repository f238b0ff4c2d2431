/* Allocation and arenas. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/strbuf.h"

/* AddressSanitizer would end the process itself where malloc returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
	return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
	return "allocator_may_return_null=1";
}

static void allocates_nothing_too(void **state) {
	(void)state;
	free(xmalloc(0));
	free(xcalloc(0, 8));
	free(xcalloc(8, 0));
	free(xrealloc(NULL, 0));
	free(xreallocarray(NULL, 0, 8));
	cleanup_free char *text = xstrdup("");
	assert_string_equal(text, "");
}

static void copies_and_formats(void **state) {
	(void)state;
	cleanup_free char *part = xstrndup("abcdef", 3);
	assert_string_equal(part, "abc");
	cleanup_free char *whole = xstrndup("abc", 10);
	assert_string_equal(whole, "abc");
	cleanup_free char *text = xasprintf("%s-%d", "a", 7);
	assert_string_equal(text, "a-7");
	cleanup_free int *zeroed = xcalloc(100, sizeof(int));
	for (int i = 0; i < 100; i++) assert_int_equal(zeroed[i], 0);
}

static char *make(void) {
	cleanup_free char *text = xstrdup("kept");
	return take(&text);
}

static void takes_ownership(void **state) {
	(void)state;
	cleanup_free char *text = make();
	assert_string_equal(text, "kept");
	char *moved = take(&text);
	assert_null(text);
	free(moved);
}

static void closes(void **state) {
	(void)state;
	int kept;
	{
		cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		kept = fd;
	}
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	cleanup_close int none = -1;
	(void)none;
}

static void arena_gives_zeroed_aligned_memory(void **state) {
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	static const size_t sizes[] = { 0, 1, 3, 7, 16, 17, 100, 4095, 4096, 4097, 5000, 100000, 262144, 262145, 1 };
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
			unsigned char *memory = arena_alloc(&arena, sizes[i]);
			assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
			for (size_t at = 0; at < sizes[i]; at++) assert_int_equal(memory[at], 0);
			memset(memory, 0xAA, sizes[i]);
		}
	}
}

/* What was handed out stays what it was, and overlaps nothing. */
static void arena_keeps_what_it_gave(void **state) {
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	char *texts[2000];
	for (int i = 0; i < 2000; i++) {
		texts[i] =
		        i % 2 == 0 ? arena_printf(&arena, "text %d %*s", i, i % 97, "") : arena_strdup(&arena, "odd");
	}
	for (int i = 0; i < 2000; i++) {
		cleanup_free char *expected = i % 2 == 0 ? xasprintf("text %d %*s", i, i % 97, "") : xstrdup("odd");
		assert_string_equal(texts[i], expected);
	}
}

static void arena_is_reusable_after_free(void **state) {
	(void)state;
	struct arena arena = { 0 };
	arena_free(&arena);
	arena_strdup(&arena, "a");
	arena_free(&arena);
	assert_null(arena.blocks);
	assert_string_equal(arena_strdup(&arena, "b"), "b");
	int *numbers = arena_calloc(&arena, 10, sizeof(int));
	assert_int_equal(numbers[9], 0);
	assert_non_null(arena_calloc(&arena, 0, 8));
	arena_free(&arena);
}

/* Runs `fails` in a child and asserts that it aborts with the message that the operator will look for. */
static void assert_aborts(void (*fails)(void)) {
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		fails();
		_exit(0);
	}
	close(ends[1]);
	cleanup_strbuf struct strbuf text = { 0 };
	char chunk[4096];
	for (ssize_t got; (got = read(ends[0], chunk, sizeof(chunk))) > 0;) strbuf_append_n(&text, chunk, (size_t)got);
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(strbuf_text(&text), "agkeeper: out of memory\n"));
}

static volatile size_t huge = SIZE_MAX / 2 + 1;

static void overflow_realloc(void) {
	free(xreallocarray(NULL, huge, 4));
}
static void overflow_arena(void) {
	struct arena arena = { 0 };
	(void)arena_alloc(&arena, SIZE_MAX - huge % 2);
}
static void overflow_arena_array(void) {
	struct arena arena = { 0 };
	(void)arena_calloc(&arena, huge, 4);
}

static void aborts_when_sizes_overflow(void **state) {
	(void)state;
	assert_aborts(overflow_realloc);
	assert_aborts(overflow_arena);
	assert_aborts(overflow_arena_array);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocates_nothing_too),
		cmocka_unit_test(copies_and_formats),
		cmocka_unit_test(takes_ownership),
		cmocka_unit_test(closes),
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(arena_keeps_what_it_gave),
		cmocka_unit_test(arena_is_reusable_after_free),
		cmocka_unit_test(aborts_when_sizes_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

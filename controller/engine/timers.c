#include "controller/engine/timers.h"

#include <stdlib.h>

#include "base/memory.h"

static void put(struct timers *timers, size_t index, struct work *work) {
	timers->heap[index] = work;
	work->timer_number = index + 1;
}

static void sift_up(struct timers *timers, size_t index) {
	struct work *work = timers->heap[index];
	while (index > 0) {
		size_t parent = (index - 1) / 2;
		if (timers->heap[parent]->timer_at <= work->timer_at) break;
		put(timers, index, timers->heap[parent]);
		index = parent;
	}
	put(timers, index, work);
}

static void sift_down(struct timers *timers, size_t index) {
	struct work *work = timers->heap[index];
	for (size_t child; (child = 2 * index + 1) < timers->count; index = child) {
		if (child + 1 < timers->count && timers->heap[child + 1]->timer_at < timers->heap[child]->timer_at)
			child++;
		if (timers->heap[child]->timer_at >= work->timer_at) break;
		put(timers, index, timers->heap[child]);
	}
	put(timers, index, work);
}

struct work *timers_first(const struct timers *timers) {
	return timers->count > 0 ? timers->heap[0] : NULL;
}

void timers_set(struct timers *timers, struct work *work, int64_t at) {
	timers_remove(timers, work);
	if (timers->count == timers->capacity) {
		timers->capacity = timers->capacity == 0 ? 16 : 2 * timers->capacity;
		timers->heap = xreallocarray(timers->heap, timers->capacity, sizeof(struct work *));
	}
	work->timer_at = at;
	put(timers, timers->count++, work);
	sift_up(timers, timers->count - 1);
}

void timers_remove(struct timers *timers, struct work *work) {
	if (!timers_has(work)) return;
	size_t index = work->timer_number - 1;
	work->timer_number = 0;
	struct work *moved = timers->heap[--timers->count];
	if (moved == work) return;
	put(timers, index, moved);
	sift_down(timers, index);
	sift_up(timers, moved->timer_number - 1);
}

void timers_free(struct timers *timers) {
	free(timers->heap);
	*timers = (struct timers){ 0 };
}

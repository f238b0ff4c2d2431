#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t clock_monotonic_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_seconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

char *clock_now_rfc3339(char buffer[CLOCK_RFC3339_SIZE]) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct tm utc;
	gmtime_r(&now.tv_sec, &utc);
	size_t length = strftime(buffer, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buffer + length, CLOCK_RFC3339_SIZE - length, ".%03dZ", (int)(now.tv_nsec / 1000000));
	return buffer;
}

char *clock_format_rfc3339(int64_t seconds, char buffer[CLOCK_RFC3339_SIZE]) {
	time_t time = (time_t)seconds;
	struct tm utc;
	gmtime_r(&time, &utc);
	strftime(buffer, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return buffer;
}

int64_t clock_parse_rfc3339(const char *text) {
	struct tm utc = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
	if (rest == NULL) return -1;
	if (*rest == '.') {
		size_t digits = strspn(rest + 1, "0123456789");
		if (digits == 0) return -1;
		rest += 1 + digits;
	}
	long offset = 0;
	if (strcmp(rest, "Z") != 0) {
		int hours;
		int minutes;
		int end = 0;
		char sign;
		if (sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &end) != 3 || rest[end] != '\0') return -1;
		if ((sign != '+' && sign != '-') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return -1;
		offset = (hours * 60L + minutes) * 60L * (sign == '+' ? 1 : -1);
	}
	return (int64_t)timegm(&utc) - offset;
}

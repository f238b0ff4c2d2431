#include "base/clock.h"

#include <stdbool.h>
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

int64_t clock_wall_us(void) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
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

char *clock_format_micro_time(int64_t microseconds, char buffer[CLOCK_RFC3339_SIZE]) {
	clock_format_rfc3339(microseconds / 1000000, buffer);
	size_t length = strlen(buffer) - 1; /* without the Z */
	snprintf(buffer + length, CLOCK_RFC3339_SIZE - length, ".%06dZ", (int)(microseconds % 1000000));
	return buffer;
}

/* Reads exactly `count` digits at *text and moves it behind them and behind `separator` (unless that is NUL). */
static bool read_digits(const char **text, int count, char separator, int *number) {
	*number = 0;
	for (int i = 0; i < count; i++, (*text)++) {
		if (**text < '0' || **text > '9') return false;
		*number = *number * 10 + (**text - '0');
	}
	if (separator == '\0') return true;
	return *(*text)++ == separator;
}

/* "Z", "+01:30" or "-08:00", and nothing behind it, in seconds east of UTC. */
static bool read_zone(const char *text, long *offset) {
	*offset = 0;
	if (strcmp(text, "Z") == 0) return true;
	if (*text != '+' && *text != '-') return false;
	long sign = *text++ == '+' ? 1 : -1;
	int hours;
	int minutes;
	if (!read_digits(&text, 2, ':', &hours) || !read_digits(&text, 2, '\0', &minutes) || *text != '\0')
		return false;
	*offset = sign * (hours * 60L + minutes) * 60L;
	return hours < 24 && minutes < 60;
}

int64_t clock_parse_rfc3339(const char *text) {
	struct tm utc = { 0 };
	/* Not strptime: it takes fewer digits, spaces and leap seconds. */
	if (!read_digits(&text, 4, '-', &utc.tm_year) || !read_digits(&text, 2, '-', &utc.tm_mon) ||
	    !read_digits(&text, 2, 'T', &utc.tm_mday) || !read_digits(&text, 2, ':', &utc.tm_hour) ||
	    !read_digits(&text, 2, ':', &utc.tm_min) || !read_digits(&text, 2, '\0', &utc.tm_sec))
		return -1;
	if (utc.tm_hour > 23 || utc.tm_min > 59 || utc.tm_sec > 59) return -1;
	if (*text == '.') {
		size_t digits = strspn(text + 1, "0123456789");
		if (digits == 0) return -1;
		text += 1 + digits;
	}
	long offset;
	if (!read_zone(text, &offset)) return -1;
	utc.tm_year -= 1900;
	utc.tm_mon -= 1;
	const struct tm written = utc;
	int64_t seconds = timegm(&utc);
	/* timegm moves the 31st of November to the 1st of December. */
	if (utc.tm_mon != written.tm_mon || utc.tm_mday != written.tm_mday) return -1;
	return seconds - offset;
}

int64_t clock_parse_micro_time(const char *text) {
	int64_t seconds = clock_parse_rfc3339(text);
	if (seconds == -1) return -1;
	int64_t fraction = 0;
	const char *digit = strchr(text, '.');
	for (int64_t weight = 100000; digit != NULL && weight > 0; weight /= 10) {
		digit++;
		if (*digit < '0' || *digit > '9') break;
		fraction += (*digit - '0') * weight;
	}
	return seconds * 1000000 + fraction;
}

/* Thousands of simulated SQL Servers in one process, each listening for TDS at an address of its own. One thread serves
 * them all; messages between mirroring endpoints are passed by hand, disks are in memory, and only servers that have
 * something to do are stepped: the others cost nothing.
 *
 * A server is known by its pod's name. Its disk outlives it, as a volume does. */
#ifndef BENCH_FARM_SERVERS_H
#define BENCH_FARM_SERVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct farm_servers;
/* `settings`: as simsqlserver's --settings takes them, of timings and assumptions; NULL: fast ones. */
struct farm_servers *farm_servers_new(const char *settings, struct error **err);
/* The thread's function. */
void *farm_servers_run(void *servers);

/* Any thread; done in the order of the calls. A server that runs under this name already is killed first. */
void farm_servers_start(struct farm_servers *servers, const char *pod, const char *uid, const char *ip,
                        const char *password);
/* As by kill -9. Only the process of this very pod. */
void farm_servers_kill(struct farm_servers *servers, const char *pod, const char *uid);
/* Whether the servers of a group take connections and never answer: those of every nth group; 0: none. */
void farm_servers_freeze(struct farm_servers *servers, int nth);
bool farm_is_frozen(const char *pod, int nth);

struct farm_counts {
	size_t running, sessions;
};
/* As they were a moment ago. */
struct farm_counts farm_servers_count(struct farm_servers *servers);

#endif

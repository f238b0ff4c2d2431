/* One simulated SQL Server: what mssql-server with its data folder is on a machine.
 *
 * An instance has no threads and no clock. Whoever runs it (the TDS server, the simulation) is its host: gives it the
 * time, carries its messages to other instances' mirroring endpoints, keeps its files (sqlserver/disk.h), and calls
 * sim_instance_run when the time that it asked for has come. */
#ifndef SIMSQL_INSTANCE_H
#define SIMSQL_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sqlserver/disk.h"

struct sim_instance;
struct sim_settings; /* sqlserver/settings.h: timings and assumptions */

struct sim_host {
	void *context;
	/* Model time in microseconds: never goes back while the instance lives. A demo may let it run faster than the
	 * clock on the wall. */
	int64_t (*now)(void *context);
	/* What the server's clock shows: microseconds since 1970 (UTC). Servers' clocks may differ. */
	int64_t (*wall)(void *context);
	/* Sends to the mirroring endpoint at TCP://host:port. May lose, delay and reorder; never calls back into the
	 * instance from within. */
	void (*send)(void *context, const char *host, int port, const void *bytes, size_t length);
};

struct sim_options {
	const char *server_name; /* @@SERVERNAME: the pod's short host name; kept by the disk after the first start */
	const char *sa_password; /* MSSQL_SA_PASSWORD: sets sa's password at the first start only */
	const char *edition;     /* MSSQL_PID; NULL: Developer */
	const char *version;     /* product version as @@VERSION has it; NULL: 16.0.4175.1 */
	bool hadr_enabled;       /* mssql.conf hadr.hadrenabled */
	uint64_t seed;           /* of the guids it makes */
	/* Of the process, above every earlier one's under its name: a session of an earlier one ends with it. 0: by the
	 * wall clock, which must not be set back then. */
	uint64_t number;
	const struct sim_settings *settings; /* NULL: the defaults; must outlive the instance */
};

/* Starts SQL Server on a data folder: recovers what is there, or sets up a new one. NULL with an error when the folder
 * cannot be read. `host` is copied, the disk stays the caller's. */
struct sim_instance *sim_instance_start(const struct sim_options *options, const struct sim_host *host,
                                        struct sim_disk *disk, struct error **err);
/* The process is gone, as by kill -9: nothing is written. Sessions must have been closed. */
void sim_instance_free(struct sim_instance *instance);

/* Whether logins are taken yet (start-up takes its time). */
bool sim_instance_accepts(const struct sim_instance *instance);

/* Does what is due now; returns when it wants to be called next (INT64_MAX: not before something else happens). */
int64_t sim_instance_run(struct sim_instance *instance);
/* A message has come in on `port`. */
void sim_instance_receive(struct sim_instance *instance, int port, const void *bytes, size_t length);
/* The connection over which messages went to TCP://host:port was refused or reset: a hint, see assumption
 * `reset_noticed`. */
void sim_instance_unreachable(struct sim_instance *instance, const char *host, int port);

/* The ports on which a started mirroring endpoint listens, up to `size` of them; returns how many there are. Changes
 * with CREATE, ALTER and DROP ENDPOINT. */
size_t sim_instance_ports(const struct sim_instance *instance, int *ports, size_t size);

/* What sp_server_diagnostics reports, for tests to change: 1 clean, 2 warning, 3 error. */
struct sim_health {
	int system, resource, query_processing, io_subsystem;
};
struct sim_health *sim_instance_health(struct sim_instance *instance);

/* A slow volume: hardening takes so long. What a kill meets in between is there after it, and was never acknowledged.
 */
void sim_instance_set_disk_delay(struct sim_instance *instance, int64_t microseconds);

const char *sim_instance_name(const struct sim_instance *instance);
/* Product version as a client expects it in LOGINACK and PRELOGIN: 16, 0, 4175. */
void sim_instance_version(const struct sim_instance *instance, int *major, int *minor, int *build);

#endif

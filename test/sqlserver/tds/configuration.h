/* What the server is told at its start: the command line, the container's environment and mssql.conf. */
#ifndef TDS_CONFIGURATION_H
#define TDS_CONFIGURATION_H

#include <stdbool.h>

#include "base/error.h"

/* Free with configuration_free. The command line counts before the environment, that before mssql.conf. */
struct configuration {
	char *ip;           /* --listen, MSSQL_IP_ADDRESS, network.ipaddress; SIMSQL_ADDRESS instead of 0.0.0.0 */
	int port;           /* --listen, MSSQL_TCP_PORT, network.tcpport */
	char *mirroring_ip; /* --mirroring; the same as ip */
	char *data;         /* --data, SIMSQL_DATA: the folder that stands for /var/opt/mssql */
	char *name;         /* --name, HOSTNAME: short, as @@SERVERNAME has it */
	char *sa_password;  /* --sa-password-file, MSSQL_SA_PASSWORD, SA_PASSWORD; NULL: none */
	char *edition;      /* MSSQL_PID; NULL: none */
	char *hosts;        /* --hosts, SIMSQL_HOSTS: a hosts(5) file with the peers; NULL: the resolver */
	char *localhost;    /* SIMSQL_LOCALHOST: listened on too, never cut off by faults; NULL: none */
	char *faults;       /* --faults, SIMSQL_FAULTS: what is wrong with the network (tds/faults.h); NULL: nothing */
	char *volume;       /* --volume, SIMSQL_VOLUME: tells of the volume (sqlserver/disk.h); NULL: unlimited */
	char *settings;     /* --settings, SIMSQL_SETTINGS: "name=value,…" of sqlserver/settings.h; NULL: none */
	char *certificate;  /* network.tlscert: a PEM file; NULL: one is made. Below /var/opt/mssql: in `data` */
	char *key;          /* network.tlskey */
	bool force_encryption; /* network.forceencryption */
	bool hadr_enabled;     /* MSSQL_ENABLE_HADR, hadr.hadrenabled */
	bool eula_accepted;    /* ACCEPT_EULA */
	double time_scale; /* --time-scale, SIMSQL_TIME_SCALE: how much faster than the wall the model's time runs */
};

/* `environment` gives the value of a variable, or NULL: getenv for all but tests. */
int configuration_read(int count, char **arguments, char *(*environment)(const char *name),
                       struct configuration *configuration, struct error **err);
void configuration_free(struct configuration *configuration);
#define cleanup_configuration __attribute__((cleanup(configuration_free)))

/* SQL Server's password policy, as far as setup checks sa's: NULL when `password` satisfies it, else the message that
 * setup ends with (33062 too short, 33063 too long, 33064 not complex enough). */
const char *password_objection(const char *password);

#endif

#include "sqlserver/world_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void sim_world_do(struct sim_world *world, size_t node, const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *batch = xvasprintf(format, args);
	va_end(args);
	cleanup_free char *answer = sim_world_ask(world, node, batch);
	if (strncmp(answer, "Msg ", 4) != 0 && strstr(answer, "\nMsg ") == NULL) return;
	fprintf(stderr, "%s: %s\n%s\n", world->nodes[node].name, batch, answer);
	abort();
}

void sim_world_trust(struct sim_world *world) {
	for (size_t i = 0; i < world->count; i++) {
		sim_world_do(world, i,
		             "CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'M@sterK3y';\n"
		             "CREATE CERTIFICATE [cert_%zu] WITH SUBJECT = N'replica %zu';\n"
		             "CREATE ENDPOINT [AGEP] STATE = STARTED AS TCP (LISTENER_PORT = 5022, LISTENER_IP = ALL)\n"
		             "FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [cert_%zu], ROLE = ALL, ENCRYPTION "
		             "= REQUIRED ALGORITHM AES)",
		             i, i, i);
	}
	for (size_t i = 0; i < world->count; i++) {
		cleanup_free char *question = xasprintf("SET NOCOUNT ON; SELECT CERTENCODED(CERT_ID('cert_%zu'))", i);
		cleanup_free char *certificate = sim_world_ask(world, i, question);
		certificate[strcspn(certificate, "\n")] = '\0';
		for (size_t j = 0; j < world->count; j++) {
			if (i == j) continue;
			sim_world_do(world, j,
			             "CREATE LOGIN [replica_%zu] WITH PASSWORD = N'Repl1ca!Login';\n"
			             "CREATE USER [replica_%zu] FOR LOGIN [replica_%zu];\n"
			             "CREATE CERTIFICATE [cert_%zu] AUTHORIZATION [replica_%zu] FROM BINARY = %s;\n"
			             "GRANT CONNECT ON ENDPOINT::[AGEP] TO [replica_%zu]",
			             i, i, i, i, i, certificate, i);
		}
	}
}

void sim_world_group(struct sim_world *world) {
	sim_world_trust(world);
	struct strbuf create = { 0 };
	strbuf_append(
	        &create,
	        "CREATE AVAILABILITY GROUP [AG1] WITH (CLUSTER_TYPE = EXTERNAL, DB_FAILOVER = ON) FOR REPLICA ON ");
	for (size_t i = 0; i < world->count; i++)
		strbuf_printf(&create,
		              "%sN'%s' WITH (ENDPOINT_URL = N'TCP://%s.pods:5022', FAILOVER_MODE = EXTERNAL, "
		              "AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, "
		              "SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL))",
		              i > 0 ? ", " : "", world->nodes[i].name, world->nodes[i].name);
	sim_world_do(world, 0, "%s", strbuf_text(&create));
	strbuf_free(&create);
	for (size_t i = 1; i < world->count; i++)
		sim_world_do(world, i,
		             "ALTER AVAILABILITY GROUP [AG1] JOIN WITH (CLUSTER_TYPE = EXTERNAL);\n"
		             "ALTER AVAILABILITY GROUP [AG1] GRANT CREATE ANY DATABASE;\n"
		             "ALTER AVAILABILITY GROUP [AG1] SET (ROLE = SECONDARY)");
	sim_world_do(world, 0,
	             "CREATE DATABASE [agdb1]; ALTER DATABASE [agdb1] SET RECOVERY FULL;\n"
	             "BACKUP DATABASE [agdb1] TO DISK = N'/var/opt/mssql/data/agdb1.bak' WITH INIT, FORMAT;\n"
	             "ALTER AVAILABILITY GROUP [AG1] ADD DATABASE [agdb1]");
	if (!sim_world_synchronized(world, 0, (int)world->count - 1, 60)) abort();
	sim_world_do(world, 0, "USE [agdb1]; EXEC(N'CREATE TABLE t (id int PRIMARY KEY)')");
}

int sim_world_failover(struct sim_world *world, size_t node) {
	struct sim_client *client = sim_client_open(world, node, NULL, false);
	sim_client_run(client, "EXEC sp_set_session_context @key = N'external_cluster', @value = N'yes'; ALTER "
	                       "AVAILABILITY GROUP [AG1] FAILOVER");
	int error = client->session != NULL ? client->last_error : -1;
	sim_client_close(client);
	return error;
}

bool sim_world_becomes(struct sim_world *world, size_t node, const char *query, const char *answer, int seconds) {
	cleanup_free char *quiet = xasprintf("SET NOCOUNT ON; %s", query);
	cleanup_free char *last = NULL;
	for (int i = 0; i <= 10 * seconds; i++) {
		free(last);
		last = sim_world_ask(world, node, quiet);
		if (strncmp(last, answer, strlen(answer)) == 0 && strcmp(last + strlen(answer), "\n") == 0) return true;
		sim_world_run(world, 100000);
	}
	fprintf(stderr, "%s: %s\nis: %swanted: %s\n", world->nodes[node].name, query, last, answer);
	return false;
}

bool sim_world_synchronized(struct sim_world *world, size_t primary, int count, int seconds) {
	char wanted[16];
	snprintf(wanted, sizeof(wanted), "%d", count);
	return sim_world_becomes(world, primary,
	                         "SELECT COUNT(*) FROM sys.dm_hadr_database_replica_states WHERE is_local = 0 AND "
	                         "synchronization_state_desc = N'SYNCHRONIZED'",
	                         wanted, seconds);
}

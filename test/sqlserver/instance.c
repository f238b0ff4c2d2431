/* Starting an instance, its system databases, and its clockwork. */
#include "sqlserver/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/group.h"
#include "sqlserver/server.h"
#include "sqlserver/store.h"

/* master's content beyond its tables. */
static const char system_file[] = "master.mdf";
enum { FORMAT = 3 };

uint64_t sim_random(struct sim_instance *instance) {
	/* splitmix64 */
	uint64_t z = (instance->random += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void sim_guid(struct sim_instance *instance, char guid[SIM_GUID_SIZE]) {
	uint64_t high = sim_random(instance), low = sim_random(instance);
	snprintf(guid, SIM_GUID_SIZE, "%08X-%04X-4%03X-%04X-%012llX", (unsigned)(high >> 32),
	         (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff), (unsigned)(low >> 48 & 0x3fff) | 0x8000,
	         (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

void sim_set_text(char **text, const char *value) {
	char *old = *text;
	*text = value != NULL ? xstrdup(value) : NULL;
	free(old);
}

bool sim_list_has(const char *list, const char *name) {
	if (list == NULL) return false;
	cleanup_free char *item = xasprintf(",%s,", name);
	return strcasestr(list, item) != NULL;
}

void sim_list_add(char **list, const char *name) {
	if (sim_list_has(*list, name)) return;
	cleanup_free char *old = *list;
	*list = xasprintf("%s%s,", old != NULL ? old : ",", name);
}

void sim_list_remove(char **list, const char *name) {
	if (!sim_list_has(*list, name)) return;
	cleanup_free char *item = xasprintf(",%s,", name);
	char *at = strcasestr(*list, item);
	memmove(at, at + strlen(item) - 1, strlen(at + strlen(item) - 1) + 1);
}

/* --- What the system databases keep --- */

static void put_databases(struct strbuf *buf, const struct sim_instance *instance) {
	wire_put(buf, instance->database_count);
	for (size_t i = 0; i < instance->database_count; i++) {
		const struct sim_database *database = instance->databases[i];
		wire_put(buf, (uint64_t)database->id);
		wire_put_text(buf, database->name);
		wire_put_text(buf, database->owner);
		wire_put_text(buf, database->guid);
		wire_put_text(buf, database->log.file);
		wire_put(buf, database->recovery);
		wire_put(buf, (uint64_t)database->created);
		wire_put_text(buf, database->group_database_id);
		const bool flags[] = { database->read_only, database->full_backup, database->restoring,
			               database->suspect,   database->joined,      database->suspended,
			               database->ready,     database->by_partner };
		for (size_t j = 0; j < ARRAY_LENGTH(flags); j++) wire_put(buf, flags[j]);
	}
}

/* "" was written for NULL. */
static char *get_optional(struct wire *wire) {
	char *text = wire_get_text(wire);
	if (*text != '\0') return text;
	free(text);
	return NULL;
}

static int get_databases(struct wire *wire, struct sim_instance *instance, struct error **err) {
	uint64_t count = wire_get(wire);
	for (uint64_t i = 0; i < count && !wire->broken; i++) {
		struct sim_database *database = xcalloc(1, sizeof(*database));
		instance->databases =
		        xreallocarray(instance->databases, instance->database_count + 1, sizeof(*instance->databases));
		instance->databases[instance->database_count++] = database;
		database->id = (int)wire_get(wire);
		database->name = wire_get_text(wire);
		database->owner = get_optional(wire);
		cleanup_free char *guid = wire_get_text(wire), *file = wire_get_text(wire);
		database->recovery = (enum sim_recovery_model)wire_get(wire);
		database->created = (int64_t)wire_get(wire);
		cleanup_free char *group = wire_get_text(wire);
		snprintf(database->guid, SIM_GUID_SIZE, "%s", guid);
		snprintf(database->group_database_id, SIM_GUID_SIZE, "%s", group);
		bool *const flags[] = { &database->read_only, &database->full_backup, &database->restoring,
			                &database->suspect,   &database->joined,      &database->suspended,
			                &database->ready,     &database->by_partner };
		for (size_t j = 0; j < ARRAY_LENGTH(flags); j++) *flags[j] = wire_get(wire) != 0;
		if (sim_log_open(&database->log, instance->disk, file, err) < 0) return -1;
		database->log.is_allocated = database->id <= 4;
		database->acknowledged = database->log.count;
	}
	return 0;
}

static void put_security(struct strbuf *buf, const struct sim_instance *instance) {
	wire_put(buf, instance->login_count);
	for (size_t i = 0; i < instance->login_count; i++) {
		const struct sim_login_row *row = &instance->logins[i];
		const char *const texts[] = { row->name, row->password, row->default_database, row->sid,
			                      row->permissions };
		for (size_t j = 0; j < ARRAY_LENGTH(texts); j++) wire_put_text(buf, texts[j]);
		wire_put(buf, row->disabled);
		wire_put(buf, row->sysadmin);
	}
	wire_put(buf, instance->user_count);
	for (size_t i = 0; i < instance->user_count; i++) {
		wire_put_text(buf, instance->users[i].name);
		wire_put_text(buf, instance->users[i].login);
	}
	wire_put(buf, instance->certificate_count);
	for (size_t i = 0; i < instance->certificate_count; i++) {
		const struct sim_certificate *certificate = &instance->certificates[i];
		wire_put(buf, (uint64_t)certificate->id);
		wire_put_text(buf, certificate->name);
		wire_put_text(buf, certificate->subject);
		wire_put_text(buf, certificate->owner);
		wire_put_bytes(buf, certificate->public_part, certificate->public_length);
		wire_put(buf, certificate->has_private_key);
	}
	wire_put(buf, (uint64_t)instance->next_certificate_id);
	wire_put(buf, instance->master_key);
	const struct sim_endpoint *endpoint = &instance->endpoint;
	const char *const texts[] = { endpoint->name, endpoint->certificate, endpoint->owner, endpoint->connect };
	for (size_t j = 0; j < ARRAY_LENGTH(texts); j++) wire_put_text(buf, texts[j]);
	wire_put(buf, (uint64_t)endpoint->port);
	wire_put(buf, endpoint->started);
}

static void get_security(struct wire *wire, struct sim_instance *instance) {
	for (uint64_t count = wire_get(wire); count > 0 && !wire->broken; count--) {
		instance->logins =
		        xreallocarray(instance->logins, instance->login_count + 1, sizeof(*instance->logins));
		struct sim_login_row *row = &instance->logins[instance->login_count++];
		*row = (struct sim_login_row){ .name = wire_get_text(wire) };
		row->password = wire_get_text(wire);
		row->default_database = wire_get_text(wire);
		row->sid = wire_get_text(wire);
		row->permissions = get_optional(wire);
		row->disabled = wire_get(wire) != 0;
		row->sysadmin = wire_get(wire) != 0;
	}
	for (uint64_t count = wire_get(wire); count > 0 && !wire->broken; count--) {
		instance->users = xreallocarray(instance->users, instance->user_count + 1, sizeof(*instance->users));
		struct sim_user *user = &instance->users[instance->user_count++];
		user->name = wire_get_text(wire);
		user->login = wire_get_text(wire);
	}
	for (uint64_t count = wire_get(wire); count > 0 && !wire->broken; count--) {
		instance->certificates = xreallocarray(instance->certificates, instance->certificate_count + 1,
		                                       sizeof(*instance->certificates));
		struct sim_certificate *certificate = &instance->certificates[instance->certificate_count++];
		*certificate = (struct sim_certificate){ .id = (int)wire_get(wire) };
		certificate->name = wire_get_text(wire);
		certificate->subject = wire_get_text(wire);
		certificate->owner = wire_get_text(wire);
		const char *bytes = wire_get_bytes(wire, &certificate->public_length);
		certificate->public_part = xmalloc(certificate->public_length);
		if (bytes != NULL) memcpy(certificate->public_part, bytes, certificate->public_length);
		certificate->has_private_key = wire_get(wire) != 0;
	}
	instance->next_certificate_id = (int)wire_get(wire);
	instance->master_key = wire_get(wire) != 0;
	instance->endpoint.name = get_optional(wire);
	instance->endpoint.certificate = get_optional(wire);
	instance->endpoint.owner = get_optional(wire);
	instance->endpoint.connect = get_optional(wire);
	instance->endpoint.port = (int)wire_get(wire);
	instance->endpoint.started = wire_get(wire) != 0;
}

void sim_instance_save(struct sim_instance *instance) {
	cleanup_strbuf struct strbuf buf = { 0 };
	wire_put(&buf, FORMAT);
	wire_put_text(&buf, instance->name);
	wire_put(&buf, instance->incarnation);
	wire_put(&buf, instance->random);
	put_security(&buf, instance);
	wire_put(&buf, instance->group_count);
	for (size_t i = 0; i < instance->group_count; i++) sim_group_put(&buf, instance->groups[i], true);
	put_databases(&buf, instance);
	sim_disk_write(instance->disk, system_file, buf.data, buf.length, NULL);
}

static int load(struct sim_instance *instance, const struct strbuf *content, struct error **err) {
	struct wire wire = wire_over(content->data, content->length);
	if (wire_get(&wire) != FORMAT)
		return error_set(err, ERROR_INVALID, "%s was written by another version", system_file);
	free(instance->name);
	instance->name = wire_get_text(&wire);
	instance->incarnation = wire_get(&wire);
	instance->random = wire_get(&wire);
	get_security(&wire, instance);
	for (uint64_t count = wire_get(&wire); count > 0 && !wire.broken; count--) {
		instance->groups =
		        xreallocarray(instance->groups, instance->group_count + 1, sizeof(*instance->groups));
		instance->groups[instance->group_count++] = sim_group_get(&wire, true);
	}
	if (get_databases(&wire, instance, err) < 0) return -1;
	return wire.broken ? error_set(err, ERROR_INVALID, "%s is damaged", system_file) : 0;
}

static int set_up(struct sim_instance *instance, const char *password, struct error **err) {
	static const char *const names[] = { "master", "tempdb", "model", "msdb" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (sim_database_create(instance, names[i], true, err) == NULL) return -1;
	instance->logins = xcalloc(1, sizeof(*instance->logins));
	instance->logins[instance->login_count++] =
	        (struct sim_login_row){ .name = xstrdup("sa"),
		                        .password = xstrdup(password != NULL ? password : ""),
		                        .default_database = xstrdup("master"),
		                        .sid = xstrdup("0x01"),
		                        .sysadmin = true };
	return 0;
}

/* --- Start and end --- */

/* What a restart makes of the roles: with an external cluster manager nobody is anything until told. */
static void recover_group(struct sim_instance *instance, struct sim_group *group) {
	bool keeps = group->cluster_type == SIM_CLUSTER_NONE;
	if (group->role == SIM_ROLE_PRIMARY) {
		keeps |= sim_assume(instance, SIM_ASSUME_restarted_primary_resumes);
		group->was_primary = !keeps;
	}
	if (!keeps) group->role = SIM_ROLE_RESOLVING;
	group->role_since = sim_now(instance);
	group->next_heartbeat = sim_now(instance);
	group->reseated = true;
}

struct sim_instance *sim_instance_start(const struct sim_options *options, const struct sim_host *host,
                                        struct sim_disk *disk, struct error **err) {
	struct sim_instance *instance = xcalloc(1, sizeof(*instance));
	instance->name = xstrdup(options->server_name);
	instance->edition = xstrdup(options->edition != NULL ? options->edition : "Developer");
	instance->version = xstrdup(options->version != NULL ? options->version : "16.0.4175.1");
	instance->hadr_enabled = options->hadr_enabled;
	instance->host = *host;
	instance->disk = disk;
	instance->settings = options->settings != NULL ? *options->settings : sim_settings_fast();
	instance->random = options->seed;
	for (const char *c = options->server_name; *c != '\0'; c++)
		instance->random = instance->random * 131 + (unsigned char)*c;
	instance->health = (struct sim_health){ 1, 1, 1, 1 };
	instance->started = sim_now(instance);
	instance->started_wall = sim_wall(instance);
	instance->number = options->number != 0 ? options->number : (uint64_t)(instance->started_wall / 1000);
	cleanup_strbuf struct strbuf content = { 0 };
	bool there = sim_disk_read(disk, system_file, &content, NULL) == 0;
	if ((there ? load(instance, &content, err) : set_up(instance, options->sa_password, err)) < 0) {
		sim_instance_free(instance);
		return NULL;
	}
	instance->incarnation++;
	for (size_t i = 0; i < instance->group_count; i++) recover_group(instance, instance->groups[i]);
	if (!sim_assume(instance, SIM_ASSUME_stopped_endpoint_stays) && instance->endpoint.name != NULL)
		instance->endpoint.started = true;
	instance->endpoint.since = instance->started;
	instance->catalogue = sim_store_open(instance);
	sim_instance_save(instance);
	return instance;
}

static void free_security(struct sim_instance *instance) {
	for (size_t i = 0; i < instance->login_count; i++) {
		struct sim_login_row *row = &instance->logins[i];
		free(row->name);
		free(row->password);
		free(row->default_database);
		free(row->sid);
		free(row->permissions);
	}
	for (size_t i = 0; i < instance->user_count; i++) {
		free(instance->users[i].name);
		free(instance->users[i].login);
	}
	for (size_t i = 0; i < instance->certificate_count; i++) {
		free(instance->certificates[i].name);
		free(instance->certificates[i].subject);
		free(instance->certificates[i].owner);
		free(instance->certificates[i].public_part);
	}
	free(instance->logins);
	free(instance->users);
	free(instance->certificates);
	free(instance->endpoint.name);
	free(instance->endpoint.certificate);
	free(instance->endpoint.owner);
	free(instance->endpoint.connect);
}

void sim_instance_free(struct sim_instance *instance) {
	if (instance == NULL) return;
	free_security(instance);
	for (size_t i = 0; i < instance->group_count; i++) sim_group_free(instance->groups[i]);
	for (size_t i = 0; i < instance->database_count; i++) sim_database_free(instance->databases[i]);
	sim_store_close(instance->catalogue);
	free(instance->groups);
	free(instance->joining);
	free(instance->databases);
	free(instance->sessions);
	free(instance->applocks);
	free(instance->name);
	free(instance->edition);
	free(instance->version);
	free(instance);
}

bool sim_instance_accepts(const struct sim_instance *instance) {
	return sim_now(instance) - instance->started >= sim_timing(instance, SIM_TIMING_startup);
}

int64_t sim_instance_run(struct sim_instance *instance) {
	int64_t next = INT64_MAX;
	if (!sim_instance_accepts(instance)) return instance->started + sim_timing(instance, SIM_TIMING_startup);
	for (size_t i = 0; i < instance->group_count; i++) {
		int64_t due = sim_group_run(instance, instance->groups[i]);
		if (due < next) next = due;
	}
	return next;
}

size_t sim_instance_ports(const struct sim_instance *instance, int *ports, size_t size) {
	if (instance->endpoint.name == NULL || !instance->endpoint.started || !sim_instance_accepts(instance)) return 0;
	if (size > 0) ports[0] = instance->endpoint.port;
	return 1;
}

const char *sim_instance_name(const struct sim_instance *instance) {
	return instance->name;
}

void sim_instance_version(const struct sim_instance *instance, int *major, int *minor, int *build) {
	*major = *minor = *build = 0;
	sscanf(instance->version, "%d.%d.%d", major, minor, build);
}

void sim_instance_set_disk_delay(struct sim_instance *instance, int64_t microseconds) {
	instance->disk_delay = microseconds;
}

struct sim_health *sim_instance_health(struct sim_instance *instance) {
	return &instance->health;
}

#include "sqlserver/tds/configuration.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"

enum setting {
	SETTING_LISTEN,
	SETTING_IP,
	SETTING_PORT,
	SETTING_MIRRORING,
	SETTING_DATA,
	SETTING_NAME,
	SETTING_PASSWORD_FILE,
	SETTING_PASSWORD,
	SETTING_EDITION,
	SETTING_HOSTS,
	SETTING_ADDRESS,
	SETTING_LOCALHOST,
	SETTING_FAULTS,
	SETTING_VOLUME,
	SETTING_SETTINGS,
	SETTING_CERTIFICATE,
	SETTING_KEY,
	SETTING_FORCE_ENCRYPTION,
	SETTING_HADR,
	SETTING_EULA,
	SETTING_TIME_SCALE,
	SETTING_COUNT
};

/* Where each setting may come from. */
static const struct {
	const char *option;
	const char *variables[2];
	const char *key; /* of mssql.conf, with its section */
	const char *otherwise;
} sources[SETTING_COUNT] = {
	[SETTING_LISTEN] = { .option = "listen" },
	[SETTING_IP] = { .variables = { "MSSQL_IP_ADDRESS" }, .key = "network.ipaddress", .otherwise = "0.0.0.0" },
	[SETTING_PORT] = { .variables = { "MSSQL_TCP_PORT" }, .key = "network.tcpport", .otherwise = "1433" },
	[SETTING_MIRRORING] = { .option = "mirroring" },
	[SETTING_DATA] = { .option = "data", .variables = { "SIMSQL_DATA" }, .otherwise = "/var/opt/mssql" },
	[SETTING_NAME] = { .option = "name", .variables = { "HOSTNAME" }, .otherwise = "localhost" },
	[SETTING_PASSWORD_FILE] = { .option = "sa-password-file" },
	[SETTING_PASSWORD] = { .variables = { "MSSQL_SA_PASSWORD", "SA_PASSWORD" } },
	[SETTING_EDITION] = { .variables = { "MSSQL_PID" } },
	[SETTING_HOSTS] = { .option = "hosts", .variables = { "SIMSQL_HOSTS" } },
	[SETTING_ADDRESS] = { .variables = { "SIMSQL_ADDRESS" }, .otherwise = "0.0.0.0" },
	[SETTING_LOCALHOST] = { .variables = { "SIMSQL_LOCALHOST" } },
	[SETTING_FAULTS] = { .option = "faults", .variables = { "SIMSQL_FAULTS" } },
	[SETTING_VOLUME] = { .option = "volume", .variables = { "SIMSQL_VOLUME" } },
	[SETTING_SETTINGS] = { .option = "settings", .variables = { "SIMSQL_SETTINGS" } },
	[SETTING_CERTIFICATE] = { .key = "network.tlscert" },
	[SETTING_KEY] = { .key = "network.tlskey" },
	[SETTING_FORCE_ENCRYPTION] = { .key = "network.forceencryption", .otherwise = "0" },
	[SETTING_HADR] = { .variables = { "MSSQL_ENABLE_HADR" }, .key = "hadr.hadrenabled", .otherwise = "0" },
	[SETTING_EULA] = { .variables = { "ACCEPT_EULA" }, .key = "EULA.accepteula", .otherwise = "N" },
	[SETTING_TIME_SCALE] = { .option = "time-scale", .variables = { "SIMSQL_TIME_SCALE" }, .otherwise = "1" },
};

struct values {
	char *of[SETTING_COUNT];
};

static void free_values(struct values *values) {
	for (size_t i = 0; i < SETTING_COUNT; i++) free(values->of[i]);
}

/* The first who has something to say about a setting is heard. */
static void offer(struct values *values, enum setting setting, const char *value) {
	if (value != NULL && values->of[setting] == NULL) values->of[setting] = xstrdup(value);
}

static int read_options(struct values *values, int count, char **arguments, struct error **err) {
	struct option options[SETTING_COUNT + 1] = { 0 };
	size_t at = 0;
	for (int i = 0; i < SETTING_COUNT; i++) {
		if (sources[i].option == NULL) continue;
		options[at++] = (struct option){ .name = sources[i].option, .has_arg = required_argument, .val = i };
	}
	optind = 1;
	opterr = 0;
	for (int setting; (setting = getopt_long(count, arguments, "", options, NULL)) != -1;) {
		if (setting == '?')
			return error_set(err, ERROR_INVALID, "unknown option or no value: %s", arguments[optind - 1]);
		offer(values, (enum setting)setting, optarg);
	}
	return 0;
}

static void read_environment(struct values *values, char *(*environment)(const char *name)) {
	for (int i = 0; i < SETTING_COUNT; i++) {
		for (size_t j = 0; j < 2 && sources[i].variables[j] != NULL; j++)
			offer(values, (enum setting)i, environment(sources[i].variables[j]));
	}
}

static char *trim(char *text) {
	while (isspace((unsigned char)*text)) text++;
	size_t length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1])) text[--length] = '\0';
	return text;
}

/* An INI file; sections and keys are not told apart by case. Keys that mean nothing here are passed over. */
static void read_conf(struct values *values, char *content) {
	cleanup_free char *section = xstrdup("");
	char *line;
	while ((line = strsep(&content, "\n")) != NULL) {
		line = trim(line);
		char *end = strchr(line, ']'), *equals = strchr(line, '=');
		if (*line == '[' && end != NULL) {
			*end = '\0';
			free(section);
			section = xstrdup(line + 1);
		}
		if (*line == '#' || *line == ';' || *line == '[' || equals == NULL) continue;
		*equals = '\0';
		cleanup_free char *key = xasprintf("%s.%s", trim(section), trim(line));
		for (int i = 0; i < SETTING_COUNT; i++) {
			if (sources[i].key != NULL && strcasecmp(sources[i].key, key) == 0)
				offer(values, (enum setting)i, trim(equals + 1));
		}
	}
}

static int read_conf_file(struct values *values, const char *data, struct error **err) {
	enum { LARGEST_CONF = 1024 * 1024 };
	cleanup_strbuf struct strbuf content = { 0 };
	cleanup_free char *path = xasprintf("%s/mssql.conf", data);
	struct error *unread = NULL;
	if (file_read(path, LARGEST_CONF, &content, &unread) < 0) {
		if (unread->kind != ERROR_NOT_FOUND) return error_move(err, &unread);
		error_free(unread);
		return 0;
	}
	if (content.length > 0) read_conf(values, content.data);
	return 0;
}

static bool is_yes(const char *value) {
	return strcasecmp(value, "1") == 0 || strcasecmp(value, "true") == 0 || strcasecmp(value, "y") == 0 ||
	       strcasecmp(value, "yes") == 0;
}

static int read_port(const char *text, int *port, struct error **err) {
	char *end;
	long number = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || number < 0 || number > 65535)
		return error_set(err, ERROR_INVALID, "\"%s\" is no TCP port", text);
	*port = (int)number;
	return 0;
}

/* "IP:PORT" or "IP": what it says counts before the other sources. */
static int split_address(const char *text, char **ip, int *port, struct error **err) {
	const char *colon = strrchr(text, ':');
	free(*ip);
	*ip = colon != NULL ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	return colon != NULL ? read_port(colon + 1, port, err) : 0;
}

/* Where a file of the container lies: what is below /var/opt/mssql there is below `data` here. Takes `path` over. */
static char *really_at(char *path, const char *data) {
	static const char inside[] = "/var/opt/mssql/";
	if (path == NULL || strncmp(path, inside, strlen(inside)) != 0) return path;
	char *place = xasprintf("%s/%s", data, path + strlen(inside));
	free(path);
	return place;
}

static int settle(struct values *values, struct configuration *configuration, struct error **err) {
	char *end;
	int unused;
	configuration->time_scale = strtod(values->of[SETTING_TIME_SCALE], &end);
	if (*end != '\0' || !(configuration->time_scale >= 0.001 && configuration->time_scale <= 1e6))
		return error_set(err, ERROR_INVALID, "--time-scale takes a number, not \"%s\"",
		                 values->of[SETTING_TIME_SCALE]);
	if (read_port(values->of[SETTING_PORT], &configuration->port, err) < 0) return -1;
	configuration->ip = take(&values->of[SETTING_IP]);
	if (values->of[SETTING_LISTEN] != NULL &&
	    split_address(values->of[SETTING_LISTEN], &configuration->ip, &configuration->port, err) < 0)
		return -1;
	/* Processes that stand for machines share one: each has an address of its own for "all addresses". */
	if (strcmp(configuration->ip, "0.0.0.0") == 0) {
		free(configuration->ip);
		configuration->ip = take(&values->of[SETTING_ADDRESS]);
	}
	/* The ports of endpoints are those that CREATE ENDPOINT names, so that one given here says nothing. */
	configuration->mirroring_ip = xstrdup(configuration->ip);
	if (values->of[SETTING_MIRRORING] != NULL &&
	    split_address(values->of[SETTING_MIRRORING], &configuration->mirroring_ip, &unused, err) < 0)
		return -1;
	if (values->of[SETTING_PASSWORD_FILE] != NULL) {
		free(take(&values->of[SETTING_PASSWORD]));
		if (file_read_word(values->of[SETTING_PASSWORD_FILE], &values->of[SETTING_PASSWORD], err) < 0)
			return -1;
	}
	configuration->sa_password = take(&values->of[SETTING_PASSWORD]);
	configuration->name = take(&values->of[SETTING_NAME]);
	configuration->name[strcspn(configuration->name, ".")] = '\0';
	configuration->edition = take(&values->of[SETTING_EDITION]);
	configuration->hosts = take(&values->of[SETTING_HOSTS]);
	configuration->localhost = take(&values->of[SETTING_LOCALHOST]);
	configuration->faults = take(&values->of[SETTING_FAULTS]);
	configuration->volume = take(&values->of[SETTING_VOLUME]);
	configuration->settings = take(&values->of[SETTING_SETTINGS]);
	configuration->certificate = really_at(take(&values->of[SETTING_CERTIFICATE]), configuration->data);
	configuration->key = really_at(take(&values->of[SETTING_KEY]), configuration->data);
	if ((configuration->certificate == NULL) != (configuration->key == NULL))
		return error_set(err, ERROR_INVALID, "network.tlscert and network.tlskey only work together");
	configuration->force_encryption = is_yes(values->of[SETTING_FORCE_ENCRYPTION]);
	configuration->hadr_enabled = is_yes(values->of[SETTING_HADR]);
	configuration->eula_accepted = is_yes(values->of[SETTING_EULA]);
	return 0;
}

int configuration_read(int count, char **arguments, char *(*environment)(const char *name),
                       struct configuration *configuration, struct error **err) {
	struct values values __attribute__((cleanup(free_values))) = { 0 };
	*configuration = (struct configuration){ 0 };
	if (read_options(&values, count, arguments, err) < 0) return -1;
	read_environment(&values, environment);
	offer(&values, SETTING_DATA, sources[SETTING_DATA].otherwise);
	configuration->data = take(&values.of[SETTING_DATA]);
	if (read_conf_file(&values, configuration->data, err) < 0) return -1;
	for (int i = 0; i < SETTING_COUNT; i++) offer(&values, (enum setting)i, sources[i].otherwise);
	return settle(&values, configuration, err);
}

void configuration_free(struct configuration *configuration) {
	if (configuration->sa_password != NULL)
		explicit_bzero(configuration->sa_password, strlen(configuration->sa_password));
	free(configuration->ip);
	free(configuration->mirroring_ip);
	free(configuration->data);
	free(configuration->name);
	free(configuration->sa_password);
	free(configuration->edition);
	free(configuration->hosts);
	free(configuration->localhost);
	free(configuration->faults);
	free(configuration->volume);
	free(configuration->settings);
	free(configuration->certificate);
	free(configuration->key);
	*configuration = (struct configuration){ 0 };
}

const char *password_objection(const char *password) {
	enum { SHORTEST = 8, LONGEST = 128 };
	bool upper = false, lower = false, digit = false, symbol = false;
	size_t length = strlen(password);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)password[i];
		upper |= isupper(c) != 0;
		lower |= islower(c) != 0;
		digit |= isdigit(c) != 0;
		symbol |= !isalnum(c);
	}
	if (length < SHORTEST)
		return "The password does not meet SQL Server password policy requirements because it is too short. "
		       "The "
		       "password must be at least 8 characters.";
	if (length > LONGEST)
		return "The password does not meet SQL Server password policy requirements because it is too long. The "
		       "password must be at most 128 characters.";
	if (upper + lower + digit + symbol < 3)
		return "The password does not meet SQL Server password policy requirements because it is not complex "
		       "enough. The password must be at least 8 characters long and contain characters from three of "
		       "the "
		       "following four sets: Uppercase letters, Lowercase letters, Base 10 digits, and Symbols.";
	return NULL;
}

/* What the server is told: who is heard first, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sqlserver/tds/configuration.h"

static char *no_environment(const char *name) {
	(void)name;
	return NULL;
}

static char *container_environment(const char *name) {
	static char *const variables[][2] = {
		{ "ACCEPT_EULA", "Y" },       { "MSSQL_SA_PASSWORD", "From-the-env1" },
		{ "MSSQL_PID", "Developer" }, { "HOSTNAME", "ag-0.ag.demo.svc" },
		{ "MSSQL_TCP_PORT", "1500" }, { "MSSQL_ENABLE_HADR", "1" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++) {
		if (strcmp(variables[i][0], name) == 0) return variables[i][1];
	}
	return NULL;
}

/* A folder with an mssql.conf. */
static char *folder_with(const char *conf) {
	char *folder = xstrdup("/tmp/test_tds_configuration.XXXXXX");
	assert_non_null(mkdtemp(folder));
	cleanup_free char *path = xasprintf("%s/mssql.conf", folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(conf, file);
	fclose(file);
	return folder;
}

static void remove_folder(char *folder) {
	cleanup_free char *path = xasprintf("%s/mssql.conf", folder);
	unlink(path);
	rmdir(folder);
	free(folder);
}

static void the_container_s_environment_is_read(void **state) {
	(void)state;
	cleanup_configuration struct configuration c = { 0 };
	char *arguments[] = { "simsqlserver", "--data", "/nonexistent", NULL };
	assert_int_equal(configuration_read(3, arguments, container_environment, &c, NULL), 0);
	assert_true(c.eula_accepted && c.hadr_enabled && !c.force_encryption);
	assert_string_equal(c.sa_password, "From-the-env1");
	assert_string_equal(c.edition, "Developer");
	assert_string_equal(c.name, "ag-0");
	assert_string_equal(c.ip, "0.0.0.0");
	assert_int_equal(c.port, 1500);
}

static void mssql_conf_is_read_and_comes_last(void **state) {
	(void)state;
	char *folder = folder_with("# ours\n[EULA]\naccepteula = Y\n[Network]\r\nforceencryption = 1\ntcpport=1600\n"
	                           "tlscert = /c.pem\ntlskey=/k.pem\nipaddress = 127.0.0.7\n[hadr]\nhadrenabled = 1\n"
	                           "[memory]\nmemorylimitmb = 2048\nnonsense\n[");
	char *arguments[] = { "simsqlserver", "--data", folder, NULL };
	cleanup_configuration struct configuration c = { 0 };
	assert_int_equal(configuration_read(3, arguments, no_environment, &c, NULL), 0);
	assert_true(c.eula_accepted && c.hadr_enabled && c.force_encryption);
	assert_string_equal(c.certificate, "/c.pem");
	assert_string_equal(c.key, "/k.pem");
	assert_string_equal(c.ip, "127.0.0.7");
	assert_int_equal(c.port, 1600);
	assert_null(c.sa_password);
	cleanup_configuration struct configuration d = { 0 };
	assert_int_equal(configuration_read(3, arguments, container_environment, &d, NULL), 0);
	assert_int_equal(d.port, 1500);
	remove_folder(folder);
}

static void the_command_line_comes_first(void **state) {
	(void)state;
	char *folder = folder_with("FileP4ssword!\n"); /* also serves as the password file */
	cleanup_free char *file = xasprintf("%s/mssql.conf", folder);
	char *arguments[] = { "simsqlserver",
		              "--listen",
		              "127.0.0.2:1433",
		              "--mirroring",
		              "127.0.0.3:5022",
		              "--name",
		              "host-1",
		              "--data",
		              "/nonexistent",
		              "--sa-password-file",
		              file,
		              "--time-scale",
		              "20",
		              NULL };
	cleanup_configuration struct configuration c = { 0 };
	assert_int_equal(configuration_read(13, arguments, container_environment, &c, NULL), 0);
	assert_string_equal(c.ip, "127.0.0.2");
	assert_int_equal(c.port, 1433);
	assert_string_equal(c.mirroring_ip, "127.0.0.3");
	assert_string_equal(c.name, "host-1");
	assert_string_equal(c.sa_password, "FileP4ssword!");
	assert_true(c.time_scale == 20);
	remove_folder(folder);
}

static char *simulated_environment(const char *name) {
	static char *const variables[][2] = { { "SIMSQL_ADDRESS", "127.64.0.9" },
		                              { "SIMSQL_LOCALHOST", "127.128.0.9" },
		                              { "SIMSQL_FAULTS", "/faults" },
		                              { "SIMSQL_VOLUME", "/volume" } };
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++) {
		if (strcmp(variables[i][0], name) == 0) return variables[i][1];
	}
	return NULL;
}

/* A process that stands for a container: what the container calls so is somewhere else. */
static void a_process_finds_what_is_the_container_s(void **state) {
	(void)state;
	char *folder = folder_with("[network]\nipaddress = 0.0.0.0\ntlscert = /var/opt/mssql/tls/tls.crt\n"
	                           "tlskey = /run/tls.key\n");
	char *arguments[] = { "simsqlserver", "--data", folder, NULL };
	cleanup_configuration struct configuration c = { 0 };
	assert_int_equal(configuration_read(3, arguments, simulated_environment, &c, NULL), 0);
	cleanup_free char *certificate = xasprintf("%s/tls/tls.crt", folder);
	assert_string_equal(c.certificate, certificate);
	assert_string_equal(c.key, "/run/tls.key");
	assert_string_equal(c.ip, "127.64.0.9");
	assert_string_equal(c.mirroring_ip, "127.64.0.9");
	assert_string_equal(c.localhost, "127.128.0.9");
	assert_string_equal(c.faults, "/faults");
	assert_string_equal(c.volume, "/volume");
	remove_folder(folder);
}

static void what_makes_no_sense_is_refused(void **state) {
	(void)state;
	char *const bad[][2] = { { "--listen", "127.0.0.2:port" },
		                 { "--listen", "127.0.0.2:65536" },
		                 { "--time-scale", "fast" },
		                 { "--time-scale", "0" },
		                 { "--nonsense", "1" },
		                 { "--sa-password-file", "/nonexistent" } };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		cleanup_configuration struct configuration c = { 0 };
		cleanup_error struct error *err = NULL;
		char *arguments[] = { "simsqlserver", bad[i][0], bad[i][1], "--data", "/nonexistent", NULL };
		if (configuration_read(5, arguments, no_environment, &c, &err) == 0)
			fail_msg("%s %s", bad[i][0], bad[i][1]);
		assert_non_null(err);
	}
}

static void weak_passwords_are_refused(void **state) {
	(void)state;
	char long_one[200];
	memset(long_one, 'a', sizeof(long_one));
	long_one[sizeof(long_one) - 1] = '\0';
	long_one[0] = 'A';
	long_one[1] = '1';
	assert_null(password_objection("Secret-1"));
	assert_null(password_objection("nocapital-1"));
	assert_non_null(strstr(password_objection("Sec-re1"), "too short"));
	assert_non_null(strstr(password_objection(""), "too short"));
	assert_non_null(strstr(password_objection("lowercase1"), "not complex enough"));
	assert_non_null(strstr(password_objection(long_one), "too long"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_container_s_environment_is_read),
		cmocka_unit_test(mssql_conf_is_read_and_comes_last),
		cmocka_unit_test(the_command_line_comes_first),
		cmocka_unit_test(a_process_finds_what_is_the_container_s),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(weak_passwords_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Certificates in files that somebody else renews (certs/files.h). */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "certs/files.h"
#include "tls/authority.h"

static const char *const names[] = { "agkeeper.agkeeper-system.svc", NULL };

/* A folder as the kubelet mounts a Secret: tls.crt → ..data/tls.crt, and ..data → the folder of one version. */
struct mount {
	char *folder;
	char *certificate;
	char *key;
	int versions;
	struct identity ca;
	struct identity first;
	struct identity second;
	struct certificate_files *files;

	pthread_mutex_t lock;
	struct identity served;
	int handed_over;
};

static int serve(void *context, const char *certificate, const char *key, struct error **err) {
	(void)err;
	struct mount *mount = context;
	pthread_mutex_lock(&mount->lock);
	identity_free(&mount->served);
	mount->served = (struct identity){ xstrdup(certificate), xstrdup(key) };
	mount->handed_over++;
	pthread_mutex_unlock(&mount->lock);
	return 0;
}

static bool is_served(struct mount *mount, const struct identity *identity) {
	pthread_mutex_lock(&mount->lock);
	bool served = identity_equal(&mount->served, identity);
	pthread_mutex_unlock(&mount->lock);
	return served;
}

static void write_file(const char *path, const char *text) {
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A new version, and the link turned to it. */
static void turn_to(struct mount *mount, const char *certificate, const char *key) {
	cleanup_free char *version = xasprintf("%s/..%d", mount->folder, ++mount->versions);
	assert_int_equal(mkdir(version, 0700), 0);
	cleanup_free char *certificate_path = xasprintf("%s/tls.crt", version);
	cleanup_free char *key_path = xasprintf("%s/tls.key", version);
	write_file(certificate_path, certificate);
	write_file(key_path, key);
	cleanup_free char *link = xasprintf("%s/..data", mount->folder);
	cleanup_free char *new_link = xasprintf("%s/..data_tmp", mount->folder);
	cleanup_free char *target = xasprintf("..%d", mount->versions);
	assert_int_equal(symlink(target, new_link), 0);
	assert_int_equal(rename(new_link, link), 0);
}

static int set_up(void **state) {
	log_configure(LOG_FORMAT_TEXT, LOG_ERROR);
	struct mount *mount = xcalloc(1, sizeof(*mount));
	*state = mount;
	pthread_mutex_init(&mount->lock, NULL);
	char folder[] = "/tmp/agkeeper-files-XXXXXX";
	assert_non_null(mkdtemp(folder));
	mount->folder = xstrdup(folder);
	mount->certificate = xasprintf("%s/tls.crt", folder);
	mount->key = xasprintf("%s/tls.key", folder);
	assert_int_equal(symlink("..data/tls.crt", mount->certificate), 0);
	assert_int_equal(symlink("..data/tls.key", mount->key), 0);
	int64_t now = clock_wall_seconds();
	assert_int_equal(authority_create(&profile_webhook, now, &mount->ca, NULL), 0);
	assert_int_equal(authority_issue(&profile_webhook, &mount->ca, names, now, &mount->first, NULL), 0);
	assert_int_equal(authority_issue(&profile_webhook, &mount->ca, names, now, &mount->second, NULL), 0);
	struct certificate_files_options options = {
		.certificate = mount->certificate, .key = mount->key, .serve = serve, .context = mount, .pause_ms = 5
	};
	mount->files = certificate_files_new(&options);
	return 0;
}

static int tear_down(void **state) {
	struct mount *mount = *state;
	certificate_files_free(mount->files);
	cleanup_free char *command = xasprintf("rm -rf '%s'", mount->folder);
	assert_int_equal(system(command), 0);
	identity_free(&mount->ca);
	identity_free(&mount->first);
	identity_free(&mount->second);
	identity_free(&mount->served);
	pthread_mutex_destroy(&mount->lock);
	free(mount->folder);
	free(mount->certificate);
	free(mount->key);
	free(mount);
	return 0;
}

static void a_pair_is_served_once(void **state) {
	struct mount *mount = *state;
	turn_to(mount, mount->first.certificate, mount->first.key);
	for (int i = 0; i < 3; i++) assert_int_equal(certificate_files_look(mount->files, NULL), 0);
	assert_true(is_served(mount, &mount->first));
	assert_int_equal(mount->handed_over, 1);
	turn_to(mount, mount->second.certificate, mount->second.key);
	assert_int_equal(certificate_files_look(mount->files, NULL), 0);
	assert_true(is_served(mount, &mount->second));
}

static void a_chain_is_served_whole(void **state) {
	struct mount *mount = *state;
	cleanup_free char *chain = xasprintf("%s%s", mount->first.certificate, mount->ca.certificate);
	turn_to(mount, chain, mount->first.key);
	assert_int_equal(certificate_files_look(mount->files, NULL), 0);
	assert_string_equal(mount->served.certificate, chain);
}

static void what_does_not_fit_leaves_the_old_pair(void **state) {
	struct mount *mount = *state;
	turn_to(mount, mount->first.certificate, mount->first.key);
	assert_int_equal(certificate_files_look(mount->files, NULL), 0);
	const struct {
		const char *certificate;
		const char *key;
		const char *why;
	} cases[] = {
		{ mount->second.certificate, mount->first.key, "the private key is not that of the certificate" },
		{ mount->first.certificate, mount->second.key, "the private key is not that of the certificate" },
		{ "", mount->second.key, "no PEM certificate" },
		{ mount->second.certificate, "", "no PEM private key" },
		{ "rubbish", "rubbish", "no PEM certificate" },
		{ mount->second.key, mount->second.certificate, "no PEM certificate" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		turn_to(mount, cases[i].certificate, cases[i].key);
		cleanup_error struct error *err = NULL;
		assert_int_equal(certificate_files_look(mount->files, &err), -1);
		assert_non_null(strstr(err->message, cases[i].why));
		assert_non_null(strstr(err->message, mount->certificate));
		assert_null(strstr(err->message, "PRIVATE KEY"));
	}
	assert_true(is_served(mount, &mount->first));
	assert_int_equal(mount->handed_over, 1);
	/* The first one again: nothing new. Then the second, whole. */
	turn_to(mount, mount->first.certificate, mount->first.key);
	assert_int_equal(certificate_files_look(mount->files, NULL), 0);
	assert_int_equal(mount->handed_over, 1);
	turn_to(mount, mount->second.certificate, mount->second.key);
	assert_int_equal(certificate_files_look(mount->files, NULL), 0);
	assert_true(is_served(mount, &mount->second));
}

static void missing_and_oversized_files(void **state) {
	struct mount *mount = *state;
	cleanup_error struct error *err = NULL;
	assert_int_equal(certificate_files_look(mount->files, &err), -1);
	assert_int_equal(err->kind, ERROR_IO);
	assert_non_null(strstr(err->message, mount->certificate));
	size_t large = 2 * 1024 * 1024;
	cleanup_free char *text = xmalloc(large + 1);
	memset(text, 'a', large);
	text[large] = '\0';
	turn_to(mount, text, mount->first.key);
	assert_int_equal(certificate_files_look(mount->files, &err), -1);
	assert_non_null(strstr(err->message, "larger than 1 MiB"));
	assert_int_equal(mount->handed_over, 0);
}

/* Written in place, first the one and then the other, while the thread looks: never a mixed pair. */
static void the_thread_follows(void **state) {
	struct mount *mount = *state;
	turn_to(mount, mount->first.certificate, mount->first.key);
	assert_int_equal(certificate_files_start(mount->files, NULL), 0);
	int64_t deadline = clock_monotonic_ms() + 60000;
	for (int i = 0; i < 20; i++) {
		const struct identity *wanted = i % 2 == 0 ? &mount->second : &mount->first;
		write_file(mount->certificate, wanted->certificate);
		poll(NULL, 0, i); /* however long the files disagree */
		write_file(mount->key, wanted->key);
		while (!is_served(mount, wanted) && clock_monotonic_ms() < deadline) poll(NULL, 0, 1);
		assert_true(is_served(mount, wanted));
	}
	turn_to(mount, mount->second.certificate, mount->second.key);
	while (!is_served(mount, &mount->second) && clock_monotonic_ms() < deadline) poll(NULL, 0, 1);
	assert_true(is_served(mount, &mount->second));
	certificate_files_stop(mount->files);
	certificate_files_stop(mount->files); /* twice is fine */
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pair_is_served_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_chain_is_served_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_does_not_fit_leaves_the_old_pair, set_up, tear_down),
		cmocka_unit_test_setup_teardown(missing_and_oversized_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_thread_follows, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

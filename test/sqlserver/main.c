/* simsqlserver: a simulated SQL Server as a process, in the place of the container of mssql/server.
 *
 *   simsqlserver --listen 127.0.0.2:1433 --mirroring 127.0.0.2:5022 --data DIR --name HOST --sa-password-file F
 *                [--hosts FILE] [--faults FILE] [--volume FILE] [--time-scale N]
 *                [--settings [fast|published][,worst][,NAME=VALUE]…]
 *
 * It reads the container's environment and DIR/mssql.conf too (tds/configuration.h). One thread serves everything: the
 * model never blocks, so nobody waits for anybody but in the model's own time. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "sqlserver/instance.h"
#include "sqlserver/settings.h"
#include "sqlserver/tds/clients.h"
#include "sqlserver/tds/configuration.h"
#include "sqlserver/tds/links.h"
#include "sqlserver/tds/loop.h"

struct server {
	struct configuration configuration;
	struct loop loop;
	struct watcher signals;
	bool stops;
	int64_t started_ns; /* on the monotonic clock */
	struct sim_settings settings;
	struct sim_disk *disk;
	struct faults *faults;
	struct links *links;
	struct sim_instance *instance;
	struct tds_service service;
	struct clients clients;
};

/* A line of the error log, which the container writes to standard output. */
__attribute__((format(printf, 2, 3))) static void errorlog(const char *who, const char *format, ...) {
	struct timespec now;
	struct tm parts;
	char stamp[32];
	va_list args;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &parts);
	printf("%s.%02d %-11s ", stamp, (int)(now.tv_nsec / 10000000), who);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* ---- the instance's host ---- */

static int64_t host_now(void *context) {
	const struct server *server = context;
	return (int64_t)((double)(clock_monotonic_ns() - server->started_ns) / 1000.0 *
	                 server->configuration.time_scale);
}

static int64_t host_wall(void *context) {
	struct timespec now;
	(void)context;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void host_send(void *context, const char *host, int port, const void *bytes, size_t length) {
	struct server *server = context;
	links_send(server->links, host, port, bytes, length);
}

/* ---- starting ---- */

/* Nothing has been set up in the folder yet. */
static bool is_empty_folder(const char *path) {
	DIR *folder = opendir(path);
	if (folder == NULL) return true;
	bool is_empty = true;
	for (struct dirent *entry; is_empty && (entry = readdir(folder)) != NULL;) is_empty = entry->d_name[0] == '.';
	closedir(folder);
	return is_empty;
}

static int check_set_up(const struct configuration *configuration, const char *data) {
	if (!configuration->eula_accepted) {
		printf("The SQL Server End-User License Agreement (EULA) must be accepted before SQL\n"
		       "Server can start. The license terms for this product can be downloaded from\n"
		       "http://go.microsoft.com/fwlink/?LinkId=746388.\n\n"
		       "You can accept the EULA by specifying the --accept-eula command line option,\n"
		       "setting the ACCEPT_EULA environment variable, or using the mssql-conf tool.\n");
		return -1;
	}
	/* sa's password counts when the system databases are made; afterwards ALTER LOGIN changes it. */
	if (!is_empty_folder(data)) return 0;
	const char *objection =
	        password_objection(configuration->sa_password != NULL ? configuration->sa_password : "");
	if (objection == NULL) return 0;
	errorlog("spid30s", "ERROR: Unable to set system administrator password: Password validation failed. %s.",
	         objection);
	errorlog("spid30s", "An error occurred during server setup. See previous errors for more information.");
	return -1;
}

static int prepare_tls(struct server *server, struct error **err) {
	enum { LARGEST_PEM = 1024 * 1024 };
	const struct configuration *configuration = &server->configuration;
	cleanup_strbuf struct strbuf certificate = { 0 };
	cleanup_strbuf struct strbuf key = { 0 };
	server->service.force_encryption = configuration->force_encryption;
	if (configuration->certificate == NULL) {
		server->service.tls = tds_tls_server_self_signed(configuration->name, err);
	} else if (file_read(configuration->certificate, LARGEST_PEM, &certificate, err) == 0 &&
	           file_read(configuration->key, LARGEST_PEM, &key, err) == 0) {
		server->service.tls = tds_tls_server_new(certificate.data, key.data, err);
		if (key.data != NULL) explicit_bzero(key.data, key.length);
	}
	return server->service.tls != NULL ? 0 : -1;
}

/* Sets of settings by name: timings as "fast" or "published" ones, assumptions in their worse positions. */
static bool begin_settings(struct sim_settings *settings, const char *name) {
	if (strcmp(name, "published") == 0) *settings = sim_settings_published();
	else if (strcmp(name, "fast") == 0) *settings = sim_settings_fast();
	else if (strcmp(name, "worst") == 0) sim_settings_worst(settings);
	else return false;
	return true;
}

/* The published timings, and whatever is asked for instead: "fast,startup=100,resolving_follows=1". */
static int read_settings(struct server *server, struct error **err) {
	char *rest = server->configuration.settings, *setting;
	server->settings = sim_settings_published();
	while (rest != NULL && (setting = strsep(&rest, ",")) != NULL) {
		if (begin_settings(&server->settings, setting)) continue;
		char *value = strchr(setting, '='), *end = NULL;
		if (value != NULL) *value++ = '\0';
		long long number = value != NULL ? strtoll(value, &end, 10) : 0;
		bool is_number = value != NULL && *value != '\0' && *end == '\0';
		if (!is_number || !sim_settings_set(&server->settings, setting, number))
			return error_set(err, ERROR_INVALID, "--settings: \"%s\" is no setting with a number", setting);
	}
	return 0;
}

static int start_instance(struct server *server, const char *data, struct error **err) {
	const struct configuration *configuration = &server->configuration;
	const struct sim_host host = { .context = server, .now = host_now, .wall = host_wall, .send = host_send };
	struct sim_options options = { .server_name = configuration->name,
		                       .sa_password = configuration->sa_password,
		                       .edition = configuration->edition,
		                       .hadr_enabled = configuration->hadr_enabled,
		                       .settings = &server->settings };
	if (getrandom(&options.seed, sizeof(options.seed), 0) != sizeof(options.seed))
		return error_errno(err, errno, "getrandom");
	server->disk = sim_disk_folder(data, err);
	if (server->disk == NULL) return -1;
	if (configuration->volume != NULL) sim_disk_follow(server->disk, configuration->volume);
	server->faults = faults_new(configuration->faults);
	server->links = links_new(&server->loop, &(struct links_options){ .ip = configuration->mirroring_ip,
	                                                                  .hosts = configuration->hosts,
	                                                                  .faults = server->faults });
	server->instance = sim_instance_start(&options, &host, server->disk, err);
	if (server->instance == NULL) return -1;
	links_attach(server->links, server->instance);
	server->service.instance = server->instance;
	return 0;
}

static void on_signal(struct watcher *watcher, uint32_t events) {
	struct server *server = (struct server *)((char *)watcher - offsetof(struct server, signals));
	(void)events;
	server->stops = true;
}

static int watch_signals(struct server *server, struct error **err) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	server->signals = (struct watcher){ .ready = on_signal, .events = EPOLLIN };
	server->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (server->signals.fd < 0) return error_errno(err, errno, "signalfd");
	return loop_add(&server->loop, &server->signals, err);
}

static void allow_many_sockets(void) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- running ---- */

/* Lets logins in as soon as the instance takes them; until then connections are refused, as by a server that starts. */
static int open_door(struct server *server, struct error **err) {
	const struct configuration *configuration = &server->configuration;
	if (clients_listens(&server->clients) || !sim_instance_accepts(server->instance)) return 0;
	if (clients_listen(&server->clients, configuration->ip, configuration->localhost, configuration->port, err) < 0)
		return -1;
	errorlog("spid29s", "Server is listening on [ %s <ipv4> %d] accept sockets 1.", configuration->ip,
	         configuration->port);
	errorlog("spid29s", "SQL Server is now ready for client connections. This is an informational message; no user "
	                    "action is required.");
	errorlog("spid9s", "Recovery is complete. This is an informational message only. No user action is required.");
	return 0;
}

/* How long the wall's clock may go on before the model's time `deadline` has come. */
static int wait_ms(const struct server *server, int64_t deadline) {
	enum { LONGEST = 1000 }; /* logins that take too long are looked for now and then */
	if (deadline == INT64_MAX) return LONGEST;
	double ms = (double)(deadline - host_now((void *)server)) / 1000.0 / server->configuration.time_scale;
	if (ms <= 0) return 0;
	return ms > LONGEST ? LONGEST : (int)ms + 1;
}

/* What others may have changed: the volume, the network. */
static void look_around(struct server *server) {
	sim_instance_set_disk_delay(server->instance, sim_disk_delay(server->disk));
	faults_refresh(server->faults);
	clients_cut(&server->clients, faults_cut_clients(server->faults, server->configuration.ip));
}

static int serve(struct server *server, struct error **err) {
	while (!server->stops) {
		int64_t next;
		look_around(server);
		do next = sim_instance_run(server->instance);
		while (clients_step(&server->clients));
		links_tend(server->links);
		if (open_door(server, err) < 0) return -1;
		clients_flush(&server->clients);
		int64_t deadline = clients_deadline(&server->clients);
		loop_round(&server->loop, wait_ms(server, next < deadline ? next : deadline));
	}
	errorlog("spid29s", "SQL Server is terminating because of a system shutdown. This is an informational message "
	                    "only. No user action is required.");
	return 0;
}

static int start(struct server *server, const char *data, struct error **err) {
	int major, minor, build;
	if (loop_init(&server->loop, err) < 0 || watch_signals(server, err) < 0) return -1;
	if (mkdir(server->configuration.data, 0770) < 0 && errno != EEXIST)
		return error_errno(err, errno, "%s", server->configuration.data);
	if (read_settings(server, err) < 0 || prepare_tls(server, err) < 0 || start_instance(server, data, err) < 0)
		return -1;
	clients_init(&server->clients, &server->loop, &server->service);
	sim_instance_version(server->instance, &major, &minor, &build);
	errorlog("Server", "Microsoft SQL Server 2022 (simulated) - %d.%d.%d (X64)", major, minor, build);
	errorlog("Server", "UTC adjustment: 0:00");
	errorlog("Server", "Server process ID is %d.", (int)getpid());
	errorlog("Server", "The %s certificate was successfully loaded for encryption.",
	         server->configuration.certificate != NULL ? server->configuration.certificate : "self-generated");
	return 0;
}

static void stop(struct server *server) {
	if (server->clients.loop != NULL) clients_close(&server->clients);
	if (server->instance != NULL) sim_instance_free(server->instance);
	links_free(server->links);
	faults_free(server->faults);
	tds_tls_server_free(server->service.tls);
	if (server->disk != NULL) sim_disk_free(server->disk);
	loop_remove(&server->loop, &server->signals);
	loop_close(&server->loop);
	configuration_free(&server->configuration);
}

int main(int count, char **arguments) {
	struct server server = { .loop = { .epoll = -1 }, .signals = { .fd = -1 }, .started_ns = clock_monotonic_ns() };
	cleanup_error struct error *err = NULL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	allow_many_sockets();
	int status = configuration_read(count, arguments, getenv, &server.configuration, &err);
	cleanup_free char *data = xasprintf("%s/data", status == 0 ? server.configuration.data : "");
	if (status == 0) status = check_set_up(&server.configuration, data);
	if (status == 0) status = start(&server, data, &err);
	if (status == 0) status = serve(&server, &err);
	if (err != NULL) fprintf(stderr, "simsqlserver: %s\n", err->message);
	stop(&server);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The mirroring transport over real sockets: messages arrive whole and in order, and broken connections are told of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sqlserver/tds/links.h"

/* An instance that notes what it is told. */
struct sim_instance {
	int port; /* of its endpoint; 0: none */
	struct strbuf received;
	size_t messages, bytes;
	int unreachable;
	char host[64];
};

size_t sim_instance_ports(const struct sim_instance *instance, int *ports, size_t size) {
	if (instance->port == 0 || size == 0) return 0;
	ports[0] = instance->port;
	return 1;
}

void sim_instance_receive(struct sim_instance *instance, int port, const void *bytes, size_t length) {
	assert_int_equal(port, instance->port);
	instance->messages++;
	instance->bytes += length;
	if (length < 100) strbuf_append_n(&instance->received, bytes, length);
}

void sim_instance_unreachable(struct sim_instance *instance, const char *host, int port) {
	(void)port;
	instance->unreachable++;
	snprintf(instance->host, sizeof(instance->host), "%s", host);
}

struct pair {
	struct loop loop;
	struct sim_instance instances[2];
	struct links *links[2];
	char hosts[64];
	char cuts[80];
	struct faults *faults;
	int port;
};

/* A new file in place of the old one, as those who write it do. */
static void put_file(const char *path, const char *text) {
	cleanup_free char *fresh = xasprintf("%s.new", path);
	FILE *file = fopen(fresh, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
	assert_int_equal(rename(fresh, path), 0);
}

/* A port that is free just now. */
static int free_port(void) {
	int fd = listen_at("127.0.0.1", 0, NULL);
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	assert_true(fd >= 0 && getsockname(fd, (struct sockaddr *)&address, &length) == 0);
	close(fd);
	return ntohs(address.sin_port);
}

static int set_up(void **state) {
	struct pair *pair = xcalloc(1, sizeof(*pair));
	strcpy(pair->hosts, "/tmp/test_tds_links.XXXXXX");
	cleanup_close int fd = mkstemp(pair->hosts);
	assert_true(fd >= 0);
	dprintf(fd, "# peers\n127.0.0.9 other\n127.0.0.1\tag-1.ag.demo.svc ag-1 # the one\n");
	pair->port = free_port();
	pair->instances[1].port = pair->port;
	assert_int_equal(loop_init(&pair->loop, NULL), 0);
	snprintf(pair->cuts, sizeof(pair->cuts), "%s.cuts", pair->hosts);
	pair->faults = faults_new(pair->cuts);
	for (int i = 0; i < 2; i++) {
		pair->links[i] = links_new(
		        &pair->loop,
		        &(struct links_options){ .ip = "127.0.0.1", .hosts = pair->hosts, .faults = pair->faults });
		links_attach(pair->links[i], &pair->instances[i]);
		links_tend(pair->links[i]);
	}
	*state = pair;
	return 0;
}

static int tear_down(void **state) {
	struct pair *pair = *state;
	for (int i = 0; i < 2; i++) {
		links_free(pair->links[i]);
		strbuf_free(&pair->instances[i].received);
	}
	loop_close(&pair->loop);
	faults_free(pair->faults);
	unlink(pair->hosts);
	unlink(pair->cuts);
	free(pair);
	return 0;
}

static void turn(struct pair *pair) {
	loop_round(&pair->loop, 10);
	links_tend(pair->links[0]);
	links_tend(pair->links[1]);
}

/* Turns until `condition`, or fails after some seconds. */
#define TURN_UNTIL(pair_, condition_)                                                  \
	do {                                                                           \
		int64_t give_up = clock_monotonic_ms() + 20000;                        \
		while (!(condition_) && clock_monotonic_ms() < give_up) turn((pair_)); \
		assert_true(condition_);                                               \
	} while (false)

static void messages_arrive_whole_and_in_order(void **state) {
	struct pair *pair = *state;
	enum { LARGE = 3000000 };
	cleanup_free char *large = xcalloc(1, LARGE);
	links_send(pair->links[0], "AG-1.ag.demo.svc", pair->port, "one,", 4);
	links_send(pair->links[0], "AG-1.ag.demo.svc", pair->port, large, LARGE);
	links_send(pair->links[0], "AG-1.ag.demo.svc", pair->port, "", 0);
	links_send(pair->links[0], "AG-1.ag.demo.svc", pair->port, "two", 3);
	TURN_UNTIL(pair, pair->instances[1].messages == 4);
	assert_int_equal(pair->instances[1].bytes, LARGE + 7);
	assert_string_equal(pair->instances[1].received.data, "one,two");
	assert_int_equal(pair->instances[0].unreachable, 0);
}

static void peers_that_nobody_knows_are_unreachable(void **state) {
	struct pair *pair = *state;
	links_send(pair->links[0], "ag-7", pair->port, "lost", 4);
	links_tend(pair->links[0]);
	assert_int_equal(pair->instances[0].unreachable, 1);
	assert_string_equal(pair->instances[0].host, "ag-7");
}

static void peers_that_do_not_listen_are_unreachable(void **state) {
	struct pair *pair = *state;
	links_send(pair->links[0], "other", pair->port, "lost", 4);
	TURN_UNTIL(pair, pair->instances[0].unreachable == 1);
}

static void a_stopped_endpoint_breaks_its_connections(void **state) {
	struct pair *pair = *state;
	links_send(pair->links[0], "ag-1", pair->port, "one", 3);
	TURN_UNTIL(pair, pair->instances[1].messages == 1);
	pair->instances[1].port = 0; /* ALTER ENDPOINT … STATE = STOPPED */
	TURN_UNTIL(pair, pair->instances[0].unreachable == 1);
	pair->instances[1].port = pair->port;
	turn(pair);
	links_send(pair->links[0], "ag-1", pair->port, "two", 3);
	TURN_UNTIL(pair, pair->instances[1].messages == 2);
}

static void a_peer_that_sends_nonsense_is_cut_off(void **state) {
	struct pair *pair = *state;
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons((uint16_t)pair->port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	connect(fd, (struct sockaddr *)&address, sizeof(address));
	char byte;
	bool sent = false;
	TURN_UNTIL(pair, sent || (sent = send(fd, "\xFF\xFF\xFF\xFFnonsense", 12, MSG_NOSIGNAL) == 12));
	TURN_UNTIL(pair, recv(fd, &byte, 1, 0) == 0);
	assert_int_equal(pair->instances[1].messages, 0);
}

static void what_is_cut_is_lost_until_it_is_healed(void **state) {
	struct pair *pair = *state;
	links_send(pair->links[0], "ag-1", pair->port, "one,", 4);
	TURN_UNTIL(pair, pair->instances[1].messages == 1);
	put_file(pair->cuts, "cut 127.0.0.1 127.0.0.8\ncut 127.0.0.1 127.0.0.1\nclients 127.0.0.3\n");
	faults_refresh(pair->faults);
	links_send(pair->links[0], "ag-1", pair->port, "lost,", 5);
	assert_true(faults_cut_clients(pair->faults, "127.0.0.3"));
	assert_false(faults_cut_clients(pair->faults, "127.0.0.1"));
	assert_false(faults_cut(pair->faults, "127.0.0.8", "127.0.0.1"));
	unlink(pair->cuts);
	faults_refresh(pair->faults);
	links_send(pair->links[0], "ag-1", pair->port, "two", 3);
	TURN_UNTIL(pair, pair->instances[1].messages == 2);
	assert_string_equal(pair->instances[1].received.data, "one,two");
	assert_int_equal(pair->instances[0].unreachable, 0);
}

/* Its predecessor may be frozen and keep the connection open for ever. */
static void a_peer_that_has_moved_is_given_up(void **state) {
	struct pair *pair = *state;
	links_send(pair->links[0], "ag-1", pair->port, "one", 3);
	TURN_UNTIL(pair, pair->instances[1].messages == 1);
	put_file(pair->hosts, "127.0.0.1 ag-1\n127.0.0.9 ag-2\n");
	turn(pair);
	assert_int_equal(pair->instances[0].unreachable, 0);
	put_file(pair->hosts, "127.0.0.9 ag-1\n");
	turn(pair);
	assert_int_equal(pair->instances[0].unreachable, 1);
	assert_string_equal(pair->instances[0].host, "ag-1");
}

int main(void) {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(messages_arrive_whole_and_in_order),       TEST(peers_that_nobody_knows_are_unreachable),
		TEST(peers_that_do_not_listen_are_unreachable), TEST(a_stopped_endpoint_breaks_its_connections),
		TEST(a_peer_that_sends_nonsense_is_cut_off),    TEST(what_is_cut_is_lost_until_it_is_healed),
		TEST(a_peer_that_has_moved_is_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Services: which pods they lead to, which want a load balancer's address; and the pool of pod addresses. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/addresses.h"
#include "simnode/load_balancer.h"
#include "simnode/service.h"

static struct json_object *json(const char *text) {
	struct json_object *parsed;
	assert_int_equal(json_parse(text, strlen(text), &parsed, NULL), 0);
	return parsed;
}

static const struct kube_object *pod(const char *name, const char *namespace, const char *ip, const char *ready,
                                     const char *more) {
	cleanup_free char *text =
	        xasprintf("{\"metadata\": {\"name\": \"%s\", \"namespace\": \"%s\", \"labels\": {\"app\": \"web\", "
	                  "\"x\": \"y\"}%s},"
	                  "\"spec\": {\"containers\": [{\"ports\": [{\"name\": \"other\", \"containerPort\": 1}]},"
	                  "{\"ports\": [{\"name\": \"http\", \"containerPort\": 8080}]}]},"
	                  "\"status\": {\"phase\": \"Running\", \"podIP\": \"%s\","
	                  "\"conditions\": [{\"type\": \"Ready\", \"status\": \"%s\"}]}}",
	                  name, namespace, more, ip, ready);
	return kube_object_new(json(text));
}

/* "IP:PORT>IP:PORT,IP:PORT;" for every port. */
static char *describe(const char *spec) {
	const struct kube_object *items[] = {
		pod("ready", "n", "127.64.0.1", "True", ""),
		pod("unready", "n", "127.64.0.2", "False", ""),
		pod("leaving", "n", "127.64.0.3", "True", ", \"deletionTimestamp\": \"2020-01-01T00:00:00Z\""),
		pod("elsewhere", "other", "127.64.0.4", "True", ""),
		pod("too", "n", "127.64.0.5", "True", ""),
	};
	const struct kube_objects pods = { .items = items, .count = ARRAY_LENGTH(items) };
	cleanup_free char *text =
	        xasprintf("{\"metadata\": {\"name\": \"s\", \"namespace\": \"n\"}, \"spec\": %s}", spec);
	cleanup_kube_object const struct kube_object *service = kube_object_new(json(text));
	struct service_ports ports = { 0 };
	struct strbuf out = { 0 };
	service_ports_add(&ports, service, &pods);
	for (size_t i = 0; i < ports.count; i++) {
		const struct service_port *port = &ports.items[i];
		strbuf_printf(&out, "%s:%d>", inet_ntoa(port->address.sin_addr), ntohs(port->address.sin_port));
		for (size_t j = 0; j < port->count; j++)
			strbuf_printf(&out, "%s%s:%d", j == 0 ? "" : ",", inet_ntoa(port->backends[j].sin_addr),
			              ntohs(port->backends[j].sin_port));
		strbuf_append_char(&out, ';');
	}
	service_ports_free(&ports);
	for (size_t i = 0; i < ARRAY_LENGTH(items); i++) kube_object_unref(items[i]);
	return strbuf_detach(&out);
}

static void backends(void **state) {
	(void)state;
	static const char *const cases[][2] = {
		{ "{\"clusterIP\": \"127.96.0.9\", \"selector\": {\"app\": \"web\"}, \"ports\": [{\"port\": 80, "
		  "\"targetPort\": \"http\"}]}",
		  "127.96.0.9:80>127.64.0.1:8080,127.64.0.5:8080;" },
		{ "{\"clusterIP\": \"127.96.0.9\", \"selector\": {\"app\": \"web\"}, \"publishNotReadyAddresses\": "
		  "true, "
		  "\"ports\": [{\"port\": 80, \"targetPort\": 9000}]}",
		  "127.96.0.9:80>127.64.0.1:9000,127.64.0.2:9000,127.64.0.3:9000,127.64.0.5:9000;" },
		{ "{\"clusterIP\": \"127.96.0.9\", \"selector\": {\"app\": \"web\", \"x\": \"z\"}, \"ports\": "
		  "[{\"port\": 80}]}",
		  "127.96.0.9:80>;" },
		{ "{\"clusterIP\": \"127.96.0.9\", \"ports\": [{\"port\": 80}]}", "127.96.0.9:80>;" },
		{ "{\"clusterIP\": \"127.96.0.9\", \"selector\": {\"app\": \"web\"}, \"ports\": [{\"port\": 80, "
		  "\"targetPort\": \"none\"}, {\"port\": 53, \"protocol\": \"UDP\"}]}",
		  "127.96.0.9:80>;" },
		{ "{\"clusterIP\": \"None\", \"selector\": {\"app\": \"web\"}, \"ports\": [{\"port\": 80}]}", "" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_free char *got = describe(cases[i][0]);
		assert_string_equal(got, cases[i][1]);
	}
}

static void load_balancers(void **state) {
	(void)state;
	static const struct {
		const char *service;
		bool wanted;
	} cases[] = {
		{ "{\"spec\": {\"type\": \"LoadBalancer\", \"clusterIP\": \"127.96.0.2\"}, \"status\": "
		  "{\"loadBalancer\": {}}}",
		  true },
		{ "{\"spec\": {\"type\": \"LoadBalancer\", \"clusterIP\": \"127.96.0.2\"}, \"status\": "
		  "{\"loadBalancer\": "
		  "{\"ingress\": [{\"ip\": \"127.96.0.2\"}]}}}",
		  false },
		{ "{\"spec\": {\"type\": \"ClusterIP\", \"clusterIP\": \"127.96.0.2\"}}", false },
		{ "{\"spec\": {\"type\": \"LoadBalancer\"}}", false },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *address;
		cleanup_json struct json_object *service = json(cases[i].service);
		assert_int_equal(load_balancer_is_wanted(service, &address), cases[i].wanted);
		if (cases[i].wanted) assert_string_equal(address, "127.96.0.2");
	}
}

static void address_pool(void **state) {
	(void)state;
	static struct addresses pool;
	addresses_init(&pool, 0);
	cleanup_free char *first = addresses_take(&pool);
	assert_string_equal(first, "127.64.0.1");
	assert_false(addresses_claim(&pool, "127.64.0.1"));
	assert_true(addresses_claim(&pool, "127.64.0.7"));
	assert_false(addresses_claim(&pool, "10.0.0.1"));
	assert_false(addresses_claim(&pool, "127.65.0.1"));
	assert_false(addresses_claim(&pool, "nonsense"));
	cleanup_free char *second = addresses_take(&pool);
	assert_string_equal(second, "127.64.0.8"); /* behind all that were ever used */
	addresses_release(&pool, first);
	assert_true(addresses_claim(&pool, first));
	/* All others, once each, and then no more. */
	size_t count = 3;
	char *address;
	while ((address = addresses_take(&pool)) != NULL) {
		count++;
		free(address);
	}
	assert_int_equal(count, 256 * 254);
	addresses_release(&pool, second);
	cleanup_free char *again = addresses_take(&pool);
	assert_string_equal(again, second);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backends),
		cmocka_unit_test(load_balancers),
		cmocka_unit_test(address_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

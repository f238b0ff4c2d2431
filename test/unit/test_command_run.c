/* The process agkeeper itself, with an API server of the test's own: how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <pthread.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "unit/fake_api.h"
#include "unit/sql_server.h"
#include "unit/store_api.h"
#include "unit/webhook_certificates.h"

#define IP    "127.0.0.48"
#define GROUP "/apis/sql.mssql.microsoft.com/v1alpha1/namespaces/demo/sqlserveravailabilitygroups/ag"
#define POD   "/api/v1/namespaces/demo/pods/ag-0"

struct process {
	struct store_api *api;
	char *folder, *webhooks, *metrics; /* "127.0.0.48:1234" */
	pid_t pid;
};

/* ---- Beginning ---- */

static char *free_address(void) {
	int port = 0;
	close(sql_server_listen(IP, &port));
	return xasprintf(IP ":%d", port);
}

static char *file_of(const struct process *process, const char *name, const char *text) {
	char *path = xasprintf("%s/%s", process->folder, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

/* It is never asked to lead: who finds no Lease waits for its whole duration. */
static void run_program(const struct process *process) {
	cleanup_free char *settings =
	        xasprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\n"
	                  "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
	                  "clusters: [{name: c, cluster: {server: '%s'}}]\nusers: [{name: u, user: {}}]\n",
	                  store_api_url(process->api));
	struct pair pair = pair_new("localhost", NULL, false);
	cleanup_free char *kubeconfig = file_of(process, "kubeconfig", settings);
	cleanup_free char *certificate = file_of(process, "certificate", pair.certificate);
	cleanup_free char *key = file_of(process, "key", pair.key);
	cleanup_free char *log = xasprintf("%s/log", process->folder);
	const char *arguments[] = { BINARY_DIR "/agkeeper",
		                    "run",
		                    "--kubeconfig",
		                    kubeconfig,
		                    "--listen",
		                    process->webhooks,
		                    "--metrics",
		                    process->metrics,
		                    "--tls-cert",
		                    certificate,
		                    "--tls-key",
		                    key,
		                    "--namespace",
		                    "agkeeper-system",
		                    "--lease-seconds",
		                    "3600",
		                    NULL };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv(arguments[0], (char *const *)arguments);
	_exit(127);
}

static long ask(const char *url, const char *body, struct strbuf *answer);
static bool is_ready(const struct process *process) {
	cleanup_free char *url = xasprintf("http://%s/readyz", process->metrics);
	cleanup_strbuf struct strbuf answer = { 0 };
	return ask(url, NULL, &answer) == 200;
}

static int set_up(void **state) {
	struct process *process = xcalloc(1, sizeof(*process));
	*process = (struct process){ .api = store_api_new(),
		                     .folder = sql_server_folder(),
		                     .webhooks = free_address(),
		                     .metrics = free_address() };
	*state = process;
	return 0;
}

static void start(struct process *process) {
	fflush(NULL);
	process->pid = fork();
	if (process->pid == 0) run_program(process);
	assert_true(wait_until(is_ready(process)));
}

static int tear_down(void **state) {
	struct process *process = *state;
	if (process->pid != 0) {
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
	}
	store_api_free(process->api);
	sql_server_folder_free(process->folder);
	free(process->webhooks);
	free(process->metrics);
	free(process);
	return 0;
}

/* ---- Requests ---- */

static size_t collect(char *bytes, size_t size, size_t count, void *context) {
	strbuf_append_n(context, bytes, size * count);
	return size * count;
}

/* The status; 0: none. */
static long ask(const char *url, const char *body, struct strbuf *answer) {
	enum { PATIENCE_MS = 120 * 1000 };
	long status = 0;
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PATIENCE_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (body != NULL) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	if (curl_easy_perform(curl) == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return status;
}

struct departure {
	const struct process *process;
	pthread_t thread;
	struct strbuf answer;
	long status;
};

static void *depart(void *argument) {
	struct departure *departure = argument;
	cleanup_free char *url = xasprintf("https://%s/handover", departure->process->webhooks);
	departure->status = ask(url,
	                        "{\"apiVersion\":\"admission.k8s.io/"
	                        "v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u\",\"resource\":{"
	                        "\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\"},\"operation\":\"DELETE\","
	                        "\"namespace\":\"demo\","
	                        "\"name\":\"ag-0\",\"userInfo\":{\"username\":\"somebody\"},\"options\":{}}}",
	                        &departure->answer);
	return NULL;
}

static bool listens(const struct process *process) {
	struct sql_server server = { .ip = (char *)(uintptr_t)IP, .port = atoi(strchr(process->webhooks, ':') + 1) };
	return sql_server_answers(&server);
}

/* ---- The tests ---- */

static void put_group(const struct process *process, const char *primary, const char *members) {
	cleanup_free char *text = xasprintf("{\"apiVersion\":\"sql.mssql.microsoft.com/"
	                                    "v1alpha1\",\"kind\":\"SQLServerAvailabilityGroup\",\"metadata\":{"
	                                    "\"namespace\":\"demo\",\"name\":\"ag\"},\"spec\":{},\"status\":{"
	                                    "\"availabilityGroup\":{\"primary\":{\"pod\":"
	                                    "\"%s\"},\"synchronousSet\":[%s]}}}",
	                                    primary, members);
	store_api_put(process->api, GROUP, text);
}

/* The process is told to end while it holds the deletion of a primary's pod back. Another process leads by then, and
 * hands over: that is seen, and the deletion is let go for that reason. */
static void a_held_deletion_sees_the_hand_over_of_the_next_leader(void **state) {
	struct process *process = *state;
	put_group(process, "ag-0", "{\"pod\":\"ag-0\"},{\"pod\":\"ag-1\"}");
	store_api_put(
	        process->api, POD,
	        "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"ag-0\",\"labels\":{\"app.kubernetes.io/managed-by\":"
	        "\"agkeeper\",\"app.kubernetes.io/instance\":\"ag\"}}}");
	start(process);
	struct departure departure = { .process = process };
	assert_int_equal(pthread_create(&departure.thread, NULL, depart, &departure), 0);
	bool is_held = wait_until(store_api_count(process->api, "PATCH", GROUP) == 1);
	kill(process->pid, SIGTERM);
	bool is_ending = wait_until(!listens(process));
	put_group(process, "ag-1", "{\"pod\":\"ag-1\"}");
	pthread_join(departure.thread, NULL);
	assert_true(is_held);
	assert_true(is_ending);
	assert_int_equal(departure.status, 200);
	assert_non_null(strstr(strbuf_text(&departure.answer), "\"allowed\":true"));
	assert_null(strstr(strbuf_text(&departure.answer), "warnings"));
	strbuf_free(&departure.answer);
	int status = -1;
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	process->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
	curl_global_init(CURL_GLOBAL_DEFAULT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_held_deletion_sees_the_hand_over_of_the_next_leader, set_up,
		                                tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

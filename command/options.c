#include "command/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum option_id {
	OPTION_KUBECONFIG = 256,
	OPTION_LISTEN,
	OPTION_METRICS,
	OPTION_WEBHOOK_URL,
	OPTION_TLS_CERT,
	OPTION_TLS_KEY,
	OPTION_CLIENT_CA,
	OPTION_NAMESPACE,
	OPTION_CATALOG,
	OPTION_DRAIN_SECONDS,
	OPTION_LEASE_SECONDS,
	OPTION_NO_CONTROLLER,
	OPTION_NO_CLUSTER,
	OPTION_LOG_FORMAT,
	OPTION_LOG_LEVEL,
	OPTION_HELP,
};

static const struct option_row {
	const char *name;
	int id;               /* enum option_id */
	const char *argument; /* NULL: takes none */
	const char *help;
} rows[] = {
	{ "kubeconfig", OPTION_KUBECONFIG, "FILE",
	  "how to reach the API server (default: $KUBECONFIG, else the pod's service account, else "
	  "~/.kube/config)" },
	{ "listen", OPTION_LISTEN, "ADDR:PORT", "HTTPS: /mutate, /validate, /convert (default :9443)" },
	{ "metrics", OPTION_METRICS, "ADDR:PORT", "HTTP: /metrics, /healthz, /readyz (default :8080)" },
	{ "webhook-url", OPTION_WEBHOOK_URL, "URL",
	  "where the API server reaches us, instead of the Service: for running out of the cluster" },
	{ "tls-cert", OPTION_TLS_CERT, "FILE", "serve this certificate (PEM), read again when it changes" },
	{ "tls-key", OPTION_TLS_KEY, "FILE", "its private key" },
	{ "client-ca", OPTION_CLIENT_CA, "FILE", "take only clients with a certificate of this CA (PEM)" },
	{ "namespace", OPTION_NAMESPACE, "NAME", "our own namespace (default: the connection's)" },
	{ "catalog", OPTION_CATALOG, "FOLDER",
	  "create the MSSQLServerVersions of its YAML files where they are missing" },
	{ "drain-seconds", OPTION_DRAIN_SECONDS, "N",
	  "on SIGTERM, go on serving for so long, until nobody is sent here any more (default: 5 in a pod, else 0)" },
	{ "lease-seconds", OPTION_LEASE_SECONDS, "N",
	  "how long the others wait before one takes over from a leader that died (default: 15); the same for all" },
	{ "no-controller", OPTION_NO_CONTROLLER, NULL, "serve the webhooks only" },
	{ "no-cluster", OPTION_NO_CLUSTER, NULL,
	  "reach no API server: rules that look at other objects answer with a warning; implies --no-controller" },
	{ "log-format", OPTION_LOG_FORMAT, "FORMAT", "json (default) or text" },
	{ "log-level", OPTION_LOG_LEVEL, "LEVEL", "debug, info (default), warning or error" },
	{ "help", OPTION_HELP, NULL, "this text" },
};

static void print_help(void) {
	puts("Usage: agkeeper run [options]\n\nServes the webhooks and, on the replica that leads, turns objects into "
	     "running groups.\n\nOptions:");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_free char *left = xasprintf("--%s%s%s", rows[i].name, rows[i].argument != NULL ? " " : "",
		                                    rows[i].argument != NULL ? rows[i].argument : "");
		printf("  %-24s %s\n", left, rows[i].help);
	}
}

/* The index of `text` among `words`; -1, with a message, when it is none of them. */
static int pick(const char *option, const char *text, const char *const *words) {
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) return i;
	}
	fprintf(stderr, "agkeeper run: --%s %s: must be one of", option, text);
	for (int i = 0; words[i] != NULL; i++) fprintf(stderr, "%s %s", i == 0 ? "" : ",", words[i]);
	fputc('\n', stderr);
	return -1;
}

static int read_seconds(const char *option, const char *text, int least, int *seconds) {
	char *end;
	long value = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || value < least || value > 3600) {
		fprintf(stderr, "agkeeper run: --%s %s: must be a number from %d to 3600\n", option, text, least);
		return -1;
	}
	*seconds = (int)value;
	return 0;
}

struct log_choice {
	int format;
	int level;
};

static int take_option(int id, struct run_options *options, struct log_choice *log) {
	static const char *const formats[] = { "json", "text", NULL };                     /* enum log_format */
	static const char *const levels[] = { "debug", "info", "warning", "error", NULL }; /* enum log_level */
	switch (id) {
	case OPTION_KUBECONFIG: options->kubeconfig = optarg; return 0;
	case OPTION_LISTEN: options->listen = optarg; return 0;
	case OPTION_METRICS: options->metrics = optarg; return 0;
	case OPTION_WEBHOOK_URL: options->webhook_url = optarg; return 0;
	case OPTION_TLS_CERT: options->tls_cert = optarg; return 0;
	case OPTION_TLS_KEY: options->tls_key = optarg; return 0;
	case OPTION_CLIENT_CA: options->client_ca = optarg; return 0;
	case OPTION_NAMESPACE: options->namespace = optarg; return 0;
	case OPTION_CATALOG: options->catalog = optarg; return 0;
	case OPTION_DRAIN_SECONDS: return read_seconds("drain-seconds", optarg, 0, &options->drain_seconds);
	case OPTION_LEASE_SECONDS: return read_seconds("lease-seconds", optarg, 3, &options->lease_seconds);
	case OPTION_NO_CONTROLLER: options->no_controller = true; return 0;
	case OPTION_NO_CLUSTER: options->no_cluster = options->no_controller = true; return 0;
	case OPTION_LOG_FORMAT: return log->format = pick("log-format", optarg, formats);
	case OPTION_LOG_LEVEL: return log->level = pick("log-level", optarg, levels);
	default: return -1;
	}
}

static int check_together(const struct run_options *options) {
	if ((options->tls_cert == NULL) != (options->tls_key == NULL)) {
		fprintf(stderr, "agkeeper run: --tls-cert and --tls-key go together\n");
		return -1;
	}
	if (options->no_cluster &&
	    (options->kubeconfig != NULL || options->webhook_url != NULL || options->catalog != NULL)) {
		fprintf(stderr,
		        "agkeeper run: --no-cluster reaches no API server, so it takes neither --kubeconfig nor "
		        "--webhook-url nor --catalog\n");
		return -1;
	}
	if (options->tls_cert != NULL && options->webhook_url != NULL) {
		fprintf(stderr,
		        "agkeeper run: --webhook-url is for certificates that agkeeper makes itself: with --tls-cert "
		        "nothing is injected into the webhook configurations\n");
		return -1;
	}
	return 0;
}

enum options_result run_options_parse(int argc, char **argv, struct run_options *options) {
	struct option long_options[ARRAY_LENGTH(rows) + 1] = { 0 };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		long_options[i] =
		        (struct option){ rows[i].name, rows[i].argument != NULL ? required_argument : no_argument, NULL,
			                 rows[i].id };
	}
	*options =
	        (struct run_options){ .listen = ":9443", .metrics = ":8080", .drain_seconds = -1, .lease_seconds = 15 };
	struct log_choice log = { LOG_FORMAT_JSON, LOG_INFO };
	optind = 1;
	for (int id; (id = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
		if (id == OPTION_HELP || id == 'h') {
			print_help();
			return OPTIONS_HELP;
		}
		if (take_option(id, options, &log) < 0) return OPTIONS_WRONG;
	}
	if (optind < argc) {
		fprintf(stderr, "agkeeper run: \"%s\" is not understood; agkeeper run --help lists the options\n",
		        argv[optind]);
		return OPTIONS_WRONG;
	}
	if (check_together(options) < 0) return OPTIONS_WRONG;
	if (options->drain_seconds < 0) {
		bool in_pod = getenv("KUBERNETES_SERVICE_HOST") != NULL && options->kubeconfig == NULL &&
		              !options->no_cluster;
		options->drain_seconds = in_pod ? 5 : 0;
	}
	log_configure((enum log_format)log.format, (enum log_level)log.level);
	return OPTIONS_OK;
}

/* What `agkeeper run` can be told. */
#ifndef AGKEEPER_COMMAND_OPTIONS_H
#define AGKEEPER_COMMAND_OPTIONS_H

#include <stdbool.h>

/* Texts point into argv. */
struct run_options {
	const char *kubeconfig;  /* NULL: KUBECONFIG, else the pod's own account, else ~/.kube/config */
	const char *listen;      /* of the webhooks */
	const char *metrics;     /* of /metrics, /healthz, /readyz */
	const char *webhook_url; /* NULL: webhook configurations name the Service */
	const char *tls_cert;    /* both or none */
	const char *tls_key;
	const char *client_ca;
	const char *namespace; /* NULL: what the connection says */
	const char *catalog;   /* folder of MSSQLServerVersions to create where missing; NULL: none */
	bool no_controller;
	bool no_cluster;
	int drain_seconds;
	int lease_seconds;
};

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_WRONG };

/* Reads them and configures the log; what is wrong is said on standard error. */
enum options_result run_options_parse(int argc, char **argv, struct run_options *options);

#endif

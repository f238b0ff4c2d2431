/* A kubeconfig of anybody: it is read or refused, nothing else. */
#include <stdint.h>
#include <stdlib.h>

#include "kube/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	cleanup_kube_config struct kube_config *config = NULL;
	cleanup_error struct error *err = NULL;
	int status = kube_config_parse((const char *)data, size, "/etc/kube", &config, &err);
	if ((status == 0) != (config != NULL) || (status < 0) != (err != NULL)) abort();
	if (config != NULL && (config->server == NULL || config->namespace == NULL)) abort();
	return 0;
}

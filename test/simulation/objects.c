/* The object of a run, as somebody has created it. */
#include <stdlib.h>

#include "base/json.h"
#include "simulation/runs.h"

static struct json_object *parse(const struct strbuf *text) {
	struct json_object *object = NULL;
	if (json_parse(strbuf_text(text), text->length, &object, NULL) != 0) abort();
	return object;
}

static struct json_object *group_object(const struct configuration *configuration) {
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_printf(
	        &text,
	        "{\"apiVersion\":\"sql.mssql.microsoft.com/v1alpha1\",\"kind\":\"SQLServerAvailabilityGroup\","
	        "\"metadata\":{\"name\":\"sales\",\"namespace\":\"default\",\"uid\":\"object-1\",\"generation\":1,"
	        "\"creationTimestamp\":\"2026-11-22T00:00:00Z\",\"resourceVersion\":\"1\"},"
	        "\"spec\":{\"agName\":\"SALES\",\"image\":\"mssql:2025\",\"edition\":\"Developer\","
	        "\"clusterType\":\"EXTERNAL\",\"automaticFailover\":{\"enabled\":true,"
	        "\"failoverThresholdSeconds\":%d,\"healthThreshold\":\"system\"",
	        configuration->silence_s);
	if (configuration->required >= 0) strbuf_printf(&text, ",\"requiredSynchronized\":%d", configuration->required);
	strbuf_append(&text, "},\"databases\":[");
	for (int i = 0; i < configuration->databases; i++) strbuf_printf(&text, "%s\"db%d\"", i > 0 ? "," : "", i);
	strbuf_append(&text, "],\"storage\":{\"dataVolumeSize\":\"10Gi\"},\"replicas\":[");
	for (int i = 0; i < configuration->replicas; i++)
		strbuf_printf(&text, "%s{\"name\":\"r%d\",\"availabilityMode\":\"%s\",\"failoverMode\":\"%s\"}",
		              i > 0 ? "," : "", i,
		              configuration->synchronous[i] ? "SynchronousCommit" : "AsynchronousCommit",
		              configuration->synchronous[i] ? "Automatic" : "Manual");
	strbuf_append(&text, "]}}");
	return parse(&text);
}

static struct json_object *database_object(const struct configuration *configuration) {
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_printf(
	        &text,
	        "{\"apiVersion\":\"kubedb.com/v1alpha2\",\"kind\":\"MSSQLServer\","
	        "\"metadata\":{\"name\":\"sales\",\"namespace\":\"default\",\"uid\":\"object-1\",\"generation\":1,"
	        "\"creationTimestamp\":\"2026-11-22T00:00:00Z\",\"resourceVersion\":\"1\"},"
	        "\"spec\":{\"version\":\"2025\",\"replicas\":%d,\"deletionPolicy\":\"Delete\",\"storage\":{"
	        "\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"%dGi\"}}},"
	        "\"topology\":{\"mode\":\"AvailabilityGroup\",\"availabilityGroup\":{"
	        "\"leaderElection\":{\"period\":\"1s\",\"electionTick\":%d},",
	        configuration->replicas, FIRST_SIZE, configuration->silence_s);
	if (configuration->required >= 0) strbuf_printf(&text, "\"requiredSynchronized\":%d,", configuration->required);
	strbuf_append(&text, "\"databases\":[");
	for (int i = 0; i < configuration->databases; i++) strbuf_printf(&text, "%s\"db%d\"", i > 0 ? "," : "", i);
	strbuf_append(&text, "]}}}}");
	return parse(&text);
}

struct json_object *first_object(const struct configuration *configuration) {
	return configuration->mssqlserver ? database_object(configuration) : group_object(configuration);
}

/* Quantities as Kubernetes writes them: "10Gi", "500m", "1e3" (k8s.io/apimachinery, api/resource). */
#ifndef AGKEEPER_BASE_QUANTITY_H
#define AGKEEPER_BASE_QUANTITY_H

#include <json-c/json.h>
#include <stdbool.h>

/* An exact value in units of 10⁻⁹, the finest that Kubernetes keeps (finer ones are rounded away from zero, as it
 * does). */
struct quantity {
	__int128 nano;
};

/* Reads `text`; false when it is no quantity or beyond what Kubernetes can hold (2⁶³ − 1 whole units). */
bool quantity_parse(const char *text, struct quantity *quantity);
/* The same of a JSON string or integer, as the API has quantities. Only reads `json`, which threads may share. */
bool quantity_from_json(const struct json_object *json, struct quantity *quantity);
/* <0, 0, >0 as a is smaller, equal, larger than b. */
int quantity_compare(struct quantity a, struct quantity b);
/* Whole units, rounded away from zero as Quantity.Value() does: bytes of a storage size. */
long long quantity_value(struct quantity quantity);

#endif

#include "api/autoexpand.h"

static const struct field auto_expand_fields[] = {
	{ MEMBER(struct auto_expand, "atPercent", at_percent), .type = FIELD_INT, BOUNDS(50, 95), .default_text = "85",
	  .doc = "How full a volume is, in percent, when it is expanded." },
	{ MEMBER(struct auto_expand, "by", by), .type = FIELD_QUANTITY, .flags = FIELD_REQUIRED,
	  .doc = "How much every expansion adds to each volume, such as 5Gi." },
	{ MEMBER(struct auto_expand, "max", max), .type = FIELD_QUANTITY, .flags = FIELD_REQUIRED,
	  .doc = "The size that volumes are never expanded beyond." },
	{ 0 },
};
const struct schema auto_expand_schema = { .size = sizeof(struct auto_expand), .fields = auto_expand_fields };

static void check_positive(const struct opt_quantity *quantity, const char *path, struct findings *findings) {
	const struct quantity zero = { 0 };
	if (quantity->text == NULL || quantity_compare(quantity->value, zero) > 0) return;
	finding_invalid(findings, path, quantity->text, "must be greater than zero");
}

void check_auto_expand(const struct auto_expand *policy, const char *path, const struct quantity *size,
                       struct findings *findings) {
	if (policy == NULL) return;
	check_positive(&policy->by, at(findings, "%s.by", path), findings);
	check_positive(&policy->max, at(findings, "%s.max", path), findings);
	if (policy->max.text == NULL || size == NULL || quantity_compare(policy->max.value, *size) > 0) return;
	warn(findings, "%s.max: the volumes already have %s or more: they will not be expanded", path,
	     policy->max.text);
}

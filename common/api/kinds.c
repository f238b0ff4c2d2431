/* The list of kinds: the one place that knows them all. */
#include "api/kinds.h"

const struct kind *const all_kinds[] = {
	&sqlag_kind_v1alpha1,      &mssqlserver_kind_v1alpha2, &mssqlserver_kind_v1,
	&opsrequest_kind_v1alpha1, &version_kind_v1alpha1,     NULL,
};

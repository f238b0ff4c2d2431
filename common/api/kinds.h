/* All kinds by name, for those who wire them or speak of one in particular. */
#ifndef AGKEEPER_API_KINDS_H
#define AGKEEPER_API_KINDS_H

#include "api/kind.h"

extern const struct kind sqlag_kind_v1alpha1;
extern const struct kind mssqlserver_kind_v1alpha2;
extern const struct kind mssqlserver_kind_v1;
extern const struct kind opsrequest_kind_v1alpha1;
extern const struct kind version_kind_v1alpha1;

#endif

/* What a kind must know about the StorageClass of its volumes: whether they can grow. */
#ifndef AGKEEPER_API_STORAGECLASS_H
#define AGKEEPER_API_STORAGECLASS_H

#include "api/findings.h"
#include "api/kind.h"

struct storage_class {
	const char *name; /* lives as long as the findings */
	bool expandable;  /* allowVolumeExpansion */
};

/* Finds the class that a claim with this storageClassName gets: NULL stands for the cluster's default class (the newest
 * of several, as Kubernetes takes it), "" for no class at all, which is LOOKUP_ABSENT. */
enum lookup_result storage_class_find(const struct lookup *lookup, const char *name, struct storage_class *found,
                                      struct findings *findings);

/* Refuses `size`, wanted at `path`, when the volumes of that class cannot be expanded; warns when there is no cluster
 * to ask. */
void check_expandable(const struct lookup *lookup, const char *class_name, const char *path, const char *size,
                      struct findings *findings);

/* Warns when that class does not exist. Here and below an API that does not answer is no reason to refuse. */
void warn_missing_class(const struct lookup *lookup, const char *class_name, const char *path,
                        struct findings *findings);

/* Warns when a policy at `path` that expands volumes has no effect, because volumes of that class cannot be. */
void warn_not_expandable(const struct lookup *lookup, const char *class_name, const char *path,
                         struct findings *findings);

#endif

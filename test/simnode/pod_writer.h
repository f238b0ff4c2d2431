/* What a node writes about its pods. */
#ifndef SIMNODE_POD_WRITER_H
#define SIMNODE_POD_WRITER_H

#include "base/error.h"
#include "kube/client.h"
#include "kube/object.h"
#include "simnode/pod_status.h"

/* Brings the status of the pod (`report->pod`, which may be an old copy) up to the report; nothing is written when it
 * says all that already. *current, which the caller owns, is then the object as it stands. ERROR_NOT_FOUND: this very
 * pod is gone. ERROR_CONFLICT: somebody else wrote at the same time; try again. */
int pod_write_status(struct kube_client *client, const struct pod_report *report, const struct kube_object **current,
                     struct error **err);

/* The last word on a pod whose containers have ended: removes this very object. It being gone already is fine. */
int pod_delete_finally(struct kube_client *client, const struct kube_object *pod, struct error **err);

#endif

/* Ports, which pods and services give by number or by name. */
#ifndef SIMNODE_PORTS_H
#define SIMNODE_PORTS_H

#include <json-c/json.h>

/* The number of `port` (an integer, or the name of one of the container's ports); -1 when there is none. */
int port_number(const struct json_object *port, const struct json_object *container);

/* The same, looking through all containers of a pod. */
int pod_port_number(const struct json_object *port, const struct json_object *pod);

#endif

/* The rules of MSSQLServer beyond its field tables, for both versions. */
#ifndef AGKEEPER_API_MSSQLSERVER_RULES_H
#define AGKEEPER_API_MSSQLSERVER_RULES_H

#include "api/kind.h"

/* All of them, in the order in which findings are listed; ends with name NULL. */
extern const struct rule mssqlserver_rules[];

typedef void rule_check(const struct rule_input *input, struct findings *findings);

/* mssqlserver_rules_topology.c: how many servers there are and how they work together. */
rule_check mssqlserver_check_name;
rule_check mssqlserver_check_mode;
rule_check mssqlserver_check_mode_unchanged;
rule_check mssqlserver_check_replicas;
rule_check mssqlserver_check_replicas_grow;
rule_check mssqlserver_check_edition;
rule_check mssqlserver_check_databases;
rule_check mssqlserver_check_required_synchronized;
rule_check mssqlserver_check_election_times;
rule_check mssqlserver_check_durations;

/* mssqlserver_rules_version.c: the catalogue. */
rule_check mssqlserver_check_version;
rule_check mssqlserver_check_version_not_older;

/* mssqlserver_rules_storage.c: volumes, and what becomes of them. */
rule_check mssqlserver_check_storage;
rule_check mssqlserver_check_storage_class_exists;
rule_check mssqlserver_check_storage_unchanged;
rule_check mssqlserver_check_storage_size_unchanged;
rule_check mssqlserver_check_auto_expand;
rule_check mssqlserver_check_halted;
rule_check mssqlserver_check_deletion;

/* mssqlserver_rules_memory.c: what conversion remembers. */
rule_check mssqlserver_check_memory;

/* mssqlserver_rules_pods.c: pods and Services. */
rule_check mssqlserver_check_environment;
rule_check mssqlserver_check_volumes;
rule_check mssqlserver_check_mount_paths;
rule_check mssqlserver_check_resources;
rule_check mssqlserver_check_service_ports;
rule_check mssqlserver_check_configuration;
rule_check mssqlserver_warn_unused;

#endif

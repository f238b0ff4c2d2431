/* Ways of writing that several fields share. Each is a predicate for this program and a pattern for the CRD (the unit
 * test holds the two together), with the words in which Kubernetes itself explains it. */
#ifndef AGKEEPER_API_FORMATS_H
#define AGKEEPER_API_FORMATS_H

#include "api/field.h"

/* RFC 1123 label: at most 63 of a-z, 0-9 and '-', a letter or digit at both ends. Names of replicas, volumes. */
extern const struct format format_dns_label;
/* RFC 1035 label: as above, starting with a letter. Names of Services (required of them up to Kubernetes 1.33). */
extern const struct format format_dns_label_1035;
/* RFC 1123 subdomain: labels joined by dots, at most 253. Names of most objects: Secrets, StorageClasses. */
extern const struct format format_dns_subdomain;
/* [prefix/]name with at most 63 characters of [A-Za-z0-9-_.] in the name: label keys, resource names. */
extern const struct format format_qualified_name;
/* The value of a label: empty, or at most 63 of [A-Za-z0-9-_.], a letter or digit at both ends. */
extern const struct format format_label_value;
/* A key of a Secret or ConfigMap: [-._a-zA-Z0-9], at most 253. */
extern const struct format format_config_key;
/* A container image: [registry[:port]/]path[:tag][@digest], no white space. */
extern const struct format format_image;
/* A T-SQL identifier that needs no brackets anywhere: ^[A-Za-z_][A-Za-z0-9_]*$ with at most 128 characters. */
extern const struct format format_sql_identifier;
/* The name of a database: what fits between brackets without escaping: 1 … 123 bytes (CREATE DATABASE adds up to five
 * for the logical name of the log), no brackets, quotes, slashes or control characters, no blank at either end. */
extern const struct format format_sql_database;
/* A setting of mssql.conf, "section.key": mssql-conf(1) writes them like this. */
extern const struct format format_mssql_conf_key;

/* Whether `name` belongs to SQL Server itself: master, model, msdb, tempdb, resource, distribution; in any case. */
bool sql_is_system_database(const char *name);

#endif

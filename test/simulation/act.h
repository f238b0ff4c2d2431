/* Inside: one action under way.
 *
 *   act.c           jobs: begun, sent, ended          act_attempts.c  what failed before
 *   act_api.c       what the API server does of it    act_sql.c       batches, and the servers' side
 *   act_volumes.c   claims, ops requests, the StatefulSet that is made again */
#ifndef SIMULATION_ACT_H
#define SIMULATION_ACT_H

#include "simulation/model.h"

struct job {
	uint64_t number;
	int controller;
	int64_t life, boundary;
	struct arena arena;
	struct action action;
	char *batch;
	int64_t generation, revision, timeout;
	bool is_fenced, as_administrator, was_sent;
	int slot, node;
	char pod[NAME_SIZE], claim[NAME_SIZE]; /* uids */
	uint64_t process, call;
	/* What came of it. */
	int code; /* HTTP status or Msg; 0: it succeeded; -1: not known */
	char text[200];
	struct json_object *answered;
	int64_t answered_revision;
	int references;
};

void job_release(void *data);
struct job *job_hold(struct job *job);
/* `run` in a while; when the message has arrived. */
void job_later(struct model *model, int64_t delay, struct job *job, void (*run)(struct model *, struct event *));
bool job_travel(struct model *model, int from, int to, struct job *job, void (*run)(struct model *, struct event *));
/* A request to the API. */
void job_request(struct model *model, struct job *job);
/* At the controller. */
void job_answered(struct model *model, struct event *event);
/* NULL equals NULL alone. */
bool same_text(const char *a, const char *b);

/* ---- What failed before (act_attempts.c) ---- */

struct attempt *attempts_find(struct attempts *attempts, const struct action *action);
void attempts_note_success(struct attempts *attempts, const struct action *action);
void attempts_note_failure(struct model *model, struct controller *controller, const struct job *job);

/* ---- The API's side: sets what came of it (act_api.c) ---- */

void api_run(struct model *model, struct job *job);
/* Of volumes that grow (act_volumes.c). */
void api_patch_claim(struct model *model, struct job *job);
void api_delete_set(struct model *model, struct job *job);
void api_write_request(struct model *model, struct job *job);
void api_patch_storage(struct model *model, struct job *job);
int64_t bytes_of(const char *text); /* "20Gi" */

/* ---- The servers' side (act_sql.c) ---- */

/* False: there is nothing to send. */
bool sql_write(struct model *model, const struct controller *controller, const struct record *record, struct job *job);
void sql_arrived(struct model *model, struct event *event);
/* The same where the process of job->process is still there. */
void sql_arrived_late(struct model *model, struct event *event);
/* The client closes its connection; if the server hears of it, what runs is rolled back. */
void sql_hang_up(struct model *model, struct event *event);

#endif

/* The deterministic simulation of the whole controller: everything that is not agkeeper, as a model.
 *
 * decide() and the batches of controller/act run unchanged. Around them stand a modelled API server with its watches,
 * the StatefulSet controller and kubelets, a network, disks, processes that are simulated SQL Servers
 * (test/sqlserver), clients that write rows and remember what was acknowledged, and faults. There is one thread and one
 * virtual clock; every random choice comes out of the seed: the same seed gives the same run.
 *
 *   clock.c      events in the order of their time          network.c    who reaches whom, and when
 *   servers.c    SQL Server processes and sessions          observe.c    a probe's answer, without T-SQL
 *   cluster.c    the API server and its watches             kubelet.c    StatefulSet, pods, claims, nodes
 *   controller.c leader election and passes                 view.c       caches and probes → struct view
 *   act*.c       plans → requests and batches               probes.c     asking the servers
 *   clients.c    writers, and reading back                  faults.c     what goes wrong, one row each
 *   invariants.c what must hold                             runs.c       a seed: configuration, faults, verdict
 *   scenarios.c  the named attacks                          boundaries.c the controller killed at every action
 *   storage.c    the driver that makes volumes larger       expansions.c what people ask for, expansion_faults.c when
 *   scripts_volumes.c  expansions for boundaries.c
 *   mutations.c  safety rules broken on purpose: the table  misdeeds.c   how they are broken
 *   compare.c    how long a failover takes                  published_policy.c … as another operator has it
 *   pre_stop.c   its containers' hook                       main.c       the program
 *
 * Time is in microseconds, from 1 s on. */
#ifndef SIMULATION_MODEL_H
#define SIMULATION_MODEL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/act/statement.h"
#include "controller/decide/decide.h"
#include "simulation/mutations.h"
#include "simulation/published_policy.h"
#include "sql/observation.h"
#include "sqlserver/instance.h"
#include "sqlserver/session.h"
#include "sqlserver/settings.h"

struct model;

enum { SECOND = 1000000, MILLISECOND = 1000 };
/* 2026-11-22: where the API server's clock begins. */
enum { WALL_SECONDS = 1795305600 };
enum { SLOTS = REPLICAS_MAX, NODES = SLOTS + 1, CONTROLLERS = 2, NAME_SIZE = 40, DATABASES = 2, CLIENTS = 3 };
enum { HOST_CONTROLLER = NODES, HOST_API = HOST_CONTROLLER + CONTROLLERS, HOSTS };

/* ---- Chance ---- */

struct dice {
	uint64_t state;
};
uint64_t dice_roll(struct dice *dice);
/* 0 … sides - 1 */
int64_t dice_below(struct dice *dice, int64_t sides);
int64_t dice_between(struct dice *dice, int64_t low, int64_t high);
bool dice_percent(struct dice *dice, int percent);

/* ---- Events (clock.c) ---- */

struct event {
	int64_t due;
	uint64_t order;
	void (*run)(struct model *model, struct event *event);
	void (*drop)(void *data); /* frees data, whether it was run or not; NULL: nothing to free */
	void *data;
	int64_t a, b, c;
};
/* In `delay` microseconds. */
void event_add(struct model *model, int64_t delay, const struct event *event);
/* Runs the next one; false when there is none before `end`. */
bool event_next(struct model *model, int64_t end);
void events_free(struct model *model);

/* ---- The timeline: lines for people, kept only when somebody wants to read them ---- */
void note(struct model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- The network (network.c) ---- */

struct network {
	bool cut[HOSTS][HOSTS];     /* from, to */
	int64_t slow[HOSTS][HOSTS]; /* added to each message */
	int held_percent;           /* of what is sent into a cut: kept by TCP and delivered when it heals */
	int lost_answers;           /* percent of the API's answers that never arrive */
};
bool network_reaches(const struct model *model, int from, int to);
/* Of one message; a random part included. */
int64_t network_delay(struct model *model, int from, int to);
/* Runs `event` when the message has arrived. Into a cut it is lost, or held until it heals. True: it was sent off. */
bool network_send(struct model *model, int from, int to, const struct event *event);

/* ---- SQL Server processes (servers.c) ---- */

struct volume {
	char id[NAME_SIZE]; /* claim's uid, or the pod's */
	struct sim_disk *disk;
	uint64_t user; /* process on it; 0: none */
	int64_t delay; /* of hardening */
	/* Its databases' logs when its last process ended. */
	struct left_log {
		uint64_t count;
		size_t fork_count;
		char (*forks)[NAME_SIZE];
	} logs[DATABASES];
};

/* The answer to a batch. */
struct answer {
	bool refused; /* login refused */
	bool lost;    /* the process or the session went away before the end */
	int number;   /* Msg of the first error; 0: none */
	char text[200];
	struct sql_results results;
};
struct call {
	struct process *process;
	struct sim_session *session;
	struct answer answer;
	bool keeps_results, done;
	int idle_writes;
	void (*finished)(struct model *model, struct call *call); /* frees what `context` is; the call is freed after */
	void *context;
	uint64_t number;
	struct call *next;
};

struct process {
	struct model *model;
	uint64_t id;
	int slot, node;
	char pod[NAME_SIZE], container[NAME_SIZE]; /* uid, id */
	struct volume *volume;
	struct sim_instance *instance;
	struct call *calls;
	bool frozen, starts_announced;
	int64_t wake_at;     /* when it is run next */
	int64_t wall_offset; /* of its clock */
	int64_t started;
	char start_time[48]; /* as its own view shows it; "" not asked for yet */
	/* What arrived while it was frozen. */
	struct event *held;
	size_t held_count;
	int64_t primary_since; /* as last looked at; 0: it is no primary */
};

struct process *process_start(struct model *model, int slot, int node, const char *pod, struct volume *volume);
void process_kill(struct model *model, struct process *process);
void process_freeze(struct model *model, struct process *process, bool frozen);
struct process *process_by_id(struct model *model, uint64_t id);
/* The process of a pod; NULL: none. */
struct process *process_of_pod(struct model *model, const char *uid);
/* Something happened to it: its sessions go on, and it does what is due. */
void process_touch(struct model *model, struct process *process);
/* Delivers an event to a process when it can take it: at once, or when it is thawed. */
bool process_holds(struct process *process, struct event *event);
struct call *call_begin(struct model *model, struct process *process, const char *user, const char *password,
                        const char *database, const char *batch, bool keeps_results,
                        void (*finished)(struct model *, struct call *), void *context);
void call_cancel(struct model *model, struct process *process, uint64_t number);
void processes_free(struct model *model);
struct volume *volume_of(struct model *model, const char *id);
void volume_drop(struct model *model, const char *id);

/* What the probe would answer (observe.c), in `arena`. */
void observe(struct process *process, const char *group, struct arena *arena, struct sql_observation *observation);
/* The same through T-SQL, and the difference between both: NULL, or words. The caller frees it. */
char *observe_difference(struct process *process, const char *group);
int64_t generation_in_force(struct process *process); /* -1: there is no table */

/* ---- The cluster (cluster.c): what the API server stores ---- */

struct pod {
	bool exists;
	char uid[NAME_SIZE], ip[NAME_SIZE], role_label[NAME_SIZE], container[NAME_SIZE];
	int node; /* -1: not scheduled */
	bool ready, deleting, running, terminated, ours;
	bool orphan;                        /* of nobody, while its StatefulSet is made again */
	int64_t restarts, grace_s, created; /* created: seconds since 1970 */
	uint64_t template_hash;
};
struct claim {
	bool exists, deleting, labelled;
	char uid[NAME_SIZE];
	int64_t created; /* seconds since 1970 */
	/* Bytes: spec, status, and what the driver has made. */
	int64_t requested, capacity, disk;
	bool resizing, waits_for_node; /* conditions Resizing, FileSystemResizePending */
	int64_t waits_since;           /* the latter, seconds since 1970 */
	int64_t due;                   /* of the step that is under way */
};
struct node {
	bool ready, cordoned;
};
enum { CHILDREN = 16 };
struct child {
	bool exists;
	char name[80]; /* kind/name */
	uint64_t hash;
};
struct workload { /* the StatefulSet */
	bool exists, deleting;
	bool has_revision; /* status.updateRevision */
	int replicas;
	uint64_t template_hash;
	int64_t claim_size; /* of volumeClaimTemplates, bytes */
	int64_t gone_at;    /* deleting: when its pods are orphans and it is gone */
};
enum { REQUESTS = 16 };
struct request {                  /* MSSQLServerOpsRequest */
	struct json_object *json; /* NULL: there is none */
};
struct secrets {
	bool administrator, own, has_certificate;
};
struct cluster {
	struct json_object *object; /* NULL: gone */
	int64_t revision;           /* of the object: resourceVersion */
	struct pod pods[SLOTS];
	struct claim claims[SLOTS];
	struct node nodes[NODES];
	struct child children[CHILDREN];
	struct workload set;
	struct secrets secrets;
	struct request requests[REQUESTS];
};

enum item { ITEM_OBJECT, ITEM_POD, ITEM_CLAIM, ITEM_NODE, ITEM_CHILD, ITEM_SET, ITEM_SECRETS, ITEM_REQUEST };
/* Tells every watcher that an item has changed. */
void cluster_changed(struct model *model, enum item item, int index);
void cluster_free(struct cluster *cluster);
/* A copy of everything, as a list request gives it. */
void cluster_list(const struct cluster *from, struct cluster *to);
struct controller;
void watch_free(struct controller *controller);
/* Number of the newest change on its way; 0: there is none. */
uint64_t watch_newest(const struct controller *controller);
/* Replaces the object: `change` edits a copy. A new resourceVersion. */
void object_edit(struct model *model, void (*change)(struct json_object *object, const void *context),
                 const void *context);
bool object_has_finalizer(const struct json_object *object);
const char *object_annotation(const struct json_object *object, const char *key);
void object_annotate(struct model *model, const char *key, const char *value);

struct lease {
	char holder[NAME_SIZE];
	int64_t renewals;
};

/* ---- Storage (storage.c): the driver and its resizer ---- */

/* How it expands. */
enum driver { DRIVER_ONLINE, DRIVER_WITHOUT_NODE, DRIVER_AT_MOUNT, DRIVER_DETACHED, DRIVERS };
/* What the resizer and the kubelets do in one round. */
void storage_round(struct model *model);
/* A pod's volume is mounted. */
void storage_mount(struct model *model, int slot);
/* Files take all the space that there is: until it grows. */
void storage_fill(struct model *model, int slot);
bool storage_is_full(struct model *model, int slot);

/* ---- Expansions (expansions.c): what people ask for ---- */

enum { GIB = 1 << 30, FIRST_SIZE = 10 };
struct asking {
	bool offline, always;
	int timeout_s; /* 0: none */
	int size;      /* Gi */
};
/* Creates an ops request, named after its number; the place of it. */
int request_create(struct model *model, const struct asking *asking);
void request_delete(struct model *model, int place);
/* "" , "Pending", "Progressing", "Successful", "Failed" */
const char *request_phase(const struct request *request);
/* Replaces what stands there. */
void request_put(struct model *model, int place, struct json_object *json);
/* The size that the object asks for, in Gi. */
int size_of_object(const struct model *model);
void object_raise(struct model *model, int size);
/* People see to it that all volumes are as large as was asked for, after all went wrong: true when they are. */
bool expansions_tend(struct model *model);
struct fault;
/* Rows of fault_rows. */
void expand_online_begin(struct model *model, const struct fault *fault);
void expand_offline_begin(struct model *model, const struct fault *fault);
void expand_impatient_begin(struct model *model, const struct fault *fault);
void expand_race_begin(struct model *model, const struct fault *fault);
void delete_request_begin(struct model *model, const struct fault *fault);
void fill_begin(struct model *model, const struct fault *fault);
void storage_fails_begin(struct model *model, const struct fault *fault);
void storage_fails_end(struct model *model, const struct fault *fault);

/* ---- Pods (kubelet.c) ---- */
void kubelet_begin(struct model *model);
/* kubectl delete pod, gracefully or with --force --grace-period=0; `hook`: the hand-over webhook is asked first. */
void pod_delete(struct model *model, int slot, bool force);
void pod_kill_container(struct model *model, int slot);
void node_down(struct model *model, int node, bool down);
/* The published policy's hook (pre_stop.c): how long SQL Server goes on until it is told to end. */
int64_t pre_stop(struct model *model, const struct process *process);
void pod_name(int slot, char name[NAME_SIZE]);
int pod_slot(const char *name); /* -1: not one of ours */

/* ---- Controllers (controller.c and others) ---- */

struct server_state {
	char pod[NAME_SIZE]; /* uid of whom all this is about */
	struct observed *observed;
	int64_t seen_at; /* model time at which it was asked for */
	uint64_t probe;  /* under way; 0: none */
	int64_t probe_asked, next_probe, silent_since;
	int unanswered;
	bool failed, refuses_login;
	int failure_kind, failure_number;
	char failure_text[200];
	uint64_t busy;      /* job under way; 0: none */
	bool hides;         /* … that makes what was seen before worthless */
	int64_t changed_at; /* when our last change was over */
	int diagnostics[DIAGNOSTICS];
	int64_t diagnostics_at, last_write_ok;
	int write_failures, write_failure_number;
	char write_failure_text[100];
	int64_t loose_generation;                  /* of a batch whose answer never came */
	bool pretends_stopped, pretends_suspended; /* mutations no_fence, no_suspension */
};
struct observed {
	struct arena arena;
	struct sql_observation observation;
};

struct controller {
	int index;
	bool alive, frozen;
	int64_t life;  /* counts restarts; what belongs to an earlier one is dropped */
	int64_t clock; /* added to model time for its monotonic clock */
	int64_t wall_offset;
	int64_t tenure; /* counts times that its identity changed */
	char identity[NAME_SIZE];
	bool leads;
	int64_t renewed;       /* when the last successful renewal was sent */
	int64_t lease_seen;    /* renewals of the lease when last read … */
	int64_t lease_changed; /* … and when that was different */
	bool lease_request;    /* under way */

	struct cluster cache;
	uint64_t applied;             /* number of the last change that the watch has shown */
	struct change *watch;         /* changes on their way, the oldest first: none overtakes another */
	struct json_object *answered; /* of our last write: shown until the cache has caught up */
	int64_t answered_revision;

	struct spec spec;
	struct json_object *spec_object; /* that spec was read from */
	struct json_object *children;    /* desired, of that spec */
	uint64_t *child_hashes;
	char volume_size[NAME_SIZE]; /* that they were made with */

	struct scratch scratch;
	struct published published; /* while the published policy decides */
	struct server_state servers[SLOTS];
	struct attempts {
		struct attempt *list; /* times are monotonic milliseconds of the controller */
		size_t count;
	} attempts;
	uint64_t status_write; /* job under way; 0: none */
	struct busy {
		uint64_t job; /* 0: it is done, and the watch has to show it yet */
		uint64_t settles_with;
		int64_t settles_by;
		char key[100];
	} busy[64];
	size_t busy_count;
	int64_t pass_at;    /* scheduled; INT64_MAX: none */
	int64_t look_at;    /* when all servers are asked again */
	int64_t written_at; /* the primary's log was last seen to have grown then */
	bool listed;        /* the cache is filled */
	struct event *held; /* what arrived while it was frozen */
	size_t held_count;
	const char *state;
};

void controller_start(struct model *model, int index);
void controller_kill(struct model *model, int index);
void controller_freeze(struct model *model, int index, bool frozen);
/* An outcome is unknown: whatever comes later may still land, so everything from now on has a generation of its own. */
void controller_new_tenure(struct model *model, struct controller *controller);
/* A pass, soon. */
void controller_wake(struct model *model, struct controller *controller, int64_t delay);
bool controller_holds(struct controller *controller, struct event *event);
bool controller_may_act(const struct model *model, const struct controller *controller);
struct controller *controller_of(struct model *model, int64_t index, int64_t life);

void attempts_free(struct attempts *attempts);
uint64_t child_hash(const struct json_object *json);
void child_name(const struct json_object *json, char name[80]); /* Kind/name */

void controller_follow_pods(struct model *model, struct controller *controller);
void controller_probe(struct model *model, struct controller *controller, int slot);
void controller_act(struct model *model, struct controller *controller, const struct plan *plan,
                    const struct record *record);
/* One action, on the API. */
void controller_do(struct model *model, struct controller *controller, const struct action *action);
/* Ends requests whose object is gone. */
void controller_end_requests(struct model *model, struct controller *controller);
/* Fills a view; texts are borrowed from the controller and `arena`. -1: there is nothing to look at. */
int view_fill(struct model *model, struct controller *controller, struct arena *arena, struct record *record,
              struct view *view);
const struct json_object *controller_object(const struct controller *controller, int64_t *revision);

/* ---- Clients (clients.c) ---- */

enum row_state { ROW_UNSENT, ROW_PENDING, ROW_UNKNOWN, ROW_FAILED, ROW_ACKNOWLEDGED };
enum { ROWS = 4096 };
struct row {
	unsigned char state, database;
	int slot;
	int64_t at;
};
struct clients {
	struct row rows[ROWS];
	int count, acknowledged;
	bool stop;
	int quiet; /* databases, the first of them, that nobody writes to */
	bool table_ready[DATABASES];
	int64_t last_ack, longest_gap;
	/* Of others than this process: the first row that was acknowledged; 0: none yet. */
	uint64_t lost_primary;
	int64_t first_elsewhere;
};
void clients_begin(struct model *model);
/* How many acknowledged rows `process` lacks; the first of them in *row. -1: it cannot be read. */
int clients_missing(struct model *model, struct process *process, int *row);
bool clients_tables_ready(const struct model *model);

/* ---- What happens in a run (runs.c, faults.c) ---- */

struct configuration {
	int replicas, databases, required; /* -1: strict */
	bool synchronous[SLOTS], candidate[SLOTS];
	bool mssqlserver;
	int silence_s;
	struct sim_settings settings;
	int controllers, clients;
	int64_t write_every;
	int watch_lag_ms;
	bool has_webhook;
	bool has_sizes; /* volumes grow, run full, and tell of it */
	enum driver driver;
	bool only_service; /* every client writes through the primary's Service */
	bool has_haste; /* a group that is written to is looked at more often, as the engine does: else faults have it
	                   easier */
	bool in_order;  /* no message between two servers overtakes another: else what was overtaken is lost */
};

struct fault {
	int kind;         /* place in fault_rows */
	int64_t at, span; /* microseconds after the group was up */
	int a, b;         /* slots; WHO_PRIMARY: whoever is primary when it begins */
	bool off;         /* left out while shrinking */
};
enum { WHO_PRIMARY = -1, WHO_SECONDARY = -2 };
struct fault_row {
	const char *name;
	int weight; /* in random runs */
	/* `fault` has slots for whoever it meets; `end` gets the same. */
	void (*begin)(struct model *model, const struct fault *fault);
	void (*end)(struct model *model, const struct fault *fault);
};
extern const struct fault_row fault_rows[];
extern const size_t fault_row_count;
int fault_kind(const char *name);
/* From now on; at once if its time is over. */
void fault_schedule(struct model *model, const struct fault *fault);
void faults_heal(struct model *model);
/* The slot of the recorded primary, or of any that is PRIMARY; -1: there is none. */
int primary_slot(struct model *model);

struct verdict {
	bool violated;
	char rule[16], text[400];
	int64_t at;
};
void violate(struct model *model, const char *rule, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Something that is stopped at: the k-th action, in one of three phases (boundaries.c). */
enum boundary_phase { BEFORE_ACTION, AFTER_ACTION, AT_ANSWER, BOUNDARY_PHASES };
struct boundary {
	int64_t at; /* -1: none */
	enum boundary_phase phase;
	int64_t count; /* actions so far */
	bool hit;
};
void boundary_reached(struct model *model, struct controller *controller, int64_t number, enum boundary_phase phase);

/* Who decides: agkeeper, or for comparison the policy of published_policy.h. */
enum policy { POLICY_AGKEEPER, POLICY_PUBLISHED, POLICIES };

struct model {
	int64_t now;
	int64_t whole_since; /* 0: it is not */
	uint64_t steps, order, numbers, passes;
	struct dice dice;
	struct dice storage_dice; /* of its own, so that runs without expansions are what they were */
	struct event *events;
	size_t event_count, event_size;
	const struct configuration *configuration;
	enum mutation mutation;
	enum policy policy;
	int64_t failover_sent; /* when the first FAILOVER left the controller; 0: none has */
	int losses;            /* rules that the published policy broke, of those that apply to it */
	struct network network;
	int64_t letter_due[NODES][NODES];
	struct process *processes[64];
	size_t process_count;
	struct volume *volumes[64];
	size_t volume_count;
	struct cluster cluster;
	struct lease lease;
	bool api_down;
	bool no_restarts;                                        /* kubelets start nothing new */
	bool storage_fails;                                      /* the driver makes nothing larger */
	int requests_made, requests_deleted, requests_of_people; /* the last: after all faults were over */
	bool has_faults;                                         /* others than the controller's death in a script */
	int64_t number_arrives_at; /* the next SET_REQUIRED is kept by the network until then; 0: it is not */
	int misses_number;         /* slot + 1: the next SET_REQUIRED does not reach this secondary; 0: none */
	struct {
		struct sim_disk *disk; /* owned; NULL: there is none */
		int slot;
	} snapshot;
	bool kubelet_cut[NODES], node_is_down[NODES];
	int64_t watch_stalled_until[CONTROLLERS];
	bool slow_watch;   /* all changes take seconds to be seen */
	bool slow_answers; /* those of probes, on their way back */
	struct controller controllers[CONTROLLERS];
	struct clients clients;
	struct boundary boundary;
	struct verdict verdict;
	bool healed, check_probes;
	bool keeps_timeline;
	struct strbuf timeline;
	struct arena arena;                      /* lives as long as the run */
	struct endpoint_certificate certificate; /* of the own Secret */
	/* Of invariants. */
	char newest_fork[DATABASES][NAME_SIZE]; /* on which was acknowledged last */
	char group_id[NAME_SIZE];
	/* The last commit that was acknowledged: where it is in the log. */
	struct {
		uint64_t position;
		char fork[NAME_SIZE];
	} acked[DATABASES];
	/* The record as it is stored: what it claims is checked at every acknowledgement. */
	struct claims {
		bool known;
		int primary, required;
		int promised;         /* r when the intent was opened; -1: there is none */
		int64_t intent_since; /* when it was seen first */
		int64_t epoch, generation;
		size_t count;
		int slots[SLOTS];
		char incarnations[SLOTS][NAME_SIZE];
		bool databases[DATABASES]; /* recorded */
	} claims;
	int drops[SLOTS], volumes_lost;
	int64_t fenced_at[SLOTS]; /* its endpoint was last told to stop then */
	bool force_allowed, is_deleted;
	/* Of a script with expansions: how far it is, and what was there when it began. */
	int stage;
	struct beginning {
		char pods[SLOTS][NAME_SIZE];
		int64_t restarts[SLOTS], epoch;
	} beginning;
	uint64_t probes;
	struct action_tally {
		uint64_t count, failed;
	} tally[ACTION_TYPES];
};

struct model *model_new(const struct configuration *configuration, uint64_t seed, enum mutation mutation);
void model_free(struct model *model);
/* Lets time pass; stops at a violation. */
void model_run(struct model *model, int64_t microseconds);
/* Until `condition` holds, for so long at most. */
bool model_until(struct model *model, bool (*condition)(struct model *model), int64_t microseconds);

/* ---- What must hold (invariants.c) ---- */

void note_state(struct model *model);
void check_acknowledged(struct model *model, struct process *process, int row);
void check_statement(struct model *model, const struct controller *controller, struct process *process,
                     const struct action *action, int64_t generation, const char *batch);
/* The group is whole: one primary, everybody synchronized, labels right, Ready. `why` says what is missing. */
/* Before an action leaves the controller; after a status was stored. */
void check_action(struct model *model, const struct controller *controller, const struct action *action);
void check_status(struct model *model, const struct json_object *object);
void volume_keep_logs(struct process *process);
void volume_free(struct volume *volume);
bool is_converged(struct model *model, char why[200]);
/* Expansions (invariants_volumes.c). */
void check_request(struct model *model, const struct json_object *before, const struct json_object *after);
void check_claim_size(struct model *model, int slot, int64_t size);
void check_pod_taken(struct model *model, const struct controller *controller, const struct action *action);
bool volumes_fit(struct model *model, char why[200]);
bool is_synchronized_to(struct model *model, int slot);
bool group_is_whole(struct model *model);
/* The only primary's own view: every other replica commits as it shall, and has everything. */
bool all_are_synchronized(struct model *model);
/* I1: reads back what was acknowledged. False: nobody can be asked just now. */
bool check_rows(struct model *model);

#endif

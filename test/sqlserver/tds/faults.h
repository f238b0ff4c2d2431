/* What is wrong with the network, as a file tells that is read anew whenever it has changed: lines of
 *
 *   cut FROM TO       what the endpoint at address FROM sends to the one at TO is lost, without anybody being told
 *   clients ADDRESS   clients get no answer from the server at ADDRESS, nor a refusal
 */
#ifndef TDS_FAULTS_H
#define TDS_FAULTS_H

#include <stdbool.h>

struct faults;

/* `file` is borrowed; NULL: nothing is ever wrong. */
struct faults *faults_new(const char *file);
void faults_free(struct faults *faults);

/* Reads the file again if it has changed: cheap, for every round of a loop. */
void faults_refresh(struct faults *faults);

bool faults_cut(const struct faults *faults, const char *from, const char *to);
bool faults_cut_clients(const struct faults *faults, const char *address);

#endif

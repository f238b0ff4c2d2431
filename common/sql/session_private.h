/* Between sql/library.c and sql/session.c. */
#ifndef AGKEEPER_SQL_SESSION_PRIVATE_H
#define AGKEEPER_SQL_SESSION_PRIVATE_H

/* db-lib's handlers are the process's: they find their session by the thread that calls. */
void sql_session_install_handlers(void);

#endif

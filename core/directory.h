/*
 * directory: people wherever an account finds them: in global address lists, in its own contacts,
 * and in the LDAP server of its domain.
 *
 * A person whom several know by one address is told once. An LDAP server that does not answer is
 * logged, and the others are told all the same. Thread: the call's.
 */
#ifndef EASEL_CORE_DIRECTORY_H
#define EASEL_CORE_DIRECTORY_H

#include "core/call.h"
#include "store/people.h"

/* Most people that are looked at when an LDAP server is asked too. */
enum { DIRECTORY_MOST = 100 };

/* As people_find(), for the call's account; q->account is set here. */
bool directory_find(struct call *c, const struct people_question *q, struct people *out);

#endif

/*
 * discovery: what clients are told of the server before anybody has logged in: Autodiscover v2
 * (autodiscover.json), Thunderbird's autoconfig, Apple's configuration profile, /.well-known
 * (RFC 6764).
 *
 * All of it follows from the domain of an address alone (easel.protocol), so that nobody learns
 * from it which addresses exist.
 */
#ifndef EASEL_CORE_DISCOVERY_H
#define EASEL_CORE_DISCOVERY_H

#include "core/base/str.h"
#include "core/request.h"

struct arena;
struct call;

/* Answers a request to one of the endpoints without a login. */
void discovery_answer(struct call *c);

/*
 * The name, with its port, under which the client found this server, when it is one; else the
 * domain of the address.
 */
struct str discovery_host(struct arena *a, const struct request *rq, struct str address);

#endif

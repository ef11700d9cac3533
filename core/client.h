/*
 * client: what truly has to be known of a client program, found from its DeviceType and User-Agent.
 *
 * Most peculiarities are met by answers that are right for everybody; only what is left stands in
 * clients.def. Thread: any.
 */
#ifndef EASEL_CORE_CLIENT_H
#define EASEL_CORE_CLIENT_H

#include "core/base/str.h"

enum client_traits {
	/* An empty Picture in a contact means nothing, and does not remove it. */
	CLIENT_EMPTY_PICTURE_KEEPS = 1,
	/* Birthdays are read, and sent, at this time in UTC; at 11:59 when none is set. */
	CLIENT_BIRTHDAY_0000 = 2,
	CLIENT_BIRTHDAY_0800 = 4,
	CLIENT_BIRTHDAY_1100 = 8
};

/* The traits of a client; 0 when it is not known. Either text may be empty. */
unsigned client_traits(struct str device_type, struct str user_agent);

#endif
